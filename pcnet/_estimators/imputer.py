"""Imputation of missing values with generative predictive-coding networks."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._checks import LARGEST
from .._data.checks import check_data, check_dtype, check_hidden_layer_sizes
from .._data.scaling import measure_observed, scaling_of
from .._network_checks import ACTIVATIONS
from .._random import seed_of
from .._types import Activations, Auto, Floats, Method, Parameterization, RandomState, Widths
from .._warnings import warn
from ..network import Network, check_activation
from ..parameterization import PARAMETERIZATIONS
from .arguments import real_interval
from .base import unchanged_on_error
from .causes import (
    USUAL_ALPHA,
    Plan,
    check_inference,
    measure_alpha,
    predict_outputs,
    standardised,
    train_networks,
    usual_components,
)
from .decorators import fit_context


class PCImputer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Imputer that fills missing values with the predictions of generative networks.

    A network predicts each row of the table from a few hidden causes. `fit` trains it on the
    entries that are observed: for each row, inference finds the causes of these, and then the
    weights change. `transform` infers the causes of each row from its observed entries; the
    missing entries are what the network predicts from the causes. Observed entries are returned
    unchanged. Several networks are trained from different random weights, and their predictions
    averaged.

    Columns are standardised inside by the mean and standard deviation of their observed entries,
    so units do not matter. Use it for tables of numbers whose columns depend on each other, also
    nonlinearly. Encode text first.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of causes of a row. "auto": half of the columns that vary, but from 1 to 16.
    hidden_layer_sizes : int or array-like of int, default=(32,)
        Widths of the hidden layers between causes and columns. (): the model is linear, as factor
        analysis.
    activation : str or list of str, default="tanh"
        Activation of the hidden layers: {"identity", "tanh", "hard_tanh", "relu", "leaky_relu",
        "gelu", "selu", "silu", "logistic"}, or one for each layer.
    parameterization : {"mupc", "ntp", "sp"}, default="mupc"
        Scales of the layers and of initial weights, see `pcnet.parameterization`.
    output_precision : float, default=30
        Inverse variance of the noise of a standardised entry; smaller values are for noisy columns.
    inference : {"quasi_newton"} or QuasiNewton, default="quasi_newton"
        How causes are inferred. The name stands for `~pcnet.inference.QuasiNewton` with its
        defaults while training, and with ``tol=1e-4`` in `transform`.
    alpha : float or "auto", default="auto"
        Weight decay: over the whole fit, weights (not biases) without a gradient would fall to
        ``exp(-alpha)`` of their initial value. It makes up for the uncertainty of the causes, which
        training ignores. "auto": the one of 0.3, 1 and 3 with which a network, trained on at most
        500 rows, predicts a fifth of their observed entries best that it was not given; 1 if these
        are fewer than 20.
    n_estimators : int, default=4
        Number of networks whose predictions are averaged.
    batch_size : int, default=64
        Rows in a minibatch.
    learning_rate_init : float, default=0.1
        Rate of Adam in the first step. It falls linearly to 0.
    max_iter : int or "auto", default="auto"
        Epochs of each network. "auto": 60 up to 704 rows, fewer above, and 20 from 2,113 rows on.
    missing_values : int, float or nan, default=nan
        The value of missing entries. With another value than nan, NaN in the data is an error.
    add_indicator : bool, default=False
        Whether `transform` appends a column with 0 and 1 for each column that had missing values in
        `fit`, as `~sklearn.impute.MissingIndicator` does.
    keep_empty_features : bool, default=False
        Whether columns without any observed value in `fit` are kept. Their missing entries become
        0. By default `transform` drops these columns.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the initial weights and of the order of rows.
    dtype : {"float32", "float64"} or None, default="float32"
        Type in which the networks compute; None: that of `X` in `fit`. The result of `transform`
        has that of its own `X`.
    verbose : int, default=0
        Whether `fit` prints a line for each epoch.

    Attributes
    ----------
    networks_ : list of Network
        The trained networks, from causes to standardised columns; empty if no column varies.
        `pcnet.generative.infer_causes` takes them.
    columns_ : int ndarray of shape (n_outputs,)
        The columns that the networks predict: those that vary in `fit`.
    input_mean_, input_scale_ : float64 ndarray of shape (D,)
        Mean and scale by which columns are standardised; mean 0 and scale 1 of empty columns.
    n_components_ : int
        Number of causes.
    alpha_ : float
        The weight decay of the fit.
    n_iter_ : int
        Epochs of each network; 0 if there are none.
    energy_curve_ : list of float
        Mean energy of a row in each epoch, averaged over networks.
    n_features_with_missing_ : int
        Number of columns with missing values in `fit`.
    indicator_ : MissingIndicator or None
        What appends the indicator columns, if `add_indicator`.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (D,)
        Names of the columns, if they are strings.

    Raises
    ------
    ValueError, TypeError
        An argument or the data are invalid; the imputer is then unchanged.
    FloatingPointError
        Training diverged; the imputer is unchanged.

    See Also
    --------
    sklearn.impute.IterativeImputer : Predicts each column from all others.
    sklearn.impute.KNNImputer : Averages similar rows.
    pcnet.generative.infer_causes : Inference of causes for given networks.

    Notes
    -----
    The energy of a row is ``1/2 |z|^2 + sum_l 1/2 |e_l|^2 + precision / 2 * |x - mu|^2``, the last
    sum over the observed entries only: a missing entry has precision 0 and no influence. With
    ``activation="identity"`` and one network a missing entry is the conditional mean of the normal
    distribution that the network defines, given the observed entries.

    A row without any observed entry gets the prediction for causes of 0, the mean of their prior.
    A column that did not vary in `fit` is filled with its mean, and a missing entry may be in any
    column in `transform`, also in one that was complete in `fit`. In inference, observed values
    further than 10^6 standard deviations from the mean count as that far.

    The same data, arguments and `random_state` give the same bits with any number of threads. What
    `transform` gives for a row does not depend on the other rows.

    Imputations are conditional means and vary less than the data. Statistics of the filled table,
    such as variances, are biased for that reason.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from pcnet import PCImputer
    >>> X, _ = load_iris(return_X_y=True)
    >>> missing = np.random.default_rng(0).random(X.shape) < 0.2
    >>> filled = PCImputer(random_state=0).fit_transform(np.where(missing, np.nan, X))
    >>> bool((filled == X)[~missing].all())
    True
    >>> bool(np.abs(filled - X)[missing].mean() < np.abs(X - X.mean(axis=0))[missing].mean() / 2)
    True
    """

    n_features_in_: int
    networks_: list[Network]

    _parameter_constraints = {
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, 2**20, closed="both")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "parameterization": [StrOptions(set(PARAMETERIZATIONS))],
        "output_precision": [real_interval(0, closed="neither")],
        "inference": "no_validation",  # check_inference
        "alpha": [StrOptions({"auto"}), real_interval(0, closed="left")],
        "n_estimators": [Interval(Integral, 1, 2**20, closed="both")],
        "batch_size": [Interval(Integral, 1, 2**31 - 2, closed="both")],
        "learning_rate_init": [real_interval(0, closed="neither")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, 2**31, closed="both")],
        "missing_values": [real_interval(-LARGEST, closed="left"), "nan"],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
        "dtype": "no_validation",  # check_dtype
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        n_components: int | Auto = "auto",
        hidden_layer_sizes: Widths = (32,),
        activation: Activations = "tanh",
        *,
        parameterization: Parameterization = "mupc",
        output_precision: float = 30.0,
        inference: Method = "quasi_newton",
        alpha: float | Auto = "auto",
        n_estimators: int = 4,
        batch_size: int = 64,
        learning_rate_init: float = 0.1,
        max_iter: int | Auto = "auto",
        missing_values: float = np.nan,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        random_state: RandomState = None,
        dtype: DTypeLike | None = "float32",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.parameterization = parameterization
        self.output_precision = output_precision
        self.inference = inference
        self.alpha = alpha
        self.n_estimators = n_estimators
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.missing_values = missing_values
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Train the networks on the observed entries of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, with `missing_values` for missing entries.
        y : ignored

        Returns
        -------
        self : PCImputer
        """
        with unchanged_on_error(self):
            self._fit(X)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Fill the missing entries of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, with `missing_values` for missing entries.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out)
            X without the columns that were empty in `fit` (unless `keep_empty_features`), and with
            the indicator's columns (if `add_indicator`). Its dtype is that of X, float64 for
            integers.

        Raises
        ------
        ValueError, TypeError
            X is invalid.
        """
        check_is_fitted(self)
        values, missing = self._check_X(X, reset=False)
        filled = values.copy()
        self._fill(filled, missing)
        filled = filled[:, self._kept]
        if self.indicator_ is None:
            return filled
        flags = missing[:, self.indicator_.features_]
        return np.hstack([filled, flags.astype(filled.dtype)])

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns of `transform`.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns. Default: those seen in `fit`, else x0, x1, ..

        Returns
        -------
        ndarray of str
        """
        names = super().get_feature_names_out(input_features)
        if self.indicator_ is None:
            return names[self._kept]
        flags = [f"missingindicator_{name}" for name in names[self.indicator_.features_]]
        return np.concatenate([names[self._kept], np.array(flags, dtype=object)])

    # ------------------------------------------------------------ data

    def _check_X(self, X, reset):
        """X as floats and the mask of its missing entries."""
        if issparse(X):
            raise TypeError(
                f"X is sparse, but {type(self).__name__} needs a dense array: its zeros count as "
                "observed. Give X.toarray()"
            )
        nan = is_nan(self.missing_values)
        X = check_data(
            self,
            X,
            reset=reset,
            dtype=[np.float64, np.float32],
            ensure_all_finite="allow-nan" if nan else True,
        )
        missing = np.isnan(X) if nan else self.missing_values == X
        return X, missing

    # ------------------------------------------------------------ fit

    def _fit(self, X):
        widths = check_hidden_layer_sizes(self.hidden_layer_sizes)
        check_activation(self.activation, len(widths))
        method = check_inference(self.inference)
        dtype = check_dtype(self.dtype)
        X, missing = self._check_X(X, reset=True)
        observed = ~missing
        self._measure(X, observed)
        self.indicator_ = None
        if self.add_indicator:
            indicator = MissingIndicator(missing_values=np.nan, sparse=False)
            self.indicator_ = indicator.fit(np.where(missing, np.nan, 0.0))
        n_columns = len(self.columns_)
        auto = self.n_components == "auto"
        self.n_components_ = usual_components(n_columns) if auto else int(self.n_components)
        observed = observed[:, self.columns_]
        rows = observed.any(axis=1)  # others have nothing to learn from
        values = self._standardised(X[rows], observed[rows], X.dtype if dtype is None else dtype)
        plan = Plan(
            layer_sizes=(self.n_components_, *widths, n_columns),
            activation=self.activation,
            parameterization=self.parameterization,
            output_precision=float(self.output_precision),
            method=method,
            alpha=USUAL_ALPHA if self.alpha == "auto" else float(self.alpha),
            batch_size=int(self.batch_size),
            learning_rate=float(self.learning_rate_init),
            n_epochs=self.max_iter,
            verbose=bool(self.verbose),
        )
        seed = seed_of(self.random_state)
        observed, n_networks = observed[rows], self.n_estimators if n_columns else 0
        if self.alpha == "auto" and n_networks:
            plan = plan._replace(alpha=measure_alpha(values, observed, plan, seed))
        self.alpha_ = plan.alpha
        self.networks_, curves = train_networks(values, observed, plan, seed, n_networks)
        self.energy_curve_ = [float(energy) for energy in np.mean(curves, axis=0)]
        self.n_iter_ = len(self.energy_curve_)

    def _measure(self, X, observed):
        """Set the attributes that describe the columns."""
        empty = ~observed.any(axis=0)
        if empty.all():
            raise ValueError("X must have an observed entry, but all its entries are missing")
        self.n_features_with_missing_ = int((~observed).any(axis=0).sum())
        self._kept = np.flatnonzero(~empty | self.keep_empty_features)
        if empty.any() and not self.keep_empty_features:
            names = getattr(self, "feature_names_in_", np.arange(X.shape[1]))[empty].tolist()
            warn(
                f"The columns {names} of X have no observed values; transform drops them. "
                "keep_empty_features=True keeps them, filled with 0"
            )
        statistics = measure_observed(X, observed)
        mean, scale = scaling_of(statistics, "standard")
        self.input_mean_ = np.where(empty, 0.0, mean)
        self.input_scale_ = np.where(empty, 1.0, scale)
        self.columns_ = np.flatnonzero(~empty & ~statistics.constant)

    # ------------------------------------------------------------ transform

    def _standardised(self, X, observed, dtype):
        """The networks' columns of X, 0 where missing."""
        columns = self.columns_
        mean, scale = self.input_mean_[columns], self.input_scale_[columns]
        return standardised(X[:, columns], observed, mean, scale, dtype)

    def _fill(self, X, missing):
        """Write imputations into the missing entries of X."""
        rows = np.flatnonzero(missing.any(axis=1))
        missing = missing[rows]
        filled = np.broadcast_to(self.input_mean_, missing.shape).copy()
        columns = self.columns_
        if self.networks_ and len(rows):
            observed = ~missing[:, columns]
            values = self._standardised(X[rows], observed, self.networks_[0].dtype)
            values[~observed] = np.nan
            with np.errstate(over="ignore"):
                filled[:, columns] += (
                    predict_outputs(
                        self.networks_, values, check_inference(self.inference, tol=1e-4)
                    )
                    * self.input_scale_[columns]
                )
        largest = np.finfo(X.dtype).max
        X[rows] = np.where(missing, np.clip(filled, -largest, largest).astype(X.dtype), X[rows])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        return tags


def is_nan(value):
    """Whether a value of any type is the float nan."""
    return isinstance(value, (float, np.floating)) and bool(np.isnan(value))
