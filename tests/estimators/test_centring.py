"""Inputs far from 0 train as well as centred ones, because training subtracts their mean."""

import pickle

import numpy as np
import pytest
import scipy.sparse

from pcnet import PCClassifier, PCRegressor, load_checkpoint

from .support import assert_same_bits

SHIFT = np.array([4.0, -3.0, 5.0, 2.0])
OPTIONS = {
    "one layer": {"hidden_layer_sizes": (8,)},
    "wide": {"hidden_layer_sizes": (128, 128)},
    "deep": {"hidden_layer_sizes": (8,) * 6},
    "tanh": {"activation": "tanh"},
    "ntp": {"parameterization": "ntp"},
    "sgd": {"solver": "sgd"},
    "backprop": {"inference": "backprop"},
    "zero divergence": {"inference": "zero_divergence"},
    "incremental": {"inference": "incremental", "learning_rate_init": 0.01},
    "nudged": {"inference": "nudged"},
    "huber": {"loss": "huber"},
    "decay": {"alpha": 20.0},
    "cosine": {"learning_rate": "cosine", "shuffle": False},
    "early stopping": {"early_stopping": True},
}


def data(n_samples=100):
    """Features of mean 0 up to rounding, over all rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, 4))
    X -= X.mean(axis=0)
    return X, np.abs(X[:, 0]) + X[:, 1] * X[:, 2]


def model(**options):
    defaults = {"hidden_layer_sizes": (16, 16), "max_iter": 3, "alpha": 1.0, "random_state": 0}
    return PCRegressor(**{**defaults, **options})


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_shift_of_the_inputs_changes_no_prediction(options):
    """Only shifted data are centred; the networks are equal up to rounding."""
    X, y = data()
    if "early_stopping" in options:
        # the mean is that of the samples trained on, which are not centred exactly
        first, second = (model(**options).fit(X + a * SHIFT, y) for a in (1, 2))
        found, expected = second.predict(X + 2 * SHIFT), first.predict(X + SHIFT)
    else:
        expected = model(**options).fit(X, y).predict(X)
        found = model(**options).fit(X + SHIFT, y).predict(X + SHIFT)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_a_shift_changes_no_prediction_with_weighted_samples():
    X, y = data()
    weight = np.random.default_rng(1).random(len(X))
    found, expected = (
        model().fit(X + a * SHIFT, y, sample_weight=weight).predict(X + a * SHIFT) for a in (1, 3)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_pilots_train_on_centred_inputs():
    X, y = data(200)
    default = {"max_iter": "auto", "alpha": "auto"}
    first, second = (model(**default).fit(X + a * SHIFT, y) for a in (1, 2))
    np.testing.assert_allclose(second.alpha_, first.alpha_, rtol=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [{"fit_intercept": False}, {"parameterization": "sp"}, {"hidden_layer_sizes": ()}],
    ids=str,
)
def test_networks_that_cannot_be_centred_are_trained_without(arguments):
    X, y = data()
    assert np.isfinite(model(**arguments).fit(X + SHIFT, y).predict(X + SHIFT)).all()


def test_fitted_network_takes_uncentred_inputs():
    X, y = data()
    fitted = model().fit(X + SHIFT, y)
    outputs = fitted.network_.output((X + SHIFT).astype(fitted.network_.dtype))
    expected = outputs[:, 0] * fitted.y_scale_ + fitted.y_mean_
    np.testing.assert_allclose(fitted.predict(X + SHIFT), expected, rtol=1e-12)


def test_further_training_keeps_the_mean(tmp_path):
    """Warm starts and resumed runs train on the same inputs, to the bit, as one long run."""
    X, y = data()
    X, path = X + SHIFT, tmp_path / "run"
    saved = []

    def keep(run):
        if path.exists():
            saved.append(path.read_bytes())

    whole = model(max_iter=4, checkpoint=path, callbacks=keep).fit(X, y)
    path.write_bytes(saved[0])  # after the first epoch
    resumed = load_checkpoint(path).resume(X, y)
    assert_same_bits(resumed, whole)
    first = model(warm_start=True).fit(X, y)
    copy = pickle.loads(pickle.dumps(first))
    assert_same_bits(copy.fit(X[::2], y[::2]), first.fit(X[::2], y[::2]))


def test_partial_fit_learns_from_inputs_far_from_0():
    X, y = data(300)
    X, y = X / 8 + 1, np.digitize(X[:, 0] + np.abs(X[:, 1]), [0.0, 1.0])
    streamed = PCClassifier((16,), random_state=0)
    for _ in range(60):
        for rows in (slice(100), slice(100, 300)):
            streamed.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    assert streamed.score(X, y) > 0.9


def test_sparse_inputs_are_centred_to_the_same_bits():
    X, y = data()
    X = np.maximum(X + 1, 0)
    dense = model().fit(X, y)
    assert_same_bits(model().fit(scipy.sparse.csr_matrix(X), y), dense)
