"""The reference in plain NumPy: `pcnet._core.reference`, and functions that only tests use.

Backward passes, inference loops and solver steps, written to be read, not to be fast. Arguments are
as in `pcnet._core.reference`, whose functions this module exports too.

References
----------
Barzilai, J. and Borwein, J. M. (1988), doi:10.1093/imanum/8.1.141 : the step length.
Armijo, L. (1966), doi:10.2140/pjm.1966.16.1 : the acceptance test.
Kingma, D. P. and Ba, J. (2015), arXiv:1412.6980 : Adam.
"""

from typing import NamedTuple

import numpy as np

from pcnet._core.reference import *  # noqa: F403 - tests take the model from here too
from pcnet._core.reference import (
    _decay_energy,
    _dot,
    _hidden,
    _log_sum_exp,
    _logistic,
    _squares,
    activity_gradients,
    errors,
    feedback,
    forward,
    loss_values,
    output_delta,
    propagate,
    sample_energies,
)
from pcnet._objective import loss_parts
from pcnet.losses import Blocks

# ErrorDescent's constants
MIN_STEP = 1e-4
MAX_STEP = 1.5
ARMIJO = 1e-4
SHRINK = 0.3
UNJUDGED = 32  # times the noise of the energy
BENT = 0.2  # times tol

# Why a sample's inference ended (see `error_descent`)
LIMIT, CONVERGED, ENERGY, FLOOR, PREDICTED = 0, 1, 2, 3, 4


def loss_curvature(loss, mu, y, u):
    """u H u of each sample, H the second derivative of the loss (lambda left out) at mu."""
    if isinstance(loss, Blocks):
        return sum(
            loss_curvature(own, *(array[:, outputs] for array in (mu, y, u)))
            for own, outputs in loss_parts(loss)
        )
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


def backward(net, activities, delta, activity_decay=0.0):
    """[v_1, ..., v_H] of a backward pass: v_l = feedback_{l+1}(v_{l+1}) - decay z_l; v_L delta."""
    decay = delta.dtype.type(activity_decay)
    v = [delta]
    for index in range(len(net.weights) - 1, 0, -1):
        z = activities[index - 1]
        v.insert(0, feedback(net, index, v[0], z) - decay * z)
    return v[:-1]


def gauss_seidel_sweep(net, activities, errors, rate, activity_decay=0.0):
    """One reverse Gauss-Seidel sweep, l = H..1; returns new [z_1, ..., z_H], [e_1, ..., delta].

    - rate g_l (`gradients_at_errors`) is added to z_l and e_l at once, so that the gradient of
    layer l - 1 uses the new values.
    """
    z, e = _hidden(net, activities), list(errors)
    rate, decay = e[-1].dtype.type(rate), e[-1].dtype.type(activity_decay)
    for i in range(len(z) - 1, -1, -1):
        g = e[i] - feedback(net, i + 1, e[i + 1], z[i]) + decay * z[i]
        z[i], e[i] = z[i] - rate * g, e[i] - rate * g
    return z, e


# ------------------------------------------------------------------ inference


class Inference(NamedTuple):
    """Result of inference: lists of (n, n_l) arrays, and arrays with an entry for each sample."""

    activities: list  # [z_1, ..., z_H]
    errors: list  # [e_1, ..., e_H, delta]
    energy: np.ndarray  # (n,) float64
    n_steps: np.ndarray  # (n,) accepted steps
    n_passes: np.ndarray  # (n,) forward and backward passes, a pair counts 1
    status: np.ndarray  # (n,) LIMIT, CONVERGED, ENERGY, FLOOR or PREDICTED
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


