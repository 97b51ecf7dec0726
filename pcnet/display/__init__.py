"""Figures of training and of inference, with the interface of scikit-learn's Display objects.

Each class has its numbers as attributes and a ``from_...`` method as constructor. ``plot(ax=)``
draws into given or new axes. Only ``plot`` needs matplotlib.
"""

from ._gradients import GradientCosineDisplay
from ._inference import InferencePassesDisplay
from ._layers import LayerEnergyDisplay, LayerErrorDisplay
from ._training import TrainingDisplay

__all__ = [
    "GradientCosineDisplay",
    "InferencePassesDisplay",
    "LayerEnergyDisplay",
    "LayerErrorDisplay",
    "TrainingDisplay",
]
