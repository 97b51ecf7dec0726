"""Callbacks: observers of training that measure, report, save or stop a run."""

from ._base import Callback
from ._checkpoint import Checkpoint
from ._sklearn import with_batches

__all__ = ["Callback", "Checkpoint", "with_batches"]
