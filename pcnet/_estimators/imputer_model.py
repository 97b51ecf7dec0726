"""The steps of `PCImputer`: its fit, and the imputation of a table."""

from __future__ import annotations

import numpy as np
from sklearn.impute import MissingIndicator

from .._checks import listed
from .._data.checks import check_dtype, check_hidden_layer_sizes
from .._data.scaling import measure_observed, scaling_of
from .._random import SAMPLES, seed_of, stream
from .._warnings import warn
from ..network import check_activation
from .causes import (
    Plan,
    check_inference,
    imputer_epochs,
    predict_outputs,
    standardised,
    train_networks,
    usual_components,
)
from .draws import SPREAD_SHARE, NetworkModel, draw_outputs, measure_spread
from .factors import LAST_ROUNDS, ROUNDS, fit_models, usual_factors
from .imputer_pilots import USUAL_ALPHA, measure
from .mixed import read_table


def fit_imputer(imputer, X):
    """Set the fitted attributes."""
    widths = check_hidden_layer_sizes(imputer.hidden_layer_sizes)
    check_activation(imputer.activation, len(widths))
    method = check_inference(imputer.inference)
    dtype = check_dtype(imputer.dtype)
    imputer._mixed, (_, X, missing) = read_table(imputer, X, reset=True)
    imputer.categories_ = {} if imputer._mixed is None else imputer._mixed.categories
    _measure(imputer, X, ~missing)
    observed = ~missing if imputer._mixed is None else ~imputer._mixed.widen(missing)
    imputer.indicator_ = None
    if imputer.add_indicator:
        indicator = MissingIndicator(missing_values=np.nan, sparse=False)
        imputer.indicator_ = indicator.fit(np.where(missing, np.nan, 0.0))
    n_columns = len(imputer.columns_)
    auto = imputer.n_components == "auto"
    imputer.n_components_ = usual_components(n_columns) if auto else int(imputer.n_components)
    observed = observed[:, imputer.columns_]
    rows = observed.any(axis=1)  # others have nothing to learn from
    values = _standardised(imputer, X[rows], observed[rows], X.dtype if dtype is None else dtype)
    plan = Plan(
        layer_sizes=(imputer.n_components_, *widths, n_columns),
        activation=imputer.activation,
        parameterization=imputer.parameterization,
        output_precision=float(imputer.output_precision),
        method=method,
        alpha=USUAL_ALPHA if imputer.alpha == "auto" else float(imputer.alpha),
        batch_size=int(imputer.batch_size),
        learning_rate=float(imputer.learning_rate_init),
        n_epochs=imputer_epochs(imputer.max_iter, len(values), imputer.batch_size),
        verbose=bool(imputer.verbose),
    )
    _train(imputer, values, observed[rows], plan, seed_of(imputer.random_state))


def _train(imputer, values, observed, plan, seed):
    """Measure what is "auto", train the models, and measure how draws must deviate."""
    n_columns, auto = len(imputer.columns_), imputer.n_components == "auto"
    n_factors = usual_factors(n_columns) if auto else imputer.n_components_
    alpha = None if imputer.alpha == "auto" else float(imputer.alpha)
    share = None if imputer.linear_share == "auto" else float(imputer.linear_share)
    if n_columns:
        alpha, share = measure(values, observed, plan, n_factors, alpha, share, seed)
    rng = stream(seed, SAMPLES) if imputer.sample_posterior else None
    if rng is not None and share is not None:
        share = float(share >= 0.5)  # draws come from one kind of model
    imputer.alpha_ = USUAL_ALPHA if alpha is None else alpha
    imputer.linear_share_ = 1.0 if share is None else share
    hidden = np.zeros(observed.shape, bool)
    if rng is not None:
        hidden = observed & (rng.random(observed.shape) < SPREAD_SHARE)
    known = observed & ~hidden
    given = np.where(known, values, 0)
    n_linear = 0 if share == 0 or not n_columns else 1 if rng is None else imputer.n_estimators
    n_networks = 0 if share == 1 or not n_columns else imputer.n_estimators
    imputer.linear_models_ = fit_models(given, known, n_factors, n_linear, rng)
    plan = plan._replace(alpha=imputer.alpha_)
    imputer.networks_, curves = train_networks(given, known, plan, seed, n_networks, rng)
    imputer.energy_curve_ = [float(energy) for energy in np.mean(curves, axis=0)]
    imputer.n_iter_ = len(imputer.energy_curve_) or (ROUNDS + LAST_ROUNDS) * bool(n_linear)
    imputer.random_state_, imputer.spread_ = rng, None
    if rng is not None and n_columns:
        partial = np.where(observed, values, np.nan)
        imputer.spread_ = measure_spread(_models(imputer), partial, hidden, rng)
        if imputer._mixed is not None:  # predictions of codes are probabilities
            imputer.spread_ = imputer.spread_.without(imputer._mixed.is_code[imputer.columns_])


