"""Chains of the posterior: perturbed inference, and Hamiltonian trajectories in error space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._network_core import core_batch, fill, unpadded
from .._random import draw_normal
from .._types import Bools, Float64s, Floats, Ints
from ..inference import QuasiNewton
from ..inference._passes import check_finite
from ..inference._rows import add_scaled, hidden_blocks, sample_squares
from ._infer import Given

#: Power iterations of `Chains.largest_curvature`.
_POWER_STEPS = 8


class Chains:
    """A chain for each of some rows of the data; their errors e_0..e_H are those of a batch.

    Parameters
    ----------
    given : Given
    rows : ndarray of int, (m,)
        They may repeat.
    """

    def __init__(self, given: Given, rows: Ints) -> None:
        self._given = given
        self._batch = core_batch(given.free, len(rows))
        self._Y = given.Y[rows]
        self._batch.output_precisions = None if given.factors is None else given.factors[rows]
        self._no_input = np.zeros((len(rows), 1), given.Y.dtype)
        self._responses, self._gradient, self._momentum = (
            self._batch.like_activities() for _ in range(3)
        )

    def infer(self, method: QuasiNewton) -> None:
        """Go to the least energy."""
        method.run(self._batch, self._no_input, self._Y, self._given.objective)

    def perturb(
        self,
        targets: Floats,
        rng: np.random.Generator,
        method: QuasiNewton,
        modes: Sequence[Floats] | None,
    ) -> None:
        """Go to the least of an energy with other targets, whose errors count from a prior draw.

        Parameters
        ----------
        modes : list of ndarray, or None
            e_0..e_H of the most likely causes, at which the descent starts; None: at the draw.
        """
        batch, shifts = self._batch, self._batch.like_activities()
        self._draw(rng, shifts)
        batch.sample_biases = shifts
        if modes is None:
            method.run(batch, self._no_input, targets, self._given.objective)
        else:
            fill(batch.errors, modes)
            batch.errors.hidden -= shifts.hidden
            method.run_from_errors(batch, self._no_input, targets, self._given.objective)
        batch.sample_biases = None
        batch.errors.hidden += shifts.hidden

    def move(self, steps: Float64s, n_leaps: int, rng: np.random.Generator) -> Bools:
        """A Hamiltonian trajectory of each chain; returns which were accepted.

        Parameters
        ----------
        steps : ndarray of float64, (m,)
        """
        batch, m = self._batch, len(self._Y)
        errors, gradient = hidden_blocks(batch.errors), hidden_blocks(self._gradient)
        momentum = hidden_blocks(self._momentum)
        energy = self._differentiate()
        check_finite(energy)
        kept = [(rows, rows.copy()) for rows in (batch.errors.hidden, self._gradient.hidden)]
        self._draw(rng, self._momentum)
        energy += 0.5 * sample_squares(momentum, m)
        add_scaled(momentum, -0.5 * steps, gradient)
        with np.errstate(over="ignore", invalid="ignore"):  # where it is, the end is rejected
            for leap in range(n_leaps):
                add_scaled(errors, steps, momentum)
                proposed = self._differentiate()
                add_scaled(momentum, -steps if leap < n_leaps - 1 else -0.5 * steps, gradient)
            proposed += 0.5 * sample_squares(momentum, m)
            accepted = np.log1p(-rng.random(m)) < energy - proposed
        for rows, before in kept:
            self._restore(rows, before, ~accepted)
        return accepted

    def settle(self) -> Float64s:
        """Bring activities and output deltas to the present errors; returns the energies, (m,)."""
        energy = self._differentiate()
        check_finite(energy)
        return energy

    def hidden_errors(self) -> list[Floats]:
        """Copies of e_0..e_H, each (m, n_l)."""
        free, m = self._given.free, len(self._Y)
        return [rows.copy() for rows in unpadded(free, self._batch.errors, m)[:-1]]

    def predictions(self) -> Float64s:
        """mu_L, (m, K)."""
        return self.layers()[self._given.free.n_layers - 1].astype(np.float64)

    def layers(self) -> list[Floats]:
        """z_0..z_H in units of the prior, mu_L, e_0..e_H and the output deltas."""
        free, m = self._given.free, len(self._Y)
        return [*unpadded(free, self._batch.activities, m), *unpadded(free, self._batch.errors, m)]

    def largest_curvature(self) -> Float64s:
        """Largest eigenvalue of the energy's Hessian at the present errors, (m,); at least 1.

        By power iteration, whose products are differences of the gradient: a lower bound.
        """
        m, errors = len(self._Y), self._batch.errors
        self._differentiate()
        start, slope = errors.hidden.copy(), self._gradient.hidden.copy()
        reach = np.sqrt(np.finfo(start.dtype).eps * (1 + sample_squares(hidden_blocks(errors), m)))
        vectors = hidden_blocks(self._gradient)
        self._draw(np.random.default_rng(0), self._gradient)
        size = np.sqrt(sample_squares(vectors, m))
        for _ in range(_POWER_STEPS):
            add_scaled(hidden_blocks(errors), reach / size, vectors)
            self._differentiate()
            self._gradient.hidden[:] -= slope
            size = np.maximum(np.sqrt(sample_squares(vectors, m)), reach)
            errors.hidden[:] = start
        self._differentiate()
        return size / reach

    def _differentiate(self):
        """Energies (m,) at the errors; their gradient goes into `_gradient`."""
        batch = self._batch
        _, layers = batch.forward_from_errors(
            self._no_input, self._Y, *self._given.objective.terms, responses=self._responses
        )
        np.subtract(batch.errors.hidden, self._responses.hidden, out=self._gradient.hidden)
        return layers.sum(axis=1)

    def _draw(self, rng, rows):
        """Standard normal numbers into the hidden layers; the padding stays 0."""
        for row, width in zip(rows[:-1], self._given.free.layer_sizes[1:-1], strict=True):
            drawn = np.empty((len(row), width), row.dtype)
            draw_normal(rng, drawn)
            row[:, :width] = drawn

    def _restore(self, rows, before, which):
        """Take the values before for some chains; rows and before are blocks of hidden layers."""
        start = 0
        for layer in self._batch.errors[:-1]:
            stop = start + layer.size
            shape = layer.shape
            rows[start:stop].reshape(shape)[which] = before[start:stop].reshape(shape)[which]
            start = stop
