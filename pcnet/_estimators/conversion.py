"""Estimators from a trained `Network` or from scikit-learn's MLP."""

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .._checks import check_flag, listed, shown
from ..network import Network, check_network
from ..solvers import SGD, Adam
from .continuous import ContinuousEncoder
from .labels import ClassEncoder, MultilabelEncoder, check_labels

# Arguments with the same meaning in scikit-learn's MLP.
_SAME_IN_MLP = (
    "learning_rate_init",
    "power_t",
    "max_iter",
    "shuffle",
    "random_state",
    "tol",
    "n_iter_no_change",
    "early_stopping",
    "validation_fraction",
    "warm_start",
    "verbose",
)


def classifier_from_network(cls, network, classes, multilabel, params):
    """`PCClassifier.from_network`, for a class ``cls``."""
    model = cls(**_arguments(network, params))
    network = network.copy()
    n_outputs, multilabel = network.layer_sizes[-1], check_flag("multilabel", multilabel)
    if multilabel and classes is not None:
        raise ValueError(
            "classes must be left out with multilabel=True, where the labels are the numbers "
            f"of the output columns; got {classes!r}"
        )
    classes = _check_classes(np.arange(n_outputs) if classes is None else classes, n_outputs)
    order = np.argsort(classes)
    network.weights[-1] = np.ascontiguousarray(network.weights[-1][:, order])
    if network.biases is not None:
        network.biases[-1] = network.biases[-1][order]
    kind = MultilabelEncoder if multilabel else ClassEncoder
    vars(model).update(kind(classes[order]).attributes())
    return model._take_over(network)


def regressor_from_network(cls, network, y_mean, y_scale, params):
    """`PCRegressor.from_network`, for a class ``cls``."""
    model = cls(**_arguments(network, params))
    n_outputs = network.layer_sizes[-1]
    mean = _per_output("y_mean", y_mean, n_outputs)
    scale = _per_output("y_scale", y_scale, n_outputs)
    if np.any(scale <= 0):
        raise ValueError(f"y_scale must be positive; got {y_scale!r}")
    vars(model).update(ContinuousEncoder(model.loss, mean, scale).attributes())
    return model._take_over(network.copy())


def classifier_from_mlp(cls, mlp, params):
    """`PCClassifier.from_mlp`, for a class ``cls``."""
    _check_mlp(mlp, MLPClassifier)
    weights, biases = list(mlp.coefs_), list(mlp.intercepts_)
    multilabel = mlp.out_activation_ == "logistic" and mlp.n_outputs_ > 1
    if mlp.n_outputs_ == 1 and len(mlp.classes_) == 2:
        weights[-1] = np.hstack([np.zeros_like(weights[-1]), weights[-1]])
        biases[-1] = np.append(np.zeros_like(biases[-1]), biases[-1])
    network = Network.from_weights(weights, biases, mlp.activation)
    model = cls.from_network(
        network,
        None if multilabel else mlp.classes_,
        multilabel=multilabel,
        **{**_training_arguments(mlp), "loss": "log_loss", **params},
    )
    return _with_feature_names(model, mlp)


def regressor_from_mlp(cls, mlp, params):
    """`PCRegressor.from_mlp`, for a class ``cls``."""
    _check_mlp(mlp, MLPRegressor)
    network = Network.from_weights(mlp.coefs_, mlp.intercepts_, mlp.activation)
    loss = getattr(mlp, "loss", "squared_error")  # an argument since scikit-learn 1.7
    model = cls.from_network(network, **{**_training_arguments(mlp), "loss": loss, **params})
    return _with_feature_names(model, mlp)


# ---------------------------------------------------------------- arguments


def _arguments(network, params):
    """All arguments of the estimator: the network's and the given ones."""
    check_network(network, "network")
    own = {
        "hidden_layer_sizes": tuple(network.layer_sizes[1:-1]),
        "activation": network.activation,
        "parameterization": network.parameterization or "sp",
        "skip": bool(np.any(network.skips)),
        "fit_intercept": network.biases is not None,
        "gamma": network.gamma,
        "dtype": network.dtype.name,
    }
    fixed = sorted(params.keys() & own.keys())
    if fixed:
        raise ValueError(
            f"{', '.join(fixed)} must be left out: the network has it already. Make another "
            "network, or train a new estimator"
        )
    return own | params


def _training_arguments(mlp):
    """Arguments for further training, if they have the same meaning."""
    arguments = {name: getattr(mlp, name) for name in _SAME_IN_MLP}
    # MLP uses schedules for "sgd" only
    arguments["learning_rate"] = mlp.learning_rate if mlp.solver == "sgd" else "constant"
    arguments["alpha"] = 0.0
    if mlp.batch_size != "auto":
        arguments["batch_size"] = mlp.batch_size
    if mlp.solver == "adam":
        arguments["solver"] = Adam(mlp.beta_1, mlp.beta_2, mlp.epsilon)
    elif mlp.solver == "sgd":
        arguments["solver"] = SGD(mlp.momentum, mlp.nesterovs_momentum)
    return arguments


def _check_mlp(mlp, expected):
    if not isinstance(mlp, expected):
        raise TypeError(
            f"mlp must be a fitted sklearn.neural_network.{expected.__name__}; got "
            f"{type(mlp).__name__}. Take it out of a Pipeline first: pipeline[-1]"
        )
    check_is_fitted(mlp)


def _check_classes(classes, n_outputs):
    classes = np.asarray(classes)
    if classes.ndim != 1 or len(classes) != n_outputs:
        raise ValueError(
            f"classes must hold {n_outputs} labels, one for each output of the network; got "
            f"shape {classes.shape}"
        )
    if len(np.unique(classes)) != n_outputs:
        raise ValueError(f"classes must all be different; got [{listed(classes)}]")
    return check_labels(classes)


def _per_output(name, value, n_outputs):
    try:
        values = np.array(np.broadcast_to(np.asarray(value, dtype=np.float64), (n_outputs,)))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} must be a number, or {n_outputs} numbers, one for each output of the "
            f"network; got {shown(value)}"
        ) from error
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; got {value!r}")
    return values


def _with_feature_names(model, other):
    if hasattr(other, "feature_names_in_"):
        model.feature_names_in_ = other.feature_names_in_.copy()
    return model
