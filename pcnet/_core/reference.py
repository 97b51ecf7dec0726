"""The model in plain NumPy: activations, losses, predictions, energies and gradients.

It is written for reading and for checking, not for speed, and it never imports the
compiled core. Inference, solver steps and single passes of the core have their reference in
``tests/reference.py``. Arrays are computed in the dtype of the network's weights, energies are
summed in float64. Everywhere below

    net         any object with weights, biases (list or None), scales, skips, activation (one
                name, or one for each hidden layer)
    objective   any object with loss, output_precision, activity_decay
    activities  [z_1, ..., z_H], each (n, n_l); a last item mu_L, as returned by `forward`,
                is allowed and ignored
    errors      [e_1, ..., e_H, delta], the last one the output delta (n, K)

and layers are numbered 1..L in the text, 0..L-1 in the lists.

References
----------
Rao, R. P. N. and Ballard, D. H. (1999), doi:10.1038/4580 : predictive coding.
Innocenti, F. et al. (2025), arXiv:2505.13124 : muPC, residual PC networks.
"""

import numpy as np

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
LEAKY_SLOPE = 0.01
GELU_ROOT = np.sqrt(2.0 / np.pi)
GELU_CUBIC = 0.044715

# ---------------------------------------------------------------- activations


def _logistic(z):
    e = np.exp(-np.abs(z))  # never overflows
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def _expm1_below(z):
    return np.expm1(np.minimum(z, 0))


def _gelu_tanh(z):
    return np.tanh(GELU_ROOT * (z + GELU_CUBIC * z * z * z))


def _gelu_derivative(z):
    t = _gelu_tanh(z)
    inner = GELU_ROOT * (1 + 3 * GELU_CUBIC * z * z)
    return 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * inner


def _silu_derivative(z):
    s = _logistic(z)
    return s * (1 + z * (1 - s))


#: name -> (phi, phi'); at a kink phi' is the value from the left.
ACTIVATIONS = {
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "hard_tanh": (
        lambda z: np.clip(z, -1, 1),
        lambda z: np.where((z > -1) & (z <= 1), 1.0, 0.0),
    ),
    "relu": (
        lambda z: np.maximum(z, 0),
        lambda z: np.where(z > 0, 1.0, 0.0),
    ),
    "leaky_relu": (
        lambda z: np.where(z > 0, z, LEAKY_SLOPE * z),
        lambda z: np.where(z > 0, 1.0, LEAKY_SLOPE),
    ),
    "gelu": (lambda z: 0.5 * z * (1 + _gelu_tanh(z)), _gelu_derivative),
    "selu": (
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * _expm1_below(z)),
        lambda z: SELU_SCALE * np.where(z > 0, 1.0, SELU_ALPHA * np.exp(np.minimum(z, 0))),
    ),
    "silu": (lambda z: z * _logistic(z), _silu_derivative),
    "logistic": (_logistic, lambda z: _logistic(z) * (1 - _logistic(z))),
}


def activation(name, z):
    """phi(z), element by element, in the dtype of z."""
    return ACTIVATIONS[name][0](z).astype(z.dtype, copy=False)


def activation_derivative(name, z):
    """phi'(z), element by element, in the dtype of z."""
    return ACTIVATIONS[name][1](z).astype(z.dtype, copy=False)


# --------------------------------------------------------------------- losses


def _log_sum_exp(mu):
    top = mu.max(axis=1, keepdims=True)
    return top + np.log(np.sum(np.exp(mu - top), axis=1, keepdims=True))


def _huber(delta):
    """Huber's loss: r^2 / 2, or delta (|r| - delta / 2) where |r| > delta; r = y_k - mu_k."""

    def values(mu, y):
        r = np.abs(y - mu)
        return np.sum(np.where(r > delta, delta * (r - 0.5 * delta), 0.5 * r**2), axis=1)

    return values, lambda mu, y: np.clip(y - mu, -delta, delta)


