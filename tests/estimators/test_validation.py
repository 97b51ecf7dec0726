"""Oracle: estimators trained apart and scored by scikit-learn; definitions of the columns."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, make_scorer, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor

from .support import ESTIMATORS, assert_same_bits, data_for, iris, small

HORIZONLESS = {"learning_rate": "constant", "n_iter_no_change": np.inf}


def fit(model, *args, **kwargs):
    """Fit without the warning that a constant rate reached max_iter."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Maximum iterations", ConvergenceWarning)
        return model.fit(*args, **kwargs)


def halves(Estimator, n_samples=120):
    X, y = data_for(Estimator, n_samples=n_samples)
    return X[: n_samples // 2], y[: n_samples // 2], X[n_samples // 2 :], y[n_samples // 2 :]


def after(model, n_epochs, *args):
    """A model of the same arguments that was trained for fewer epochs."""
    return fit(clone(model).set_params(max_iter=n_epochs, scoring=None), *args)


# ------------------------------------------------------------ a given validation set


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_of_models_trained_for_so_many_epochs(Estimator, weighted):
    X, y, Xv, yv = halves(Estimator)
    weight = (np.arange(len(Xv)) % 3.0,) if weighted else ()
    model = fit(small(Estimator, **HORIZONLESS), X, y, validation_data=(Xv, yv, *weight))
    expected = [after(model, n, X, y).score(Xv, yv, *weight) for n in range(1, 6)]
    np.testing.assert_allclose(model.validation_scores_, expected, rtol=1e-9)
    assert model.history_["validation_score"] == model.validation_scores_
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_the_set_does_not_change_the_training(Estimator):
    X, y, Xv, yv = halves(Estimator)
    alone = small(Estimator).fit(X, y)
    for options in ({}, {"verbose": 1}, {"scoring": "loss"}):
        watched = small(Estimator, **options).fit(X, y, validation_data=(3 * Xv[:9], yv[:9]))
        assert_same_bits(alone, watched)
    assert alone.validation_scores_ is None
    assert alone.validation_loss_curve_ is None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_data_and_x_val_agree(Estimator):
    X, y, Xv, yv = halves(Estimator)
    weight = np.linspace(0, 1, len(Xv))
    first = small(Estimator).fit(X, y, validation_data=(Xv, yv, weight))
    second = small(Estimator).fit(X, y, X_val=Xv, y_val=yv, sample_weight_val=weight)
    assert first.validation_scores_ == second.validation_scores_


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_validation_loss_of_a_classifier(loss):
    X, y, Xv, yv = halves(PCClassifier)
    model = small(PCClassifier, loss=loss).fit(X, y, validation_data=(Xv, yv))
    if loss == "log_loss":
        expected = log_loss(yv, model.predict_proba(Xv))
    else:
        expected = 0.5 * np.mean(((model._outputs(Xv) - np.eye(3)[yv]) ** 2).sum(axis=1))
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)
    assert model.history_["validation_loss"] == model.validation_loss_curve_


def test_validation_loss_of_a_regressor_is_in_the_unit_of_its_loss():
    X, y, Xv, yv = halves(PCRegressor)
    Y, Yv = np.c_[y, y**2], np.c_[yv, yv**2]
    weight = np.arange(len(Xv)) + 1.0
    model = small(PCRegressor).fit(X, Y, validation_data=(Xv, Yv, weight))
    squares = (((model.predict(Xv) - Yv) / Y.std(axis=0)) ** 2).sum(axis=1)
    expected = 0.5 * np.average(squares, weights=weight)
    assert model.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_on_a_validation_set_keeps_the_best_weights(Estimator):
    X, y, Xv, yv = halves(Estimator)
    model = small(Estimator, early_stopping=True, max_iter=200, n_iter_no_change=3, tol=1e-3)
    model.fit(X, y, validation_data=(Xv, yv))
    assert model.n_iter_ < 200
    assert model.stop_reason_ == "plateau"
    assert model.t_ == model.n_iter_ * len(X)
    assert model.score(Xv, yv) == pytest.approx(max(model.validation_scores_), rel=1e-9)
    assert model.best_loss_ is None


def test_string_labels_of_some_of_the_classes():
    X, y, Xv, yv = halves(PCClassifier)
    names = np.array(["b", "a", "c"])
    some = yv != 1
    model = small(PCClassifier).fit(X, names[y], validation_data=(Xv[some], names[yv[some]]))
    assert model.validation_scores_[-1] == model.score(Xv[some], names[yv[some]])


