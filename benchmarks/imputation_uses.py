"""PCImputer where entries are not missing at random, before classifiers, and on categories.

    python benchmarks/imputation_uses.py not_at_random [FOLDER]
    python benchmarks/imputation_uses.py downstream [FOLDER]
    python benchmarks/imputation_uses.py categories FOLDER

not_at_random: an entry is hidden with probability 0.45 above the median of its column and 0.05
below; error as in benchmarks/imputation.py. downstream: a quarter of the entries is hidden at
random, in training and test; accuracy of a classifier behind each imputer, 5 folds. categories: a
quarter of the entries of mixed tables is hidden; share of the hidden categories that are filled in
right, and the error of the hidden numbers. Tables of at most 800 rows; those of FOLDER as for
benchmarks/tables.py.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import print_environment
from imputation import varying
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import pcnet
from pcnet import PCImputer

MOST_ROWS = 800
NUMBERS = ("wine", "breast_cancer", "digits")
NUMBERS_OF_FOLDER = ("glass", "ionosphere", "magic", "spambase", "abalone9-18")
MIXED = ("credit_data", "german", "hmda", "lending_club", "penguins", "wa_churn", "wage", "car")
KEEP = {"keep_empty_features": True}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["not_at_random", "downstream", "categories"])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print_environment(pandas=pd.__version__)
    warnings.simplefilter("ignore")  # of IterativeImputer's rounds, and of hidden columns
    with pcnet.set_num_threads(1), threadpool_limits(1):
        globals()[arguments.what](arguments.folder, arguments.seeds)


def row(*cells):
    texts = [cell if isinstance(cell, str) else f"{cell:.3f}" for cell in cells]
    print("|", " | ".join(texts), "|", flush=True)


def head(*cells):
    row(*cells)
    print("|" + "---|" * len(cells))


# ---------------------------------------------------------------- tables


def numbers(folder):
    """(name, X, y) of classification tables."""
    for name in NUMBERS:
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield name, *some_rows(X, y)
    for name in NUMBERS_OF_FOLDER if folder else ():
        frame = pd.read_csv(folder / f"{name}.csv.gz").dropna()
        X = frame.drop(columns="target").select_dtypes("number").to_numpy(float)
        yield name, *some_rows(X, frame["target"].astype(str).to_numpy())


def some_rows(X, y):
    rows = np.random.default_rng(0).permutation(len(X))[:MOST_ROWS]
    return varying(X[rows]), y[rows]


def mixed(folder):
    """(name, frame), text as categories."""
    for name in MIXED:
        frame = pd.read_csv(folder / f"{name}.csv.gz").drop(columns="target").dropna()
        frame = frame.sample(min(MOST_ROWS, len(frame)), random_state=0).reset_index(drop=True)
        for column in frame.select_dtypes(exclude="number"):
            frame[column] = frame[column].astype(str).astype("category")
        yield name, frame[[column for column in frame if frame[column].nunique() > 1]]


# ---------------------------------------------------------------- measurements


def imputers(seed):
    return {
        "mean": SimpleImputer(**KEEP),
        "KNNImputer": KNNImputer(**KEEP),
        "IterativeImputer": IterativeImputer(random_state=seed, **KEEP),
        "PCImputer": PCImputer(random_state=seed, **KEEP),
    }


def not_at_random(folder, n_seeds):
    head("table", *imputers(0))
    for name, X, _ in numbers(folder):
        high = np.median(X, axis=0) < X
        errors = np.zeros((n_seeds, len(imputers(0))))
        for seed in range(n_seeds):
            rng = np.random.default_rng(seed)
            hidden = rng.random(X.shape) < np.where(high, 0.45, 0.05)
            given = np.where(hidden, np.nan, X)
            for k, imputer in enumerate(imputers(seed).values()):
                error = ((imputer.fit_transform(given) - X) / X.std(axis=0))[hidden]
                errors[seed, k] = np.sqrt(np.mean(error**2))
        row(name, *errors.mean(axis=0))


def downstream(folder, n_seeds):
    with_indicator = {"mean + indicator": SimpleImputer(add_indicator=True, **KEEP)}
    classifiers = {
        "logistic": lambda: LogisticRegression(max_iter=300),
        "forest": lambda: RandomForestClassifier(50, random_state=0),
    }
    head("table", "classifier", *with_indicator, *imputers(0), "none missing")
    for name, X, y in numbers(folder):
        for title, make in classifiers.items():
            shares = []
            for seed in range(n_seeds):
                hidden = np.random.default_rng(seed).random(X.shape) < 0.25
                given = np.where(hidden, np.nan, X)
                folds = StratifiedKFold(5, shuffle=True, random_state=seed)
                models = [
                    make_pipeline(imputer, StandardScaler(), make())
                    for imputer in (with_indicator | imputers(seed)).values()
                ]
                scores = [cross_val_score(m, given, y, cv=folds).mean() for m in models]
                whole = make_pipeline(StandardScaler(), make())
                shares.append([*scores, cross_val_score(whole, X, y, cv=folds).mean()])
            row(name, title, *np.mean(shares, axis=0))


def categories(folder, n_seeds):
    ways = {"most frequent, mean": by_columns, "KNNImputer on codes": by_neighbours}
    ways["PCImputer"] = by_networks
    head("table", "columns of categories, of numbers", *ways)
    for name, frame in mixed(folder):
        texts = frame.columns[frame.dtypes == "category"]
        found = np.zeros((n_seeds, len(ways), 2))
        for seed in range(n_seeds):
            hidden = np.random.default_rng(seed).random(frame.shape) < 0.25
            given = frame.mask(hidden)
            for k, fill in enumerate(ways.values()):
                found[seed, k] = judge(frame, hidden, fill(given, seed))
        cells = [f"{share:.3f}, {error:.3f}" for share, error in found.mean(axis=0)]
        row(name, f"{len(texts)}, {frame.shape[1] - len(texts)}", *cells)


def judge(frame, hidden, filled):
    """Share of hidden categories that are right, and error of hidden numbers."""
    hits, errors = [], []
    for j, column in enumerate(frame):
        own, true = filled[column][hidden[:, j]], frame[column][hidden[:, j]]
        if frame[column].dtype == "category":
            hits.append(own.astype(str).to_numpy() == true.astype(str).to_numpy())
        else:
            errors.append((own.to_numpy(float) - true.to_numpy()) / frame[column].std())
    rest = np.concatenate(errors) if errors else np.array([np.nan])
    return np.mean(np.concatenate(hits)), np.sqrt(np.mean(rest**2))


def by_columns(given, seed):
    return given.apply(lambda c: c.fillna(c.mode()[0] if c.dtype == "category" else c.mean()))


def by_neighbours(given, seed):
    codes = pd.get_dummies(given, dtype=float)
    for column in given.columns[given.dtypes == "category"]:
        own = [c for c in codes if c.startswith(f"{column}_")]
        codes.loc[given[column].isna(), own] = np.nan
    scale = codes.std().replace(0, 1)
    values = KNNImputer(**KEEP).fit_transform((codes - codes.mean()) / scale)
    codes = pd.DataFrame(values, columns=codes.columns) * scale + codes.mean()
    filled = {}
    for column in given:
        own = [c for c in codes if c == column or c.startswith(f"{column}_")]
        if given[column].dtype == "category":
            filled[column] = codes[own].idxmax(axis=1).str.removeprefix(f"{column}_")
        else:
            filled[column] = codes[column]
    return pd.DataFrame(filled)


def by_networks(given, seed):
    imputer = PCImputer(random_state=seed, keep_empty_features=True)
    return imputer.set_output(transform="pandas").fit_transform(given)


if __name__ == "__main__":
    main()
