"""How deep: accuracy by depth, precision and steps of inference, on MNIST and one thread.

    OMP_NUM_THREADS=1 python benchmarks/depth.py --data PATH [--parts epoch deepest precision steps
        excess response] [--depth 128] [--width 32] [--batches 300] [--seeds 0] [--results JSON]
        [--output FIGURE]

- epoch: 128 layers of 128, one epoch, default arguments and the same by backpropagation, beside
  the accuracies and times that https://github.com/tarun-ks/predictive-coding-depth-scaling reports
  for this shape.
- deepest: 1,000 layers of 32, one epoch.
- precision: accuracy after so many batches at the exact equilibrium (`EXACT`) of several output
  precisions, and at precision 1 with inference that stops after 1, 2, 4 or 8 steps.
- steps: the same at precision 1 by Nesterov's method with more and more steps. --rate trains both
  with a constant learning rate.
- excess: share of the excess energy that Nesterov's method leaves after so many steps, and the
  cosine of the weight gradient to backpropagation's and to that at equilibrium, on new networks.
- response: how far the equilibrium lowers the output's error, by depth and precision.

Each part adds its figures to the JSON file, which --output draws.
"""

import argparse
import json
import re
import time
import warnings
from pathlib import Path

import numpy as np
from _common import load_mnist, print_environment
from sklearn.exceptions import ConvergenceWarning

from pcnet import Network, PCClassifier, infer
from pcnet.inference import ErrorDescent, NesterovDescent, learning_gradients
from pcnet.theory import backprop_gradients, in_float64

BATCH_SIZE = 64
#: At equilibrium for all purposes: about 1e-4 of the excess energy is left.
EXACT = ErrorDescent(max_steps=400, tol=1e-2, energy_tol=0.0, predict_convergence=False)
STEPS = (16, 32, 64, 128, 256, 512, 1024)
EARLY = (1, 2, 4, 8)
DEPTHS = (4, 8, 16, 32, 64, 128)
#: (method, steps, test accuracy, seconds) of the study, width 128, 128 layers, seed 0.
PUBLISHED = (
    ("backpropagation", None, 0.9377, 11),
    ("PC-ALM", 256, 0.9245, 1248),
    ("PC-ALM", 512, 0.9329, 2516),
    ("Nesterov", 256, 0.9119, 1220),
    ("Nesterov", 384, 0.9034, 1832),
    ("Nesterov", 1024, 0.8594, 4360),
    ("gradient descent", 1024, 0.8827, 2406),
    ("gradient descent", 4096, 0.9234, 8998),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="npz with X_train, y_train, X_test, y_test (uint8 images)")
    parser.add_argument("--parts", nargs="*", default=["epoch"], choices=list(PARTS))
    parser.add_argument("--depth", type=int, default=128, help="layers of the last four parts")
    parser.add_argument("--width", type=int, default=32, help="their units")
    parser.add_argument("--batches", type=int, default=300, help="of training, in two parts")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="of Nesterov's method")
    parser.add_argument("--precisions", type=float, nargs="+", help="default: 1 to 0.1 / depth")
    parser.add_argument("--rate", type=float, help="constant learning rate, as in the study")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--results", type=Path, default=Path("depth.json"))
    parser.add_argument("--output", type=Path, help="draw the results as this picture")
    arguments = parser.parse_args()
    if arguments.parts and not arguments.data:
        parser.error("--data is needed: the path of MNIST as an npz file")
    if arguments.parts:
        print_environment()
        data = load_mnist(arguments.data)
    warnings.simplefilter("ignore", ConvergenceWarning)  # inference that stops early is intended
    for part in arguments.parts:
        print(f"\n{part}", flush=True)
        for key, value in PARTS[part](data, arguments):
            print(f"  {key}: {value:.4g}", flush=True)
            keep(arguments.results, key, value)
    if arguments.output:
        draw(json.loads(arguments.results.read_text()), arguments.output)


