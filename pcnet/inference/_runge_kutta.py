"""Embedded Runge-Kutta pairs for autonomous systems, and step-size control."""

from typing import NamedTuple

import numpy as np


class Pair(NamedTuple):
    """Two methods with common stages; the difference of their results estimates the error.

    Attributes
    ----------
    order : int
        Order of the method that advances the solution.
    stages : tuple of tuple of float
        Row s holds the weights of the slopes 1..s - 1 in the state of stage s.
    weights : tuple of float
        Weights of the slopes in the step.
    error_weights : tuple of float
        Weights of the slopes in the estimate of the step's error.
    first_is_last : bool
        Whether the last stage is at the end of the step: its slope is the next step's first.
    """

    order: int
    stages: tuple
    weights: tuple
    error_weights: tuple
    first_is_last: bool


HEUN_EULER = Pair(2, ((), (1.0,)), (1 / 2, 1 / 2), (-1 / 2, 1 / 2), False)

BOGACKI_SHAMPINE = Pair(
    3,
    ((), (1 / 2,), (0.0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
    (2 / 9, 1 / 3, 4 / 9, 0.0),
    (2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8),
    True,
)

_FIFTH = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
_FOURTH = (5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)
DORMAND_PRINCE = Pair(
    5,
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        _FIFTH,
    ),
    (*_FIFTH, 0.0),
    tuple(a - b for a, b in zip((*_FIFTH, 0.0), _FOURTH, strict=True)),
    True,
)

PAIRS = {
    "heun": HEUN_EULER,
    "bogacki_shampine": BOGACKI_SHAMPINE,
    "dormand_prince": DORMAND_PRINCE,
}

SAFETY, MIN_FACTOR, MAX_FACTOR = 0.9, 0.2, 10.0

#: Smaller errors count as this; it does not matter, since a step grows at most tenfold.
_SMALLEST_ERROR = 1e-10


def step_factors(order, coefficients, errors):
    """Factor of each step from its error and those of the accepted steps before.

    With the scaled errors r_n (now), r_{n-1}, r_{n-2} and (p, i, d) / order,
    ``0.9 r_n^-(p + i + d) r_{n-1}^(p + 2 d) r_{n-2}^-d``, between 0.2 and 10, and at most 0.9
    where r_n > 1: that step is repeated.

    Parameters
    ----------
    order : int
        Order of the pair, that of its error estimate in the step.
    coefficients : tuple of float
        (p, i, d); (0, 1, 0) is the elementary controller.
    errors : ndarray of float64, (3, n)
        Scaled errors, newest first; a value that is not finite counts as a failed step.

    Returns
    -------
    ndarray of float64, (n,)
    """
    p, i, d = (c / order for c in coefficients)
    now, before, earlier = np.maximum(errors, _SMALLEST_ERROR)
    with np.errstate(invalid="ignore"):
        factors = SAFETY * now ** -(p + i + d) * before ** (p + 2 * d) * earlier**-d
    factors = np.clip(factors, MIN_FACTOR, np.where(now > 1, SAFETY, MAX_FACTOR))
    return np.where(np.isfinite(now), factors, MIN_FACTOR)
