"""Weight solvers: the options of Adam, SGD and L-BFGS as small objects.

A solver object only has options; the weight update of the C core does the arithmetic. Both solvers
use the *scaled* gradient, which is of order 1 at any depth, width and output precision. The meaning
of ``epsilon`` and of a learning rate therefore does not depend on the size of the network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import DTypeLike

from ._checks import check_adam_epsilon
from ._options import Interval, Options, real_interval, resolve_options
from ._types import SolverName

__all__ = ["LBFGS", "SGD", "Adam"]

_CLIP = [None, real_interval(0, closed="neither")]


@dataclass(eq=False, repr=False)
class Adam(Options):
    """Adam: steps along the mean gradient over its root mean square.

    ``m <- beta_1 m + (1 - beta_1) g``, ``v <- beta_2 v + (1 - beta_2) g^2``,
    ``w <- w - rate * m_hat / (sqrt(v_hat) + epsilon)``, where the hats divide by
    ``1 - beta^t`` after t updates.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Decay of the running mean of the gradient, in [0, 1).
    beta_2 : float, default=0.999
        Decay of the running mean of the squared gradient, in [0, 1).
    epsilon : float, default=1e-8
        Added to the denominator; small relative to the scaled gradient, which is of order 1.
        Greater than 0, and at least the square root of the smallest normal number of the dtype
        (1.1e-19 in float32): the squares of smaller gradients are 0.
    clip : float, default=None
        Largest root mean square of the scaled gradient over all weights and biases; a larger
        gradient is scaled down to it. Most libraries use the sum instead of the mean; with the
        mean one value suits networks of any size. Greater than 0; None: no clipping. It costs a
        second computation of the gradient.

    References
    ----------
    Kingma, D. P. and Ba, J. (2015). Adam: a method for stochastic optimization.
    arXiv:1412.6980

    Examples
    --------
    >>> from pcnet.solvers import Adam
    >>> Adam(beta_2=0.99)
    Adam(beta_2=0.99)
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    clip: float | None = None

    _parameter_constraints = {
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [real_interval(0, closed="neither")],
        "clip": _CLIP,
    }

    full_batch = False
    n_moments = 2  # arrays of the weights' shapes in the solver's memory
    normalizes_gradient = True  # the size of a step does not depend on that of the gradient

    def core_options(self, dtype: DTypeLike) -> tuple[str, float, float, float]:
        """Options for the core.

        Parameters
        ----------
        dtype : dtype
            Dtype of the weights, float32 or float64.

        Returns
        -------
        tuple of str and float
            Name of the solver, then ``beta_1``, ``beta_2`` and ``epsilon``.

        Raises
        ------
        ValueError
            ``epsilon`` is too small or too large for the dtype.
        """
        check_adam_epsilon("Adam's epsilon", self.epsilon, dtype)
        return "adam", self.beta_1, self.beta_2, self.epsilon


@dataclass(eq=False, repr=False)
class SGD(Options):
    """Stochastic gradient descent with momentum.

    ``v <- momentum v - rate g`` and ``w <- w + v``, or with Nesterov's look-ahead
    ``w <- w + momentum v - rate g``, as in :class:`sklearn.neural_network.MLPClassifier`.

    Parameters
    ----------
    momentum : float, default=0.9
        Factor of the last step in the next, in [0, 1]; 0 is plain gradient descent.
    nesterov : bool, default=True
        Whether to use Nesterov's momentum. No effect with ``momentum=0``.
    clip : float, default=None
        Largest root mean square of the scaled gradient over all weights and biases; a larger
        gradient is scaled down to it. Most libraries use the sum instead of the mean; with the
        mean one value suits networks of any size. Greater than 0; None: no clipping. It costs a
        second computation of the gradient.

    Examples
    --------
    >>> from pcnet.solvers import SGD
    >>> SGD(momentum=0)
    SGD(momentum=0)
    """

    momentum: float = 0.9
    nesterov: bool = True
    clip: float | None = None

    _parameter_constraints = {
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterov": ["boolean"],
        "clip": _CLIP,
    }

    full_batch = False
    n_moments = 1  # arrays of the weights' shapes in the solver's memory
    normalizes_gradient = False

    def core_options(self, dtype: DTypeLike) -> tuple[str, float]:
        """Options for the core.

        Parameters
        ----------
        dtype : dtype
            Dtype of the weights; not used.

        Returns
        -------
        tuple of str and float
            Name of the solver, and ``momentum``.
        """
        return "nesterov" if self.nesterov else "sgd", self.momentum


@dataclass(eq=False, repr=False)
class LBFGS(Options):
    """Limited-memory BFGS on all samples at once, for small data sets.

    It minimises the mean energy at equilibrium plus the penalty of the weight decay. `max_iter`
    counts iterations. It ends if no entry of the gradient exceeds `tol`, or if an iteration lowers
    the energy by less than inference can resolve. `batch_size`, `shuffle`, `learning_rate`,
    `learning_rate_init` and `power_t` have no effect.

    Parameters
    ----------
    max_fun : int, default=15000
        Largest number of evaluations of the energy and its gradient, each an inference of all
        samples; 1 or more.
    history_size : int, default=10
        Number of past gradients from which the curvature is estimated, from 1 to a million.
    inference_tol : float, default=1e-3
        Upper limit of the relative gradient at which inference ends, also if the estimator's method
        has a larger tolerance: the line search needs a smooth function. Relative differences of
        the energy below 1e-3 times its square are ignored. At least 0.

    References
    ----------
    Liu, D. C. and Nocedal, J. (1989). On the limited memory BFGS method for large scale
    optimization. doi:10.1007/BF01589116

    Examples
    --------
    >>> from pcnet.solvers import LBFGS
    >>> LBFGS(history_size=20)
    LBFGS(history_size=20)
    """

    max_fun: int = 15000
    history_size: int = 10
    inference_tol: float = 1e-3

    _parameter_constraints = {
        "max_fun": [Interval(Integral, 1, math.inf, closed="left")],
        "history_size": [Interval(Integral, 1, 10**6, closed="both")],
        "inference_tol": [real_interval(0, closed="left")],
    }

    full_batch = True  # each step uses all samples

    @property
    def resolution(self) -> float:
        """The smallest relative difference between energies that inference resolves.

        The error of the energy is of second order in that of the activities.
        """
        tol = float(self.inference_tol)  # tol * tol may be inf; tol**2 would raise an error
        return max(1e-3 * tol * tol, float(np.finfo(np.float64).eps))


_BY_NAME = {"adam": Adam, "lbfgs": LBFGS, "sgd": SGD}


def resolve_solver(solver: SolverName | Adam | SGD | LBFGS) -> Adam | SGD | LBFGS:
    """Return the solver object of a ``solver`` argument.

    Parameters
    ----------
    solver : {"adam", "sgd", "lbfgs"} or Adam or SGD or LBFGS
        A name selects the object with its default options.

    Returns
    -------
    solver : Adam or SGD or LBFGS
        With checked options; a given object is returned without a copy.

    Raises
    ------
    ValueError
        The name is unknown, or an option is out of range.
    TypeError
        The argument is neither a name nor a solver object.
    """
    kinds = tuple(_BY_NAME.values())
    return resolve_options("solver", solver, _BY_NAME, kinds, "pcnet.solvers.Adam(beta_1=0.9)")
