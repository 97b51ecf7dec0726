"""The energy of two networks that share their activities, and its gradient, by passes of the core.

The free variables are the recognizer's errors, ``z_l = g(z_{l+1}) + d_l``, and the ends that are
not observed. In them the energy is better conditioned than in the activities: its recognizer's part
is ``1/2 |d|^2``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core import binding
from .._core.threads import effective_n_threads
from .._types import Bools, Float64s, Floats, Ints
from ..network import Network


class Weights(NamedTuple):
    """A network's packed weights, their packed transposes, and the biases or None."""

    forward: list[Floats]
    backward: list[Any]
    biases: list[Floats] | None


class CoreParts:
    """A network for the core, whole or from one of its layers on.

    Parameters
    ----------
    net : Network
    weights : Weights
        As the core reads them at each pass; they may change between passes.
    """

    def __init__(self, net: Network, weights: Weights) -> None:
        self.net, self.weights = net, weights
        forward, backward, biases = weights
        self.whole = binding.CoreNetwork(
            net.layer_sizes,
            net.activations,
            net.skips,
            net.scales,
            net.dtype,
            biases=biases,
            packed=(forward, backward),
        )

    def first_layer(self) -> binding.CoreNetwork:
        """The first layer alone."""
        net, (forward, _, biases) = self.net, self.weights
        return binding.CoreNetwork(
            net.layer_sizes[:2],
            ["identity"],
            [False],
            net.scales[:1],
            net.dtype,
            biases=None if biases is None else biases[:1],
            packed=(forward[:1], None),
        )

    def from_free_layer(self, start: int) -> binding.CoreNetwork:
        """Layer ``start`` (0: the input) as a first hidden layer, whose prediction is 0."""
        net, (forward, backward, biases) = self.net, self.weights
        sizes = (1, *net.layer_sizes[start:])
        no_weights = binding.allocate_packed(sizes[:2], net.dtype)
        no_bias = [np.zeros(sizes[1], net.dtype)]
        return binding.CoreNetwork(
            sizes,
            ["identity", *net.activations[start:]],
            [False, *net.skips[start:]],
            [1.0, *net.scales[start:]],
            net.dtype,
            biases=None if biases is None else no_bias + biases[start:],
            packed=(no_weights + forward[start:], [None, *backward[start:]]),
        )


class Ends(NamedTuple):
    """Causes (n, D) and outputs (n, K), any number where not observed, and masks or None: all."""

    X: Floats
    X_observed: Bools | Any
    Y: Floats
    Y_observed: Bools | Any

    def of(self, rows: Any) -> Ends:
        X_observed = None if self.X_observed is None else self.X_observed[rows]
        Y_observed = None if self.Y_observed is None else self.Y_observed[rows]
        return Ends(self.X[rows], X_observed, self.Y[rows], Y_observed)


class State(NamedTuple):
    """Activities z_0, [z_1..z_H] and z_L, and the errors of both networks at them."""

    causes: Floats
    hidden: list[Floats]
    outputs: Floats
    generator_errors: list[Floats]  # of z_1..z_L
    recognizer_errors: list[Floats]  # of z_0..z_H