def _models(imputer):
    """The models that `sample_posterior` draws from."""
    method = check_inference(imputer.inference, tol=1e-4)
    networks = [NetworkModel(network, method) for network in imputer.networks_]
    return [*imputer.linear_models_, *networks]


def _measure(imputer, X, observed):
    """Set the attributes that describe the columns; observed: mask of the table's, (n, D)."""
    mixed, empty = imputer._mixed, ~observed.any(axis=0)
    if empty.all():
        raise ValueError("X must have an observed entry, but all its entries are missing")
    imputer.n_features_with_missing_ = int((~observed).any(axis=0).sum())
    imputer._kept = np.flatnonzero(~empty | imputer.keep_empty_features)
    names = getattr(imputer, "feature_names_in_", np.arange(len(empty)))
    if empty.any() and not imputer.keep_empty_features:
        warn(
            f"The columns [{listed(names[empty])}] of X have no observed values; transform "
            "drops them. keep_empty_features=True keeps them, filled with 0"
        )
    if mixed is not None:
        mixed.check_kept(imputer._kept, names)
        observed, empty = mixed.widen(observed), mixed.widen(empty[None])[0]
    statistics = measure_observed(X, observed)
    mean, scale = scaling_of(statistics, "standard")
    if mixed is not None:
        scale = mixed.block_scale(scale)
    imputer.input_mean_ = np.where(empty, 0.0, mean)
    imputer.input_scale_ = np.where(empty, 1.0, scale)
    imputer.columns_ = np.flatnonzero(~empty & ~statistics.constant)


def _standardised(imputer, X, observed, dtype):
    """The networks' columns of X, 0 where missing."""
    columns = imputer.columns_
    mean, scale = imputer.input_mean_[columns], imputer.input_scale_[columns]
    return standardised(X[:, columns], observed, mean, scale, dtype)


def fill(imputer, X, missing):
    """Write imputations into the missing entries of X."""
    rows = np.flatnonzero(missing.any(axis=1))
    missing = missing[rows]
    filled = np.broadcast_to(imputer.input_mean_, missing.shape).copy()
    columns = imputer.columns_
    if len(columns) and len(rows):
        observed = ~missing[:, columns]
        weights = [m.weights for m in imputer.linear_models_] + [
            network.weights[0] for network in imputer.networks_
        ]
        values = _standardised(imputer, X[rows], observed, weights[0].dtype)
        values[~observed] = np.nan
        if imputer.spread_ is None:
            predicted = _predicted(imputer, values)
        else:
            models, rng = _models(imputer), imputer.random_state_
            model = models[rng.integers(len(models))]
            predicted = draw_outputs(model, values, imputer.spread_, rng)
        with np.errstate(over="ignore"):
            filled[:, columns] += predicted * imputer.input_scale_[columns]
    largest = np.finfo(X.dtype).max
    X[rows] = np.where(missing, np.clip(filled, -largest, largest).astype(X.dtype), X[rows])


def _predicted(imputer, values):
    """The models' predictions of all entries, those of the linear ones with their share."""
    method, share = check_inference(imputer.inference, tol=1e-4), imputer.linear_share_
    predicted = np.zeros(values.shape)
    if share > 0:
        linear = [model.predict(values) for model in imputer.linear_models_]
        predicted += share * np.mean(linear, axis=0)
    if share < 1:
        predicted += (1 - share) * predict_outputs(imputer.networks_, values, method)
    return predicted
