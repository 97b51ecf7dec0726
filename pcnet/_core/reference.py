"""Plain NumPy twin of the C core: the definition of every kernel, read top to bottom.

It is written for reading and for checking, not for speed, and it never imports the
compiled core. Arrays are computed in the dtype of the network's weights, energies are
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
Barzilai, J. and Borwein, J. M. (1988), doi:10.1093/imanum/8.1.141 : the step length.
Armijo, L. (1966), doi:10.2140/pjm.1966.16.1 : the acceptance test.
Kingma, D. P. and Ba, J. (2015), arXiv:1412.6980 : Adam.
"""

from typing import NamedTuple

import numpy as np
import scipy.special

SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
LEAKY_SLOPE = 0.01
GELU_ROOT = np.sqrt(2.0 / np.pi)
GELU_CUBIC = 0.044715

# ErrorDescent's constants
MIN_STEP = 1e-4
MAX_STEP = 1.5
ARMIJO = 1e-4
SHRINK = 0.3
UNJUDGED = 32  # times the noise of the energy

# Why a sample's inference ended (see `error_descent`)
LIMIT, CONVERGED, ENERGY, FLOOR = 0, 1, 2, 3


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
    return np.sum(np.exp(mu) - y - y * mu + scipy.special.xlogy(y, y), axis=1)


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
    """By name; an object with a ``delta`` is Huber's loss."""
    return LOSSES[loss] if isinstance(loss, str) else _huber(loss.delta)


def loss_values(loss, mu, Y):
    """Loss of each sample, (n,) float64, the output precision left out."""
    return _loss(loss)[0](mu.astype(np.float64), Y.astype(np.float64))


def output_delta(loss, mu, Y, output_precision):
    """delta = - d (lambda loss) / d mu, (n, K); for most losses lambda (y - link(mu))."""
    return mu.dtype.type(output_precision) * _loss(loss)[1](mu, Y)


def loss_curvature(loss, mu, y, u):
    """u H u of each sample, H the second derivative of the loss (lambda left out) at mu."""
    mu, y, u = (a.astype(np.float64) for a in (mu, y, u))
    if loss == "log_loss":
        p = np.exp(mu - _log_sum_exp(mu))
        return np.sum(p * (u - np.sum(p * u, axis=1, keepdims=True)) ** 2, axis=1)
    if loss == "squared_error":
        h = np.ones_like(mu)
    elif loss == "logistic":
        h = _logistic(mu) * _logistic(-mu)
    elif loss == "poisson":
        h = np.exp(mu)
    else:
        h = np.abs(y - mu) <= getattr(loss, "delta", 1.35)
    return np.sum(h * u**2, axis=1)


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
    # a Python or NumPy float64 would silently lift float32 arrays
    return net.weights[index].dtype.type(net.scales[index])


def propagate(net, X, hidden_errors=None):
    """z_l = mu_l + eps_l from the input up; returns [z_1, ..., z_H, mu_L].

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
    """Energy of each sample and layer, (n, L) float64, decay term left out.

    1/2 ||e_l||^2 for the hidden layers, lambda loss(mu_L, y) for the last.
    """
    mu = predictions(net, X, activities)
    hidden = zip(_hidden(net, activities), mu[:-1], strict=True)
    columns = [0.5 * _squares([z - m]) for z, m in hidden]
    output = objective.output_precision * loss_values(objective.loss, mu[-1], Y)
    return np.stack([*columns, output], axis=1)


def sample_energies(net, X, Y, activities, objective):
    """F of each sample, (n,) float64, decay term included."""
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
    """a_l (e_l W_l^T) phi'(z_{l-1}) + tau_l e_l, l = index + 1: what a layer sends down."""
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


def backward(net, activities, delta, activity_decay=0.0):
    """[v_1, ..., v_H] of one pass back: v_l = feedback_{l+1}(v_{l+1}) - decay z_l, v_L = delta."""
    decay = delta.dtype.type(activity_decay)
    v = [delta]
    for index in range(len(net.weights) - 1, 0, -1):
        z = activities[index - 1]
        v.insert(0, feedback(net, index, v[0], z) - decay * z)
    return v[:-1]


def gauss_seidel_sweep(net, activities, errors, rate, activity_decay=0.0):
    """One reverse Gauss-Seidel sweep, l = H..1; returns new [z_1, ..., z_H], [e_1, ..., delta].

    z_l and e_l move by - rate g_l (`gradients_at_errors`) at once, so that the gradient
    of layer l - 1 includes the move.
    """
    z, e = _hidden(net, activities), list(errors)
    rate, decay = e[-1].dtype.type(rate), e[-1].dtype.type(activity_decay)
    for i in range(len(z) - 1, -1, -1):
        g = e[i] - feedback(net, i + 1, e[i + 1], z[i]) + decay * z[i]
        z[i], e[i] = z[i] - rate * g, e[i] - rate * g
    return z, e


