"""Losses whose curvature changes, in deep networks: variants of inference and learning.

    python benchmarks/deep_losses.py [--depths 1 4 16] [--losses poisson log_loss multilabel]
                                     [--variants ...] [--held-out] [--constants]

Three groups of samples with one input each, so that a network that has learned predicts the mean
of each group: the largest relative error of the three is printed, after 1,000 full-batch steps of
Adam from the default rate, width 16, relu, no decay. --held-out adds the mean loss on 4,000 new
rows of a noisy smooth problem (600 rows, 20 epochs) and the passes a sample. --constants prints two
best constants instead: Huber's estimate of location with 15 of 100 targets far off, and the
relative error of a Poisson mean after 100 and 800 epochs of a linear network, at a hundredth of the
precision. The results are in docs/deep-losses.md.
"""

import argparse
import warnings

import numpy as np
from _common import print_environment
from sklearn.exceptions import ConvergenceWarning

from pcnet import PCClassifier, PCRegressor
from pcnet.inference import ErrorDescent, Objective

GROUP_ROWS, WIDTH, STEPS = 50, 16, 1000


class Settled(ErrorDescent):
    """Learns from the state after inference only, as for the squared error."""

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        self.run(batch, X, Y, objective)
        yield None


class SettledDelta(ErrorDescent):
    """Feed-forward activities, but the output's delta after inference."""

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        self.run(batch, X, Y, objective)
        batch.forward(X)
        yield None


class Quadratic(ErrorDescent):
    """Inference on mu + delta, the squared error with the loss's gradient at the outputs."""

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        n, k = Y.shape
        loss, _ = batch.forward_from_errors(X, Y, objective.loss, from_errors=False)
        targets = batch.activities[-1][:n, :k] + batch.errors[-1][:n, :k]
        precision, decay = objective.output_precision, objective.activity_decay
        targets = np.ascontiguousarray(targets)
        self.run(batch, X, targets, Objective("squared_error", precision, decay))
        batch.loss[:n] = loss
        yield None


class QuadraticForward(Quadratic):
    """The same; the weights learn at the feed-forward activities."""

    def weight_updates(self, batch, X, Y, objective, sample_weight):
        for update in super().weight_updates(batch, X, Y, objective, sample_weight):
            batch.forward(X)
            yield update


#: name -> (inference, output precision times the number of layers)
VARIANTS = {
    "settled state (published)": (Settled(), 3.5),
    "  precision / 10": (Settled(), 0.35),
    "  precision / 100": (Settled(), 0.035),
    "  one step": (Settled(max_steps=1), 3.5),
    "quadratic model": (Quadratic(), 3.5),
    "  and forward activities": (QuadraticForward(), 3.5),
    "forward activities": (SettledDelta(), 3.5),
    "forward activities and delta": ("error", 3.5),
    "backpropagation": ("backprop", 3.5),
}


def make_groups(loss, rng):
    """Inputs, targets and the three means."""
    group = np.repeat(np.arange(3), GROUP_ROWS)
    X = 2.0 * np.eye(3)[group] - 0.5
    n = len(group)
    if loss == "poisson":
        y = rng.poisson(np.array([0.1, 1.0, 5.0])[group]).astype(float)
    elif loss == "log_loss":
        y = (rng.random(n) < np.array([0.05, 0.3, 0.9])[group]).astype(int)
    else:
        shares = np.array([[0.05, 0.5], [0.3, 0.1], [0.9, 0.2]])
        y = (rng.random((n, 2)) < shares[group]).astype(int)
    return X, y, np.array([y[group == k].mean(axis=0) for k in range(3)])


def make_model(loss, depth, variant, width, **options):
    inference, precision = VARIANTS[variant]
    options |= {
        "hidden_layer_sizes": (width,) * depth,
        "inference": inference,
        "output_precision": precision / (depth + 1),
        "random_state": 0,
    }
    if loss == "poisson":
        return PCRegressor(loss="poisson", **options)
    return PCClassifier(loss="log_loss", **options)


def rates(model, X):
    """Predicted means or probabilities."""
    if isinstance(model, PCRegressor):
        return model.predict(X)
    found = model.predict_proba(X)
    return found[:, 1] if model.out_activation_ == "softmax" else found


