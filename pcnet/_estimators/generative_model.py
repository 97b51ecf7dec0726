"""The steps of `PCGenerative`: its fit, and the way from rows to a network's outputs and back."""

from __future__ import annotations

from functools import partial

import numpy as np

from .._checks import listed
from .._data.checks import check_data, check_dtype, check_hidden_layer_sizes
from .._data.scaling import measure_observed, scaling_of
from .._network_core import make_read_only
from .._objective import Blocks
from .._prediction.probabilities import log_softmax
from .._random import CLASSIFIER, RECOGNITION, child_seed, seed_of
from ..generative import Sampler, infer_causes, log_density, sample_causes
from ..generative._laplace import PRECISE
from ..network import check_activation
from .cause_classifier import train_classifier
from .causes import (
    BLOCK_ROWS,
    Plan,
    check_inference,
    refuse_sparse,
    standardised,
    usual_components,
)
from .density_pilots import USUAL_ALPHA, choose_decay
from .likelihood import row_densities, train_density
from .recognition import start_errors, train_recognizer
from .target_block import ClassBlock, check_targets, fit_block
from .two_way import draw_rows, fit_pair, infer_pair, log_probabilities

#: Most weight of labels by default: with more of it causes fit the labels that they are given, and
#: say little of those that they are not.
MOST_LABEL_WEIGHT = 4.0

#: Factor of the weight of labels in samples of a class: these are rows that are clearly of it.
SAMPLED_LABEL_FACTOR = 16.0

#: Hamiltonian trajectories of samples given targets or a part of the entries.
TRAJECTORIES = 10


def check_X(model, X, reset):
    """X as floats, NaN where missing."""
    refuse_sparse(model, X)
    return check_data(
        model, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
    )


def fit_model(model, X, y):
    """Set the fitted attributes."""
    widths = check_hidden_layer_sizes(model.hidden_layer_sizes)
    check_activation(model.activation, len(widths))
    check_recognition(model.recognition, widths)
    method, dtype = check_inference(model.inference), check_dtype(model.dtype)
    X = check_X(model, X, reset=True)
    for name in ("classes_", "recognizer_", "classifier_"):
        vars(model).pop(name, None)
    model._block = model._two_way = None
    if y is not None:
        y = check_targets(y, len(X))
        two_way = model.recognition == "bidirectional"
        model._block = fit_block(y, "squared_error" if two_way else "log_loss")
        if isinstance(model._block, ClassBlock):
            model.classes_ = model._block.classes
    _measure(model, X)
    n_columns = len(model.columns_)
    auto = model.n_components == "auto"
    n_free = usual_components(n_columns) if auto else int(model.n_components)
    outputs = outputs_of(model, X, y, dtype=X.dtype if dtype is None else dtype)
    outputs = outputs[~np.isnan(outputs).all(axis=1)]  # others have nothing to learn from
    plan = _plan(model, n_free, widths, outputs.shape[1], method)
    model.n_components_, model.alpha_ = plan.layer_sizes[0], plan.alpha
    seed = seed_of(model.random_state)
    fit = fit_pair if model.recognition == "bidirectional" else _fit_density
    precisions, curve = fit(model, outputs, plan, seed)
    make_read_only(model.network_)
    model.output_precision_ = precisions
    model.noise_variance_ = np.zeros(X.shape[1])
    with np.errstate(over="ignore"):
        noise = np.square(model.input_scale_[model.columns_] / np.sqrt(precisions[:n_columns]))
    model.noise_variance_[model.columns_] = np.minimum(noise, np.finfo(np.float64).max)
    model.energy_curve_, model.n_iter_ = curve, len(curve)
    if model.recognition == "hybrid":
        model.recognizer_ = train_recognizer(
            outputs,
            n_columns,
            lambda rows: causes_of(model, rows),
            plan,
            child_seed(seed, RECOGNITION),
        )
    if model._two_way is None and isinstance(model._block, ClassBlock) and model._block.n_outputs:
        known = outputs[~np.isnan(outputs[:, -1])]
        model.classifier_ = train_classifier(
            known,
            model.classes_[known[:, n_columns:].argmax(axis=1)],
            n_columns,
            lambda rows: causes_of(model, rows),
            child_seed(seed, CLASSIFIER),
        )