def weight_gradients(net, X, errors, activities, sample_weight=None):
    """([dF/dW_1..L], [dF/db_1..L]), means over the samples.

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


# ------------------------------------------------------------------ inference


class Inference(NamedTuple):
    """Where inference ended: lists of (n, n_l) arrays, and one entry a sample."""

    activities: list  # [z_1, ..., z_H]
    errors: list  # [e_1, ..., e_H, delta]
    energy: np.ndarray  # (n,) float64
    n_steps: np.ndarray  # (n,) accepted steps
    n_passes: np.ndarray  # (n,) forward and backward passes, a pair counts 1
    status: np.ndarray  # (n,) LIMIT, CONVERGED, ENERGY or FLOOR
    energy_traces: list  # a sample's energy before each step and after the last


def activity_descent(net, X, Y, objective, *, n_steps, rate):
    """z_l <- z_l - rate dF/dz_l for all layers at once, from the feed-forward state."""
    activities = forward(net, X)[:-1]
    rate = X.dtype.type(rate)
    traces = [sample_energies(net, X, Y, activities, objective)]
    for _ in range(n_steps):
        gradients = activity_gradients(net, X, Y, activities, objective)
        activities = [z - rate * g for z, g in zip(activities, gradients, strict=True)]
        traces.append(sample_energies(net, X, Y, activities, objective))
    return Inference(
        activities,
        errors(net, X, Y, activities, objective),
        traces[-1],
        np.full(X.shape[0], n_steps),
        np.full(X.shape[0], n_steps + 0.5),
        np.full(X.shape[0], LIMIT),
        list(np.transpose(traces)),
    )


def error_descent(net, X, Y, objective, *, max_steps, tol, energy_tol):
    """Gradient descent on eps_l = z_l - mu_l with a step length for each sample.

    A sample ends when, looked at in this order,

    CONVERGED  ||d|| <= tol ||v||, d the negative gradient and v the pull of the layers above
    LIMIT      max_steps steps were taken
    FLOOR      step ||d||^2 <= eps (|F| + sum_k |delta_k mu_k|): no step lowers F by more than
               the rounding of F itself and of the output it is computed from; from the
               feed-forward state a step that F is too coarse to judge is taken all the same
    ENERGY     the last step lowered F by less than energy_tol |F|

    Samples never talk to each other, so this loops over them; see `_descend`.
    """
    ends = [
        _descend(net, X[i : i + 1], Y[i : i + 1], objective, (max_steps, tol, energy_tol))
        for i in range(X.shape[0])
    ]
    z = [np.concatenate(layer) for layer in zip(*(end.z for end in ends), strict=True)]
    eps = [np.concatenate(layer) for layer in zip(*(end.eps for end in ends), strict=True)]
    return Inference(
        z[:-1],
        [*eps, output_delta(objective.loss, z[-1], Y, objective.output_precision)],
        np.array([end.trace[-1] for end in ends]),
        np.array([len(end.trace) - 1 for end in ends]),
        np.array([end.half_passes / 2 for end in ends]),
        np.array([end.status for end in ends]),
        [np.array(end.trace) for end in ends],
    )


class _End(NamedTuple):
    z: list
    eps: list
    trace: list
    half_passes: int
    status: int


def _descend(net, x, y, objective, options):
    """Error descent of one sample; x (1, D), y (1, K)."""
    max_steps, tol, energy_tol = options
    z = forward(net, x)
    eps = [np.zeros_like(hidden) for hidden in z[:-1]]
    trace = [_error_energy(z, eps, y, objective)]
    v, d = _direction(net, z, eps, y, objective)
    step = _opening_step(z[-1], y, d, objective)
    half_passes = 2
    while True:
        if np.sqrt(_squares(d)) <= tol * np.sqrt(_squares(v)):
            return _End(z, eps, trace, half_passes, CONVERGED)
        if len(trace) > max_steps:
            return _End(z, eps, trace, half_passes, LIMIT)
        noise = _energy_noise(z, y, objective, trace[-1])
        found, trials = _search(net, x, y, objective, (eps, d, step, trace[-1]), noise)
        half_passes += trials
        if found is None:
            z, eps = _floor(net, x, (z, eps), d, step if len(trace) == 1 else 0.0, noise)
            return _End(z, eps, trace, half_passes, FLOOR)
        z, eps, step, energy = found
        trace.append(energy)
        if trace[-2] - energy < energy_tol * abs(trace[-2]):
            return _End(z, eps, trace, half_passes, ENERGY)
        v, turned = _direction(net, z, eps, y, objective)
        half_passes += 1
        step = _barzilai_borwein(step, d, turned)
        d = turned


def _error_energy(z, eps, y, objective):
    """F of one sample from its errors, a float."""
    output = objective.output_precision * loss_values(objective.loss, z[-1], y)
    total = 0.5 * _squares(eps) + output + _decay_energy(z[:-1], objective)
    return float(total[0])


def _direction(net, z, eps, y, objective):
    """v = - d(F - 1/2 ||eps||^2)/d eps by one backward pass, and d = v - eps = -dF/d eps."""
    delta = output_delta(objective.loss, z[-1], y, objective.output_precision)
    v = backward(net, z, delta, objective.activity_decay)
    return v, _minus(v, eps)


def _energy_noise(z, y, objective, energy):
    """What rounding does to F: its own, and sum_k |delta_k mu_k| of the outputs'."""
    mu = z[-1].astype(np.float64)
    delta = output_delta(objective.loss, z[-1], y, objective.output_precision)
    return float(np.finfo(z[-1].dtype).eps * (abs(energy) + np.abs(delta * mu).sum()))


