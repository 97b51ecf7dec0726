"""Bidirectional predictive coding: a generator and a recognizer share their activities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_count, check_no_overflow, check_positive, check_representable
from .._core.binding import Batch, is_converged
from .._network_checks import check_finite_fields
from .._network_core import fill, pack
from .._objective import Objective
from .._training.trainer import Trainer
from .._types import Bools, Float64s, Floats, Ints, Method
from ..inference import InferenceMethod, QuasiNewton
from ..network import Network, check_network
from ..parameterization import gradient_scales
from ._amortizer import check_amortizer
from ._infer import check_starts_warm, resolve_cause_method
from ._minibatch import check_array
from ._observed import check_observed_rows
from ._row_lbfgs import minimize_rows
from ._trainer import equal_rates, resolve_step_solver
from ._two_way import CoreParts, Ends, TwoWayEnergy, Weights

#: Samples that are inferred at once: they limit memory.
BLOCK_ROWS = 1024


@dataclass(frozen=True, eq=False)  # eq=False: == of arrays has no single truth value
class BidirectionalResult:
    """The state that inference with two networks reached.

    Attributes
    ----------
    causes : ndarray, (n, D)
        z_0: X where it is observed.
    hidden : list of ndarray, (n, n_l)
        z_1..z_H, in the generator's order.
    outputs : ndarray, (n, K)
        z_L: Y where it is observed.
    generator_errors : list of ndarray, (n, n_l)
        e_1..e_L.
    recognizer_errors : list of ndarray, (n, n_l)
        d_0..d_H.
    energy : ndarray of float64, (n,)
    n_steps : ndarray of int, (n,)
    n_passes : ndarray of float64, (n,)
        Passes; a forward and a backward pass through both networks are 1.
    converged : ndarray of bool, (n,)
    status : ndarray of int, (n,)
        How inference ended, see `pcnet.inference.Status`.
    """

    causes: Floats
    hidden: list[Floats]
    outputs: Floats
    generator_errors: list[Floats]
    recognizer_errors: list[Floats]
    energy: Float64s
    n_steps: Ints
    n_passes: Float64s
    converged: Bools
    status: Ints

    def __repr__(self):  # without the arrays, which are too long to print
        return (
            f"BidirectionalResult({len(self.energy)} samples, mean energy "
            f"{self.energy.mean():.4g}, {self.n_passes.mean():.3g} passes a sample, "
            f"{self.converged.mean():.0%} converged)"
        )


class BidirectionalReport(NamedTuple):
    """What a step of `BidirectionalTrainer` found, means over the minibatch.

    Attributes
    ----------
    energy : float
    n_passes : float
    converged : float
        Share of the samples.
    """

    energy: float
    n_passes: float
    converged: float


def infer_bidirectional(
    generator: Network,
    recognizer: Network,
    X: ArrayLike | None = None,
    Y: ArrayLike | None = None,
    method: Method = "quasi_newton",
    *,
    generator_precision: float = 1e-3,
    recognizer_precision: float = 1.0,
) -> BidirectionalResult:
    """Minimise the energy of two networks that share their activities.

    ``F = p_g sum_{l=1}^L 1/2 |e_l|^2 + p_r sum_{l=0}^{L-1} 1/2 |d_l|^2`` with the generator's
    errors ``e_l = z_l - f_l(z_{l-1})`` and the recognizer's ``d_l = z_l - g_{l+1}(z_{l+1})`` [1]_.
    The hidden activities are free, and so are the causes z_0 = X and the outputs z_L = Y where
    they are not observed. Inference starts from the recognizer's feed-forward activities.

    Parameters
    ----------
    generator : Network
        From causes (D) to outputs (K), with at least one hidden layer.
    recognizer : Network
        Of the generator's layer sizes in reverse, and of its dtype.
    X : array-like, (n, D), or None
        Causes such as one-hot labels, NaN where not observed. None: none is.
    Y : array-like, (n, K), or None
        Outputs such as images, NaN where not observed. None: none is.
    method : {"quasi_newton"} or QuasiNewton
        Options of L-BFGS, here on the recognizer's errors d and the ends that are not observed.
    generator_precision, recognizer_precision : float
        p_g and p_r, positive. A small p_g is needed where outputs outnumber causes, or their
        errors outweigh those of the causes. Far above p_r it makes inference slow: the steps are
        taken in the recognizer's errors.

    Returns
    -------
    BidirectionalResult

    Raises
    ------
    ValueError
        An argument has a wrong shape or value.
    FloatingPointError
        The energy is not finite at the start, or the result overflows.

    References
    ----------
    .. [1] Oliviers, Tang, Bogacz, "Bidirectional predictive coding", arXiv:2505.23415, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import infer_bidirectional
    >>> generator = Network.init((3, 16, 8), "tanh", random_state=0)
    >>> recognizer = Network.init((8, 16, 3), "tanh", random_state=1)
    >>> result = infer_bidirectional(generator, recognizer, Y=np.ones((5, 8)))
    >>> result.causes.shape, [z.shape for z in result.hidden]
    ((5, 3), [(5, 16)])
    """
    _check_pair(generator, recognizer)
    method = check_starts_warm(resolve_cause_method(method))
    precisions = _check_precisions(generator, generator_precision, recognizer_precision)
    ends = _check_ends(generator, X, Y)
    parts = [CoreParts(net, Weights(*pack(net))) for net in (generator, recognizer)]
    starts = range(0, len(ends.X), BLOCK_ROWS)
    blocks = [
        _settle(
            _energy_of(parts, ends.of(slice(start, start + BLOCK_ROWS)), precisions),
            method,
            precisions[1],
        )
        for start in starts
    ]
    result = BidirectionalResult(*(_joined(field) for field in zip(*blocks, strict=True)))
    check_no_overflow("activities", [result.causes, *result.hidden, result.outputs])
    check_no_overflow("errors", [*result.generator_errors, *result.recognizer_errors])
    return result


def _joined(blocks):
    """Arrays of all blocks, or lists of arrays, as one."""
    if isinstance(blocks[0], list):
        return [_joined(layer) for layer in zip(*blocks, strict=True)]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


class _Found(NamedTuple):
    """The fields of `BidirectionalResult`, for one block of samples."""

    causes: Floats
    hidden: list[Floats]
    outputs: Floats
    generator_errors: list[Floats]
    recognizer_errors: list[Floats]
    energy: Float64s
    n_steps: Ints
    n_passes: Float64s
    converged: Bools
    status: Ints


def _energy_of(parts: list[CoreParts], ends: Ends, precisions: tuple[float, float]) -> TwoWayEnergy:
    """The energy of the generator and the recognizer at these ends."""
    generator, recognizer = parts
    return TwoWayEnergy(generator, recognizer, ends, precisions[0] / precisions[1])


def _settle(function: TwoWayEnergy, method: QuasiNewton, recognizer_precision: float) -> _Found:
    """Inference on one block of samples."""
    minima = minimize_rows(function, function.start(), method)
    return _Found(
        *function.state(minima.x),
        energy=recognizer_precision * minima.energy,
        n_steps=minima.n_steps,
        n_passes=minima.n_evaluations.astype(float) + function.n_other_passes,
        converged=is_converged(minima.status),
        status=minima.status,
    )


class _Settled(InferenceMethod):
    """Learning from activities that inference with two networks has found."""

    learns_settled = True
    _reports = False

    def __init__(self) -> None:
        self.hidden: list[Floats] = []
        self.errors: list[Floats] = []

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        fill(batch.activities, self.hidden)
        fill(batch.errors, self.errors)


class BidirectionalTrainer:
    """Trains a generator and a recognizer that share their activities.

    Each step infers the activities as `infer_bidirectional` does, then both networks learn from
    them by their own errors. Each learns at its own scale: the precisions weigh the two networks
    in the inference only.

    Parameters
    ----------
    generator, recognizer : Network
        As for `infer_bidirectional`. The weights are read now and written by `sync`.
    generator_precision, recognizer_precision, method
        As for `infer_bidirectional`.
    solver : {"adam", "sgd"}, Adam or SGD, optional
        Of both networks. Default: `Adam`.
    max_batch_size : int, default 64

    Raises
    ------
    TypeError, ValueError
        An argument has a wrong type or value, or a weight is NaN.

    Attributes
    ----------
    n_updates : int
        Solver steps so far.

    See Also
    --------
    HybridTrainer : the second network only starts the inference of the first.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import BidirectionalTrainer
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(0, 3, 300)
    >>> Y = (np.eye(3, 8)[labels] + 0.1 * rng.standard_normal((300, 8))).astype(np.float32)
    >>> X = np.eye(3, dtype=np.float32)[labels]
    >>> generator = Network.init((3, 16, 8), random_state=0)
    >>> recognizer = Network.init((8, 16, 3), random_state=1)
    >>> trainer = BidirectionalTrainer(generator, recognizer, generator_precision=0.1)
    >>> for epoch in range(10):
    ...     for rows in np.split(rng.permutation(300), 6):
    ...         report = trainer.step(X[rows], Y[rows], learning_rate=0.01)
    >>> trainer.sync()
    >>> float(np.mean(recognizer.output(Y).argmax(axis=1) == labels))
    1.0
    """

    def __init__(
        self,
        generator: Network,
        recognizer: Network,
        generator_precision: float = 1e-3,
        recognizer_precision: float = 1.0,
        method: Method = "quasi_newton",
        solver: Any = None,
        max_batch_size: int = 64,
    ) -> None:
        _check_pair(generator, recognizer)
        self._method = check_starts_warm(resolve_cause_method(method))
        self._precisions = _check_precisions(generator, generator_precision, recognizer_precision)
        solver = resolve_step_solver(solver)
        check_count("max_batch_size", max_batch_size, smallest=1)
        self._most = max_batch_size
        self._energy: TwoWayEnergy | None = None  # its memory is kept for steps of the same kind
        self._settled = [_Settled(), _Settled()]
        self._trainers = [
            Trainer(net, Objective(), settled, solver, max_batch_size)
            for net, settled in zip((generator, recognizer), self._settled, strict=True)
        ]
        self._trainers[0].set_multipliers(equal_rates(generator), gradient_scales(generator, 1.0))
        self._parts = [
            CoreParts(trainer.network, Weights(*trainer.packed)) for trainer in self._trainers
        ]

    @property
    def n_updates(self) -> int:
        return self._trainers[0].n_updates

    def step(
        self,
        X: Floats,
        Y: Floats,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
    ) -> BidirectionalReport:
        """Infer the activities of a minibatch, then update both networks.

        Parameters
        ----------
        X : ndarray, (n, D)
        Y : ndarray, (n, K)
            Both C-contiguous, of the networks' dtype, n up to ``max_batch_size``; NaN where not
            observed: a row of NaN in X is a sample without a label.
        learning_rate : float
            The same for all layers of the generator. Those of the recognizer have multiples of it,
            by its parameterization, as in the estimators.
        weight_decay : float
            Weights (not biases) are first multiplied by ``1 - learning_rate * weight_decay``.

        Returns
        -------
        BidirectionalReport

        Raises
        ------
        TypeError, ValueError
            An argument has a wrong shape, dtype or value. Nothing has changed.
        FloatingPointError
            Energy, gradient or new weights are not finite; the weights stay finite.
        """
        net = self._parts[0].net
        n = len(Y) if np.ndim(Y) == 2 else None
        check_array("Y", Y, net.dtype, (None, net.layer_sizes[-1]))
        check_array("X", X, net.dtype, (n, net.layer_sizes[0]))
        if len(Y) > self._most:
            raise ValueError(
                f"Y must have at most {self._most} rows; got {len(Y)}. Make the trainer with a "
                "larger max_batch_size"
            )
        check_positive("learning_rate", learning_rate, or_zero=True)
        check_positive("weight_decay", weight_decay, or_zero=True)
        ends = _check_ends(net, X, Y)
        if self._energy is not None and self._energy.fits(ends):
            self._energy.renew(ends)
        else:
            self._energy = _energy_of(self._parts, ends, self._precisions)
        found = _settle(self._energy, self._method, self._precisions[1])
        down, up = self._settled
        down.hidden, down.errors = found.hidden, found.generator_errors
        up.hidden, up.errors = found.hidden[::-1], found.recognizer_errors[::-1]
        for trainer, start in zip(self._trainers, (found.causes, found.outputs), strict=True):
            trainer.step(start, start, learning_rate, weight_decay=weight_decay)
        return BidirectionalReport(
            float(found.energy.mean()),
            float(found.n_passes.mean()),
            float(found.converged.mean()),
        )

    def sync(self) -> None:
        """Write the current weights and biases into both networks."""
        for trainer in self._trainers:
            trainer.sync()


def _check_pair(generator, recognizer):
    check_network(generator, "generator")
    check_finite_fields(generator)
    check_amortizer(generator, recognizer, "recognizer")
    if generator.n_layers < 2:
        raise ValueError(
            "generator must have at least one hidden layer, whose activities both networks share; "
            f"got the layer sizes {generator.layer_sizes}"
        )


def _check_precisions(net, generator_precision, recognizer_precision):
    names = ("generator_precision", "recognizer_precision")
    for name, value in zip(names, (generator_precision, recognizer_precision), strict=True):
        check_positive(name, value)
    ratio = float(generator_precision) / float(recognizer_precision)
    check_representable("generator_precision / recognizer_precision", ratio, net.dtype)
    return float(generator_precision), float(recognizer_precision)


def _check_ends(net, X, Y):
    """The ends, checked, as the core takes them."""
    if X is None and Y is None:
        raise ValueError("Y must be given if X is None: something must be observed; got None")
    sizes = net.layer_sizes
    n = len(X) if Y is None else len(Y)
    given = []
    for name, values, width in (("X", X, sizes[0]), ("Y", Y, sizes[-1])):
        values = np.full((n, width), np.nan, net.dtype) if values is None else values
        given += check_observed_rows(name, values, width, net.dtype)
    if len(given[0]) != len(given[2]):
        raise ValueError(f"X must have as many rows as Y, {len(given[2])}; got {len(given[0])}")
    return Ends(*given)
