"""Types of the public API's arguments and results, for annotations."""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from ._data.chunks import Chunks
    from ._estimators.classifier import PCClassifier
    from ._estimators.regressor import PCRegressor
    from ._objective import Blocks, Huber
    from .callbacks import Callback, Checkpoint
    from .inference import InferenceMethod
    from .schedules import Adaptive, Constant, Cosine, InvScaling, Linear
    from .solvers import LBFGS, SGD, Adam

#: float32 or float64.
Floats: TypeAlias = NDArray[np.floating[Any]]
Float64s: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.integer[Any]]

Estimator: TypeAlias = "PCClassifier | PCRegressor"

#: What an estimator chooses by itself.
Auto: TypeAlias = Literal["auto"]

Activation: TypeAlias = Literal[
    "identity", "tanh", "hard_tanh", "relu", "leaky_relu", "gelu", "selu", "silu", "logistic"
]
#: One for all hidden layers, or one for each.
Activations: TypeAlias = Activation | Sequence[Activation]
Parameterization: TypeAlias = Literal["mupc", "ntp", "sp"]
LossName: TypeAlias = Literal["squared_error", "log_loss", "logistic", "huber", "poisson"]
Loss: TypeAlias = "LossName | Huber | Blocks"
MethodName: TypeAlias = Literal[
    "error",
    "activity",
    "adam_activity",
    "nesterov",
    "error_optimization",
    "gauss_seidel",
    "gradient_flow",
    "augmented_lagrangian",
    "exact",
    "prospective",
    "incremental",
    "nudged",
    "forward_update",
    "precision",
    "learned_precision",
    "quasi_newton",
    "backprop",
    "zero_divergence",
]
Method: TypeAlias = "MethodName | InferenceMethod"
SolverName: TypeAlias = Literal["adam", "sgd", "lbfgs"]
Solver: TypeAlias = "SolverName | Adam | SGD | LBFGS"
ScheduleName: TypeAlias = Literal["constant", "linear", "cosine", "invscaling", "adaptive"]
Schedule: TypeAlias = "ScheduleName | Constant | Linear | Cosine | InvScaling | Adaptive"
Scoring: TypeAlias = str | Callable[..., Any] | list[str] | tuple[str, ...] | dict[str, Any] | None
#: Functions of the run, or callbacks.
Callbacks: TypeAlias = (
    "Callable[[Any], Any] | Callback | Sequence[Callable[[Any], Any] | Callback] | None"
)
CheckpointPath: TypeAlias = "str | os.PathLike[str] | Checkpoint"
RandomState: TypeAlias = int | np.random.RandomState | np.random.Generator | None


class SparseMatrix(Protocol):
    """A sparse matrix or array of scipy.sparse."""

    @property
    def shape(self) -> Any:
        """(n_samples, n_features)."""

    def tocsr(self) -> Any:
        """The same in compressed rows."""


#: Widths of hidden layers.
Widths: TypeAlias = int | Sequence[int] | Ints
#: Features of samples, (n_samples, n_features); a pandas DataFrame is array-like.
Features: TypeAlias = "ArrayLike | SparseMatrix | Chunks"

#: (X, y) or (X, y, sample_weight).
ValidationData: TypeAlias = (
    "tuple[Features, ArrayLike] | tuple[Features, ArrayLike, ArrayLike] | None"
)

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
