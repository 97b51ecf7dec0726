"""The energy of two networks with shared activities, in NumPy, and problems with gaps."""

import numpy as np

from .. import reference
from ..helpers import make_network


def pair(sizes=(3, 4, 4, 5), activation="tanh", **network):
    """A generator of these sizes, and a network back from its outputs to its causes."""
    back = make_network(sizes[::-1], activation, seed=1, **network)
    return make_network(sizes, activation, **network), back


def ends(net, n=6, missing=0.4):
    """Causes (n, D) and outputs (n, K), some of them NaN: all of X in row 1, all of Y in row 2."""
    rng = np.random.default_rng(3)
    X, Y = (rng.standard_normal((n, width)) for width in (net.layer_sizes[0], net.layer_sizes[-1]))
    for values in (X, Y):
        values[rng.random(values.shape) < missing] = np.nan
    X[0] = Y[0] = 0.5
    X[1], Y[1], X[2], Y[2] = np.nan, 1.0, -1.0, np.nan
    return X, Y


def errors(generator, recognizer, z):
    """e_1..e_L and d_0..d_H at z_0..z_L."""
    down = reference.predictions(generator, z[0], z[1:])
    up = reference.predictions(recognizer, z[-1], z[-2::-1])[::-1]
    return (
        [a - mu for a, mu in zip(z[1:], down, strict=True)],
        [a - mu for a, mu in zip(z[:-1], up, strict=True)],
    )


def energies(generator, recognizer, z, p_g=1.0, p_r=1.0):
    """F of each sample at z_0..z_L."""
    e, d = errors(generator, recognizer, z)
    return sum(0.5 * p * np.sum(a**2, axis=1) for p, layers in ((p_g, e), (p_r, d)) for a in layers)
