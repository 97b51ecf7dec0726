"""Cosine between the weight gradients of predictive coding and of backpropagation."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._types import Estimator, Float64s, Method
from ..theory._backprop import backprop_gradients, cosine
from ._common import ASIDE, OURS, Display, whole_ticks
from ._record import problem_of


class GradientCosineDisplay(Display):
    """Cosine between predictive coding's and backpropagation's weight gradient, layer by layer.

    1 is the same direction. As the output precision tends to 0, the cosine tends to 1 in every
    layer. The gradients are those at the end of inference, which estimators use with the squared
    error; for other losses see "Losses other than the squared error" in the documentation
    (docs/deep-losses.md).

    Attributes
    ----------
    cosines : ndarray of shape (n_layers,)
        From -1 to 1; nan if a gradient is 0.
    n_samples : int
        Number of samples whose mean gradient is compared.
    lines_, ax_, figure_
        Set by `plot`.
    """

    def __init__(self, cosines: Float64s, n_samples: int) -> None:
        self.cosines = cosines
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Estimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        inference: Method | None = None,
    ) -> Self:
        """Compare the gradients of the given samples, in float64.

        Parameters
        ----------
        estimator : PCClassifier or PCRegressor
            Fitted.
        X, y : array-like
            A batch of samples with their targets.
        inference : str, InferenceMethod or None, default=None
            Method of inference. None: the estimator's.

        Returns
        -------
        GradientCosineDisplay
        """
        problem, method = problem_of(estimator, X, y, inference)
        net, rows, Y, objective = problem
        result = problem.infer(method)
        ours, _ = net.weight_gradients(rows, result.errors, result.activities)
        backprop, _ = backprop_gradients(net, rows, Y, objective["loss"])
        return cls(np.array([cosine(a, b) for a, b in zip(ours, backprop)]), len(rows))

    def plot(self, ax: Any = None, **line_kwargs: Any) -> Self:
        """Draw the cosines over the layers.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.
        **line_kwargs
            Arguments of matplotlib's `plot`.

        Returns
        -------
        self : GradientCosineDisplay
        """
        ax = self._start(ax)
        style = {"color": OURS, "marker": "o", "markersize": 4}
        layers = np.arange(1, len(self.cosines) + 1)
        self.lines_ = ax.plot(layers, self.cosines, **{**style, **line_kwargs})
        ax.axhline(1, color=ASIDE, ls="--", lw=1)
        ax.set(
            xlabel="layer (the highest is the output)",
            ylabel="cosine to backpropagation's gradient",
            ylim=(min(0.0, 1.1 * np.nanmin(self.cosines, initial=0.0)), 1.05),
        )
        whole_ticks(ax.xaxis)
        ax.grid(alpha=0.3)
        return self
