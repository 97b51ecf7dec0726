"""Common parts of the docstrings of both estimators."""

import inspect

from .._training.minibatches import AUTO_BATCH_SIZE, AUTO_BATCHES, LEAST_AUTO_BATCH_SIZE
from .automatic import describe_regimes
from .objective_state import AUTO_PRECISION

_NUMBERS = {
    "auto_precision": AUTO_PRECISION,
    "auto_batch_size": AUTO_BATCH_SIZE,
    "auto_batches": AUTO_BATCHES,
    "least_auto_batch_size": LEAST_AUTO_BATCH_SIZE,
}

LEARNING = """
For each minibatch, inference minimises an energy over the activities of all hidden layers, with
input and target clamped. Then each layer updates its weights from its own errors and the
activities below. A prediction is one forward pass.
"""

NETWORK_PARAMETERS = """
hidden_layer_sizes : int or array-like of int, default={hidden_layer_sizes}
    Width of each hidden layer, input side first. A network of n layers has n - 1 hidden ones
    and the output: ``(128,) * 127`` is 128 layers.
activation : str or list of str, default={activation}
    One of "identity", "tanh", "hard_tanh", "relu", "leaky_relu", "gelu", "selu", "silu",
    "logistic"; or a list with one of them for each hidden layer, input side first. It acts on a
    hidden layer's activities before the next layer's weights.
parameterization : {{"mupc", "ntp", "sp"}}, default={parameterization}
    Scaling of the layers with depth and width. With "mupc" one `learning_rate_init` suits
    shallow and deep, narrow and wide networks; "sp" has no scaling.
skip : bool, default={skip}
    Whether hidden layers of equal width have an identity connection.
fit_intercept : bool, default={fit_intercept}
    Whether layers have biases.
"""

INFERENCE_PARAMETERS = """
output_precision : "auto" or float, default={output_precision}
    Weight lambda of the loss relative to the hidden layers' errors, greater than 0. With large
    values the activities move towards the target. With small values inference takes few passes
    and the weights follow the gradient of the loss; towards 0 training tends to backpropagation.
    "auto" is {auto_precision} / n_layers, with which inference takes few passes at any depth
    (1e-5 times that with L-BFGS and another loss than the squared error); 1.0 is usual in papers.
gamma : float, default={gamma}
    Divisor of the output layer's scale with "mupc"; greater than 0. With larger values hidden
    layers change more during training.
activity_decay : float, default={activity_decay}
    Adds ``activity_decay / 2 * ||z||^2`` of the hidden activities to the energy, at least 0.
inference : str or object, default={inference}
    Method of inference before each weight update. "error" selects
    :class:`~pcnet.inference.ErrorDescent`, "activity"
    :class:`~pcnet.inference.ActivityDescent`, with their defaults; :mod:`pcnet.inference` has
    more. With an object its options can be searched: ``inference__tol``. A method with learned
    parameters, such as :class:`~pcnet.inference.LearnedPrecision`, is not changed;
    ``inference_`` has its trained copy.
"""

