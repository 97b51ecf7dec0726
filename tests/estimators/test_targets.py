"""Oracle: definitions of probabilities, labels and target units."""

import numpy as np
import pytest
import scipy.sparse
from scipy.special import expit

from pcnet import PCClassifier, PCRegressor
from pcnet._data.scaling import target_scaling
from pcnet._estimators.labels import check_labels
from pcnet._prediction.decoders import encode_labels

from .support import assert_consistent, assert_same_bits, data_for, iris, parameters, small

LOSSES = ("log_loss", "squared_error")


def outputs_of(model, X):
    return model.network_.output(np.ascontiguousarray(X))


# ------------------------------------------------------------ probabilities


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities(loss, n_classes):
    X, y = iris()
    X, y = X[y < n_classes], y[y < n_classes]
    model = small(PCClassifier, loss=loss, max_iter=20).fit(X, y)
    assert model.coefs_[-1].shape == (16, n_classes)  # two classes have two columns
    p = model.predict_proba(X)
    assert p.shape == (len(X), n_classes)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), p.argmax(axis=1))
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(model.predict_log_proba(X), np.log(p), atol=1e-12)
    o = outputs_of(model, X)
    assert model.out_activation_ == ("softmax" if loss == "log_loss" else "identity")
    assert loss == "squared_error" or model.temperature_ == 1
    odds = np.exp(o / model.temperature_)
    np.testing.assert_allclose(p, odds / odds.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("loss", LOSSES)
def test_probabilities_are_calibrated_where_the_truth_is_known(loss):
    """P(y = 1 | x) takes three known values; both losses are proper, so both must find them.

    The squared error's outputs are these values; one temperature for all three misses them by up
    to 0.03.
    """
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, 3000)
    truth = np.array([0.1, 0.4, 0.8])
    y = (rng.random(3000) < truth[group]).astype(int)
    X = np.eye(3)[group]
    model = PCClassifier((16,), loss=loss, max_iter=20, learning_rate_init=0.01, random_state=0)
    p = model.fit(X, y).predict_proba(np.eye(3))[:, 1]
    frequency = np.bincount(group, weights=y) / np.bincount(group)
    np.testing.assert_allclose(p, frequency, atol=0.03 if loss == "log_loss" else 0.06)


def test_log_probabilities_do_not_underflow():
    X, y = iris()
    model = small(PCClassifier, loss="log_loss").fit(X, y)
    far = model.predict_log_proba(1e4 * X)
    assert np.isfinite(far).all()
    assert far.min() < -800  # exp(-800) is 0 in float64


# ------------------------------------------------------------ labels


@pytest.mark.parametrize(
    "labels",
    [
        ["setosa", "versicolor", "virginica"],
        np.array(["b", "c", "a"], dtype=object),
        [-5, 100, 7],
        [2.0, 0.0, 1.0],
        np.array([3, 1, 2], dtype=np.uint8),
    ],
    ids=["strings", "objects", "ints", "floats", "uint8"],
)
def test_labels_of_any_kind(labels):
    X, y = iris()
    labels = np.asarray(labels)
    model = small(PCClassifier, max_iter=30).fit(X, labels[y])
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert model.classes_.dtype == labels.dtype
    predicted = model.predict(X)
    assert predicted.dtype == labels.dtype
    assert np.mean(predicted == labels[y]) > 0.9


def test_boolean_labels():
    X, y = iris()
    model = small(PCClassifier).fit(X, y == 0)
    assert model.predict(X).dtype == bool
    assert model.score(X, y == 0) > 0.9


@pytest.mark.parametrize("loss", LOSSES)
def test_one_class_is_always_predicted(loss):
    X, _ = iris()
    model = small(PCClassifier, loss=loss).fit(X, np.full(len(X), "only"))
    assert set(model.predict(X)) == {"only"}
    np.testing.assert_array_equal(model.predict_proba(X), np.ones((len(X), 1)))
    assert_consistent_labels(model)


def assert_consistent_labels(model):
    assert all(np.isfinite(p).all() for p in parameters(model))


def test_partial_fit_with_classes_that_come_later():
    X, y = iris()
    model = small(PCClassifier, learning_rate_init=0.01)
    model.partial_fit(X[y < 2], y[y < 2], classes=[2, 1, 0, 7])
    np.testing.assert_array_equal(model.classes_, [0, 1, 2, 7])
    for _ in range(60):
        model.partial_fit(X, y)
    model.partial_fit(X, y, classes=[0, 1, 2, 7])
    assert model.score(X, y) > 0.9


def test_encode_labels():
    classes = np.array(["a", "bb", "d"])
    np.testing.assert_array_equal(encode_labels(np.array(["d", "a"]), classes), [2, 0])
    for unseen in (["c"], ["e", "a"], [""]):
        with pytest.raises(ValueError, match="classes not in"):
            encode_labels(np.array(unseen), classes)
    with pytest.raises(ValueError, match="classes not in"):
        encode_labels(np.array([1, 2]), np.array(["a", "b"], dtype=object))


