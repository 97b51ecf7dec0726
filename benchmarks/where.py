"""Where predictive coding helps: the same networks by predictive coding and by backpropagation.

    OMP_NUM_THREADS=1 python benchmarks/where.py [--settings online continual little noise origin
        narrow tables] [--seeds 10] [--data PATH] [--results JSON] [--output FIGURE]

- online: one pass over the data, one sample an update.
- continual: five tasks one after another; accuracy over all tasks at the end.
- little: 1 or 10 samples a class, or 100 rows of friedman1; 200 epochs.
- noise: a share of the training labels is wrong, the test labels are right.
- origin: plain networks whose weights start at N(0, 0.01^2) or as usual, by SGD and by Adam.
- narrow: plain networks of 4 hidden layers of 10 units, 8 of 10 and 8 of 32, by SGD.
- tables: six small tables at the default arguments, without tuning.

Only ``inference`` and ``output_precision`` differ: backpropagation, and predictive coding close to
equilibrium at three precisions. Every rule has the same grid of learning rates and takes the rate
that is best on validation samples, mean over three tuning seeds. The test seeds then train with it;
no seed is in both groups, and the test samples are in neither training nor validation. A seed is a
sample of training data, initial weights and an order of samples, the same for every rule.

"plain" is the network of the literature: tanh, standard parameterization, no skips, SGD without
momentum; "plain by Adam" differs in the solver. "default" is four hidden layers of 64 with pcnet's
defaults (muPC, skips, relu, Adam). All have the squared error and no weight decay. --data takes
MNIST in place of the digits, with up to 5,000 training images; tables and friedman1 stay as they
are. Cases that the JSON file has already are shown, not computed again.
"""

import argparse
import json
import warnings
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from _common import load_mnist, print_environment
from _comparison import BASELINE, Case, compare, draw, show, summary
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from pcnet import Network, PCClassifier, PCRegressor
from pcnet.inference import ErrorDescent
from pcnet.solvers import SGD

#: About 1 % of the gradient is left, far below 1 % of the excess energy.
CLOSE = ErrorDescent(max_steps=100, tol=0.01, energy_tol=0.0, predict_convergence=False)
RULES = {
    BASELINE: {"inference": "backprop"},
    **{f"{value:g}": {"inference": CLOSE, "output_precision": value} for value in (0.1, 1.0, 10.0)},
}
#: The estimators' own method and precision, 1.17 with two hidden layers, in place of 1.
DEFAULTS = {**{rule: RULES[rule] for rule in (BASELINE, "0.1")}, "1": {}}
N_VALIDATION = 300
SGD_RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
ADAM_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)

STILL = {"alpha": 0.0, "tol": 0.0, "n_iter_no_change": np.inf, "loss": "squared_error"}
PLAIN_SGD = {"solver": SGD(momentum=0.0), "learning_rate": "constant", **STILL}
PLAIN = {
    "hidden_layer_sizes": (32, 32),
    "activation": "tanh",
    "parameterization": "sp",
    "skip": False,
    **PLAIN_SGD,
}
#: name -> (arguments, learning rates to choose from)
NETWORKS = {
    "plain": (PLAIN, SGD_RATES),
    "plain by Adam": ({**PLAIN, "solver": "adam"}, ADAM_RATES),
    "default": ({"hidden_layer_sizes": (64,) * 4, **STILL}, ADAM_RATES),
}
CLASSES = np.arange(10)


class Images(NamedTuple):
    """Samples to draw from, and the test samples."""

    name: str
    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def draw(self, n_samples, seed):
        """Training and validation samples, each class with its share: X, y, X_val, y_val."""
        X, X_val, y, y_val = train_test_split(
            self.X,
            self.y,
            train_size=n_samples,
            test_size=N_VALIDATION,
            stratify=self.y,
            random_state=seed,
        )
        return X, y, X_val, y_val


def digits():
    X, y = datasets.load_digits(return_X_y=True)
    parts = train_test_split(
        (X / 8 - 1).astype(np.float32), y, test_size=497, stratify=y, random_state=0
    )
    return Images("digits", parts[0], parts[2], parts[1], parts[3])


def mnist(path):
    X, y, X_test, y_test = load_mnist(path)
    return Images("MNIST", X[:20000], y[:20000], X_test[:5000], y_test[:5000])


