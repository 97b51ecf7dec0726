"""Predictions do not depend on the unit of the data; for powers of two they have the same bits.

Oracle: the same estimator on the same data in other units, other containers or other batches.
"""

import itertools
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import rankdata

from pcnet import Chunks, PCClassifier, PCRegressor
from pcnet._data.rows import DenseRows, SparseRows
from pcnet._data.scaling import combine, measure, scaling_of, target_scaling
from pcnet.exceptions import FeatureScaleWarning

from ..estimators.support import ESTIMATORS, assert_same_bits, data_for, small
from ..helpers import peak_of

KINDS = ("standard", "max")
LOSSES = {PCClassifier: ("squared_error", "log_loss"), PCRegressor: ("squared_error", "huber")}
# 2^-996 and 2^996 are about 1e-300 and 1e300
exponents = st.integers(-996, 996)
kinds = st.sampled_from(KINDS)
estimators = st.sampled_from(ESTIMATORS)
dtypes = st.sampled_from(["float32", "float64"])


def tiny(Estimator, **arguments):
    return small(Estimator, hidden_layer_sizes=(4,), max_iter=2, **arguments)


def outputs(model, X):
    """Everything that a fitted estimator computes from features."""
    return model.decision_function(X) if isinstance(model, PCClassifier) else model.predict(X)


# ---------------------------------------------------------------- units of the features


@given(
    Estimator=estimators,
    kind=kinds,
    dtype=dtypes,
    powers=st.lists(exponents, min_size=6, max_size=6),
)
def test_columns_times_powers_of_two(Estimator, kind, dtype, powers):
    X, y = data_for(Estimator, 60)
    X[:, 4] = 3.7  # constant
    X[:, 5] = 3.7 + 1e-15 * (X[:, 0] > 0)  # but for rounding
    unit = np.ldexp(1.0, powers)
    models = [tiny(Estimator, input_scaling=kind, dtype=dtype) for _ in range(2)]
    models[0].fit(X[:40], y[:40])
    models[1].fit(X[:40] * unit, y[:40])
    assert_same_bits(*models)
    np.testing.assert_array_equal(outputs(models[0], X), outputs(models[1], X * unit))
    np.testing.assert_array_equal(models[0].input_scale_[:4] * unit[:4], models[1].input_scale_[:4])


@given(Estimator=estimators, kind=kinds, powers=st.lists(exponents, min_size=6, max_size=6))
def test_columns_times_powers_of_two_in_partial_fit(Estimator, kind, powers):
    X, y = data_for(Estimator, 60)
    unit = np.ldexp(1.0, powers)
    classes = {"classes": [0, 1, 2]} if Estimator is PCClassifier else {}
    models = [tiny(Estimator, input_scaling=kind) for _ in range(2)]
    for part in np.split(np.arange(60), [1, 4, 30, 31]):
        models[0].partial_fit(X[part], y[part], **classes)
        models[1].partial_fit(X[part] * unit, y[part], **classes)
    assert_same_bits(*models)


@given(unit=st.floats(1e-290, 1e290), kind=kinds)
def test_columns_in_other_units_agree_up_to_rounding(unit, kind):
    X, y = data_for(PCRegressor, 60)
    models = [tiny(PCRegressor, input_scaling=kind, activation="tanh") for _ in range(2)]
    predicted = [model.fit(Z, y).predict(Z) for model, Z in zip(models, (X, X * unit))]
    np.testing.assert_allclose(*predicted, rtol=1e-9)


