"""Unknown arguments of constructors: what other libraries' names are called here."""

from __future__ import annotations

import difflib
import functools
import inspect
from typing import Any, cast

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

_NO_GPU = "pcnet computes on CPUs only, and needs no such argument"
_THREADS = "pcnet.set_num_threads sets the number of threads"
#: What to do in place of an argument that no estimator has.
_REMEDIES = {
    **dict.fromkeys(("cuda", "device", "gpu", "use_gpu"), _NO_GPU),
    **dict.fromkeys(("n_jobs", "n_threads", "nthread", "num_threads", "thread_count"), _THREADS),
    **dict.fromkeys(("dropout", "dropout_rate"), "there is none: see alpha and early_stopping"),
    **dict.fromkeys(
        ("momentum", "nesterovs_momentum"),
        "it is an option of the solver: solver=pcnet.solvers.SGD(...)",
    ),
    **dict.fromkeys(
        ("beta_1", "beta_2", "epsilon"),
        "it is an option of the solver: solver=pcnet.solvers.Adam(...)",
    ),
    "max_fun": "it is an option of the solver: solver=pcnet.solvers.LBFGS(max_fun=...)",
}


def explain_unknown_arguments(init: AnyFunction) -> AnyFunction:
    """Decorator of a constructor: TypeErrors about unknown arguments name a remedy."""
    parameters = list(inspect.signature(init).parameters)[1:]

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in parameters:
                raise TypeError(
                    f"{type(self).__name__}() got an unexpected keyword argument {name!r}"
                    + _remedy(name, parameters)
                )
        init(self, *args, **kwargs)

    return cast(AnyFunction, wrapper)


def _remedy(name: str, parameters: list[str]) -> str:
    """End of an error text."""
    ours: Any = _ARGUMENT.get(name)
    if ours in parameters:
        return f". Here that is {ours}"
    if name in _REMEDIES and "solver" in parameters:
        return f": {_REMEDIES[name]}"
    alike = difflib.get_close_matches(name, parameters, n=1)
    return (
        f". Did you mean {alike[0]}?" if alike else f". Its arguments are {', '.join(parameters)}"
    )
