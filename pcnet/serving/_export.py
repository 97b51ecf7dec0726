"""Export of fitted estimators and pipelines as files that `load_predictor` reads."""

from __future__ import annotations

import copy
import os
import warnings
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from .._data.checks import check_dtype
from .._data.features import Owner
from .._estimators.classifier import PCClassifier
from .._estimators.imputer import PCImputer
from .._estimators.regressor import PCRegressor
from .._training.checkpoint_file import write_atomically
from .._version import __version__
from ..inference import METHODS
from ._content import Classes, Content, Labels, Numbers, to_members
from ._file import write_members
from ._steps import Imputation, Scaling

_REMEDY = (
    "Use pcnet.serving.to_onnx, or a pickle with scikit-learn on the server, or apply this step to "
    "the data before the model"
)


def export(
    model: Any, path: str | os.PathLike[str] | IO[bytes], *, dtype: DTypeLike | None = None
) -> None:
    """Write a fitted model as one file for `load_predictor`, which needs NumPy and pcnet alone.

    Parameters
    ----------
    model : PCClassifier, PCRegressor or Pipeline
        Fitted. A pipeline may have StandardScaler, MinMaxScaler, MaxAbsScaler and SimpleImputer
        (without indicators), in any order, before one of pcnet's estimators. Predictions have the
        bits of the model's, with the installed version of scikit-learn.
    path : str, path-like or binary file
        A file with this path is replaced atomically. A file object, such as ``io.BytesIO``, is
        written to.
    dtype : {None, "float32", "float64"}, default=None
        Dtype of the weights in the file. None: the network's. "float32" halves the file of a
        float64 model; predictions then differ by the rounding of the weights.

    Raises
    ------
    TypeError
        The model, or a step of the pipeline, cannot be exported; the text names it and the remedy.
    NotFittedError
        It is not fitted.
    ValueError
        ``dtype`` is another one, or a weight is infinite in it.
    OSError
        The file cannot be written; an older one is unchanged.

    See Also
    --------
    load_predictor : loads the file.
    to_onnx : for other runtimes than Python.

    Notes
    -----
    The file is an uncompressed ``.npz`` archive without pickles, a few kilobytes larger than the
    weights; `numpy.load` shows its arrays.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from pcnet import PCClassifier
    >>> from pcnet.serving import export
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), PCClassifier((16,), random_state=0)).fit(X, y)
    >>> export(model, "iris.npz")  # doctest: +SKIP
    """
    dtype = check_dtype(dtype)
    *transformers, estimator = _parts(model) or [model]
    if type(estimator) not in (PCClassifier, PCRegressor):
        raise TypeError(
            f"model must be a PCClassifier, a PCRegressor, or a Pipeline that ends with one; got "
            f"{type(estimator).__name__}. Of a search, export best_estimator_; save other "
            "estimators with joblib or skops"
        )
    check_is_fitted(estimator)
    steps = [_step(transformer) for transformer in transformers]
    first = transformers[0] if transformers else estimator
    names = getattr(first, "feature_names_in_", None)
    method = getattr(estimator, "inference_", estimator._trained["inference"])
    content = Content(
        estimator=type(estimator).__name__,
        network=_network(estimator.network_, dtype),
        decoder=_decoder(estimator),
        method=_own_method(method),
        transform_layer=estimator.transform_layer,
        steps=steps,
        n_features=int(first.n_features_in_),
        feature_names=None if names is None else [str(name) for name in names],
        input_mean=estimator.input_mean_,
        input_scale=estimator.input_scale_,
    )
    meta, arrays = to_members(content)
    meta["written_by"] = f"pcnet {__version__}"
    if hasattr(path, "write"):
        write_members(path, meta, arrays)
    else:
        write_atomically(path, lambda file: write_members(file, meta, arrays))


def _parts(model):
    """The steps of a pipeline, and of pipelines in it, without those that pass their input on."""
    if isinstance(model, Pipeline):
        return [part for _, step in model.steps for part in _parts(step)]
    passes_on = model is None or (isinstance(model, str) and model == "passthrough")
    return [] if passes_on else [model]


def _network(network, dtype):
    if dtype is None or dtype == network.dtype:
        return network
    network = network.copy()
    with np.errstate(over="ignore"):
        network.weights = [W.astype(dtype) for W in network.weights]
        if network.biases is not None:
            network.biases = [b.astype(dtype) for b in network.biases]
    if not all(np.isfinite(a).all() for a in [*network.weights, *(network.biases or [])]):
        raise ValueError(f"dtype: a weight of the network is infinite in {dtype}; leave it None")
    return network


def _decoder(estimator):
    encoder = estimator._encoder
    if isinstance(estimator, PCRegressor):
        return Numbers(encoder.loss, encoder.mean, encoder.scale, encoder.activation)
    classes = _plain_classes(np.asarray(estimator.classes_))
    temperature = 1.0 if encoder.temperature is None else encoder.temperature
    if estimator._multilabel:
        return Labels(classes, temperature, encoder.activation)
    return Classes(classes, temperature)


