"""Oracle: each bad argument or array has an error that names it; nothing changes by it."""

import re

import numpy as np
import pytest
from sklearn.utils import check_array

from pcnet import PCClassifier, PCGenerative, PCImputer, PCRegressor
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.losses import Huber
from pcnet.schedules import Adaptive, Constant, Cosine, InvScaling, Linear
from pcnet.solvers import LBFGS, SGD, Adam

from .support import ESTIMATORS, data_for, small

NAN, INF = np.nan, np.inf

BAD_ARGUMENTS = [
    ({"hidden_layer_sizes": 0}, "hidden_layer_sizes"),
    ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes must be > 0"),
    ({"hidden_layer_sizes": (8, -3)}, "hidden_layer_sizes must be > 0"),
    ({"hidden_layer_sizes": (8, 2.5)}, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": (8, "x")}, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": (8, True)}, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": [[8, 8]]}, "hidden_layer_sizes must hold integers"),
    ({"hidden_layer_sizes": (2**31,)}, "hidden_layer_sizes must be > 0 and at most"),
    ({"hidden_layer_sizes": "128"}, "hidden_layer_sizes"),
    ({"activation": "softplus"}, "activation"),
    ({"activation": ["relu"]}, r"activation must name one function per hidden layer \(2\), got 1"),
    ({"activation": ["relu", "softplus"]}, r"activation\[1\] must be one of"),
    ({"parameterization": "mup"}, "parameterization"),
    ({"skip": "yes"}, "skip"),
    ({"loss": "hinge"}, "loss"),
    ({"loss": Huber}, "loss"),
    ({"output_precision": 0.0}, "output_precision"),
    ({"output_precision": -1.0}, "output_precision"),
    ({"output_precision": NAN}, "output_precision"),
    ({"output_precision": INF}, "output_precision"),
    ({"output_precision": "low"}, "output_precision"),
    ({"gamma": 0}, "gamma"),
    ({"gamma": INF}, "gamma"),
    ({"activity_decay": -0.1}, "activity_decay"),
    ({"inference": "descent"}, "inference"),
    ({"inference": None}, "inference"),
    ({"inference": ErrorDescent}, "inference"),
    ({"inference": ErrorDescent(tol=-1)}, "tol"),
    ({"inference": ErrorDescent(max_steps=-1)}, "max_steps"),
    ({"inference": ErrorDescent(max_steps=2.5)}, "max_steps"),
    ({"inference": ActivityDescent(n_steps=-1)}, "n_steps"),
    ({"inference": ActivityDescent(rate=0)}, "rate"),
    ({"solver": "newton"}, "solver must be one of"),
    ({"solver": LBFGS}, "solver must be an object, got the class LBFGS"),
    ({"solver": LBFGS(max_fun=0)}, "max_fun"),
    ({"solver": LBFGS(history_size=0)}, "history_size"),
    ({"solver": LBFGS(inference_tol=-1)}, "inference_tol"),
    ({"solver": "lbfgs", "inference": "activity"}, "needs inference='error'"),
    ({"solver": Adam}, "solver must be an object, got the class Adam"),
    ({"solver": 1}, "solver must be one of"),
    ({"solver": Adam(beta_1=1.0)}, "beta_1"),
    ({"solver": Adam(epsilon=0)}, "epsilon"),
    ({"solver": SGD(momentum=1.5)}, "momentum"),
    ({"solver": SGD(clip=0)}, "clip"),
    ({"solver": Adam(clip=-1.0)}, "clip"),
    ({"solver": Adam(clip="norm")}, "clip"),
    ({"alpha": -1e-4}, "alpha"),
    ({"alpha": 1e4}, "would set all weights to 0 in a single step"),
    ({"learning_rate": "fast"}, "learning_rate"),
    ({"learning_rate": Linear}, "learning_rate must be an object, got the class Linear"),
    ({"learning_rate": 0.1}, "a number goes into learning_rate_init"),
    ({"learning_rate": Cosine(warmup=-1)}, "warmup"),
    ({"learning_rate": Cosine(warmup=1.0)}, "warmup"),
    (
        {"learning_rate": Constant(warmup=10), "batch_size": 64},
        "warmup=10 steps must be fewer than the 10 steps",
    ),
    ({"learning_rate": InvScaling(power_t=-1)}, "power_t"),
    ({"learning_rate": Adaptive(divisor=1)}, "divisor"),
    ({"learning_rate": Adaptive(floor=0)}, "floor"),
    ({"learning_rate_init": 0}, "learning_rate_init"),
    ({"learning_rate_init": -0.1}, "learning_rate_init"),
    ({"learning_rate_init": NAN}, "learning_rate_init"),
    ({"learning_rate_init": INF}, "learning_rate_init"),
    ({"power_t": -1}, "power_t"),
    ({"batch_size": 0}, "batch_size"),
    ({"batch_size": 3.5}, "batch_size"),
    ({"batch_size": "all"}, "batch_size"),
    ({"max_iter": 0}, "max_iter"),
    ({"tol": -1}, "tol"),
    ({"n_iter_no_change": 0}, "n_iter_no_change"),
    ({"validation_fraction": 0.0, "early_stopping": True}, "validation_fraction"),
    ({"validation_fraction": 1.0, "early_stopping": True}, "validation_fraction"),
    ({"random_state": "seed"}, "random_state"),
    ({"dtype": "float16"}, "dtype must be None"),
    ({"dtype": "int"}, "dtype must be None"),
    ({"dtype": "nonsense"}, "dtype must be None"),
    ({"transform_layer": 2}, "transform_layer must be from -2 to 1"),
    ({"transform_layer": 0.5}, "transform_layer"),
]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("arguments, message", BAD_ARGUMENTS, ids=lambda v: str(v)[:50])
def test_bad_arguments(Estimator, arguments, message):
    X, y = data_for(Estimator)
    model = small(Estimator, **arguments)
    before = dict(vars(model))
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, y)
    assert vars(model) == before  # not a single attribute was set


