"""PCGenerative with a recognizer: hybrid and bidirectional predictive coding.

    python benchmarks/recognition.py hybrid FOLDER [MNIST.npz]
    python benchmarks/recognition.py classes FOLDER
    python benchmarks/recognition.py joint MNIST.npz [--train 10000] [--test 500]

hybrid: passes of the inference of held-out rows (a third), their mean energy and time, from 0 and
from the recognizer's causes. And how much of the excess energy the recognizer's causes leave, with
the time of `recognize`.

classes: accuracy and log loss of held-out rows (a third), complete and with half of the entries
missing at random; seconds of the fit and of a prediction of the complete rows.

joint: accuracy on MNIST with a part of the pixels missing, as in benchmarks/generative.py.

FOLDER holds tables as for benchmarks/tables.py. Seconds are CPU time, on one thread. Defaults were
chosen on the tables segment and vowel, and on the digits of scikit-learn.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import load_mnist, print_environment
from sklearn import datasets
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import PCClassifier, PCGenerative
from pcnet.generative import infer_causes
from pcnet.inference import QuasiNewton

#: Tables of the folder, beside wine, breast cancer and digits of scikit-learn.
TABLES = ("glass", "ionosphere", "magic", "optdigits", "page-blocks0", "wine_white")
MOST = 1500
MISSING = (0.0, 0.25, 0.5, 0.8)
KINDS = (None, "hybrid", "bidirectional")


def main():
    arguments = parse()
    print_environment(pandas=pd.__version__)
    warnings.simplefilter("ignore")
    with pcnet.set_num_threads(1), threadpool_limits(1):
        {"hybrid": hybrid, "classes": classes, "joint": joint}[arguments.part](arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=("hybrid", "classes", "joint"))
    parser.add_argument("data", type=Path)
    parser.add_argument("mnist", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=500)
    return parser.parse_args()


def tables(folder):
    """Yield (name, X, y)."""
    for load in (datasets.load_wine, datasets.load_breast_cancer, datasets.load_digits):
        yield load.__name__[5:], *load(return_X_y=True)
    for name in TABLES:
        frame = pd.read_csv(folder / f"{name}.csv.gz")
        y = pd.factorize(frame.pop("target"), sort=True)[0]
        X = frame.select_dtypes("number").to_numpy(float)
        whole = ~np.isnan(X).any(axis=1)
        yield name, X[whole], y[whole]


def divided(X, y, seed):
    """Two thirds of at most `MOST` rows for training, the rest for tests."""
    rows = np.random.default_rng(seed).permutation(len(X))[:MOST]
    n = 2 * len(rows) // 3
    return X[rows[:n]], y[rows[:n]], X[rows[n:]], y[rows[n:]]


def timed(call, n_rows):
    """What it returns, and milliseconds a row, the best of three."""
    spent = []
    for _ in range(3):
        begun = time.process_time()
        found = call()
        spent.append(time.process_time() - begun)
    return found, 1e3 * min(spent) / n_rows


# ---------------------------------------------------------------- hybrid


def hybrid(arguments):
    print(
        "\n| rows | causes | missing | passes: from 0 | from the recognizer | energy: from 0 "
        "| from the recognizer | ms a row: from 0 | from the recognizer | `recognize` "
        "| excess energy it leaves |\n" + "|---" * 11 + "|"
    )
    for name, X, y in tables(arguments.data):
        if name in ("breast_cancer", "digits", "optdigits", "page-blocks0", "wine_white"):
            compare_starts(name, *divided(X, y, 0)[::2])
    if arguments.mnist:
        X, _, new, _ = load_mnist(arguments.mnist)
        shape = {"n_components": 64, "hidden_layer_sizes": (512,), "input_scaling": None}
        compare_starts("MNIST", X[:1500], new[:500], **shape)


def compare_starts(name, X, new, **arguments):
    model = PCGenerative(recognition="hybrid", random_state=0, **arguments).fit(X)
    net, columns = model.network_, model.columns_
    rng = np.random.default_rng(0)
    for share in (0.0, 0.3):
        rows = np.where(rng.random(new.shape) < share, np.nan, new)
        Z = ((rows - model.input_mean_) / model.input_scale_)[:, columns].astype(net.dtype)
        hidden = [np.zeros((len(Z), n), net.dtype) for n in net.layer_sizes[1:-1]]

        def infer(steps, start, Z=Z):
            return infer_causes(
                net, Z, steps, output_precision=model.output_precision_.astype(net.dtype),
                errors=start,
            )  # fmt: skip

        def guess(rows=rows, hidden=hidden):
            return [model.recognize(rows).astype(net.dtype), *hidden]

        def warm(infer=infer, guess=guess):
            return infer(QuasiNewton(tol=1e-4), guess())

        cold, cold_ms = timed(lambda infer=infer: infer(QuasiNewton(tol=1e-4), None), len(Z))
        found, warm_ms = timed(warm, len(Z))
        start, guess_ms = timed(guess, len(Z))
        zero, guessed = (infer(QuasiNewton(max_steps=0), e).energy for e in (None, start))
        least = np.minimum(cold.energy, found.energy)
        excess = np.mean(guessed - least) / np.mean(zero - least)
        print(
            f"| {name} | {net.layer_sizes[0]} | {share:.0%} | {cold.n_passes.mean():.1f} "
            f"| {found.n_passes.mean() + 0.5:.1f} | {cold.energy.mean():.2f} "
            f"| {found.energy.mean():.2f} | {cold_ms:.4f} | {warm_ms:.4f} | {guess_ms:.4f} "
            f"| {excess:.0%} |",
            flush=True,
        )


# ---------------------------------------------------------------- bidirectional


def classes(arguments):
    print(f"\nmean of {arguments.seeds} seeds: accuracy / log loss, complete and half missing")
    print("| table | model | complete | half missing | s: fit | predict |\n" + "|---" * 6 + "|")
    for name, X, y in tables(arguments.data):
        runs = [run_classes(*divided(X, y, seed), seed) for seed in range(arguments.seeds)]
        for model in runs[0]:
            found = np.mean([run[model] for run in runs], axis=0)
            print(
                f"| {name} | {model} | {found[0]:.3f} / {found[1]:.2f} | {found[2]:.3f} / "
                f"{found[3]:.2f} | {found[4]:.2f} | {found[5]:.3f} |",
                flush=True,
            )


def run_classes(X, y, new, labels, seed):
    seen = np.isin(labels, y)
    new, labels = new[seen], labels[seen]
    part = np.where(np.random.default_rng(seed).random(new.shape) < 0.5, np.nan, new)
    models = {f"{kind}": PCGenerative(recognition=kind, random_state=seed) for kind in KINDS[::2]}
    models["means, PCClassifier"] = make_pipeline(SimpleImputer(), PCClassifier(random_state=seed))
    found = {}
    for name, model in models.items():
        begun = time.process_time()
        model.fit(X, y)
        fitted = time.process_time()
        probabilities = [model.predict_proba(rows) for rows in (new, part)]
        _, spent = timed(lambda model=model: model.predict(new), 1000)
        found[name] = [
            score
            for p in probabilities
            for score in (
                np.mean(model.classes_[p.argmax(axis=1)] == labels),
                log_loss(labels, p, labels=model.classes_),
            )
        ]
        found[name] += [fitted - begun, spent]
    return found


def joint(arguments):
    X, y, new, labels = load_mnist(arguments.data)
    X, y = X[: arguments.train], y[: arguments.train]
    new, labels = new[-arguments.test :], labels[-arguments.test :]
    rng = np.random.default_rng(0)
    tests = [np.where(rng.random(new.shape) < share, np.nan, new) for share in MISSING]
    begun = time.process_time()
    model = PCGenerative(
        64, (512,), input_scaling=None, recognition="bidirectional", random_state=0
    ).fit(X, y)
    fitted = time.process_time()
    found = [np.mean(model.predict(rows) == labels) for rows in tests]
    spent = 1e3 * (time.process_time() - fitted) / len(tests) / len(new)
    print("| " + " | ".join(f"{share:.0%} missing" for share in MISSING) + " |")
    print("| " + " | ".join(f"{100 * share:.1f} %" for share in found) + " |")
    print(f"fit {fitted - begun:.0f} s, a prediction {spent:.1f} ms")


if __name__ == "__main__":
    main()
