"""The content of a predictor from the members of its file, with every entry checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._data.features import Owner
from .._network_checks import check_finite_fields, check_terms
from .._objective import Huber, Objective
from ..inference import METHODS, InferenceMethod
from ..network import Network
from ._content import CLASSES, KINDS, NUMBERS, Classes, Content, Labels, Numbers
from ._file import DamagedFile, refuse
from ._steps import OPERATIONS, Imputation, Scaling


def from_members(path: Any, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Content:
    """The content of a file, with every entry checked.

    Raises
    ------
    ValueError
        An entry is missing, of another type or size than the others want, or unknown.
    """
    members = _Members(path, meta, arrays)
    try:
        content = _content(members)
    except DamagedFile:
        raise
    except (TypeError, ValueError, OverflowError, KeyError, AttributeError) as error:
        refuse(path, f"its entries do not fit together ({error})")
    members.check_all_used()
    return content


class _Members:
    """Entries of a file that are refused unless they are as wanted."""

    def __init__(self, path, meta, arrays):
        self.path, self.meta, self.arrays = path, meta, dict(arrays)

    def entry(self, name, wanted, meta=None):
        """An entry of the description, of a type or a tuple of types; bool is no int."""
        meta = self.meta if meta is None else meta
        value = meta.get(name) if isinstance(meta, dict) else None
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        if type(value) not in kinds:
            refuse(self.path, f"its entry {name!r} is {_shown(value)}")
        return value

    def number(self, name, meta=None):
        value = self.entry(name, (float, int), meta)
        if not math.isfinite(value):
            refuse(self.path, f"its entry {name!r} is {value}")
        return float(value)

    def array(self, name, kinds, shape):
        """A member, of one of these kinds of dtypes and this shape (None: any length)."""
        array = self.arrays.pop(name, None)
        if array is None:
            refuse(self.path, f"the member {name!r} is missing")
        fits = array.ndim == len(shape) and all(
            n in (None, m) for n, m in zip(shape, array.shape, strict=True)
        )
        if array.dtype.kind not in kinds or not fits:
            refuse(self.path, f"its member {name!r} is {array.dtype} of shape {array.shape}")
        return array

    def floats(self, name, n):
        """A float64 vector, read-only."""
        array = np.array(self.array(name, "f", (n,)), np.float64)
        array.flags.writeable = False
        return array

    def check_all_used(self):
        if self.arrays:
            refuse(self.path, f"it has the unknown members {sorted(self.arrays)}")


def _content(members):
    network = _network(members)
    n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
    n_features = members.entry("n_features", int)
    names = members.entry("feature_names", (list, type(None)))
    if names is not None and not (
        len(names) == n_features and all(isinstance(name, str) for name in names)
    ):
        refuse(members.path, f"its feature names are not {n_features} texts")
    steps, n_left = _steps(members, n_features)
    if n_left != n_inputs:
        refuse(members.path, f"its steps give {n_left} features and its network takes {n_inputs}")
    has_scale, has_mean = ("input_scale" in members.arrays), ("input_mean" in members.arrays)
    if has_mean and not has_scale:
        refuse(members.path, "it has a mean of the inputs and no scale")
    return Content(
        estimator=members.entry("estimator", str),
        network=network,
        decoder=_decoder(members, n_outputs),
        method=_method(members, network),
        transform_layer=members.entry("transform_layer", int),
        steps=steps,
        n_features=n_features,
        feature_names=names,
        input_mean=members.floats("input_mean", n_inputs) if has_mean else None,
        input_scale=members.floats("input_scale", n_inputs) if has_scale else None,
    )


def _network(members):
    """The `Network`, with arrays of its own that cannot be written."""
    sizes = members.entry("layer_sizes", list)
    if len(sizes) < 2 or not all(type(n) is int and 0 < n < 2**31 for n in sizes):
        refuse(members.path, f"its layers have the sizes {_shown(sizes)}")
    n_layers, pairs = len(sizes) - 1, list(zip(sizes, sizes[1:]))
    flat = members.array("weights", "f", (sum(n * m for n, m in pairs),))
    if flat.dtype not in (np.float32, np.float64):
        refuse(members.path, f"its weights are {flat.dtype}")
    biases = None
    if "biases" in members.arrays:
        biases = _split(members.array("biases", "f", (sum(sizes[1:]),)), [(n,) for n in sizes[1:]])
    activation = members.entry("activation", (str, list))
    network = Network(
        _split(flat, pairs),
        biases,
        members.floats("scales", n_layers),
        members.array("skips", "b", (n_layers,)).copy(),
        activation if isinstance(activation, str) else tuple(activation),
        members.entry("parameterization", (str, type(None))),
        members.number("gamma"),
        _objective(members),
    )
    check_finite_fields(network)
    check_terms(network, network.objective)
    return network


def _split(flat, shapes):
    """Read-only arrays of these shapes, copied from a flat one."""
    arrays, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        array = flat[start : start + size].reshape(shape).copy()
        array.flags.writeable = False
        arrays.append(array)
        start += size
    return arrays


def _objective(members):
    meta = members.entry("objective", dict)
    return Objective(
        _loss(members, meta),
        members.number("output_precision", meta),
        members.number("activity_decay", meta),
    )


def _loss(members, meta):
    loss = members.entry("loss", (str, dict), meta)
    return loss if isinstance(loss, str) else Huber(members.number("huber", loss))


def _decoder(members, n_outputs):
    kind = members.entry("kind", str)
    if kind not in KINDS:
        refuse(members.path, f"its kind is {_shown(kind)}")
    if kind == NUMBERS:
        activation = _one_of(members, "out_activation", ("identity", "exp"))
        mean, scale = (members.floats(f"target_{name}", n_outputs) for name in ("mean", "scale"))
        if not (scale > 0).all():
            refuse(members.path, "a scale of its targets is not positive")
        return Numbers(_loss(members, members.meta), mean, scale, activation)
    classes = members.array("classes", "biufUS", (n_outputs,)).copy()
    if members.entry("classes_are_objects", bool):
        classes = classes.astype(object)
    if len(np.unique(classes)) != n_outputs or (
        kind == CLASSES and (classes[:-1] > classes[1:]).any()
    ):
        refuse(members.path, "its classes are not sorted or not distinct")
    classes.flags.writeable = False
    temperature = members.number("temperature")
    if not temperature > 0:
        refuse(members.path, f"its temperature is {temperature}")
    if kind == CLASSES:
        return Classes(classes, temperature)
    return Labels(
        classes, temperature, _one_of(members, "out_activation", ("identity", "logistic"))
    )


def _one_of(members, name, choices):
    value = members.entry(name, str)
    if value not in choices:
        refuse(members.path, f"its entry {name!r} is {_shown(value)}")
    return value


def _method(members, network):
    meta = members.entry("method", (dict, type(None)))
    if meta is None:
        return None
    method = _method_of(members, meta)
    if "precisions" in members.arrays:
        widths = network.layer_sizes[1:-1]
        values = members.floats("precisions", sum(widths))
        method.precisions_ = _split(values, [(n,) for n in widths])
    return method


def _method_of(members, meta, depth=0):
    """An object of one of pcnet's methods; options that it does not have are refused."""
    by_name: dict[str, Callable[..., InferenceMethod]] = {c.__name__: c for c in METHODS.values()}
    name, options = members.entry("name", str, meta), members.entry("options", dict, meta)
    if name not in by_name or depth > 1:
        refuse(members.path, f"its method of inference is {_shown(name)}")
    values = {
        option: _method_of(members, value, depth + 1)
        if isinstance(value, dict)
        else tuple(value)
        if isinstance(value, list)
        else value
        for option, value in options.items()
    }
    method = by_name[name](**values)
    method.check()
    return method