X4 = np.arange(8.0).reshape(4, 2)
Y4 = np.array([0, 1, 0, 1])

BAD_ARRAYS = [
    (np.where(X4 == 3, NAN, X4), Y4, "Input X contains NaN"),
    (np.where(X4 == 3, INF, X4), Y4, "Input X contains infinity"),
    (X4[0], Y4, "Expected 2D array, got 1D array"),
    (X4[:, :, None], Y4, "Found array with dim 3|dim 3"),
    (X4[:0], Y4[:0], "0 sample"),
    (X4[:, :0], Y4, "0 feature"),
    (X4, Y4[:3], "inconsistent numbers of samples"),
    (X4.astype(complex), Y4, "Complex data not supported"),
    (np.array([["a", "b"]] * 4), Y4, "could not convert string"),
    (X4, None, "requires y to be passed"),
    (X4, Y4.astype(complex), "omplex"),
    (X4, np.where(Y4 == 1, NAN, 0.0), "contains NaN"),
    (X4, np.where(Y4 == 1, INF, 0.0), "contains infinity"),
]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("way", ["fit", "partial_fit"])
@pytest.mark.parametrize("X, y, message", BAD_ARRAYS, ids=[m[:25] for _, _, m in BAD_ARRAYS])
def test_bad_arrays(Estimator, way, X, y, message):
    model = small(Estimator)
    before = dict(vars(model))
    options = {"classes": [0, 1]} if (Estimator, way) == (PCClassifier, "partial_fit") else {}
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(model, way)(X, y, **options)
    assert vars(model) == before


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "weight, message",
    [
        ([1, 1, -1, 1], "sample_weight must not be negative"),
        ([0, 0, 0, 0], "at least one non-zero"),
        (0, "at least one non-zero"),
        ([1, 1, 1], r"sample_weight.shape == \(3,\), expected \(4,\)"),
        (np.ones((4, 1)), "1D array"),
        ([1, NAN, 1, 1], "sample_weight contains NaN"),
        ([1, INF, 1, 1], "sample_weight contains infinity"),
    ],
)
def test_bad_sample_weights(Estimator, weight, message):
    with pytest.raises(ValueError, match=message):
        small(Estimator).fit(X4, Y4, sample_weight=weight)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_failed_refit_leaves_the_fitted_estimator_as_it_was(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator).fit(X, y)
    before = dict(vars(model))
    predictions = model.predict(X)
    with pytest.raises(ValueError, match="inconsistent"):
        model.fit(X[:, :3], y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((5, 2), NAN), y[:5])
    model.set_params(early_stopping=True)
    with pytest.raises(ValueError, match="early_stopping=True could not hold out"):
        model.fit(X[:1, :4], y[:1])
    model.set_params(early_stopping=False)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before if name.endswith("_"))
    np.testing.assert_array_equal(model.predict(X), predictions)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_wrong_data_for_a_fitted_estimator(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator).fit(X, y)
    for method in (model.predict, lambda X: model.score(X, y[: len(X)])):
        with pytest.raises(ValueError, match=r"X has 5 features, but PC.* is expecting 6"):
            method(X[:, :5])
        with pytest.raises(ValueError, match="NaN"):
            method(np.full_like(X, NAN))
    with pytest.raises(ValueError, match="X has 5 features"):
        model.partial_fit(X[:, :5], y)
    model.set_params(warm_start=True)
    with pytest.raises(ValueError, match="X has 5 features"):
        model.fit(X[:, :5], y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("place", [(0, 0), (57, 3), (119, 5)])
def test_prediction_refuses_what_is_not_finite(Estimator, dtype, bad, place):
    """With the first line of scikit-learn's error, for X of any dtype."""
    X, y = data_for(Estimator)
    model = small(Estimator, dtype=np.float32, max_iter=1).fit(X, y)
    X = X.astype(dtype)
    X[place] = bad
    with pytest.raises(ValueError, match="Input X contains") as expected:
        check_array(X, dtype=np.float32, input_name="X", estimator=model)
    for name in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(model, name):
            first_line = str(expected.value).partition("\n")[0]
            with pytest.raises(ValueError, match=f"^{re.escape(first_line)}"):
                getattr(model, name)(X)
    with pytest.raises(ValueError, match="X must be finite in float32"):
        model.network_.output(X)


def test_prediction_accepts_values_whose_squares_overflow():
    """1e25 is finite in float32, its square is not; an identity network scales with its input."""
    X, y = data_for(PCRegressor, dtype=np.float32)
    model = small(PCRegressor, activation="identity", fit_intercept=False).fit(X, y)
    offset = model.predict(np.zeros((1, 6), np.float32))
    small_part, large_part = model.predict(1e5 * X) - offset, model.predict(1e25 * X) - offset
    np.testing.assert_allclose(large_part, 1e20 * small_part, rtol=1e-3)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_values_too_large_for_float32(Estimator):
    X, y = data_for(Estimator)
    with pytest.raises(ValueError, match=re.escape("too large for dtype('float32')")):
        small(Estimator, dtype=np.float32).fit(1e100 * X, y)
    model = small(Estimator, dtype=np.float32).fit(X, y)
    with pytest.raises(ValueError, match=re.escape("too large for dtype('float32')")):
        model.predict(1e100 * X)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_needs_data(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator, early_stopping=True)
    with pytest.raises(ValueError, match=r"validation set is too small|could not hold out"):
        model.fit(X[:3], y[:3])
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        model.partial_fit(X, y)


def test_early_stopping_with_a_class_of_one():
    X, y = data_for(PCClassifier)
    y = np.where(np.arange(len(y)) == 5, 9, y)
    with pytest.raises(ValueError, match=r"could not hold out.*least populated"):
        small(PCClassifier, early_stopping=True).fit(X, y)


def test_batch_size_beyond_the_data_is_clipped():
    X, y = data_for(PCRegressor)
    with pytest.warns(UserWarning, match="`batch_size` 500 larger than sample size 120"):
        model = small(PCRegressor, batch_size=500, max_iter=1).fit(X, y)
    assert model.t_ == 120


# ------------------------------------------------------------ labels


def test_classes_of_partial_fit():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    assert not hasattr(model, "classes_")
    with pytest.raises(ValueError, match=r"has classes not in .*also has \[2\]"):
        model.partial_fit(X, y, classes=[0, 1])
    model.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"has classes not in .*also has \[9\]"):
        model.partial_fit(X, np.where(y == 2, 9, y))
    with pytest.raises(ValueError, match="has classes not in"):
        model.partial_fit(X, np.array(["a", "b", "c"])[y])
    Y = np.eye(3, dtype=int)[y]
    with pytest.raises(ValueError, match="after the previous call"):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="classes names 2 labels, but the multilabel y has 3"):
        small(PCClassifier).partial_fit(X, Y, classes=[0, 1])


