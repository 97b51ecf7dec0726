"""What inference costs, sample by sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._types import Float64s
from ._common import ASIDE, OTHER, whole_ticks
from ._record import ResultDisplay, check_result

if TYPE_CHECKING:
    from ..inference import InferenceResult


class InferencePassesDisplay(ResultDisplay):
    """How many passes samples take until their inference ends.

    Attributes
    ----------
    n_passes : ndarray of shape (n_samples,)
        Pairs of one forward and one backward pass, the feed-forward pass included.
    bars_, mean_line_, ax_, figure_
        Set by `plot`.
    """

    def __init__(self, n_passes: Float64s) -> None:
        self.n_passes = n_passes

    @classmethod
    def from_result(cls, result: InferenceResult) -> Self:
        """The passes of an `InferenceResult`.

        Parameters
        ----------
        result : InferenceResult

        Returns
        -------
        InferencePassesDisplay
        """
        check_result(result)
        return cls(np.array(result.n_passes, dtype=np.float64))

    def plot(self, ax: Any = None, **hist_kwargs: Any) -> Self:
        """Draw the histogram and its mean.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
        **hist_kwargs
            Passed on to matplotlib's `hist`.

        Returns
        -------
        self : InferencePassesDisplay
        """
        ax = self._start(ax)
        # whole passes in the middle of a bar, up to some forty bars
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