def keep(path, key, value):
    """Add a figure to the results."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[key] = float(f"{value:.5g}")
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def fitted(data, depth, width, batches=None, **options):
    """(model, processor seconds) of a training of one epoch, or of its first batches."""
    X, y = data[0], data[1]
    n = len(X) if batches is None else batches * BATCH_SIZE
    model = PCClassifier((width,) * (depth - 1), batch_size=BATCH_SIZE, max_iter=1, **options)
    start = time.process_time()  # other jobs do not count
    model.fit(X[:n], y[:n])
    return model, time.process_time() - start


def epoch(data, arguments):
    for seed in arguments.seeds:
        for method in ("error", "backprop"):
            yield from one_epoch(data, 128, 128, seed, method)


def deepest(data, arguments):
    for seed in arguments.seeds:
        yield from one_epoch(data, 1000, 32, seed, "error")


def one_epoch(data, depth, width, seed, method):
    model, seconds = fitted(data, depth, width, inference=method, random_state=seed)
    name = f"epoch.{depth}x{width}.{seed}.{method}"
    yield f"{name}.accuracy", model.score(data[2], data[3])
    yield f"{name}.seconds", seconds
    yield f"{name}.passes", model.n_inference_passes_[-1]


def precision(data, arguments):
    depth = arguments.depth
    values = arguments.precisions or [1.0, 0.3, 0.1, 3.5 / depth, 1 / depth, 0.1 / depth]
    variants = [(f"exact.{value:.3g}", EXACT, value) for value in values]
    if 1.0 in values:
        variants += [(f"early.{k}", ErrorDescent(k, 0.0, 0.0), 1.0) for k in EARLY]
        variants.append(("backprop", "backprop", 1.0))
    yield from trained(data, arguments, variants)


def steps(data, arguments):
    yield from trained(
        data, arguments, [(f"steps.{k}", NesterovDescent(k), 1.0) for k in arguments.steps]
    )


def trained(data, arguments, variants):
    """Accuracy and seconds of each (name, method of inference, output precision)."""
    shape = arguments.depth, arguments.width
    common = {}
    if arguments.rate is not None:
        common = {"learning_rate_init": arguments.rate, "learning_rate": "constant", "tol": 0}
    for name, method, value in variants:
        scores, spent = [], 0.0
        for seed in arguments.seeds:
            options = {"inference": method, "output_precision": value, "random_state": seed}
            model, seconds = fitted(data, *shape, arguments.batches, **options, **common)
            scores.append(model.score(data[2], data[3]))
            spent += seconds
        rate = "" if arguments.rate is None else f"rate {arguments.rate:g}."
        key = "{}x{}.{}.{}{}".format(*shape, arguments.batches, rate, name)
        yield f"{key}.accuracy", np.mean(scores)
        yield f"{key}.spread", np.ptp(scores)
        yield f"{key}.seconds", spent / len(scores)
        yield f"{key}.passes", model.n_inference_passes_[-1]


def excess(data, arguments, n_samples=64):
    depth, width = arguments.depth, arguments.width
    X, Y, net = example(data, depth, width, n_samples)
    exact = infer(net, X, Y, ErrorDescent(3000, tol=1e-9, energy_tol=0.0))
    start = infer(net, X, Y, ErrorDescent(0)).energy
    straight = flat(backprop_gradients(net, X, Y)[0])
    settled = flat(net.weight_gradients(X, exact.errors, exact.activities)[0])
    yield f"{depth}x{width}.excess.cosine", cosine(straight, settled)
    for k in arguments.steps:
        result = infer(net, X, Y, NesterovDescent(k))
        gradient = flat(net.weight_gradients(X, result.errors, result.activities)[0])
        key = f"{depth}x{width}.excess.{k}"
        yield f"{key}.left", np.mean((result.energy - exact.energy) / (start - exact.energy))
        yield f"{key}.to_backprop", cosine(gradient, straight)
        yield f"{key}.to_equilibrium", cosine(gradient, settled)


def response(data, arguments, n_samples=64):
    """Share of the output's error that the equilibrium leaves, and the gradient's cosine."""
    for depth in DEPTHS:
        X, Y, net = example(data, depth, arguments.width, n_samples)
        straight = flat(backprop_gradients(net, X, Y)[0])
        residual = np.linalg.norm(Y - net.forward(X)[-1], axis=1)
        for value, name in ((1.0, "1"), (3.5 / depth, "auto")):
            method = ErrorDescent(3000, tol=1e-9, energy_tol=0.0)
            result = infer(net, X, Y, method, output_precision=value)
            left = np.linalg.norm(Y - result.activities[-1], axis=1) / residual
            gradient, _ = learning_gradients(net, X, Y, method, output_precision=value)
            yield f"response.{depth}x{arguments.width}.{name}.left", left.mean()
            yield (
                f"response.{depth}x{arguments.width}.{name}.cosine",
                cosine(flat(gradient), straight),
            )


def example(data, depth, width, n_samples):
    """Test images, one-hot targets, and a new network in float64."""
    X, y = data[2][:n_samples].astype(np.float64), data[3][:n_samples]
    sizes = (X.shape[1], *(width,) * (depth - 1), 10)
    net = Network.init(sizes, "relu", random_state=0, dtype=np.float64)
    return X, np.eye(10)[y], in_float64(net)


def flat(gradients):
    return np.concatenate([g.ravel() for g in gradients])


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


PARTS = {
    "epoch": epoch,
    "deepest": deepest,
    "precision": precision,
    "steps": steps,
    "excess": excess,
    "response": response,
}


def draw(kept, path):
    """Accuracy over seconds, over steps of inference, and over output precisions."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_seconds(left, kept)
    draw_steps(middle, kept)
    draw_precisions(right, kept)
    for ax in (left, middle, right):
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def draw_seconds(ax, kept):
    colours = {"PC-ALM": "C4", "Nesterov": "C1", "gradient descent": "C7", "backpropagation": "C0"}
    for method, colour in colours.items():
        points = [(s, 100 * a) for name, _, a, s in PUBLISHED if name == method]
        ax.semilogx(*zip(*points), "o", mfc="none", color=colour, label=f"{method} (study)")
    ours = {"128x128": "pcnet, error descent", "1000x32": "pcnet, 1,000 layers of 32"}
    for (shape, label), mark in zip(ours.items(), "*D"):
        seconds, accuracy = (
            kept[f"epoch.{shape}.0.error.{what}"] for what in ("seconds", "accuracy")
        )
        ax.semilogx(seconds, 100 * accuracy, mark, ms=8, color="C3", label=label)
    ax.set(xlabel="seconds", ylabel="test accuracy, %")
    ax.set_title("MNIST, one epoch, 128 layers of 128")
    ax.legend(fontsize=7, loc="lower left")