def largest(images):
    """Training samples of the settings that use as many as there are, up to 5,000."""
    return min(5000, len(images.X) - N_VALIDATION)


# ---------------------------------------------------------------- settings


def online(images):
    for name, (arguments, rates) in NETWORKS.items():
        n = largest(images)
        one_pass = {**arguments, "batch_size": 1, "max_iter": 1, "learning_rate": "constant"}
        yield Case(f"{images.name}, {name}", partial(fit_once, images, n, one_pass), rates, RULES)


def fit_once(images, n_samples, arguments, options, rate, seed, wrong=0.0):
    """Scores of a classifier trained on a sample, with a share of wrong labels."""
    X, y, X_val, y_val = images.draw(n_samples, seed)
    rng = np.random.default_rng(seed)
    y, y_val = (mislabelled(labels, wrong, rng) for labels in (y, y_val))
    model = PCClassifier(
        **{**arguments, **options}, learning_rate_init=rate, temperature=1.0, random_state=seed
    )
    return scores(
        lambda: model.fit(X, y), model, [(X_val, y_val)], [(images.X_test, images.y_test)]
    )


def mislabelled(y, share, rng):
    """Labels of which a share is replaced by other classes."""
    chosen = rng.random(len(y)) < share
    return np.where(chosen, (y + rng.integers(1, 10, len(y))) % 10, y)


def scores(train, model, validation, test, chance=0.1):
    """Mean scores on the sets; those of chance after a training that diverged."""
    try:
        train()
    except FloatingPointError:
        return chance, chance
    return tuple(np.mean([model.score(*part) for part in parts]) for parts in (validation, test))


def continual(images):
    for kind in ("permuted", "split"):
        for name, (arguments, rates) in NETWORKS.items():
            yield Case(
                f"{kind} {images.name}, {name}",
                partial(fit_tasks, images, kind, arguments),
                rates,
                RULES,
            )


def fit_tasks(images, kind, arguments, options, rate, seed, n_tasks=5, n_epochs=5):
    """Mean scores over all tasks of a classifier that trained on one after another."""
    X, y, X_val, y_val = images.draw(1000, seed)
    test = images.X_test, images.y_test
    parts = [tasks(kind, *part, seed, n_tasks) for part in ((X, y), (X_val, y_val), test)]
    model = PCClassifier(
        **{**arguments, **options},
        batch_size=16,
        learning_rate_init=rate,
        temperature=1.0,
        random_state=seed,
    )
    classes = np.unique(parts[0][0][1])

    def train():
        for X_task, y_task in parts[0]:
            for _ in range(n_epochs):
                model.partial_fit(X_task, y_task, classes=classes)

    return scores(train, model, parts[1], parts[2], chance=1 / len(classes))


def tasks(kind, X, y, seed, n_tasks):
    """All digits with the pixels in a new order for each task; or two digits, even against odd."""
    rng = np.random.default_rng(seed)
    if kind == "permuted":
        return [
            (np.ascontiguousarray(X[:, rng.permutation(X.shape[1])]), y) for _ in range(n_tasks)
        ]
    pairs = rng.permutation(CLASSES).reshape(5, 2)
    return [(X[np.isin(y, pair)], 1 * (y[np.isin(y, pair)] == pair[0])) for pair in pairs[:n_tasks]]


def little(images):
    for name, (arguments, rates) in NETWORKS.items():
        for n in (10, 100):
            train = partial(fit_once, images, n, {**arguments, "max_iter": 200})
            yield Case(f"{n} {images.name}, {name}", train, rates, RULES)
    if images.name == "digits":
        for name, (arguments, rates) in NETWORKS.items():
            train = partial(fit_friedman, 100, {**arguments, "max_iter": 200})
            yield Case(f"100 rows of friedman1, {name}", train, rates, RULES)


def fit_friedman(n_samples, arguments, options, rate, seed):
    """R2 of a regressor, cut off at -1."""
    X, y = datasets.make_friedman1(n_samples + N_VALIDATION, noise=1.0, random_state=seed)
    test = datasets.make_friedman1(2000, noise=1.0, random_state=99)
    model = PCRegressor(
        **{**arguments, **options},
        learning_rate_init=rate,
        input_scaling="standard",
        random_state=seed,
    )
    found = scores(
        lambda: model.fit(X[:n_samples], y[:n_samples]),
        model,
        [(X[n_samples:], y[n_samples:])],
        [test],
        chance=0.0,
    )
    return tuple(max(score, -1.0) for score in found)


