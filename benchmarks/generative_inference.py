"""Generative inference: milliseconds and passes a sample of pcnet, SciPy's L-BFGS-B and jpc.

    python benchmarks/generative_inference.py MNIST.npz [--parts shallow deep density]

Networks of 10-300-..-784 units are trained for 100 steps on MNIST with its labels as causes: two
hidden layers with standard scales, as in jpc's example, and four with those of muPC. Then the same
energy of test images is minimised

- with the label given, by all three; hidden activities are free;
- with free causes (prior: mean 0.1, precision 10), by pcnet and SciPy; jpc has no prior.

SciPy minimises one sample after the other, on the activities, with a NumPy function of the energy
and its gradient. jpc integrates its gradient flow (Heun's method, adaptive steps), compiled. Where
jpc is not installed, the same flow with fixed steps runs in NumPy. Each takes the loosest tolerance
or shortest time that leaves at most 1 % of the excess energy, mean of the samples, counted from the
feed-forward state.

A pass is a forward and a backward pass of one sample.

The part density: milliseconds a sample of `log_density`, on an untrained network, 64-256-784 units.
"""

import argparse
import time

import numpy as np
import scipy.optimize
from _common import MNIST_MEAN, MNIST_STD, print_environment
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import Network, infer
from pcnet.generative import HybridTrainer, Prior, infer_causes, log_density
from pcnet.inference import QuasiNewton

NETWORKS = {  # hidden layers, parameterization, learning rate
    "shallow": (2, "sp", 1e-3),
    "deep": (4, "mupc", 0.03),
}
PARTS = (*NETWORKS, "density")
PRIOR = Prior(0.1, 10.0)
TIGHT = QuasiNewton(max_steps=1000, tol=1e-10, energy_tol=0.0)
LEFT = 0.01
MOST = 8  # samples for SciPy, which takes one after the other


def main():
    arguments = parse()
    versions = {}
    try:
        import jax

        versions["jax"] = jax.__version__
        import jpc  # noqa: F401

        versions["jpc"] = "installed"
    except ImportError:
        print("jpc is not installed: its flow runs in NumPy")
    print_environment(**versions)
    print(f"\n{arguments.samples} samples, {arguments.threads} thread(s); SciPy in float64")
    with pcnet.set_num_threads(arguments.threads), threadpool_limits(arguments.threads):
        for part in arguments.parts:
            if part == "density":
                densities(arguments.data, arguments.samples)
            else:
                inferences(part, arguments, "jpc" in versions)


def inferences(name, arguments, has_jpc):
    n_hidden, parameterization, learning_rate = NETWORKS[name]
    net, X, Y = problem(
        arguments.data, arguments.samples, n_hidden, parameterization, learning_rate
    )
    for title, causes in (("label given", X), ("free causes", None)):
        print(f"\n{n_hidden} hidden layers, {parameterization}, {title}\n")
        print("| | ms a sample | passes a sample | excess left | times pcnet's |")
        print("|---|---|---|---|---|")
        rows = [ours(net, causes, Y), of_scipy(net, causes, Y)]
        if causes is not None:
            rows.append(of_jpc(net, X, Y) if has_jpc else of_flow(net, X, Y))
        for row, milliseconds, passes, left in rows:
            ratio = milliseconds / rows[0][1]
            print(f"| {row} | {milliseconds:.3f} | {passes:.1f} | {left:.4f} | {ratio:.1f} |")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="an .npz file with MNIST's X_train, y_train, X_test, y_test")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


def load(path):
    """Standardised images and one-hot labels of the parts "train" and "test"."""
    with np.load(path) as stored:
        return {
            part: (
                ((stored[f"X_{part}"].reshape(-1, 784) / 255 - MNIST_MEAN) / MNIST_STD).astype(
                    "f4"
                ),
                np.eye(10, dtype="f4")[stored[f"y_{part}"]],
            )
            for part in ("train", "test")
        }