@given(Estimator=estimators, offset=st.floats(-1e9, 1e9), dtype=dtypes)
def test_shifted_features_give_the_same_predictions(Estimator, offset, dtype):
    """float64 resolves 1e-7 at 1e9."""
    X, y = data_for(Estimator, 60)
    models = [
        tiny(Estimator, input_scaling="standard", dtype=dtype, activation="tanh") for _ in range(2)
    ]
    models[0].fit(X, y)
    models[1].fit(X + offset, y)
    first, second = outputs(models[0], X), outputs(models[1], X + offset)
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [None, "float32", "float64"])
def test_timestamps_and_map_coordinates(dtype):
    """Values whose differences float32 cannot hold: seconds since 1970, metres in a UTM zone."""
    rng = np.random.default_rng(0)
    X = np.c_[1.7e9 + 100 * rng.random(400), 5.3e6 + rng.random(400)]
    y = np.sin(X[:, 0] / 20) + (X[:, 1] - 5.3e6)
    model = PCRegressor((32,), input_scaling="standard", dtype=dtype, max_iter=60, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.98


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e-20, 1e3, 1e20])
def test_scale_warning_works_in_any_unit(unit):
    X, y = data_for(PCRegressor, 60)
    with pytest.warns(FeatureScaleWarning, match="far from unit scale"):
        tiny(PCRegressor, learning_rate_init=1e-300).fit(unit * X, y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", ["uint8", "float64"])
def test_scaling_makes_no_copy_of_the_data(stored, kind):
    X = np.random.default_rng(0).integers(0, 9, (6000, 400)).astype(stored)
    y = np.arange(6000) % 2
    options = {"input_scaling": kind, "dtype": "float32", "max_iter": 1, "early_stopping": True}
    model = small(PCClassifier, **options)
    weight = 1.0 * (np.arange(6000) % 5 > 0)
    model.fit(X[:100], y[:100])  # what the first use imports
    copy = 4 * X.size  # of float32
    assert peak_of(lambda: model.fit(X, y, weight)) < 0.45 * copy
    assert peak_of(lambda: model.predict(X)) < 0.45 * copy


def test_values_beyond_float32_are_scaled_first():
    X, y = data_for(PCRegressor, 60)
    for unit in (1e-300, 1e-50, 1e50, 1e300):
        model = tiny(PCRegressor, input_scaling="standard", dtype="float32").fit(unit * X, y)
        plain = tiny(PCRegressor, input_scaling="standard", dtype="float32").fit(X, y)
        np.testing.assert_allclose(model.predict(unit * X), plain.predict(X), rtol=1e-5)


@given(data=st.data())
def test_statistics_of_parts_combine_to_those_of_the_whole(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    X = rng.standard_normal((30, 3)) * [1e-200, 1.0, 1e200] + [0.0, 1e6, 1e200]
    X[:, 1] = np.round(X[:, 1])
    cut = data.draw(st.integers(1, 29))
    whole = measure(DenseRows(X))
    parts = combine(measure(DenseRows(X[:cut])), measure(DenseRows(X[cut:])))
    assert parts.n == whole.n
    for name in ("low", "high", "mean", "std"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9)


# ---------------------------------------------------------------- containers


def as_misaligned(X):
    raw = np.frombuffer(b"x" + X.tobytes(), X.dtype, offset=1) if X.size else X
    return raw.reshape(X.shape)


def as_frame(X):
    return pytest.importorskip("pandas").DataFrame(X)


CONTAINERS = {
    "list": np.ndarray.tolist,
    "frame": as_frame,
    "fortran": np.asfortranarray,
    "read-only": lambda X: np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape),
    "misaligned": as_misaligned,
    "swapped bytes": lambda X: X.astype(X.dtype.newbyteorder()),
    "chunks": lambda X: Chunks(np.split(X, [20, 50])),
    "misaligned chunks": lambda X: Chunks([as_misaligned(part) for part in np.split(X, [20])]),
    "mixed chunks": lambda X: Chunks([X[:30].astype(np.int16), X[30:]]),
    "csr": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_matrix,
}
TYPES = ("uint8", "int8", "int16", "uint32", "int64", "float16", "float32", "float64")


@pytest.mark.covering(2)
@pytest.mark.parametrize(
    ("container", "stored", "kind"),
    [
        (container, stored, kind)
        for container, stored, kind in itertools.product(CONTAINERS, TYPES, (*KINDS, None))
        # SciPy has no float16; sparse data are not centred, see below
        if container not in ("csr", "csc") or (stored != "float16" and kind != "standard")
    ],
)
def test_containers_of_the_same_values_agree(container, stored, kind):
    X = np.random.default_rng(0).integers(0, 100, (80, 5))
    X[:, 4] = 7
    y = X[:, 0] > X[:, 1]
    options = {"input_scaling": kind, "dtype": "float32", "learning_rate_init": 1e-4}
    other = CONTAINERS[container](X.astype(stored))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # unscaled features
        models = [tiny(PCClassifier, **options) for _ in range(2)]
        models[0].fit(X.astype(np.float64), y, validation_data=(X, y))
        models[1].fit(other, y, validation_data=(other, y))
    assert_same_bits(*models)
    assert models[0].validation_loss_curve_ == models[1].validation_loss_curve_
    for method in ("predict_proba", "transform", "score_samples"):
        got, wanted = getattr(models[1], method)(other), getattr(models[0], method)(X)
        np.testing.assert_array_equal(got, wanted)


@given(seed=st.integers(0, 100), power=exponents)
def test_sparse_columns_are_divided_as_dense_ones(seed, power):
    rng = np.random.default_rng(seed)
    X = np.ldexp(rng.standard_normal((30, 4)) * (rng.random((30, 4)) < 0.4), power)
    X[:, 3] = X[0, 0]
    weight = rng.integers(0, 3, 30)
    assume(weight.any())
    dense, sparse = DenseRows(X), SparseRows(scipy.sparse.csc_array(X))
    for kind in KINDS:
        scales = [
            scaling_of(measure(rows, weight), kind, centred=False)[1] for rows in (dense, sparse)
        ]
        np.testing.assert_allclose(*scales, rtol=1e-12)


# ---------------------------------------------------------------- weights


def weighted(Estimator, weight, loss, how):
    X, y = data_for(Estimator, 60)
    arguments = {"loss": loss, "input_scaling": "standard"}
    if how == "early stopping":
        arguments["early_stopping"] = True
    if how == "scorers":
        scoring = "r2" if Estimator is PCRegressor else "accuracy"
        arguments |= {"early_stopping": True, "scoring": scoring}
    if how == "class weights" and Estimator is PCClassifier:
        arguments["class_weight"] = {0: 3.0, 2: 0.7}
    if how == "balanced" and Estimator is PCClassifier:
        arguments["class_weight"] = "balanced"
    model = tiny(Estimator, **arguments)
    if how == "validation set":
        return model.fit(X, y, weight, validation_data=(X, y, weight))
    if how == "partial_fit":
        classes = {"classes": [0, 1, 2]} if Estimator is PCClassifier else {}
        for part in np.split(np.arange(60), [1, 20]):
            model.partial_fit(X[part], y[part], weight[part], **classes)
        return model
    return model.fit(X, y, weight)


HOW = ("fit", "partial_fit", "early stopping", "scorers", "class weights", "balanced")
HOW += ("validation set",)


@given(Estimator=estimators, how=st.sampled_from(HOW), power=exponents, data=st.data())
def test_weights_times_powers_of_two(Estimator, how, power, data):
    loss = data.draw(st.sampled_from(LOSSES[Estimator]))
    weight = np.random.default_rng(0).uniform(0.5, 2, 60)
    models = [weighted(Estimator, w, loss, how) for w in (weight, np.ldexp(weight, power))]
    assert_same_bits(*models)
    assert models[0].loss_curve_ == models[1].loss_curve_
    assert models[0].validation_scores_ == models[1].validation_scores_
    assert models[0].validation_loss_curve_ == models[1].validation_loss_curve_


@given(
    Estimator=estimators, how=st.sampled_from(HOW), unit=st.floats(1e-290, 1e307), data=st.data()
)
def test_weights_in_any_other_unit(Estimator, how, unit, data):
    """Equal weights, whose medians lie between two samples, among them."""
    loss = data.draw(st.sampled_from(LOSSES[Estimator]))
    weight = data.draw(st.sampled_from([np.ones(60), 1.0 + np.arange(60) % 2]))
    models = [weighted(Estimator, w, loss, how) for w in (weight, unit * weight)]
    for a, b in zip(models[0].coefs_, models[1].coefs_):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


@given(
    data=st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4)), min_size=1, max_size=12),
    loss=st.sampled_from(["squared_error", "huber", "poisson"]),
    unit=st.floats(1e-280, 1e280),
)
def test_weights_of_target_statistics_are_repetitions(data, loss, unit):
    values, weight = (np.array(column, dtype=float) for column in zip(*data))
    values = np.abs(values) if loss == "poisson" else values
    assume(weight.any())
    assume(loss != "poisson" or (values * weight).any())
    repeated = np.repeat(values, weight.astype(int))[:, None]
    found = target_scaling(values[:, None], unit * weight, loss)
    np.testing.assert_allclose(found, target_scaling(repeated, None, loss), rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- units of the targets


@given(loss=st.sampled_from(["squared_error", "huber", "poisson"]), power=exponents, dtype=dtypes)
def test_targets_times_powers_of_two(loss, power, dtype):
    X, y = data_for(PCRegressor, 60)
    y = np.c_[y, np.abs(y) ** 2]
    models = [tiny(PCRegressor, loss=loss, dtype=dtype) for _ in range(2)]
    models[0].fit(X, y)
    models[1].fit(X, np.ldexp(y, power))
    assert_same_bits(*models)
    first, second = (model.predict(X) for model in models)
    exact = first.dtype == second.dtype == np.float64
    np.testing.assert_allclose(
        np.ldexp(second.astype(float), -power), first, rtol=0 if exact else 1e-6
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e3, 1e17, 1e30, 1e60, 1e300])
def test_outliers_of_any_size_do_not_change_huber(size, dtype):
    X, y = data_for(PCRegressor, 200)
    outliers = y.copy()
    outliers[5] = size
    model = small(PCRegressor, loss="huber", dtype=dtype, max_iter=20).fit(X, outliers)
    plain = small(PCRegressor, loss="huber", dtype=dtype, max_iter=20).fit(X, y)
    others = np.arange(200) != 5
    assert model.score(X[others], y[others]) > plain.score(X[others], y[others]) - 0.05
    assert model.y_scale_[0] == pytest.approx(plain.y_scale_[0], rel=0.1)