def noise(images):
    for name, (arguments, rates) in NETWORKS.items():
        for share in (0.2, 0.4):
            train = partial(
                fit_once, images, 1000, {**arguments, "batch_size": 32, "max_iter": 12}, wrong=share
            )
            yield Case(f"{images.name}, {share:.0%} wrong, {name}", train, rates, RULES)


def origin(images):
    for start in ("origin", "usual"):
        for solver, rates in (("sgd", SGD_RATES), ("adam", ADAM_RATES)):
            train = partial(fit_plain, images, (32,) * 4, solver, start)
            yield Case(f"{images.name}, {start} start, {solver}", train, rates, RULES)


def narrow(images):
    for depth, width in ((4, 10), (8, 10), (8, 32)):
        train = partial(fit_plain, images, (width,) * depth, "sgd", "usual")
        yield Case(f"{images.name}, {depth} layers of {width}", train, SGD_RATES, RULES)


def fit_plain(images, widths, solver, start, options, rate, seed):
    """Scores of a plain tanh network without biases after 20 epochs of 32 samples a batch."""
    X, y, X_val, y_val = images.draw(min(1000, largest(images)), seed)
    sizes = X.shape[1], *widths, 10
    net = Network.init(sizes, "tanh", "sp", skip=False, random_state=seed)
    if start == "origin":
        rng = np.random.default_rng(seed)
        for W in net.weights:
            W[:] = 0.01 * rng.standard_normal(W.shape)
    arguments = {**PLAIN_SGD, "solver": PLAIN_SGD["solver"] if solver == "sgd" else "adam"}
    model = PCClassifier.from_network(
        net,
        **{**arguments, **options},
        warm_start=True,
        batch_size=32,
        max_iter=20,
        learning_rate_init=rate,
        temperature=1.0,
        random_state=seed,
    )
    return scores(
        lambda: model.fit(X, y), model, [(X_val, y_val)], [(images.X_test, images.y_test)]
    )


def tables(_images):
    loaders = {
        "iris": datasets.load_iris,
        "wine": datasets.load_wine,
        "breast cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "diabetes (R2)": datasets.load_diabetes,
        "friedman1 (R2)": partial(datasets.make_friedman1, 500, noise=1.0, random_state=0),
    }
    for name, load in loaders.items():
        X, y = load() if "friedman1" in name else load(return_X_y=True)
        yield Case(name, partial(fit_table, X, y, "R2" in name), ("auto",), DEFAULTS)


def fit_table(X, y, regression, options, rate, seed):
    """The score of the default estimator on a third of the rows, which the seed chooses."""
    stratify = None if regression else y
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=1 / 3, stratify=stratify, random_state=seed
    )
    scaler = StandardScaler().fit(X)
    estimator = PCRegressor if regression else PCClassifier
    model = estimator(**options, learning_rate_init=rate, random_state=seed)
    score = model.fit(scaler.transform(X), y).score(scaler.transform(X_test), y_test)
    return score, score


SETTINGS = {
    function.__name__: function
    for function in (online, continual, little, noise, origin, narrow, tables)
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=10, help="trainings that are compared")
    parser.add_argument("--data", help="npz with X_train, y_train, X_test, y_test (uint8 images)")
    parser.add_argument("--results", type=Path, default=Path("where.json"))
    parser.add_argument("--output", type=Path, help="draw the results as this picture")
    given = parser.parse_args(arguments)
    if given.seeds < 2:
        parser.error("--seeds must be at least 2: differences need a standard error")
    print_environment()
    warnings.simplefilter("ignore", ConvergenceWarning)  # of epochs and of inference at large rates
    kept = json.loads(given.results.read_text()) if given.results.exists() else {}
    images = mnist(given.data) if given.data else digits()
    for setting in given.settings:
        print(f"\n{setting}: score in per cent, predictive coding minus backpropagation")
        for case in SETTINGS[setting](images):
            name = f"{setting}: {case.name}"
            if name not in kept:
                kept[name] = compare(case, given.seeds)
            show(name, kept[name])
            given.results.write_text(json.dumps(kept, indent=1) + "\n")
    summary(kept)
    if given.output:
        draw(kept, given.output)


if __name__ == "__main__":
    main()
