"""The equilibrium energy of samples whose labels or targets are given."""

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._checks import check_positive
from .._core import binding
from .._data.rows import check_rows
from .._warnings import warn
from ..inference import ErrorDescent, resolve_method
from .outputs import BLOCK_ROWS, small_blocks

#: More exact than in training: an energy must not depend on what else is in the batch, and
#: differences between samples are what its readers want. Where relu meets activity_decay, descent
#: creeps along kinks: a less strict energy_tol would leave some samples 2 % above the minimum.
PRECISE = ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)

#: Share of samples cut off by the limit of steps above which a call warns.
MOST_UNFINISHED = 0.1


class EnergyMixin:
    """`energy` of samples with their targets clamped."""

    def energy(self, X, y, *, inference=None):
        """Equilibrium energy of each sample, with its input and its target held fixed.

        How hard the trained network finds it to reconcile x with y: the least sum of squared
        prediction errors of all layers, the output's counted `output_precision_` times, that any
        hidden activities reach. Large values point to mislabelled or unusual samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels known from training (multilabel: a 0/1 matrix), or the regressor's targets.
        inference : {"error", "activity"}, inference object or None, default=None
            None: ``ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)``, more exact than in
            training.

        Returns
        -------
        energy : float64 ndarray of shape (n_samples,)
            The energy that training minimises, `activity_decay` included; a regressor's in
            standardised targets. Divide by `output_precision_` to compare networks.

        Warns
        -----
        ConvergenceWarning
            The limit of steps cut off more than a tenth of the samples.
        """
        check_is_fitted(self)
        X, Y = self._clamp(X, y)
        return self._clamped_energies(X, [Y], inference)[:, 0]

    def _clamp(self, X, y):
        """Checked samples, as `Rows`, and targets as the network takes them, (n, K)."""
        X, y = self._check_X_y(X, y, dtype=self._features_dtype(), reset=False)
        return self._scaled(X), self._encoder.clamp(y, self.network_.dtype)

    def _clamped_energies(self, X, targets, inference):
        """Energy of each of the `Rows` X with each of several targets, (n, n_targets).

        A target is an array (n, K), or (1, K) if it is the same for all rows.
        """
        method = PRECISE if inference is None else resolve_method(inference)
        if not method.minimizes_energy:
            raise ValueError(
                f"inference must be a method that ends near the least energy, such as 'error'; "
                f"{method!r} does not"
            )
        energies = np.empty((len(X), len(targets)))
        n_cut_off = 0
        batch = self.network_.core_batch(min(len(X), BLOCK_ROWS))
        for block, rows in small_blocks(X):
            for column, Y in enumerate(targets):
                Y = np.repeat(Y, len(rows), axis=0) if len(Y) == 1 else Y[block]
                method.run(batch, rows, Y, self._objective())
                energies[block, column] = batch.energy[: len(rows)]
                n_cut_off += np.count_nonzero(
                    batch.status[: len(rows)] == binding.Status.REACHED_MAX_STEPS
                )
        if n_cut_off > MOST_UNFINISHED * energies.size and method.has_end_test:
            warn(
                f"Inference did not end within {method} for more than {MOST_UNFINISHED:.0%} of "
                "the samples, so their energies are too high. Pass inference=ErrorDescent(...) "
                "with more max_steps or a larger tol",
                ConvergenceWarning,
            )
        return energies


def _has_one_label(estimator):
    if getattr(estimator, "_multilabel", False):
        raise AttributeError(
            "class_energies and score_samples compare the energies of all classes, but with "
            "multilabel targets each of the 2^n_labels combinations would be one; use "
            "energy(X, y) for given labels"
        )
    return True


class ClassEnergyMixin(EnergyMixin):
    """Energies of a classifier, also of all its classes."""

    @available_if(_has_one_label)
    def class_energies(self, X, *, inference=None):
        """Equilibrium energy of each sample with each class clamped in turn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        inference : {"error", "activity"}, inference object or None, default=None
            As in `energy`.

        Returns
        -------
        energies : float64 ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`; the smallest is the most plausible class.
        """
        check_is_fitted(self)
        dtype = self.network_.dtype
        X = self._scaled(check_rows(self, X, dtype=self._features_dtype()))
        one_hot = np.eye(len(self.classes_), dtype=dtype)
        return self._clamped_energies(
            X, [one_hot[k : k + 1] for k in range(len(one_hot))], inference
        )

    @available_if(_has_one_label)
    def score_samples(self, X, *, sharpness=10.0, inference=None):
        """Log of the summed plausibility of all classes; low values point to novel samples.

        ``log sum_k exp(-sharpness / lambda * F*(x, class k))``, where F* is `class_energies` and
        lambda is `output_precision_`. F* / lambda is of the order of the loss whatever the depth,
        so that one sharpness serves all networks.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sharpness : float, default=10.0
            Positive. ``sharpness=model.output_precision_`` gives ``log sum_k exp(-F*)``, the
            log-likelihood of x (up to a constant) of the energy taken by its word. It ranks
            novel samples *above* known ones: with lambda <= 1 the sum is dominated by the wrong
            classes, and a sample that is half one class and half another has more of it. From
            about 10 on the best class dominates.
        inference : {"error", "activity"}, inference object or None, default=None
            As in `energy`.

        Returns
        -------
        scores : float64 ndarray of shape (n_samples,)
            The higher, the more like the training data.
        """
        check_positive("sharpness", sharpness)
        energies = self.class_energies(X, inference=inference)
        return logsumexp(-(sharpness / self.output_precision_) * energies, axis=1)
