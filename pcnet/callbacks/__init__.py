"""Callbacks: what watches training, measures, reports and decides when to stop."""

from ._base import Callback

__all__ = ["Callback"]
