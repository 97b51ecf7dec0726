"""ONNX: converters of both estimators for skl2onnx, alone or inside a Pipeline.

The ONNX graph is the forward pass: for each layer the activation, the product with ``a_l W_l``, the
bias and the identity connection. The operations of `predict` and `predict_proba` on the outputs
follow. All operators are in ONNX's opset 13, so any later opset works.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._core.reference import GELU_CUBIC, GELU_ROOT, SELU_ALPHA, SELU_SCALE
from .._estimators.classifier import PCClassifier
from .._estimators.generative import PCGenerative
from .._estimators.imputer import PCImputer
from .._estimators.regressor import PCRegressor

MIN_OPSET = 13

# Numbers of onnx.TensorProto, which is imported only when a model is converted.
_FLOAT, _INT64, _STRING, _DOUBLE = 1, 7, 8, 11
_NUMPY_TYPES = {_FLOAT: np.float32, _DOUBLE: np.float64, _INT64: np.int64}


def register_onnx() -> None:
    """Register the converters of `PCClassifier` and `PCRegressor` with skl2onnx.

    It must be called once before `skl2onnx.to_onnx` converts an estimator of pcnet, alone or inside
    a Pipeline; `to_onnx` of this module calls it itself. Further calls change nothing.

    The classifier takes skl2onnx's usual options "zipmap", "nocl" and "output_class_labels",
    and "raw_scores" (the network's outputs instead of the probabilities).

    Raises
    ------
    ImportError
        skl2onnx is not installed.
    """
    update = _skl2onnx().update_registered_converter
    options = {
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],
    }
    update(
        PCClassifier, "PcnetPCClassifier", _classifier_shapes, _convert_classifier, options=options
    )
    update(PCRegressor, "PcnetPCRegressor", _regressor_shapes, _convert_regressor)


def to_onnx(
    model: Any,
    X: ArrayLike,
    *,
    target_opset: int | dict[str, int] | None = None,
    options: dict[Any, Any] | None = None,
) -> Any:
    """Convert a fitted estimator, or a Pipeline with one, to an ONNX model.

    Parameters
    ----------
    model : PCClassifier, PCRegressor or a Pipeline
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Sample input; only its dtype and number of features matter. The ONNX model computes in
        float64 if it is float64, else in float32. If it is a data frame and a ColumnTransformer is
        the first step of the pipeline, the ONNX model has an input of shape (n, 1) for each column,
        of its name: strings for text and categories, float32 for numbers.
    target_opset : int or dict, default=None
        ONNX opset, at least 13; None: the newest that skl2onnx was tested with.
    options : dict, default=None
        Options of skl2onnx. None: ``{"zipmap": False}`` for classifiers, which gives the
        probabilities as one array.

    Returns
    -------
    onnx.ModelProto
        Classifiers have the outputs "label" and "probabilities", regressors "variable" of shape
        (n_samples, n_outputs).

    Raises
    ------
    ImportError
        skl2onnx is not installed.
    NotFittedError
        The estimator was not fitted.
    TypeError
        It contains `PCImputer` or `PCGenerative`, whose inference is an iteration.
    ValueError
        The opset is too old.
    """
    skl2onnx = _skl2onnx()
    register_onnx()
    check_is_fitted(model)
    for part in (model, *model.get_params().values()):
        if isinstance(part, (PCImputer, PCGenerative)):
            raise TypeError(
                f"{type(part).__name__} cannot be converted to ONNX: its inference is an iteration "
                "for each row. Save the model with joblib or skops, or impute before the model"
            )
    if options is None and is_classifier(model):
        options = {"zipmap": False}
    if hasattr(X, "columns") and isinstance(_first_step(model), ColumnTransformer):
        types: Any = {"initial_types": _types_of_columns(X)}
    else:
        types = {"X": np.asarray(X)[:1]}
    return skl2onnx.to_onnx(model, **types, target_opset=target_opset, options=options)


def _first_step(model):
    while isinstance(model, Pipeline):
        model = model.steps[0][1]
    return model


def _types_of_columns(frame):
    """An input for each column of a frame, as skl2onnx takes them."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = [
        FloatTensorType if getattr(dtype, "kind", "O") in "biuf" else StringTensorType
        for dtype in frame.dtypes
    ]
    return [(name, kind([None, 1])) for name, kind in zip(frame.columns, kinds, strict=True)]


