"""Cost of inference for each sample."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from .._types import Float64s
from ._common import ASIDE, OTHER, whole_ticks
from ._record import ResultDisplay


class InferencePassesDisplay(ResultDisplay):
    """Histogram of the passes that inference takes for each sample.

    Attributes
    ----------
    n_passes : ndarray of shape (n_samples,)
        Passes of each sample, the feed-forward pass included; one forward and one backward pass
        count as 1.
    bars_, mean_line_, ax_, figure_
        Set by `plot`.
    """

    def __init__(self, n_passes: Float64s) -> None:
        self.n_passes = n_passes

    @classmethod
    def _of(cls, result):
        return cls(np.array(result.n_passes, dtype=np.float64))

    def plot(self, ax: Any = None, **hist_kwargs: Any) -> Self:
        """Draw the histogram and its mean.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.
        **hist_kwargs
            Arguments of matplotlib's `hist`.

        Returns
        -------
        self : InferencePassesDisplay
        """
        ax = self._start(ax)
        # bars centred on whole passes, up to about forty bars
        width = max(1.0, np.ceil(np.ptp(self.n_passes) / 40))
        edges = np.arange(np.floor(self.n_passes.min()), self.n_passes.max() + width + 1, width)
        style = {"bins": edges - 0.5, "color": OTHER, "edgecolor": "white"}
        _, _, self.bars_ = ax.hist(self.n_passes, **{**style, **hist_kwargs})
        mean = self.n_passes.mean()
        self.mean_line_ = ax.axvline(mean, color=ASIDE, ls="--", label=f"mean {mean:.1f}")
        whole_ticks(ax.xaxis)
        ax.set(xlabel="forward + backward passes until inference ends", ylabel="samples")
        ax.legend()
        return self
