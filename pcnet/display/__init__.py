"""Pictures of training and of inference, in the manner of scikit-learn's Display objects.

Each class holds the numbers it draws as attributes, is made by a ``from_...`` method, and draws
into given or new axes with ``plot(ax=)``. Only ``plot`` needs matplotlib.
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
