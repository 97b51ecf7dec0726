"""Detects repeated fits of clones, as in grid search and cross-validation."""

import sys

#: Prefixes of names (module.function) of scikit-learn code that fits several clones of one
#: estimator; not Pipeline, VotingClassifier and others that fit each estimator once.
_REPEATING = (
    "sklearn.model_selection._validation.",
    "sklearn.model_selection._search.",
    "sklearn.model_selection._classification_threshold._fit_and_score_over_thresholds",
    "sklearn.calibration.",
    "sklearn.ensemble._bagging.",
    "sklearn.ensemble._weight_boosting.",
    "sklearn.feature_selection._rfe.",
    "sklearn.impute.",
    "sklearn.multiclass.",
    "sklearn.multioutput.",
    "sklearn.semi_supervised.",
)
_PASSED_ON = ("pcnet.", "sklearn.", "joblib.")


def repeating_caller(estimator):
    """Name of the running code that fits several clones of the estimator, or None.

    It reads the call stack, which works in worker threads and processes and with all versions of
    scikit-learn. Other code in the stack, such as a third-party meta-estimator, may have given each
    clone its own arguments: the search of the stack ends there.

    Returns
    -------
    str or None
        Name of a class or function of scikit-learn.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        code = frame.f_code.co_name
        owner = frame.f_locals.get("self")
        if f"{module}.{code}".startswith(_REPEATING):
            return _name_of(frame)
        if owner is not estimator and not module.startswith(_PASSED_ON):
            return None
        frame = frame.f_back
    return None


def _name_of(frame):
    """Name of the class or function that was called, if in the stack; else the innermost."""
    name = frame.f_code.co_name
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if not module.startswith(_PASSED_ON):
            break
        if f"{module}.".startswith(_REPEATING):
            owner = frame.f_locals.get("self")
            if owner is not None:
                return type(owner).__name__
            if frame.f_code.co_name.isidentifier():  # no comprehension
                name = frame.f_code.co_name
        frame = frame.f_back
    return name
