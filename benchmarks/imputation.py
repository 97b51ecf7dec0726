"""PCImputer compared with scikit-learn's imputers: error on hidden entries, and time.

    python benchmarks/imputation.py [FOLDER] [--seeds 5] [--set output_precision=10] [--tables wine]

A quarter of the entries is hidden at random. The error is the root mean squared error on them, in
units of each column's standard deviation, mean of the seeds. FOLDER holds tables as for
benchmarks/tables.py, of which the numeric columns are used; --tables names them, by default the 13
below. Without FOLDER only the tables of scikit-learn are used. Seconds are CPU time of fit and
transform, on one thread. --set changes arguments of PCImputer; --only omits the other imputers.

The defaults were chosen on other tables. For networks: heart, cleveland, baseball, iris,
real_estate, concrete, vowel, bikes_day, segment, communities, cells, australian, hmda, credit_data,
car_prices, german, bands, hepatitis, nmes_visits, chicago, synthetic ones. For the linear model and
its share: TUNING below, blobs, curves and MNIST's images reduced to 7 x 7 pixels.
"""

import argparse
import ast
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import print_environment
from sklearn import datasets
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import PCImputer

OF_SCIKIT_LEARN = ("wine", "diabetes", "breast_cancer", "digits")
OF_FOLDER = (
    "abalone9-18", "ad_data", "boston", "cpu", "glass", "ionosphere", "magic", "meats", "optdigits",
    "page-blocks0", "puma32h", "spambase", "wine_white",
)  # fmt: skip
TUNING = (
    "concrete", "vowel", "bikes_day", "segment", "car_prices", "nmes_visits", "credit_data",
    "sacramento", "marketing", "banana", "mammographic", "heart", "cleveland", "baseball", "iris",
    "real_estate", "cells", "australian", "bands", "german", "communities", "chicago", "hepatitis",
    "lymphography", "scat", "penguins",
)  # fmt: skip
HIDDEN = 0.25


def main():
    arguments = parse()
    print_environment(pandas=pd.__version__)
    warnings.simplefilter("ignore")  # of IterativeImputer's rounds, and of hidden columns
    options = {k: ast.literal_eval(v) for k, v in (pair.split("=", 1) for pair in arguments.set)}
    print(f"\n{arguments.seeds} seeds; error, CPU seconds")
    heads = ("mean", "KNNImputer", "IterativeImputer", "PCImputer", "PCImputer / best of others")
    if arguments.only:
        heads = ("mean", "PCImputer", "PCImputer / mean")
    print("| table | rows x columns |", " | ".join(heads), "|")
    print("|" + "---|" * (2 + len(heads)))
    ratios, faster = [], []
    with pcnet.set_num_threads(1), threadpool_limits(1):
        names = TUNING if arguments.tables == ["tuning"] else arguments.tables
        for name, X in tables(arguments.folder, names):
            made = [imputers(seed, options) for seed in range(arguments.seeds)]
            made = [own[:1] + own[3:] if arguments.only else own for own in made]
            found = np.mean([compare(X, seed, own) for seed, own in enumerate(made)], axis=0)
            ratios.append(found[-1, 0] / found[:-1, 0].min())
            faster.append(found[-1, 1] <= found[-2, 1])
            cells = " | ".join(f"{error:.3f}, {seconds:.2f}" for error, seconds in found)
            size = f"{X.shape[0]} x {X.shape[1]}"
            print(f"| {name} | {size} | {cells} | {ratios[-1]:.3f} |", flush=True)
    n = len(ratios)
    ratios = np.array(ratios)
    if arguments.only:
        print(f"\ngeometric mean of the ratios {np.exp(np.log(ratios).mean()):.4f}")
        return
    print(f"\nbest {np.sum(ratios <= 1)} of {n}, within 3 % of the best {np.sum(ratios <= 1.03)}")
    print(f"as fast as IterativeImputer or faster: {np.sum(faster)} of {n}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--tables", nargs="+", default=[*OF_SCIKIT_LEARN, *OF_FOLDER], help="names, or 'tuning'"
    )
    parser.add_argument("--only", action="store_true")
    return parser.parse_args()


def tables(folder, names):
    """Pairs (name, X), without rows with missing entries and without constant columns."""
    for name in names:
        if name in (*OF_SCIKIT_LEARN, "iris"):
            yield name, varying(getattr(datasets, f"load_{name}")().data)
        elif folder:
            frame = pd.read_csv(folder / f"{name}.csv.gz").drop(columns="target", errors="ignore")
            X = frame.select_dtypes("number").to_numpy(float)
            yield name, varying(X[~np.isnan(X).any(axis=1)])


def varying(X):
    return X[:, X.std(axis=0) > 0]


def imputers(seed, options):
    return (
        SimpleImputer(keep_empty_features=True),
        KNNImputer(keep_empty_features=True),
        IterativeImputer(random_state=seed, keep_empty_features=True),
        PCImputer(random_state=seed, keep_empty_features=True, **options),
    )


def compare(X, seed, imputers):
    """Rows (error, seconds), one for each imputer."""
    hidden = np.random.default_rng(seed).random(X.shape) < HIDDEN
    given = np.where(hidden, np.nan, X)
    rows = []
    for imputer in imputers:
        begun = time.process_time()
        filled = imputer.fit_transform(given)
        seconds = time.process_time() - begun
        error = ((filled - X) / X.std(axis=0))[hidden]
        rows.append((np.sqrt(np.mean(np.square(error))), seconds))
    return rows


if __name__ == "__main__":
    main()
