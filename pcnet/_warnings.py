"""Warnings that refer to the line of the user's code."""

import os
import sys
import warnings

_FOLDER = os.path.dirname(__file__) + os.sep


def warn(message, category=UserWarning):
    """Warn at the innermost frame outside pcnet and scikit-learn.

    A fixed ``stacklevel`` would differ between call paths.

    Parameters
    ----------
    message : str
        Without numbers that differ between calls: Python would show each as a new warning.
    category : type
    """
    frame, passed_over = sys._getframe(1), (_FOLDER,)
    if "sklearn" in sys.modules:  # its decorators, pipelines and searches
        passed_over += (os.path.dirname(sys.modules["sklearn"].__file__) + os.sep,)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(passed_over):
        frame = frame.f_back
    names = frame.f_globals
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=names.get("__name__", "<unknown>"),
        registry=names.setdefault("__warningregistry__", {}),
    )


def convergence_warning():
    """scikit-learn's ConvergenceWarning, or UserWarning where scikit-learn is not installed."""
    try:
        from sklearn.exceptions import ConvergenceWarning
    except ModuleNotFoundError:
        return UserWarning
    return ConvergenceWarning
