"""What a predictor consists of, as the members of its file and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.features import Owner
from .._objective import Huber
from .._prediction.decoders import ClassDecoder, ContinuousDecoder, MultilabelDecoder
from ..inference import InferenceMethod
from ..network import Network
from ._steps import Imputation, Scaling

CLASSES, LABELS, NUMBERS = KINDS = ("classes", "labels", "numbers")


@dataclass(frozen=True)
class Classes(ClassDecoder):
    """See `ClassDecoder`."""

    classes: Any
    temperature: float


@dataclass(frozen=True)
class Labels(MultilabelDecoder):
    """See `MultilabelDecoder`."""

    classes: Any
    temperature: float
    activation: str


@dataclass(frozen=True)
class Numbers(ContinuousDecoder):
    """See `ContinuousDecoder`."""

    loss: Any
    mean: Any
    scale: Any
    activation: str


@dataclass
class Content:
    """All that predictions and energies need.

    Attributes
    ----------
    estimator : str
        Name of the estimator's class.
    network : Network
    decoder : Classes, Labels or Numbers
    method : InferenceMethod or None
        That of the training; None: one of the user's own.
    transform_layer : int
    steps : list of Scaling and Imputation
    n_features : int
        Before the steps.
    feature_names : list of str or None
    input_mean, input_scale : ndarray, (D,), or None
        Of the estimator's `input_scaling`, after the steps.
    """

    estimator: str
    network: Network
    decoder: Classes | Labels | Numbers
    method: InferenceMethod | None
    transform_layer: int
    steps: list[Scaling | Imputation]
    n_features: int
    feature_names: list[str] | None
    input_mean: NDArray[np.float64] | None
    input_scale: NDArray[np.float64] | None

    @property
    def owner(self) -> Owner:
        """Who takes the features of a caller."""
        name = self.steps[0].owner.name if self.steps else self.estimator
        return Owner(name, self.n_features, self.feature_names)


# ---------------------------------------------------------------- to a file


def to_members(content: Content) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The description and the arrays of a file."""
    net, decoder = content.network, content.decoder
    meta = {
        "estimator": content.estimator,
        "kind": KINDS[[Classes, Labels, Numbers].index(type(decoder))],
        "layer_sizes": list(net.layer_sizes),
        "activation": net.activation,
        "parameterization": net.parameterization,
        "gamma": float(net.gamma),
        "objective": _objective_meta(net.objective),
        "transform_layer": int(content.transform_layer),
        "n_features": content.n_features,
        "feature_names": content.feature_names,
        "method": None if content.method is None else _method_meta(content.method),
        "steps": [_step_meta(step) for step in content.steps],
    }
    arrays = {
        "weights": np.concatenate([W.ravel() for W in net.weights]),
        "scales": np.array(net.scales, np.float64),
        "skips": np.array(net.skips, bool),
    }
    if net.biases is not None:
        arrays["biases"] = np.concatenate(net.biases)
    if isinstance(decoder, Numbers):
        meta |= {"out_activation": decoder.activation, "loss": _loss_meta(decoder.loss)}
        arrays |= {"target_mean": decoder.mean, "target_scale": decoder.scale}
    else:
        meta["temperature"] = float(decoder.temperature)
        meta["classes_are_objects"] = decoder.classes.dtype.kind == "O"
        arrays["classes"] = (
            decoder.classes.astype(str) if meta["classes_are_objects"] else (decoder.classes)
        )
        if isinstance(decoder, Labels):
            meta["out_activation"] = decoder.activation
    for name, array in (("input_mean", content.input_mean), ("input_scale", content.input_scale)):
        if array is not None:
            arrays[name] = array
    precisions = getattr(content.method, "precisions_", None)
    if precisions is not None:
        arrays["precisions"] = np.concatenate([np.zeros(0), *precisions])
    for index, step in enumerate(content.steps):
        arrays |= {f"step{index}_{name}": array for name, array in _step_arrays(step).items()}
    return meta, arrays


def _objective_meta(objective):
    return {
        "loss": _loss_meta(objective.loss),
        "output_precision": float(objective.output_precision),
        "activity_decay": float(objective.activity_decay),
    }


def _loss_meta(loss):
    return {"huber": float(loss.delta)} if isinstance(loss, Huber) else loss


def _method_meta(method):
    options = method.get_params(deep=False)
    return {
        "name": type(method).__name__,
        "options": {name: _plain(value) for name, value in options.items()},
    }


def _plain(value):
    """An option as JSON writes it."""
    if isinstance(value, InferenceMethod):
        return _method_meta(value)
    if isinstance(value, (tuple, list)):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _step_meta(step):
    meta = {"kind": step.kind, "name": step.owner.name, "n_features": step.owner.n_features}
    if isinstance(step, Imputation):
        missing = None if math.isnan(step.missing) else float(step.missing)
        return {**meta, "missing": missing, "keeps_integers": step.keeps_integers}
    clip = None if step.clip is None else [float(end) for end in step.clip]
    return {
        **meta,
        "operations": list(step.operations),
        "casts": step.casts,
        "clip": clip,
        "takes_sparse": step.takes_sparse,
    }


def _step_arrays(step):
    if isinstance(step, Scaling):
        return step.operations
    columns = {} if step.columns is None else {"columns": step.columns.astype(np.int64)}
    return {"values": step.values, **columns}
