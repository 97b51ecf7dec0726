"""Error descent and its quasi-Newton form: passes to 1 % of the excess energy.

    python benchmarks/quasi_newton.py [PATH] [--samples 128]

PATH is an npz with X_train and y_train (MNIST as uint8 images). With it: a residual classifier of
128 layers x 128, trained on 5,000 images at output precision 1. Then decoders of scikit-learn's
digits with 2 and 6 hidden layers, trained with 25 % of the pixels missing.

A sample's passes are those it takes until (F - F*) / (F0 - F*) <= 1 %, F0 being the feed-forward
energy, F* that after a long run of either method; steps are the accepted ones. float64, no end
tests.
"""

import argparse

import numpy as np
from _common import MNIST_MEAN, MNIST_STD, alternate_seconds, print_environment
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from pcnet import Network, PCClassifier, infer
from pcnet.generative import CauseTrainer, infer_causes
from pcnet.inference import ErrorDescent, Objective, QuasiNewton
from pcnet.theory import in_float64

PRECISION = 10.0  # of the digits
KINDS = {"ErrorDescent": ErrorDescent, "QuasiNewton": QuasiNewton}
STEPS = [*range(24), *range(24, 60, 4), *range(60, 200, 10), *range(200, 801, 50)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="?")
    parser.add_argument("--samples", type=int, default=128)
    options = parser.parse_args()
    print_environment()
    if options.path is not None:
        net, X, Y = classifier(options.path, options.samples)
        report("classifier, 128 layers", lambda method: infer(net, X, Y, method))
    for n_hidden in (2, 6):
        net, Y = decoder(n_hidden, options.samples)
        report(
            f"decoder, {n_hidden} hidden layers",
            lambda method, net=net, Y=Y: infer_causes(net, Y, method, output_precision=PRECISION),
        )


def classifier(path, n_samples):
    """Network, inputs and targets in float64; its objective is that of the training."""
    with np.load(path) as data:
        X, y = data["X_train"][: 5000 + n_samples], data["y_train"][: 5000 + n_samples]
    X = ((X.reshape(len(X), -1) / 255 - MNIST_MEAN) / MNIST_STD).astype(np.float32)
    model = PCClassifier((128,) * 127, output_precision=1.0, max_iter=1, tol=0, random_state=0)
    model.fit(X[:5000], y[:5000])
    print(f"trained: accuracy {model.score(X[5000:], y[5000:]):.3f} on other images", flush=True)
    return in_float64(model.network_), X[5000:].astype(np.float64), np.eye(10)[y[5000:]]


def decoder(n_hidden, n_samples, n_epochs=20):
    """Network of 16 causes and the digits in float64, 25 % of the pixels NaN."""
    rng = np.random.default_rng(0)
    Y = StandardScaler().fit_transform(load_digits().data)
    Y = Y[rng.permutation(len(Y))]
    observed = (rng.random(Y.shape) < 0.75).astype(np.float64)
    net = Network.init((16, *(64,) * n_hidden, 64), "tanh", random_state=0, dtype=np.float64)
    trainer = CauseTrainer(net, Objective(output_precision=PRECISION))
    errors = trainer.start_errors(len(Y))
    for epoch in range(n_epochs):
        for rows in np.array_split(rng.permutation(len(Y)), len(Y) // 60):
            rate, kept = 0.03 * (1 - epoch / n_epochs), {"errors": errors, "rows": rows}
            trainer.step(Y[rows], observed[rows], learning_rate=rate, weight_decay=0.03, **kept)
    trainer.sync()
    return net, np.where(observed > 0, Y, np.nan)[:n_samples]


def report(name, run):
    start = run(ErrorDescent(0)).energy
    longest = [run(ErrorDescent(1000, 0.0, 0.0)), run(QuasiNewton(3000, 0.0, 0.0, 20))]
    least = np.min([r.energy for r in longest], axis=0)
    print(f"\n{name}: F* / F0 {least.mean() / start.mean():.3f}")
    for kind, make in KINDS.items():
        steps, passes = np.full((2, len(start)), np.inf)
        for k in STEPS:
            r = run(make(k, 0.0, 0.0))
            new = (r.energy - least <= 0.01 * (start - least)) & np.isinf(steps)
            steps[new], passes[new] = r.n_steps[new], r.n_passes[new]
            if np.isfinite(steps).all():
                break
        print(f"{kind:14} to 1 %: steps {spread(steps)}, passes {spread(passes)}")
    defaults = [make() for make in KINDS.values()]
    seconds = alternate_seconds([lambda m=m: run(m) for m in defaults], rest=0)
    for method, took in zip(defaults, seconds, strict=True):
        r = run(method)
        median, high = np.quantile(100 * (r.energy - least) / (start - least), [0.5, 0.95])
        within = ((r.energy - least) <= 0.01 * (start - least)).mean()
        print(
            f"{method!r:14} {r.n_passes.mean():.1f} passes a sample, "
            f"{took / len(start) * 1e3:.2f} ms, excess {median:.2g} % / {high:.2g} %, "
            f"at most 1 %: {within:.0%}",
            flush=True,
        )


def spread(values):
    median, high = np.quantile(values, [0.5, 0.95], method="higher")
    return f"{median:.4g} / {high:.4g}"


if __name__ == "__main__":
    main()
