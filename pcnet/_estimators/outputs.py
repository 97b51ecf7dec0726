"""What lies between input and prediction: raw outputs and hidden activities."""

import copy

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._checks import all_finite
from .._data.checks import check_overflow, check_transform_layer
from .._data.rows import as_rows

#: Rows that go through the network together where all activities are kept.
BLOCK_ROWS = 256


class DecisionFunctionMixin:
    """`decision_function` of a classifier with one output column per class or label."""

    def decision_function(self, X):
        """Raw outputs of the network: confidence scores that `predict` decides by.

        Unlike `predict_proba` with ``loss="squared_error"``, they have no ties at 0 and 1, so
        that rankings such as the ROC curve keep their full resolution.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            The outputs mu_L, one column per class; `predict` takes the largest. For two classes
            ``mu_L[:, 1] - mu_L[:, 0]``, positive where `predict` gives ``classes_[1]``.
            Multilabel: positive where the label is predicted, mu_L itself for "log_loss" and
            ``mu_L - 1/2`` for "squared_error".
        """
        return self._encoder.decision(self._outputs(X))


def _has_hidden_layer(estimator):
    """Whether there is a `transform`, for scikit-learn's ``available_if``."""
    network = getattr(estimator, "network_", None)
    sizes = estimator.hidden_layer_sizes if network is None else network.layer_sizes[1:-1]
    if hasattr(sizes, "__len__") and len(sizes) == 0:
        raise AttributeError(
            "transform gives the activities of a hidden layer, but this network has none; "
            "give hidden_layer_sizes at least one width and fit again"
        )
    return True


class HiddenActivitiesMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """`transform` to the activities of the hidden layer that ``transform_layer`` chooses."""

    def transform(self, X):
        """Activities z of the hidden layer `transform_layer`, after a feed-forward pass.

        As all activities here they are taken before the activation function, which belongs to
        the next layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)

        Raises
        ------
        FloatingPointError
            Finite features overflow on their way through the network.
        """
        activities = self._of_rows(
            X, lambda rows: hidden_activities(self.network_, rows, self._transform_index())
        )
        check_overflow(all_finite(activities))
        return activities

    def get_feature_names_out(self, input_features=None):
        """Names of the columns of `transform`: the lowercased class name and a number.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str
        """
        check_is_fitted(self)
        self._transform_index()  # says what is wrong, where scikit-learn would say "not fitted"
        return super().get_feature_names_out(input_features)

    def _transform_index(self):
        """The chosen hidden layer, counted from 0 at the input."""
        widths = self.network_.layer_sizes[1:-1]
        check_transform_layer(self.transform_layer, len(widths))
        return self.transform_layer % len(widths)

    def fit_transform(self, X, y=None, **fit_params):
        """`fit`, then `transform` of the same X.

        Parameters
        ----------
        X, y, **fit_params
            As in `fit`.

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)
        """
        return super().fit_transform(X, y, **fit_params)

    @property
    def _n_features_out(self):
        _has_hidden_layer(self)
        try:
            return self.network_.layer_sizes[1 + self._transform_index()]
        except ValueError as error:  # transform_layer out of range: tools ask hasattr
            raise AttributeError(str(error)) from error

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [np.float64, np.float32]
        return tags


# Not as decorators: scikit-learn wraps the methods for set_output when the class is made, and its
# wrapping would undo them.
for _name in ("transform", "fit_transform", "get_feature_names_out"):
    setattr(
        HiddenActivitiesMixin,
        _name,
        available_if(_has_hidden_layer)(vars(HiddenActivitiesMixin)[_name]),
    )


def hidden_activities(network, X, index):
    """Feed-forward activities of one hidden layer, with memory for some rows at a time.

    Parameters
    ----------
    network : Network
    X : Rows, or ndarray of shape (n, D)
        Of the network's dtype, C-contiguous, finite.
    index : int
        Hidden layer, from 0.

    Returns
    -------
    ndarray, (n, n_index)
    """
    part = _lowest_layers(network, index + 2)
    out = np.empty((len(X), part.layer_sizes[index + 1]), part.dtype)
    batch = part.core_batch(min(len(X), BLOCK_ROWS))
    for part, rows in small_blocks(X):
        batch.forward(rows)
        out[part] = batch.activities[index][: len(rows), : out.shape[1]]
    return out


def small_blocks(X):
    """Yield (slice, array) of at most `BLOCK_ROWS` rows each, from first to last.

    Parameters
    ----------
    X : Rows or ndarray
    """
    for whole, block in as_rows(X).blocks():
        for start in range(0, len(block), BLOCK_ROWS):
            rows = block[start : start + BLOCK_ROWS]
            yield slice(whole.start + start, whole.start + start + len(rows)), rows


def _lowest_layers(network, n_layers):
    """A network of the first layers, sharing their weights; the last one has no skip."""
    part = copy.copy(network)
    part.weights = network.weights[:n_layers]
    part.biases = None if network.biases is None else network.biases[:n_layers]
    part.scales = network.scales[:n_layers]
    part.skips = network.skips[:n_layers].copy()
    part.skips[-1] = False  # the core knows none into an output
    if not isinstance(network.activation, str):  # one per hidden layer
        part.activation = network.activation[: n_layers - 1]
    return part