class TwoWayEnergy:
    """Energies and gradients of a minibatch in the free variables.

    Energies are divided by the recognizer's precision: ``1/2 sum_{l<=H} |d_l|^2 + ratio 1/2
    sum_{l>=1} |e_l|^2``. A row of variables holds z_L times sqrt(ratio), if part of Y is not
    observed; then d_H..d_1; then d_0, if part of X is not observed.

    Parameters
    ----------
    generator, recognizer : CoreParts
    ends : Ends
    ratio : float
        The generator's precision over the recognizer's.
    """

    def __init__(
        self, generator: CoreParts, recognizer: CoreParts, ends: Ends, ratio: float
    ) -> None:
        self.generator, self.recognizer = generator, recognizer
        self.dtype = generator.net.dtype
        self.ratio = self.dtype.type(ratio)
        self.root = self.dtype.type(np.sqrt(ratio))
        n, threads = len(ends.X), effective_n_threads()
        self.free_X, self.free_Y = ends.X_observed is not None, ends.Y_observed is not None
        self.up_net = recognizer.from_free_layer(0 if self.free_Y else 1)
        self.down_net = generator.from_free_layer(0) if self.free_X else generator.whole
        self.up = binding.Batch(self.up_net, n, threads)
        self.down = binding.Batch(self.down_net, n, threads)
        self.injected, self.responses, self.sources = (
            batch.like_activities() for batch in (self.down, self.up, self.up)
        )
        self.no_input = np.zeros((n, 1), self.dtype)
        sizes = generator.net.layer_sizes
        self.hidden_sizes = sizes[1:-1]
        self.base = np.empty((n, sizes[-2]), self.dtype)  # the prediction of z_H, with Y observed
        self.renew(ends)
        widths = [*self.hidden_sizes[::-1]]
        widths = [sizes[-1]] * self.free_Y + widths + [sizes[0]] * self.free_X
        self.cuts = np.cumsum([0, *widths])
        # of the start, with its two energies, and of the end
        self.n_other_passes = 0.5 + (3 + 0.5 * self.free_X if self.free_Y else 0)

    def fits(self, ends: Ends) -> bool:
        """Whether `renew` takes these samples."""
        free = ends.X_observed is not None, ends.Y_observed is not None
        return len(ends.X) == len(self.base) and free == (self.free_X, self.free_Y)

    def renew(self, ends: Ends) -> None:
        """Go on to other samples, as many, and to the present weights."""
        self.ends = ends
        if not self.free_Y:
            first = self.recognizer.first_layer()
            binding.output(first, ends.Y, self.base, effective_n_threads())

    def blocks(self, v: Floats) -> tuple[Any, list[Floats], Any]:
        """Views of variables (n, D): z_L's or None, d_H..d_1, d_0 or None."""
        parts = [v[:, a:b] for a, b in zip(self.cuts, self.cuts[1:])]
        outputs = parts.pop(0) if self.free_Y else None
        causes = parts.pop() if self.free_X else None
        return outputs, parts, causes

    # ------------------------------------------------------------ the start

    def start(self) -> Floats:
        """The recognizer's feed-forward state; outputs not observed are the generator's.

        Where outputs are not observed, samples start from the generator's feed-forward state if
        the energy is lower there.
        """
        n = len(self.ends.X)
        v = np.zeros((n, self.cuts[-1]), self.dtype)
        if not self.free_Y:
            return v
        X, x_observed, Y, y_observed = self.ends
        threads = effective_n_threads()
        Y = np.where(y_observed, Y, 0).astype(self.dtype)
        if self.free_X:
            causes = np.empty(X.shape, self.dtype)
            binding.output(self.recognizer.whole, Y, causes, threads)
            X = np.where(x_observed, X, causes).astype(self.dtype)
        down = binding.Batch(self.generator.whole, n, threads)
        down.forward(np.ascontiguousarray(X))
        *hidden, outputs = (
            z[:n, :w] for z, w in zip(down.activities, down.network.layer_sizes[1:])
        )
        Y = np.where(y_observed, Y, outputs)
        self.blocks(v)[0][:] = Y * self.root
        other = v.copy()
        self._fill(self.up.activities, [Y, *reversed(hidden)])
        self.up.evaluate(self.no_input, X, "squared_error", 1.0)
        for block, d in zip(self.blocks(other)[1], self.up.errors[1:], strict=False):
            block[:] = d[:n, : block.shape[1]]
        if self.free_X:
            last = self.blocks(other)[2]
            last[:] = np.where(x_observed, 0, self.up.errors[-1][:n, : last.shape[1]])
        rows = np.arange(n)
        lower = self(other, rows)[0] < self(v, rows)[0]
        v[lower] = other[lower]
        return v

    # ------------------------------------------------------------ energy and gradient

    def __call__(self, v: Floats, rows: Ints) -> tuple[Float64s, Floats]:
        """Energies and gradients of the samples ``rows`` at the variables v, one row for each."""
        n, ends = len(v), self.ends.of(rows)
        Y, d, X, d_causes = self._forward(v, rows, ends)
        energy = self._residuals(n, X, Y)
        energy += 0.5 * np.einsum("ij,ij->i", d_causes, d_causes, dtype=np.float64)
        for layer in d:
            energy += 0.5 * np.einsum("ij,ij->i", layer, layer, dtype=np.float64)
        return energy, self._gradient(v, ends, d, d_causes)

    def _forward(self, v, rows, ends):
        """z of both networks from the variables; z_L, d_H..d_1, z_0, d_0."""
        n = len(v)
        outputs, d, d_causes = self.blocks(v)
        if self.free_Y:
            Y = np.where(ends.Y_observed, ends.Y, outputs / self.root)
            self._fill(self.up.errors, [Y, *d])
        else:
            Y = ends.Y
            self._fill(self.up.errors, [self.base[rows] + d[0], *d[1:]])
        self.up.forward_from_errors(self.no_input[:n])
        mu = self.up.activities[-1][:n, : ends.X.shape[1]]
        X = ends.X
        if self.free_X:
            X = np.where(ends.X_observed, X, mu + d_causes)
        return Y, d, X, X - mu

    def _residuals(self, n, X, Y):
        """The generator's errors at the activities, and their energy times the ratio."""
        hidden = [z[:n] for z in self.up.activities[:-1]][self.free_Y :]
        layers = [X] * self.free_X + hidden[::-1]
        self._fill(self.down.activities, layers)
        inputs = self.no_input[:n] if self.free_X else np.ascontiguousarray(X)
        energies = self.down.evaluate(inputs, np.ascontiguousarray(Y), "squared_error", 1.0)
        return float(self.ratio) * energies[:, self.free_X :].sum(axis=1)

    def _gradient(self, v, ends, d, d_causes):
        n = len(v)
        if self.free_X:
            self.down.errors[0][:n] = 0  # z_0 has no prior of its own
        self.down.activity_gradients(n, self.injected)
        pulls = [-self.ratio * g[:n] for g in self.injected[:-1]]  # of z_1..z_H, after z_0's
        width = d_causes.shape[1]
        top = d_causes
        if self.free_X:
            pull = pulls.pop(0)[:, :width]
            top = np.where(ends.X_observed, d_causes, pull)
        pulls = pulls[::-1]
        if self.free_Y:
            pulls.insert(0, -self.ratio * self.down.errors[-1][:n])
        self._fill(self.sources, pulls)
        self._fill([self.up.errors[-1]], [top])
        self.up.backward(n, self.responses, sources=self.sources)
        gradient = np.empty_like(v)
        outputs, by_d, by_causes = self.blocks(gradient)
        responses = [r[:n] for r in self.responses[:-1]]
        if self.free_Y:
            pull = responses.pop(0)[:, : outputs.shape[1]] / -self.root
            outputs[:] = np.where(ends.Y_observed, 0, pull)
        for out, layer, response in zip(by_d, d, responses, strict=True):
            np.subtract(layer, response[:, : layer.shape[1]], out=out)
        if self.free_X:
            by_causes[:] = np.where(ends.X_observed, 0, d_causes - top)
        return gradient

    @staticmethod
    def _fill(layers, arrays):
        for layer, array in zip(layers, arrays, strict=False):
            layer[: len(array), : array.shape[1]] = array

    # ------------------------------------------------------------ the end

    def state(self, v: Floats) -> State:
        """Activities and errors at the variables of all samples: a forward pass."""
        n = len(v)
        Y, d, X, d_causes = self._forward(v, np.arange(n), self.ends)
        self._residuals(n, X, Y)
        sizes = self.generator.net.layer_sizes[1:]
        hidden = self.up.activities[:-1][self.free_Y :][::-1]
        errors = self.down.errors[self.free_X :]
        return State(
            np.array(X),
            [z[:n, :width].copy() for z, width in zip(hidden, sizes)],
            np.array(Y),
            [e[:n, :width].copy() for e, width in zip(errors, sizes, strict=True)],
            [np.array(d_causes), *(layer.copy() for layer in d[::-1])],
        )