def _skl2onnx():
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "conversion to ONNX needs the package skl2onnx: pip install pcnet[onnx]"
        ) from error
    return skl2onnx


# ---------------------------------------------------------------- shapes


def _classifier_shapes(operator):
    """Types and shapes of the outputs "label" and "probabilities"."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils_classifier import get_label_classes

    model = operator.raw_operator
    n_rows, n_outputs = operator.inputs[0].get_first_dimension(), model.n_outputs_
    classes = get_label_classes(operator.scope_inst, model)
    label_type = StringTensorType if _are_strings(classes) else Int64TensorType
    label_shape = [n_rows, n_outputs] if model._multilabel else [n_rows]
    operator.outputs[0].set_type(label_type(shape=label_shape))
    operator.outputs[1].type.shape = [n_rows, n_outputs]


def _regressor_shapes(operator):
    """Type and shape of the output."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    given, model = operator.inputs[0], operator.raw_operator
    float32_suffices = model._encoder.float32_holds_targets()
    is_double = isinstance(given.type, DoubleTensorType) or not float32_suffices
    number = DoubleTensorType if is_double else FloatTensorType
    shape = [given.get_first_dimension(), model.n_outputs_]
    operator.outputs[0].set_type(number(shape=shape))


def _are_strings(classes):
    return classes.dtype.kind not in "biuf"


# ---------------------------------------------------------------- graphs


class _Graph:
    """Adds nodes to a skl2onnx container; arguments and results are names of tensors.

    Parameters
    ----------
    scope, container
        The arguments of a skl2onnx converter.
    number : int
        Type of the computation, of onnx.TensorProto: float or double.
    """

    def __init__(self, scope, container, number):
        self.scope = scope
        self.container = container
        self.number = number

    def node(self, op, *inputs, output=None, n_outputs=1, **attributes):
        """Name of the node's (first) output, which ``output`` can set."""
        names = [output or self.scope.get_unique_variable_name(op.lower())]
        names += [self.scope.get_unique_variable_name("unused") for _ in range(n_outputs - 1)]
        name = self.scope.get_unique_operator_name(f"pcnet_{op}")
        self.container.add_node(op, list(inputs), names, name=name, **attributes)
        return names[0]

    def constant(self, values, number=None):
        """Name of a constant of the graph's type, or of type ``number``."""
        number = self.number if number is None else number
        if number == _STRING:
            values = np.array([str(value).encode() for value in values], dtype=object)
        else:
            values = np.asarray(values, dtype=_NUMPY_TYPES[number])
        name = self.scope.get_unique_variable_name("constant")
        self.container.add_initializer(name, number, list(values.shape), values.ravel().tolist())
        return name


def _graph(scope, operator, container):
    """A graph of the right type, and the name of the features after the network's scaling."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    opset = container.target_opset_any_domain("")
    if opset < MIN_OPSET:
        raise ValueError(
            f"pcnet converts to ONNX opset {MIN_OPSET} or newer, got target_opset={opset}; "
            f"give target_opset={MIN_OPSET} or more"
        )
    given = operator.inputs[0]
    number = _DOUBLE if isinstance(given.type, DoubleTensorType) else _FLOAT
    graph = _Graph(scope, container, number)
    name = given.full_name
    model = operator.raw_operator
    if model.input_scale_ is not None:  # in float64, as in the estimator
        name = graph.node("Cast", name, to=_DOUBLE)
        if model.input_mean_ is not None:
            name = graph.node("Sub", name, graph.constant(model.input_mean_, _DOUBLE))
        name = graph.node("Div", name, graph.constant(model.input_scale_, _DOUBLE))
        name = graph.node("Cast", name, to=number)
    elif not isinstance(given.type, (DoubleTensorType, FloatTensorType)):
        name = graph.node("Cast", name, to=number)
    return graph, name


def _forward(graph, x, network):
    """The network's outputs mu_L."""
    layers = zip(network.weights, network.scales, network.skips, network.activations, strict=True)
    for index, (weights, scale, skip, activation) in enumerate(layers):
        effective = graph.constant(scale * weights.astype(np.float64))
        mu = graph.node("MatMul", _ACTIVATIONS[activation](graph, x), effective)
        if network.biases is not None:
            mu = graph.node("Add", mu, graph.constant(network.biases[index]))
        x = graph.node("Add", mu, x) if skip else mu
    return x


