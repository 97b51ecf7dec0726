"""Imputation of missing values with generative predictive-coding networks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from .._checks import LARGEST
from .._network_checks import ACTIVATIONS
from .._types import Activations, Auto, Method, Parameterization, RandomState, Widths
from ..network import Network
from ..parameterization import PARAMETERIZATIONS
from .argument_names import NamedArguments, explain_unknown_arguments
from .arguments import real_interval
from .base import unchanged_on_error
from .decorators import fit_context
from .imputer_model import fill, fit_imputer
from .mixed import is_nan, read_table, returns_frames, with_flags


class PCImputer(OneToOneFeatureMixin, TransformerMixin, NamedArguments, BaseEstimator):
    """Imputer that fills missing values with the predictions of generative networks.

    A network predicts each row of the table from hidden causes. `fit` trains it on the entries that
    are observed: for each row, inference finds the causes of these, and then the weights change.
    `transform` infers the causes of each row from its observed entries and fills in what the
    network predicts from them. Observed entries are returned unchanged.

    The first network is linear: its inference and learning have a closed form, which is fast.
    Networks with hidden layers are trained beside it where they predict entries better that pilots
    have hidden. The predictions are averaged, with weights that the pilots measure.

    Columns are standardised inside by the mean and standard deviation of their observed entries,
    so units do not matter. Use it for tables whose columns depend on each other, also nonlinearly.
    A column of categories is predicted as a column of 0 and 1 for each category; the category with
    the largest prediction is filled in.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of causes of a row. "auto": half of the columns that vary, but from 1 to 16; for the
        linear model as many as columns that vary, up to 32.
    hidden_layer_sizes : int or array-like of int, default=(32,)
        Widths of the hidden layers between causes and columns.
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
        training ignores; the linear model does not need it. "auto": pilots, networks trained on at
        most 500 rows without a fifth of their observed entries, measure which of 0.3, 1, 3 and 10
        predicts these best; 1 if these are fewer than 20, or if no networks are needed. With more
        rows it is multiplied by the root of the ratio of updates.
    n_estimators : int, default=2
        Number of networks whose predictions are averaged; of linear models, too, with
        `sample_posterior`.
    linear_share : float or "auto", default="auto"
        Weight of the linear model in the predictions, from 0 to 1; the rest is that of the
        networks. 0: no linear model. 1: it alone, which needs no networks and no pilots. "auto":
        the same pilots measure it, and it is 1 unless networks make the mean square of the errors
        smaller by 2 %. With `sample_posterior` it is rounded to 0 or 1.
    batch_size : int, default=64
        Rows in a minibatch.
    learning_rate_init : float, default=0.1
        Rate of Adam in the first step. It falls linearly to 0.
    max_iter : int or "auto", default="auto"
        Epochs of each network. "auto": 60 up to 128 rows, 20 from 321 to 5,120, 8 from 12,737 on.
    missing_values : int, float or nan, default=nan
        The value of missing entries. With another value than nan, NaN in the data is an error.
    categorical_features : "from_dtype", array-like of bool, int or str, or None, \
            default="from_dtype"
        Columns of categories: a mask, numbers or names. "from_dtype": columns of frames that have
        a category or string dtype, or hold strings. None: none.
    sample_posterior : bool, default=False
        Whether `transform` draws imputations instead of returning the most likely ones, for
        multiple imputation: each call draws anew, see Notes.
    add_indicator : bool, default=False
        Whether `transform` appends a column with 0 and 1 for each column that had missing values in
        `fit`, as `~sklearn.impute.MissingIndicator` does.
    keep_empty_features : bool, default=False
        Whether columns without any observed value in `fit` are kept. Their missing entries become
        0. By default `transform` drops these columns.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the initial weights, of the order of rows and of the draws of `sample_posterior`.
    dtype : {"float32", "float64"} or None, default="float32"
        Type in which the networks compute; None: that of `X` in `fit`. The result of `transform`
        has that of its own `X`.
    verbose : int, default=0
        Whether `fit` prints a line for each epoch of networks.

    Attributes
    ----------
    linear_models_ : list of FactorModel
        The linear model, or several with `sample_posterior`; empty without. It has ``weights``
        (n_causes, n_outputs), ``biases`` and ``noise`` (n_outputs,), the variance of each column's
        noise: a row of standardised columns is normal with mean ``biases`` and covariance
        ``weights.T @ weights + diag(noise)``.
    networks_ : list of Network
        The networks with hidden layers, from causes to standardised columns; empty if none are
        needed. `pcnet.generative.infer_causes` takes them.
    linear_share_ : float
        Weight of the linear model.
    columns_ : int ndarray of shape (n_outputs,)
        The columns that are predicted: those that vary in `fit`. They are counted in the
        encoded table, in which a column for each category takes the place of one of categories.
    input_mean_, input_scale_ : float64 ndarray of shape (n_encoded,)
        Mean and scale by which columns are standardised; mean 0 and scale 1 of empty columns. The
        columns of one categorical column have one scale, that of their total variance.
    categories_ : dict from int to ndarray
        The categories of each categorical column that `fit` has seen, sorted.
    n_components_ : int
        Number of causes of the networks with hidden layers.
    alpha_ : float
        The weight decay of the fit.
    n_iter_ : int
        Epochs of each network; without networks the rounds of the linear model, or 0 if no column
        varies.
    energy_curve_ : list of float
        Mean energy of a row in each epoch, averaged over networks; empty without them.
    random_state_ : Generator or None
        What `transform` draws with, if `sample_posterior`.
    spread_ : Spread or None
        How draws deviate from predictions, if `sample_posterior`: ``noise``, the standard deviation
        of each standardised column's noise, and ``factor``, that of the posterior's deviations.
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
    sum over the observed entries only: a missing entry has precision 0 and no influence. In the
    linear model, without hidden layers, a missing entry is the conditional mean of a normal
    distribution, given the observed entries. Expectation-maximisation learns it, with a precision
    for each column [1]_.

    A row without any observed entry gets the prediction for causes of 0, the mean of their prior.
    A column that did not vary in `fit` is filled with its mean, and a missing entry may be in any
    column in `transform`, also in one that was complete in `fit`. In inference, observed values
    further than 10^6 standard deviations from the mean count as that far.

    The same data, arguments and `random_state` give the same bits with any number of threads. What
    `transform` gives for a row does not depend on the other rows.

    Imputations are conditional means and vary less than the data. Statistics of the filled table,
    such as variances, are biased for that reason. With `sample_posterior` a missing entry is drawn:
    `fit` trains each model on a bootstrap sample of the rows and without a tenth of the observed
    entries, and measures on these how far draws must deviate. Each call of `transform` chooses a
    model, draws the causes of each row from their posterior (`pcnet.generative.sample_causes`)
    and adds noise to what it predicts; categories are drawn with the predictions as probabilities.
    So m calls give m tables whose differences show the uncertainty of the imputations, to be pooled
    by Rubin's rules. After a `fit` with an int as `random_state` the first call always gives the
    same table, the second another one, and so on.

    References
    ----------
    .. [1] Rubin, Thayer, "EM algorithms for ML factor analysis", Psychometrika 47, 1982.

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
        "linear_share": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "n_estimators": [Interval(Integral, 1, 2**20, closed="both")],
        "batch_size": [Interval(Integral, 1, 2**31 - 2, closed="both")],
        "learning_rate_init": [real_interval(0, closed="neither")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, 2**31, closed="both")],
        "missing_values": [real_interval(-LARGEST, closed="left"), "nan"],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like", None],
        "sample_posterior": ["boolean"],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
        "dtype": "no_validation",  # check_dtype
        "verbose": ["verbose"],
    }

    @explain_unknown_arguments
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
        n_estimators: int = 2,
        linear_share: float | Auto = "auto",
        batch_size: int = 64,
        learning_rate_init: float = 0.1,
        max_iter: int | Auto = "auto",
        missing_values: float = np.nan,
        categorical_features: str | ArrayLike | None = "from_dtype",
        sample_posterior: bool = False,
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
        self.linear_share = linear_share
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.missing_values = missing_values
        self.categorical_features = categorical_features
        self.sample_posterior = sample_posterior
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
            Numbers and categories, with `missing_values` for missing entries; in columns of
            categories None and missing values of pandas, too.
        y : ignored

        Returns
        -------
        self : PCImputer
        """
        with unchanged_on_error(self):
            fit_imputer(self, X)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
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
            integers, and object if X holds categories and is not an array of numbers. With
            ``set_output(transform="pandas")`` columns of categories keep the dtype that they have
            in a frame X.

        Raises
        ------
        ValueError, TypeError
            X is invalid, or holds a category that `fit` has not seen.
        """
        check_is_fitted(self)
        mixed, (source, values, missing) = read_table(self, X, reset=False)
        filled = values.copy()
        fill(self, filled, missing if mixed is None else mixed.widen(missing))
        flags = missing[:, [] if self.indicator_ is None else self.indicator_.features_]
        if mixed is None:
            return np.hstack([filled[:, self._kept], flags.astype(filled.dtype)])
        chosen = mixed.choose(filled, self.random_state_)
        as_frame = returns_frames(self, source)
        columns = mixed.restore(source, filled, missing, chosen, self._kept, as_frame)
        return with_flags(columns, flags)

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = is_nan(self.missing_values)
        return tags
