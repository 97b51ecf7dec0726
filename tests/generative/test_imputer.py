"""PCImputer: exact for linear networks; scikit-learn's contract; invariances; unusual data."""

import contextlib
import inspect
import io
import pickle
import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import pcnet
from pcnet import PCGenerative, PCImputer
from pcnet._core.binding import ACTIVATION_CODES as ACTIVATIONS
from pcnet.generative import Prior, infer_causes
from pcnet.inference import QuasiNewton

from .test_linear_networks import Gaussian

TIGHT = QuasiNewton(max_steps=1000, tol=1e-20, energy_tol=0)


def small(**arguments):
    defaults = {
        "n_components": 2,
        "hidden_layer_sizes": (8,),
        "max_iter": 3,
        "n_estimators": 2,
        "alpha": 1.0,
        "linear_share": 0.0,
    }
    return PCImputer(**{**defaults, "random_state": 0, **arguments})


def table(n_samples=60, n_columns=6, missing=0.25, seed=0, dtype=np.float64):
    """Columns that depend on two causes, with missing entries; column 0 is complete."""
    rng = np.random.default_rng(seed)
    X = np.tanh(rng.standard_normal((n_samples, 2)) @ rng.standard_normal((2, n_columns)))
    X = 5 + 3 * X + 0.1 * rng.standard_normal(X.shape)
    X[rng.random(X.shape) < missing] = np.nan
    X[:, 0] = rng.standard_normal(n_samples)
    return X.astype(dtype)


@parametrize_with_checks([small(), small(linear_share=1)])
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


def test_every_argument_is_constrained_and_documented():
    arguments = set(inspect.signature(PCImputer.__init__).parameters) - {"self"}
    assert set(PCImputer._parameter_constraints) == arguments
    for name in arguments:
        assert re.search(rf"^    {name} : .*default=", PCImputer.__doc__, re.MULTILINE), name
    fitted = small(add_indicator=True).fit(table())
    for name in (n for n in vars(fitted) if n.endswith("_") and not n.startswith("_")):
        assert re.search(rf"^    [\w, ]*\b{name}\b[\w, ]* : ", PCImputer.__doc__, re.MULTILINE), (
            name
        )


