"""Losses with options, as small objects; the other losses have names only."""

from ._objective import Huber

__all__ = ["Huber"]
