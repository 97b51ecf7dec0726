"""Recognises fits that are repeated with the same arguments, in searches and the like."""

import sys

#: Beginnings of the names (module.function) of scikit-learn's code that fits several clones of one
#: estimator; Pipeline, VotingClassifier and others that fit each of theirs once are not among them.
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
    """What fits clones of the estimator several times and is doing so now; None if nothing.

    The call stack tells, in worker threads and processes too, and with any scikit-learn. Other
    code on the way, such as an estimator of somebody else that makes this one, may have given
    each its own arguments: it ends the search.

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
    """Of the class or function that was called, if the stack reaches so far; else the innermost."""
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
