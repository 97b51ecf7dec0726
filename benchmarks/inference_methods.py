"""All methods of inference on one network: passes, energy, gradient cosines, time.

    python benchmarks/inference_methods.py [--depth 20] [--width 64] [--samples 128]

A residual tanh network at its initial weights, digits with one-hot targets, float32; then the
same without tanh, a linear network. The excess energy is (F - F*) / (F0 - F*), F* from a
long float64 error descent, F0 the feed-forward energy; cosines are of the gradient that all weights
learn by, to backpropagation's and to that at F*. Times are those of inference and weight gradients
together, as ratios to those of backpropagation in the same run.
"""

import argparse
from typing import NamedTuple

import numpy as np
from _common import alternate_seconds, print_environment
from sklearn.datasets import load_digits

from pcnet import Network, infer
from pcnet._network_core import core_batch
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    Backprop,
    ErrorDescent,
    ErrorOptimization,
    ExactEquilibrium,
    ForwardUpdate,
    GaussSeidel,
    GradientFlow,
    IncrementalDescent,
    LearnedPrecision,
    NesterovDescent,
    Nudged,
    Objective,
    PrecisionDescent,
    ProspectiveConfiguration,
    ZeroDivergence,
)
from pcnet.inference._learning import weight_updates
from pcnet.theory import backprop_gradients, in_float64


def methods(n_hidden):
    """Every method, with enough steps for the output's signal to reach all layers."""
    spikes = PrecisionDescent(n_steps=n_hidden + 1, rate=0.5)
    return [
        Backprop(),
        ZeroDivergence(),
        ErrorDescent(),
        ErrorDescent(max_steps=200, tol=1e-4, energy_tol=0.0),
        ProspectiveConfiguration(),
        LearnedPrecision(),
        Nudged(),
        Nudged(kind="positive"),
        ErrorOptimization(n_steps=16, rate=0.3),
        GaussSeidel(n_sweeps=n_hidden, rate=0.5),
        ActivityDescent(n_steps=n_hidden, rate=0.25),
        ActivityDescent(n_steps=n_hidden, rate=0.25, momentum=0.8),
        NesterovDescent(n_steps=n_hidden, rate=0.25),
        NesterovDescent(n_steps=5 * n_hidden, rate=0.25),
        AdamActivityDescent(n_steps=n_hidden, rate=0.003),
        IncrementalDescent(n_steps=n_hidden, rate=0.25),
        spikes,
        ForwardUpdate(spikes),
        GradientFlow(),
        GradientFlow(step=0.25),
        GradientFlow("bogacki_shampine", rtol=1e-4, atol=1e-5),
        AugmentedLagrangian(n_steps=2 * n_hidden),
    ]


def linear_methods(n_hidden):
    """The methods that differ for a linear network."""
    return [
        Backprop(),
        ExactEquilibrium(),
        ErrorDescent(),
        ActivityDescent(n_steps=n_hidden, rate=0.25),
        AugmentedLagrangian(n_steps=2 * n_hidden),
        AugmentedLagrangian(n_steps=20 * n_hidden),
    ]


TABLES = {"tanh": methods, "identity": linear_methods}


def cosine(a, b):
    a, b = (np.concatenate([w.ravel() for w in part]).astype(np.float64) for part in (a, b))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def learn(net, X, Y, method):
    """Inference as training runs it: the sum of its updates' weight gradients, and its passes.

    As `pcnet.inference.learning_gradients`, which does not return the passes.
    """
    method = method.for_training(net, None)
    batch = core_batch(net, len(X) * method.rows_per_sample)
    total = None
    for update in weight_updates(method, batch, X, Y, Objective(), np.full(len(X), 1 / len(X))):
        weights, _ = batch.weight_gradients(*update)
        total = weights if total is None else [a + b for a, b in zip(total, weights, strict=True)]
    return total, batch.n_half_passes[: len(X)].mean() / 2


class Yardsticks(NamedTuple):
    """Reference values for all methods, computed in float64."""

    net: Network
    first: float
    least: float
    at_equilibrium: list
    by_backprop: list


def yardsticks(net, X, Y):
    exact = in_float64(net)
    least = infer(exact, X, Y, ErrorDescent(2000, tol=1e-9, energy_tol=0.0))
    first = infer(exact, X, Y, ErrorDescent(0)).energy.mean()
    at_equilibrium, _ = exact.weight_gradients(X, least.errors, least.activities)
    by_backprop, _ = backprop_gradients(net, X, Y)
    return Yardsticks(exact, first, least.energy.mean(), at_equilibrium, by_backprop)


def label(method):
    return " ".join(repr(method).split())


def rows(net, X, Y, tried):
    """(method, {what: figure}) of each method, without its time."""
    truth = yardsticks(net, X, Y)
    for method in tried:
        weights, n_passes = learn(net, X, Y, method)
        # the energy of the activities, not of the method's errors
        energy = truth.net.energy(X, Y, infer(net, X, Y, method).activities).sum()
        yield (
            method,
            {
                "passes": n_passes,
                "excess": max(energy - truth.least, 0.0) / (truth.first - truth.least),
                "backprop": cosine(weights, truth.by_backprop),
                "equilibrium": cosine(weights, truth.at_equilibrium),
            },
        )


def problem(activation, depth=20, width=64, n=128):
    """A network at its initial weights and n digits, float32."""
    X, y = load_digits(return_X_y=True)
    X, Y = (X[:n] / 8 - 1).astype(np.float32), np.eye(10, dtype=np.float32)[y[:n]]
    return Network.init((X.shape[1], *(width,) * depth, 10), activation, random_state=0), X, Y


def print_table(net, X, Y, tried):
    """A row for each method; the first is the unit of time."""
    print("| method | passes | excess energy | cosine to BP | to equilibrium | time |")
    print("|---|---|---|---|---|---|")
    works = [lambda method=method: learn(net, X, Y, method) for method in tried]
    seconds = alternate_seconds(works, repeats=3, least=0.02, rest=0.02)
    for (method, found), time in zip(rows(net, X, Y, tried), seconds, strict=True):
        print(
            f"| `{label(method)}` | {found['passes']:.1f} | {found['excess']:.1e} "
            f"| {found['backprop']:.4f} | {found['equilibrium']:.4f} | {time / seconds[0]:.1f} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--depth", type=int, default=20, help="hidden layers")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--samples", type=int, default=128)
    arguments = parser.parse_args()
    print_environment()
    sizes = arguments.depth, arguments.width, arguments.samples
    for activation, tried in TABLES.items():
        print(f"\n{activation}, {sizes[0]} hidden layers of {sizes[1]}, {sizes[2]} samples")
        print_table(*problem(activation, *sizes), tried(arguments.depth))


if __name__ == "__main__":
    main()
