"""What predictive coding computes, beside backpropagation."""

from ._backprop import backprop_gradients, in_float64

__all__ = ["backprop_gradients", "in_float64"]
