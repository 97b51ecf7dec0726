"""Learning-rate schedules: the base rate of every optimiser step.

A schedule counts optimiser steps (minibatches), not epochs, from 0 at the start of each call
of ``fit``. With eta = ``learning_rate_init`` and T = ``max_iter`` times the batches of an
epoch, the step t = 0, 1, ... uses

    constant     eta
    linear       eta (1 - t / T)
    cosine       eta (1 + cos(pi t / T)) / 2
    invscaling   eta / (1 + t)^power_t
    adaptive     eta / 5^p, p = number of plateaus so far

so linear and cosine start at eta and come close to 0 at the last step of the last epoch, also
when ``max_iter=1``. What that means in special cases:

* stopping before ``max_iter`` (``tol``, early stopping, Ctrl-C) cuts the schedule off where it
  is: the horizon T is fixed when training starts and never shrinks;
* ``warm_start``: every call of ``fit`` starts a new schedule from its start (the optimiser's
  moments are kept);
* ``partial_fit`` knows no horizon: it always trains at the constant rate eta. Change the rate
  between calls with ``set_params(learning_rate_init=...)``.
"""

import math

SCHEDULES = ("constant", "linear", "cosine", "invscaling", "adaptive")

#: "adaptive" divides the rate by this at each plateau ...
ADAPTIVE_DIVISOR = 5.0
#: ... and ends training at a plateau once the rate is below this share of its start.
ADAPTIVE_FLOOR = 1e-3


class Schedule:
    """The rate eta as a function of the step.

    Parameters
    ----------
    name : {"constant", "linear", "cosine", "invscaling", "adaptive"}
    learning_rate_init : float
        eta, the rate of the first step.
    n_steps : int, default=None
        T, the steps planned; needed by "linear" and "cosine" only.
    power_t : float, default=0.5
        Exponent of "invscaling".
    """

    def __init__(self, name, learning_rate_init, n_steps=None, power_t=0.5):
        if name not in SCHEDULES:
            raise ValueError(f"learning_rate must be one of {SCHEDULES}, got {name!r}")
        self.name = name
        self.learning_rate_init = float(learning_rate_init)
        self.n_steps = n_steps
        self.power_t = float(power_t)
        self.n_plateaus = 0

    def rate(self, step):
        """Base learning rate of step ``step`` (int, from 0)."""
        eta = self.learning_rate_init
        if self.name == "linear":
            return eta * (1.0 - step / self.n_steps)
        if self.name == "cosine":
            return 0.5 * eta * (1.0 + math.cos(math.pi * step / self.n_steps))
        if self.name == "invscaling":
            return eta / (1.0 + step) ** self.power_t
        if self.name == "adaptive":
            return eta / ADAPTIVE_DIVISOR**self.n_plateaus
        return eta

    @property
    def has_horizon(self):
        """Whether reaching ``max_iter`` is the planned end rather than a limit that was hit."""
        return self.name in ("linear", "cosine")

    def plateau(self):
        """Note that training no longer improves; return whether it should stop."""
        if self.name != "adaptive" or self.rate(0) < ADAPTIVE_FLOOR * self.learning_rate_init:
            return True
        self.n_plateaus += 1
        return False
