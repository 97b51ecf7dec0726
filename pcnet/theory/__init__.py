"""What predictive coding computes, beside backpropagation."""

from ._backprop import backprop_gradients, in_float64
from ._target_alignment import target_alignment

__all__ = ["backprop_gradients", "in_float64", "target_alignment"]