@pytest.mark.covering(2)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scoring", [None, "r2"])
@pytest.mark.parametrize("offset", [0.0, 1e5, -1e9, 1e12])
def test_scores_of_targets_with_an_offset(offset, scoring, dtype):
    """`score` equals the score that early stopping measured, and does not depend on the offset."""
    X, y = data_for(PCRegressor, 300)
    X = X.astype(dtype)
    options = {"early_stopping": True, "max_iter": 20, "scoring": scoring}
    model = small(PCRegressor, **options).fit(X, y + offset, validation_data=(X, y + offset))
    score = model.score(X, y + offset)
    assert score == pytest.approx(model.best_validation_score_, abs=1e-5)
    plain = small(PCRegressor, **options).fit(X, y, validation_data=(X, y))
    assert score == pytest.approx(plain.score(X, y), abs=0.02)


@given(offset=st.floats(-1e300, 1e300), dtype=dtypes)
def test_constant_targets_are_predicted(offset, dtype):
    X, _ = data_for(PCRegressor, 40)
    X = X.astype(dtype)
    predicted = tiny(PCRegressor).fit(X, np.full(40, offset)).predict(X)
    np.testing.assert_allclose(predicted, offset, rtol=1e-6, atol=min(1.0, abs(offset) or 1.0))


