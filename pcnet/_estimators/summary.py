"""`summary`: layers, memory and time of a network before it is trained."""

from __future__ import annotations

import copy
import html
import math
import time
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from .._checks import check_count
from .._core.binding import packed_sizes
from .._core.threads import effective_n_threads
from .._data.checks import check_dtype
from .._network_core import parameters
from .._training.lbfgs import FullBatch
from .._training.minibatches import Minibatches
from .._training.start import batch_size_of
from .._training.trainer import Trainer
from ..inference._method import resolve_method
from ..solvers import resolve_solver
from .automatic import LBFGS_ALPHA, LBFGS_MAX_ITER, LEAST_UPDATES
from .labels import check_labels, find_classes
from .targets import MatrixTargets

#: Seconds during which steps are timed, and the smallest number of timed steps.
TIMED_SECONDS = 0.1
TIMED_STEPS = 3

# Memory besides parameters, activations and batches: small arrays and objects.
_OVERHEAD_BYTES = 250_000

#: Vectors of all parameters that L-BFGS needs besides its history.
LBFGS_VECTORS = 7


class LayerSummary(NamedTuple):
    """One layer: ``mu = scale * f(z) W + b``, plus z with a skip."""

    n_inputs: int
    n_outputs: int
    activation: str
    skip: bool
    scale: float
    n_parameters: int


@dataclass(frozen=True)
class Summary:
    """Result of `summary`; prints as a table.

    Attributes
    ----------
    name : str
        Class of the estimator.
    dtype : str
    layers : tuple of LayerSummary
    n_parameters : int
        Weights and biases.
    model_bytes : int
        Bytes of the parameters.
    packed_bytes : int
        Bytes of the packed weights, which a fitted network keeps from its first prediction on;
        inference adds packed transposes of layers with fewer than 384 units.
    training_bytes : int
        Approximate peak memory of `fit` in bytes, without the data.
    n_epochs, n_batches : int or None
        Epochs of `fit`, and batches per epoch. None if the number of samples is unknown.
    seconds_per_epoch : float or None
        Estimated from some timed steps of an untrained network.
    n_threads : int
        Number of threads of the timing.
    """

    name: str
    dtype: str
    layers: tuple
    n_parameters: int
    model_bytes: int
    packed_bytes: int
    training_bytes: int
    n_epochs: int | None
    n_batches: int | None
    seconds_per_epoch: float | None
    n_threads: int

    @property
    def seconds(self) -> float | None:
        """Estimated time of `fit`, or None."""
        if self.n_epochs is None or self.seconds_per_epoch is None:
            return None
        return self.n_epochs * self.seconds_per_epoch

    def __str__(self):
        rows = [_HEAD, *_rows(self.layers)]
        widths = [max(map(len, column)) for column in zip(*rows)]
        table = ("  ".join(c.rjust(w) for c, w in zip(row, widths)) for row in rows)
        return "\n".join([self._title(), "", *table, "", *self._costs()])

    __repr__ = __str__

    def _repr_html_(self):
        head, *rows = (map(html.escape, row) for row in [_HEAD, *_rows(self.layers)])
        lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows]
        return (
            f"<p>{html.escape(self._title())}</p>"
            f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{''.join(lines)}"
            f"</table><p>{'<br>'.join(map(html.escape, self._costs()))}</p>"
        )

    def _title(self):
        return (
            f"{self.name}: {len(self.layers)} layers, {_grouped(self.n_parameters)} parameters, "
            f"{self.dtype}"
        )

    def _costs(self):
        lines = [
            f"memory  {_bytes(self.model_bytes)} of parameters, {_bytes(self.packed_bytes)} packed "
            f"to predict; about {_bytes(self.training_bytes)} while training, beside the data"
        ]
        if self.seconds_per_epoch is None:
            lines.append("time    not estimated: give X, or n_samples")
        else:
            lines.append(
                f"time    about {_duration(self.seconds)}: {self.n_epochs} epochs of "
                f"{_grouped(self.n_batches)} batches, {_duration(self.seconds_per_epoch)} each, "
                f"on {self.n_threads} thread{'s' * (self.n_threads > 1)}"
            )
        return lines


