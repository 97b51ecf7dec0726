"""Activity descent with precisions that change from layer to layer and from step to step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_count, check_positive
from .._core.binding import Batch
from .._objective import Objective
from .._types import Float64s, Floats
from ._method import InferenceMethod
from ._passes import Passes

SCHEDULES = ("spiking", "decaying")


@dataclass(eq=False, repr=False)
class PrecisionDescent(InferenceMethod):
    """Activity descent on an energy whose layer weights change at each step.

    Step t = 0, 1, .. is ``z_l <- z_l - rate dE_t/dz_l`` with

    ``E_t = sum_l pi_l(t) / 2 ||e_l||^2 + pi_L(t) lambda loss(mu_L, y)``

    from the feed-forward state. The signal from the output reaches the error of layer l at step
    ``t_l = L - l``, and the output's own at step 0. At that step the precision of the layer is
    high and passes the signal on. Before and after, it is low, so that the layer can move and does
    not send the signal again:

    - "spiking": pi_l(t) = 1 at t = t_l, else ``base``;
    - "decaying": pi_l(t) = 1 / (1 + log(1 + t - t_l)) from t_l on, not below ``base``; before
      ``base``.

    On a linear network, spikes with base 0 move hidden layer l by exactly
    ``(1 - rate) rate^(L - l)`` times backpropagation's delta. With `ForwardUpdate` each layer then
    learns in backpropagation's direction, lower layers with smaller steps (Adam rescales them).

    Parameters
    ----------
    n_steps : int, default 20
        0 or more. A layer that is n_steps or more layers below the output does not move.
    rate : float, default 0.5
        Positive, per sample.
    schedule : {"spiking", "decaying"} or array-like, default "spiking"
        An array gives pi_l(t) itself, finite and 0 or more: of shape (n_steps, L), or (L,) for
        constant precisions. All 1 is `ActivityDescent`.
    base : float, default 0.001
        0 or more; not used with an array.

    See Also
    --------
    ForwardUpdate : the update of the weights that [1]_ combines with these schedules,
        ``ForwardUpdate(PrecisionDescent())``.
    LearnedPrecision : precisions that are part of the trained model.

    Notes
    -----
    The schedules follow the README of the code of [1]_ ("binary spiking schedule where each layer
    activates at a specific time step", with a base value; "logarithmically decaying schedule per
    layer"); they were not compared with the equations of the paper. The precisions belong to
    inference and not to the network. The reported errors, from which the weights learn, are
    therefore the plain errors z_l - mu_l, and the energies have precision 1.

    References
    ----------
    .. [1] Qi, Forasassi, Lukasiewicz, Salvatori, "Towards the Training of Deeper Predictive
       Coding Neural Networks", arXiv:2506.23800.
    """

    n_steps: int = 20
    rate: float = 0.5
    schedule: ArrayLike = "spiking"
    base: float = 0.001

    steps_option = "n_steps"
    has_end_test = False
    rounds_errors = True

    def check(self) -> None:
        check_count("n_steps", self.n_steps)
        check_positive("rate", self.rate)
        check_positive("base", self.base, or_zero=True)
        if isinstance(self.schedule, str) and self.schedule in SCHEDULES:
            return
        table = None if isinstance(self.schedule, str) else _numbers(self.schedule)
        if table is None or table.ndim not in (1, 2) or not np.all(table >= 0):
            raise ValueError(
                f"schedule must be {', '.join(map(repr, SCHEDULES))} or finite precisions of 0 or "
                f"more in an array of shape (n_steps, L) or (L,); got {self.schedule!r}"
            )

    def precisions(self, n_layers: int) -> Float64s:
        """pi_l(t) for a network of L layers.

        Parameters
        ----------
        n_layers : int
            L, the hidden layers and the output.

        Returns
        -------
        ndarray of float64, (n_steps, L)

        Raises
        ------
        ValueError
            An array ``schedule`` has another shape than (n_steps, L) or (L,).
        """
        shape = (self.n_steps, n_layers)
        if not isinstance(self.schedule, str):
            table = _numbers(self.schedule)
            if table.shape not in (shape, (n_layers,)):
                raise ValueError(
                    f"schedule must have the shape (n_steps, L) = {shape} or (L,) = ({n_layers},) "
                    f"for this network; got {table.shape}"
                )
            return np.broadcast_to(table, shape)
        since = np.subtract.outer(np.arange(self.n_steps), np.arange(n_layers)[::-1])
        if self.schedule == "spiking":
            return np.where(since == 0, 1.0, self.base)
        decaying = 1.0 / (1.0 + np.log1p(np.maximum(since, 0)))
        return np.where(since >= 0, np.maximum(decaying, self.base), self.base)

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        real, passes = batch.activities.flat.dtype.type, Passes(batch, X, Y, objective)
        gradients = batch.like_activities()
        passes.start()
        for precisions in self.precisions(len(batch.activities)):
            for error, precision in zip(batch.errors, precisions, strict=True):
                error *= real(precision)
            passes.activity_gradients(gradients)
            batch.activities.hidden -= real(self.rate) * gradients.hidden
            passes.residuals()
            passes.end_step()
        passes.report()


def _numbers(values):
    """A float array, or None if these are not finite numbers."""
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    return table if np.all(np.isfinite(table)) else None
