"""Energies and errors of the layers."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_flag
from .._types import Estimator, Float64s, Method
from ._common import OURS, Display, whole_ticks
from ._record import ResultDisplay, problem_of, trace_energies

_UNREACHED = "#e4e6ea"


class LayerEnergyDisplay(Display):
    """Energy of each layer during inference.

    Before the first step all energy is in the output. Error descent distributes it over all layers
    in one step, activity descent by at most one layer per step.

    Attributes
    ----------
    energies : ndarray of shape (n_steps + 1, n_layers)
        Mean over the samples after 0, 1, .. steps; the last column is the output's, times the
        output precision. Without the term of `activity_decay`.
    n_passes : ndarray of shape (n_steps + 1,)
        Forward and backward passes up to these steps, mean over the samples.
    mesh_, colorbar_, ax_, figure_
        Set by `plot`; `colorbar_` is None without one.
    """

    def __init__(self, energies: Float64s, n_passes: Float64s) -> None:
        self.energies = energies
        self.n_passes = n_passes

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        inference: Method | None = None,
        n_steps: int = 8,
    ) -> Self:
        """Run inference on the given samples.

        Parameters
        ----------
        estimator : PCClassifier or PCRegressor
            Fitted.
        X, y : array-like
            Samples with their targets; a few dozen are enough.
        inference : str, InferenceMethod or None, default=None
            Method whose steps are shown. The rate of an ActivityDescent is used; limits and
            tolerances are not. None: the estimator's.
        n_steps : int, default=8
            Number of steps.

        Returns
        -------
        LayerEnergyDisplay
        """
        problem, method = problem_of(estimator, X, y, inference)
        trace = trace_energies(problem, method, n_steps)
        return cls(trace.energies, trace.n_passes)

    def plot(
        self, ax: Any = None, *, cmap: Any = "inferno", norm: Any = None, colorbar: bool = True
    ) -> Self:
        """Draw the energies as colours on a log scale; grey means 0.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.
        cmap : str or matplotlib Colormap, default="inferno"
        norm : matplotlib Normalize, default=None
            Range of the colours, to use the same in several axes. None: the energies of the hidden
            layers, at most six powers of ten.
        colorbar : bool, default=True
            Whether to draw a colour bar.

        Returns
        -------
        self : LayerEnergyDisplay
        """
        colorbar = check_flag("colorbar", colorbar)
        ax = self._start(ax)
        n_steps, n_layers = self.energies.shape
        ax.set_facecolor(_UNREACHED)
        self.mesh_ = ax.pcolormesh(
            np.arange(n_steps + 1) - 0.5,
            np.arange(n_layers + 1) + 0.5,
            np.ma.masked_equal(self.energies.T, 0),
            norm=self._colours() if norm is None else norm,
            cmap=cmap,
            rasterized=True,
        )
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.figure_.colorbar(self.mesh_, ax=ax, extend="both")
            self.colorbar_.set_label("energy of the layer, mean over samples")
        ax.set(xlabel="inference step", ylabel="layer (the highest is the output)")
        whole_ticks(ax.xaxis)
        whole_ticks(ax.yaxis)
        return self

    def _colours(self):
        """Range of colours: energies of the hidden layers, at most six powers of ten."""
        from matplotlib.colors import LogNorm

        hidden = self.energies[:, :-1]
        hidden = hidden[hidden > 0]
        if hidden.size == 0:
            return LogNorm(1e-3, 1)
        return LogNorm(max(hidden.min(), 1e-6 * hidden.max()), hidden.max())


class LayerErrorDisplay(ResultDisplay):
    """Size of the errors of each layer after inference, from which the layer learns.

    Attributes
    ----------
    norms : ndarray of shape (n_layers,)
        Root mean square over the samples of ``||e_l||``. The last is that of the output delta,
        ``output_precision * (y - mu_L)`` or the corresponding term of other losses.
    lines_, ax_, figure_
        Set by `plot`.
    """

    def __init__(self, norms: Float64s) -> None:
        self.norms = norms

    @classmethod
    def _of(cls, result):
        squares = [np.sum(e.astype(np.float64) ** 2, axis=1).mean() for e in result.errors]
        return cls(np.sqrt(squares))

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the norms over the layers, on a log scale.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.
        **line_kwargs
            Arguments of matplotlib's `plot` of the hidden layers.

        Returns
        -------
        self : LayerErrorDisplay
        """
        if np.ndim(self.norms) != 1:
            raise TypeError(
                "norms must be an array of one number a layer, as from_result gives it; got "
                f"{type(self.norms).__name__}"
            )
        ax = self._start(ax)
        layers = np.arange(1, len(self.norms) + 1)
        style = {"color": OURS, "marker": "o", "markersize": 4, "label": "hidden layers"}
        hidden = ax.plot(layers[:-1], self.norms[:-1], **{**style, **line_kwargs})
        output = ax.plot(layers[-1:], self.norms[-1:], "s", color="0.2", label="output delta")
        self.lines_ = [*hidden, *output]
        ax.set(xlabel="layer (the highest is the output)", ylabel="root mean square of ||error||")
        ax.set_yscale("log")
        whole_ticks(ax.xaxis)
        ax.grid(alpha=0.3)
        ax.legend()
        return self