TRAINING_PARAMETERS = """
alpha : "auto" or float, default={alpha}
    Weight decay, not of biases, at least 0. Over a whole fit a weight without gradient falls to
    ``exp(-alpha)`` of its value, for any number of steps and any learning rate (in fits of less
    than 300 steps in proportion to their number). It is decoupled from the gradient: step t
    multiplies weights by ``1 - alpha * r_t / sum(r)``, where r are the schedule's rates.
    `partial_fit` counts each call as one epoch of `max_iter`, with at most ``alpha / 1000`` a step.
    "auto" goes from {alpha_smooth}, if pilots find that the network fits no noise (see Notes),
    to {alpha_noisy}, and is at least ``n_samples * max_iter_`` over {samples_per_alpha}; with
    methods of inference other than "error", "backprop" and "zero_divergence" it is the latter. With
    "lbfgs" it is the factor of an L2 penalty on the mean energy, {alpha_lbfgs} if "auto".
solver : {{"adam", "sgd", "lbfgs"}} or object, default={solver}
    The weight optimiser, :class:`~pcnet.solvers.Adam`, :class:`~pcnet.solvers.SGD` or, for small
    data sets, :class:`~pcnet.solvers.LBFGS`. "lbfgs" uses all samples in each step: it has no
    `partial_fit`, and `batch_size`, `shuffle` and the learning rate have no effect; `max_iter`
    counts its iterations, and it ends if no entry of the gradient exceeds `tol`.
batch_size : "auto" or int, default={batch_size}
    Largest number of samples in a minibatch; an epoch's samples are divided evenly into
    ``ceil(n_samples / batch_size)`` batches. "auto": up to {auto_batch_size} samples are one
    batch, more are divided by {auto_batches}, with batches from {least_auto_batch_size} to
    {auto_batch_size}; in `partial_fit` {auto_batch_size}.
n_shards : int or None, default={n_shards}
    Number of parts into which each minibatch is cut, at least 1. Inference and gradient of a part
    are computed alone, and the gradients are added for one update of the weights. So a batch needs
    the memory of a part of it, and ``pcnet.dask`` computes the parts on several machines, to the
    same bits. None or 1: the batch is one part. Any other number changes results by rounding. Not
    with "lbfgs", nor with methods of inference that learn or update the weights more than once for
    each batch.
learning_rate : str or object, default={learning_rate}
    One of "constant", "linear", "cosine", "invscaling", "adaptive", or an object of
    :mod:`pcnet.schedules`, which can warm up: ``Cosine(warmup=0.1)``.
    Schedule of the learning rate, in optimiser steps t = 0, 1, ... of this call of `fit`,
    where eta is ``learning_rate_init_`` and T is ``max_iter_`` times the batches of an epoch:

    - "constant": ``eta``;
    - "linear": ``eta * (1 - t / T)``;
    - "cosine": ``eta * (1 + cos(pi t / T)) / 2``;
    - "invscaling": ``eta / (1 + t) ** power_t``;
    - "adaptive": divided by 5 after `n_iter_no_change` epochs without progress; training ends
      at such a plateau when the rate is below a thousandth of its initial value.

    "linear" and "cosine" reach about 0 at the end of the last epoch, also with ``max_iter=1``,
    and rise from about 0 in the first ten steps, or the first twentieth of them if that is less.
    Training that stops earlier does not complete them. With `warm_start` each call of `fit`
    starts the schedule again; `partial_fit`, which has no planned end, always trains at
    `learning_rate_init_`.
learning_rate_init : "auto" or float, default={learning_rate_init}
    Base learning rate, greater than 0; `parameterization` scales it for each layer. "auto" depends
    on the solver: 0.03 for Adam, times ``sqrt(batch size / 8)`` for batches of fewer than 8; for
    SGD ``min(0.003 * batch size, 0.1) * (1 - momentum)``. With "sp" and "ntp" it also depends on
    width and depth.
power_t : float, default={power_t}
    Exponent of "invscaling", at least 0.
max_iter : "auto" or int, default={max_iter}
    Largest number of epochs. "auto" goes from {max_iter_smooth}, if pilots find that the network
    fits no noise (see Notes), to {max_iter_noisy}, but makes at least {least_updates} updates;
    {max_iter_lbfgs} iterations of "lbfgs".
shuffle : bool, default={shuffle}
    Whether each epoch visits the samples in a new random order.
random_state : int, RandomState instance, Generator or None, default={random_state}
    Seed of the initial weights, the validation split, the samples of pilots and the order of
    samples; each has a separate stream of random numbers. An int gives the same fit each time.
    From a RandomState or Generator the seed is drawn, so repeated fits differ; None draws it from
    NumPy's global RandomState.
tol : float, default={tol}
    An epoch counts as progress if its training loss is below the best so far by at least `tol`
    (with `early_stopping`, its validation score above); at least 0.
n_iter_no_change : int or inf, default={n_iter_no_change}
    Training stops after more than this many epochs in a row without progress. With "linear"
    and "cosine", whose falling rate gives progress until the end, the training loss stops it only
    if it is below `tol` itself.
early_stopping : bool, default={early_stopping}
    Whether to hold out `validation_fraction` of the samples{stratified},
    stop when their score no longer rises, and keep the weights of the best epoch. Not with
    `partial_fit`. If `fit` gets a validation set, it uses that and holds out no samples.
validation_fraction : float, default={validation_fraction}
    Fraction of samples held out by `early_stopping`, in (0, 1).
warm_start : bool, default={warm_start}
    Whether `fit` continues from the current weights and optimiser moments. The arguments that
    define the network must not have changed.
verbose : bool or int, default={verbose}
    Progress output. 1 or True: one line that is updated on a terminal, and a line after each
    epoch elsewhere; 2: always a line after each epoch. Its training score is that of at most 1000
    samples.
dtype : {{None, "float32", "float64"}} or NumPy type, default={dtype}
    Dtype of the computation. None: float32 for float32 data, float64 for all others.
transform_layer : int, default={transform_layer}
    Hidden layer whose activities `transform` returns: 0 is the lowest, -1 the highest.
scoring : None, "loss", str, callable, list, tuple or dict, default={scoring}
    Scores that `fit` measures on its validation set after each epoch. None: the estimator's
    `score`; "loss": minus the loss; else scikit-learn scorers, by name, as functions
    ``f(estimator, X, y)``, or several of them as for ``cross_validate``. All are recorded in
    `history_`; `early_stopping` uses the first.
max_time : float or None, default={max_time}
    Seconds after which `fit` stops, also in the middle of an epoch; greater than 0. The schedules
    "linear" and "cosine" then end at the time limit or at `max_iter`, whichever comes first, so
    results depend on the speed of the machine. `partial_fit` always completes its epoch.
input_scaling : {{"standard", "max"}} or None, default={input_scaling}
    Scaling of the features in the estimator, measured in the first training and applied batch by
    batch in float64, without a copy of the data. "standard" subtracts the (weighted) mean and
    divides by the standard deviation, for sparse data the latter only; "max" divides by the largest
    absolute value. `partial_fit` measures until a feature has varied over 32 rows.
callbacks : None, callable, Callback or list of them, default={callbacks}
    Functions ``f(run)`` called after each epoch, which stop training by returning True, or objects
    of :class:`pcnet.callbacks.Callback`. ``clone`` copies them; `set_callbacks` registers callbacks
    of scikit-learn.
checkpoint : None, str, path-like or Checkpoint, default={checkpoint}
    File to which `fit` saves its state after each epoch, or at the times of a
    :class:`pcnet.callbacks.Checkpoint`; `resume` continues from it. Not with `partial_fit`, nor in
    searches or other estimators that fit several clones of this one.
"""

