"""The numbers of the figures, from inference of a trained network on given samples."""

from __future__ import annotations

import warnings
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from .._checks import check_count
from .._estimators.base import BasePC
from .._types import Estimator, Method
from ..inference import ActivityDescent, ErrorDescent, IncrementalDescent, InferenceResult, infer
from ..inference._method import resolve_method
from ..network import Network
from ..theory import in_float64
from ._common import Display

#: Error descent with its end tests off.
WITHOUT_END = ErrorDescent(tol=0, energy_tol=0)


class Trace(NamedTuple):
    """Energies during inference, mean over the samples."""

    n_passes: np.ndarray  # (steps + 1,), forward + backward passes per sample up to each step
    energies: np.ndarray  # (steps + 1, L), of each layer after 0, 1, .. steps


class Problem(NamedTuple):
    """A network with clamped inputs and targets, in float64."""

    net: Network
    X: np.ndarray
    Y: np.ndarray
    objective: dict  # keyword arguments of infer and Network.energy

    def infer(self, method):
        with warnings.catch_warnings():  # the figure shows a rising energy
            warnings.simplefilter("ignore", ConvergenceWarning)
            return infer(self.net, self.X, self.Y, method, **self.objective)

    def energies(self, activities):
        return self.net.energy(self.X, self.Y, activities, **self.objective)


def problem_of(estimator, X, y, inference):
    """The inference problem of an estimator and samples, and the method.

    Parameters
    ----------
    estimator : PCClassifier or PCRegressor
        Fitted.
    X, y : array-like
        As for `fit`.
    inference : str, InferenceMethod or None
        None: the method with which the estimator was trained.

    Returns
    -------
    problem : Problem
        In float64: the signal in layers far from the output is below the rounding of float32.
    method : inference object
    """
    if not isinstance(estimator, BasePC):
        raise TypeError(
            "estimator must be a PCClassifier or PCRegressor, got "
            f"{type(estimator).__name__}; of a pipeline pass the last step, model[-1], and "
            "model[:-1].transform(X); of a Network "
            "PCRegressor.from_network(net, output_precision=1.0)"
        )
    check_is_fitted(estimator)
    # not its argument `inference`, which may have changed since
    method = resolve_method(estimator._trained["inference"] if inference is None else inference)
    rows, Y = estimator._clamp(X, y)
    exact, X = in_float64(estimator.network_), rows.toarray(np.float64)
    problem = Problem(exact, X, Y.astype(np.float64), dict(vars(estimator._objective())))
    return problem, method


def trace_energies(problem, method, n_steps):
    """Energies of each layer during ``n_steps`` steps of a method."""
    check_count("n_steps", n_steps)
    if isinstance(method, IncrementalDescent):  # the same with fixed weights, from step 0 on
        method = ActivityDescent(rate=method.rate)
    if isinstance(method, ActivityDescent) and not method.momentum and method.rate is not None:
        return trace_activity_descent(problem, n_steps, method.rate)
    if isinstance(method, ErrorDescent):
        method = WITHOUT_END
    elif method.steps_option is None or method.has_end_test:
        raise ValueError(
            "inference must be a method with an option for the number of steps, such as 'error'; "
            f"got {method!r}"
        )
    return trace_runs(problem, method, n_steps)


def trace_runs(problem, method, n_steps):
    """Run inference separately for 0, 1, .. steps and record the energies."""
    runs = [clone(method).set_params(**{method.steps_option: k}) for k in range(n_steps + 1)]
    results = [problem.infer(run) for run in runs]
    return Trace(
        np.array([result.n_passes.mean() for result in results]),
        np.array([problem.energies(result.activities) for result in results]),
    )


def trace_activity_descent(problem, n_steps, rate):
    """The definition, ``z_l <- z_l - rate dF/dz_l``, recording the energies at each step."""
    net, X, Y, objective = problem
    activities = net.forward(X)[:-1]
    energies = [problem.energies(activities)]
    for _ in range(n_steps):
        gradients = net.activity_gradients(X, Y, activities, **objective)
        activities = [z - rate * gradient for z, gradient in zip(activities, gradients)]
        energies.append(problem.energies(activities))
    # a forward pass at the start, then a backward and a forward pass per step
    return Trace(0.5 + np.arange(n_steps + 1), np.array(energies))


def stable_rate(problem, n_steps):
    """The largest of 1/2, 1/4, .. at which activity descent never raises the mean energy."""
    rate = 0.5
    while rate > 1e-3:
        try:
            trace = problem.infer(ActivityDescent(n_steps, rate)).energy_trace
            if np.all(np.diff(trace) <= 0):
                break
        except FloatingPointError:
            pass
        rate /= 2
    return rate


class ResultDisplay(Display):
    """Base class of the displays of one `InferenceResult`."""

    @classmethod
    def _of(cls, result) -> Self:
        """The display of a checked result."""
        raise NotImplementedError

    @classmethod
    def from_result(cls, result: InferenceResult) -> Self:
        """Make the display from a result of `pcnet.infer`.

        Parameters
        ----------
        result : InferenceResult

        Returns
        -------
        A display of this class.

        Raises
        ------
        TypeError
            ``result`` is no `InferenceResult`.
        """
        if not isinstance(result, InferenceResult):
            raise TypeError(
                "result must be an InferenceResult, as infer(net, X, Y) returns it; got "
                f"{type(result).__name__}. Of an estimator use from_estimator(model, X, y)"
            )
        return cls._of(result)

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        inference: Method | None = None,
    ) -> Self:
        """Run inference on the given samples.

        Parameters
        ----------
        estimator : PCClassifier or PCRegressor
            Fitted.
        X, y : array-like
            Samples with their targets.
        inference : str, InferenceMethod or None, default=None
            Method of inference. None: the estimator's.

        Returns
        -------
        A display of this class.
        """
        problem, method = problem_of(estimator, X, y, inference)
        return cls.from_result(problem.infer(method))