def test_continuous_labels():
    X, y = data_for(PCRegressor)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        small(PCClassifier).fit(X, y)


def test_class_weight_errors():
    X, y = data_for(PCClassifier)
    for class_weight, message in [
        ({0: 1, 5: 2}, r"class_weight has the labels \[5\]"),
        ({0: -1}, "class_weight must hold finite weights"),
        ({0: NAN}, "class_weight must hold finite weights"),
        ({0: 0, 1: 0, 2: 0}, "All samples have zero weight"),
        ("even", "class_weight"),
        ([1, 2, 3], "class_weight"),
    ]:
        with pytest.raises(ValueError, match=message):
            small(PCClassifier, class_weight=class_weight).fit(X, y)
    balanced = small(PCClassifier, class_weight="balanced")
    with pytest.raises(ValueError, match="not supported by partial_fit"):
        balanced.partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="not supported for multilabel"):
        balanced.fit(X, 1 - np.eye(3, dtype=int)[y])


def test_outputs_of_a_regressor_cannot_change():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor).fit(X, y)
    with pytest.raises(ValueError, match="y has 2 outputs, but the previous call saw 1"):
        model.partial_fit(X, np.column_stack([y, y]))


def test_strings_as_regression_targets_are_refused():
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match=r"could not convert string|dtype='numeric'"):
        small(PCRegressor).fit(X, np.array(["a", "b", "c"])[y])