# ---------------------------------------------------------------- the first calls of partial_fit


@pytest.mark.covering(1)
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize(
    "first", [1, 2, 5, "constant", pytest.param("rows", marks=pytest.mark.slow)]
)
def test_small_and_large_first_calls_reach_the_same_score(first, loss):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((1000, 4))
    X = Z * [1.0, 10.0, 0.01, 1000.0] + [0.0, 50.0, 4.0, 1e5]
    y = 1e4 + 500 * (Z[:, 0] + np.sin(2 * Z[:, 1]))
    held, X_held, y_held = slice(0, 768), X[768:], y[768:]
    X, y = X[held], y[held]

    def score(cuts):
        model = small(PCRegressor, loss=loss, input_scaling="standard", learning_rate_init=0.005)
        model.set_params(alpha=1.0)  # as by default: without decay row by row, weights grow
        if first == "constant" and cuts is not even:
            model.partial_fit(np.repeat(X[:1], 64, axis=0), np.repeat(y[:1], 64))
        for _ in range(2 if first == "rows" else 4):
            for part in np.split(np.arange(768), cuts):
                model.partial_fit(X[part], y[part])
        return model.score(X_held, y_held)

    even = list(range(64, 768, 64))
    cuts = {"constant": list(even), "rows": list(range(1, 768))}.get(first)
    assert score([first, *even] if cuts is None else cuts) > score(even) - 0.05 > 0.5