def _search(net, x, y, objective, start, noise):
    """Shrink the step until F falls enough (Armijo): ((z, eps, step, F), trials).

    None instead of the state where the step first reaches the floor.
    """
    eps, d, step, energy = start
    slope = float(np.sum(_squares(d)))
    trials = 0
    while step * slope > noise:
        moved = [e + e.dtype.type(step) * g for e, g in zip(eps, d, strict=True)]
        z = propagate(net, x, moved)
        trials += 1
        trial = _error_energy(z, moved, y, objective)
        if trial <= energy - ARMIJO * step * slope:
            return (z, moved, step, trial), trials
        step *= SHRINK
    return None, trials


def _floor(net, x, state, d, step, noise):
    """(z, eps) of a sample at the floor: after one more step if that is too small to be judged."""
    if not 0 < step * float(np.sum(_squares(d))) <= UNJUDGED * noise:
        return state
    eps = [e + e.dtype.type(step) * g for e, g in zip(state[1], d, strict=True)]
    return propagate(net, x, eps), eps


def _opening_step(mu, y, d, objective):
    """The step from the feed-forward state: exact if delta is an eigenvector of P P^T.

    There d = P^T delta, P = d mu_L / d eps, and the curvature of F along d is
    1 + lambda (P d) H (P d) / |d|^2. Of P d = P P^T delta the part along delta is known:
    delta |d|^2 / |delta|^2. With activity decay d holds more, and the step is 1.
    """
    delta = output_delta(objective.loss, mu, y, objective.output_precision)
    square = _squares([delta])
    if objective.activity_decay > 0 or not np.all(square > 0):
        return 1.0
    along = loss_curvature(objective.loss, mu, y, delta) / square
    excess = float((objective.output_precision * along / square * _squares(d))[0])
    return min(max(1 / (1 + excess), MIN_STEP), MAX_STEP) if excess > 0 else 1.0


def _barzilai_borwein(step, d, turned):
    """s = <ds, ds> / <ds, dg> after a step ds = step d turned the direction from d to `turned`.

    dg = d - turned. Clamped to its bounds; the upper one where the curvature is not positive.
    """
    curvature = float(np.sum(_dot(d, _minus(d, turned))))
    if curvature <= 0:
        return MAX_STEP
    return min(max(step * float(np.sum(_squares(d))) / curvature, MIN_STEP), MAX_STEP)


def _minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


# -------------------------------------------------------------------- updates


def adam_step(w, g, m, v, t, learning_rate, *, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """One Adam step, the t-th (t = 1, 2, ...); returns new (w, m, v).

    m = b1 m + (1 - b1) g      mhat = m / (1 - b1^t)
    v = b2 v + (1 - b2) g^2    vhat = v / (1 - b2^t)
    w = w - learning_rate mhat / (sqrt(vhat) + epsilon)
    """
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    return w - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def sgd_step(w, g, velocity, learning_rate, *, momentum=0.9, nesterov=True):
    """One SGD step, scikit-learn's form; returns new (w, velocity).

    velocity = momentum velocity - learning_rate g
    w = w + velocity, or with Nesterov's w + momentum velocity - learning_rate g
    """
    velocity = momentum * velocity - learning_rate * g
    if nesterov:
        return w + momentum * velocity - learning_rate * g, velocity
    return w + velocity, velocity
