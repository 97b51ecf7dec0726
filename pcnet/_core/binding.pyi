"""Types of the compiled core; see binding.pyx."""

import enum
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..losses import Blocks, Huber

_Array = NDArray[Any]
_Floats = NDArray[np.floating[Any]]
_Float64s = NDArray[np.float64]
_Loss = str | Huber | Blocks

ACTIVATION_CODES: dict[str, int]
LOSS_CODES: dict[str, int]
HUBER_DELTA: float
SOLVER_CODES: dict[str, int]
ISA_CODES: dict[str, int]
TILE_SIZE: int
SERIAL_WORK: int
MOST_COUNTED: int
MOST_MEMORY: int

class Status(enum.IntEnum):
    REACHED_MAX_STEPS = ...
    CONVERGED = ...
    ENERGY_STALLED = ...
    ROUNDING_FLOOR = ...
    PREDICTED = ...

    text: str

def has_openmp() -> bool: ...
def openmp_max_threads() -> int: ...
def requested_threads() -> int: ...
def is_converged(status: NDArray[Any]) -> NDArray[np.bool_]: ...
def available_isas() -> list[str]: ...
def default_isa() -> str: ...
def aligned_zeros(shape: tuple[int, ...], dtype: DTypeLike) -> _Array: ...
def packed_sizes(
    layer_sizes: Sequence[int], dtype: DTypeLike, *, transposed: bool = False
) -> list[int]: ...
def allocate_packed(
    layer_sizes: Sequence[int], dtype: DTypeLike, *, transposed: bool = False
) -> list[Any]: ...
def pack_weights(
    weights: Sequence[_Floats], forward: Any, backward: list[Any] | None = None
) -> None: ...
def unpack_weights(packed: Sequence[_Floats], weights: Sequence[_Floats]) -> None: ...
def logistic(x: _Floats, out: _Floats) -> _Floats: ...
def half_log_determinants(
    weights: Sequence[_Float64s],
    squares: Sequence[_Float64s],
    skips: Sequence[bool] | _Array,
    slopes: Sequence[_Float64s],
    outputs: _Float64s,
    output_of: NDArray[np.intc],
    n_threads: int,
) -> _Float64s: ...
def output(network: CoreNetwork, X: _Inputs, out: _Floats, n_threads: int) -> bool: ...

class ThreadBlock:
    def __init__(self, n_threads: int) -> None: ...
    def hold(self) -> None: ...
    def withdraw(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

class CoreNetwork:
    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    dtype: np.dtype[Any]
    isa: str
    has_biases: bool
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[str],
        skips: Sequence[bool] | _Array,
        scales: Sequence[float] | _Array,
        dtype: DTypeLike,
        *,
        packed: Sequence[list[Any] | None],
        biases: list[_Floats] | None = None,
        isa: str | None = None,
    ) -> None: ...
    @property
    def n_layers(self) -> int: ...
    def row_stride(self, n: int) -> int: ...

