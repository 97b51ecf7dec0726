"""Predictive-coding networks: weights, passes, energies and local gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._checks import (
    all_finite,
    check_choice,
    check_core_dtype,
    check_flag,
    check_float_array,
    check_layer_sizes,
    check_no_overflow,
    check_positive,
)
from ._core.threads import effective_n_threads
from ._data.rows import INPUT_ROWS
from ._network_checks import (
    check_activation,
    check_activities,
    check_fields,
    check_gamma,
    check_inputs,
    check_layers,
    check_matrices,
    check_order,
    check_scales,
    check_skips,
    check_vectors,
    named_errors,
)
from ._network_core import (
    KeptPackedWeights,
    batch_at,
    core_batch,
    fill,
    network_output,
    unpadded,
)
from ._objective import Objective
from ._random import seed_of
from ._types import (
    Activation,
    Activations,
    Bools,
    Float64s,
    Floats,
    Loss,
    Parameterization,
    RandomState,
)
from .parameterization import PARAMETERIZATIONS, default_skips, initial_weights, layer_scales


class Network(KeptPackedWeights):
    """A predictive-coding network of L layers; make one with `init` or `from_weights`.

    Layer l predicts ``mu_l = a_l f_l(z_{l-1}) W_l + b_l + tau_l z_{l-1}`` from the activities
    below, with ``z_0 = x``, f_1 the identity and f_l the activation; z_1..z_H are the hidden
    activities, H = L - 1 layers, and mu_L, which is linear, the output. Invalid arguments raise a
    ValueError or TypeError that names them.

    Attributes
    ----------
    weights : list of ndarray, (n_{l-1}, n_l)
        W_1..W_L, stored without their scale.
    biases : list of ndarray, (n_l,), or None
    scales : ndarray of float64, (L,)
        a_1..a_L.
    skips : ndarray of bool, (L,)
        tau_1..tau_L: layers with an identity connection.
    activation : str or tuple of str, (H,)
        Activation of all hidden layers, or of each if they differ.
    layer_sizes : tuple of int, (L + 1,)
        Inputs D, hidden widths, outputs K.
    n_layers : int
        L, the hidden layers and the output.
    dtype : dtype
        float32 or float64.
    parameterization : str or None
        None for a network made from given weights.
    gamma : float
    objective : pcnet.inference.Objective or None
        The objective of the training, which an estimator sets: the default loss, output precision
        and activity decay of `infer`, the methods below and `pcnet.theory`. None for a network that
        no estimator has trained: squared error, 1 and 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pcnet import Network
    >>> net = Network.init((4, 16, 16, 3), "tanh", random_state=0)
    >>> activities = net.forward(np.ones((2, 4), dtype=np.float32))
    >>> [z.shape for z in activities]
    [(2, 16), (2, 16), (2, 3)]
    """

    def __init__(
        self,
        weights: list[Floats],
        biases: list[Floats] | None,
        scales: Float64s,
        skips: Bools,
        activation: Activation | tuple[Activation, ...],
        parameterization: Parameterization | None,
        gamma: float,
        objective: Objective | None = None,
    ) -> None:
        self.weights = weights
        self.biases = biases
        self.scales = scales
        self.skips = skips
        self.activation = activation
        self.parameterization = parameterization
        self.gamma = gamma
        self.objective = objective

    @classmethod
    def init(
        cls,
        layer_sizes: Sequence[int],
        activation: Activations = "relu",
        parameterization: Parameterization = "mupc",
        skip: bool = True,
        bias: bool = False,
        gamma: float = 1.0,
        random_state: RandomState | np.random.SeedSequence | None = None,
        dtype: DTypeLike = np.float32,
    ) -> Self:
        """A network with random initial weights.

        Parameters
        ----------
        layer_sizes : sequence of int
            (D, N, .., N, K): inputs, hidden widths, outputs.
        activation : str or sequence of str, (H,)
            One of identity, tanh, hard_tanh, relu, leaky_relu, gelu, selu, silu, logistic; or
            one for each hidden layer, input side first. It acts on the layer's activities, before
            the weights of the layer above.
        parameterization : {"mupc", "ntp", "sp"}
            Scales and initial weights, see `pcnet.parameterization`.
        skip : bool
            Whether hidden layers of equal width have identity connections.
        bias : bool
            Whether layers have biases, initially 0.
        gamma : float
            Positive; divides the output scale of ``"mupc"``, which must stay in the dtype's range.
        random_state : int, RandomState, Generator, SeedSequence or None
            Seed of the weights. An int gives the same weights each time. From a RandomState or
            Generator the seed is drawn, so the next network differs; None draws it from NumPy's
            global RandomState.
        dtype : {float32, float64}

        Returns
        -------
        Network
        """
        layer_sizes = check_layer_sizes(layer_sizes)
        activation = check_activation(activation, len(layer_sizes) - 2)
        check_choice("parameterization", parameterization, PARAMETERIZATIONS)
        check_positive("gamma", gamma)
        dtype = check_core_dtype(dtype)
        skips = default_skips(layer_sizes, skip)
        bias = check_flag("bias", bias)
        seed, n_threads = seed_of(random_state), effective_n_threads()
        weights = initial_weights(layer_sizes, parameterization, seed, dtype, n_threads)
        biases = [np.zeros(n, dtype) for n in layer_sizes[1:]] if bias else None
        with np.errstate(over="ignore", divide="ignore"):
            scales = layer_scales(layer_sizes, parameterization, skips, gamma)
        check_gamma(gamma, scales, dtype)
        return cls(weights, biases, scales, skips, activation, parameterization, float(gamma))

    @classmethod
    def from_weights(
        cls,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike] | None = None,
        activation: Activations = "relu",
        scales: ArrayLike | None = None,
        skips: Sequence[bool] | Bools | None = None,
    ) -> Self:
        """A network with given weights (copied); float64 unless all weights are float32.

        Parameters
        ----------
        weights : list of array-like, (n_{l-1}, n_l)
            W_1..W_L.
        biases : list of array-like, (n_l,), or None
        activation : str or sequence of str, (H,)
            As for `init`.
        scales : array-like, (L,), optional
            a_1..a_L; default 1.
        skips : sequence of bool, (L,), optional
            Layers with an identity connection: hidden to hidden, of equal width. Default none.

        Returns
        -------
        Network
        """
        matrices = check_matrices(weights)
        activation = check_activation(activation, len(matrices) - 1)
        dtype, sizes = matrices[0].dtype, (len(matrices[0]), *(W.shape[1] for W in matrices))
        vectors = None if biases is None else check_vectors(biases, sizes[1:], dtype)
        scales = np.ones(len(matrices)) if scales is None else scales
        scales = check_float_array("scales", scales, np.float64, 1, (len(matrices),))
        check_scales(scales, len(matrices), dtype)
        return cls(matrices, vectors, scales, check_skips(skips, sizes), activation, None, 1.0)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        with named_errors(self):
            return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    @property
    def n_layers(self) -> int:
        with named_errors(self):
            return len(self.weights)

    @property
    def dtype(self) -> np.dtype[Any]:
        with named_errors(self):
            return self.weights[0].dtype

    @property
    def activations(self) -> list[Activation]:
        """Activation of each layer's input: the first is the identity."""
        names = self.activation
        if isinstance(names, str):
            return ["identity", *[names] * (self.n_layers - 1)]
        return ["identity", *names]

    def __repr__(self):
        check_fields(self)
        trained = "" if self.objective is None else f", {self.objective}"
        sizes = "-".join(map(str, _shorten(self.layer_sizes)))
        activation = self.activation if isinstance(self.activation, str) else "mixed activations"
        return (
            f"Network({sizes}, {activation}, {self.parameterization or 'given weights'}, "
            f"{int(np.sum(self.skips))} skips, {'no ' if self.biases is None else ''}biases, "
            f"{self.dtype}{trained})"
        )

    def copy(self) -> Network:
        """Return a `Network` with the same weights that shares no array with this one."""
        check_fields(self)
        biases = None if self.biases is None else [b.copy() for b in self.biases]
        return Network(
            [w.copy() for w in self.weights],
            biases,
            np.array(self.scales, dtype=np.float64),
            np.array(self.skips, dtype=bool),
            self.activation,
            self.parameterization,
            self.gamma,
            copy.deepcopy(self.objective),
        )

    # ------------------------------------------------------------ passes

    def forward(self, X: ArrayLike) -> list[Floats]:
        """Feed-forward activities: each layer equals its prediction.

        Parameters
        ----------
        X : array-like, (n, D)

        Returns
        -------
        list of ndarray, (n, n_l)
            z_1, .., z_H, mu_L.

        Raises
        ------
        FloatingPointError
            An activity overflowed.
        """
        X = check_inputs(self, X)
        batch = core_batch(self, len(X))
        batch.forward(X)
        activities = unpadded(self, batch.activities, len(X))
        check_no_overflow("activities", activities)
        return activities

    def output(self, X: ArrayLike) -> Floats:
        """Feed-forward outputs mu_L only, with little memory.

        Parameters
        ----------
        X : array-like, (n, D)

        Returns
        -------
        ndarray, (n, K)

        Raises
        ------
        FloatingPointError
            As for `forward`.
        """
        X = check_inputs(self, X)
        outputs, overflowed = network_output(self, X)
        if overflowed or not all_finite(outputs):
            for start in range(0, len(X), INPUT_ROWS):
                self.forward(X[start : start + INPUT_ROWS])  # raises an error that names the layer
        return outputs

    def energy(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        activities: Sequence[ArrayLike],
        loss: Loss | None = None,
        output_precision: float | None = None,
        activity_decay: float | None = None,
    ) -> Float64s:
        """Energy of each layer at given activities, mean over the samples.

        1/2 ||z_l - mu_l||^2 for hidden layers, ``output_precision`` times the loss for the
        output. The decay term, 1/2 activity_decay ||z_l||^2, is not included; the energies of
        `infer` include it.

        Parameters
        ----------
        X : array-like, (n, D)
        Y : array-like, (n, K)
            Targets: any numbers (squared_error, huber), rows of probabilities of sum 1, such as
            one-hot ones (log_loss), numbers from 0 to 1 (logistic) or of at least 0 (poisson).
        activities : list of array-like, (n, n_l)
            z_1..z_H; an output after them, as `forward` returns it, is ignored.
        loss : {"squared_error", "log_loss", "logistic", "huber", "poisson"}, Huber or None
        output_precision : float or None
            lambda, positive.
        activity_decay : float or None
            0 or more. Checked but not used, so that the options of `infer` can be passed. None, the
            default of all three: that of `objective`.

        Returns
        -------
        ndarray of float64, (L,)

        Raises
        ------
        ValueError
            An argument has a wrong shape, a target is out of the loss's range, or a weight is NaN.
        FloatingPointError
            A layer's energy overflowed.
        """
        terms = (loss, output_precision, activity_decay)
        batch, X, Y, objective = batch_at(self, X, Y, activities, terms)
        energies = batch.evaluate(X, Y, *objective.terms)
        check_no_overflow("energies", energies.T)
        return energies.mean(axis=0)

    def activity_gradients(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        activities: Sequence[ArrayLike],
        loss: Loss | None = None,
        output_precision: float | None = None,
        activity_decay: float | None = None,
    ) -> list[Floats]:
        """dF/dz_1..dF/dz_H of each sample's energy at given activities.

        ``dF/dz_l = e_l - a_{l+1} (e_{l+1} W_{l+1}^T) f'(z_l) - tau_{l+1} e_{l+1} + decay z_l``,
        where e_L is the output delta.

        Parameters
        ----------
        X, Y, activities, loss, output_precision, activity_decay
            As for `energy`.

        Returns
        -------
        list of ndarray, (n, n_l)
            Gradients of each sample's energy, not divided by n.

        Raises
        ------
        ValueError, FloatingPointError
            As for `energy`.
        """
        terms = (loss, output_precision, activity_decay)
        batch, X, Y, objective = batch_at(self, X, Y, activities, terms)
        batch.evaluate(X, Y, *objective.terms)
        out = batch.like_activities()
        batch.activity_gradients(len(X), out, activity_decay=objective.activity_decay)
        gradients = unpadded(self, out[:-1], len(X))
        check_no_overflow("activity gradients", gradients)
        return gradients

    def weight_gradients(
        self, X: ArrayLike, errors: Sequence[ArrayLike], activities: Sequence[ArrayLike]
    ) -> tuple[list[Floats], list[Floats] | None]:
        """Gradients of the mean energy by weights and biases.

        ``dF/dW_l = - a_l / n f_l(z_{l-1})^T e_l`` and ``dF/db_l = - mean(e_l)``. They
        are local: they depend on the layer's errors and the activities below.

        Parameters
        ----------
        X : array-like, (n, D)
        errors : list of array-like, (n, n_l)
            e_1..e_H and the output delta, from `infer`.
        activities : list of array-like, (n, n_l)
            z_1..z_H; an output after them is ignored.

        Returns
        -------
        weights : list of ndarray, (n_{l-1}, n_l)
        biases : list of ndarray, (n_l,), or None

        Raises
        ------
        FloatingPointError
            A gradient overflowed.
        """
        X = check_inputs(self, X)
        activities = check_activities(self, activities, len(X))
        errors = check_layers(self, "errors", errors, len(X), self.n_layers)
        check_order(self, X, errors, activities)
        batch = core_batch(self, len(X))
        fill(batch.activities, activities)
        fill(batch.errors, errors)
        weights, biases = batch.weight_gradients(X, np.full(len(X), 1.0 / len(X)))
        check_no_overflow("weight gradients", weights)
        check_no_overflow("bias gradients", biases or [])
        return weights, biases


def check_network(net, name="net"):
    """Raise unless ``net`` is a valid `Network`; a common mistake is to pass an estimator."""
    if not isinstance(net, Network):
        raise TypeError(
            f"{name} must be a pcnet.Network, got {type(net).__name__}; a fitted estimator keeps "
            "its own as network_"
        )
    check_fields(net)


def _shorten(sizes, most=8):
    return sizes if len(sizes) <= most else (*sizes[:3], f"({len(sizes) - 6} more)", *sizes[-3:])