def _poisson_deviance(mu, y):
    """Half the deviance, sum_k exp(mu_k) - y_k - y_k (mu_k - log y_k)."""
    from scipy.special import xlogy  # imported here: inference needs NumPy only

    return np.sum(np.exp(mu) - y - y * mu + xlogy(y, y), axis=1)


#: name -> (loss of each sample, - d loss / d mu).
LOSSES = {
    # 1/2 ||y - mu||^2
    "squared_error": (
        lambda mu, y: 0.5 * np.sum((y - mu) ** 2, axis=1),
        lambda mu, y: y - mu,
    ),
    # - sum_k y_k log softmax(mu)_k; its derivative holds where the y_k sum to 1
    "log_loss": (
        lambda mu, y: np.sum(y * (_log_sum_exp(mu) - mu), axis=1),
        lambda mu, y: y - np.exp(mu - _log_sum_exp(mu)),
    ),
    # sum_k log(1 + exp(mu_k)) - y_k mu_k
    "logistic": (
        lambda mu, y: np.sum(np.logaddexp(0.0, mu) - y * mu, axis=1),
        lambda mu, y: y - _logistic(mu),
    ),
    "huber": _huber(1.35),
    "poisson": (_poisson_deviance, lambda mu, y: y - np.exp(mu)),
}


def _loss(loss):
    """By name; an object with a ``delta`` is Huber's loss, one with ``losses`` has blocks."""
    if hasattr(loss, "losses"):
        return _block_losses(loss)
    return LOSSES[loss] if isinstance(loss, str) else _huber(loss.delta)


def _block_losses(blocks):
    """The sum over consecutive blocks of outputs, each with its loss."""
    stops = np.cumsum(blocks.sizes)
    parts = [(_loss(own), slice(e - n, e)) for own, n, e in zip(blocks.losses, blocks.sizes, stops)]

    def values(mu, y):
        return sum(own[0](mu[:, at], y[:, at]) for own, at in parts)

    def deltas(mu, y):
        return np.concatenate([own[1](mu[:, at], y[:, at]) for own, at in parts], axis=1)

    return values, deltas


def loss_values(loss, mu, Y):
    """Loss of each sample, (n,) float64, without the output precision."""
    return _loss(loss)[0](mu.astype(np.float64), Y.astype(np.float64))


def output_delta(loss, mu, Y, output_precision):
    """delta = - d (lambda loss) / d mu, (n, K); for most losses lambda (y - link(mu))."""
    return mu.dtype.type(output_precision) * _loss(loss)[1](mu, Y)


# ---------------------------------------------------- predictions and energies


def predict_layer(net, index, below):
    """mu_l = a_l f_l(z_{l-1}) W_l + b_l + tau_l z_{l-1}, l = index + 1."""
    mu = _scale(net, index) * (_presynaptic(net, index, below) @ net.weights[index])
    if net.biases is not None:
        mu = mu + net.biases[index]
    if net.skips[index]:
        mu = mu + below
    return mu


def _presynaptic(net, index, below):
    """f_l(z_{l-1}): the identity on the input, phi above it."""
    return below if index == 0 else activation(_activation_below(net, index), below)


def _activation_below(net, index):
    """Name of f_l, l = index + 1 > 1, which acts on the activities of hidden layer l - 1."""
    return net.activation if isinstance(net.activation, str) else net.activation[index - 1]


def _scale(net, index):
    # a Python or NumPy float64 would convert float32 arrays to float64
    return net.weights[index].dtype.type(net.scales[index])


def propagate(net, X, hidden_errors=None):
    """z_l = mu_l + eps_l for l = 1..L; returns [z_1, ..., z_H, mu_L].

    Without errors this is the feed-forward pass.
    """
    activities = []
    below = X
    for index in range(len(net.weights)):
        below = predict_layer(net, index, below)
        if hidden_errors is not None and index < len(hidden_errors):
            below = below + hidden_errors[index]
        activities.append(below)
    return activities


def forward(net, X):
    """Feed-forward activities [z_1, ..., z_H, mu_L]."""
    return propagate(net, X)


