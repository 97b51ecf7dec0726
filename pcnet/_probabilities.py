"""From the outputs of a classifier to probabilities."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax


class ProbabilitiesMixin:
    """`predict_proba` and `predict_log_proba` of a classifier."""

    def predict_proba(self, X):
        """Predict the probability of each class.

        With ``loss="log_loss"`` it is the softmax of the outputs (multilabel: the logistic
        function of each). With ``loss="squared_error"`` the outputs themselves estimate the
        probabilities, for the least-squares fit to a one-hot target is its mean, P(class | x);
        but they may leave [0, 1] and not sum to 1. The result is the closest point that does
        not: their Euclidean projection onto the probability simplex, which keeps the order of
        the classes and may be exactly 0 (multilabel: outputs clipped to what lies between 0 and
        1).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets,
            where each column is the probability of one label.
        """
        return self._probabilities(self._outputs(X))

    def _probabilities(self, outputs):
        if self.out_activation_ == "softmax":
            return softmax(outputs, axis=1)
        if self.out_activation_ == "logistic":
            return expit(outputs)
        if self._multilabel:
            rounding = np.finfo(outputs.dtype).eps
            return np.clip(outputs, rounding, 1 - rounding)
        return project_to_simplex(outputs)

    def predict_log_proba(self, X):
        """Predict the natural logarithm of `predict_proba`, without underflow for "log_loss".

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            -inf where ``loss="squared_error"`` predicts a probability of exactly 0.
        """
        outputs = self._outputs(X)
        if self.out_activation_ == "softmax":
            return log_softmax(outputs, axis=1)
        if self.out_activation_ == "logistic":
            return log_expit(outputs)
        with np.errstate(divide="ignore"):
            return np.log(self._probabilities(outputs))


def project_to_simplex(outputs):
    """Closest probability vector to each row: ``argmin ||p - outputs||, p >= 0, sum p = 1``.

    Parameters
    ----------
    outputs : ndarray of shape (n_samples, n_classes)

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes)
        ``max(outputs - theta, 0)`` with one theta per row.

    References
    ----------
    Duchi, J. et al. (2008). Efficient projections onto the l1-ball. ICML, figure 1.
    doi:10.1145/1390156.1390191
    """
    # Rows are shifted so that their maximum is 0: the projection does not change, and large
    # outputs keep their digits in the sums.
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    descending = -np.sort(-shifted, axis=1)
    ranks = np.arange(1, outputs.shape[1] + 1)
    theta = (np.cumsum(descending, axis=1) - 1) / ranks
    n_positive = np.count_nonzero(descending > theta, axis=1)
    theta = theta[np.arange(len(outputs)), n_positive - 1]
    probabilities = np.maximum(shifted - theta[:, np.newaxis], 0).astype(outputs.dtype)
    return probabilities / probabilities.sum(axis=1, keepdims=True)
