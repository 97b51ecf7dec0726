"""Small data sets, small estimators, and objects that record the steps of a fit or fail in one."""

from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits, load_iris

from pcnet import PCClassifier, PCRegressor
from pcnet.callbacks import Callback
from pcnet.inference import ErrorDescent, Objective

ESTIMATORS = (PCClassifier, PCRegressor)


def small(Estimator, **arguments):
    """An estimator that trains in milliseconds, without pilots; arguments override."""
    defaults = {"hidden_layer_sizes": (16, 16), "max_iter": 5, "random_state": 0, "alpha": 0.0}
    if issubclass(Estimator, PCClassifier) and arguments.get("loss") != "log_loss":
        defaults["temperature"] = 0.2
    return Estimator(**{**defaults, **arguments})


def iris(dtype=np.float64):
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X.astype(dtype), y


def digits(n_samples=300, dtype=np.float64):
    X, y = load_digits(return_X_y=True)
    return (X[:n_samples] / 8 - 1).astype(dtype), y[:n_samples]


def data_for(Estimator, n_samples=120, dtype=np.float64, seed=0):
    """Features and targets that suit the estimator: three classes, or real numbers."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 6))
    score = X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * rng.standard_normal(n_samples)
    if Estimator is PCClassifier:
        return X.astype(dtype), np.digitize(score, [-0.6, 0.6])
    return X.astype(dtype), 40 + 7 * score


def parameters(estimator):
    return [*estimator.coefs_, *estimator.intercepts_]


def assert_same_bits(first, second):
    for a, b in zip(parameters(first), parameters(second), strict=True):
        np.testing.assert_array_equal(a, b)


def assert_consistent(estimator):
    """Check the attributes of a fitted estimator, for any way in which training ended."""
    assert all(np.isfinite(p).all() for p in parameters(estimator))
    curves = (
        estimator.loss_curve_,
        estimator.penalty_curve_,
        estimator.energy_curve_,
        estimator.n_inference_steps_,
        estimator.n_inference_passes_,
        estimator.converged_fraction_,
        estimator.ended_fraction_,
    )
    assert len({len(curve) for curve in curves}) == 1
    assert estimator.n_iter_ <= len(estimator.loss_curve_)
    assert np.isfinite(estimator.predict(np.zeros((2, estimator.n_features_in_)))).all()


class Step(NamedTuple):
    """Arguments of inference in a step of the optimiser; the sum of the weights is 1."""

    X: np.ndarray
    Y: np.ndarray
    objective: Objective
    sample_weight: np.ndarray


class WatchedInference(ErrorDescent):
    """`ErrorDescent` that keeps the arguments of its calls, one per step of the optimiser.

    ``before_step(n_earlier_steps)`` may raise, within the step.
    """

    def __init__(self, before_step=None):
        super().__init__()
        self.before_step = before_step
        self.steps = []

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        if self.before_step is not None:
            self.before_step(len(self.steps))
        self.steps.append(Step(X.copy(), Y.copy(), objective, sample_weight.copy()))
        yield from super().weight_updates(batch, X, Y, objective, sample_weight)


def raise_at(step, error):
    """`WatchedInference` that raises an error in a step, counted from 0."""

    def before_step(n_earlier_steps):
        if n_earlier_steps == step:
            raise error

    return WatchedInference(before_step)


class LearningRates(Callback):
    """Keeps the learning rate of each step in ``rates``."""

    def __init__(self):
        self.rates = []

    def on_batch_end(self, run, report):
        self.rates.append(run.learning_rate)