@pytest.mark.parametrize("hidden", [(), (5,), (7, 7)])
@pytest.mark.parametrize("n_estimators", [1, 3])
def test_linear_network_gives_the_conditional_mean(hidden, n_estimators):
    """mu_m + S_mo S_oo^-1 (x_o - mu_o) of the normal distribution that the network defines."""
    X = table()
    imputer = small(
        n_components=3,
        hidden_layer_sizes=hidden,
        activation="identity",
        dtype="float64",
        inference=TIGHT,
        n_estimators=n_estimators,
    ).fit(X)
    Z = (X - imputer.input_mean_) / imputer.input_scale_
    expected = np.zeros(X.shape)
    for net in imputer.networks_:
        exact = Gaussian(net, Prior(), imputer.output_precision)
        for row, z in enumerate(Z):
            expected[row] += exact.predictions(z, ~np.isnan(z)) / n_estimators
    expected = np.where(np.isnan(X), expected * imputer.input_scale_ + imputer.input_mean_, X)
    np.testing.assert_allclose(imputer.transform(X), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("own", ["float64", "float32"])
def test_observed_entries_keep_their_bits_and_dtype(dtype, own):
    X = table(dtype=dtype)
    X[1, 1] = -0.0
    filled = small(dtype=own).fit_transform(X)
    assert filled.dtype == dtype
    assert np.isfinite(filled).all()
    observed = ~np.isnan(X)
    assert filled[observed].tobytes() == X[observed].tobytes()


def test_imputations_are_near_the_values():
    full = table(400, 12, missing=0)
    missing = np.random.default_rng(1).random(full.shape) < 0.25
    missing[:, 0] = False
    X = np.where(missing, np.nan, full)

    def error(imputer):
        return np.sqrt(np.mean((imputer.fit_transform(X) - full)[missing] ** 2))

    own = error(PCImputer(random_state=0))
    assert own < 0.4 * error(SimpleImputer())
    assert own < 1.05 * error(KNNImputer())


@pytest.mark.parametrize("hidden", [(32,), (16, 16)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation, hidden):
    full = table(200, 12, missing=0)[:, 1:]
    missing = np.random.default_rng(1).random(full.shape) < 0.25
    X = np.where(missing, np.nan, full)
    imputer = PCImputer(
        hidden_layer_sizes=hidden,
        activation=activation,
        alpha=1.0,
        n_estimators=1,
        linear_share=0,
        random_state=0,
    )
    error = (imputer.fit_transform(X) - full)[missing] / full.std()
    assert np.sqrt(np.mean(error**2)) < 0.75


@pytest.mark.parametrize("linear_share", [0, 1])
def test_missing_entries_teach_nothing(linear_share):
    """Were they learned as means, predictions of half-empty columns would shrink."""
    full = table(300, 12, missing=0)[:, 1:]
    missing = np.random.default_rng(1).random(full.shape) < 0.6
    X = np.where(missing, np.nan, full)
    imputer = PCImputer(alpha=0.3, linear_share=linear_share, random_state=0)
    filled = imputer.fit_transform(X)
    slope = [np.polyfit(full[m, k], filled[m, k], 1)[0] for k, m in enumerate(missing.T)]
    assert 0.6 < np.mean(slope) < 1.2


def test_columns_are_standardised_by_their_observed_entries():
    X = table() * 1e3 + 7
    imputer = small(max_iter=1).fit(X)
    np.testing.assert_allclose(imputer.input_mean_, np.nanmean(X, axis=0), rtol=1e-12)
    np.testing.assert_allclose(imputer.input_scale_, np.nanstd(X, axis=0), rtol=1e-12)


def test_rows_are_imputed_independently_of_the_others():
    X = table(130)
    imputer = small(max_iter=5).fit(X)
    filled = imputer.transform(X)
    np.testing.assert_array_equal(imputer.transform(X[::-1]), filled[::-1])
    pieces = [imputer.transform(X[rows]) for rows in np.array_split(np.arange(130), [1, 8, 77])]
    np.testing.assert_array_equal(np.concatenate(pieces), filled)


def test_blocks_of_rows_do_not_change_the_result():
    X = table(4100)
    imputer = small(max_iter=1, n_estimators=1).fit(X[:100])
    filled = imputer.transform(X)
    np.testing.assert_array_equal(imputer.transform(X[2000:2200]), filled[2000:2200])
    np.testing.assert_array_equal(imputer.transform(X[4000:]), filled[4000:])


def test_same_bits_with_any_number_of_threads():
    X = table(300)
    results = []
    for n_threads in (1, 2, 3):
        with pcnet.set_num_threads(n_threads):
            results.append(small(max_iter=5).fit_transform(X))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_fit_transform_equals_fit_and_transform():
    X = table()
    np.testing.assert_array_equal(small().fit_transform(X), small().fit(X).transform(X))


def test_units_of_the_columns_do_not_matter():
    X = table()
    filled = small().fit_transform(X)
    powers = 2.0 ** np.arange(-20, 40, 10)
    np.testing.assert_array_equal(small().fit_transform(X * powers), filled * powers)
    scale, shift = np.array([1e-3, 3, 1e5, 7, 0.2, 1e9]), np.array([1, -5, 1e5, 0, 2, 1e9])
    moved = (small(dtype="float64").fit_transform(X * scale + shift) - shift) / scale
    np.testing.assert_allclose(moved, small(dtype="float64").fit_transform(X), rtol=0, atol=1e-6)


def test_fit_does_not_change_its_input():
    X = table()
    before = X.copy()
    small().fit(X).transform(X)
    np.testing.assert_array_equal(X, before)


def test_networks_infer_causes_of_columns_in_any_memory_order():
    X = table()
    imputer = small(n_estimators=1, inference=QuasiNewton(tol=1e-4)).fit(X)
    Z = ((X - imputer.input_mean_) / imputer.input_scale_).astype(np.float32)
    net = imputer.networks_[0]
    result = infer_causes(net, np.asfortranarray(Z), imputer.inference)
    expected = infer_causes(net, Z, imputer.inference)
    np.testing.assert_array_equal(result.causes, expected.causes)
    missing = np.isnan(X)
    own = result.activities[-1] * imputer.input_scale_ + imputer.input_mean_
    np.testing.assert_allclose(own[missing], imputer.transform(X)[missing], rtol=1e-3)


# ---------------------------------------------------------------- unusual columns and rows


@pytest.mark.parametrize("keep", [False, True])
def test_empty_columns(keep):
    X = table()
    X[:, 2] = np.nan
    imputer = small(keep_empty_features=keep)
    if keep:
        filled = imputer.fit_transform(X)
        assert (filled[:, 2] == 0).all()
        later = X.copy()
        later[3, 2] = 7
        assert imputer.transform(later)[3, 2] == 7
        assert imputer.transform(later)[4, 2] == 0
    else:
        with pytest.warns(UserWarning, match=r"columns \[2\] .* keep_empty_features"):
            filled = imputer.fit_transform(X)
        np.testing.assert_array_equal(
            imputer.get_feature_names_out(), ["x0", "x1", "x3", "x4", "x5"]
        )
        np.testing.assert_array_equal(filled[:, 0], X[:, 0])
    assert filled.shape == (60, 5 + keep)
    assert np.isfinite(filled).all()


def test_long_lists_of_columns_are_cut_short():
    X = table(n_columns=12)
    X[:, 3:] = np.nan
    for fit, error in ((small().fit, UserWarning), (PCGenerative(max_iter=1).fit, ValueError)):
        with pytest.raises(error, match=r"columns \[3, 4, 5, 6, 7 and 4 more\]"):
            fit(X)
    with pytest.raises(ValueError, match="all its entries are missing"):
        PCGenerative().fit(np.full((5, 300), np.nan))


def test_rows_without_observed_entries_get_the_prediction_for_the_mean_of_the_prior():
    X = table()
    X[:, 0] += 0.0
    imputer = small().fit(X)
    filled = imputer.transform(np.full((2, 6), np.nan))
    zero = np.zeros((1, 2), np.float32)
    output = np.mean([net.output(zero)[0] for net in imputer.networks_], axis=0)
    expected = output * imputer.input_scale_ + imputer.input_mean_
    np.testing.assert_allclose(filled, [expected, expected], rtol=1e-5)


def test_rows_without_observed_entries_in_fit_teach_nothing():
    X = table()
    more = np.vstack([X, np.full((7, 6), np.nan)])
    np.testing.assert_array_equal(small().fit(more).transform(X), small().fit(X).transform(X))


def test_constant_columns_are_filled_with_their_value():
    X = table()
    X[:, 1] = np.where(np.arange(60) % 3, 0.1, np.nan)
    X[:, 4] = np.nan
    X[5, 4] = 1e300  # the only entry
    imputer = small().fit(X)
    np.testing.assert_array_equal(imputer.columns_, [0, 2, 3, 5])
    filled = imputer.transform(X)
    assert (filled[:, 1] == 0.1).all()
    assert (filled[:, 4] == 1e300).all()


def test_table_of_constants_and_table_of_one_entry():
    imputer = small().fit([[1.0, np.nan], [1.0, 2.0]])
    assert imputer.networks_ == []
    assert imputer.n_iter_ == 0
    np.testing.assert_array_equal(imputer.transform([[np.nan, np.nan]]), [[1.0, 2.0]])
    np.testing.assert_array_equal(small().fit_transform([[3.0]]), [[3.0]])


def test_one_column_and_one_row():
    X = np.array([[1.0], [2.0], [np.nan], [4.0]])
    assert np.isfinite(small().fit_transform(X)).all()
    assert small().fit_transform(table(1)[:, :1]).shape == (1, 1)


def test_column_that_was_complete_in_fit_may_have_missing_entries_later():
    X = table()
    imputer = small().fit(X)
    X[:5, 0] = np.nan
    assert np.isfinite(imputer.transform(X)).all()


def test_table_without_missing_entries():
    X = table(missing=0)
    np.testing.assert_array_equal(small().fit_transform(X), X)


@pytest.mark.parametrize("value", [1e300, -1e300, 1e30, np.finfo(float).max])
def test_far_values_in_transform_give_finite_imputations(value):
    X = table()
    imputer = small().fit(X)
    X[0] = [value, np.nan, np.nan, 1, 2, np.nan]
    assert np.isfinite(imputer.transform(X)).all()


def test_columns_near_the_limits_of_floats():
    X = table()
    for unit in (1e307, 1e-300):
        filled = small().fit_transform(X * unit)
        np.testing.assert_allclose(filled / unit, small().fit_transform(X), rtol=1e-4)


@pytest.mark.parametrize("marker", [-1, 0, 999.5])
def test_other_missing_values_than_nan(marker):
    X = table()
    marked = np.where(np.isnan(X), marker, X)
    filled = small(missing_values=marker).fit_transform(marked)
    np.testing.assert_array_equal(filled, small().fit_transform(X))
    with pytest.raises(ValueError, match="NaN"):
        small(missing_values=marker).fit(X)


def test_integers_with_a_marker():
    X = np.random.default_rng(0).integers(0, 9, (40, 4))
    X[::3, 1] = -1
    filled = small(missing_values=-1).fit_transform(X)
    assert filled.dtype == np.float64
    np.testing.assert_array_equal(filled[X != -1], X[X != -1])
    assert (filled[::3, 1] != -1).all()


def test_objects_that_are_numbers():
    X = table()
    np.testing.assert_array_equal(small().fit_transform(X.astype(object)), small().fit_transform(X))
    X = X.astype(object)
    X[3, 3] = None
    assert np.isfinite(small().fit_transform(X)).all()


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (csr_array(np.eye(4)), TypeError, "sparse"),
        ([[np.inf, 1.0], [2.0, 3.0]], ValueError, "infinity"),
        ([[np.nan, np.nan]], ValueError, "must have an observed entry"),
        ([["a", 1.0], ["b", 2.0]], ValueError, "text"),
        (np.zeros((0, 3)), ValueError, "minimum of 1"),
    ],
)
def test_invalid_data(X, error, text):
    with pytest.raises(error, match=text):
        small().fit(X)
    fitted = small().fit(table(n_columns=2))
    before = pickle.dumps(fitted)
    with pytest.raises(error, match=text):
        fitted.fit(X)
    assert pickle.dumps(fitted) == before


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"inference": "error"}, "quasi_newton"),
        ({"inference": QuasiNewton(memory=99)}, "memory"),
        ({"dtype": "int8"}, "dtype"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"activation": ["tanh", "relu"]}, "activation"),
        ({"n_components": 0}, "n_components"),
        ({"missing_values": "x"}, "missing_values"),
    ],
)
def test_invalid_arguments(arguments, text):
    fitted = small().fit(table())
    before = {**vars(fitted), **arguments}
    with pytest.raises((ValueError, TypeError), match=text):
        fitted.set_params(**arguments).fit(table(n_columns=3))
    assert vars(fitted) == before


