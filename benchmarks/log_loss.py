"""Log loss of the classifiers' probabilities, default and calibrated, against MLPClassifier's.

    python benchmarks/log_loss.py

StandardScaler and the classifier on float32 data, threefold cross-validation, one seed. The table
of docs/outputs.md; docs/figures.py computes it, too.
"""

import warnings

import numpy as np
from _common import print_environment
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier


def problems():
    """{name: (X, y)}; "rare": 5 % of one class in 2000 samples, a few labels wrong."""
    rare = make_classification(2000, weights=[0.95], flip_y=0.03, random_state=0)
    return {
        "cancer": load_breast_cancer(return_X_y=True),
        "rare": rare,
        "digits": load_digits(return_X_y=True),
    }


def models():
    """{name: classifier}, all else default."""
    return {
        "default": PCClassifier(random_state=0),
        "log_loss": PCClassifier(loss="log_loss", random_state=0),
        "calibrated": CalibratedClassifierCV(
            PCClassifier(random_state=0), method="temperature", cv=3
        ),
        "mlp": MLPClassifier(random_state=0),
    }


def table():
    """{"model.problem": log loss}, means of three folds."""
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # MLP's, at its 200 epochs
        for problem, (X, y) in problems().items():
            X = np.asarray(X, dtype=np.float32)
            for name, model in models().items():
                estimator = make_pipeline(StandardScaler(), model)
                scores = cross_val_score(estimator, X, y, cv=folds, scoring="neg_log_loss")
                found[f"{name}.{problem}"] = -scores.mean()
    return found


def main():
    print_environment()
    found = table()
    print(f"\n{'':12}" + "".join(f"{problem:>10}" for problem in problems()))
    for name in models():
        print(f"{name:12}" + "".join(f"{found[f'{name}.{p}']:10.3f}" for p in problems()))


if __name__ == "__main__":
    main()