def test_multilabel():
    X, _ = iris()
    Y = (X[:, :3] > 0).astype(int)
    model = small(PCClassifier).fit(X[:100], Y[:100], validation_data=(X[100:], Y[100:]))
    assert model.validation_scores_[-1] == accuracy_score(Y[100:], model.predict(X[100:]))


def test_a_set_in_a_pipeline_with_metadata_routing():
    sklearn = pytest.importorskip("sklearn", minversion="1.7")  # transform_input
    X, y, Xv, yv = halves(PCClassifier)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = small(PCClassifier).set_fit_request(X_val=True, y_val=True)
        pipe = make_pipeline(StandardScaler(), inner, transform_input=["X_val"])
        pipe.fit(5 * X, y, X_val=5 * Xv, y_val=yv)
    assert pipe[-1].validation_scores_[-1] == pipe.score(5 * Xv, yv)


def test_float32_network_and_other_layouts():
    X, y, Xv, yv = halves(PCRegressor)
    model = small(PCRegressor, dtype="float32")
    model.fit(X, y, validation_data=(np.asfortranarray(Xv), yv.tolist()))
    assert model.validation_scores_[-1] == pytest.approx(model.score(Xv, yv), rel=1e-6)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_warm_start_continues_the_columns(Estimator):
    X, y, Xv, yv = halves(Estimator)
    model = small(Estimator, warm_start=True).fit(X, y).fit(X, y, validation_data=(Xv, yv))
    scores = model.validation_scores_
    assert np.isnan(scores[:5]).all()
    assert np.isfinite(scores[5:]).all()
    assert model.history_["epoch"] == list(range(1, 11))
    assert {len(column) for column in model.history_.values()} == {10}
    assert model.fit(X, y).validation_scores_ is None


# ------------------------------------------------------------ errors

X4, Y4 = np.arange(8.0).reshape(4, 2), np.array([0, 1, 0, 1])

BAD_SETS = [
    ({"validation_data": X4}, r"validation_data must be \(X, y\)"),
    ({"validation_data": (X4,)}, "validation_data must be .* got tuple of 1"),
    ({"validation_data": 3}, "validation_data must be .* got int"),
    ({"validation_data": (X4, Y4), "X_val": X4}, "validation_data and X_val name two"),
    ({"X_val": X4}, "X_val without y_val"),
    ({"y_val": Y4}, "y_val without X_val"),
    ({"sample_weight_val": Y4}, "sample_weight_val without X_val"),
    ({"X_val": X4[:, :1], "y_val": Y4}, "validation set cannot be used: X has 1 features"),
    ({"X_val": X4[:3], "y_val": Y4}, "validation set cannot be used.*inconsistent"),
    ({"X_val": X4[:1], "y_val": Y4[:1]}, "needs at least 2 samples"),
    ({"X_val": X4 * np.nan, "y_val": Y4}, "validation set cannot be used.*NaN"),
    ({"X_val": X4, "y_val": np.c_[Y4, Y4, 1 - Y4]}, "validation set cannot be used: its y has"),
    ({"X_val": X4, "y_val": Y4, "sample_weight_val": [1, 2]}, "cannot be used.*sample_weight"),
]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("arguments, message", BAD_SETS, ids=lambda v: str(v)[:40])
def test_bad_sets(Estimator, arguments, message):
    model = small(Estimator)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X4, Y4, **arguments)
    assert vars(model) == before


def test_labels_that_were_not_trained_on():
    X, y, Xv, yv = halves(PCClassifier)
    with pytest.raises(ValueError, match=r"(?s)`y` also has \[7\]"):
        small(PCClassifier).fit(X, y, validation_data=(Xv, np.where(yv == 0, 7, yv)))


# ------------------------------------------------------------ scoring


def test_several_scorers_by_name():
    X, y, Xv, yv = halves(PCClassifier)
    model = small(PCClassifier, scoring=["neg_log_loss", "accuracy", "roc_auc_ovr"])
    model.set_params(loss="log_loss", **HORIZONLESS)
    fit(model, X, y, validation_data=(Xv, yv))
    expected = [-log_loss(yv, after(model, n, X, y).predict_proba(Xv)) for n in range(1, 6)]
    np.testing.assert_allclose(model.history_["validation_neg_log_loss"], expected, rtol=1e-9)
    assert model.validation_scores_ == model.history_["validation_neg_log_loss"]
    assert model.history_["validation_accuracy"][-1] == model.score(Xv, yv)
    assert "validation_roc_auc_ovr" in model.history_