def test_divergence_leaves_the_imputer_unchanged():
    fitted = small().fit(table())
    before = dict(vars(fitted), learning_rate_init=1e38)
    with pytest.raises(FloatingPointError):
        fitted.set_params(learning_rate_init=1e38).fit(table(seed=1))
    assert vars(fitted) == before


def test_interrupted_fit_leaves_the_imputer_unchanged():
    fitted = small(random_state=np.random.RandomState(0)).fit(table())
    before, draws = dict(vars(fitted), verbose=1), fitted.random_state.get_state()[1].copy()

    class Interrupting(io.StringIO):
        def write(self, text):
            if "epoch 2" in text:
                raise KeyboardInterrupt
            return super().write(text)

    with pytest.raises(KeyboardInterrupt), contextlib.redirect_stdout(Interrupting()):
        fitted.set_params(verbose=1).fit(table(seed=1, n_columns=4))
    assert vars(fitted) == before
    np.testing.assert_array_equal(fitted.random_state.get_state()[1], draws)


def test_dtype_of_the_networks():
    X = table(dtype=np.float32)
    assert small().fit(X.astype(float)).networks_[0].dtype == np.float32
    assert small(dtype=None).fit(X).networks_[0].dtype == np.float32
    assert small(dtype=None).fit(X.astype(float)).networks_[0].dtype == np.float64
    assert small(dtype=np.float64).fit(X).networks_[0].dtype == np.float64


