"""Linear networks solved exactly: the oracle of inference.

With phi = identity a layer is z_l = z_{l-1} K_l + b_l + e_l, K_l = a_l W_l + tau_l I, and the
energy is quadratic. Rows are samples; everything in float64.
"""

import numpy as np


def layer_maps(net):
    """[K_1, ..., K_L]."""
    maps = []
    for w, a, skip in zip(net.weights, net.scales, net.skips, strict=True):
        k = a * np.asarray(w, dtype=np.float64)
        maps.append(k + np.eye(*w.shape) if skip else k)
    return maps


def feed_forward(net, X):
    """[z_1, ..., z_H, mu_L] of a linear net."""
    activities, z = [], np.asarray(X, dtype=np.float64)
    for index, k in enumerate(layer_maps(net)):
        z = z @ k
        if net.biases is not None:
            z = z + np.asarray(net.biases[index], dtype=np.float64)
        activities.append(z)
    return activities


def rescaling(net, output_precision):
    """S = I / lambda + sum_l P_l^T P_l with P_l = d mu_L / d z_l = K_{l+1} ... K_L, (K, K)."""
    maps = layer_maps(net)
    n_out = maps[-1].shape[1]
    S, path = np.eye(n_out) / output_precision, np.eye(n_out)
    for k in reversed(maps[1:]):
        path = k @ path
        S = S + path.T @ path
    return S


def equilibrated_energies(net, X, Y, output_precision):
    """F* = 1/2 r S^{-1} r^T of each sample, r = y - mu_L (no activity decay), (n,)."""
    r = Y - feed_forward(net, X)[-1]
    return 0.5 * np.sum(r * np.linalg.solve(rescaling(net, output_precision), r.T).T, axis=1)


def activity_hessian(net, output_precision, activity_decay=0.0):
    """H_z = d2F / dz2 of one sample, block tridiagonal.

    Diagonal blocks (1 + decay) I + K_{l+1} K_{l+1}^T, the last with lambda before the
    product; off the diagonal -K_l between layers l - 1 and l.
    """
    maps = layer_maps(net)
    edges = np.cumsum([0, *(k.shape[1] for k in maps[:-1])])
    hessian = (1.0 + activity_decay) * np.eye(edges[-1])
    for i, k in enumerate(maps[1:]):  # the layer above hidden layer i
        here = slice(edges[i], edges[i + 1])
        last = i == len(maps) - 2
        hessian[here, here] += (output_precision if last else 1.0) * k @ k.T
        if not last:
            above = slice(edges[i + 1], edges[i + 2])
            hessian[here, above] = -k
            hessian[above, here] = -k.T
    return hessian


def equilibrium(net, X, Y, output_precision=1.0, activity_decay=0.0):
    """[z*_1, ..., z*_H]: H_z z = c, with c from input, biases and target."""
    maps = layer_maps(net)
    n_samples, n_layers = X.shape[0], len(maps)
    b = [np.zeros(k.shape[1]) for k in maps]
    if net.biases is not None:
        b = [np.asarray(x, dtype=np.float64) for x in net.biases]
    pulls = []
    for i in range(n_layers - 1):
        pull = np.tile(b[i], (n_samples, 1))
        if i == 0:
            pull = pull + np.asarray(X, dtype=np.float64) @ maps[0]
        if i == n_layers - 2:
            pull = pull + output_precision * (Y - b[-1]) @ maps[-1].T
        else:
            pull = pull - b[i + 1] @ maps[i + 1].T
        pulls.append(pull)
    if not pulls:
        return []
    hessian = activity_hessian(net, output_precision, activity_decay)
    z = np.linalg.solve(hessian, np.concatenate(pulls, axis=1).T).T
    return np.split(z, np.cumsum([p.shape[1] for p in pulls])[:-1], axis=1)
