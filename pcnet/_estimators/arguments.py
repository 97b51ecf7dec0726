"""The arguments of both estimators: types, ranges, and checks of combinations."""

from __future__ import annotations

from abc import ABC
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import DTypeLike
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .. import _types as types
from .._checks import LARGEST
from .._data.checks import check_dtype, check_hidden_layer_sizes, check_transform_layer
from .._data.scaling import ANY_DTYPE, KINDS
from .._network_checks import ACTIVATIONS
from .._objective import Huber, check_loss
from .._training.checkpoint import resolve_checkpoint
from .._training.lbfgs import tightened
from .._training.repeated_fits import repeating_caller
from .._training.shards import check_shards
from .._training.validation import resolve_scoring
from ..callbacks._base import resolve_callbacks
from ..inference._method import resolve_method
from ..network import Network, check_activation
from ..parameterization import PARAMETERIZATIONS
from ..schedules import resolve_learning_rate
from ..solvers import resolve_solver
from .argument_names import NamedArguments


def real_interval(low, closed):
    """scikit-learn's constraint of finite numbers from ``low`` on, or above it.

    scikit-learn's upper end None would accept integers beyond all floats.
    """
    return Interval(Real, low, LARGEST, closed={"left": "both", "neither": "right"}[closed])


#: Arguments that define the network; they must not change while training of it continues.
ARCHITECTURE = (
    "hidden_layer_sizes",
    "activation",
    "parameterization",
    "skip",
    "fit_intercept",
    "gamma",
    "input_scaling",
)


#: Arguments that take a name or an object with options, with an example of an object.
TAKE_OBJECTS = {
    "inference": "pcnet.inference.ErrorDescent()",
    "learning_rate": "pcnet.schedules.Linear()",
    "loss": "pcnet.losses.Huber()",
    "solver": "pcnet.solvers.Adam()",
}


