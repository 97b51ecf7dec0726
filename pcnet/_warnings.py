"""Warnings that refer to the line of the user's code."""

import os
import sys
import warnings

import sklearn

# frames of scikit-learn are skipped: its decorators, pipelines and searches
_PASSED_OVER = tuple(os.path.dirname(file) + os.sep for file in (__file__, sklearn.__file__))


def warn(message, category=UserWarning):
    """Warn at the innermost frame outside pcnet and scikit-learn.

    A fixed ``stacklevel`` would differ between call paths.

    Parameters
    ----------
    message : str
        Without numbers that differ between calls: Python would show each as a new warning.
    category : type
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PASSED_OVER):
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
