"""MNIST: cost and benefit of two defaults, the tolerance of inference and the boost.

    python benchmarks/choices.py PATH [--what tolerance boost] [--epochs 1]

"tolerance": networks of 30 and 128 layers x 128, trained for an epoch at the default precision;
on 512 test images the share of samples at equilibrium, the passes, and the cosine of the weight
gradient to the one at equilibrium, by `tol`, with and without predicted ends. "boost": test
accuracy after an epoch, mean of two seeds, by the factor of the learning rates of shallow networks
(`shallow_boost`).
"""

import argparse
import itertools

import numpy as np
from _common import load_mnist, print_environment
from mnist import WIDTH, as_float64, cosine, equilibrium_share, gradient_of

from pcnet import PCClassifier, infer, parameterization
from pcnet.inference import ErrorDescent

TOLERANCES = (0.01, 0.02, 0.05, 0.1, 0.2)
BOOSTS = (1.0, 1.4, 1.95, 3.0, 4.1)
SHAPES = {(100,): 200, (128, 128): 64, (128,) * 3: 64}  # hidden layers -> batch size


def tolerance(data, epochs):
    """A line for each depth and tolerance."""
    X, y, X_test, y_test = data
    X_test, Y = X_test[:512], np.eye(10)[y_test[:512]]
    print("\nlayers   tol   predicted   at equilibrium   passes   cosine to equilibrium")
    for depth in (30, 128):
        model = PCClassifier(
            (WIDTH,) * (depth - 1), batch_size=64, max_iter=epochs, random_state=0
        ).fit(X, y)
        problem = {"loss": "squared_error", "output_precision": model.output_precision_}
        exact = as_float64(model.network_)
        best = infer(exact, X_test, Y, ErrorDescent(5000, tol=1e-9, energy_tol=1e-14), **problem)
        start = infer(exact, X_test, Y, ErrorDescent(max_steps=0), **problem)
        for tol, predicted in itertools.product(TOLERANCES, (False, True)):
            method = ErrorDescent(tol=tol, predict_convergence=predicted)
            result = infer(model.network_, X_test, Y, method, **problem)
            share = equilibrium_share(result.energy, best.energy, start.energy)
            turned = cosine(gradient_of(exact, X_test, result), gradient_of(exact, X_test, best))
            print(
                f"{depth:6d} {tol:5.2f} {predicted!s:>11} {share:16.1%} "
                f"{result.n_passes.mean():8.2f} {turned:23.5f}",
                flush=True,
            )


def boost(data, epochs):
    """A line for each shape; a column for each factor."""
    X, y, X_test, y_test = data
    own = parameterization.shallow_boost
    print("\nhidden layers   " + "".join(f"{factor:8.2f}" for factor in BOOSTS))
    try:
        for shape, batch_size in SHAPES.items():
            means = []
            for factor in BOOSTS:
                parameterization.shallow_boost = lambda skips, factor=factor: factor
                scores = [
                    PCClassifier(shape, batch_size=batch_size, max_iter=epochs, random_state=seed)
                    .fit(X, y)
                    .score(X_test, y_test)
                    for seed in range(2)
                ]
                means.append(np.mean(scores))
            print(f"{shape!s:16}" + "".join(f"{mean:8.1%}" for mean in means), flush=True)
    finally:
        parameterization.shallow_boost = own


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="npz with X_train, y_train, X_test, y_test (uint8 images)")
    parser.add_argument("--what", nargs="+", choices=["tolerance", "boost"], default=["tolerance"])
    parser.add_argument("--epochs", type=int, default=1)
    arguments = parser.parse_args()
    print_environment()
    data = load_mnist(arguments.data)
    for name in arguments.what:
        {"tolerance": tolerance, "boost": boost}[name](data, arguments.epochs)


if __name__ == "__main__":
    main()
