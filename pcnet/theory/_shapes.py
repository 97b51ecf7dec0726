"""Measurements over widths and depths, as tables with one row per network."""

from __future__ import annotations

import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from .._checks import LARGEST, check_count, check_float_array, check_positive
from .._types import Estimator, Float64s
from ..network import Network
from ._checks import check_inputs, feed_forward
from ._comparison import compare_with_backprop


def over_shapes(
    measure: Callable[[int, int, int], dict[str, float]],
    widths: Sequence[int],
    depths: Sequence[int],
    n_seeds: int = 1,
) -> NDArray[Any]:
    """Measure at each width, depth and seed; return a table.

    Parameters
    ----------
    measure : callable
        ``measure(width, depth, seed)`` returns a dict of numbers; depth is the number of hidden
        layers.
    widths, depths : sequence of int
        1 or more each.
    n_seeds : int, default 1
        1 or more: seeds 0, 1, .. at each shape.

    Returns
    -------
    ndarray with the fields width, depth, seed and those of `measure`
        One row per network. ``table["width"]`` is a column, ``table[table["depth"] == 8]`` the rows
        of one depth. `pandas.DataFrame` accepts it.

    Raises
    ------
    ValueError, TypeError
        An argument is out of range, or ``measure`` returns no dict of numbers with the same names
        for all networks.

    Examples
    --------
    >>> from pcnet.theory import over_shapes
    >>> over_shapes(lambda width, depth, seed: {"units": width * depth}, [2, 4], [3])["units"]
    array([ 6., 12.])
    """
    if not callable(measure) or not _takes_shapes(measure):
        raise TypeError(
            f"measure must be a function of width, depth and seed that returns a dict of numbers; "
            f"got {measure!r}"
        )
    widths, depths = _check_counts("widths", widths), _check_counts("depths", depths)
    check_count("n_seeds", n_seeds, 1)
    shapes = itertools.product(depths, widths, range(n_seeds))
    rows = [(width, depth, seed, measure(width, depth, seed)) for depth, width, seed in shapes]
    names = _check_measured(rows)
    counts = [("width", np.int64), ("depth", np.int64), ("seed", np.int64)]
    table = np.empty(len(rows), [*counts, *((name, np.float64) for name in names)])
    for place, (width, depth, seed, values) in enumerate(rows):
        table[place] = (width, depth, seed, *(values[name] for name in names))
    return table


