"""L-BFGS with a line search for the strong Wolfe conditions, without BLAS (see `sums`)."""

import math
from collections import deque

import numpy as np

from .._core.sums import dot

#: Constants c_1 and c_2 of the strong Wolfe conditions: decrease and remaining slope.
DECREASE, SLOPE_LEFT = 1e-3, 0.9

#: Largest number of evaluations of one line search.
MOST_TRIALS = 20

# A bracket narrower than this, relative to its far end, is not searched further.
_NARROW = 0.1


class QuasiNewton:
    """Minimises a smooth function; each call of `step` is one iteration.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(x)`` returns the value, a float, and the gradient, float64 of shape (n,).
    start : float64 ndarray of shape (n,)
    history_size : int
        Number of past steps from which the curvature is estimated.

    Attributes
    ----------
    x, gradient : float64 ndarray of shape (n,)
        The current point and its gradient; the first is evaluated at construction.
    value : float
        Value at x.

    References
    ----------
    Nocedal, J. and Wright, S. J. (2006). Numerical Optimization, algorithms 7.4, 3.5 and 3.6.
    doi:10.1007/978-0-387-40065-5
    """

    def __init__(self, evaluate, start, history_size):
        self._evaluate = evaluate
        self.x = start
        self.value, self.gradient = evaluate(start)
        self._history = deque(maxlen=history_size)  # (change of x, of the gradient, their product)

    @property
    def largest_slope(self):
        """The largest absolute entry of the gradient."""
        return float(np.abs(self.gradient).max())

    def step(self):
        """One iteration.

        Returns
        -------
        bool
            False if no lower point was found, along the gradient either; `x` is then unchanged.
        """
        found = self._search()
        if found is None and self._history:  # no lower point: restart without curvature
            self._history.clear()
            found = self._search()
        if found is None:
            return False
        x, value, gradient = found
        moved, bent = x - self.x, gradient - self.gradient
        product = dot(moved, bent)
        if product > np.finfo(np.float64).eps * -dot(moved, self.gradient):
            self._history.append((moved, bent, product))
        self.x, self.value, self.gradient = x, value, gradient
        return True

    def _search(self):
        """(x, value, gradient) of a lower point along the quasi-Newton direction, or None."""
        direction = -self._times_inverse_hessian(self.gradient)
        slope = dot(direction, self.gradient)
        if not (slope < 0 and math.isfinite(slope)):
            return None
        first = 1.0 if self._history else min(1.0, 1.0 / math.sqrt(dot(direction, direction)))

        def along(step):
            x = self.x + step * direction
            value, gradient = self._evaluate(x)
            return value, dot(direction, gradient), (x, value, gradient)

        return line_search(along, first, self.value, slope)

    def _times_inverse_hessian(self, vector):
        """The two loops over the history, newest to oldest and back."""
        result = vector.copy()
        shares = []
        for moved, bent, product in reversed(self._history):
            shares.append(dot(moved, result) / product)
            result -= shares[-1] * bent
        if self._history:
            _, bent, product = self._history[-1]
            result *= product / dot(bent, bent)
        for (moved, bent, product), share in zip(self._history, reversed(shares), strict=True):
            result += (share - dot(bent, result) / product) * moved
        return result


def line_search(along, step, value, slope):
    """A point that satisfies the strong Wolfe conditions, or one that at least lowers the value.

    Parameters
    ----------
    along : callable
        ``along(step)`` returns value, slope and an object for the point, at a step > 0.
    step : float
        First step to try.
    value, slope : float
        Those at step 0; ``slope < 0``.

    Returns
    -------
    object or None
        Object of the point; None if `MOST_TRIALS` steps did not lower the value.
    """
    low, high = (0.0, value, slope, None), None  # best point, other end of the bracket
    for _ in range(MOST_TRIALS):
        now = (step, *along(step))
        if not now[1] <= value + DECREASE * step * slope or now[1] >= low[1]:
            high = now
        elif abs(now[2]) <= -SLOPE_LEFT * slope:
            return now[3]
        elif now[2] * (1.0 if high is None else high[0] - low[0]) >= 0:
            low, high = now, low
        else:
            before, low = low, now
            if high is None:
                step = _extrapolated(before, low)
                continue
        if low[0] > 0 and abs(high[0] - low[0]) <= _NARROW * max(high[0], low[0]):
            break
        step = _interpolated(low, high)
    return low[3]


def _extrapolated(before, now):
    """The step at which the slope would be 0, within 1.1 and 4 times the last stride beyond."""
    stride = now[0] - before[0]
    rise = now[2] - before[2]
    wanted = -now[2] / rise * stride if rise > 0 else math.inf
    return now[0] + min(max(wanted, 1.1 * stride), 4.0 * stride)


def _interpolated(a, b):
    """The minimum of the cubic through two points, away from the bracket's ends."""
    width = b[0] - a[0]
    d1 = a[2] + b[2] - 3 * (b[1] - a[1]) / width
    root = d1 * d1 - a[2] * b[2]
    if root >= 0:
        d2 = math.copysign(math.sqrt(root), width)
        bottom = b[2] - a[2] + 2 * d2
        share = 1 - (b[2] + d2 - d1) / bottom if bottom else 0.5
    else:
        share = 0.5
    return a[0] + (min(max(share, 0.1), 0.9) if math.isfinite(share) else 0.5) * width