# ------------------------------------------------------------ multilabel


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("sparse", [False, True])
def test_multilabel(loss, sparse):
    X, _ = iris()
    Y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0.5, X[:, 2] + X[:, 3] > 0]).astype(int)
    targets = scipy.sparse.csr_matrix(Y) if sparse else Y
    model = small(PCClassifier, loss=loss, max_iter=60).fit(X, targets)
    predicted = model.predict(X)
    assert predicted.shape == Y.shape
    assert set(np.unique(predicted)) == {0, 1}
    assert np.mean(predicted == Y) > 0.93
    p = model.predict_proba(X)
    np.testing.assert_array_equal(p > 0.5, predicted)
    assert np.ptp(p.sum(axis=1)) > 1  # not a distribution over labels
    o = outputs_of(model, X)
    expected = expit(o) if loss == "log_loss" else expit((o - 0.5) / model.temperature_)
    np.testing.assert_allclose(p, expected, atol=1e-15)
    assert loss == "log_loss" or np.all((p > 0) & (p < 1))
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert model.out_activation_ == ("logistic" if loss == "log_loss" else "identity")
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.score(X, Y) > 0.8


def test_multilabel_loss_is_the_sum_of_the_labels_losses():
    X, _ = iris()
    Y = (X[:, :2] > 0).astype(int)
    model = small(PCClassifier, loss="log_loss", learning_rate_init=1e-30, batch_size=150)
    p = model.set_params(max_iter=1).fit(X, Y).predict_proba(X)
    expected = -np.mean(np.sum(Y * np.log(p) + (1 - Y) * np.log(1 - p), axis=1))
    assert model.loss_curve_ == [pytest.approx(expected, rel=1e-10)]


def test_multilabel_partial_fit():
    X, _ = iris()
    Y = (X[:, :2] > 0).astype(int)
    model = small(PCClassifier).partial_fit(X, Y, classes=[0, 1]).partial_fit(X, Y)
    assert model.predict(X).shape == Y.shape
    with pytest.raises(ValueError, match="after the previous call"):
        model.partial_fit(X, Y[:, 0])


def test_check_labels_refuses_values_that_are_not_labels():
    assert check_labels(np.array([[0, 1], [1, 1]])).dtype == np.int64
    for bad, message in [
        (np.array([0.5, 1.2]), "Unknown label type"),
        (np.array([[0, 1, 2], [2, 1, 0]]), "MultiOutputClassifier"),
        (np.array([[-1, 1], [1, 1]]), "0 and 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            check_labels(bad)


# ------------------------------------------------------------ regression targets


def test_predictions_scale_with_the_targets():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor).fit(X, y)
    for a, b in [(1.0, 1e3), (1e-6, 0.0), (-4.0, 2.0)]:
        other = small(PCRegressor).fit(X, a * y + b)
        if a > 0:
            np.testing.assert_allclose(other.predict(X), a * model.predict(X) + b, rtol=1e-4)
        np.testing.assert_allclose(other.y_mean_, a * y.mean() + b)
        np.testing.assert_allclose(other.y_scale_, abs(a) * y.std())


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
def test_target_scaling_at_the_ends_of_float64(unit):
    y = unit * np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    mean, scale = target_scaling(y)
    np.testing.assert_allclose(mean / unit, [7 / 3, 5.0])
    np.testing.assert_allclose(scale[0], unit * np.std([1.0, 2.0, 4.0]))
    # 1 for a constant, but not above it: the network's error, times the scale, would hide it
    assert scale[1] == 1.0 if unit >= 1 else 2.5 * unit < scale[1] <= 5 * unit


def test_constant_target():
    X, _ = iris()
    model = small(PCRegressor, max_iter=30, batch_size=20).fit(X, np.full(len(X), 1e9 + 0.1))
    assert model.y_scale_ == [1.0]
    np.testing.assert_allclose(model.predict(X), 1e9 + 0.1, atol=0.5)
    zeros = small(PCRegressor, max_iter=1).fit(X, np.zeros(len(X)))
    assert zeros.y_scale_ == [1.0]


def test_shapes_of_targets():
    X, y = data_for(PCRegressor)
    flat = small(PCRegressor).fit(X, y)
    assert flat.predict(X).shape == (len(X),)
    with pytest.warns(Warning, match="A column-vector y was passed"):
        column = small(PCRegressor).fit(X, y[:, None])
    assert_same_bits(flat, column)
    Y = np.column_stack([y, -3 * y + 5, np.full(len(y), 2.0)])
    several = small(PCRegressor, max_iter=50).fit(X, Y)
    assert several.predict(X).shape == Y.shape
    assert several.n_outputs_ == 3
    assert several.y_scale_[2] == 1.0
    residuals = np.abs(several.predict(X) - Y).mean(axis=0) / several.y_scale_
    assert np.all(residuals < 0.4)
    assert_consistent(several)


def test_standardisation_is_fixed_by_the_first_partial_fit():
    X, y = data_for(PCRegressor)
    model = small(PCRegressor).partial_fit(X[:50], y[:50])
    mean, scale = model.y_mean_.copy(), model.y_scale_.copy()
    np.testing.assert_allclose((mean[0], scale[0]), (y[:50].mean(), y[:50].std()))
    model.partial_fit(X[50:], 100 * y[50:])
    np.testing.assert_array_equal((model.y_mean_, model.y_scale_), (mean, scale))
    model.set_params(warm_start=True).fit(X, y)
    np.testing.assert_array_equal((model.y_mean_, model.y_scale_), (mean, scale))
    model.set_params(warm_start=False).fit(X, y)
    np.testing.assert_allclose(model.y_mean_, y.mean())


def test_float32_keeps_small_differences_on_a_large_mean():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((200, 3)).astype(np.float32)
    y = 1e5 + 100 * X[:, 0].astype(np.float64)
    model = small(PCRegressor, max_iter=50).fit(X, y)
    assert model.predict(X).dtype == np.float32
    assert model.score(X, y) > 0.9