class SparseInputs:
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    ascending: bool
    def __init__(
        self,
        starts: _Array,
        columns: _Array,
        values: _Floats,
        n_columns: int,
        features: SparseInputs | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    def entries(self) -> tuple[_Array, _Array, _Floats]: ...
    def __getitem__(self, rows: slice) -> SparseInputs: ...

_Inputs = _Floats | SparseInputs

class LayerRows(list[Any]):
    kind: tuple[int, tuple[int, ...], np.dtype[Any]]
    flat: _Floats
    hidden: _Floats
    def __init__(self, network: CoreNetwork, capacity: int) -> None: ...

class SmallCalls:
    most_rows: int
    def __init__(self, network: CoreNetwork) -> None: ...
    def outputs(self, X: Any) -> _Floats | None: ...
    def largest(self, X: Any) -> NDArray[np.intp] | None: ...

def largest_of_rows(outputs: _Floats) -> NDArray[np.intp]: ...

class BatchArrays:
    network: CoreNetwork
    capacity: int
    n_threads: int
    activities: LayerRows
    errors: LayerRows
    energy: _Float64s
    loss: _Float64s
    n_steps: NDArray[np.intc]
    n_half_passes: NDArray[np.intc]
    status: NDArray[np.intc]
    trace: Any  # ndarray of float64, or None
    trace_steps: int | None
    output_precisions: Any  # ndarray, or None
    sample_biases: LayerRows | None
    def __init__(
        self, network: CoreNetwork, capacity: int, n_threads: int, trace_steps: int | None = None
    ) -> None: ...
    def write_trace(self, start: int, energies: _Float64s) -> None: ...
    def like_activities(self) -> LayerRows: ...

class SinglePasses(BatchArrays):
    def forward(self, X: _Inputs) -> None: ...
    def evaluate(
        self,
        X: _Inputs,
        Y: _Floats,
        loss: _Loss,
        output_precision: float,
        activity_decay: float = 0.0,
    ) -> _Float64s: ...
    def forward_from_errors(
        self,
        X: _Inputs,
        Y: _Floats | None = None,
        loss: _Loss = "squared_error",
        output_precision: float = 1.0,
        activity_decay: float = 0.0,
        *,
        from_errors: bool = True,
        errors: LayerRows | None = None,
        responses: LayerRows | None = None,
    ) -> tuple[Any, Any]: ...
    def backward(
        self,
        n_samples: int,
        out: LayerRows,
        *,
        errors: LayerRows | None = None,
        sources: LayerRows | None = None,
        activity_decay: float = 0.0,
    ) -> None: ...
    def activity_gradients(
        self,
        n_samples: int,
        out: LayerRows,
        *,
        errors: LayerRows | None = None,
        activity_decay: float = 0.0,
    ) -> None: ...
    def gauss_seidel_sweep(
        self,
        n_samples: int,
        rate: float,
        *,
        errors: LayerRows | None = None,
        activity_decay: float = 0.0,
    ) -> None: ...

class Batch(SinglePasses):
    def error_descent(
        self,
        X: _Inputs,
        Y: _Floats,
        loss: _Loss,
        output_precision: float,
        activity_decay: float,
        max_steps: int,
        tol: float,
        energy_tol: float,
        predict: bool = False,
    ) -> None: ...
    def quasi_newton(
        self,
        X: _Floats,
        Y: _Floats,
        loss: _Loss,
        output_precision: float,
        activity_decay: float,
        max_steps: int,
        tol: float,
        energy_tol: float,
        memory: int,
        *,
        from_errors: bool = False,
    ) -> None: ...
    def activity_descent(
        self,
        X: _Inputs,
        Y: _Floats,
        loss: _Loss,
        output_precision: float,
        activity_decay: float,
        n_steps: int,
        rate: float,
        *,
        momentum: float = 0.0,
        rates: _Float64s | None = None,
    ) -> None: ...
    def weight_gradients(
        self, X: _Inputs, sample_weight: _Float64s
    ) -> tuple[list[_Floats], list[_Floats] | None]: ...
    def packed_gradients(
        self, X: _Inputs, sample_weight: _Float64s, gradient: PackedGradient
    ) -> None: ...
    def gradient_square(
        self, update: Update, X: _Inputs | None = None, sample_weight: _Float64s | None = None
    ) -> float: ...
    def update(
        self, update: Update, X: _Inputs | None = None, sample_weight: _Float64s | None = None
    ) -> int: ...

class PackedGradient:
    flat: _Floats
    def __init__(self, network: CoreNetwork) -> None: ...
    def __iadd__(self, other: PackedGradient) -> PackedGradient: ...

class Update:
    def __init__(
        self,
        solver: str,
        beta_1: float,
        beta_2: float = 0.0,
        epsilon: float = 0.0,
        *,
        forward: list[Any] | None = None,
        backward: list[Any] | None = None,
        first_moments: list[Any] | None = None,
        second_moments: list[Any] | None = None,
        biases: list[Any] | None = None,
        bias_first_moments: list[Any] | None = None,
        bias_second_moments: list[Any] | None = None,
    ) -> None: ...
    def set_rates(
        self,
        weight_rates: _Array,
        bias_rates: _Array,
        weight_scales: _Array,
        bias_scales: _Array,
    ) -> None: ...
    def set_gradients(self, gradient: PackedGradient) -> None: ...
    def begin(self, n_updates: float, shrink: float) -> None: ...
