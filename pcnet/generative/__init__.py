"""Generative predictive coding: networks whose input is free and whose output is observed in part.

Layer l predicts the layer above from the activities below, as in `pcnet.Network`; the input z_0 is
not given but inferred, with a normal prior. It holds the causes of the observed outputs. Outputs
have a precision each; those of precision 0, such as missing values, are predicted from the rest.
"""

from ._bidirectional import (
    BidirectionalReport,
    BidirectionalResult,
    BidirectionalTrainer,
    infer_bidirectional,
)
from ._hybrid import HybridReport, HybridTrainer
from ._infer import CauseResult, infer_causes
from ._langevin import Langevin
from ._laplace import log_density
from ._memory import AssociativeMemory, RecurrentMemory
from ._prior import Prior
from ._sample import CauseSamples, Sampler, sample_causes
from ._trainer import CauseTrainer

__all__ = [
    "AssociativeMemory",
    "BidirectionalReport",
    "BidirectionalResult",
    "BidirectionalTrainer",
    "CauseResult",
    "CauseSamples",
    "CauseTrainer",
    "HybridReport",
    "HybridTrainer",
    "Langevin",
    "Prior",
    "RecurrentMemory",
    "Sampler",
    "infer_bidirectional",
    "infer_causes",
    "log_density",
    "sample_causes",
]
