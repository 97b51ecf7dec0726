"""scikit-learn's decorators, with annotations that keep those of the decorated functions."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._types import AnyFunction

if TYPE_CHECKING:  # scikit-learn's have no annotations and would hide pcnet's

    def available_if(check: Callable[[Any], bool]) -> Callable[[AnyFunction], AnyFunction]:
        """scikit-learn's decorator."""

    def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[AnyFunction], AnyFunction]:
        """scikit-learn's decorator."""
else:
    from sklearn.base import _fit_context as fit_context
    from sklearn.utils.metaestimators import available_if

__all__ = ["available_if", "fit_context"]
