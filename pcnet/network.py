"""Predictive-coding networks: weights, passes, energies and local gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from ._checks import (
    WEIGHTS_HINT,
    all_finite,
    check_choice,
    check_flag,
    check_float_array,
    check_iterable,
    check_no_overflow,
    check_positive,
    rows_hint,
)
from ._core import binding
from ._core.threads import effective_n_threads
from ._data.rows import as_rows
from ._network_checks import (
    check_activation,
    check_chain,
    check_clamped,
    check_core_dtype,
    check_fields,
    check_gamma,
    check_inputs,
    check_layer_sizes,
    check_order,
    check_per_layer,
    check_scales,
    check_skips,
    check_terms,
    objective_of,
)
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
from .parameterization import (
    PARAMETERIZATIONS,
    default_skips,
    initial_weights,
    layer_scales,
)

if TYPE_CHECKING:
    from ._core.binding import Batch
    from .losses import Objective


#: Rows of one call into the core for outputs: Python sees a Ctrl-C between calls only.
OUTPUT_ROWS = 2**14


class Network:
    """A predictive-coding network of L layers; make one with `init` or `from_weights`.

    Layer l predicts ``mu_l = a_l f_l(z_{l-1}) W_l + b_l + tau_l z_{l-1}`` from the activities
    below, with ``z_0 = x``, f_1 the identity and f_l the activation; z_1..z_H are the hidden
    activities (H = L - 1) and mu_L, which is linear, the output.

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
        Of all hidden layers, or of each where they differ.
    layer_sizes : tuple of int, (L + 1,)
        Inputs D, hidden widths, outputs K.
    n_layers : int
        L.
    dtype : dtype
        float32 or float64.
    parameterization : str or None
        None for a network made from given weights.
    gamma : float
    objective : pcnet.inference.Objective or None
        What the weights were trained to minimise, which an estimator's training notes here: loss,
        output precision and activity decay where `infer`, the methods below and `pcnet.theory` are
        given none. None for a network that no estimator has trained: squared error, 1 and 0.

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
        """A network with freshly drawn weights.

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
            Identity connections between hidden layers of equal width.
        bias : bool
            Biases, 0 at the start.
        gamma : float
            Positive; divides the output scale of ``"mupc"``, which must stay in the dtype's range.
        random_state : int, RandomState, Generator, SeedSequence or None
            Seed of the weights. An int gives the same weights each time. A RandomState or Generator
            gives the seed by drawing from it, so the next network differs; None draws from NumPy's
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
        biases : list of array-like, (n_l,), optional
        activation : str or sequence of str, (H,)
            As in `init`.
        scales : array-like, (L,), optional
            a_1..a_L; default ones.
        skips : sequence of bool, (L,), optional
            Layers with an identity connection: hidden to hidden, of equal width. Default none.

        Returns
        -------
        Network
        """
        weights = check_iterable("weights", weights, "a list of matrices, one a layer")
        if not weights:
            raise ValueError("weights must hold at least one matrix; got an empty list")
        activation = check_activation(activation, len(weights) - 1)
        float32 = all(np.asarray(w).dtype.newbyteorder("=") == np.float32 for w in weights)
        dtype = np.dtype(np.float32 if float32 else np.float64)
        matrices = [
            check_float_array(f"weights[{i}]", w, dtype, 2, hint=WEIGHTS_HINT)
            for i, w in enumerate(weights)
        ]
        check_chain(matrices)
        sizes = (matrices[0].shape[0], *(w.shape[1] for w in matrices))
        vectors = None
        if biases is not None:
            vectors = [
                check_float_array(f"biases[{i}]", b, dtype, 1, (n,))
                for i, (b, n) in enumerate(
                    zip(check_per_layer("biases", biases, len(weights)), sizes[1:], strict=True)
                )
            ]
        scales = np.ones(len(weights)) if scales is None else scales
        scales = check_float_array("scales", scales, np.float64, 1, (len(weights),))
        check_scales(scales, len(weights), dtype)
        return cls(matrices, vectors, scales, check_skips(skips, sizes), activation, None, 1.0)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        with _named_errors(self):
            return (self.weights[0].shape[0], *(w.shape[1] for w in self.weights))

    @property
    def n_layers(self) -> int:
        with _named_errors(self):
            return len(self.weights)

    @property
    def dtype(self) -> np.dtype[Any]:
        with _named_errors(self):
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
        sizes = "-".join(map(str, _shorten(self.layer_sizes)))
        activation = self.activation if isinstance(self.activation, str) else "mixed activations"
        return (
            f"Network({sizes}, {activation}, {self.parameterization or 'given weights'}, "
            f"{int(np.sum(self.skips))} skips, {'no ' if self.biases is None else ''}biases, "
            f"{self.dtype}{_trained_with(self.objective)})"
        )

    def copy(self) -> Network:
        """A network of its own with the same weights, which shares no array with this one."""
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
        """Feed-forward activities: every layer at its prediction.

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
        batch = self.core_batch(len(X))
        batch.forward(X)
        activities = self.unpadded(batch.activities, len(X))
        check_no_overflow("activities", activities)
        return activities

    def output(self, X: ArrayLike) -> Floats:
        """Feed-forward outputs mu_L alone, in little memory.

        Parameters
        ----------
        X : array-like, (n, D)

        Returns
        -------
        ndarray, (n, K)

        Raises
        ------
        FloatingPointError
            As by `forward`.
        """
        X = check_inputs(self, X)
        outputs, overflowed = self.core_output(X)
        if overflowed or not all_finite(outputs):
            for start in range(0, len(X), OUTPUT_ROWS):
                self.forward(X[start : start + OUTPUT_ROWS])  # raises, and names the layer
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
        output. The decay term, 1/2 activity_decay ||z_l||^2, belongs to no layer's prediction
        and is left out; the energies of `infer` have it.

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
            Not negative. Checked but without effect, so that the options of `infer` can be passed.
            None, the default of all three: that of `objective`.

        Returns
        -------
        ndarray of float64, (L,)

        Raises
        ------
        ValueError
            An argument does not fit, a target is out of the loss's range, or a weight is NaN.
        FloatingPointError
            A layer's energy overflowed.
        """
        batch, X, Y, objective = self._at(X, Y, activities, loss, output_precision, activity_decay)
        energies = batch.evaluate(X, Y, *objective)
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
        the output delta standing for e_L.

        Parameters
        ----------
        X, Y, activities, loss, output_precision, activity_decay
            As in `energy`.

        Returns
        -------
        list of ndarray, (n, n_l)
            Per sample, not divided by n.

        Raises
        ------
        ValueError, FloatingPointError
            As by `energy`.
        """
        batch, X, Y, objective = self._at(X, Y, activities, loss, output_precision, activity_decay)
        batch.evaluate(X, Y, *objective)
        out = batch.like_activities()
        batch.activity_gradients(len(X), out, activity_decay=objective[2])
        gradients = self.unpadded(out[:-1], len(X))
        check_no_overflow("activity gradients", gradients)
        return gradients

    def weight_gradients(
        self, X: ArrayLike, errors: Sequence[ArrayLike], activities: Sequence[ArrayLike]
    ) -> tuple[list[Floats], list[Floats] | None]:
        """Gradients of the mean energy by weights and biases.

        ``dF/dW_l = - a_l / n f_l(z_{l-1})^T e_l`` and ``dF/db_l = - mean(e_l)``: local, for
        they need the layer's own errors and the activities below.

        Parameters
        ----------
        X : array-like, (n, D)
        errors : list of array-like, (n, n_l)
            e_1..e_H and the output delta, as `infer` returns them.
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
        activities = self._check_activities(activities, len(X))
        errors = self._check_list("errors", errors, len(X), self.n_layers)
        check_order(self, X, errors, activities)
        batch = self.core_batch(len(X))
        self._fill(batch.activities, activities)
        self._fill(batch.errors, errors)
        weights, biases = batch.weight_gradients(X, np.full(len(X), 1.0 / len(X)))
        check_no_overflow("weight gradients", weights)
        check_no_overflow("bias gradients", biases or [])
        return weights, biases

    # ------------------------------------------------------------ towards the core

    def core_network(self, backward=True):
        """This network as the core takes it, its weights packed (`binding.CoreNetwork`)."""
        check_fields(self)
        sizes = self.layer_sizes
        packed = [
            binding.allocate_packed(sizes, self.dtype),
            binding.allocate_packed(sizes, self.dtype, transposed=True) if backward else None,
        ]
        binding.pack_weights([_ready(W) for W in self.weights], *packed)
        return binding.CoreNetwork(
            sizes,
            self.activations,
            self.skips,
            self.scales,
            self.dtype,
            biases=None if self.biases is None else [_ready(b) for b in self.biases],
            packed=packed,
        )

    def core_output(self, X: Any) -> tuple[Floats, bool]:
        """`core_output` of this network."""
        return core_output(self.core_network(backward=False), X)

    def core_batch(self, n_samples: int, trace_steps: int | None = None) -> Batch:
        """Memory for one call on n samples (`pcnet._core.binding.Batch`)."""
        return binding.Batch(self.core_network(), n_samples, effective_n_threads(), trace_steps)

    def check_rows(
        self, name: str, values: ArrayLike, n_columns: int, n_samples: int | None = None
    ) -> Floats:
        """An array of this network's dtype, (n, n_columns), finite, with at least one row."""
        shape = (n_samples, n_columns)
        hint = rows_hint(name, n_columns)
        return check_float_array(name, values, self.dtype, 2, shape, copy=False, hint=hint)

    def unpadded(self, arrays: list[Any], n_samples: int) -> list[Floats]:
        """The batch's arrays without the room beyond each layer's units and the samples."""
        widths = self.layer_sizes[1 : 1 + len(arrays)]
        return [a[:n_samples, :n].copy() for a, n in zip(arrays, widths, strict=True)]

    def _at(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        activities: Any,
        loss: Any,
        output_precision: Any,
        activity_decay: Any,
    ) -> tuple[Batch, Floats, Floats, tuple[Any, ...]]:
        check_fields(self)
        objective = objective_of(self, loss, output_precision, activity_decay)
        check_terms(self, **vars(objective))
        X, Y = check_clamped(self, X, Y, objective.loss)
        batch = self.core_batch(len(X))
        self._fill(batch.activities, self._check_activities(activities, len(X)))
        numbers = float(objective.output_precision), float(objective.activity_decay)
        return batch, X, Y, (objective.loss, *numbers)

    def _check_activities(self, activities, n_samples):
        if isinstance(activities, (list, tuple)) and len(activities) == self.n_layers:
            activities = activities[:-1]
        return self._check_list("activities", activities, n_samples, self.n_layers - 1)

    def _check_list(self, name, arrays, n_samples, length):
        arrays = check_per_layer(name, arrays, length)
        return [
            self.check_rows(f"{name}[{i}]", a, self.layer_sizes[i + 1], n_samples)
            for i, a in enumerate(arrays)
        ]

    @staticmethod
    def _fill(rows, arrays):
        for row, array in zip(rows, arrays, strict=False):
            row[: array.shape[0], : array.shape[1]] = array


