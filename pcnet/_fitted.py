"""What both estimators have once they are fitted: the network, its weights, and the curves."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._data import check_finite_rows, check_rows
from ._scaling import ScaledRows, fit_scaling


class FittedMixin:
    """Attributes of a fitted estimator, and passes through its network."""

    def _outputs(self, X):
        """Outputs mu_L of the network, shape (n_samples, n_outputs)."""
        check_is_fitted(self)
        rows = check_rows(self, X, dtype=self.network_.dtype, finite=False)
        outputs, suspect = self.network_.core_output(self._scaled(rows))
        if suspect:  # to look at all of X first would cost a fifth of a small network's time
            check_finite_rows(self, rows)
        return outputs

    def _of_rows(self, X, function):
        """``function`` of the checked rows of X (`Rows`)."""
        check_is_fitted(self)
        return function(self._scaled(check_rows(self, X, dtype=self.network_.dtype)))

    def _fit_scaling(self, X, sample_weight, stored):
        """Measure what `input_scaling` asks for, on data stored as that dtype."""
        self.input_mean_ = self.input_scale_ = None
        if self.input_scaling is not None:
            self.input_mean_, self.input_scale_ = fit_scaling(
                X, sample_weight, self.input_scaling, stored
            )

    def _scaled(self, X):
        """The rows as the network sees them."""
        return (
            X if self.input_scale_ is None else ScaledRows(X, self.input_mean_, self.input_scale_)
        )

    @property
    def loss_curve_(self):
        return self._curve("loss")

    @property
    def penalty_curve_(self):
        return self._curve("penalty")

    @property
    def energy_curve_(self):
        return self._curve("energy")

    @property
    def n_inference_steps_(self):
        return self._curve("n_steps")

    @property
    def n_inference_passes_(self):
        return self._curve("n_passes")

    @property
    def converged_fraction_(self):
        return self._curve("converged")

    @property
    def ended_fraction_(self):
        return self._curve("ended")

    def _curve(self, column):
        return self.history_.get(column, [])

    @property
    def coefs_(self):
        return self.network_.weights

    @property
    def intercepts_(self):
        network = self.network_
        if network.biases is not None:
            return network.biases
        return [np.zeros(W.shape[1], dtype=W.dtype) for W in network.weights]

    @property
    def layer_scales_(self):
        return self.network_.scales

    @property
    def n_layers_(self):
        return self.network_.n_layers
