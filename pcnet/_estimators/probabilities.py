"""From the outputs of a classifier to probabilities."""


class ProbabilitiesMixin:
    """`predict_proba` and `predict_log_proba` of a classifier."""

    def predict_proba(self, X):
        """Predict the probability of each class.

        It is the softmax of the outputs over the temperature T, ``temperature_``. With
        ``loss="log_loss"`` T is 1. With ``loss="squared_error"`` this reads the energy as a
        probability: with noise of variance T in the outputs, class k has the energy
        ``|onehot_k - mu|^2 / (2 T)``, and ``p(k) ~ exp(-energy) ~ exp(mu_k / T)``; T is measured
        on samples that were not trained on. Multilabel: the logistic function of each output over
        T, with ``loss="squared_error"`` of ``(mu - 1/2) / T``.

        Probabilities lie strictly between 0 and 1, are ranked as the outputs are, and the largest
        is that of the label that `predict` gives.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`. Rows sum to 1, except for multilabel targets,
            where each column is the probability of one label.

        References
        ----------
        Guo, C. et al. (2017). On calibration of modern neural networks. arXiv:1706.04599
        """
        return self._encoder.probabilities(self._outputs(X))

    def predict_log_proba(self, X):
        """Predict the natural logarithm of `predict_proba`, without its underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._encoder.log_probabilities(self._outputs(X))
