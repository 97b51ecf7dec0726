"""What both estimators have once they are fitted: the network, its weights, and the curves."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._checks import all_finite
from .._data.checks import check_overflow
from .._data.first_calls import follow_inputs
from .._data.rows import SparseRows, check_finite_rows, check_rows
from .._data.scaling import ANY_DTYPE, ScaledRows, fit_scaling


class FittedMixin:
    """Attributes of a fitted estimator, and passes through its network."""

    def _outputs(self, X):
        """Outputs mu_L of the network, shape (n_samples, n_outputs).

        Raises
        ------
        FloatingPointError
            Finite features overflow on their way through the network.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, dtype=self._features_dtype(), finite=False)
        outputs, suspect = self.network_.core_output(self._scaled(rows))
        if suspect:  # to look at all of X first would cost a fifth of a small network's time
            check_finite_rows(self, rows)
        check_overflow(not suspect and all_finite(outputs))
        return outputs

    def _of_rows(self, X, function):
        """``function`` of the checked rows of X (`Rows`)."""
        check_is_fitted(self)
        return function(self._scaled(check_rows(self, X, dtype=self._features_dtype())))

    def _features_dtype(self):
        """What `check_rows` is to make of features: scaled ones keep float64 until they are."""
        return self.network_.dtype if self.input_scale_ is None else ANY_DTYPE

    def _fit_scaling(self, X, sample_weight, call, warm):
        """Measure what `input_scaling` asks for, if this call is one that does."""
        seen = vars(self).pop("_seen_inputs", None) if warm else None
        if not warm:
            self.input_mean_ = self.input_scale_ = None
        if self.input_scaling is None or (warm and seen is None):
            return
        if not warm and not call.incremental:
            self.input_mean_, self.input_scale_ = fit_scaling(X, sample_weight, self.input_scaling)
            return
        centred = self.input_mean_ is not None if warm else not isinstance(X, SparseRows)
        scaling = self.input_mean_, self.input_scale_
        seen, self.input_mean_, self.input_scale_ = follow_inputs(
            seen, X, sample_weight, self.input_scaling, scaling, centred
        )
        if seen is not None:
            self._seen_inputs = seen

    def _scaled(self, X):
        """The rows as the network sees them."""
        if self.input_scale_ is None:
            return X
        return ScaledRows(X, self.input_mean_, self.input_scale_, self.network_.dtype)

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