def summarise(estimator, X=None, y=None, *, n_features=None, n_outputs=None, n_samples=None):
    """The `Summary` of an estimator; arguments as for its method `summary`."""
    shape = (None, None) if X is None else _shape(X)
    n_samples = _one_of("n_samples", n_samples, "X", shape[0])
    n_features = _one_of("n_features", n_features, "X", shape[1])
    counted, multilabel = (None, None) if y is None else _count_outputs(estimator, y)
    n_outputs = _one_of("n_outputs", n_outputs, "y", counted)
    probe = copy.copy(estimator)
    is_fitted = hasattr(estimator, "network_")
    if not is_fitted or (n_features, n_outputs) != (None, None):
        if is_fitted:
            n_features = n_features or estimator.n_features_in_
            n_outputs = n_outputs or estimator.n_outputs_
        _initialize(probe, n_features, n_outputs, multilabel, getattr(X, "dtype", None))
    batch_size, n_batches = _batches(estimator, n_samples)
    seconds = None if n_batches is None else n_batches * _seconds_per_step(probe, batch_size)
    network = probe.network_
    arrays = parameters(network)
    return Summary(
        name=type(estimator).__name__,
        dtype=network.dtype.name,
        layers=_layers(network),
        n_parameters=sum(array.size for array in arrays),
        model_bytes=sum(array.nbytes for array in arrays),
        packed_bytes=network.dtype.itemsize * sum(packed_sizes(network.layer_sizes, network.dtype)),
        training_bytes=_training_bytes(estimator, network, batch_size, estimator.n_shards or 1),
        n_epochs=None if n_batches is None else _most_epochs(estimator, n_batches),
        n_batches=n_batches,
        seconds_per_epoch=seconds,
        n_threads=effective_n_threads(),
    )


# ---------------------------------------------------------------- sizes


def _shape(X):
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    if len(shape) != 2:
        raise ValueError(f"X must have 2 dimensions, (n_samples, n_features); got shape {shape}")
    return shape


def _one_of(name, given, source, found):
    """A number given as an argument or found in the data; they must agree."""
    if found == 0:
        raise ValueError(f"{source} is empty: summary reads {name} from it, and got 0")
    if given is None:
        return found
    check_count(name, given, smallest=1)
    if found is not None and found != given:
        raise ValueError(f"{name} is {given}, but {source} has {found}; give only one of them")
    return int(given)


def _count_outputs(estimator, y):
    """Number of output columns for y, and whether it is multilabel."""
    if not is_classifier(estimator):
        shape = np.shape(y)
        if not shape or len(shape) > 2:
            raise ValueError(
                "y must have the shape (n_samples,) or (n_samples, n_outputs); got "
                f"{type(y).__name__} of shape {shape}"
            )
        return (1 if len(shape) == 1 else shape[1]), False
    y = check_labels(y if hasattr(y, "toarray") else np.asarray(y))
    return len(find_classes(y)), y.ndim == 2


def _initialize(probe, n_features, n_outputs, multilabel, data_dtype):
    """Give the copy of an estimator a network as in `fit`, from separate random numbers."""
    for name, value, source in (("n_features", n_features, "X"), ("n_outputs", n_outputs, "y")):
        if value is None:
            raise ValueError(f"summary needs {name} before fit: give {name}=, or {source}")
    probe._validate_params()
    dtype = check_dtype(probe.dtype)
    if dtype is None:
        dtype = np.float32 if data_dtype == np.float32 else np.float64
    probe._multilabel = bool(multilabel)
    probe.network_ = probe._draw_network(n_features, n_outputs, 0, dtype)


