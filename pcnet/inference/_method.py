"""The base class of all methods of inference, and checks of ``method`` arguments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

from .._core.binding import Batch
from .._objective import Objective
from .._options import Options, resolve_options
from .._types import Float64s, Floats, Method
from ..network import Network

if TYPE_CHECKING:
    from ._learning import WeightUpdate


class InferenceMethod(Options):
    """Base class of all methods of inference, including user-defined ones.

    A method stores its options like a scikit-learn estimator, so grid search can set
    ``inference__rate`` and estimators can be cloned. It must define `run`; all else has defaults.
    `Passes` provides the passes of the network for `run`.

    Attributes
    ----------
    steps_option : str or None
        Name of the option that limits the number of steps; None (default) if there is none.
    has_end_test : bool
        Whether a sample can end before the limit of steps (default True). If False, training does
        not warn that inference ended at the limit.
    minimizes_energy : bool
        Whether the method ends near the minimum of the energy of the given targets (default True).
        If False, no warning is given if the energy rose, `energy` of estimators refuses the method,
        and the weights learn as with ``learns_settled``.
    learns_settled : bool
        Whether the weights learn from the state after `run` with every loss. Default: with the
        squared error only, see `learning_gradients`.
    rounds_errors : bool
        Whether the method computes errors as differences of activities, which rounding destroys at
        small output precisions. Default False: it stores the errors as variables.
    auto_precision : float or None
        The value of ``output_precision="auto"`` of an estimator with this method; None (default):
        the general rule of the estimators.
    takes_output_precisions : bool
        Whether the method leaves the output's loss to the core, so that ``batch.output_precisions``
        weighs it. Default False.
    one_update : bool
        Whether the weights are updated once for each batch (default True), as `n_shards` of the
        estimators needs.
    rows_per_sample : int
        Number of rows of the batch that the method uses for each sample; default 1.
    takes_sparse : bool
        Whether `run` only passes X on to the batch and asks for its length, and therefore takes the
        core's sparse rows, too. Default False: sparse rows become dense, a block at a time.

    See Also
    --------
    Passes : the passes of the network, with an example of a method.
    """

    steps_option: str | None = None
    has_end_test = True
    minimizes_energy = True
    learns_settled = False
    rounds_errors = False
    auto_precision: float | None = None
    takes_output_precisions = False
    one_update = True
    rows_per_sample = 1
    takes_sparse = False
    _reports = True  # False: the caller of `run` has made the passes, and counts them

    def check(self) -> None:
        """Raise ValueError or TypeError if an option is out of range. Default: no check.

        It is called before the options are used.
        """

    def _validate_params(self):
        self.check()

    @property
    def trace_steps(self) -> int:
        """Largest number of steps of a sample (int), which sizes the energy trace.

        Default: the option that `steps_option` names, or 0.
        """
        return 0 if self.steps_option is None else int(getattr(self, self.steps_option))

    def run(self, batch: Batch, X: Floats, Y: Floats, objective: Objective) -> None:
        """Infer the hidden activities; write them, the errors and a report into the batch.

        Parameters
        ----------
        batch : Batch
            With at least `rows_per_sample` rows for each sample.
        X, Y : ndarray, (n, D) and (n, K)
            Inputs and targets, of the network's dtype.
        objective : Objective
        """
        raise NotImplementedError(f"{type(self).__name__} must define run")

    def weight_updates(
        self, batch: Batch, X: Floats, Y: Floats, objective: Objective, sample_weight: Float64s
    ) -> Iterator[WeightUpdate | None]:
        """Run inference; yield for each update of the weights.

        Default: one update, after `run`. A method that overrides this defines what the weights
        learn from. The weights may have changed after each yield.

        Parameters
        ----------
        batch, X, Y, objective
            As for `run`.
        sample_weight : ndarray of float64, (n,)
            Normalised weights of the samples, of sum 1: the factors of their gradients.

        Yields
        ------
        WeightUpdate or None
            None: an update from the batch's activities and errors, X and ``sample_weight``.
        """
        batch.n_half_passes[: len(X)] = 0
        self.run(batch, X, Y, objective)
        check_reported(self, batch, len(X))
        yield None

    def for_training(self, network: Network, previous: InferenceMethod | None) -> InferenceMethod:
        """The method object that one training uses; default: this object.

        A method with parameters to learn returns a copy that training may change. Estimators keep
        it as ``inference_``.

        Parameters
        ----------
        network : Network
        previous : InferenceMethod or None
            The method of an earlier training of the same network, to continue from.

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
    """Return the inference object of a ``method`` argument, with its options checked.

    Parameters
    ----------
    method : str or InferenceMethod
        A string selects the method with its default options.
    name : str
        The argument's name in error messages.

    Returns
    -------
    InferenceMethod
    """
    from . import METHODS  # imported here: the modules of the methods import this one

    return resolve_options(
        name,
        method,
        METHODS,
        InferenceMethod,
        "pcnet.inference.ErrorDescent(tol=1e-3)",
        ". A method of your own inherits pcnet.inference.InferenceMethod",
    )


def check_reported(method: InferenceMethod, batch: Batch, n: int) -> None:
    """Raise if `run` has not filled the report: energies of 0 would look like a result.

    Raises
    ------
    RuntimeError
        A sample has had no pass.
    """
    if method._reports and not batch.n_half_passes[:n].all():
        raise RuntimeError(
            f"{type(method).__name__}.run has left no report in the batch; end it with report() of "
            "pcnet.inference.Passes, or write energy, n_steps, n_half_passes and status yourself"
        )


def resolve_inner(method):
    """Like `resolve_method`, for the method inside another one.

    Raises
    ------
    ValueError
        The method does not leave exactly one update of the weights, after `run`, to its caller.
    """
    inner = resolve_method(method, "method")
    if inner._updates_weights_itself:
        raise ValueError(
            "method must be one that relaxes the activities and leaves learning to others, such "
            f"as 'error' or 'activity'; got {method!r}"
        )
    return inner


# For small lambda the errors are proportional to it. Methods that compute them as differences of
# activities of about 1 lose them to the rounding of the activities.
_ROUNDINGS = 4096
# The other methods sum their squares, which must be well above the smallest number.
_SQUARES = 1e6


def check_precision(method: InferenceMethod, objective: Objective, dtype: DTypeLike) -> None:
    """Raise if the errors of the hidden layers would underflow or be lost to rounding.

    Parameters
    ----------
    method : InferenceMethod
        One with ``rounds_errors=True`` computes its errors as differences of activities.
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
        smallest, why = _ROUNDINGS * float(limits.eps), "are lost to the rounding of the activities"
        remedies = (
            "a larger one, inference='error', which stores the errors as variables, or "
            "'backprop', the limit of small precisions"
        )
    if objective.output_precision < smallest:
        raise ValueError(
            f"output_precision must be at least {smallest:.1e} for {type(method).__name__} in "
            f"{np.dtype(dtype).name}, below which the errors of the hidden layers {why}; got "
            f"{objective.output_precision!r}. Use {remedies}"
        )
