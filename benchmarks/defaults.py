"""The estimators' defaults compared with scikit-learn's MLP, on six small data sets.

    python benchmarks/defaults.py [--shuffles 2]

StandardScaler and the default estimator, 5-fold cross-validation, mean over the shuffles; each
fold is fitted by both in turn. PCRegressor takes raw targets, MLPRegressor standardised ones.
Targets: the peer's long-run means, and twice its time.
"""

import argparse
import statistics
import time
import warnings

import numpy as np
from _common import print_environment, verdict
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_friedman1,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor

CLASSIFICATION = {
    "digits": (load_digits, 0.979),
    "iris": (load_iris, 0.947),
    "wine": (load_wine, 0.978),
    "breast cancer": (load_breast_cancer, 0.972),
}
REGRESSION = {"diabetes": (load_diabetes, 0.449), "friedman1": (None, 0.922)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shuffles", type=int, default=2)
    arguments = parser.parse_args()
    print_environment()
    warnings.simplefilter("ignore", ConvergenceWarning)  # MLP's, at its 200 epochs
    print("\ndata            pcnet    MLP  target           time, s    MLP, s  ratio (target 2)")
    for name, (load, target) in {**CLASSIFICATION, **REGRESSION}.items():
        X, y = load(return_X_y=True) if load else make_friedman1(1000, noise=1.0, random_state=0)
        if name in CLASSIFICATION:
            models, folds = (PCClassifier(), MLPClassifier()), StratifiedKFold
        else:
            peer = TransformedTargetRegressor(MLPRegressor(), transformer=StandardScaler())
            models, folds = (PCRegressor(), peer), KFold
        ours, theirs = compare(models, X, y, folds, arguments.shuffles)
        ratio = ours[1] / theirs[1]
        reached = verdict(round(ours[0], 3), target)  # targets are quoted to three digits
        print(
            f"{name:14s} {ours[0]:6.4f} {theirs[0]:6.4f}   {target:.3f} {reached:6s}"
            f"  {ours[1]:8.3f}  {theirs[1]:8.3f}   {ratio:.2f} {verdict(ratio, 2, False)}",
            flush=True,
        )


def compare(models, X, y, folds, shuffles):
    """(mean score, median seconds of a fit) of each model."""
    scores, times = ([], []), ([], [])
    for shuffle in range(shuffles):
        for train, test in folds(5, shuffle=True, random_state=shuffle).split(X, y):
            for model, kept_scores, kept_times in zip(models, scores, times, strict=True):
                pipeline = make_pipeline(StandardScaler(), clone(model))
                seed_all(pipeline, shuffle)
                start = time.perf_counter()
                pipeline.fit(X[train], y[train])
                kept_times.append(time.perf_counter() - start)
                kept_scores.append(pipeline.score(X[test], y[test]))
    return [(np.mean(s), statistics.median(t)) for s, t in zip(scores, times, strict=True)]


def seed_all(model, seed):
    names = [name for name in model.get_params() if name.endswith("random_state")]
    model.set_params(**dict.fromkeys(names, seed))


if __name__ == "__main__":
    main()
