"""The equilibrium energy of samples whose labels or targets are given."""

import numpy as np

from .._core import binding
from .._network_core import core_batch
from .._warnings import convergence_warning, warn
from ..inference import ErrorDescent
from ..inference._method import resolve_method
from .outputs import ROWS_PER_CALL, small_blocks
from .probabilities import logsumexp

#: Tighter tolerances than in training, because users compare the energies of samples. With relu and
#: activity_decay, descent is slow along kinks: with a larger energy_tol some samples would end 2 %
#: above the minimum.
PRECISE = ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)

#: Fraction of samples that reach the limit of steps above which a call warns.
MOST_UNFINISHED = 0.1


def clamped_energies(network, objective, X, targets, inference=None):
    """Equilibrium energy of each row with each of several targets.

    Parameters
    ----------
    network : Network
    objective : Objective
    X : Rows
    targets : list of ndarray of shape (n_samples, n_outputs)
        Or (1, n_outputs), for one target of all rows.
    inference : str, inference object or None, default=None
        None: `PRECISE`.

    Returns
    -------
    energies : float64 ndarray of shape (n_samples, n_targets)

    Raises
    ------
    ValueError
        The method does not end near the minimum of the energy.

    Warns
    -----
    ConvergenceWarning
        More than a tenth of the samples reached the limit of steps.
    """
    method = PRECISE if inference is None else resolve_method(inference)
    if not method.minimizes_energy:
        raise ValueError(
            f"inference must end near the minimum of the energy, such as 'error'; "
            f"{method!r} does not"
        )
    energies = np.empty((len(X), len(targets)))
    n_cut_off = 0
    batch = core_batch(network, min(len(X), ROWS_PER_CALL))
    for block, rows in small_blocks(X, sparse=method.takes_sparse):
        for column, Y in enumerate(targets):
            Y = np.repeat(Y, len(rows), axis=0) if len(Y) == 1 else Y[block]
            method.run(batch, rows, Y, objective)
            energies[block, column] = batch.energy[: len(rows)]
            n_cut_off += np.count_nonzero(
                batch.status[: len(rows)] == binding.Status.REACHED_MAX_STEPS
            )
    if n_cut_off > MOST_UNFINISHED * energies.size and method.has_end_test:
        warn(
            f"Inference did not end within {method} for more than {MOST_UNFINISHED:.0%} of "
            "the samples, so their energies are too high. Pass inference=ErrorDescent(...) "
            "with more max_steps or a larger tol",
            convergence_warning(),
        )
    return energies


def class_energies(network, objective, X, inference=None):
    """Equilibrium energy of each row with each class clamped; see `clamped_energies`."""
    one_hot = np.eye(network.layer_sizes[-1], dtype=network.dtype)
    targets = [one_hot[k : k + 1] for k in range(len(one_hot))]
    return clamped_energies(network, objective, X, targets, inference)


def novelty_scores(energies, sharpness, output_precision):
    """``log sum_k exp(-sharpness / lambda F*_k)`` of each row's class energies."""
    return logsumexp(-(sharpness / output_precision) * energies)


def has_one_label(estimator):
    """Whether there are energies of all classes, for scikit-learn's ``available_if``."""
    if getattr(estimator, "_multilabel", False):
        raise AttributeError(
            "class_energies and score_samples compare the energies of all classes, but with "
            "multilabel targets each of the 2^n_labels combinations would be one; use "
            "energy(X, y) for given labels"
        )
    return True