def test_another_number_of_columns_in_transform():
    with pytest.raises(ValueError, match="features"):
        small().fit(table()).transform(table()[:, :3])


# ---------------------------------------------------------------- scikit-learn's tools


def test_indicator_and_names():
    X = table()
    imputer = small(add_indicator=True).fit(X)
    names = imputer.get_feature_names_out()
    assert names.tolist() == [f"x{i}" for i in range(6)] + [
        f"missingindicator_x{i}" for i in range(1, 6)
    ]
    filled = imputer.transform(X)
    np.testing.assert_array_equal(filled[:, 6:], np.isnan(X[:, 1:]))
    np.testing.assert_array_equal(filled[:, :6], small().fit_transform(X))
    assert imputer.n_features_with_missing_ == 5


def test_frames():
    pd = pytest.importorskip("pandas")
    X = table()
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(100, 160))
    imputer = small(add_indicator=True).set_output(transform="pandas").fit(frame)
    filled = imputer.transform(frame)
    assert list(filled.columns[:6]) == list("abcdef")
    assert filled.columns[6] == "missingindicator_b"
    assert (filled.index == frame.index).all()
    np.testing.assert_array_equal(filled.to_numpy()[:, :6], small().fit_transform(X))
    with pytest.raises(ValueError, match="feature names"):
        imputer.transform(frame[list("fedcba")])


