"""A learning-rate schedule while it is followed; the shapes are in `pcnet.schedules`."""

import numpy as np

from ..schedules import resolve_learning_rate

#: Weight decay counts at least so many steps in a fit, ...
LEAST_DECAY_STEPS = 300
#: ... and in calls of ``partial_fit``, which know no end.
LEAST_INCREMENTAL_DECAY_STEPS = 1000

_MOST_RATES = 1000  # that are looked at for the sum of all


class Schedule:
    """The learning rate of each step of one call of ``fit``.

    Parameters
    ----------
    learning_rate : str or object of `pcnet.schedules`
    learning_rate_init : float
        eta, which the schedule's factors multiply.
    n_steps : int, default=None
        T, the steps planned; needed by "linear", "cosine" and a warm-up given as a share.
    power_t : float, default=0.5
        Exponent of "invscaling".

    Attributes
    ----------
    n_plateaus : int
        Plateaus so far: all that a schedule remembers.

    Raises
    ------
    ValueError
        The warm-up is as long as the plan or longer.
    """

    def __init__(self, learning_rate, learning_rate_init, n_steps=None, power_t=0.5):
        self._shape = resolve_learning_rate(learning_rate, power_t)
        self._shape.warmup_steps(n_steps)  # it must fit into the plan
        self.learning_rate_init = float(learning_rate_init)
        self.n_steps = n_steps
        self.n_plateaus = 0

    def rate(self, step, progress=0.0):
        """Base learning rate of step ``step`` (int, from 0).

        ``progress`` is the share of the planned work that is done by another measure than steps,
        such as a time limit.
        """
        factor = self._shape.factor(step, self.n_steps, self.n_plateaus, progress)
        return self.learning_rate_init * factor

    def weight_decay(self, alpha, least_steps=LEAST_DECAY_STEPS):
        """Decay c of one step, ``w <- (1 - rate c) w``, for ``exp(-alpha)`` over the whole plan.

        Rates are taken as planned, without plateaus. A plan of fewer than ``least_steps`` steps
        decays in proportion to its length: what few steps have learned is not to be lost.

        Parameters
        ----------
        alpha : float
        least_steps : int

        Returns
        -------
        float
        """
        n = self.n_steps
        looked_at = min(n, _MOST_RATES)
        middles = np.arange(looked_at) + 0.5  # of as many equal parts of the plan
        steps = (middles * (n / looked_at)).astype(np.int64)
        mean = float(np.mean([self._shape.factor(int(step), n) for step in steps]))
        total = self.learning_rate_init * mean * max(n, least_steps)
        return alpha / total if alpha and total > 0 else 0.0

    @property
    def has_horizon(self):
        """Whether reaching ``max_iter`` is the planned end rather than a limit that was hit."""
        return self._shape.has_horizon

    def plateau(self):
        """Note that training no longer improves; return whether it should stop."""
        if self._shape.ends_at_plateau(self.n_plateaus):
            return True
        self.n_plateaus += 1
        return False
