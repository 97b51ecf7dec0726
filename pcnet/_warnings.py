"""Warnings that point at the line of the user's code, however deep below it they arise."""

import os
import sys
import warnings

import sklearn

# scikit-learn's frames lie between: its decorators, pipelines and searches.
_PASSED_OVER = tuple(os.path.dirname(file) + os.sep for file in (__file__, sklearn.__file__))


def warn(message, category=UserWarning):
    """Warn at the innermost frame outside pcnet and scikit-learn.

    ``stacklevel`` would have to be counted for each way by which a call comes here.

    Parameters
    ----------
    message : str
        Without figures that differ from call to call, by which Python would take each for another
        warning, and show it again.
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