ATTRIBUTES = """
learning_rate_init_ : float or None
    The base learning rate used; None before training, and with "lbfgs", which has none.
network_ : Network
    The trained network; the four attributes below are read from it.
coefs_ : list of ndarray of shape (n_in, n_out)
    Unscaled weights, one array per layer: layer l uses ``layer_scales_[l] * coefs_[l]``.
intercepts_ : list of ndarray of shape (n_out,)
    Biases, one array per layer; zeros if ``fit_intercept=False``.
layer_scales_ : ndarray of shape (n_layers,)
    Factor of each layer's weights, set by `parameterization`.
n_layers_ : int
    Number of hidden layers plus the output. (MLPClassifier also counts the input.)
n_outputs_ : int
    Number of units of the output layer.
out_activation_ : {out_activations}
    Function from outputs to predictions.
output_precision_ : float
    The lambda used.
alpha_, max_iter_ : float, int
    Values of `alpha` and `max_iter` in the last training; measured if they are "auto".
n_iter_ : int
    Epochs completed by the last call of `fit` or `partial_fit`.
t_ : int
    Number of samples seen in training so far; each epoch counts them again.
loss_ : float
    Last value of `loss_curve_`.
history_ : dict of lists
    One entry per epoch in each list, for ``pandas.DataFrame(model.history_)``. `warm_start` and
    `partial_fit` extend it, unless `loss` or `scoring` has changed (then it starts again):
    "epoch" (from 1), "loss", "penalty", "energy", "n_steps", "n_passes", "converged", "ended" (the
    next attributes are these columns), "learning_rate" of the last step, "seconds", and, if
    measured, "validation_loss", "validation_score", ``"validation_"`` and the name of each
    scorer, "train_score". nan: not measured.
loss_curve_ : list of float
    Mean feed-forward loss of each epoch, without output precision and penalty:
    {loss_unit}.
penalty_curve_ : list of float
    Sum of squared weights after each epoch, times half the decay of a step over its rate.
energy_curve_ : list of float
    Mean energy after inference of each epoch.
n_inference_steps_, n_inference_passes_ : list of float
    Inference steps, and forward-and-backward passes, of each epoch, mean over the samples.
converged_fraction_ : list of float
    Fraction of an epoch's samples whose inference met its gradient test.
ended_fraction_ : list of float
    Fraction of an epoch's samples whose inference ended by any test before its step limit.
stop_reason_ : str
    Reason why the last training ended: "max_iter", "plateau", "converged" (lbfgs), "max_time",
    "callback", "interrupted" (Ctrl-C) or "diverged".
best_loss_ : float or None
    Smallest value of `loss_curve_`; None with `early_stopping`.
validation_scores_ : list of float or None
    {score} on the validation set after each epoch, or the score of `scoring`; None without one.
validation_loss_curve_ : list of float or None
    Loss on the validation set after each epoch, in the unit of `loss_curve_`.
best_validation_score_ : float or None
    The best score of the last call of `fit`; with `early_stopping`, that of the final weights.
input_mean_, input_scale_ : float64 ndarray of shape (n_features,), or None
    The network's input is ``(X - input_mean_) / input_scale_``; None: 0, and 1.
n_features_in_ : int
    Number of features.
feature_names_in_ : ndarray of shape (n_features,)
    Their names, if `X` had names that are all strings.
"""