def densities(path, n):
    """Of complete rows and of rows with a quarter missing: the inference alone, and all of it."""
    Y = load(path)["test"][0][:n]
    part = np.where(np.random.default_rng(0).random(Y.shape) < 0.25, np.nan, Y)
    net = Network.init((64, 256, 784), "tanh", bias=True, random_state=0)
    precise = QuasiNewton(max_steps=1000, tol=1e-10, energy_tol=1e-12)
    print("\n| rows | ms a sample, inference | log_density |\n|---|---|---|")
    for name, rows in (("complete", Y), ("a quarter missing", part)):
        inference = median_seconds(
            lambda rows=rows: infer_causes(net, rows, precise, output_precision=10.0)
        )
        whole = median_seconds(lambda rows=rows: log_density(net, rows, output_precision=10.0))
        print(f"| {name} | {1e3 * inference / n:.2f} | {1e3 * whole / n:.2f} |")


def problem(path, n, n_hidden, parameterization, learning_rate):
    """A generator, trained a little, and labels and images that it has not seen."""
    data = load(path)
    sizes = (10, *(300,) * n_hidden, 784)
    net = Network.init(sizes, "tanh", parameterization, skip=False, bias=True, random_state=0)
    amortizer = Network.init(sizes[::-1], "tanh", bias=True, random_state=1)
    trainer = HybridTrainer(net, amortizer, given_causes=True)
    for i in range(100):
        rows = slice(64 * i, 64 * i + 64)
        trainer.step(data["train"][0][rows], data["train"][1][rows], learning_rate=learning_rate)
    trainer.sync()
    return net, data["test"][1][:n], data["test"][0][:n]


def inferred(net, X, Y, method="quasi_newton"):
    if X is None:
        return infer_causes(net, Y, method, prior=PRIOR)
    return infer(net, X, Y, method)


def extremes(net, X, Y):
    """Energies of the samples at the feed-forward state and at the minimum."""
    start = inferred(net, X, Y, QuasiNewton(max_steps=0)).energy
    return start, inferred(net, X, Y, TIGHT).energy


def share_left(energy, start, least):
    return float(np.mean((energy - least) / (start - least)))


def median_seconds(work, repeats=5):
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds))


def ours(net, X, Y):
    start, least = extremes(net, X, Y)
    for tol in (1.0, 0.5, 0.3, 0.2, 0.1, 0.07, 0.05, 0.03, 0.02):
        method = QuasiNewton(tol=tol)
        result = inferred(net, X, Y, method)
        left = share_left(result.energy, start, least)
        if left <= LEFT:
            break
    seconds = median_seconds(lambda: inferred(net, X, Y, method), 21)
    name = f"pcnet, QuasiNewton(tol={tol:g})"
    return name, 1e3 * seconds / len(Y), result.n_passes.mean(), left


class Energy:
    """Energies and gradients by the free activities of a network, in NumPy."""

    def __init__(self, net, free_input):
        self.W = [w.astype(float) * a for w, a in zip(net.weights, net.scales, strict=True)]
        self.b = [b.astype(float) for b in net.biases]
        self.free = free_input
        sizes = net.layer_sizes
        self.cuts = np.cumsum(sizes[:-1] if free_input else sizes[1:-1])[:-1]

    def start(self, x):
        layers = [np.atleast_2d(x)]
        for i, (W, b) in enumerate(zip(self.W[:-1], self.b[:-1], strict=True)):
            layers.append((np.tanh(layers[-1]) if i else layers[-1]) @ W + b)
        return np.concatenate(layers if self.free else layers[1:], axis=1)

    def __call__(self, z, x, y):
        """Energies (n,) and gradients (n, D) at activities z (n, D)."""
        layers = np.split(z, self.cuts, axis=1)
        layers = [*layers, y] if self.free else [x, *layers, y]
        energy, gradients = 0, [np.zeros_like(layer) for layer in layers]
        if self.free:
            gradients[0] = PRIOR.precision * (layers[0] - PRIOR.mean)
            energy = 0.5 * PRIOR.precision * np.sum((layers[0] - PRIOR.mean) ** 2, axis=1)
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            f = np.tanh(layers[i]) if i else layers[i]
            e = layers[i + 1] - f @ W - b
            energy = energy + 0.5 * np.sum(e**2, axis=1)
            gradients[i + 1] += e
            if i or self.free:
                gradients[i] -= (e @ W.T) * (1 - f**2 if i else 1)
        return energy, np.concatenate(gradients[:-1] if self.free else gradients[1:-1], axis=1)


