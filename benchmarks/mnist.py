"""MNIST: accuracy of deep networks after one epoch, and whether inference reached equilibrium.

    python benchmarks/mnist.py PATH_TO_NPZ [--depths 30 128]

Two networks of width 128, default arguments but for shape, batch_size=64 and max_iter=1: 30
layers for 900 batches, 128 layers for one epoch. Almost no
inference would give a good accuracy too (output precision towards 0 is backpropagation), so the
script also prints the precision, the passes, and the share of samples at equilibrium:

    (F - F*) / (F0 - F*) <= 0.01

F the energy that training's inference reached, F0 that of the feed-forward state and F* that of
a long run in float64; and with the cosines of the weight gradient to backpropagation's and to
the one at F*.
"""

import argparse
import time

import numpy as np
from _common import load_mnist, print_environment, verdict

from pcnet import Network, PCClassifier, infer
from pcnet.inference import ErrorDescent

BATCH_SIZE = 64
WIDTH = 128
TARGETS = {30: 0.965, 128: 0.960}
BATCHES = {30: 900}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="npz with X_train, y_train, X_test, y_test (uint8 images)")
    parser.add_argument("--depths", type=int, nargs="+", default=[30, 128], help="layers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=512, help="test rows for the equilibrium")
    arguments = parser.parse_args()
    print_environment()
    data = load_mnist(arguments.data)
    for depth in arguments.depths:
        model = train(depth, data, arguments.seed)
        report_equilibrium(model, data[2][: arguments.samples], data[3][: arguments.samples])


def train(depth, data, seed):
    """Fit and report one network, for an epoch or its first batches."""
    X, y, X_test, y_test = data
    n = min(len(X), BATCHES.get(depth, 10**9) * BATCH_SIZE)
    model = PCClassifier(
        (WIDTH,) * (depth - 1), batch_size=BATCH_SIZE, max_iter=1, random_state=seed
    )
    start = time.perf_counter()
    model.fit(X[:n], y[:n])
    seconds = time.perf_counter() - start
    accuracy = model.score(X_test, y_test)
    target = TARGETS.get(depth)
    outcome = "" if target is None else f"  target {target:.1%}: {verdict(accuracy, target)}"
    batches = -(-n // BATCH_SIZE)
    print(f"\n{depth} layers x {WIDTH}, squared error, {batches} batches of {BATCH_SIZE}")
    print(f"  test accuracy {accuracy:.2%}{outcome}")
    print(f"  {seconds:.1f} s, {1e3 * seconds / batches:.1f} ms a batch")
    print(
        f"  inference steps a sample, mean {model.n_inference_steps_[-1]:.2f}; "
        f"converged {model.converged_fraction_[-1]:.1%}; "
        f"output precision {model.output_precision_:.4f}",
        flush=True,
    )
    return model


def report_equilibrium(model, X, y):
    """How far from equilibrium inference ends on the trained network, at two precisions."""
    Y = np.eye(len(model.classes_))[np.searchsorted(model.classes_, y)]
    default = model.output_precision_
    for precision, method, target in (
        (default, ErrorDescent(), 0.98),
        (1.0, ErrorDescent(max_steps=300, tol=1e-3), 0.95),
    ):
        problem = {"loss": "squared_error", "output_precision": precision}
        F = infer(model.network_, X, Y, method=method, **problem)
        exact = as_float64(model.network_)
        best = infer(exact, X, Y, ErrorDescent(5000, tol=1e-9, energy_tol=1e-14), **problem)
        start = infer(exact, X, Y, ErrorDescent(max_steps=0), **problem)
        share = equilibrium_share(F.energy, best.energy, start.energy)
        backprop = infer(exact, X, Y, loss="squared_error", output_precision=1e-9)
        gradient = gradient_of(exact, X, F)
        print(
            f"  precision {precision:.4f}, {method}: at equilibrium {share:.1%}, "
            f"target {target:.0%}: {verdict(share, target)}; passes mean {F.n_passes.mean():.2f}, "
            f"95th percentile {np.percentile(F.n_passes, 95):.1f}; F* / F0 "
            f"{best.energy.mean() / start.energy.mean():.3f}; gradient cosine to equilibrium "
            f"{cosine(gradient, gradient_of(exact, X, best)):.5f}, to backpropagation "
            f"{cosine(gradient, gradient_of(exact, X, backprop)):.3f}",
            flush=True,
        )


def as_float64(net):
    biases = None if net.biases is None else [b.astype(float) for b in net.biases]
    weights = [w.astype(float) for w in net.weights]
    return Network.from_weights(weights, biases, net.activation, net.scales, net.skips)


def equilibrium_share(energy, best, start):
    """Share of samples with (F - F*) / (F0 - F*) <= 0.01.

    Where F is within float32's rounding of F0 - F*, the sample counts as it falls.
    """
    best = np.minimum(best, energy)
    return np.mean(energy - best <= 0.01 * (start - best))


def gradient_of(net, X, result):
    """All weight gradients as one vector."""
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    return np.concatenate([w.ravel() for w in weights])


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


if __name__ == "__main__":
    main()