@pytest.mark.parametrize("labels", [["a", None, "b"] * 10, [1, 2, None] * 10])
def test_missing_labels(labels):
    X = data_for(PCClassifier, n_samples=30)[0]
    with pytest.raises(ValueError, match="y contains None among its labels; drop"):
        small(PCClassifier).fit(X, np.array(labels, dtype=object))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_text_in_the_features_is_named(Estimator):
    X, y = data_for(Estimator, n_samples=30)
    with_text = X.astype(object)
    with_text[3, 1] = "many"
    with pytest.raises(ValueError, match="could not convert string to float") as caught:
        small(Estimator).fit(with_text, y)
    (note,) = caught.value.__notes__
    assert re.match("X holds text in the columns 1: encode it first", note)
    pandas = pytest.importorskip("pandas")
    frame = (
        pandas.DataFrame(X)
        .add_prefix("x")
        .assign(job="nurse", city=pandas.Categorical(list("ABC") * 10))
    )
    with pytest.raises(ValueError, match="could not convert string to float") as caught:
        small(Estimator).fit(frame, y)
    (note,) = caught.value.__notes__
    assert note.startswith("X holds text in the columns 'job', 'city': encode it first")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_missing_features_are_located(Estimator):
    X, y = data_for(Estimator, n_samples=30)
    X[4, 3] = NAN
    remedy = "Fill them in first, by pcnet.PCImputer"
    with pytest.raises(ValueError, match=f"The first are in column 3. {remedy}"):
        small(Estimator).fit(X, y)
    frame = pytest.importorskip("pandas").DataFrame(X).add_prefix("x")
    with pytest.raises(ValueError, match=f"The first are in column 'x3'. {remedy}"):
        small(Estimator).fit(frame, y)


def test_dates_are_refused():
    """Missing ones would become large negative numbers."""
    pandas = pytest.importorskip("pandas")
    dates = pandas.to_datetime(["2024-01-01", None, "2024-03-01"] * 10)
    frame = pandas.DataFrame({"age": np.arange(30.0), "since": dates})
    y = np.arange(30) % 2
    for model in (small(PCClassifier), small(PCRegressor), PCImputer(), PCGenerative()):
        for X, where in ((frame, " in the columns 'since'"), (frame[["since"]].to_numpy(), "")):
            with pytest.raises(ValueError, match=f"X holds dates or times{where}: convert them"):
                model.fit(X, y)
        with pytest.raises(ValueError, match="in the columns 'age': convert them"):
            model.fit(frame[["age"]].astype("timedelta64[s]"), y)


@pytest.mark.parametrize("missing", [np.nan, "pandas.NA", None])
def test_missing_targets_name_a_remedy(missing):
    pandas = pytest.importorskip("pandas")
    X = data_for(PCClassifier, n_samples=30)[0]
    labels = pandas.Series(["a", pandas.NA if missing == "pandas.NA" else missing, "b"] * 10)
    for dtype in ("object", "string"):
        with pytest.raises(ValueError, match=r"Input y contains (NaN|None).*(Leave out|drop)"):
            small(PCClassifier).fit(X, labels.astype(dtype))
    with pytest.raises(ValueError, match=r"Input y contains NaN. Leave out the rows"):
        small(PCRegressor).fit(X, np.where(np.arange(30) == 3, np.nan, 1.0))


def test_ragged_data_name_a_remedy():
    X = data_for(PCClassifier, n_samples=3)[0]
    with pytest.raises(ValueError, match=r"y holds lists of different.*MultiLabelBinarizer"):
        small(PCClassifier).fit(X, [["a"], ["a", "b"], []])
    with pytest.raises(ValueError, match="X holds rows of different lengths"):
        small(PCClassifier).fit([[1, 2], [3]], [0, 1])
    with pytest.raises(ValueError, match=r"y holds text.*PCClassifier learns labels"):
        small(PCRegressor).fit(X, ["a", "b", "c"])


