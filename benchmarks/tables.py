"""The estimators' defaults compared with scikit-learn's MLP or boosted trees, on real tables.

    python benchmarks/tables.py FOLDER [--peer boosting] [--folds 3] [--seed 1]
        [--figure reliability.png] [--set alpha=0.03] [--set max_iter=50]

FOLDER holds index.json, which gives task, file, rows and columns of each table, and the tables as
CSV files whose column "target" is last. The six small sets of benchmarks/defaults.py are added.
Numbers are imputed by their median and standardised, other columns one-hot encoded. Each fold is
fitted by both in turn, in one process; PCRegressor takes raw targets, MLPRegressor standardised
ones. The peer "boosting" is HistGradientBoosting with its defaults, on the same columns. --set
changes arguments of pcnet's estimators, to measure variants.

The defaults were chosen on the folds of seed 0; quote those of another seed, and the halves of
the tables apart (--half odd, --half even).
"""

import argparse
import ast
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from _common import print_environment, verdict
from defaults import CLASSIFICATION, REGRESSION
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, StandardScaler

from pcnet import PCClassifier, PCRegressor

#: Peer -> its name in tables.
PEERS = {"mlp": "MLP", "boosting": "trees"}

#: Accuracy of the better of the two above which a table counts as clean.
CLEAN = 0.93


def main():
    arguments = parse()
    print_environment(pandas=pd.__version__)
    warnings.simplefilter("ignore")  # of the MLP's 200 epochs, and of classes with few samples
    tables = load_tables(arguments.folder, arguments.half)
    certain = []
    for task in ("classification", "regression"):
        names = [name for name, table in tables.items() if table[2] == task]
        print(f"\n{task}: {len(names)} tables")
        print(HEADS[task].replace("  peer", f"{PEERS[arguments.peer]:>6}"))
        rows = {}
        for name in names:
            rows[name] = compare(tables[name], arguments, certain)
            print_row(name, rows[name], task)
        summarise(rows, task, PEERS[arguments.peer])
    if certain:
        reliability(certain, arguments.figure)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--peer", choices=PEERS, default="mlp")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=["odd", "even"])
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


# ---------------------------------------------------------------- data


def load_tables(folder, half):
    """Name -> (X, y, task), in the order of their names."""
    tables = {}
    for name, entry in json.loads((folder / "index.json").read_text()).items():
        frame = pd.read_csv(folder / entry["file"])
        y = frame.pop("target")
        is_class = entry["task"] == "classification"
        y = LabelEncoder().fit_transform(y.astype(str)) if is_class else y.to_numpy(float)
        tables[name] = frame, y, entry["task"]
    small = {**CLASSIFICATION, **REGRESSION}
    for name, (load, _) in small.items():
        X, y = load(return_X_y=True) if load else make_friedman1(1000, noise=1.0, random_state=0)
        task = "classification" if name in CLASSIFICATION else "regression"
        tables[name] = pd.DataFrame(X, dtype=float), y, task
    start = {"odd": 1, "even": 0, None: 0}[half]
    return {name: tables[name] for name in sorted(tables)[start :: 1 if half is None else 2]}


def folds_of(table, n_folds, seed):
    """Yield (X_train, y_train, X_test, y_test), encoded by what the training part shows."""
    frame, y, task = table
    few = task == "regression" or np.bincount(y).min() < n_folds
    folds = (KFold if few else StratifiedKFold)(n_folds, shuffle=True, random_state=seed)
    numbers = [name for name in frame.columns if frame[name].dtype.kind in "fiub"]
    others = [name for name in frame.columns if name not in numbers]
    for train, test in folds.split(frame, y):
        encoder = make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (
                make_pipeline(
                    SimpleImputer(strategy="most_frequent"),
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                ),
                others,
            ),
        )
        X_train = np.ascontiguousarray(encoder.fit_transform(frame.iloc[train]), dtype=float)
        X_test = np.ascontiguousarray(encoder.transform(frame.iloc[test]), dtype=float)
        yield X_train, y[train], X_test, y[test]


# ---------------------------------------------------------------- fits and scores


def compare(table, arguments, certain):
    """Mean over the folds of both models' scores and CPU seconds: (ours, theirs)."""
    changes = {}
    for change in arguments.set:
        name, _, value = change.partition("=")
        changes[name] = ast.literal_eval(value)
    kept = ([], [])
    for X, y, X_test, y_test in folds_of(table, arguments.folds, arguments.seed):
        models = models_for(table[2], changes, arguments.seed, arguments.peer)
        for side, model in zip(kept, models, strict=True):
            start = time.process_time()
            model.fit(X, y)
            seconds = time.process_time() - start
            if table[2] == "regression":
                scores = [max(-1.0, r2_score(y_test, model.predict(X_test)))]
            else:
                scores = scores_of(model, X_test, y_test, certain if side is kept[0] else None)
            side.append([*scores, seconds])
    return [np.nanmean(side, axis=0) for side in kept]