def predictions(net, X, activities):
    """[mu_1, ..., mu_L] at the given activities."""
    below = [X, *_hidden(net, activities)]
    return [predict_layer(net, index, z) for index, z in enumerate(below)]


def errors(net, X, Y, activities, objective):
    """[e_1, ..., e_H, delta]: e_l = z_l - mu_l and the output delta."""
    mu = predictions(net, X, activities)
    hidden = [z - m for z, m in zip(_hidden(net, activities), mu[:-1], strict=True)]
    return [*hidden, output_delta(objective.loss, mu[-1], Y, objective.output_precision)]


def layer_energies(net, X, Y, activities, objective):
    """Energy of each sample and layer, (n, L) float64, without the decay term.

    1/2 ||e_l||^2 for the hidden layers, lambda loss(mu_L, y) for the last.
    """
    mu = predictions(net, X, activities)
    hidden = zip(_hidden(net, activities), mu[:-1], strict=True)
    columns = [0.5 * _squares([z - m]) for z, m in hidden]
    output = objective.output_precision * loss_values(objective.loss, mu[-1], Y)
    return np.stack([*columns, output], axis=1)


def sample_energies(net, X, Y, activities, objective):
    """F of each sample, (n,) float64, with the decay term."""
    total = layer_energies(net, X, Y, activities, objective).sum(axis=1)
    return total + _decay_energy(_hidden(net, activities), objective)


def _decay_energy(hidden, objective):
    return 0.5 * objective.activity_decay * _squares(hidden)


def _hidden(net, activities):
    return list(activities[: len(net.weights) - 1])


def _dot(a, b):
    """<a, b> over all layers of each sample, float64; 0.0 without hidden layers."""
    products = (
        np.sum(x.astype(np.float64) * y.astype(np.float64), axis=1)
        for x, y in zip(a, b, strict=True)
    )
    return sum(products, 0.0)


def _squares(a):
    return _dot(a, a)


# ------------------------------------------------------------------ gradients


def feedback(net, index, above, z):
    """a_l (e_l W_l^T) phi'(z_{l-1}) + tau_l e_l, l = index + 1: the feedback of a layer."""
    sent = _scale(net, index) * (above @ net.weights[index].T)
    sent = sent * activation_derivative(_activation_below(net, index), z)
    return sent + above if net.skips[index] else sent


def activity_gradients(net, X, Y, activities, objective):
    """[dF/dz_1, ..., dF/dz_H] per sample: e_l - feedback_{l+1} + decay z_l."""
    e = errors(net, X, Y, activities, objective)
    return gradients_at_errors(net, activities, e, objective.activity_decay)


def gradients_at_errors(net, activities, signals, activity_decay=0.0):
    """[g_1, ..., g_H], g_l = u_l - feedback_{l+1}(u_{l+1}) + decay z_l of any signals u_1..u_L."""
    decay = signals[-1].dtype.type(activity_decay)
    return [
        signals[i] - feedback(net, i + 1, signals[i + 1], z) + decay * z
        for i, z in enumerate(_hidden(net, activities))
    ]


def weight_gradients(net, X, errors, activities, sample_weight=None):
    """([dF/dW_1..dF/dW_L], [dF/db_1..dF/db_L]), means over the samples.

    dF/dW_l = - a_l sum_i w_i f_l(z_{l-1,i})^T e_{l,i} / sum_i w_i,
    dF/db_l = - sum_i w_i e_{l,i} / sum_i w_i, with w_i = 1 by default.
    """
    if sample_weight is None:
        sample_weight = np.ones(X.shape[0])
    share = (sample_weight / np.sum(sample_weight)).astype(X.dtype)[:, None]
    weights, biases = [], []
    for index, below in enumerate([X, *_hidden(net, activities)]):
        weighted = share * errors[index]
        pre = _presynaptic(net, index, below)
        weights.append(-_scale(net, index) * (pre.T @ weighted))
        biases.append(-weighted.sum(axis=0))
    return weights, biases
