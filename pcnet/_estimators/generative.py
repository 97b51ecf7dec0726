"""Density, decomposition and joint model of tables with generative networks."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from .._network_checks import ACTIVATIONS
from .._types import Activations, Auto, Method, Parameterization, RandomState, Widths
from ..network import Network
from ..parameterization import PARAMETERIZATIONS
from .argument_names import explain_unknown_arguments
from .arguments import real_interval
from .base import unchanged_on_error
from .decorators import fit_context
from .generative_methods import GenerativeMethods
from .generative_model import fit_model


class PCGenerative(GenerativeMethods):
    """Density of a table, its causes, and a joint model with targets, from one generative network.

    A network predicts each row from a few hidden causes. `fit` trains it on the entries that are
    observed, so X may have missing ones (NaN) anywhere, in all methods. The one network gives the
    causes of rows (`transform`), the rows of causes (`inverse_transform`), what a row should be
    (`reconstruct`), new rows (`sample`), the rest of given rows (`sample_conditional`) and how
    likely a row is (`score_samples`).

    With targets y the model is that of rows and targets together: `predict` and `predict_proba`
    from rows of which any part is missing, and `sample` of given classes.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of causes of a row, besides targets y that are causes (``recognition``). "auto": half
        of the columns that vary, but from 1 to 16.
    hidden_layer_sizes : int or array-like of int, default=(64,)
        Widths of the hidden layers between causes and columns. (): the model is linear, as factor
        analysis.
    activation : str or list of str, default="gelu"
        Activation of the hidden layers: {"identity", "tanh", "hard_tanh", "relu", "leaky_relu",
        "gelu", "selu", "silu", "logistic"}, or one for each layer. See Notes.
    parameterization : {"mupc", "ntp", "sp"}, default="mupc"
        Scales of the layers and of initial weights, see `pcnet.parameterization`.
    output_precision : float, default=10
        Inverse variance of the noise of entries, in the units of `input_scaling`, at the start of
        the training. It is then estimated for each column. Bidirectional models do not use it.
    target_weight : float or "auto", default="auto"
        Factor of the loss of the targets y while weights are learned: larger values serve
        predictions of y, smaller ones the density of X. "auto": the square root of the columns that
        vary for each output of y, at least 1 and, for labels, at most 4. Much larger weights make
        predictions worse: causes then fit the labels that they are given. With
        ``recognition="bidirectional"`` the precision of the recognizer over that of the generator;
        "auto": 10 times the columns for each output of y, 1 without y.
    recognition : {"hybrid", "bidirectional"} or None, default=None
        Whether a second network, the recognizer, leads from rows to causes. "hybrid": it learns the
        inferred causes after the fit, and its guesses start the inference. "bidirectional": both
        networks are trained with one energy, and targets y are causes; for predictions of y, but
        without a density. See Notes.
    inference : {"quasi_newton"} or QuasiNewton, default="quasi_newton"
        How causes are inferred. The name stands for `~pcnet.inference.QuasiNewton` with its
        defaults while training, and with a smaller ``tol`` afterwards.
    alpha : float or "auto", default="auto"
        Weight decay: over the whole fit, weights (not biases) without a gradient would fall to
        ``exp(-alpha)`` of their initial value. "auto": pilots on at most 500 rows measure whether
        2, 8 or 16 makes rows that were held out most likely (fewer than 50 rows: 8 or 16; fewer
        than 20: 16). With more rows it is divided by the ratio, down to 2. Bidirectional models: 2.
    batch_size : int, default=64
        Rows in a minibatch.
    learning_rate_init : float, default=0.1
        Rate of Adam in the first step. It falls linearly to 0.
    max_iter : int or "auto", default="auto"
        Epochs. "auto": 120 up to 704 rows, fewer above, and 20 from 4,417 rows on.
    input_scaling : {"standard", "max"} or None, default="standard"
        Columns are standardised by the mean and standard deviation of their observed entries, or
        divided by their largest absolute value. None: columns are taken as they are, and should
        vary by about 1, such as the pixels of images.
    random_state : int, RandomState, Generator or None, default=None
        Seed of the initial weights, of the order of rows, and of samples in training.
    dtype : {"float32", "float64"} or None, default="float32"
        Type in which the network computes; None: that of `X` in `fit`.
    verbose : int, default=0
        Whether `fit` prints a line for each epoch.

    Attributes
    ----------
    network_ : Network
        From causes to outputs: the columns that vary, in the units of `input_scaling`, and then
        those of y: a number, or the logits of the classes. `pcnet.generative` takes it, with
        ``output_precision=output_precision_``.
    recognizer_ : Network
        From the columns that vary, in the units of `input_scaling` and 0 where missing, to the
        causes. Only with ``recognition``.
    classifier_ : PCClassifier
        From causes to labels, if y holds labels of several classes; not in bidirectional models.
    output_precision_ : float64 ndarray of shape (n_outputs,)
        Inverse variance of the noise of each output, the target weight for logits; in bidirectional
        models, of each column around what the generator predicts from the causes.
    noise_variance_ : float64 ndarray of shape (n_features,)
        The same as a variance, in the unit of each column; 0 for constant columns.
    columns_ : int ndarray
        The columns that the network predicts: those that vary in `fit`.
    input_mean_, input_scale_ : float64 ndarray of shape (n_features,)
        Columns are ``mean + scale * output``.
    classes_ : ndarray of shape (n_classes,)
        The sorted labels, if y holds labels.
    n_components_ : int
        Number of causes, targets included where they are causes.
    alpha_ : float
        The weight decay of the fit.
    n_iter_ : int
        Epochs.
    energy_curve_ : list of float
        Mean energy of a row in each epoch.
    n_features_in_ : int
        Number of columns seen by `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns, if they are strings.

    Raises
    ------
    ValueError, TypeError
        An argument or the data are invalid; the model is then unchanged.
    FloatingPointError
        Training diverged; the model is unchanged.

    See Also
    --------
    PCImputer : Imputation by several networks, tuned for that.
    sklearn.mixture.GaussianMixture : A density of clusters.
    sklearn.decomposition.FactorAnalysis : The linear model, without missing entries.
    pcnet.generative.log_density : The density of a given network.

    Notes
    -----
    The energy of a row x is ``F = 1/2 |z_0|^2 + sum_l 1/2 |e_l|^2 + sum_k precision_k / 2 (x_k -
    mu_k)^2`` over its observed entries k, and the density of causes, hidden activities and row is
    proportional to ``exp(-F)``. With ``activation="identity"`` or without hidden layers rows are
    normally distributed, and all of the below is exact. Otherwise densities are Laplace's
    approximation, and samples given a part of a row are near those of the posterior, see
    `~pcnet.generative.sample_causes`.

    Weights are learned from the most likely causes, which favours large weights and small causes.
    Three things act against that: weight decay; prior and noise that are estimated from samples of
    the posterior [1]_; and hidden layers with little noise of their own, initially 1/30 of the
    variance of their signals. The last works for activations that are linear in the large
    ("identity", "relu", "leaky_relu", "gelu", "silu", "selu"), and these give better densities.

    Columns that do not vary in `fit` are no part of the model: they are filled with their value,
    and other values there change nothing. A row without observed entries has causes of 0 and the
    log density 0. In inference, entries further than 10^6 from the mean, in the units of
    `input_scaling`, count as that far.

    The outputs of labels are logits with the log loss, see `pcnet.losses.Blocks`. `class_energies`
    are those of this joint density; in samples of a class the label's loss counts 16 times, which
    gives rows that are clearly of the class. Predictions come from a classifier that has learnt the
    labels from the causes as they are inferred without a label, of rows with a random share of
    their entries hidden, too. In bidirectional models targets are one-hot, centred, in units of a
    common spread. A missing target (NaN or None) is one more missing entry: such rows teach what
    they can.

    ``recognition="hybrid"`` changes no network, density or sample, and no result by more than
    inference's tolerance, unless it finds a lower energy. The recognizer is trained after the fit,
    on the causes of at most 10,000 training rows, each whole and with a random part hidden. It
    saves passes of the inference in `transform`, `reconstruct`, `energy` and predictions, and gives
    a fast approximation of the causes, `recognize` [2]_.

    ``recognition="bidirectional"`` is another model [3]_: the energy has the errors of a generator
    from causes to rows and of a recognizer from rows to causes, which share hidden activities. The
    first causes are y's outputs. Predictions take one inference, are more accurate than those of
    the density, and nearly those of a classifier on complete rows. `predict_proba` takes the
    squared distances to the classes' targets, times a factor by the share of missing entries that
    a pilot on at most 1,000 rows measures. The model has no density: `score_samples`, `score`,
    `sample_conditional` and `class_energies` do not exist. `sample` draws free causes from a normal
    distribution given y, and entries around the generator's prediction. Missing entries of training
    rows are filled with the generator's predictions before each epoch.

    The same data, arguments and seeds give the same bits with any number of threads.

    References
    ----------
    .. [1] Oliviers, Bogacz, Meulemans, "Learning probability distributions of sensory inputs with
       Monte Carlo predictive coding", PLOS Computational Biology 20(10), 2024.
    .. [2] Tschantz, Millidge, Seth, Buckley, "Hybrid predictive coding: Inferring, fast and slow",
       PLOS Computational Biology 19(8), 2023.
    .. [3] Oliviers, Tang, Bogacz, "Bidirectional predictive coding", arXiv:2505.23415, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from pcnet import PCGenerative
    >>> X, y = load_iris(return_X_y=True)
    >>> missing = np.random.default_rng(0).random(X.shape) < 0.2
    >>> X = np.where(missing, np.nan, X)
    >>> model = PCGenerative(random_state=0).fit(X, y)
    >>> bool(np.mean(model.predict(X) == y) > 0.8)
    True
    >>> model.transform(X).shape, model.sample(5, y=2, random_state=0).shape
    ((150, 2), (5, 4))
    >>> usual, unusual = model.score_samples([[5.0, 3.5, 1.4, np.nan], [5.0, 3.5, 6.0, np.nan]])
    >>> bool(usual > unusual)
    True
    """

    n_features_in_: int
    network_: Network
    classes_: NDArray[Any]

    _parameter_constraints = {
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, 2**20, closed="both")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "parameterization": [StrOptions(set(PARAMETERIZATIONS))],
        "output_precision": [real_interval(0, closed="neither")],
        "target_weight": [StrOptions({"auto"}), real_interval(0, closed="neither")],
        "recognition": [StrOptions({"hybrid", "bidirectional"}), None],
        "inference": "no_validation",  # check_inference
        "alpha": [StrOptions({"auto"}), real_interval(0, closed="left")],
        "batch_size": [Interval(Integral, 1, 2**31 - 2, closed="both")],
        "learning_rate_init": [real_interval(0, closed="neither")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, 2**31, closed="both")],
        "input_scaling": [StrOptions({"standard", "max"}), None],
        "random_state": ["random_state", np.random.Generator],
        "dtype": "no_validation",  # check_dtype
        "verbose": ["verbose"],
    }

    @explain_unknown_arguments
    def __init__(
        self,
        n_components: int | Auto = "auto",
        hidden_layer_sizes: Widths = (64,),
        activation: Activations = "gelu",
        *,
        parameterization: Parameterization = "mupc",
        output_precision: float = 10.0,
        target_weight: float | Auto = "auto",
        recognition: Literal["hybrid", "bidirectional"] | None = None,
        inference: Method = "quasi_newton",
        alpha: float | Auto = "auto",
        batch_size: int = 64,
        learning_rate_init: float = 0.1,
        max_iter: int | Auto = "auto",
        input_scaling: Literal["standard", "max"] | None = "standard",
        random_state: RandomState = None,
        dtype: DTypeLike | None = "float32",
        verbose: int = 0,
    ) -> None:
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.parameterization = parameterization
        self.output_precision = output_precision
        self.target_weight = target_weight
        self.recognition = recognition
        self.inference = inference
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.input_scaling = input_scaling
        self.random_state = random_state
        self.dtype = dtype
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Train the network on the observed entries of X, and on y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, NaN where missing. Each column needs an observed value.
        y : array-like of shape (n_samples,), default=None
            Labels (strings, integers or whole numbers) or, if there are fractions, numbers; NaN or
            None where not known. None: no targets.

        Returns
        -------
        self : PCGenerative
        """
        with unchanged_on_error(self):
            fit_model(self, X, y)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