def _plan(model, n_free, widths, n_outputs, method):
    """The `Plan` of the network from causes to the outputs; in pairs those of y are causes."""
    n_columns = len(model.columns_)
    sizes = (n_free, *widths, n_outputs)
    if model.recognition == "bidirectional":
        sizes = (n_free + n_outputs - n_columns, *widths, n_columns)
    return Plan(
        layer_sizes=sizes,
        activation=model.activation,
        parameterization=model.parameterization,
        output_precision=1.0,
        method=method,
        alpha=USUAL_ALPHA if model.alpha == "auto" else float(model.alpha),
        batch_size=int(model.batch_size),
        learning_rate=float(model.learning_rate_init),
        n_epochs=model.max_iter,
        verbose=bool(model.verbose),
    )


def check_recognition(recognition, widths):
    """Raise unless the hidden layers serve the ``recognition`` argument."""
    if recognition == "bidirectional" and not widths:
        raise ValueError(
            "hidden_layer_sizes must name a layer with recognition='bidirectional': both networks "
            "share its activities; got ()"
        )


def _fit_density(model, outputs, plan, seed):
    """Set the network; return the precision of each output, and each epoch's mean energy."""
    observed = ~np.isnan(outputs)
    n_columns, n_outputs = len(model.columns_), outputs.shape[1]
    start = np.full(n_outputs, float(model.output_precision))
    weights = np.ones_like(start)
    weights[n_columns:] = _target_weight(model)
    loss = "squared_error"
    if n_outputs > n_columns and model._block.loss == "log_loss":
        start[n_columns:], weights[n_columns:] = weights[n_columns:], 1.0
        loss = Blocks(("squared_error", "log_loss"), (n_columns, n_outputs - n_columns))
    values = np.where(observed, outputs, 0)
    learn = partial(train_density, loss=loss, start=start, weights=weights)
    if model.alpha == "auto":

        def train(values, observed, alpha, seed):
            own = plan._replace(alpha=alpha, verbose=False)
            network, precisions, _ = learn(values, observed, own, seed=seed, n_starts=1)
            return partial(row_densities, network, precisions * weights, method=plan.method)

        model.alpha_ = choose_decay(values, observed, train, seed, plan.verbose)
    plan = plan._replace(alpha=model.alpha_)
    model.network_, precisions, curve = learn(values, observed, plan, seed=seed)
    return precisions, curve


def _target_weight(model):
    """By default a compromise between equal weights of outputs and equal weights of X and y."""
    if model._block is None or not model._block.n_outputs:
        return 1.0
    if model.target_weight != "auto":
        return float(model.target_weight)
    weight = max(1.0, np.sqrt(len(model.columns_) / model._block.n_outputs))
    return min(weight, MOST_LABEL_WEIGHT) if isinstance(model._block, ClassBlock) else weight


def _measure(model, X):
    """Set the attributes that describe the columns."""
    observed = ~np.isnan(X)
    empty = np.flatnonzero(~observed.any(axis=0))
    if len(empty):
        names = getattr(model, "feature_names_in_", np.arange(X.shape[1]))[empty]
        which = "all its entries are missing"
        if len(empty) < X.shape[1]:
            which = f"the columns [{listed(names)}] have none. Leave them out"
        raise ValueError(f"X must have an observed value in each column, but {which}")
    statistics = measure_observed(X, observed)
    model.columns_ = np.flatnonzero(~statistics.constant)
    if not len(model.columns_):
        raise ValueError(
            "X must have a column with observed values that differ, but all are constant "
            f"(n_samples={len(X)}); there is nothing to learn"
        )
    mean, scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
    if model.input_scaling is not None:
        measured, scale = scaling_of(statistics, model.input_scaling)
        mean = mean if measured is None else measured
    mean[statistics.constant] = statistics.mean[statistics.constant]
    model.input_mean_, model.input_scale_ = mean, scale


def outputs_of(model, X, y=None, dtype=None):
    """The network's outputs (n, K) for checked X and y, NaN where missing or not given."""
    columns = model.columns_
    observed = ~np.isnan(X[:, columns])
    mean, scale = model.input_mean_[columns], model.input_scale_[columns]
    dtype = model.network_.dtype if dtype is None else dtype
    values = standardised(X[:, columns], observed, mean, scale, dtype)
    values[~observed] = np.nan
    n_more = 0 if model._block is None else model._block.n_outputs
    more = np.full((len(X), n_more), np.nan, dtype)
    if y is not None and n_more:
        more = model._block.encode(y).astype(dtype)
    return np.hstack([values, more])


