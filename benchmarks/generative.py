"""PCGenerative: novelty, densities of held-out rows, and predictions from incomplete rows.

    python benchmarks/generative.py novelty [FOLDER]
    python benchmarks/generative.py density [FOLDER]
    python benchmarks/generative.py decay FOLDER [--seeds 3]
    python benchmarks/generative.py seeds FOLDER [--seeds 16]
    python benchmarks/generative.py joint MNIST.npz [--train 10000] [--test 500]

novelty: models are trained on rows of the usual class. The area under the ROC curve tells how well
their score_samples separates held-out rows of this class (a third) from the rows of another class.
Columns are standardised for all. FOLDER holds tables as for benchmarks/tables.py; without it only
data of scikit-learn are used.

density: mean log density of held-out standardised rows (a third).

decay: the same by the weight decay, with all rows and with few.

seeds: the same of models of at most 120 rows, for many seeds: median, least, and the share of seeds
that are worse than the median by more than half a nat.

joint: accuracy on MNIST with a part of the pixels missing at random, in test rows only.
PCClassifier gets rows whose missing pixels are filled by means or by the nearest training rows.
Seconds are CPU time, on one thread.

The defaults were chosen on the tables concrete, vowel, segment and cells, how `alpha` is chosen on
those, hepatitis, heart, baseball, real_estate, penguins, communities, cpu, boston, sacramento,
car_prices, bikes_day, german, wage and yacht, and the sizes of joint's network on other test rows
of MNIST.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import load_mnist, print_environment
from sklearn import datasets
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import PCClassifier, PCGenerative

#: Novel classes of digits, one after the other; the others are usual.
DIGITS = range(10)
#: Tables of the folder, whose most frequent class is usual.
TABLES = ("ionosphere", "page-blocks0", "magic")
#: Tables of which `seeds` takes few rows.
FEW = ("iris", "real_estate", "baseball", "heart", "penguins", "hepatitis")
#: Tables of `decay`, the numbers of training rows, and its decays.
DECAY_TABLES = (
    "abalone9-18", "mammographic", "smarket", "contraceptive", "credit_data", "bikeshare",
)  # fmt: skip
DECAY_ROWS = (15, 30, 100, 1000)
DECAYS = (2.0, 8.0, 16.0, "auto")
MOST = 1500
MISSING = (0.0, 0.25, 0.5, 0.8)


def main():
    arguments = parse()
    print_environment(pandas=pd.__version__)
    warnings.simplefilter("ignore")
    with pcnet.set_num_threads(1), threadpool_limits(1):
        PARTS[arguments.part](arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=500)
    return parser.parse_args()


# ---------------------------------------------------------------- novelty


def detectors(seed):
    return {
        "IsolationForest": IsolationForest(random_state=seed),
        "LocalOutlierFactor": LocalOutlierFactor(novelty=True),
        "PCA": PCA(0.9, svd_solver="full"),
        "GaussianMixture": GaussianMixture(5, reg_covar=1e-3, random_state=seed),
        "PCGenerative": PCGenerative(random_state=seed),
    }


def problems(folder):
    """Yield (name, usual rows, novel rows)."""
    X, y = datasets.load_breast_cancer(return_X_y=True)
    yield "breast cancer", X[y == 1], X[y == 0]
    X, y = datasets.load_digits(return_X_y=True)
    for digit in DIGITS:
        yield "digits", X[y != digit], X[y == digit]
    for name in TABLES if folder else ():
        frame = pd.read_csv(folder / f"{name}.csv.gz")
        y = frame.pop("target")
        X = frame.select_dtypes("number").to_numpy(float)
        usual = (y == y.mode()[0]).to_numpy()
        yield name, X[usual], X[~usual]


def novelty(arguments):
    found, seconds = {}, {}
    for name, usual, novel in problems(arguments.data):
        for seed in range(arguments.seeds):
            for detector, (area, spent) in areas(usual, novel, seed).items():
                found.setdefault(name, {}).setdefault(detector, []).append(area)
                seconds.setdefault(detector, []).append(spent)
    names = list(detectors(0))
    print(f"\narea under the ROC curve, mean of {arguments.seeds} seeds (digits: of each as novel)")
    print("| data |", " | ".join(names), "|")
    print("|" + "---|" * (1 + len(names)))
    for name, row in found.items():
        print(f"| {name} |", " | ".join(f"{np.mean(row[n]):.3f}" for n in names), "|")
    print("| seconds |", " | ".join(f"{np.mean(seconds[n]):.2f}" for n in names), "|")


def areas(usual, novel, seed):
    rng = np.random.default_rng(seed)
    usual, novel = rng.permutation(usual)[:MOST], rng.permutation(novel)[:MOST]
    n = 2 * len(usual) // 3
    mean, std = usual[:n].mean(axis=0), usual[:n].std(axis=0)
    train, test, novel = ((part - mean) / np.where(std > 0, std, 1) for part in
                          (usual[:n], usual[n:], novel))  # fmt: skip
    truth = np.repeat([0, 1], [len(test), len(novel)])
    found = {}
    for name, model in detectors(seed).items():
        begun = time.process_time()
        scores = model.fit(train).score_samples(np.vstack([test, novel]))
        found[name] = roc_auc_score(truth, -scores), time.process_time() - begun
    return found


# ---------------------------------------------------------------- densities


def density(arguments):
    names = ("glass", "ionosphere", "wine_white") if arguments.data else ()
    tables = {"wine": datasets.load_wine().data, "diabetes": datasets.load_diabetes().data}
    tables["breast cancer"] = datasets.load_breast_cancer().data
    for name in names:
        tables[name] = numbers(arguments.data, name)
    heads = ("FactorAnalysis", "PCA", "GaussianMixture(1)", "PCGenerative", "linear")
    print("\nmean log density of held-out rows")
    print("| table |", " | ".join(heads), "|")
    print("|" + "---|" * (1 + len(heads)))
    for name, X in tables.items():
        runs = [log_densities(X, seed) for seed in range(arguments.seeds)]
        print(f"| {name} |", " | ".join(f"{v:.2f}" for v in np.mean(runs, axis=0)), "|", flush=True)


def log_densities(X, seed):
    X = np.random.default_rng(seed).permutation(X)[:MOST]
    n = 2 * len(X) // 3
    X = X[:, X[:n].std(axis=0) > 0]
    X = (X - X[:n].mean(axis=0)) / X[:n].std(axis=0)
    n_causes = min(16, X.shape[1] // 2)
    models = (
        FactorAnalysis(n_causes),
        PCA(n_causes),
        GaussianMixture(1, reg_covar=1e-3),
        PCGenerative(random_state=seed),
        PCGenerative(hidden_layer_sizes=(), random_state=seed),
    )
    return [model.fit(X[:n]).score(X[n:]) for model in models]


def numbers(folder, name):
    """The complete rows of a table's columns of numbers, without its target."""
    frame = pd.read_csv(folder / f"{name}.csv.gz").drop(columns="target", errors="ignore")
    return frame.select_dtypes("number").dropna().to_numpy(float)


