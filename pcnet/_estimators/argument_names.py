"""Wrong names of arguments and of their choices: what those of other libraries are called here."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import Any, cast

from sklearn.utils._param_validation import InvalidParameterError, StrOptions

from .._checks import our_name
from .._types import AnyFunction

#: Argument -> its names in other libraries.
_OTHER_NAMES = {
    "activation": ("activation_function", "nonlinearity"),
    "alpha": ("l2", "l2_regularization", "reg_lambda", "regularization", "weight_decay"),
    "categorical_features": ("cat_features", "categorical_feature"),
    "early_stopping": ("early_stopping_rounds",),
    "fit_intercept": ("bias", "use_bias"),
    "hidden_layer_sizes": (
        *("hidden_layers", "hidden_sizes", "hidden_units", "layer_sizes", "layers", "n_hidden"),
        *("units", "width"),
    ),
    "learning_rate_init": ("eta", "lr", "step_size"),
    "loss": ("criterion", "objective"),
    "max_iter": ("epochs", "iterations", "max_epochs", "n_epochs", "n_iter", "num_epochs"),
    "n_iter_no_change": ("patience",),
    "random_state": ("seed",),
    "solver": ("optimiser", "optimizer"),
    "validation_fraction": ("validation_split",),
}
_ARGUMENT = {name: ours for ours, names in _OTHER_NAMES.items() for name in names}

#: Options of the solver in scikit-learn's MLP -> pcnet's solver that has them.
_SOLVERS = {
    **dict.fromkeys(("momentum", "nesterovs_momentum"), "SGD"),
    **dict.fromkeys(("beta_1", "beta_2", "epsilon"), "Adam"),
    "max_fun": "LBFGS",
}
#: Arguments of scikit-learn's imputers.
_IMPUTERS = ("estimator", "imputation_order", "initial_strategy", "n_neighbors", "strategy")

#: Validation samples in other libraries' `fit`.
_VALIDATION = ("eval_set", "eval_sample", "val_data", "valid_sets", "X_valid", "y_valid")

_NO_GPU = "pcnet computes on CPUs only, and needs no such argument"
_THREADS = "pcnet.set_num_threads sets the number of threads"
#: What to do in place of an argument that no estimator has.
_REMEDIES = {
    **dict.fromkeys(("cuda", "device", "gpu", "use_gpu"), _NO_GPU),
    **dict.fromkeys(("n_jobs", "n_threads", "nthread", "num_threads", "thread_count"), _THREADS),
    **dict.fromkeys(("dropout", "dropout_rate"), "there is none; alpha acts against overfitting"),
}


class NamedArguments:
    """Inherited before scikit-learn's ``BaseEstimator``: errors of arguments name a remedy."""

    _parameter_constraints: dict[str, Any]

    def _validate_params(self) -> None:
        """scikit-learn's checks of single arguments, with a remedy where there is one."""
        try:
            super()._validate_params()  # type: ignore[misc]
        except InvalidParameterError as error:
            text = str(error).replace("pcnet._objective.Huber", "pcnet.losses.Huber")
            name = text.split("'")[1]
            value = getattr(self, name)
            constraints = self._parameter_constraints[name]
            options = [c.options for c in constraints if isinstance(c, StrOptions)]
            hint = our_name(value, set().union(*options)).removeprefix(".") if options else ""
            if name == "input_scaling":
                hint += " Other scalers go before the estimator, in a Pipeline"
            if name == "missing_values" and isinstance(value, str):
                hint = f" Replace it before, such as by frame.replace({value!r}, None)"
            raise InvalidParameterError(text + hint) from None


def explain_unknown_arguments(method: AnyFunction) -> AnyFunction:
    """Decorator of a constructor or `fit`: TypeErrors about unknown arguments name a remedy."""
    parameters = list(inspect.signature(method).parameters)[1:]
    is_init = method.__name__ == "__init__"

    @functools.wraps(method)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in parameters:
                kind = type(self)
                remedy = _remedy(name, parameters) if is_init else _remedy_of_fit(name, kind)
                called = kind.__name__ if is_init else f"{kind.__name__}.{method.__name__}"
                raise TypeError(f"{called}() got an unexpected keyword argument {name!r}{remedy}")
        return method(self, *args, **kwargs)

    return cast(AnyFunction, wrapper)


def _remedy_of_fit(name: str, kind: type) -> str:
    """End of an error text about an argument that `fit` does not have."""
    ours = _ARGUMENT.get(name, name)
    if ours in inspect.signature(kind).parameters:
        return f". It is an argument of {kind.__name__}: {ours}"
    return ". Samples to validate on are validation_data=(X, y)" if name in _VALIDATION else ""


def _remedy(name: str, parameters: list[str]) -> str:
    """End of an error text."""
    ours: Any = _ARGUMENT.get(name)
    if ours in parameters:
        return f". Here that is {ours}"
    if name in _SOLVERS and "solver" in parameters:
        return f": it is an option of the solver: solver=pcnet.solvers.{_SOLVERS[name]}(...)"
    if name in _IMPUTERS and "add_indicator" in parameters:
        return ": one model predicts all columns at once, and needs no such argument"
    if name in _REMEDIES:
        return f": {_REMEDIES[name]}"
    alike = difflib.get_close_matches(name, parameters, n=1)
    if alike:
        return f". Did you mean {alike[0]}?"
    return f". Its arguments are {', '.join(parameters)}"