def models_for(task, changes, seed, peer):
    if task == "classification":
        kinds = {"mlp": MLPClassifier, "boosting": HistGradientBoostingClassifier}
        return PCClassifier(random_state=seed, **changes), kinds[peer](random_state=seed)
    changes = {name: v for name, v in changes.items() if name != "temperature"}
    ours = PCRegressor(random_state=seed, **changes)
    if peer == "boosting":
        return ours, HistGradientBoostingRegressor(random_state=seed)
    mlp = MLPRegressor(random_state=seed)
    return ours, TransformedTargetRegressor(mlp, transformer=StandardScaler())


def scores_of(model, X, y, certain):
    """Accuracy, log loss and ROC AUC (one against the rest, mean over the classes)."""
    p = model.predict_proba(X)
    known = np.isin(y, model.classes_)
    p, y = p[known], np.searchsorted(model.classes_, y[known])
    if certain is not None:
        certain.append((p.max(axis=1), p.argmax(axis=1) == y))
    areas = [
        roc_auc_score(y == k, p[:, k])
        for k in range(p.shape[1])
        if 0 < np.count_nonzero(y == k) < len(y)
    ]
    return [
        accuracy_score(y, p.argmax(axis=1)),
        log_loss(y, np.clip(p, 1e-15, 1), labels=np.arange(p.shape[1])),
        np.mean(areas),
    ]


# ---------------------------------------------------------------- output

HEADS = {
    "classification": f"{'':18s} accuracy          log loss          ROC AUC           time ratio\n"
    f"{'':18s}  pcnet   peer     pcnet   peer     pcnet   peer",
    "regression": f"{'':18s} R2                time ratio\n{'':18s}  pcnet   peer",
}


def print_row(name, row, task):
    ours, theirs = row
    pairs = zip(ours[:-1], theirs[:-1], strict=True)
    cells = "   ".join(f"{a:6.3f} {b:6.3f}" for a, b in pairs)
    print(f"{name:18s} {cells}   {ours[-1] / theirs[-1]:6.2f}", flush=True)


def summarise(rows, task, peer):
    ours, theirs = (np.array([row[i] for row in rows.values()]) for i in (0, 1))
    print_row("mean", (ours.mean(axis=0), theirs.mean(axis=0)), task)
    print_row("median", (np.median(ours, axis=0), np.median(theirs, axis=0)), task)
    total = ours[:, -1].sum() / theirs[:, -1].sum()
    middle = np.median(ours[:, -1] / theirs[:, -1])
    print(f"time: all fits {total:.2f} of the time of {peer}, median of the ratios {middle:.2f}")
    if task == "regression":
        gain = (ours - theirs)[:, 0].mean()
        print(f"R2 {gain:+.4f} against {peer}: {verdict(gain, 0)}")
        return
    gains = (ours - theirs).mean(axis=0)
    for name, gain, target, at_least in (
        ("accuracy", gains[0], 0.005, True),
        ("log loss", gains[1], 0.0, False),
        ("ROC AUC", gains[2], 0.0, True),
    ):
        print(f"{name} {gain:+.4f} against {peer}: {verdict(gain, target, at_least)}")
    clean = np.maximum(ours[:, 0], theirs[:, 0]) > CLEAN
    for label, part in (("clean", clean), ("noisy", ~clean)):
        if part.any():
            print(f"  {label} ({part.sum()}): accuracy {(ours - theirs)[part, 0].mean():+.4f}")


def reliability(certain, figure, n_bins=10):
    """Share of correct predictions by probability, printed and, with --figure, drawn."""
    p, right = (np.concatenate(part) for part in zip(*certain, strict=True))
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    used = [b for b in range(n_bins) if np.count_nonzero(bins == b) >= 30]
    said = np.array([p[bins == b].mean() for b in used])
    seen = np.array([right[bins == b].mean() for b in used])
    counts = np.array([np.count_nonzero(bins == b) for b in used])
    print("\nprobability of the predicted class, all classification tables")
    print("  predicted " + "  ".join(f"{value:.2f}" for value in said))
    print("  right     " + "  ".join(f"{value:.2f}" for value in seen))
    print(f"  expected calibration error {np.average(np.abs(said - seen), weights=counts):.3f}")
    if figure is not None:
        draw(said, seen, counts, figure)


def draw(said, seen, counts, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="calibrated")
    axes.scatter(said, seen, s=8 + 150 * counts / counts.max(), label="PCClassifier, area: samples")
    axes.plot(said, seen, linewidth=1)
    axes.set(
        xlabel="probability of the predicted class",
        ylabel="share of right predictions",
        xlim=(0.2, 1.02),
        ylim=(0.2, 1.02),
    )
    axes.legend(loc="upper left")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
