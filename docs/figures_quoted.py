"""Small experiments that pages quote and no example draws; docs/figures.py runs them."""

import importlib
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from pcnet import PCClassifier, PCRegressor, infer
from pcnet.inference import ErrorDescent
from pcnet.theory import in_float64

ROOT = Path(__file__).resolve().parents[1]


def script(folder, name):
    """A script of examples/ or benchmarks/ as a module; each folder has a `_common` of its own."""
    sys.modules.pop("_common", None)
    sys.path.insert(0, str(ROOT / folder))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / folder))
        sys.modules.pop("_common", None)


def log_loss(folder):
    """docs/outputs.md: log loss of probabilities."""
    return script("benchmarks", "log_loss").table()


def inference_methods(folder):
    """docs/inference.md: all methods of inference on one network."""
    module = script("benchmarks", "inference_methods")
    return {
        f"{activation}.{module.label(method)}.{what}": value
        for activation, tried in module.TABLES.items()
        for method, found in module.rows(*module.problem(activation), tried(20))
        for what, value in found.items()
    }


def sharpness(folder, pairs=((8, 9), (0, 1))):
    """docs/energy.md: novelty by the sharpness of score_samples, mean over pairs left out."""
    novelty = script("examples", "novelty")
    X, y = novelty.digits()
    found = {}
    for n_hidden, activation in ((4, "relu"), (4, "tanh"), (31, "relu")):
        for loss in ("squared_error", "log_loss"):
            areas = {}
            for pair in pairs:
                train, test, novel = novelty.split(y, pair)
                model = PCClassifier(
                    (64,) * n_hidden, activation, loss=loss, max_iter=15, random_state=0
                )
                model.fit(X[train], y[train])
                energies = model.class_energies(X[test]) / model.output_precision_
                scores = {
                    str(sharp): logsumexp(-sharp * energies, axis=1) for sharp in (3, 5, 10, 30)
                }
                scores["lambda"] = logsumexp(-model.output_precision_ * energies, axis=1)
                scores["probability"] = model.predict_proba(X[test]).max(axis=1)
                for name, values in scores.items():
                    areas.setdefault(name, []).append(roc_auc_score(novel, -values))
            for name, values in areas.items():
                found[f"{n_hidden}.{activation}.{loss}.{name}"] = np.mean(values)
    return found


THOROUGH = ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)  # the default of `energy`


def energy_passes(folder):
    """docs/energy.md: passes of `energy`, and how much of the excess energy it leaves."""
    X, y = load_digits(return_X_y=True)
    X = X / 8 - 1
    found, left = {}, []
    for n_hidden in (4, 30):
        model = PCClassifier((64,) * n_hidden, dtype="float32", max_iter=10, random_state=0)
        model.fit(X[:1000], y[:1000])
        options = {"output_precision": model.output_precision_}
        samples, targets = X[1000:1300], np.eye(10)[y[1000:1300]]
        for net in (model.network_, in_float64(model.network_)):
            result = infer(net, samples, targets, THOROUGH, **options)
            found[f"{n_hidden + 1}.{np.dtype(net.dtype)}"] = result.n_passes.mean()
        exact = infer(net, samples, targets, ErrorDescent(3000, 1e-9, 0), **options).energy
        start = infer(net, samples, targets, ErrorDescent(0), **options).energy
        left.append(np.max((result.energy - exact) / (start - exact)))
    found["left"] = max(left)
    return found


def energy_decay(folder):
    """docs/energy.md: the same under `activity_decay`, and what fewer steps leave."""
    X, y = load_digits(return_X_y=True)
    X = X / 8 - 1
    samples, targets = X[1000:1100], np.eye(10)[y[1000:1100]]
    found = {}
    for n_hidden in (4, 30):
        model = PCClassifier(
            (64,) * n_hidden, dtype="float32", activity_decay=0.01, max_iter=10, random_state=0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # slow in training, too
            model.fit(X[:1000], y[:1000])
        options = {"output_precision": model.output_precision_, "activity_decay": 0.01}
        net = in_float64(model.network_)
        exact = infer(net, samples, targets, ErrorDescent(5000, 1e-9, 0), **options).energy
        start = infer(net, samples, targets, ErrorDescent(0), **options).energy
        short = ErrorDescent(max_steps=200, tol=1e-4, energy_tol=1e-9)
        methods = {"float64": (net, THOROUGH), "short": (net, short)}
        methods["float32"] = model.network_, THOROUGH
        for name, (network, method) in methods.items():
            result = infer(network, samples, targets, method, **options)
            found[f"{n_hidden + 1}.{name}.passes"] = result.n_passes.mean()
            left = (result.energy - exact) / (start - exact)
            found[f"{n_hidden + 1}.{name}.left"] = np.max(left)
    return found


def offset(folder):
    """docs/data.md: R2 on unseen rows of centred features, and of features with an offset."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((2000, 5))
    y = X @ [3.0, -2.0, 1.0, 0.5, 0.0] + 2 * np.sin(2 * X[:, 0]) * X[:, 1]
    found = {}
    for name, shift in (("centred", 0.0), ("offset", 3.0)):
        parts = train_test_split((X + shift).astype(np.float32), y, random_state=0)
        X_train, X_test, y_train, y_test = parts
        scaled = (y_train - y_train.mean()) / y_train.std()
        model = PCRegressor(random_state=0).fit(X_train, y_train)
        peer = MLPRegressor(max_iter=1000, random_state=0).fit(X_train, scaled)
        found[name] = model.score(X_test, y_test)
        found[f"mlp.{name}"] = peer.score(X_test, (y_test - y_train.mean()) / y_train.std())
    return found


def mutants(folder):
    """docs/trust.md: how many wrong versions of the code `.ci/long mutants` tries."""
    place = ROOT / ".ci" / "mutants"
    if not place.is_dir():  # a source distribution
        return {}
    sys.path.insert(0, str(place))
    try:
        parts = [importlib.import_module(name) for name in ("c_core", "python_parts")]
    finally:
        sys.path.remove(str(place))
    return {part.__name__: len(part.MUTANTS) for part in parts}


#: Name -> function(folder of pictures, not used here) -> {key: number}
SOURCES = {
    function.__name__: function
    for function in (
        *(log_loss, inference_methods, sharpness, energy_passes, energy_decay, offset, mutants),
    )
}