def test_scorer_of_the_negative_loss():
    X, y, Xv, yv = halves(PCClassifier)
    model = small(PCClassifier, scoring="loss").fit(X, y, validation_data=(Xv, yv))
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]


def maximum_error(estimator, X, y):
    return -np.max(np.abs(estimator.predict(X) - y))


@pytest.mark.parametrize(
    "scoring, columns",
    [
        (maximum_error, []),
        ({"worst": maximum_error, "R2": "r2"}, ["worst", "R2"]),
        (lambda e, X, y: {"worst": maximum_error(e, X, y)}, ["worst"]),
        (make_scorer(lambda y, p: -np.max(np.abs(p - y))), []),
        (("neg_max_error",), ["neg_max_error"]),
    ],
)
def test_other_kinds_of_scoring(scoring, columns):
    X, y, Xv, yv = halves(PCRegressor)
    model = small(PCRegressor, scoring=scoring).fit(X, y, validation_data=(Xv, yv))
    assert abs(model.validation_scores_[-1]) == pytest.approx(-maximum_error(model, Xv, yv))
    found = [c.removeprefix("validation_") for c in model.history_ if c.startswith("validation_")]
    assert found == ["loss", "score", *columns]


def test_early_stopping_watches_the_first_scorer_on_the_rows_held_out():
    X, y = data_for(PCClassifier, n_samples=200)
    options = {"early_stopping": True, "scoring": ["neg_log_loss", "accuracy"]}
    options |= {"max_iter": 100, "n_iter_no_change": 3}
    model = small(PCClassifier, loss="log_loss", **options).fit(X, y)
    assert model.best_validation_score_ == max(model.history_["validation_neg_log_loss"])
    np.testing.assert_allclose(
        model.history_["validation_neg_log_loss"], -np.array(model.validation_loss_curve_)
    )


def test_weights_reach_scorers():
    X, y, Xv, yv = halves(PCRegressor)
    weight = np.arange(len(Xv)) % 4.0
    model = small(PCRegressor, scoring="r2").fit(X, y, validation_data=(Xv, yv, weight))
    expected = r2_score(yv, model.predict(Xv), sample_weight=weight)
    assert model.validation_scores_[-1] == pytest.approx(expected)


def test_scorers_see_column_names():
    pandas = pytest.importorskip("pandas")
    X, y, Xv, yv = halves(PCRegressor)
    names = list("abcdef")
    X, Xv = pandas.DataFrame(X, columns=names), pandas.DataFrame(Xv, columns=names)
    for options in ({"validation_data": (Xv, yv)}, {}):
        model = small(PCRegressor, scoring="r2", early_stopping=not options)
        model.fit(X, y, **options)
        assert np.isfinite(model.validation_scores_).all()


@pytest.mark.parametrize("way", ["fit", "clone"])
def test_scoring_without_samples_to_score(way):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, scoring="accuracy")
    model = clone(model) if way == "clone" else model
    with pytest.raises(ValueError, match=r"scoring='accuracy' needs samples.*validation_data"):
        model.fit(X, y)
    model.partial_fit(X, y, classes=[0, 1, 2])  # measures nothing, as documented


@pytest.mark.parametrize(
    "scoring, message",
    [
        ("nonsense", "scoring"),
        ([], "scoring must name at least one"),
        ([3], "scoring must name at least one scorer, each by a string"),
        ({}, "scoring must hold at least one"),
        (7, "scoring"),
    ],
)
def test_bad_scoring(scoring, message):
    X, y, Xv, yv = halves(PCClassifier)
    with pytest.raises((ValueError, TypeError), match=message):
        small(PCClassifier, scoring=scoring).fit(X, y, validation_data=(Xv, yv))


def test_a_failing_scorer_undoes_the_fit():
    X, y, Xv, yv = halves(PCRegressor)
    model = small(PCRegressor, warm_start=True).fit(X, y)
    before, weights = dict(vars(model)), [W.copy() for W in model.coefs_]
    n_epochs = len(model.history_["loss"])

    def failing(estimator, X, y):
        if len(estimator.history_["loss"]) == n_epochs + 2:
            raise ArithmeticError("no score")
        return 0.0

    model.set_params(scoring=failing)
    with pytest.raises(ArithmeticError):
        model.fit(X, y, validation_data=(Xv, yv))
    model.set_params(scoring=None)
    assert vars(model) == before
    assert len(model.history_["loss"]) == n_epochs
    np.testing.assert_equal(model.coefs_, weights)