def _convert_classifier(scope, operator, container):
    model = operator.raw_operator
    options = container.get_options(model, {"nocl": False, "raw_scores": False})
    graph, x = _graph(scope, operator, container)
    label, probabilities = (variable.full_name for variable in operator.outputs)
    outputs = _forward(graph, x, model.network_)
    turn = _raw if options["raw_scores"] else _to_probabilities(model)
    turn(graph, outputs, probabilities)
    if model._multilabel:
        threshold = 0.0 if model.out_activation_ == "logistic" else 0.5
        above = graph.node("Greater", outputs, graph.constant(threshold))
        graph.node("Cast", above, to=_INT64, output=label)
        return
    column = graph.node("ArgMax", outputs, axis=1, keepdims=0)
    if options["nocl"]:
        graph.node("Identity", column, output=label)
        return
    classes = model.classes_
    number = _STRING if _are_strings(classes) else _INT64
    graph.node("Gather", graph.constant(classes, number), column, axis=0, output=label)


def _convert_regressor(scope, operator, container):
    model = operator.raw_operator
    graph, x = _graph(scope, operator, container)
    outputs = graph.node("Cast", _forward(graph, x, model.network_), to=_DOUBLE)
    if model.out_activation_ == "exp":
        outputs = graph.node("Exp", outputs)
    # in float64 as in `predict`, since a large mean would lose digits in float32
    values = graph.node("Mul", outputs, graph.constant(model.y_scale_, _DOUBLE))
    values = graph.node("Add", values, graph.constant(model.y_mean_, _DOUBLE))
    number = graph.number if model._encoder.float32_holds_targets() else _DOUBLE
    graph.node("Cast", values, to=number, output=operator.outputs[0].full_name)


# ---------------------------------------------------------------- probabilities


def _to_probabilities(model):
    """The function that adds the operations of `predict_proba` on the outputs."""
    centre = 0.5 if model._multilabel and model.out_activation_ == "identity" else 0.0
    operator = "Sigmoid" if model._multilabel else "Softmax"
    options = {} if model._multilabel else {"axis": 1}

    def add(graph, outputs, name):
        if centre:
            outputs = graph.node("Sub", outputs, graph.constant(centre))
        if model.temperature_ != 1.0:
            outputs = graph.node("Div", outputs, graph.constant(model.temperature_))
        if model.n_outputs_ == 1 and not model._multilabel:
            graph.node(operator, outputs, output=name, **options)
            return
        info = np.finfo(_NUMPY_TYPES[graph.number])
        probabilities = graph.node(operator, outputs, **options)
        bounds = graph.constant(info.tiny), graph.constant(1 - info.epsneg)
        graph.node("Clip", probabilities, *bounds, output=name)

    return add


def _raw(graph, outputs, name):
    graph.node("Identity", outputs, output=name)


# ---------------------------------------------------------------- activations
# Only operators that ONNX Runtime also has in double precision.


def _leaky_relu(graph, x):
    return graph.node("Max", x, graph.node("Mul", x, graph.constant(0.01)))


def _hard_tanh(graph, x):
    return graph.node("Clip", x, graph.constant(-1.0), graph.constant(1.0))


def _gelu(graph, x):
    cube = graph.node("Mul", graph.node("Mul", x, x), x)
    inner = graph.node("Add", x, graph.node("Mul", cube, graph.constant(GELU_CUBIC)))
    tanh = graph.node("Tanh", graph.node("Mul", inner, graph.constant(GELU_ROOT)))
    half = graph.node("Mul", x, graph.constant(0.5))
    return graph.node("Add", half, graph.node("Mul", half, tanh))


def _selu(graph, x):
    zero = graph.constant(0.0)
    below = graph.node("Exp", graph.node("Min", x, zero))
    below = graph.node("Sub", below, graph.constant(1.0))
    below = graph.node("Mul", below, graph.constant(SELU_SCALE * SELU_ALPHA))
    above = graph.node("Mul", graph.node("Max", x, zero), graph.constant(SELU_SCALE))
    return graph.node("Add", above, below)


_ACTIVATIONS = {
    "identity": lambda graph, x: x,
    "tanh": lambda graph, x: graph.node("Tanh", x),
    "hard_tanh": _hard_tanh,
    "relu": lambda graph, x: graph.node("Relu", x),
    "leaky_relu": _leaky_relu,
    "gelu": _gelu,
    "selu": _selu,
    "silu": lambda graph, x: graph.node("Mul", x, graph.node("Sigmoid", x)),
    "logistic": lambda graph, x: graph.node("Sigmoid", x),
}
