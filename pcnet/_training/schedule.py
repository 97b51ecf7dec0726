"""The learning rates of one fit, from the schedules of `pcnet.schedules`."""

import numpy as np

from ..schedules import resolve_learning_rate

#: Weight decay is computed for at least this many steps in a fit, ...
LEAST_DECAY_STEPS = 300
#: ... and in calls of ``partial_fit``, whose number is unknown.
LEAST_INCREMENTAL_DECAY_STEPS = 1000

_MOST_RATES = 1000  # number of steps that are evaluated for the sum


class Schedule:
    """The learning rate of each step of one call of ``fit``.

    Parameters
    ----------
    learning_rate : str or object of `pcnet.schedules`
    learning_rate_init : float
        eta, which the schedule's factors multiply.
    n_steps : int, default=None
        T, the planned steps; needed by "linear", "cosine" and a warm-up given as a fraction.
    power_t : float, default=0.5
        Exponent of "invscaling".

    Attributes
    ----------
    n_plateaus : int
        Number of plateaus so far, the only state of a schedule.

    Raises
    ------
    ValueError
        The warm-up is not shorter than the plan.
    """

    def __init__(self, learning_rate, learning_rate_init, n_steps=None, power_t=0.5):
        self._shape = resolve_learning_rate(learning_rate, power_t)
        self._shape.warmup_steps(n_steps)  # it must fit into the plan
        self.learning_rate_init = float(learning_rate_init)
        self.n_steps = n_steps
        self.n_plateaus = 0

    def rate(self, step, progress=0.0):
        """Base learning rate of step ``step`` (int, from 0).

        ``progress`` is the completed fraction of the planned work by another measure than steps,
        such as the time limit.
        """
        factor = self._shape.factor(step, self.n_steps, self.n_plateaus, progress)
        return self.learning_rate_init * factor

    def weight_decay(self, alpha, least_steps=LEAST_DECAY_STEPS):
        """Decay c of one step, ``w <- (1 - rate c) w``, for ``exp(-alpha)`` over the whole plan.

        The planned rates are used, without plateaus. With fewer than ``least_steps`` planned steps
        the total decay is proportional to their number, so that short fits keep their weights.

        Parameters
        ----------
        alpha : float
            Decay over the whole plan, 0 or more.
        least_steps : int
            Number of steps below which the decay is reduced.

        Returns
        -------
        float
        """
        n = self.n_steps
        looked_at = min(n, _MOST_RATES)
        middles = np.arange(looked_at) + 0.5  # one from each of as many equal parts of the plan
        steps = (middles * (n / looked_at)).astype(np.int64)
        mean = float(np.mean([self._shape.factor(int(step), n) for step in steps]))
        total = self.learning_rate_init * mean * max(n, least_steps)
        return alpha / total if alpha and total > 0 else 0.0

    @property
    def has_horizon(self):
        """Whether ``max_iter`` is the planned end of the schedule instead of a limit."""
        return self._shape.has_horizon

    def plateau(self):
        """Record a plateau; return whether training should stop."""
        if self._shape.ends_at_plateau(self.n_plateaus):
            return True
        self.n_plateaus += 1
        return False
