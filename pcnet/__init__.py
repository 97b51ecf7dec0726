"""pcnet: deep predictive-coding networks on ordinary CPUs.

`PCClassifier`, `PCRegressor`, `PCImputer` and `PCGenerative` are scikit-learn estimators; `Network`
and `infer` are for studies of predictive coding. See the README for a first example.
"""

from typing import TYPE_CHECKING

from ._lazy import lazy_names
from ._version import __version__

try:
    from ._core.binding import has_openmp
except ModuleNotFoundError as error:
    if error.name != f"{__name__}._core.binding":
        raise
    raise ImportError(
        f"{__path__[0]} holds pcnet's sources without its compiled core. If pcnet is installed, "
        "start Python from another folder, or with the option -P; to run it from here, build it "
        "with: pip install -e ."
    ) from error

if TYPE_CHECKING:
    from . import (
        callbacks,
        display,
        exceptions,
        generative,
        inference,
        losses,
        parameterization,
        schedules,
        serving,
        solvers,
        theory,
    )
    from ._core.threads import set_num_threads
    from ._data.chunks import Chunks
    from ._estimators.classifier import PCClassifier
    from ._estimators.generative import PCGenerative
    from ._estimators.imputer import PCImputer
    from ._estimators.regressor import PCRegressor
    from ._estimators.resume import load_checkpoint
    from ._show_versions import show_versions
    from .inference import InferenceResult, infer
    from .network import Network

__all__ = [
    "Chunks",
    "InferenceResult",
    "Network",
    "PCClassifier",
    "PCGenerative",
    "PCImputer",
    "PCRegressor",
    "__version__",
    "callbacks",
    "display",
    "exceptions",
    "generative",
    "has_openmp",
    "infer",
    "inference",
    "load_checkpoint",
    "losses",
    "parameterization",
    "schedules",
    "serving",
    "set_num_threads",
    "show_versions",
    "solvers",
    "theory",
]

if not TYPE_CHECKING:  # a type checker would accept any name of a module with __getattr__
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Chunks": "_data.chunks",
            "InferenceResult": "inference",
            "Network": "network",
            "PCClassifier": "_estimators.classifier",
            "PCGenerative": "_estimators.generative",
            "PCImputer": "_estimators.imputer",
            "PCRegressor": "_estimators.regressor",
            "callbacks": "",
            "display": "",
            "exceptions": "",
            "generative": "",
            "infer": "inference",
            "inference": "",
            "load_checkpoint": "_estimators.resume",
            "losses": "",
            "parameterization": "",
            "schedules": "",
            "serving": "",
            "set_num_threads": "_core.threads",
            "show_versions": "_show_versions",
            "solvers": "",
            "theory": "",
        },
    )
