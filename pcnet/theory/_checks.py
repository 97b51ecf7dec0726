"""Checks that the functions of the theory share."""

import numpy as np

from .. import _reference as reference
from .. import network
from ._backprop import in_float64


def check_network(net):
    """A network in float64 (itself, if it is), or a TypeError that says where to find one."""
    network.check_network(net)
    return net if net.dtype == np.float64 else in_float64(net)


def check_linear(net, function, instead):
    """A linear network in float64; an error names what serves nonlinear ones."""
    net = check_network(net)
    nonlinear = sorted(set(net.activations[1:]) - {"identity"})
    if nonlinear:
        raise ValueError(
            f"{function} holds for linear networks only: every activation must be 'identity', got "
            f"{', '.join(map(repr, nonlinear))}; {instead}"
        )
    return net


def check_hidden(net, function):
    """Raise if a network has no hidden layer: no activity is free then."""
    if net.n_layers == 1:
        raise ValueError(
            f"{function} needs a network with a hidden layer; with layer_sizes "
            f"{net.layer_sizes} no activity is free"
        )


def check_clamped(net, X, Y):
    """Inputs (n, D) and targets (n, K) in float64."""
    X = net.check_rows("X", X, net.layer_sizes[0])
    return X, net.check_rows("Y", Y, net.layer_sizes[-1], len(X))


def check_activities(net, X, activities):
    """Hidden activities z_1..z_H in float64, the feed-forward ones for None."""
    if activities is None:
        activities = reference.forward(net, X)
    return net._check_activities(activities, len(X))
