"""Prospective configuration: activities first, weights after."""

from __future__ import annotations

from ._error_descent import ErrorDescent


class ProspectiveConfiguration(ErrorDescent):
    """Predictive coding as prospective configuration [1]_ asks for it.

    With input and target clamped the activities first settle at the equilibrium of the energy,
    the configuration that the network is to have *after* learning; then the weights move to
    consolidate it, ``dW_l = a_l f_l(z_{l-1})^T e_l``. That is what `ErrorDescent` does, brought
    closer to equilibrium here, and at output precision 1: ``output_precision="auto"`` of the
    estimators means 1 with this method (a number stays what it is). Lower precisions, the
    default of the other methods, keep the activities nearer to the feed-forward ones and the
    gradient nearer to backpropagation's, the deeper the network, the more so.

    Parameters
    ----------
    max_steps : int, default 200
    tol : float, default 1e-3
    energy_tol : float, default 1e-8
        As of `ErrorDescent`.

    References
    ----------
    .. [1] Song, Millidge, Salvatori, Lukasiewicz, Xu, Bogacz, "Inferring neural activity before
       plasticity as a foundation for learning beyond backpropagation", Nature Neuroscience 27,
       348-358, 2024.
    """

    #: What ``output_precision="auto"`` stands for.
    auto_precision = 1.0
    #: The weights learn from the settled state whatever the loss: that is the idea.
    learns_settled = True

    def __init__(self, max_steps: int = 200, tol: float = 1e-3, energy_tol: float = 1e-8) -> None:
        super().__init__(max_steps=max_steps, tol=tol, energy_tol=energy_tol)
