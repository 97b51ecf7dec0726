"""Callbacks: what watches training, measures, reports and decides when to stop."""

from ._base import Callback
from ._checkpoint import Checkpoint
from ._sklearn import with_batches

__all__ = ["Callback", "Checkpoint", "with_batches"]