def group_error(loss, depth, variant):
    X, y, means = make_groups(loss, np.random.default_rng(0))
    model = make_model(
        loss,
        depth,
        variant,
        WIDTH,
        alpha=0.0,
        batch_size=len(X),
        max_iter=STEPS,
        n_iter_no_change=STEPS,
        input_scaling=None,
        early_stopping=False,
    )
    try:
        model.fit(X, y)
    except FloatingPointError:
        return np.inf
    return np.abs(rates(model, X[::GROUP_ROWS]) / means - 1).max()


def held_out(loss, depth, variant):
    """Mean loss on new rows and passes a sample."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4600, 5))
    hidden = np.tanh(X @ rng.standard_normal((5, 6)))
    signal = hidden @ rng.standard_normal((6, 2))
    if loss == "poisson":
        y = rng.poisson(np.exp(0.7 * signal[:, 0] - 1)).astype(float)
    else:
        p = 1 / (1 + np.exp(2 - 1.5 * signal))
        y = (rng.random(p.shape) < p).astype(int)
        y = y[:, 0] if loss == "log_loss" else y
    model = make_model(loss, depth, variant, 32, alpha=5.7, max_iter=20, batch_size=32)
    try:
        model.fit(X[:600], y[:600])
    except FloatingPointError:
        return np.inf, np.nan
    p, y = rates(model, X[600:]), y[600:]
    if loss == "poisson":
        p = np.maximum(p, 1e-9)
        own = np.where(y > 0, y * np.log(np.maximum(y, 1) / p), 0) - y + p
    else:
        p = np.clip(p, 1e-9, 1 - 1e-9)
        own = -np.log(np.where(y == 1, p, 1 - p))
    return own.mean(), model.n_inference_passes_[-1]


def constants():
    """Networks whose input is constant."""
    rng = np.random.default_rng(0)
    y = rng.standard_normal(100)
    y[:15] += 200
    options = {
        "alpha": 0.0,
        "n_iter_no_change": 10**6,
        "input_scaling": None,
        "random_state": 0,
    }
    for variant in ("settled state (published)", "forward activities and delta"):
        found = []
        for depth in (1, 8, 32):
            inference, precision = VARIANTS[variant]
            model = PCRegressor((WIDTH,) * depth, loss="huber", inference=inference, **options)
            model.set_params(output_precision=precision / (depth + 1), max_iter=600, batch_size=100)
            found.append(model.fit(np.ones((100, 2)), y).predict(np.ones((1, 2)))[0])
        print(f"huber, {variant}, 1, 8, 32 layers: " + " ".join(f"{at:.2f}" for at in found))
    rng = np.random.default_rng(1)
    y = rng.poisson(np.where(rng.random(256) < 0.1, 5.0, 0.15)).astype(float)
    for variant in ("  precision / 100", "forward activities and delta"):
        for epochs in (100, 800):
            inference, precision = VARIANTS[variant]
            model = PCRegressor(
                (32,) * 16, "identity", loss="poisson", inference=inference, **options
            )
            model.set_params(output_precision=precision / 17, max_iter=epochs, batch_size=64)
            rate = model.fit(np.ones((256, 3)), y).predict(np.ones((1, 3)))[0]
            print(f"poisson, {variant}, {epochs} epochs: {rate / y.mean() - 1:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 4, 16])
    losses = ["poisson", "log_loss", "multilabel"]
    parser.add_argument("--losses", nargs="+", default=losses, choices=losses)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--constants", action="store_true")
    arguments = parser.parse_args()
    print_environment()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.constants:
        constants()
        return
    for loss in arguments.losses:
        print(f"\n| {loss}, hidden layers | " + " | ".join(map(str, arguments.depths)) + " |")
        print("|---" * (len(arguments.depths) + 1) + "|")
        for variant in arguments.variants:
            row = [f"{group_error(loss, d, variant):.3f}" for d in arguments.depths]
            print(f"| {variant} | " + " | ".join(row) + " |", flush=True)
            if arguments.held_out:
                row = [
                    "{:.3f} ({:.1f})".format(*held_out(loss, d, variant)) for d in arguments.depths
                ]
                print("|   held out (passes) | " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