@given(cuts=st.lists(st.integers(1, 69), unique=True, max_size=8).map(sorted), kind=kinds)
def test_small_first_calls_measure_like_one_call(cuts, kind):
    """Until 32 rows; here all rows together are no more than those and a last call."""
    X, y = data_for(PCRegressor, 70)
    cuts = [c for c in cuts if c < 32] + [32]
    model = tiny(PCRegressor, input_scaling=kind)
    for part in np.split(np.arange(70), cuts):
        model.partial_fit(X[part], y[part])
    whole = tiny(PCRegressor, input_scaling=kind).partial_fit(X[:32], y[:32])
    if len(cuts) > 1 and cuts[0] == 1:
        # a single row does not vary: rows count from the next call on
        whole = tiny(PCRegressor, input_scaling=kind).partial_fit(X, y)
        if kind == "max":
            return
    names = ["y_mean_", "y_scale_", "input_scale_"]
    for name in names + ["input_mean_"] * (kind == "standard"):
        np.testing.assert_allclose(getattr(model, name), getattr(whole, name), rtol=1e-9)


def test_columns_constant_in_the_first_calls():
    X, y = data_for(PCRegressor, 200)
    X[:100, 1] = 5.0
    Y = np.c_[y, y]
    Y[:100, 1] = -3.0
    model = small(PCRegressor, input_scaling="standard", random_state=1)
    model.partial_fit(X[:100], Y[:100])
    scale = model.input_scale_.copy(), model.y_scale_.copy()
    np.testing.assert_array_equal(model.predict(X)[:, 1].round(), -3)
    model.partial_fit(X[100:], Y[100:])
    np.testing.assert_allclose(model.input_scale_[1], X[:, 1].std())
    np.testing.assert_allclose(model.y_mean_[1], Y[:, 1].mean())
    np.testing.assert_allclose(model.y_scale_[1], Y[:, 1].std())
    # the others were fixed by the first call
    np.testing.assert_array_equal(model.input_scale_[[0, 2, 3, 4, 5]], scale[0][[0, 2, 3, 4, 5]])
    assert model.y_scale_[0] == scale[1][0]
    fixed = model.input_scale_.copy()
    model.partial_fit(10 * X, 10 * Y)
    np.testing.assert_array_equal(model.input_scale_, fixed)
    assert not [v for name, v in vars(model).items() if name.startswith("_seen") and v is not None]


def test_counts_may_begin_with_zeros():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 3))
    y = rng.poisson(20 * np.exp(X[:, 0]))
    model = small(PCRegressor, loss="poisson", learning_rate_init=0.005)
    for rows in [[0], [1, 2], *np.split(np.arange(600), 12)]:
        model.partial_fit(X[rows], np.zeros(len(rows)) if len(rows) < 3 else y[rows])
    assert np.corrcoef(rankdata(model.predict(X)), rankdata(y))[0, 1] > 0.7
    assert 0.5 < model.predict(X).mean() / y.mean() < 2


def test_repeated_rows_do_not_change_the_statistics():
    """`fit` of k epochs stays k calls of `partial_fit`, for few rows and constant columns too."""
    X, y = data_for(PCRegressor, 12)
    X[:, 3] = 2.5
    model = small(PCRegressor, input_scaling="standard", learning_rate="constant", max_iter=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no convergence
        whole = small(PCRegressor, **model.get_params()).fit(X, y)
    for _ in range(5):
        model.partial_fit(X, y)
    assert_same_bits(model, whole)
