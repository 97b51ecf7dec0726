"""Hashes of a grid of fits, to show that a restructuring changes no bit.

``python -P tests/fit_hashes.py --write before.json`` prints and writes the table of one version;
``--check before.json`` compares another version with it, on the same machine: hashes depend on the
processor, NumPy and the compiler, so the repository has no table. Each fit has three hashes:
weights (``coefs_`` and ``intercepts_``), predictions, and history. ``-k TEXT`` selects the fits
whose name contains TEXT.
"""

import argparse
import contextlib
import hashlib
import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse
from sklearn.datasets import load_diabetes, load_digits
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor, inference, load_checkpoint

SHORT = {"hidden_layer_sizes": (24, 20), "max_iter": 4, "alpha": 0.1, "random_state": 0}
DEEP = {**SHORT, "hidden_layer_sizes": (24,) * 6}
DIGITS = load_digits(return_X_y=True)
DIABETES = load_diabetes(return_X_y=True)
METHODS = [
    "error", "activity", "adam_activity", "error_optimization", "gradient_flow", "gauss_seidel",
    "precision", "augmented_lagrangian", "prospective", "incremental", "nudged",
    "forward_update", "learned_precision", "zero_divergence", "backprop",
    inference.ErrorDescent(max_steps=5),
]  # fmt: skip


def data(task, n=400):
    X, y = DIGITS if task == "classifier" else DIABETES
    X = StandardScaler().fit_transform(X[:n])
    return X, y[:n] % 4 if task == "classifier" else y[:n]


def options():
    """Pairs (name, constructor arguments) that hold for both tasks."""
    yield "defaults", {"random_state": 0}
    yield "short", SHORT
    yield "deep", DEEP
    yield "no hidden layer", {**SHORT, "hidden_layer_sizes": ()}
    for method in METHODS:
        yield f"inference={method}", {**SHORT, "inference": method}
        yield f"deep inference={method}", {**DEEP, "inference": method, "activation": "tanh"}
    exact = {"inference": inference.ExactEquilibrium(), "activation": "identity"}
    yield "exact equilibrium", {**SHORT, **exact, "loss": "squared_error"}
    for solver in ("sgd", "lbfgs", "adam"):
        yield f"solver={solver}", {**SHORT, "solver": solver}
        yield f"early stopping solver={solver}", {**SHORT, "solver": solver, "early_stopping": True}
    for name, value in {
        "learning_rate": "cosine", "parameterization": "sp", "activation": "gelu",
        "input_scaling": "standard", "activity_decay": 0.01, "output_precision": 0.5,
        "fit_intercept": False, "batch_size": 7, "shuffle": False, "skip": False,
    }.items():  # fmt: skip
        yield f"{name}={value}", {**SHORT, name: value}
    yield "input_scaling=max", {**SHORT, "input_scaling": "max", "max_iter": "auto"}


LOSSES = {
    "classifier": ["log_loss", "squared_error"],
    "regressor": ["squared_error", "huber", "poisson"],
}


def make(task, dtype, arguments):
    cls = PCClassifier if task == "classifier" else PCRegressor
    return cls(**{"dtype": dtype, **arguments})


def fits(task, dtype):
    """Pairs (name, function that returns the fitted model and its test data)."""
    X, y = data(task)
    for name, arguments in options():
        yield name, lambda a=arguments: (make(task, dtype, a).fit(X, y), X)
    for loss in LOSSES[task]:
        for solver in ("adam", "lbfgs"):
            arguments = {**SHORT, "loss": loss, "solver": solver}
            yield f"loss={loss} {solver}", lambda a=arguments: (make(task, dtype, a).fit(X, y), X)
    weight = np.random.default_rng(0).uniform(0.0, 2.0, len(y)).round()
    yield "weights", lambda: (make(task, dtype, SHORT).fit(X, y, sample_weight=weight), X)
    sparse = scipy.sparse.csr_matrix(np.where(X > 0.5, X, 0.0))
    yield "sparse", lambda: (make(task, dtype, SHORT).fit(sparse, y), sparse)
    sparse_scaled = {**SHORT, "input_scaling": "max"}
    yield "sparse scaled", lambda: (make(task, dtype, sparse_scaled).fit(sparse, y), sparse)
    yield (
        "two targets",
        lambda: (
            make(task, dtype, SHORT).fit(X, np.column_stack([y > 1, y > 2]) * 1),
            X,
        ),
    )
    yield (
        "warm start",
        lambda: (
            make(task, dtype, {**SHORT, "warm_start": True}).fit(X, y).fit(X, y),
            X,
        ),
    )
    yield "partial_fit", lambda: (partial(task, dtype, X, y), X)
    yield "validation data", lambda: (make(task, dtype, SHORT).fit(X, y, X_val=X, y_val=y), X)
    yield "checkpoint", lambda: (checkpointed(task, dtype, X, y), X)


def partial(task, dtype, X, y):
    model = make(task, dtype, SHORT)
    more = {"classes": np.unique(y)} if task == "classifier" else {}
    for start in range(0, len(X), 100):
        model.partial_fit(X[start : start + 100], y[start : start + 100], **more)
    return model


def checkpointed(task, dtype, X, y):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.n_epochs == 2:
            raise Stop

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.pcnet")
        model = make(task, dtype, {**SHORT, "checkpoint": path, "callbacks": [stop]})
        with contextlib.suppress(Stop):
            model.fit(X, y)
        return load_checkpoint(path).resume(X, y)


def digest(*arrays):
    total = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        total.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return total.hexdigest()[:12]


def hashes(model, X):
    predictions = [model.predict(X)]
    if hasattr(model, "predict_proba"):
        predictions.append(model.predict_proba(X))
    history = model.history_
    curves = [
        np.asarray(history[key], dtype=float) for key in sorted(history) if "second" not in key
    ]
    return [digest(*model.coefs_, *model.intercepts_), digest(*predictions), digest(*curves)]


def table(text):
    found = {}
    for task in ("classifier", "regressor"):
        for dtype in ("float64", "float32"):
            for name, fit in fits(task, dtype):
                key = f"{task} {dtype} {name}"
                if text not in key:
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        found[key] = hashes(*fit())
                    except (ValueError, TypeError, FloatingPointError) as error:
                        found[key] = [type(error).__name__]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", metavar="TEXT")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", type=Path)
    action.add_argument("--check", type=Path)
    given = parser.parse_args()
    found = table(given.k)
    for name, parts in found.items():
        print(f"{name:64}", *parts)
    if given.write:
        given.write.write_text(json.dumps(found, indent=1))
    if given.check:
        before = json.loads(given.check.read_text())
        before = {name: parts for name, parts in before.items() if given.k in name}
        different = sorted(n for n in before.keys() | found if before.get(n) != found.get(n))
        print(f"{len(found)} fits, {len(different)} differ", *different, sep="\n")
        sys.exit(bool(different))


if __name__ == "__main__":
    main()