@pytest.mark.parametrize(
    "name, remedy",
    [
        ("epochs", "Here that is max_iter"),
        ("lr", "Here that is learning_rate_init"),
        ("device", "computes on CPUs only"),
        ("n_jobs", "pcnet.set_num_threads"),
        ("momentum", r"solver=pcnet.solvers.SGD\(...\)"),
        ("hidden_layer_size", "Did you mean hidden_layer_sizes"),
        ("foo", "Its arguments are hidden_layer_sizes, "),
    ],
)
def test_unknown_arguments_name_a_remedy(name, remedy):
    for Estimator in ESTIMATORS:
        text = f"{Estimator.__name__}\\(\\) got an unexpected keyword argument '{name}'.*{remedy}"
        with pytest.raises(TypeError, match=text):
            Estimator(**{name: 1})


def test_unknown_arguments_of_fit_name_a_remedy():
    for Estimator in ESTIMATORS:
        X, y = data_for(Estimator)
        for name, remedy in (
            ("eval_set", "are validation_data="),
            ("epochs", f"It is an argument of {Estimator.__name__}: max_iter"),
            ("batch_size", f"It is an argument of {Estimator.__name__}: batch_size"),
        ):
            with pytest.raises(TypeError, match=rf"^{Estimator.__name__}.fit\(\).*{remedy}"):
                small(Estimator).fit(X, y, **{name: 1})


def test_one_hot_labels_are_a_warning():
    X, y = data_for(PCClassifier)
    Y = np.eye(3, dtype=int)[y]
    with pytest.warns(UserWarning, match=r"each row of y has exactly one label.*y.argmax"):
        model = small(PCClassifier).fit(X, Y)
    model.partial_fit(X, Y)  # a batch may happen to be so
    Y[0] = 1
    small(PCClassifier).fit(X, Y)


def test_wrong_arguments_of_imputers_name_a_remedy():
    for name, remedy in (("strategy", "at once"), ("epochs", "max_iter"), ("n_jobs", "set_num")):
        with pytest.raises(TypeError, match=rf"PCImputer\(\) got an unexpected .*{remedy}"):
            PCImputer(**{name: 1})
    with pytest.raises(TypeError, match=r"PCGenerative\(\) got .* is hidden_layer_sizes"):
        PCGenerative(layers=(3,))
    for argument, remedy in (
        ({"missing_values": "?"}, r"Replace it before, such as by frame.replace\('\?', None\)"),
        ({"activation": "sigmoid"}, "Here that is 'logistic'"),
    ):
        with pytest.raises(ValueError, match=remedy):
            PCImputer(**argument).fit(X4)


@pytest.mark.parametrize(
    "arguments, remedy",
    [
        ({"activation": "sigmoid"}, "Here that is 'logistic'"),
        ({"loss": "mse"}, "Here that is 'squared_error'"),
        ({"input_scaling": True}, "Other scalers go before the estimator, in a Pipeline"),
    ],
)
def test_choices_of_other_libraries_name_a_remedy(arguments, remedy):
    for Estimator in ESTIMATORS:
        X, y = data_for(Estimator)
        with pytest.raises(ValueError, match=f"instead. {remedy}"):
            small(Estimator, **arguments).fit(X, y)
    with pytest.raises(ValueError, match=r"'pcnet.losses.Huber'.*'huber' has the same purpose"):
        small(PCRegressor, loss="absolute_error").fit(*data_for(PCRegressor))


@pytest.mark.parametrize(
    "key, value", [("solver__beta_1", 0.8), ("learning_rate__warmup", 5), ("inference__tol", 1e-2)]
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_options_set_on_a_name_are_an_error(Estimator, key, value):
    name, _, option = key.partition("__")
    objects = {"solver": Adam(), "learning_rate": Linear(), "inference": ErrorDescent()}
    with pytest.raises(ValueError, match=f"{key} sets an option .* give {name} an object first"):
        small(Estimator).set_params(**{key: value})
    model = small(Estimator).set_params(**{key: value, name: objects[name]})
    assert getattr(getattr(model, name), option) == value
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(**{f"{name}__x": 1})


@pytest.mark.parametrize("weight", [10**400, "text", None, [1.0, 2.0], np.inf])
def test_class_weights_that_are_no_numbers(weight):
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match="class_weight must hold finite weights"):
        small(PCClassifier, class_weight={y[0]: weight}).fit(X, y)
