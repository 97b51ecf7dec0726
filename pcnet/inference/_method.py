"""The base class of all methods of inference, and from a ``method`` argument to its object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike
from sklearn.base import BaseEstimator

from .._checks import our_name, shown
from .._types import Float64s, Floats, Method

if TYPE_CHECKING:
    from .._core.binding import Batch
    from .._objective import Objective
    from ..network import Network
    from ._learning import WeightUpdate


class InferenceMethod(BaseEstimator):
    """Base class of the methods of inference, pcnet's and your own.

    A method holds its options as a scikit-learn estimator does, so that
    ``inference__rate`` can be searched and estimators can be cloned. It must define `run`; the
    rest has defaults. `Passes` has the passes of the network that `run` is made of.

    Attributes
    ----------
    steps_option : str or None
        Name of the option that limits the number of steps, None (default) without one.
    has_end_test : bool
        Whether a sample can end before the limit of steps (default). Where it cannot, nobody is
        warned that inference was cut off.
    minimizes_energy : bool
        Whether it ends near the least energy of the targets that it is given (default). Where it
        does not, nobody is warned that the energy rose, `energy` of estimators refuses the method,
        and the weights learn as with ``learns_settled``.
    learns_settled : bool
        Whether the weights learn from the state that `run` leaves, whatever the loss. By default
        they do with the squared error alone, see `learning_gradients`.
    rounds_errors : bool
        Whether the errors are differences of activities, so that a small output precision loses
        them to rounding. Default: they are numbers of their own.
    auto_precision : float or None
        What ``output_precision="auto"`` of an estimator means with this method; None (default):
        what it means in general.
    rows_per_sample : int
        Rows of the batch that the method uses for each sample, 1 by default.

    See Also
    --------
    Passes : the passes that a method is made of, with an example of a method.
    """

    steps_option: str | None = None
    has_end_test = True
    minimizes_energy = True
    learns_settled = False
    rounds_errors = False
    auto_precision: float | None = None
    rows_per_sample = 1

    def check(self) -> None:
        """Raise ValueError or TypeError if an option is out of range. Default: no check.

        It is called before anything is computed from the options.
        """

    @property
    def trace_steps(self) -> int:
        """Most steps that a sample may take (int), which an energy trace must have room for.

        Default: the option that `steps_option` names, or 0.
        """
        return 0 if self.steps_option is None else int(getattr(self, self.steps_option))

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Infer the hidden activities; leave them, the errors and a report in the batch.

        Parameters
        ----------
        batch : Batch
            Memory of `rows_per_sample` rows for each sample, or more.
        X, Y : ndarray, (n, D) and (n, K)
            Inputs and targets, of the network's dtype.
        objective : Objective
        """
        raise NotImplementedError(f"{type(self).__name__} must define run")

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """Run inference; yield wherever the weights are to be updated.

        Default: one update, after `run`. A method that overrides this says itself what the
        weights learn from. They may be others after each yield.

        Parameters
        ----------
        batch, X, Y, objective
            As of `run`.
        sample_weight : ndarray of float64, (n,)
            Normalised weights of the samples, of sum 1: the factors of their gradients.

        Yields
        ------
        WeightUpdate or None
            None: an update from what stands in the batch, with X and ``sample_weight``.
        """
        self.run(batch, X, Y, objective)
        yield None

    def for_training(self, network: Network, previous: InferenceMethod | None) -> InferenceMethod:
        """The object that one training uses in place of this one; default: this one.

        A method that learns something of its own returns a copy that training may change.
        Estimators keep it as ``inference_``.

        Parameters
        ----------
        network : Network
        previous : InferenceMethod or None
            The method of an earlier training of the same network, to go on from.

        Returns
        -------
        InferenceMethod
        """
        return self

    @property
    def _updates_weights_itself(self):
        return type(self).weight_updates is not InferenceMethod.weight_updates

    @property
    def _learns(self):
        return type(self).for_training is not InferenceMethod.for_training


def resolve_method(method: Method, name: str = "inference") -> InferenceMethod:
    """The inference object that a ``method`` argument stands for, its options checked.

    Parameters
    ----------
    method : str or InferenceMethod
        A string means the method with its default options.
    name : str
        What errors call it.

    Returns
    -------
    InferenceMethod
    """
    from . import METHODS  # a table of all methods, whose modules need this one

    wanted = (
        f"{name} must be one of {', '.join(map(repr, METHODS))} or an object of pcnet.inference "
        "such as ErrorDescent(tol=1e-3); got "
    )
    if isinstance(method, str):
        if method not in METHODS:
            raise ValueError(
                f"{wanted}{method!r}{_quoted(method, METHODS) or our_name(method, METHODS)}"
            )
        return METHODS[method]()
    if isinstance(method, type):
        raise TypeError(f"{wanted}the class {method.__name__}; write {method.__name__}()")
    if not isinstance(method, InferenceMethod):
        raise TypeError(
            f"{wanted}{shown(method)}. A method of your own inherits "
            "pcnet.inference.InferenceMethod"
        )
    method.check()  # before anything is computed from its options
    return method


def _quoted(method, methods):
    """The end of an error's text, where a class's own name came as a string."""
    is_class = method in {cls.__name__ for cls in methods.values()}
    return f". Without quotes that is an object: {method}()" if is_class else ""


def resolve_inner(method):
    """As `resolve_method`, for the method inside another one.

    Raises
    ------
    ValueError
        It does not simply relax the activities and leave one update of the weights to do.
    """
    inner = resolve_method(method, "method")
    if inner._updates_weights_itself:
        raise ValueError(
            "method must be one that relaxes the activities and leaves learning to others, such "
            f"as 'error' or 'activity'; got {method!r}"
        )
    return inner


# Errors are proportional to lambda where it is small. Methods that find them as differences of
# activities of about 1 lose them to the rounding of these.
_ROUNDINGS = 4096
# The others sum their squares, which must be well above the smallest number.
_SQUARES = 1e6


def check_precision(method: InferenceMethod, objective: Objective, dtype: DTypeLike) -> None:
    """Raise if the errors of the hidden layers would vanish, or drown in rounding.

    Parameters
    ----------
    method : InferenceMethod
        One with a true ``rounds_errors`` finds its errors as differences of activities.
    objective : Objective
    dtype : dtype

    Raises
    ------
    ValueError
        The output precision is too small.
    """
    limits = np.finfo(dtype)
    smallest, why = _SQUARES * float(np.sqrt(limits.tiny)), "vanish"
    remedies = "a larger one, or inference='backprop', the limit of small precisions"
    if method.rounds_errors:
        smallest, why = _ROUNDINGS * float(limits.eps), "drown in the rounding of the activities"
        remedies = (
            "a larger one, inference='error', whose errors are numbers of their own, or "
            "'backprop', the limit of small precisions"
        )
    if objective.output_precision < smallest:
        raise ValueError(
            f"output_precision must be at least {smallest:.1e} for {type(method).__name__} in "
            f"{np.dtype(dtype).name}, below which the errors of the hidden layers {why}; got "
            f"{objective.output_precision!r}. Use {remedies}"
        )