# ---------------------------------------------------------------- decay


def decay(arguments):
    print("\nmean log density of held-out rows by alpha; CPU seconds of a fit")
    heads = [*map(str, DECAYS), "chosen", "seconds with 2", "with auto"]
    print("| table | rows x columns |", " | ".join(heads), "|")
    print("|" + "---|" * (2 + len(heads)))
    for name in DECAY_TABLES:
        X = numbers(arguments.data, name)
        for n in DECAY_ROWS:
            n = min(n, 2 * len(X) // 3)
            runs = [by_decay(X, n, seed) for seed in range(arguments.seeds)]
            found = np.mean([densities for densities, _, _ in runs], axis=0)
            seconds = np.mean([[own[0], own[-1]] for _, _, own in runs], axis=0)
            cells = [f"{v:.2f}" for v in found]
            cells += [" ".join(f"{chosen:.2g}" for _, chosen, _ in runs)]
            cells += [f"{v:.2f}" for v in seconds]
            print(f"| {name} | {n} x {X.shape[1]} |", " | ".join(cells), "|", flush=True)


def by_decay(X, n, seed):
    """Log densities of held-out rows by decay, that of "auto", and the seconds of the fits."""
    X = np.random.default_rng(seed).permutation(X)
    X = X[:, X[:n].std(axis=0) > 0]
    X = (X - X[:n].mean(axis=0)) / X[:n].std(axis=0)
    found, seconds = [], []
    for alpha in DECAYS:
        begun = time.process_time()
        model = PCGenerative(alpha=alpha, random_state=seed).fit(X[:n])
        seconds.append(time.process_time() - begun)
        found.append(model.score(X[n:]))
    return found, model.alpha_, seconds


# ---------------------------------------------------------------- seeds


def seeds(arguments):
    print("| table | rows x columns | median | least | share of poor seeds | seconds |")
    print("|---|---|---|---|---|---|")
    for name in FEW:
        X = datasets.load_iris().data if name == "iris" else numbers(arguments.data, name)
        X = np.random.default_rng(0).permutation(X)
        n = min(120, 2 * len(X) // 3)
        X = X[:, X[:n].std(axis=0) > 0]
        X = (X - X[:n].mean(axis=0)) / X[:n].std(axis=0)
        begun = time.process_time()
        made = [PCGenerative(random_state=k).fit(X[:n]) for k in range(arguments.seeds)]
        seconds = (time.process_time() - begun) / arguments.seeds
        found = np.array([model.score(X[n:]) for model in made])
        poor = np.mean(found < np.median(found) - 0.5)
        size = f"{n} x {X.shape[1]}"
        print(
            f"| {name} | {size} | {np.median(found):.2f} | {found.min():.2f} | {poor:.0%} "
            f"| {seconds:.2f} |",
            flush=True,
        )


# ---------------------------------------------------------------- joint model


def joint(arguments):
    X, y, X_test, y_test = load_mnist(arguments.data)
    X, y = X[: arguments.train], y[: arguments.train]
    X_test, y_test = X_test[-arguments.test :], y_test[-arguments.test :]
    rng = np.random.default_rng(0)
    tests = [np.where(rng.random(X_test.shape) < share, np.nan, X_test) for share in MISSING]
    begun = time.process_time()
    classifier = PCClassifier(alpha=1.0, max_iter=10, temperature=1.0, random_state=0).fit(X, y)
    print(f"\nPCClassifier: {time.process_time() - begun:.0f} s", flush=True)
    begun = time.process_time()
    model = PCGenerative(64, (512,), input_scaling=None, random_state=0).fit(X, y)
    print(f"PCGenerative: {time.process_time() - begun:.0f} s", flush=True)
    print("| classifier |", " | ".join(f"{share:.0%} missing" for share in MISSING), "|")
    print("|" + "---|" * (1 + len(MISSING)))
    mean = SimpleImputer(keep_empty_features=True).fit(X)
    near = KNNImputer(keep_empty_features=True).fit(X[:1000])
    of_causes = PCClassifier(alpha=1.0, max_iter=10, temperature=1.0, random_state=0)
    of_causes.fit(model.transform(X), y)
    for name, predict in (
        ("PCGenerative", model.predict),
        ("its transform, PCClassifier", lambda Z: of_causes.predict(model.transform(Z))),
        ("its reconstruct, PCClassifier", lambda Z: classifier.predict(filled(model, Z))),
        ("means, PCClassifier", lambda Z: classifier.predict(mean.transform(Z))),
        ("KNNImputer of 1,000 rows, PCClassifier", lambda Z: classifier.predict(near.transform(Z))),
    ):
        begun = time.process_time()
        found = [np.mean(predict(Z) == y_test) for Z in tests]
        spent = time.process_time() - begun
        cells = " | ".join(f"{100 * share:.1f} %" for share in found)
        print(f"| {name} | {cells} | ({spent:.0f} s)", flush=True)
    losses = [log_loss(y_test, model.predict_proba(Z)) for Z in tests]
    print("| log loss, PCGenerative |", " | ".join(f"{loss:.2f}" for loss in losses), "|")
    print(f"log loss, PCClassifier: {log_loss(y_test, classifier.predict_proba(X_test)):.2f}")


def filled(model, X):
    return np.where(np.isnan(X), model.reconstruct(X), X)


PARTS = {"novelty": novelty, "density": density, "decay": decay, "seeds": seeds, "joint": joint}

if __name__ == "__main__":
    main()