def in_units(model, outputs, dtype=np.float64):
    """Rows (.., n_features) in the units of X from outputs (.., K); constant columns filled in."""
    columns = model.columns_
    rows = np.broadcast_to(model.input_mean_, (*outputs.shape[:-1], len(model.input_mean_))).copy()
    with np.errstate(over="ignore"):
        rows[..., columns] += outputs[..., : len(columns)] * model.input_scale_[columns]
    largest = np.finfo(dtype).max
    return np.clip(rows, -largest, largest).astype(dtype)


def infer(model, outputs, errors=None):
    """`infer_causes` with the model's precisions, or its bidirectional form.

    Without errors to start from, a hybrid model starts from its recognizer's causes.
    """
    if model._two_way is not None:
        return infer_pair(model, outputs)
    if errors is None and hasattr(model, "recognizer_"):
        errors = start_errors(model.network_, model.recognizer_, outputs)
    return infer_causes(
        model.network_,
        outputs,
        check_inference(model.inference, tol=1e-4),
        output_precision=model.output_precision_.astype(model.network_.dtype),
        errors=errors,
    )


def inferred(model, outputs, what):
    """``what(result)`` of the inference of all rows, a block at a time."""
    starts = range(0, len(outputs), BLOCK_ROWS)
    return np.concatenate(
        [what(infer(model, outputs[start : start + BLOCK_ROWS])) for start in starts]
    )


def causes_of(model, outputs):
    """The inferred causes of all rows, (n, D)."""
    return inferred(model, outputs, lambda result: result.causes)


def log_probabilities_of(model, outputs):
    """Log probability of each class, (n, n_classes)."""
    if model._two_way is not None:
        return log_probabilities(model, outputs)
    if not model._block.n_outputs:  # a single class
        return np.zeros((len(outputs), 1))
    causes = causes_of(model, outputs)
    return log_softmax(model.classifier_.predict_log_proba(causes).astype(np.float64))


def class_energies(model, X):
    """Least energy of each row with each class, (n, n_classes)."""
    block = model._block
    outputs = outputs_of(model, X)
    energies = np.zeros((len(X), len(block.classes)))
    if not block.n_outputs:  # a single class
        return inferred(model, outputs, lambda result: result.energy[:, None])
    for start in range(0, len(X), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        given = outputs[rows].copy()
        errors = infer(model, given).errors
        for k, target in enumerate(block.targets):
            given[:, -block.n_outputs :] = target
            energies[rows, k] = infer(model, given, errors).energy
    return energies


def log_densities_of(model, outputs):
    """Log density of the observed entries of X, in its units."""
    columns = model.columns_
    method = PRECISE if isinstance(model.inference, str) else model.inference
    density = log_density(
        model.network_,
        outputs,
        method,
        output_precision=model.output_precision_.astype(model.network_.dtype),
    )
    observed = ~np.isnan(outputs[:, : len(columns)])
    return density - np.where(observed, np.log(model.input_scale_[columns]), 0.0).sum(axis=1)


def draw(model, outputs, n_samples, random_state):
    """`sample_causes` given outputs (n, K), with trajectories where it is not exact without."""
    if model._two_way is not None:
        return draw_rows(model, outputs, n_samples, random_state)
    linear = set(model.network_.activations) == {"identity"}
    labels = outputs[:, len(model.columns_) :]
    given_class = model.network_.objective.loss != "squared_error" and not np.isnan(labels).all()
    exact = np.isnan(outputs).all() or (linear and not given_class)
    precisions = model.output_precision_.astype(model.network_.dtype)
    if given_class:
        precisions[len(model.columns_) :] *= SAMPLED_LABEL_FACTOR
    sampler = Sampler(
        check_inference(model.inference, tol=1e-4), n_trajectories=0 if exact else TRAJECTORIES
    )
    return sample_causes(
        model.network_,
        outputs,
        n_samples,
        sampler,
        output_precision=precisions,
        random_state=random_state,
    )


def labels_to_sample(model, y, n_samples):
    """Outputs (n_samples, K) of the given targets; those of X are NaN."""
    if model._block is None:
        raise ValueError("y must be None: this model was fitted without targets. Use fit(X, y)")
    if np.ndim(y) == 0:
        y = np.full(n_samples, y, dtype=np.asarray(y).dtype)
    y = check_targets(y, n_samples)
    return outputs_of(model, np.full((n_samples, len(model.input_mean_)), np.nan), y)
