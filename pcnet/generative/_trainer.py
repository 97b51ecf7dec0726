"""Training of a network from its causes: inference of the input and an update of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._checks import check_count, check_positive, shown
from .._network_checks import check_finite_fields, check_terms
from .._network_core import fill
from .._objective import Objective
from .._training.optimizer import StepReport
from .._training.trainer import Trainer
from .._types import Float64s, Floats, Ints, Method
from ..inference import InferenceMethod, QuasiNewton
from ..inference._learning import WeightUpdate
from ..inference._method import check_precision
from ..network import Network, check_network
from ..parameterization import PerLayer, gradient_scales
from ..solvers import Adam, resolve_solver
from ._infer import check_takes_errors, resolve_cause_method
from ._langevin import Langevin
from ._minibatch import check_kept_errors, check_minibatch
from ._prior import Prior, free_input_network, resolve_prior


class StartsFromErrors(InferenceMethod):
    """A method for `Trainer`; with ``warm`` it starts from the errors that the batch holds."""

    learns_settled = True

    def __init__(self, method: QuasiNewton | Langevin) -> None:
        self.method = method.continued() if isinstance(method, Langevin) else method
        self.warm = False

    def run(self, batch, X, Y, objective):
        run = self.method.run_from_errors if self.warm else self.method.run
        run(batch, X, Y, objective)


class CauseTrainer:
    """Trains a network on its outputs: inference of the causes, then one solver step, in C.

    Parameters
    ----------
    net : Network
        Its weights and biases are read now and written by `sync`.
    objective : pcnet.inference.Objective
        Loss and output precision; no activity decay.
    prior : Prior, optional
        Default: mean 0, precision 1. It is not trained.
    method : {"quasi_newton"}, QuasiNewton or Langevin
        With `Langevin` the weights learn from a sample of the posterior.
    solver : {"adam", "sgd"}, Adam or SGD, optional
        Default: `Adam`.
    max_batch_size : int, default 64

    Raises
    ------
    TypeError, ValueError
        An argument has a wrong type or value, or a weight is NaN.

    Attributes
    ----------
    n_updates : int
        Solver steps so far.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import CauseTrainer
    >>> from pcnet.inference import Objective
    >>> rng = np.random.default_rng(0)
    >>> Y = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 8))
    >>> Y = Y.astype(np.float32)
    >>> observed = (rng.random(Y.shape) < 0.8).astype(np.float32)
    >>> net = Network.init((3, 32, 8), "tanh", random_state=0)
    >>> trainer = CauseTrainer(net, Objective(output_precision=10.0))
    >>> errors = trainer.start_errors(len(Y))
    >>> losses = []
    >>> for epoch in range(20):
    ...     for rows in np.split(rng.permutation(200), 4):
    ...         report = trainer.step(
    ...             Y[rows], observed[rows], learning_rate=0.03, errors=errors, rows=rows
    ...         )
    ...     losses.append(report.energy)
    >>> trainer.sync()
    >>> losses[-1] < losses[0]
    True
    """

    def __init__(
        self,
        net: Network,
        objective: Objective,
        prior: Prior | None = None,
        method: Method = "quasi_newton",
        solver: Any = None,
        max_batch_size: int = 64,
    ) -> None:
        check_network(net)
        check_finite_fields(net)
        method = check_takes_errors(resolve_cause_method(method))
        check_objective(net, objective)
        check_precision(method, objective, net.dtype)
        solver = resolve_step_solver(solver)
        check_count("max_batch_size", max_batch_size, smallest=1)
        self._free = free_input_network(net, resolve_prior(prior))
        self._method = StartsFromErrors(method)
        self._trainer = Trainer(self._free, objective, self._method, solver, max_batch_size)
        self._trainer.set_multipliers(
            cause_rates(net),
            gradient_scales(self._free, objective.output_precision),
        )
        self._no_input = np.zeros((max_batch_size, 1), net.dtype)

    @property
    def n_updates(self) -> int:
        return self._trainer.n_updates

    def start_errors(self, n_samples: int) -> list[Floats]:
        """Errors of 0 for n samples, to be kept from step to step: e_0..e_H."""
        sizes = self._free.layer_sizes[1:-1]
        return [np.zeros((n_samples, n), self._free.dtype) for n in sizes]

    def step(
        self,
        Y: Floats,
        factors: Floats | None = None,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        errors: list[Floats] | None = None,
        rows: Ints | None = None,
    ) -> StepReport:
        """Infer the causes of a minibatch, then update weights and biases.

        Parameters
        ----------
        Y : ndarray, (n, K)
            C-contiguous, of the network's dtype, n up to ``max_batch_size``. In the range of the
            loss; anything, also NaN, where the factor is 0.
        factors : ndarray, (n, K), optional
            C-contiguous, of the network's dtype: factors of the output precision, 0 or more, 0 for
            outputs that are not observed; with the log loss in all outputs of a row or in none.
            Default: 1.
        learning_rate : float
            The same for all layers: a step of `Adam` changes each weight by about so much.
        weight_decay : float
            Weights (not biases) are first multiplied by ``1 - learning_rate * weight_decay``.
        errors : list of ndarray, (n_all, n_l), optional
            e_0..e_H of all samples. Inference starts from theirs, and writes the final ones there.
            Default: it starts from 0.
        rows : ndarray of int, (n,), optional
            The samples' rows in ``errors``, each once. Default: the first n.

        Returns
        -------
        StepReport
            With mean loss, energy and passes.

        Raises
        ------
        TypeError, ValueError
            An argument has a wrong shape, dtype or value. Nothing has changed.
        FloatingPointError
            Energy, gradient or new weights are not finite; the weights stay finite.
        """
        batch, sizes = self._trainer.batch, self._free.layer_sizes
        check_minibatch(Y, factors, sizes[-1], self._trainer.objective.loss, self._no_input)
        check_positive("learning_rate", learning_rate, or_zero=True)
        check_positive("weight_decay", weight_decay, or_zero=True)
        n = len(Y)
        own = check_kept_errors(errors, rows, sizes[1:-1], n)
        self._method.warm = errors is not None
        batch.output_precisions = factors
        fill(batch.errors, [kept[own] for kept in errors or []])
        report = self._trainer.step(self._no_input[:n], Y, learning_rate, weight_decay=weight_decay)
        for kept, layer in zip(errors or [], batch.errors, strict=False):
            kept[own] = layer[:n, : kept.shape[1]]
        return report

    def epoch(
        self,
        Y: Floats,
        factors: Floats | None = None,
        *,
        learning_rates: Float64s,
        order: Ints,
        weight_decay: float = 0.0,
        errors: list[Floats],
    ) -> float:
        """A `step` with each of several minibatches, checked once: much faster for small ones.

        Parameters
        ----------
        Y, factors : ndarray, (n, K)
            As for `step`, but of all samples.
        learning_rates : ndarray, (n_batches,)
        order : ndarray of int, (n,)
            A permutation of the samples. The minibatches are consecutive parts of it, of equal
            size or of one sample less, up to ``max_batch_size``.
        weight_decay : float
        errors : list of ndarray, (n, n_l)
            e_0..e_H, as for `step`.

        Returns
        -------
        float
            Mean energy of the samples, each at its step.
        """
        n, n_batches, own = len(Y), len(learning_rates), self._trainer
        batch, no_input = own.batch, self._no_input
        sizes = self._free.layer_sizes
        if n > n_batches * len(no_input):
            raise ValueError(
                f"learning_rates must have a rate for each minibatch of up to {len(no_input)} of "
                f"{n} samples; got {n_batches}"
            )
        check_minibatch(Y, factors, sizes[-1], own.objective.loss, np.empty((n, 1), Y.dtype))
        for rate in learning_rates:
            check_positive("learning_rates", rate, or_zero=True)
        check_positive("weight_decay", weight_decay, or_zero=True)
        order = check_kept_errors(errors, order, sizes[1:-1], n)
        if len(np.unique(order)) < n:
            raise ValueError("order must hold each sample once; got some more than once")
        Y, factors = Y[order], None if factors is None else factors[order]
        kept = [layer[order] for layer in errors]
        pairs = [(rows[:, : layer.shape[1]], layer) for rows, layer in zip(batch.errors, kept)]
        total, self._method.warm = 0.0, True
        stops = np.cumsum([len(part) for part in np.array_split(np.empty(n), n_batches)])
        for rate, start, stop in zip(learning_rates, [0, *stops], stops.tolist()):
            size = stop - start
            batch.output_precisions = None if factors is None else factors[start:stop]
            for rows, layer in pairs:
                rows[:size] = layer[start:stop]
            self._method.run(batch, no_input[:size], Y[start:stop], own.objective)
            share = np.full(size, 1.0 / size)
            own.learn(WeightUpdate(no_input[:size], share), float(rate), weight_decay)
            for rows, layer in pairs:
                layer[start:stop] = rows[:size]
            total += float(batch.energy[:size].sum())
        for layer, of_order in zip(errors, kept):
            layer[order] = of_order
        return total / n

    def sync(self) -> None:
        """Write the current weights and biases into the network."""
        self._trainer.sync()


def check_objective(net: Network, objective: Objective) -> None:
    """Raise unless it is an `Objective` without activity decay that the network's dtype takes."""
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be a pcnet.inference.Objective; got {shown(objective)}")
    check_terms(net, objective)
    if objective.activity_decay:
        raise ValueError(
            "objective must have an activity_decay of 0: the prior takes its place; got "
            f"{objective.activity_decay!r}"
        )


def resolve_step_solver(solver: Any) -> Any:
    """The solver of a ``solver`` argument: one that steps with each minibatch, by default Adam."""
    solver = resolve_solver(Adam() if solver is None else solver)
    if solver.full_batch:
        raise ValueError(
            f"solver must be one that steps with each minibatch, Adam or SGD; got {solver!r}"
        )
    return solver


def equal_rates(net: Network) -> PerLayer:
    """1 for all layers."""
    return PerLayer(np.ones(net.n_layers), np.ones(net.n_layers))


def cause_rates(net: Network) -> PerLayer:
    """1 for the layers of the network; 0 for the prior, and for biases that it does not have."""
    weights = np.ones(net.n_layers + 1)
    weights[0] = 0
    return PerLayer(weights, np.zeros_like(weights) if net.biases is None else weights)