RAISES = """
FloatingPointError
    Training diverged. The message names epoch, cause and remedy; the estimator keeps its last
    finite weights and the curves of the completed epochs. (An error of a callback or scorer
    propagates unchanged.)
"""

PILOTS = """
Pilots: if `alpha`, `max_iter` or a classifier's `temperature` is "auto" and there are more than 64
samples, `fit` first trains copies of the network for about 20 epochs on a part of the samples (each
half in turn below 600 samples; else a half, but at most 500 or a quarter). It measures the loss of
held-out samples. If this falls to the end, the network fits no noise. If it has its minimum earlier
and rises by 1 % or more, `alpha` and `max_iter` have their values for noisy data. The same samples
give the temperature. Pilots take about a fifth of the time of a fit of 50 epochs; there are none if
all these arguments are given.
"""

NOTES = """
The same data, arguments and `random_state` give the same bits with any number of threads.
Only the ratios of sample weights within a minibatch matter; a weight of 0 removes the sample.
Weights have no effect on inference.

Ctrl-C during `fit` ends training with a warning and keeps the current weights. During a pilot it
raises KeyboardInterrupt, and the estimator is unchanged.
"""

REFERENCES = """
Rao, R. P. N. and Ballard, D. H. (1999). Predictive coding in the visual cortex.
doi:10.1038/4580

Innocenti, F. et al. (2025). muPC: scaling predictive coding to 100+ layer networks.
arXiv:2505.13124
"""


def fill_docstring(**values):
    """Class decorator: replace ``{NETWORK_PARAMETERS}`` and other names in the docstring.

    Defaults come from the constructor and numbers from the code that uses them, so the text agrees
    with the code.
    """

    def decorate(cls):
        if cls.__doc__ is None:  # python -OO
            return cls
        signature = inspect.signature(cls.__init__)
        defaults = {name: _shown(p.default) for name, p in signature.parameters.items()}
        found = {**defaults, **describe_regimes(*cls._regimes), **_NUMBERS, **values}
        parts = {
            name: text.strip().format(**found)
            for name, text in globals().items()
            if name.isupper() and isinstance(text, str)
        }
        doc = inspect.cleandoc(cls.__doc__)  # as Python 3.13 does
        for name, text in {**values, **parts}.items():
            doc = doc.replace("{" + name + "}", str(text))
        cls.__doc__ = doc
        return cls

    return decorate


def _shown(default):
    if isinstance(default, tuple) and len(set(default)) == 1 and len(default) > 1:
        return f"({default[0]},) * {len(default)}"
    return f'"{default}"' if isinstance(default, str) else repr(default)