def group(kept, kind, shape=r"\d+x\d+\.\d+"):
    """{number in the name: accuracy} of the results of one kind, such as "steps"; their shape."""
    pattern = re.compile(rf"({shape})\.{kind}\.([\d.e-]+)\.accuracy")
    found = {match: kept[match[0]] for match in map(pattern.fullmatch, kept) if match}
    (shape,) = {match[1] for match in found}  # layers x width.batches
    return dict(sorted((float(match[2]), 100 * value) for match, value in found.items())), shape


def draw_steps(ax, kept):
    found, shape = group(kept, "steps")
    ax.semilogx(*zip(*found.items()), "o-", color="C1", base=2, label="Nesterov, precision 1")
    exact, _ = group(kept, "exact", shape)
    lines = {
        "exact equilibrium, precision 1": exact[1.0],
        f"the same, precision {min(exact):.2g}": exact[min(exact)],
        "backpropagation": 100 * kept[f"{shape}.backprop.accuracy"],
    }
    for (label, value), colour, style in zip(lines.items(), ("C3", "C2", "C0"), ("-", "--", ":")):
        ax.axhline(value, color=colour, ls=style, label=label)
    ax.set_xticks(list(found), [f"{k:g}" for k in found])
    ax.set(xlabel="steps of inference", title=title_of(shape), ylim=(-15, 97))
    ax.legend(fontsize=7, loc="lower left")


def draw_precisions(ax, kept):
    early, shape = group(kept, "early")
    found, _ = group(kept, "exact", shape)
    ax.semilogx(*zip(*found.items()), "o-", color="C3", label="at equilibrium")
    for (steps, value), style in zip(early.items(), ("v", "^", "s", "P")):
        label = f"precision 1, error descent stopped at step {steps:g}"
        ax.semilogx(1.0, value, style, color="C7", mfc="none", label=label)
    backprop = 100 * kept[f"{shape}.backprop.accuracy"]
    ax.axhline(backprop, color="C0", ls=":", label="backpropagation")
    ax.set(xlabel="output precision", title=title_of(shape))
    ax.legend(fontsize=7, loc="lower left")


def title_of(shape):
    layers, width, batches = re.split(r"[x.]", shape)
    return f"{layers} layers of {width}, {batches} batches"


if __name__ == "__main__":
    main()