def _most_epochs(estimator, n_batches):
    """Epochs of the next fit, or the largest number for "auto"."""
    if estimator.max_iter != "auto":
        return estimator.max_iter
    if estimator._full_batch:
        return LBFGS_MAX_ITER
    return max(estimator._regimes[0].max_iter, -(-LEAST_UPDATES // n_batches))


def _penalty_of(estimator):
    return LBFGS_ALPHA if estimator.alpha == "auto" else float(estimator.alpha)


def _batches(estimator: BaseEstimator, n_samples: int | None) -> tuple[int, int | None]:
    """Size of a minibatch, and minibatches per epoch (None if the samples are unknown)."""
    if n_samples is None:
        return batch_size_of(estimator, None), None
    if estimator.early_stopping:
        n_samples -= int(np.ceil(estimator.validation_fraction * n_samples))
    n_samples = max(n_samples, 1)
    batch_size = batch_size_of(estimator, n_samples)
    return batch_size, -(-n_samples // batch_size)


def _layers(network):
    layers = zip(network.weights, network.activations, network.skips, network.scales)
    return tuple(
        LayerSummary(
            n_inputs=weights.shape[0],
            n_outputs=weights.shape[1],
            activation=activation,
            skip=bool(skip),
            scale=float(scale),
            n_parameters=weights.size + (weights.shape[1] if network.biases is not None else 0),
        )
        for weights, activation, skip, scale in layers
    )


# ---------------------------------------------------------------- costs


def _training_bytes(estimator, network, batch_size, n_shards):
    """Bytes of all copies of the parameters and of a batch.

    The copies are plain and packed weights, packed transposes of narrow layers, the solver's
    moments and, with early stopping, the best weights. Activities, errors and working memory of a
    batch are 3 times its activations; of a batch in shards, one shard has them, and sums of the
    shards' gradients are copies, too. L-BFGS has float64 vectors instead of moments:
    `history_size` pairs, and those of the point, the gradient and the line search.
    """
    arrays = parameters(network)
    plain = sum(array.nbytes for array in arrays)
    copies = 2 + bool(estimator.early_stopping)
    sizes = network.layer_sizes
    transposed = network.dtype.itemsize * sum(packed_sizes(sizes, network.dtype, transposed=True))
    row = network.dtype.itemsize * (3 * sum(sizes[1:]) + sizes[0] + sizes[-1])
    solver = resolve_solver(estimator.solver)
    if solver.full_batch:
        n_vectors = 2 * solver.history_size + LBFGS_VECTORS
        vectors = 8 * n_vectors * sum(array.size for array in arrays)
        return copies * plain + transposed + vectors + batch_size * row + _OVERHEAD_BYTES
    copies += solver.n_moments
    if n_shards > 1:
        copies += 1 + math.ceil(math.log2(min(n_shards, batch_size)))
    rows = -(-batch_size // n_shards)
    return copies * plain + transposed + rows * row + _OVERHEAD_BYTES


def _seconds_per_step(probe, batch_size):
    """Mean time of a training step, at a rate of 0; of a block of samples with L-BFGS."""
    probe.network_ = network = probe.network_.copy()
    probe._describe_objective()
    objective = probe._objective()
    method, solver = resolve_method(probe.inference), resolve_solver(probe.solver)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((batch_size, network.layer_sizes[0])).astype(network.dtype)
    Y = _random_targets(probe, rng, batch_size).astype(network.dtype)
    if solver.full_batch:
        blocks = Minibatches(X, MatrixTargets(Y), None, None, batch_size, shuffle=False)
        full = FullBatch(network, objective, method, solver, blocks, _penalty_of(probe), probe.tol)
        step = partial(full.evaluate, full.variables())
    else:
        trainer = Trainer(network, objective, method, solver, batch_size)
        step = partial(trainer.step, X, Y, 0.0)
    step()  # a first step starts threads and fills caches
    start, n_steps = time.perf_counter(), 0
    while n_steps < TIMED_STEPS or time.perf_counter() - start < TIMED_SECONDS:
        step()
        n_steps += 1
    return (time.perf_counter() - start) / n_steps


def _random_targets(probe, rng, n):
    n_outputs = probe.network_.layer_sizes[-1]
    if is_classifier(probe):
        return np.eye(n_outputs)[rng.integers(n_outputs, size=n)]
    return np.abs(rng.standard_normal((n, n_outputs)))


# ---------------------------------------------------------------- text

_HEAD = ("layer", "in", "out", "activation", "skip", "scale", "parameters")


def _rows(layers):
    """Cells of the table; consecutive equal layers are one row."""
    rows, first = [], 0
    for last, layer in enumerate(layers):
        if last + 1 < len(layers) and layers[last + 1] == layer:
            continue
        n_equal = last - first + 1
        number = str(first + 1) if n_equal == 1 else f"{first + 1}-{last + 1}"
        times = "" if n_equal == 1 else f"{n_equal} x "
        activation = "-" if layer.activation == "identity" and first == 0 else layer.activation
        rows.append(
            (
                number,
                str(layer.n_inputs),
                str(layer.n_outputs),
                activation,
                "yes" if layer.skip else "no",
                f"{layer.scale:.3g}",
                times + _grouped(layer.n_parameters),
            )
        )
        first = last + 1
    return rows


def _grouped(number):
    return f"{number:,}".replace(",", " ")


def _bytes(number):
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _duration(seconds):
    if seconds < 1:
        return f"{1e3 * seconds:.3g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.3g} h"
