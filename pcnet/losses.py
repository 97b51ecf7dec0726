"""Losses with options, as small objects; the other losses have names only."""

from ._objective import Blocks, Huber

__all__ = ["Blocks", "Huber"]
