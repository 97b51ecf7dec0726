"""Curves of a training: losses, energies and scores over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._checks import check_iterable, shown
from .._estimators.base import BasePC
from .._types import Estimator, Float64s
from ._common import ASIDE, OTHER, OURS, Display, whole_ticks

#: The curves drawn by default, if they were recorded.
_DEFAULT = ("loss", "energy", "validation_loss", "validation_score")

_STYLES = {
    "loss": (OURS, "-"),
    "validation_loss": (OURS, "--"),
    "energy": (OTHER, "-"),
    "penalty": (ASIDE, "-"),
}


class TrainingDisplay(Display):
    """Curves of a training over its epochs.

    Make one with `from_estimator` or `from_history`.

    Attributes
    ----------
    history : dict of str to ndarray of shape (n_epochs,)
        The curves that are drawn.
    lines_ : dict of str to matplotlib line
        Set by `plot`, as are `ax_`, `figure_` and, if there are scores, `score_ax_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from pcnet import PCClassifier
    >>> from pcnet.display import TrainingDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = PCClassifier((16,), max_iter=5, early_stopping=True, random_state=0).fit(X, y)
    >>> display = TrainingDisplay.from_estimator(model)  # then display.plot()
    >>> sorted(display.history)
    ['energy', 'loss', 'validation_loss', 'validation_score']
    """

    def __init__(self, history: dict[str, Float64s]) -> None:
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Estimator, curves: Sequence[str] | None = None) -> Self:
        """The curves of a fitted estimator.

        Parameters
        ----------
        estimator : PCClassifier or PCRegressor
        curves : sequence of str, default=None
            Columns of the estimator's `history_`. None: loss, energy and, if recorded,
            validation_loss and validation_score.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        TypeError, ValueError
            ``estimator`` is no estimator of pcnet, or has no such curves.
        """
        if not isinstance(estimator, BasePC):
            raise TypeError(
                "estimator must be a PCClassifier or PCRegressor, got "
                f"{type(estimator).__name__}; of a pipeline pass the last step, model[-1]"
            )
        check_is_fitted(estimator)
        if not estimator.history_:
            raise ValueError(
                f"this {type(estimator).__name__} has no history to draw: it was made from a "
                "network or converted, and not trained since"
            )
        return cls.from_history(estimator.history_, curves)

    @classmethod
    def from_history(
        cls, history: Mapping[str, ArrayLike], curves: Sequence[str] | None = None
    ) -> Self:
        """Curves from any record of a training.

        Parameters
        ----------
        history : mapping of str to sequence of float
            Curves of equal length, one entry per epoch; nan leaves a gap. Scores (names that end in
            "score" or start with ``"validation_"``, except the loss) have a separate axis.
        curves : sequence of str, default=None
            Names to draw; None: as for `from_estimator`.

        Returns
        -------
        TrainingDisplay

        Raises
        ------
        ValueError, TypeError
            A curve is missing or is no sequence of numbers, or the lengths differ.
        """
        if not isinstance(history, Mapping):
            raise TypeError(
                "history must map names to curves, as model.history_ does; got "
                f"{type(history).__name__}. TrainingDisplay.from_estimator takes a fitted model"
            )
        if curves is None:
            curves = [name for name in _DEFAULT if name in history]
        elif isinstance(curves, str):
            raise TypeError(f"curves must be a list of names, such as [{curves!r}]; got a string")
        curves = check_iterable("curves", curves, "a list of names of curves")
        if not all(isinstance(name, str) for name in curves):
            raise TypeError(f"curves must be a list of names of curves; got {shown(curves)}")
        missing = [name for name in curves if name not in history]
        if missing or not curves:
            raise ValueError(
                f"curves must name some of {list(history)}; got {list(curves)}. Scores are "
                "recorded with early_stopping=True or validation_data"
            )
        chosen = {name: _curve(name, history[name]) for name in curves}
        lengths = {name: len(values) for name, values in chosen.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"history must hold curves of one length, got {lengths}")
        return cls(chosen)

    def plot(self, ax: Any = None, *, yscale: str = "log") -> Self:
        """Draw the curves; scores have a separate axis on the right.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.
        yscale : str, default="log"
            matplotlib's name of the scale of the left axis.

        Returns
        -------
        self : TrainingDisplay
        """
        ax = self._start(ax)
        scores = [name for name in self.history if _is_score(name)]
        self.score_ax_ = ax.twinx() if scores and len(scores) < len(self.history) else None
        self.lines_ = {}
        for name, values in self.history.items():
            is_score = name in scores
            colour, style = _STYLES.get(name, ("0.2", "--") if is_score else (None, "-."))
            axes = self.score_ax_ if is_score and self.score_ax_ is not None else ax
            (self.lines_[name],) = axes.plot(
                np.arange(1, len(values) + 1),
                values,
                style,
                color=colour,
                label=name.replace("_", " "),
                marker="o" if len(values) <= 20 else None,
                markersize=4,
            )
        if len(scores) < len(self.history):
            ax.set_yscale(yscale)
        if self.score_ax_ is not None:
            self.score_ax_.set_ylabel("score")
        ax.set(xlabel="epoch", ylabel="score" if len(scores) == len(self.history) else "mean")
        whole_ticks(ax.xaxis)
        ax.grid(alpha=0.3)
        self._add_legend()
        return self

    def _add_legend(self):
        """Legend above the curves, in space reserved on both axes."""
        n_rows = -(-len(self.lines_) // 2)
        axes = [self.ax_] if self.score_ax_ is None else [self.ax_, self.score_ax_]
        for ax in axes:
            forward = ax.yaxis.get_transform()
            low, high = forward.transform(ax.get_ylim())
            high += (0.05 + 0.12 * n_rows) * (high - low)
            ax.set_ylim(top=forward.inverted().transform(high))
        # the right axis is drawn last and would cover the other's legend
        axes[-1].legend(
            handles=list(self.lines_.values()), loc="upper center", ncols=2, fontsize="small"
        )


def _is_score(name):
    measured = name.startswith("validation_") and name != "validation_loss"
    return measured or name.endswith("score")


def _curve(name, values):
    """One curve of a history as an array."""
    try:
        curve = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        curve = None
    if curve is None or curve.ndim != 1:
        raise TypeError(f"history must hold sequences of numbers; got {shown(values)} for {name!r}")
    return curve