def _takes_shapes(measure):
    """Whether a function accepts width, depth and seed; True if its signature is unknown."""
    try:
        inspect.signature(measure).bind(1, 1, 0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def _check_measured(rows):
    """The names of the measured values, the same in all rows."""
    names = list(rows[0][3]) if isinstance(rows[0][3], dict) else None
    for width, depth, seed, values in rows:
        where = f"at width {width}, depth {depth}, seed {seed}"
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise TypeError(
                f"measure must return a dict of names and numbers; got {values!r} {where}"
            )
        taken = sorted({"width", "depth", "seed"} & set(values))
        if taken:
            raise ValueError(
                f"measure must return names other than {', '.join(taken)}, which the table has"
            )
        if list(values) != names:
            raise ValueError(
                "measure must return the same names for all networks; got "
                f"{', '.join(map(repr, values))} {where}, but {', '.join(map(repr, names))} before"
            )
        for name, value in values.items():
            if not isinstance(value, (Real, np.bool_)):
                raise TypeError(f"measure must return numbers; got {name}={value!r} {where}")
            if abs(value) > LARGEST and abs(value) != math.inf:
                raise ValueError(
                    f"measure must return numbers that fit into float64; {name} {where} does not"
                )
    return names


def backprop_comparison_sweep(
    X: ArrayLike,
    Y: ArrayLike,
    widths: Sequence[int],
    depths: Sequence[int],
    n_seeds: int = 1,
    output_precision: float = 1.0,
    **network: Any,
) -> NDArray[Any]:
    """Energy-to-loss ratio and PC-BP gradient cosine of fresh networks, over width and depth.

    Parameters
    ----------
    X : array-like, (n, D)
    Y : array-like, (n, K)
        Targets of the squared error.
    widths, depths : sequence of int
        Units of a hidden layer; numbers of hidden layers.
    n_seeds : int, default 1
        1 or more: networks drawn at each shape.
    output_precision : float, default 1.0
        lambda, positive.
    **network
        Arguments of `Network.init`: activation, parameterization, skip, bias, gamma.

    Returns
    -------
    ndarray with the fields width, depth, seed, energy_to_loss_ratio, gradient_cosine
        See `over_shapes`.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.
    """
    X = check_float_array("X", X, np.float64, 2, copy=False)
    Y = check_float_array("Y", Y, np.float64, 2, (len(X), None), copy=False)

    def measure(width, depth, seed):
        sizes = (X.shape[1], *[width] * depth, Y.shape[1])
        net = Network.init(sizes, **{**network, "random_state": seed, "dtype": np.float64})
        found = compare_with_backprop(net, X, Y, output_precision=output_precision)
        return {name: getattr(found, name) for name in ("energy_to_loss_ratio", "gradient_cosine")}

    return over_shapes(measure, widths, depths, n_seeds)


def forward_norms(net: Network, X: ArrayLike) -> Float64s:
    """Root mean square of the feed-forward activities of each layer.

    ``sqrt(mean z^2)`` over samples and units. It is of order one in all hidden layers of muPC and
    ntp networks with skips. In deep sp networks it decreases exponentially with the layer, or
    increases exponentially if they have skips.

    Parameters
    ----------
    net : Network
    X : array-like, (n, D)

    Returns
    -------
    ndarray of float64, (L,)
        Values for z_1, .., z_H, mu_L.

    Raises
    ------
    ValueError, TypeError
        An argument has a wrong shape, value or type.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> from pcnet.theory import forward_norms
    >>> net = Network.init((8, *[64] * 30, 2), "tanh", "sp", skip=False, random_state=0)
    >>> norms = forward_norms(net, np.ones((1, 8)))
    >>> bool(norms[-1] < 1e-6 * norms[0])
    True
    """
    return np.array([_root_mean_square(z) for z in feed_forward(*check_inputs(net, X))])


def _root_mean_square(values):
    largest = np.abs(values).max()  # scaled so that no square overflows or underflows
    return largest * np.sqrt(np.mean((values / largest) ** 2)) if largest > 0 else 0.0


def learning_rate_transfer(
    estimator: Estimator,
    X: ArrayLike,
    y: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    rates: Sequence[float],
    widths: Sequence[int],
    depths: Sequence[int],
) -> NDArray[Any]:
    """Train an estimator at each learning rate, width and depth.

    A rate transfers if its result is near the best at every shape.

    Parameters
    ----------
    estimator : PCClassifier or PCRegressor
        The function clones it and keeps its other parameters, random_state included.
    X, y : array-like
        Training data.
    X_test, y_test : array-like
        Test data, for the score.
    rates : sequence of float
        Values of ``learning_rate_init``, positive.
    widths, depths : sequence of int
        Units of a hidden layer; numbers of hidden layers.

    Returns
    -------
    ndarray with the fields width, depth, rate, score, loss
        One row per training: the score on the test data, and the training loss of the last epoch.
        If training diverged, the score is nan and the loss inf.

    Raises
    ------
    ValueError, TypeError
        ``estimator`` is no pcnet estimator, or ``rates``, ``widths`` or ``depths`` is no sequence
        of numbers in range.
    """
    if not hasattr(estimator, "get_params") or "learning_rate_init" not in estimator.get_params():
        raise TypeError(
            "estimator must be a PCClassifier or PCRegressor object, got "
            f"{type(estimator).__name__}"
        )
    if isinstance(rates, str) or not np.iterable(rates):
        raise TypeError(f"rates must be a sequence of numbers such as [0.01, 0.1]; got {rates!r}")
    rates = list(rates)
    for index, rate in enumerate(rates):
        check_positive(f"rates[{index}]", rate)
    if not rates:
        raise ValueError("rates must hold at least one learning rate; got an empty sequence")
    widths, depths = _check_counts("widths", widths), _check_counts("depths", depths)
    rows = []
    for depth, width, rate in itertools.product(depths, widths, rates):
        model = clone(estimator)
        model.set_params(hidden_layer_sizes=(width,) * depth, learning_rate_init=rate)
        rows.append((width, depth, rate, *_trained(model, X, y, X_test, y_test)))
    fields = [("width", np.int64), ("depth", np.int64)]
    return np.array(rows, [*fields, *((name, np.float64) for name in ("rate", "score", "loss"))])


def _trained(model, X, y, X_test, y_test):
    """(score, loss), or (nan, inf) if training diverged."""
    with warnings.catch_warnings():
        # at rates that are far too high, inference ends early
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            model.fit(X, y)
        except FloatingPointError:
            return np.nan, np.inf
    return model.score(X_test, y_test), model.loss_curve_[-1]


def _check_counts(name, values):
    if isinstance(values, str) or not np.iterable(values) or not len(values := list(values)):
        raise ValueError(f"{name} must be a sequence of integers such as [8, 32]; got {values!r}")
    for index, value in enumerate(values):
        check_count(f"{name}[{index}]", value, 1)
    return values
