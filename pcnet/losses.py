"""Losses with options, as small scikit-learn objects; the others are known by their names."""

from ._objective import Huber

__all__ = ["Huber"]
