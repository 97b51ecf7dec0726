"""Generative predictive coding: networks whose input is free and whose output is observed in part.

Layer l predicts the layer above from the activities below, as in `pcnet.Network`; the input z_0 is
not given but inferred, with a normal prior. It holds the causes of the observed outputs. Outputs
have a precision each; those of precision 0, such as missing values, are predicted from the rest.
"""

from ._infer import CauseResult, infer_causes
from ._laplace import log_density
from ._prior import Prior
from ._sample import CauseSamples, Sampler, sample_causes
from ._trainer import CauseTrainer

__all__ = [
    "CauseResult",
    "CauseSamples",
    "CauseTrainer",
    "Prior",
    "Sampler",
    "infer_causes",
    "log_density",
    "sample_causes",
]
