"""Searches and similar tools would write one checkpoint from several fits, which is refused."""

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
    permutation_test_score,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor, load_checkpoint
from pcnet.callbacks import Checkpoint

from ..estimators.support import assert_same_bits, data_for, small

X, Y = data_for(PCClassifier)
BINARY = (Y > 0).astype(int)
RAISE = {"error_score": "raise", "cv": 2}


def in_threads(search):
    with joblib.parallel_config("threading"):
        search.fit(X, Y)


REPEATED = {
    "GridSearchCV": lambda m: GridSearchCV(m, {}, **RAISE).fit(X, Y),
    "GridSearchCV, threads": lambda m: in_threads(GridSearchCV(m, {}, n_jobs=2, **RAISE)),
    "RandomizedSearchCV": lambda m: RandomizedSearchCV(m, {}, n_iter=1, **RAISE).fit(X, Y),
    "cross_val_score": lambda m: cross_val_score(m, X, Y, **RAISE),
    "cross_validate": lambda m: cross_validate(m, X, Y, **RAISE),
    "cross_val_predict": lambda m: cross_val_predict(m, X, Y, cv=2),
    "learning_curve": lambda m: learning_curve(m, X, Y, **RAISE),
    "permutation_test_score": lambda m: permutation_test_score(m, X, Y, cv=2),
    "TunedThresholdClassifierCV": lambda m: TunedThresholdClassifierCV(m, cv=2).fit(X, BINARY),
    "CalibratedClassifierCV": lambda m: CalibratedClassifierCV(m, cv=2).fit(X, Y),
    "OneVsRestClassifier": lambda m: OneVsRestClassifier(m).fit(X, Y),
    "OneVsOneClassifier": lambda m: OneVsOneClassifier(m).fit(X, Y),
    "OutputCodeClassifier": lambda m: OutputCodeClassifier(m, random_state=0).fit(X, Y),
    "MultiOutputClassifier": lambda m: MultiOutputClassifier(m).fit(X, np.c_[Y, Y]),
    "ClassifierChain": lambda m: ClassifierChain(m).fit(X, np.c_[BINARY, BINARY]),
    "BaggingClassifier": lambda m: BaggingClassifier(m, n_estimators=2, random_state=0).fit(X, Y),
    "AdaBoostClassifier": lambda m: AdaBoostClassifier(m, n_estimators=2, random_state=0).fit(X, Y),
    "StackingClassifier": lambda m: StackingClassifier([("m", m)], cv=2).fit(X, Y),
}


@pytest.mark.parametrize("wrap", [clone, lambda m: make_pipeline(StandardScaler(), m)])
@pytest.mark.parametrize("name", REPEATED)
def test_repeated_fits_are_refused(name, wrap, tmp_path):
    model = small(PCClassifier, max_iter=1, checkpoint=Checkpoint(tmp_path / "c"))
    if name in ("AdaBoostClassifier", "ClassifierChain") and wrap is not clone:
        pytest.skip("needs an argument of fit that a pipeline does not take")
    with pytest.raises(ValueError, match=r"inside \w+ several fits .* set checkpoint=None"):
        REPEATED[name](wrap(model))


def test_imputers_are_refused(tmp_path):
    model = small(PCRegressor, max_iter=1, checkpoint=tmp_path / "c")
    missing = X.copy()
    missing[::3, 0] = np.nan
    missing[::4, 1] = np.nan
    with pytest.raises(ValueError, match=r"inside IterativeImputer several fits"):
        IterativeImputer(model, max_iter=2).fit(missing)


def test_learning_curves_are_refused(tmp_path):
    model = small(PCClassifier, max_iter=1, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match=r"inside validation_curve several fits"):
        validation_curve(model, X, Y, param_name="alpha", param_range=[0.1], **RAISE)


def test_the_search_is_named(tmp_path):
    model = small(PCClassifier, max_iter=1, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="inside GridSearchCV several fits"):
        GridSearchCV(model, {}, **RAISE).fit(X, Y)


@pytest.mark.slow  # starts processes; by default the same search in this process and in threads
def test_a_search_in_processes_is_refused(tmp_path):
    model = small(PCClassifier, max_iter=1, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match="inside _fit_and_score several fits"):
        GridSearchCV(model, {}, n_jobs=2, **RAISE).fit(X, Y)


SINGLE = {
    "Pipeline": lambda m: make_pipeline(StandardScaler(), m).fit(X, BINARY)[-1],
    "VotingClassifier": lambda m: VotingClassifier([("m", m)]).fit(X, BINARY).estimators_[0],
    "VotingClassifier, processes": lambda m: (
        VotingClassifier([("m", m), ("other", clone(m).set_params(checkpoint=None))], n_jobs=2)
        .fit(X, BINARY)
        .estimators_[0]
    ),
    "FixedThresholdClassifier": lambda m: FixedThresholdClassifier(m).fit(X, BINARY).estimator_,
}


def in_this_process():
    """The names of SINGLE; starting processes is slow."""
    return [pytest.param(n, marks=[pytest.mark.slow] * n.endswith("processes")) for n in SINGLE]


@pytest.mark.parametrize("name", in_this_process())
def test_single_fits_write_the_checkpoint(name, tmp_path):
    model = small(PCClassifier, max_iter=1, checkpoint=tmp_path / "c")
    assert_same_bits(SINGLE[name](model), load_checkpoint(tmp_path / "c"))


def test_transformed_target_is_a_single_fit(tmp_path):
    model = small(PCRegressor, max_iter=1, checkpoint=tmp_path / "c")
    fitted = TransformedTargetRegressor(model).fit(X, Y)
    assert_same_bits(fitted.regressor_, load_checkpoint(tmp_path / "c"))


class WithItsOwnFile(ClassifierMixin, BaseEstimator):
    """A third-party meta-estimator that gives each fit its own file."""

    def __init__(self, folder, alpha=0.1):
        self.folder = folder
        self.alpha = alpha

    def fit(self, X, y):
        path = self.folder / f"{self.alpha}-{X.sum()}"
        model = small(PCClassifier, max_iter=1, alpha=self.alpha, checkpoint=path)
        self.model_ = model.fit(X, y)
        self.classes_ = model.classes_
        return self

    def predict(self, X):
        return self.model_.predict(X)


def test_meta_estimator_with_a_file_for_each_fit_is_accepted(tmp_path):
    GridSearchCV(WithItsOwnFile(tmp_path), {"alpha": [0.1, 0.2]}, refit=False, **RAISE).fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 4


class Subclass(PCClassifier):
    """A subclass of a pcnet estimator in another module."""

    def fit(self, X, y, **options):
        return super().fit(X, y, **options)


def test_repeated_fits_of_subclasses_are_refused(tmp_path):
    model = Subclass((8,), max_iter=1, checkpoint=tmp_path / "c")
    with pytest.raises(ValueError, match=r"inside cross_validate several fits"):
        cross_validate(model, X, Y, **RAISE)