def _steps(members, n_features):
    """The steps, and the number of features after them."""
    steps, n = [], n_features
    for index, meta in enumerate(members.entry("steps", list)):
        if members.entry("n_features", int, meta) != n:
            refuse(members.path, f"its step {index} does not take {n} features")
        owner = Owner(members.entry("name", str, meta), n)
        read = _imputation if meta.get("kind") == Imputation.kind else _scaling
        steps.append(read(members, meta, owner, f"step{index}_"))
        if isinstance(steps[-1], Imputation):
            n = len(steps[-1].values)
    return steps, n


def _imputation(members, meta, owner, prefix):
    values = members.array(f"{prefix}values", "fiu", (None,)).copy()
    columns = None
    if f"{prefix}columns" in members.arrays:
        columns = members.array(f"{prefix}columns", "i", (len(values),))
        if ((columns < 0) | (columns >= owner.n_features)).any():
            refuse(members.path, "a column of its imputation is not there")
    elif len(values) != owner.n_features:
        refuse(members.path, "its imputation has not one value for each column")
    missing = members.entry("missing", (float, int, type(None)), meta)
    missing = math.nan if missing is None else float(missing)
    return Imputation(owner, values, columns, missing, members.entry("keeps_integers", bool, meta))


def _scaling(members, meta, owner, prefix):
    if meta.get("kind") != Scaling.kind:
        refuse(members.path, f"it has a step of the kind {_shown(meta.get('kind'))}")
    operations = {}
    for name in members.entry("operations", list, meta):
        if name not in OPERATIONS or name in operations:
            refuse(members.path, f"a step has the operation {_shown(name)}")
        operations[name] = members.array(prefix + name, "f", (owner.n_features,)).copy()
    clip = members.entry("clip", (list, type(None)), meta)
    if clip is not None:
        low, high = clip
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            refuse(members.path, f"a step clips to {_shown(clip)}")
        clip = (float(low), float(high))
    casts, takes_sparse = (members.entry(key, bool, meta) for key in ("casts", "takes_sparse"))
    return Scaling(owner, operations, casts, clip, takes_sparse)


def _shown(value, limit=60):
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
