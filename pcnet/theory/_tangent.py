"""The R-operator: how predictions, errors and weight gradients move with weights and activities.

A direction is a change dW_l of each weight matrix and a change dz_l of each hidden activity. The
rules are the derivatives of the passes of `pcnet._core.reference`, so a product with a Hessian
costs about two passes and never forms a matrix (Pearlmutter 1994, doi:10.1162/neco.1994.6.1.147).
"""

import numpy as np

from .._core import reference
from ._curvature import activation_second_derivative, output_curvature


class Tangent:
    """Directional derivatives of a network's passes at given activities and errors.

    Parameters
    ----------
    net : Network
        In float64.
    X : ndarray, (n, D)
    activities : list of ndarray, (n, n_l)
        z_1..z_H.
    errors : list of ndarray, (n, n_l)
        e_1..e_L that the layers send down: those of predictive coding, or backpropagation's.
    """

    def __init__(self, net, X, activities, errors):
        self.net = net
        self.errors = errors
        names = net.activations
        below = [X, *activities]
        self.sent_up = [reference.activation(name, z) for name, z in zip(names, below)]
        self.slopes = [reference.activation_derivative(name, z) for name, z in zip(names, below)]
        self.bends = [activation_second_derivative(name, z) for name, z in zip(names, below)]
        self.pulls = [e @ W.T for e, W in zip(errors, net.weights)]

    def prediction(self, index, dW, below=None):
        """Change of mu_l, l = index + 1; ``below`` is dz_{l-1}, None for no change."""
        net = self.net
        change = self.sent_up[index] @ dW
        if below is None:
            return net.scales[index] * change
        change = net.scales[index] * (change + (self.slopes[index] * below) @ net.weights[index])
        return change + below if net.skips[index] else change

    def feedback(self, index, dW, above, z=None):
        """Change of what layer l = index + 1 sends down to the activities of layer l - 1.

        Of ``a_l (e_l W_l^T) f'(z_{l-1}) + tau_l e_l``; ``above`` is the change of e_l and ``z``
        that of z_{l-1}, None for no change.
        """
        net = self.net
        pull = above @ net.weights[index].T + self.errors[index] @ dW.T
        change = pull * self.slopes[index]
        if z is not None:
            change = change + self.pulls[index] * self.bends[index] * z
        change = net.scales[index] * change
        return change + above if net.skips[index] else change

    def weight_gradient(self, index, above, below=None):
        """Change of the mean ``- a_l / n f_l(z_{l-1})^T e_l``; ``above`` is that of e_l."""
        change = self.sent_up[index].T @ above
        if below is not None:
            change = change + (self.slopes[index] * below).T @ self.errors[index]
        return -(self.net.scales[index] / len(above)) * change


def output_pull(objective, output, Y):
    """The map from changes of the outputs (n, K) to those of the output delta, - lambda B."""
    curvature = objective.output_precision * output_curvature(objective.loss, output, Y)
    return lambda change: -np.einsum("nk,nkj->nj", change, curvature)