@contextmanager
def _named_errors(net):
    """Errors of Python on fields that users have replaced become those of `check_fields`."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError):
        check_fields(net)  # says which of them is no matrix
        raise


def check_network(net):
    """Raise unless ``net`` is a whole `Network`; often an estimator, which holds one, is given."""
    if not isinstance(net, Network):
        raise TypeError(
            f"net must be a pcnet.Network, got {type(net).__name__}; a fitted estimator keeps its "
            "own as network_"
        )
    check_fields(net)


def core_output(core_network, X):
    """Feed-forward outputs of rows that nobody need have looked at.

    Parameters
    ----------
    core_network : CoreNetwork
    X : Rows, or C-contiguous ndarray, (n, D)
        Of the network's dtype.

    Returns
    -------
    outputs : ndarray, (n, K)
        mu_L.
    suspect : bool
        Whether X may hold inf or nan. It holds neither if this is False.
    """
    out = np.empty((len(X), core_network.layer_sizes[-1]), core_network.dtype)
    suspect = False
    for whole, block in as_rows(X).blocks():
        for start in range(0, len(block), OUTPUT_ROWS):
            rows = block[start : start + OUTPUT_ROWS]
            to = out[whole][start : start + OUTPUT_ROWS]
            suspect |= binding.output(core_network, rows, to, effective_n_threads())
    return out, suspect


def _ready(array):
    """The array, C-contiguous and aligned as the core reads it; a copy only where it is not."""
    return np.require(array, requirements=["C", "A"])


def _trained_with(objective):
    """The end of a network's text: what it was trained to minimise, if that is known."""
    if objective is None:
        return ""
    text = f", {objective.loss} at output precision {objective.output_precision:.3g}"
    decay = objective.activity_decay
    return f"{text} and activity decay {decay:.3g}" if decay else text


def _shorten(sizes, most=8):
    return sizes if len(sizes) <= most else (*sizes[:3], f"({len(sizes) - 6} more)", *sizes[-3:])
