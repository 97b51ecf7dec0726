"""Hybrid predictive coding: a second network, the amortizer, starts the inference of the causes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._checks import check_count, check_flag, check_positive
from .._core.binding import Batch
from .._network_checks import check_finite_fields
from .._objective import Objective
from .._training.optimizer import StepReport
from .._training.trainer import Trainer
from .._types import Floats, Method
from ..inference import InferenceMethod
from ..inference._method import check_precision
from ..network import Network, check_network
from ..parameterization import gradient_scales
from ._amortizer import check_amortizer, start_from
from ._infer import check_takes_errors, resolve_cause_method
from ._minibatch import check_array, check_minibatch
from ._prior import Prior, free_input_network, resolve_prior
from ._trainer import (
    StartsFromErrors,
    cause_rates,
    check_objective,
    equal_rates,
    resolve_step_solver,
)


class HybridReport(NamedTuple):
    """What a step of `HybridTrainer` found, means over the minibatch.

    Attributes
    ----------
    generator : StepReport
        With the generator's loss, energy and passes.
    amortizer_energy : float
        ``1/2 sum_l |z_l - q_l|^2``, the amortizer's energy of the settled activities.
    """

    generator: StepReport
    amortizer_energy: float


class _Targets(InferenceMethod):
    """The amortizer's learning: errors between given targets and its feed-forward activities.

    The batch's activities are those of `Batch.forward`, which the caller has called.
    """

    learns_settled = True
    _reports = False

    def __init__(self) -> None:
        self.targets: list[Floats] = []

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        n, energy = len(X), np.zeros(len(X))
        for q, e, target in zip(batch.activities, batch.errors, self.targets, strict=True):
            width = target.shape[1]
            np.subtract(target, q[:n, :width], out=e[:n, :width])
            energy += 0.5 * np.einsum("ij,ij->i", e[:n, :width], e[:n, :width], dtype=np.float64)
        batch.energy[:n] = batch.loss[:n] = energy
        if not np.isfinite(energy).all():
            raise FloatingPointError(
                "the energy is not finite: the amortizer's outputs have overflowed. Lower its rate"
            )


class HybridTrainer:
    """Trains a network on its outputs, and a second one that starts its inference.

    The amortizer predicts the causes from the outputs, through the generator's hidden layers in
    reverse. In each step its feed-forward activities start the inference of the generator. Then
    both learn from the settled activities: the generator by the gradient of its energy, the
    amortizer by its own errors against them, ``1/2 sum_l |z_l - q_l|^2``, each layer from its
    feed-forward input [1]_. Afterwards ``infer_causes(generator, Y, amortizer=amortizer)`` infers
    from that start, and ``amortizer.output(Y)`` is a fast guess without inference.

    Parameters
    ----------
    generator : Network
        From causes (D) to outputs (K). The weights of both networks are read now and written by
        `sync`.
    amortizer : Network
        Of the generator's layer sizes in reverse, and of its dtype.
    objective : pcnet.inference.Objective, optional
        Loss and output precision of the generator; no activity decay. Default: squared error, 1.
    prior : Prior, optional
        Of the causes. Default: mean 0, precision 1. It is not trained, nor used if the causes are
        given.
    given_causes : bool, default False
        Whether each step gives the causes, such as labels, instead of inferring them.
    method : {"quasi_newton"}, QuasiNewton or Langevin
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
    CauseTrainer : without an amortizer.
    BidirectionalTrainer : both networks share one energy.

    Notes
    -----
    A sample whose energy is higher at the amortizer's activities than at the prior's mean (or the
    feed-forward state of the given causes) starts there instead. jpc's energy of the amortizer has
    no 1/2, which changes nothing with Adam.

    References
    ----------
    .. [1] Tschantz, Millidge, Seth, Buckley, "Hybrid predictive coding: Inferring, fast and slow",
       PLOS Computational Biology 19(8), 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.generative import HybridTrainer, infer_causes
    >>> rng = np.random.default_rng(0)
    >>> Y = np.tanh(rng.standard_normal((256, 2)) @ rng.standard_normal((2, 8))).astype(np.float32)
    >>> generator = Network.init((2, 32, 8), "tanh", random_state=0)
    >>> amortizer = Network.init((8, 32, 2), "tanh", random_state=1)
    >>> trainer = HybridTrainer(generator, amortizer)
    >>> for epoch in range(30):
    ...     for rows in np.split(rng.permutation(256), 4):
    ...         report = trainer.step(Y[rows], learning_rate=0.03)
    >>> trainer.sync()
    >>> cold = infer_causes(generator, Y)
    >>> warm = infer_causes(generator, Y, amortizer=amortizer)
    >>> bool(warm.n_steps.mean() < cold.n_steps.mean())
    True
    """

    def __init__(
        self,
        generator: Network,
        amortizer: Network,
        objective: Objective | None = None,
        prior: Prior | None = None,
        given_causes: bool = False,
        method: Method = "quasi_newton",
        solver: Any = None,
        max_batch_size: int = 64,
    ) -> None:
        check_network(generator, "generator")
        check_finite_fields(generator)
        check_amortizer(generator, amortizer)
        method = check_takes_errors(resolve_cause_method(method))
        objective = Objective() if objective is None else objective
        check_objective(generator, objective)
        check_precision(method, objective, generator.dtype)
        solver = resolve_step_solver(solver)
        check_count("max_batch_size", max_batch_size, smallest=1)
        prior = resolve_prior(prior)
        self._given = check_flag("given_causes", given_causes)
        self._root = generator.dtype.type(np.sqrt(prior.precision))
        net = generator if self._given else free_input_network(generator, prior)
        self._method, self._targets = StartsFromErrors(method), _Targets()
        self._method.warm = True
        self._generator = Trainer(net, objective, self._method, solver, max_batch_size)
        self._generator.set_multipliers(
            equal_rates(generator) if self._given else cause_rates(generator),
            gradient_scales(net, objective.output_precision),
        )
        self._amortizer = Trainer(amortizer, Objective(), self._targets, solver, max_batch_size)
        self._no_input = np.zeros((max_batch_size, 1), generator.dtype)
        self._n_causes = generator.layer_sizes[0]

    @property
    def n_updates(self) -> int:
        return self._generator.n_updates

    def step(
        self,
        Y: Floats,
        causes: Floats | None = None,
        factors: Floats | None = None,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        amortizer_rate: float | None = None,
    ) -> HybridReport:
        """Start from the amortizer, infer, then update both networks.

        Parameters
        ----------
        Y : ndarray, (n, K)
            C-contiguous, of the networks' dtype, n up to ``max_batch_size``. In the range of the
            loss; anything, also NaN, where the factor is 0: the amortizer reads 0 there.
        causes : ndarray, (n, D)
            C-contiguous, of the networks' dtype. With ``given_causes`` only, and then in each step.
        factors : ndarray, (n, K), optional
            As for `CauseTrainer.step`.
        learning_rate : float
            The same for all layers of the generator. Those of the amortizer have multiples of
            theirs, by its parameterization, as in the estimators.
        weight_decay : float
            Weights (not biases) are first multiplied by ``1 - learning_rate * weight_decay``.
        amortizer_rate : float, optional
            Learning rate of the amortizer. Default: ``learning_rate``.

        Returns
        -------
        HybridReport

        Raises
        ------
        TypeError, ValueError
            An argument has a wrong shape, dtype or value. Nothing has changed.
        FloatingPointError
            Energy, gradient or new weights are not finite; the weights stay finite.
        """
        generator, amortizer = self._generator, self._amortizer
        loss = generator.objective.loss
        check_minibatch(Y, factors, amortizer.network.layer_sizes[0], loss, self._no_input)
        self._check_causes(causes, len(Y))
        check_positive("learning_rate", learning_rate, or_zero=True)
        check_positive("weight_decay", weight_decay, or_zero=True)
        own_rate = learning_rate if amortizer_rate is None else amortizer_rate
        check_positive("amortizer_rate", own_rate, or_zero=True)
        n, batch = len(Y), generator.batch
        X = self._no_input[:n] if causes is None else causes
        seen = Y if factors is None else np.where(factors > 0, Y, 0).astype(Y.dtype)
        amortizer.batch.forward(seen)
        batch.output_precisions = factors
        start_from(batch, self._reversed(amortizer.batch, n), X, Y, generator.objective)
        report = generator.step(X, Y, learning_rate, weight_decay=weight_decay)
        self._targets.targets = self._settled(causes, n)
        rest = amortizer.step(seen, X, own_rate, weight_decay=weight_decay)
        return HybridReport(report, rest.energy)

    def _check_causes(self, causes, n):
        if not self._given:
            if causes is not None:
                raise ValueError(
                    "causes must be None: the trainer infers them. Make it with given_causes=True"
                )
            return
        check_array("causes", causes, self._no_input.dtype, (n, self._n_causes))
        if not np.isfinite(causes).all():
            raise ValueError("causes must be finite; got NaN or infinity. Drop such rows")

    def _reversed(self, batch, n):
        """The amortizer's activities in the order of the generator's layers."""
        layers = [a[:n] for a in batch.activities]
        top = layers.pop()
        start = [] if self._given else [self._root * top[:, : self._n_causes]]
        return [*start, *reversed(layers)]

    def _settled(self, causes, n):
        """The generator's settled activities in the order of the amortizer's layers."""
        sizes = self._generator.network.layer_sizes[1:-1]
        layers = [z[:n, :width] for z, width in zip(self._generator.batch.activities, sizes)]
        if not self._given:
            causes, layers = layers[0] / self._root, layers[1:]
        return [*reversed(layers), causes]

    def sync(self) -> None:
        """Write the current weights and biases into both networks."""
        self._generator.sync()
        self._amortizer.sync()