def error_descent(net, X, Y, objective, *, max_steps, tol, energy_tol, predict_convergence=True):
    """Gradient descent on eps_l = z_l - mu_l with a step length for each sample.

    A sample stops at the first of these conditions, checked in this order:

    CONVERGED  ||d|| <= tol ||v||, d the negative gradient, v the response of the layers above
    LIMIT      max_steps steps were taken
    FLOOR      step ||d||^2 <= eps (|F| + sum_k |delta_k mu_k|): no step lowers F by more than
               the rounding of F itself and of the output it is computed from; from the
               feed-forward state a step is taken even if rounding hides its effect on F
    ENERGY     the last step lowered F by less than energy_tol |F|
    PREDICTED  with `predict_convergence` and tol of 0.01 or more, after a step: the outputs predict
               that the next d is small, see `_end_is_predicted`

    Samples are independent, so this loops over them; see `_descend`.
    """
    predict = predict_convergence and tol >= 0.01 and objective.activity_decay == 0
    ends = [
        _descend(net, X[i : i + 1], Y[i : i + 1], objective, (max_steps, tol, energy_tol, predict))
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
    max_steps, tol, energy_tol, predict = options
    z = forward(net, x)
    eps = [np.zeros_like(hidden) for hidden in z[:-1]]
    trace = [_error_energy(z, eps, y, objective)]
    v, d = _direction(net, z, eps, y, objective)
    step = _opening_step(z[-1], y, d, objective)
    half_passes = 2
    a = np.zeros_like(z[-1])
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
        before = z[-1]
        z, eps, step, energy = found
        trace.append(energy)
        if trace[-2] - energy < energy_tol * abs(trace[-2]):
            return _End(z, eps, trace, half_passes, ENERGY)
        deltas = [
            output_delta(objective.loss, mu, y, objective.output_precision)
            for mu in (before, z[-1])
        ]
        a = a + a.dtype.type(step) * (deltas[0] - a)
        if predict:
            moved = (z[-1] - before, step * float(np.sum(_dot(v, d))))
            lost = trace[0] - energy
            if _end_is_predicted(deltas, a, moved, float(np.sum(_squares(v))), lost, tol):
                return _End(z, eps, trace, half_passes, PREDICTED)
        v, turned = _direction(net, z, eps, y, objective)
        half_passes += 1
        step = _barzilai_borwein(step, d, turned)
        d = turned


def _end_is_predicted(deltas, a, moved, vv, lost, tol):
    """Whether the next direction is predicted to be small, after a step.

    With P = d mu_L / d eps, v = P^T delta. While P stays the same, eps = P^T a and the next
    direction is P^T (delta - a).

    Parameters
    ----------
    deltas : (delta, delta) before and after the step
    a : after the step, which added step (delta - a) to it
    moved : change of mu_L, and its product with delta, step <v, d>, if P is as before
    vv : |v|^2 before the step
    lost : energy lost since the feed-forward state
    """
    old, new = (delta.astype(np.float64) for delta in deltas)
    change, expected = moved
    still = 0.5 * np.sum((new - a) ** 2) * vv / np.sum(old**2)
    bent = abs(np.sum(old * change) - expected)
    return still <= tol**2 * lost and bent <= BENT * tol * lost


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
    """Rounding of F, up to eps: that of F itself and sum_k |delta_k mu_k| of the outputs."""
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
    """(z, eps) of a sample at the floor: after one more step if rounding hides its effect."""
    if not 0 < step * float(np.sum(_squares(d))) <= UNJUDGED * noise:
        return state
    eps = [e + e.dtype.type(step) * g for e, g in zip(state[1], d, strict=True)]
    return propagate(net, x, eps), eps


def _opening_step(mu, y, d, objective):
    """The step from the feed-forward state: exact if delta is an eigenvector of P P^T.

    There d = P^T delta, P = d mu_L / d eps, and the curvature of F along d is
    1 + lambda (P d) H (P d) / |d|^2. The part of P d = P P^T delta along
    delta is delta |d|^2 / |delta|^2. With activity decay d has further terms, and the step is 1.
    """
    delta = output_delta(objective.loss, mu, y, objective.output_precision)
    square = _squares([delta])
    if objective.activity_decay > 0 or not np.all(square > 0):
        return 1.0
    along = loss_curvature(objective.loss, mu, y, delta) / square
    excess = float((objective.output_precision * along / square * _squares(d))[0])
    return min(max(1 / (1 + excess), MIN_STEP), MAX_STEP) if excess > 0 else 1.0


def _barzilai_borwein(step, d, turned):
    """s = <ds, ds> / <ds, dg> after a step ds = step d changed the direction from d to `turned`.

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