def _plain_classes(classes):
    """Labels that a file without pickles holds: numbers, booleans and texts."""
    if classes.dtype.kind == "O" and all(type(label) is str for label in classes):
        if (classes.astype(str).astype(object) == classes).all():
            return classes
    elif classes.dtype.kind in "biufUS" and classes.dtype.itemsize > 0:
        return classes
    raise TypeError(
        f"the classes must be numbers, booleans or texts for a file without pickles; got the dtype "
        f"{classes.dtype}. Train on such labels, or pickle the model"
    )


def _own_method(method):
    """The method of the training if it is one of pcnet's, with its options; else None."""
    if isinstance(method, str):
        return METHODS[method]()
    inner = method.get_params(deep=False).values()
    known = set(METHODS.values())
    nested = [value for value in inner if hasattr(value, "get_params")]
    if type(method) in known and all(type(value) in known for value in nested):
        return copy.deepcopy(method)
    return None


# ---------------------------------------------------------------- steps of a pipeline


def _step(transformer):
    """The step with the arithmetic of a fitted transformer, as some rows show."""
    kind = type(transformer)
    if kind not in _FOLDED:
        infers = kind is PCImputer  # which a graph of ONNX cannot
        raise TypeError(
            f"the step {kind.__name__} of the pipeline cannot be exported: only StandardScaler, "
            "MinMaxScaler, MaxAbsScaler and SimpleImputer can. "
            + (_REMEDY.replace("pcnet.serving.to_onnx, or ", "") if infers else _REMEDY)
        )
    check_is_fitted(transformer)
    owner = Owner(kind.__name__, int(transformer.n_features_in_))
    candidates = _FOLDED[kind](transformer, owner)
    probes = [_probe(owner.n_features, dtype) for dtype in (np.float32, np.float64)]
    if isinstance(candidates[0], Imputation):
        for probe in probes:
            probe[::2] = transformer.missing_values
    with warnings.catch_warnings():  # about names of features, and columns that are left out
        warnings.simplefilter("ignore")
        wanted = [np.asarray(transformer.transform(probe.copy())) for probe in probes]
    for step in candidates:
        found = [step(probe) for probe in probes]
        if all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in zip(found, wanted)):
            return step
    raise TypeError(
        f"the step {kind.__name__} computes otherwise than pcnet {__version__} knows. {_REMEDY}"
    )


def _probe(n_features, dtype):
    """Rows that show whether two ways of computing have the same bits."""
    return np.random.default_rng(0).standard_normal((4, n_features)).astype(dtype)


def _fold_standard(transformer, owner):
    operations = {}
    if transformer.with_mean:
        operations["subtract"] = transformer.mean_
    if transformer.with_std:
        operations["divide"] = transformer.scale_
    takes_sparse = not transformer.with_mean
    # versions differ in whether mean and scale are converted to float32 first
    return [Scaling(owner, operations, casts, None, takes_sparse) for casts in (True, False)]


def _fold_min_max(transformer, owner):
    operations = {"multiply": transformer.scale_, "add": transformer.min_}
    clip = tuple(map(float, transformer.feature_range)) if transformer.clip else None
    return [Scaling(owner, operations, casts, clip) for casts in (False, True)]


def _fold_max_abs(transformer, owner):
    clip = (-1.0, 1.0) if getattr(transformer, "clip", False) else None
    operations = {"divide": transformer.scale_}
    return [Scaling(owner, operations, casts, clip, True) for casts in (False, True)]


def _fold_imputer(transformer, owner):
    missing = transformer.missing_values
    if transformer.add_indicator:
        raise TypeError(
            "the step SimpleImputer(add_indicator=True) cannot be exported: it adds columns of "
            f"indicators. Leave them out, or: {_REMEDY}"
        )
    is_number = isinstance(missing, (int, float, np.number)) and not isinstance(missing, bool)
    statistics = np.asarray(transformer.statistics_)
    dtype = np.dtype(getattr(transformer, "_fill_dtype", statistics.dtype))
    if not is_number or dtype.kind not in "fiu" or transformer._fit_dtype.kind == "O":
        raise TypeError(
            "the step SimpleImputer cannot be exported unless missing_values and the features are "
            f"numbers; got {missing!r} and features of {transformer._fit_dtype}. {_REMEDY}"
        )
    absent = np.isnan(statistics.astype(np.float64))
    columns = None
    if absent.any() and not transformer.keep_empty_features:
        columns = np.flatnonzero(~absent)
    values = (statistics if columns is None else statistics[columns]).astype(dtype)
    keeps_integers = transformer.strategy in ("most_frequent", "constant")
    return [Imputation(owner, values, columns, float(missing), keeps_integers)]


_FOLDED = {
    StandardScaler: _fold_standard,
    MinMaxScaler: _fold_min_max,
    MaxAbsScaler: _fold_max_abs,
    SimpleImputer: _fold_imputer,
}
