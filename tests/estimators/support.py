"""Small data sets, small estimators, and a trainer that records its steps or fails."""

import numpy as np
from sklearn.datasets import load_digits, load_iris

import pcnet._training.start
from pcnet import PCClassifier, PCRegressor

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


def watch_steps(monkeypatch, before_step=None, change_report=None):
    """Record the data, options and objective of every optimiser step of the estimators.

    ``before_step(n_earlier_steps)`` may raise; ``change_report(report)`` may replace what the
    trainer reports.
    """
    steps = []

    class Watched(pcnet._training.start.Trainer):
        def step(self, X, Y, learning_rate, **options):
            if before_step is not None:
                before_step(len(steps))
            seen = {"X": X.copy(), "Y": Y.copy(), "objective": self.objective}
            steps.append({**seen, "learning_rate": learning_rate, **options})
            report = super().step(X, Y, learning_rate, **options)
            return report if change_report is None else change_report(report)

    monkeypatch.setattr(pcnet._training.start, "Trainer", Watched)
    return steps