def of_scipy(net, X, Y):
    X, Y = None if X is None else X[:MOST], Y[:MOST]
    function = Energy(net, X is None)
    inputs = np.full((len(Y), 10), PRIOR.mean) if X is None else X.astype(float)
    Y = Y.astype(float)

    def run(ftol):
        energies, passes = [], 0
        for x, y in zip(inputs, Y, strict=True):

            def one(z, x=x[None], y=y[None]):
                energy, gradient = function(z[None], x, y)
                return energy[0], gradient[0]

            found = scipy.optimize.minimize(
                one, function.start(x)[0], jac=True, method="L-BFGS-B",
                options={"ftol": ftol, "gtol": 0.0, "maxiter": 500, "maxcor": 5},
            )  # fmt: skip
            energies.append(found.fun)
            passes += found.nfev
        return np.array(energies), passes / len(Y)

    start, least = extremes(net, X, Y)
    for ftol in (0.1, 0.05, 0.03, 0.02, 1e-2, 5e-3, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6):
        begin = time.perf_counter()
        energies, passes = run(ftol)
        milliseconds = 1e3 * (time.perf_counter() - begin) / len(Y)
        left = share_left(energies, start, least)
        if left <= LEFT:
            break
    return f"SciPy L-BFGS-B, ftol={ftol:g}", milliseconds, passes, left


def of_flow(net, X, Y):
    """Heun's method with the largest of some steps that end low enough, all samples at once."""
    function = Energy(net, False)
    X, Y = X.astype(float), Y.astype(float)

    def run(step, n_steps):
        z = function.start(X)
        for _ in range(n_steps):
            first = function(z, X, Y)[1]
            second = function(z - step * first, X, Y)[1]
            z = z - step * 0.5 * (first + second)
        return function(z, X, Y)[0]

    start, least = extremes(net, X, Y)
    best = None
    with np.errstate(over="ignore", invalid="ignore"):
        for step in (0.005, 0.01, 0.02, 0.05, 0.1):
            for n_steps in (20, 50, 100, 200, 500, 1000):
                left = share_left(run(step, n_steps), start, least)
                if left <= LEFT and (best is None or n_steps < best[1]):
                    best = step, n_steps, left
    step, n_steps, left = best
    seconds = median_seconds(lambda: run(step, n_steps), 3)
    name = f"jpc's flow in NumPy, {n_steps} steps of Heun, {step:g}"
    return name, 1e3 * seconds / len(Y), 2.0 * n_steps, left


def of_jpc(net, X, Y):
    """jpc's `solve_inference` from its feed-forward state, compiled."""
    import equinox
    import jax
    import jpc

    model = jpc.make_mlp(
        jax.random.PRNGKey(0), input_dim=10, width=300, depth=net.n_layers, output_dim=784,
        act_fn="tanh", use_bias=True,
    )  # fmt: skip
    linear = [next(part for part in layer.layers if hasattr(part, "weight")) for layer in model]
    for i, layer in enumerate(linear):
        new = (np.asarray(net.weights[i].T * np.float32(net.scales[i])), np.asarray(net.biases[i]))
        where = model[i].layers.index(layer)
        model[i] = equinox.tree_at(
            lambda m, j=where: (m.layers[j].weight, m.layers[j].bias), model[i], new
        )
    X, Y = jax.numpy.asarray(X), jax.numpy.asarray(Y)

    def make(most):
        @equinox.filter_jit
        def run():
            activities = jpc.init_activities_with_ffwd(model=model, input=X)
            return jpc.solve_inference((model, None), activities, Y, input=X, max_t1=most)

        return run

    start, least = extremes(net, np.asarray(X), np.asarray(Y))
    for most in (25, 50, 75, 100, 200, 500, 1000, 2000):
        run = make(most)
        z = [np.asarray(layer)[-1].astype(float) for layer in run()]
        function = Energy(net, False)
        energy = function(
            np.concatenate(z[:-1], axis=1), np.asarray(X, float), np.asarray(Y, float)
        )[0]
        left = share_left(energy, start, least)
        if left <= LEFT:
            break
    seconds = median_seconds(lambda: jax.block_until_ready(run()), 3)
    return f"jpc, max_t1={most}", 1e3 * seconds / len(Y), float("nan"), left


if __name__ == "__main__":
    main()