class EstimatorArguments(NamedArguments, BaseEstimator, ABC):
    """Constructor arguments of the estimators, and their checks."""

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "parameterization": [StrOptions(set(PARAMETERIZATIONS))],
        "skip": ["boolean"],
        "fit_intercept": ["boolean"],
        "output_precision": [StrOptions({"auto"}), real_interval(0, closed="neither")],
        "gamma": [real_interval(0, closed="neither")],
        "activity_decay": [real_interval(0, closed="left")],
        "inference": "no_validation",  # resolve_method checks it, and its options
        "alpha": [StrOptions({"auto"}), real_interval(0, closed="left")],
        "solver": "no_validation",  # resolve_solver
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "n_shards": [Interval(Integral, 1, None, closed="left"), None],
        "learning_rate": "no_validation",  # resolve_learning_rate
        "learning_rate_init": [StrOptions({"auto"}), real_interval(0, closed="neither")],
        "power_t": [real_interval(0, closed="left")],
        "max_iter": [
            StrOptions({"auto"}),
            Interval(Integral, 1, 2**53, closed="both"),  # steps are also computed in float
        ],
        "shuffle": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
        "tol": [real_interval(0, closed="left")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "dtype": "no_validation",  # check_dtype
        "transform_layer": [Integral],
        "scoring": [str, callable, list, tuple, dict, None],
        "max_time": [real_interval(0, closed="neither"), None],
        "input_scaling": [StrOptions(set(KINDS)), None],
        "callbacks": "no_validation",  # resolve_callbacks
        "checkpoint": "no_validation",  # resolve_checkpoint
    }

    hidden_layer_sizes: types.Widths
    activation: types.Activations
    parameterization: types.Parameterization
    skip: bool
    fit_intercept: bool
    loss: Any
    output_precision: float | types.Auto
    gamma: float
    activity_decay: float
    inference: types.Method
    alpha: float | types.Auto
    solver: types.Solver
    batch_size: int | types.Auto
    n_shards: int | None
    learning_rate: types.Schedule
    learning_rate_init: float | types.Auto
    power_t: float
    max_iter: int | types.Auto
    shuffle: bool
    random_state: types.RandomState
    tol: float
    n_iter_no_change: float
    early_stopping: bool
    validation_fraction: float
    warm_start: bool
    verbose: int
    dtype: DTypeLike | None
    transform_layer: int
    scoring: types.Scoring
    max_time: float | None
    input_scaling: Literal["standard", "max"] | None
    callbacks: types.Callbacks
    checkpoint: types.CheckpointPath | None

    def _set_arguments(self, arguments):
        """Set each argument as an attribute, from ``locals()`` of the constructor."""
        vars(self).update((name, arguments[name]) for name in arguments if name != "self")

    # ------------------------------------------------------------ checks

    def set_params(self, **params: Any) -> Self:
        """Set arguments of this estimator, or options of the objects in them.

        Parameters
        ----------
        **params : dict
            Values by name; ``solver__beta_1`` is the option ``beta_1`` of the object in `solver`.

        Returns
        -------
        self : estimator

        Raises
        ------
        ValueError
            There is no such argument or option, or the argument is a name such as "adam", which has
            no options to set.
        """
        for key in params:
            name, _, option = key.partition("__")
            value = params.get(name, getattr(self, name, None))
            if option and name in TAKE_OBJECTS and isinstance(value, str):
                raise ValueError(
                    f"{key} sets an option of an object, but {name} is the name {value!r}, which "
                    f"selects default options; give {name} an object first, such as "
                    f"{TAKE_OBJECTS[name]}"
                )
        return super().set_params(**params)

    def _check_options(self, call, warm):
        """Checks that `_parameter_constraints` cannot express, before any attribute changes."""
        if warm:
            self._validate_params()  # scikit-learn checks them in the first call only
            self._check_architecture()
        if call.incremental and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True; hold out samples yourself and "
                "call score on them, or set early_stopping=False"
            )
        if self.scoring is not None and not call.incremental:
            if call.validation is None and not self.early_stopping:
                raise ValueError(
                    f"scoring={self.scoring!r} needs samples to score: pass "
                    "validation_data=(X, y) to fit, or set early_stopping=True"
                )
            resolve_scoring(self)
        self._check_values()
        if resolve_checkpoint(self.checkpoint) is not None:
            self._check_checkpoint(call)

    def _check_values(self):
        """Checks of the arguments that hold for every call."""
        resolve_callbacks(self.callbacks)
        solver = resolve_solver(self.solver)
        method = resolve_method(self.inference)
        resolve_learning_rate(self.learning_rate)
        if isinstance(self.loss, Huber):
            check_loss(self.loss)
        n_hidden = len(check_hidden_layer_sizes(self.hidden_layer_sizes))
        check_activation(self.activation, n_hidden)
        check_transform_layer(self.transform_layer, n_hidden)
        check_dtype(self.dtype)
        if solver.full_batch:
            tightened(method, solver)
        check_shards(self.n_shards or 1, solver, method)

    def _check_checkpoint(self, call):
        if call.incremental:
            raise ValueError(
                "partial_fit does not write checkpoints; pickle the estimator between calls, and "
                "set checkpoint=None"
            )
        if self._full_batch:
            raise ValueError(
                "solver='lbfgs' writes no checkpoints: its memory of past gradients is not saved, "
                "so a resumed run could not be the same. Set checkpoint=None"
            )
        caller = repeating_caller(self)
        if caller is not None:
            raise ValueError(
                f"inside {caller} several fits would write the same checkpoint; set checkpoint=None"
            )

    def _check_architecture(self):
        for name, old in self._architecture.items():
            new = self._architecture_argument(name)
            if new != old:
                raise ValueError(
                    f"{name} was {old!r} when the network was initialised and is {new!r} now, but "
                    "warm_start and partial_fit continue with that network. Set it back, or "
                    "call fit with warm_start=False"
                )
        dtype = check_dtype(self.dtype)
        if dtype is not None and dtype != self.network_.dtype:
            raise ValueError(
                f"dtype is {dtype} now, but the network to continue with is {self.network_.dtype}. "
                "Set it back, or call fit with warm_start=False"
            )

    def _architecture_argument(self, name):
        if name == "hidden_layer_sizes":
            return check_hidden_layer_sizes(self.hidden_layer_sizes)
        if name == "activation":
            n_hidden = len(check_hidden_layer_sizes(self.hidden_layer_sizes))
            return check_activation(self.activation, n_hidden)
        return getattr(self, name)

    def _draw_network(self, n_features, n_outputs, random_state, dtype):
        """A new `Network` of the shape that the arguments define."""
        return Network.init(
            (n_features, *check_hidden_layer_sizes(self.hidden_layer_sizes), n_outputs),
            activation=self.activation,
            parameterization=self.parameterization,
            skip=self.skip,
            bias=self.fit_intercept,
            gamma=self.gamma,
            random_state=random_state,
            dtype=dtype,
        )

    def _data_dtype(self, warm):
        if self.input_scaling is not None:
            return ANY_DTYPE
        if warm:
            return self.network_.dtype
        dtype = check_dtype(self.dtype)
        return ANY_DTYPE if dtype is None else dtype

    def _network_dtype(self, X, warm):
        """The dtype of the network, for `Rows` of `_data_dtype`."""
        if warm:
            return self.network_.dtype
        dtype = check_dtype(self.dtype)
        return X.dtype if dtype is None else dtype

    @property
    def _full_batch(self):
        """Whether the solver uses all samples in each step."""
        return resolve_solver(self.solver).full_batch
