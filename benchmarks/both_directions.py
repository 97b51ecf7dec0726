"""Hybrid and bidirectional predictive coding on MNIST, beside the published figures.

    python benchmarks/both_directions.py MNIST.npz [--seeds 3] [--only NAME]

Accuracy in % on the 10,000 test images, mean and range over the seeds, after as many updates of as
many samples as jpc's examples and the notebook of the Bogacz group take. Networks have standard
scales ("sp"), rectifiers and Adam at 1e-3 (falling linearly: the hybrid's amortizer, with muPC and
a tenth of the usual initial weights, from 0.03; the supervised generator from 2e-3; the notebook's
network: 2e-3). Inference is `QuasiNewton()`, to equilibrium, except where the published one makes
a short way: a single step with p_g = 1, as in jpc's example, and in the notebook's network. Images
are standardised, for the notebook's network from 0 to 1.

Generators classify by the largest inferred cause (prior: mean 0.1, precision 10), from the
amortizer's activities or from 0; or by the label of least energy among the ten.
"""

import argparse
import time

import numpy as np
from _common import MNIST_MEAN, MNIST_STD, print_environment

import pcnet
from pcnet import Network, infer
from pcnet.generative import BidirectionalTrainer, HybridTrainer, Prior, infer_causes
from pcnet.inference import QuasiNewton

PRIOR = Prior(0.1, 10.0)


class Digits:
    """MNIST, standardised or from 0 to 1, and minibatches of its training part."""

    def __init__(self, path, standardise=True, n_train=60_000):
        with np.load(path) as stored:
            images = {
                p: stored[f"X_{p}"].reshape(-1, 784) / np.float32(255) for p in ("train", "test")
            }
            self.labels = stored["y_train"][:n_train]
            self.test_labels = stored["y_test"]
        if standardise:
            images = {
                p: (x - np.float32(MNIST_MEAN)) / np.float32(MNIST_STD) for p, x in images.items()
            }
        self.images, self.test_images = images["train"][:n_train], images["test"]

    def batches(self, size, n, seed):
        """n minibatches: one-hot labels and images."""
        rng, one_hot = np.random.default_rng(seed), np.eye(10, dtype=np.float32)
        rows = np.empty(0, int)
        for _ in range(n):
            if len(rows) < size:
                rows = rng.permutation(len(self.labels))
            now, rows = rows[:size], rows[size:]
            yield one_hot[self.labels[now]], self.images[now]

    def accuracy(self, outputs):
        return 100 * np.mean(outputs.argmax(axis=1) == self.test_labels)


def network(sizes, seed, parameterization="sp", bias=True):
    return Network.init(sizes, "relu", parameterization, bias=bias, random_state=seed, skip=False)


def hybrid(digits, seed):
    """10-300-300-784 and back, 300 updates of 64: amortizer, hybrid, generator from 0, energies."""
    sizes = (10, 300, 300, 784)
    generator, amortizer = network(sizes, seed), network(sizes[::-1], seed + 100, "mupc")
    for W in amortizer.weights:
        W *= 0.1  # small first guesses: the generator's inference starts from them
    trainer = HybridTrainer(generator, amortizer, given_causes=True)
    for i, (X, Y) in enumerate(digits.batches(64, 300, seed)):
        trainer.step(Y, X, learning_rate=1e-3, amortizer_rate=0.03 * (1 - i / 300))
    trainer.sync()
    images = digits.test_images
    return {
        "amortizer": digits.accuracy(amortizer.output(images)),
        "hybrid": digits.accuracy(causes(generator, images, amortizer)),
        "generator from 0": digits.accuracy(causes(generator, images)),
        "least energy": digits.accuracy(-class_energies(generator, images)),
    }


def generator_alone(digits, seed):
    """10-300-300-784, 200 updates of 64, without an amortizer's help in the inference."""
    sizes, n = (10, 300, 300, 784), 200
    generator, amortizer = network(sizes, seed), network(sizes[::-1], seed + 100, "mupc")
    trainer = HybridTrainer(generator, amortizer, given_causes=True)
    for i, (X, Y) in enumerate(digits.batches(64, n, seed)):
        trainer.step(Y, X, learning_rate=2e-3 * (1 - i / n))
    trainer.sync()
    images = digits.test_images
    return {
        "largest cause": digits.accuracy(causes(generator, images)),
        "least energy": digits.accuracy(-class_energies(generator, images)),
    }


def causes(generator, images, amortizer=None):
    blocks = np.split(images, 10)
    found = [infer_causes(generator, part, prior=PRIOR, amortizer=amortizer) for part in blocks]
    return np.concatenate([result.causes for result in found])


def class_energies(generator, images):
    """Energies with each of the labels given, (n, 10)."""
    labels = np.eye(10, dtype=np.float32)
    return np.stack(
        [
            infer(
                generator, np.broadcast_to(label, (len(images), 10)), images, "quasi_newton"
            ).energy
            for label in labels
        ],
        axis=1,
    )


def bidirectional(precision, hidden=(256,), bias=False, size=64, n=300, rate=1e-3, steps=100):
    """A recognizer's accuracy after training both networks."""
    method = QuasiNewton(max_steps=steps)

    def run(digits, seed):
        sizes = (10, *hidden, 784)
        generator = network(sizes, seed, bias=bias)
        recognizer = network(sizes[::-1], seed + 100, bias=bias)
        trainer = BidirectionalTrainer(
            generator, recognizer, precision, method=method, max_batch_size=size
        )
        passes = [
            trainer.step(X, Y, learning_rate=rate).n_passes
            for X, Y in digits.batches(size, n, seed)
        ]
        trainer.sync()
        outputs = recognizer.output(digits.test_images)
        return {"recognizer": digits.accuracy(outputs), "(passes a sample)": np.mean(passes)}

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="an .npz file with MNIST's X_train, y_train, X_test, y_test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="experiments with this in their name")
    arguments = parser.parse_args()
    print_environment()
    standard = {"path": arguments.data}
    unit = {"path": arguments.data, "standardise": False, "n_train": 10_000}
    notebook = bidirectional(1e-4, (256, 256), bias=True, size=500, n=200, rate=2e-3, steps=1)
    experiments = {
        "hybrid": (hybrid, standard, "amortizer 82.1, hybrid 83.0, generator 83.2"),
        "supervised generator": (generator_alone, standard, "84.8"),
        "bidirectional, p_g = 1": (bidirectional(1.0, steps=1), standard, "85.4"),
        "bidirectional, p_g = 1e-3": (bidirectional(1e-3), standard, "94.0"),
        "bidirectional, 500 x 200": (notebook, unit, "96.1"),
    }
    print(
        "\n| experiment | published | what | mean | range | seconds a seed |\n" + "|---" * 6 + "|"
    )
    with pcnet.set_num_threads(1):
        for name, (run, data, published) in experiments.items():
            if arguments.only not in name:
                continue
            start = time.process_time()
            found = [run(Digits(**data), seed) for seed in range(arguments.seeds)]
            seconds = (time.process_time() - start) / arguments.seeds
            for what in found[0]:
                values = [result[what] for result in found]
                print(
                    f"| {name} | {published} | {what} | {np.mean(values):.1f} | "
                    f"{min(values):.1f}-{max(values):.1f} | {seconds:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
