"""All methods of inference on one network: passes, energy, gradient cosines, time.

    python benchmarks/inference_methods.py [--depth 20] [--width 64] [--samples 128]

A residual tanh network at its initial weights, digits with one-hot targets, float32. The excess
energy is (F - F*) / (F0 - F*), F* from a long float64 error descent, F0 the feed-forward energy;
cosines are of the gradient of all weights, to backpropagation's and to that at F*. Times are of the
same run, as ratios to backpropagation's one forward and one backward pass.
"""

import argparse

import numpy as np
from _common import alternate_seconds, print_environment
from sklearn.datasets import load_digits

from pcnet import Network, infer
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    Backprop,
    ErrorDescent,
    ErrorOptimization,
    GaussSeidel,
    GradientFlow,
    ProspectiveConfiguration,
    ZeroDivergence,
)
from pcnet.theory import backprop_gradients, in_float64


def methods(n_hidden):
    """Those that end with activities and errors; steps enough for the signal to pass all layers."""
    return [
        Backprop(),
        ZeroDivergence(),
        ErrorDescent(),
        ErrorDescent(max_steps=200, tol=1e-4, energy_tol=0.0),
        ProspectiveConfiguration(),
        ErrorOptimization(n_steps=16, rate=0.3),
        GaussSeidel(n_sweeps=n_hidden, rate=0.5),
        ActivityDescent(n_steps=n_hidden, rate=0.25),
        ActivityDescent(n_steps=n_hidden, rate=0.25, momentum=0.8),
        AdamActivityDescent(n_steps=n_hidden, rate=0.003),
        GradientFlow(),
        AugmentedLagrangian(n_steps=2 * n_hidden),
    ]


def cosine(a, b):
    a, b = (np.concatenate([w.ravel() for w in part]).astype(np.float64) for part in (a, b))
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--depth", type=int, default=20, help="hidden layers")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--samples", type=int, default=128)
    arguments = parser.parse_args()
    print_environment()
    X, y = load_digits(return_X_y=True)
    n = arguments.samples
    X, Y = (X[:n] / 8 - 1).astype(np.float32), np.eye(10, dtype=np.float32)[y[:n]]
    sizes = (X.shape[1], *(arguments.width,) * arguments.depth, 10)
    net = Network.init(sizes, "tanh", random_state=0)
    exact = in_float64(net)
    least = infer(exact, X, Y, ErrorDescent(2000, tol=1e-9, energy_tol=0.0))
    first = infer(exact, X, Y, ErrorDescent(0)).energy.mean()
    at_equilibrium, _ = exact.weight_gradients(X, least.errors, least.activities)
    by_backprop, _ = backprop_gradients(net, X, Y)
    print(f"\n{arguments.depth} hidden layers of {arguments.width}, {n} samples")
    print("| method | passes | excess energy | cosine to BP | to equilibrium | time |")
    print("|---|---|---|---|---|---|")
    tried = methods(arguments.depth)
    works = [lambda method=method: infer(net, X, Y, method) for method in tried]
    seconds = alternate_seconds(works, repeats=3, least=0.02, rest=0.02)
    for method, time in zip(tried, seconds, strict=True):
        end = infer(net, X, Y, method)
        energy = infer_energy(exact, X, Y, end)
        weights, _ = net.weight_gradients(X, end.errors, end.activities)
        print(
            f"| `{method}` | {end.n_passes.mean():.1f} "
            f"| {(energy - least.energy.mean()) / (first - least.energy.mean()):.1e} "
            f"| {cosine(weights, by_backprop):.4f} | {cosine(weights, at_equilibrium):.4f} "
            f"| {time / seconds[0]:.1f} |",
            flush=True,
        )


def infer_energy(net, X, Y, end):
    """F at the activities that a method ended with, whatever it took for errors."""
    return net.energy(X, Y, end.activities).sum()


if __name__ == "__main__":
    main()