def test_nullable_columns():
    pd = pytest.importorskip("pandas")
    X = np.round(table())
    frame = pd.DataFrame(X, columns=list("abcdef")).astype("Int64")
    np.testing.assert_array_equal(small().fit_transform(frame), small().fit_transform(X))


def test_pipeline_search_clone_and_pickle():
    X, y = load_iris(return_X_y=True)
    X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    model = make_pipeline(small(), LogisticRegression(max_iter=1000))
    grid = {"pcimputer__n_components": [1, 2], "pcimputer__alpha": [0.1, 1.0]}
    search = GridSearchCV(model, grid, cv=3, error_score="raise").fit(X, y)
    assert search.best_score_ > 0.7
    first = small().fit(X)
    np.testing.assert_array_equal(clone(first).fit(X).transform(X), first.transform(X))
    copy = pickle.loads(pickle.dumps(first))
    np.testing.assert_array_equal(copy.transform(X), first.transform(X))


def test_epochs_are_printed(capsys):
    small(verbose=1).fit(table())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert re.fullmatch(r"network 2 of 2, epoch 3 of 3: mean energy [\d.e+-]+", lines[-1])


def test_training_lowers_the_energy():
    imputer = small(max_iter=30, alpha=0.0).fit(table())
    assert imputer.n_iter_ == len(imputer.energy_curve_) == 30
    assert imputer.energy_curve_[-1] < 0.75 * imputer.energy_curve_[0]


def test_automatic_number_of_epochs():
    for n_samples, n_epochs in ((64, 60), (300, 24), (900, 20)):
        imputer = small(max_iter="auto", n_estimators=1).fit(table(n_samples, 3))
        assert imputer.n_iter_ == n_epochs
    wide = small(max_iter="auto", n_estimators=1, batch_size=2).fit(table(500, 3))
    assert wide.n_iter_ == 8


def test_generator_advances_from_fit_to_fit():
    X, rng = table(), np.random.default_rng(0)
    first = small(random_state=rng).fit_transform(X)
    assert (small(random_state=rng).fit_transform(X) != first).any()


def test_weight_decay_is_measured_on_hidden_entries():
    rng = np.random.default_rng(0)
    clean = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 12))
    noise = rng.standard_normal((200, 12))
    imputer = PCImputer(n_estimators=1, linear_share=0, random_state=0)
    assert imputer.fit(clean).alpha_ == 0.3
    assert imputer.fit(noise).alpha_ == 10.0
    assert imputer.fit(noise[:6]).alpha_ == 1.0  # 72 entries
    assert small(alpha="auto").fit(np.tile(noise, (10, 1))).alpha_ > 10.0  # 2,000 rows
    assert small(alpha=0.7).fit(clean).alpha_ == 0.7


def test_automatic_weight_decay_gives_the_same_bits_with_any_number_of_threads():
    X, results = table(150), []
    for n_threads in (1, 2):
        with pcnet.set_num_threads(n_threads):
            results.append(small(alpha="auto", max_iter=20).fit_transform(X))
    np.testing.assert_array_equal(*results)
