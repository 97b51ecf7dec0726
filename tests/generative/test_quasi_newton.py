"""`QuasiNewton` against L-BFGS with an explicit inverse Hessian, in NumPy."""

from collections import deque

import numpy as np
import pytest

from pcnet.generative import Prior, infer_causes
from pcnet.inference import QuasiNewton

from .. import reference
from ..helpers import make_network, relative_error
from .energies import PRIOR, activities, energies, problem

LEAST_CURVATURE = 1e-3
LAYERED_STEPS, MANY_OUTPUTS, MOST_LAYER_SCALE = 8, 2, 30


class Sample:
    """The energy of one sample over the vector of its errors e_0..e_H, and its gradient."""

    def __init__(self, net, y, prior, loss, precisions):
        self.net, self.y, self.prior, self.loss = net, np.nan_to_num(y)[None], prior, loss
        self.precisions = precisions[None]
        self.cuts = np.cumsum(net.layer_sizes[:-1])[:-1]
        self.is_layered = net.layer_sizes[-1] >= MANY_OUTPUTS * max(net.layer_sizes[:-1])

    def layers(self, vector):
        return [part[None] for part in np.split(vector, self.cuts)]

    def energy(self, vector):
        terms = {"prior": self.prior, "loss": self.loss, "precisions": self.precisions}
        return energies(self.net, self.y, self.layers(vector), **terms)[0]

    def delta(self, mu):
        return self.precisions * reference.output_delta(self.loss, mu, self.y, 1.0)

    def response(self, vector):
        """v_0..v_H: minus the gradient of the loss by the errors."""
        z = activities(self.net, self.prior, self.layers(vector))[1]
        v = [*reference.backward(self.net, z, self.delta(z[-1])), self.delta(z[-1])]
        below = self.net.scales[0] * v[0] @ self.net.weights[0].T / np.sqrt(self.prior.precision)
        return np.concatenate([below, *v[:-1]], axis=1)[0]

    def stiffness(self):
        """The loss's curvature along its delta, over the delta's fourth power, at errors of 0."""
        zero = np.zeros(sum(self.net.layer_sizes[:-1]))
        mu = activities(self.net, self.prior, self.layers(zero))[1][-1]
        u = self.delta(mu)
        columns = [mu, self.y, u]
        if self.loss != "log_loss":  # a sum over the outputs
            columns = [a.reshape(-1, 1) for a in columns]
        curvatures = reference.loss_curvature(self.loss, *columns)
        return self.precisions[0, : len(curvatures)] @ curvatures / np.sum(u**2) ** 2


def lbfgs(sample, memory, max_steps, tol=0.0):
    """Errors at the end, steps, passes, and rejected pairs."""
    x = np.zeros(sum(sample.net.layer_sizes[:-1]))
    pairs, passes, rejected, stiffness = deque(maxlen=memory), 1.0, 0, sample.stiffness()
    energy, downhill = sample.energy(x), sample.response(x) - x
    start, n_steps, scales = energy, 0, np.ones(len(x))
    while n_steps < max_steps:
        rest = downhill @ downhill / 2
        if rest <= tol * (start - energy + rest):
            break
        n_steps += 1
        direction, step = inverse_hessian(pairs, scales) @ downhill, 1.0
        if not pairs:  # as if all curvature were along the delta
            step = 1 / (1 + stiffness * np.sum((downhill + x) ** 2))
            step = np.clip(step, reference.MIN_STEP, reference.MAX_STEP)
        while True:
            passes += 0.5
            moved = x + step * direction
            tried = sample.energy(moved)
            if tried <= energy - reference.ARMIJO * step * (direction @ downhill):
                break
            step *= reference.SHRINK
        before = downhill
        energy, downhill = tried, sample.response(moved) - moved
        s, y, x = moved - x, before - downhill, moved
        passes += 0.5
        if s @ y > LEAST_CURVATURE * (s @ s):
            pairs.append((s, y))
            is_layered = sample.is_layered and n_steps <= LAYERED_STEPS
            scales = layer_scales(s, y, sample.cuts if is_layered else [])
        else:
            rejected += 1
            if len(pairs) == memory:
                pairs.popleft()  # its place has been taken
    return x, n_steps, passes, rejected


def layer_scales(s, y, cuts):
    """Of each error: <s, y> / |y|^2 of its layer where s is curved there, within bounds."""
    whole = (s @ y) / (y @ y)
    found = []
    for own_s, own_y in zip(np.split(s, cuts), np.split(y, cuts), strict=True):
        curved = own_s @ own_y > LEAST_CURVATURE * (own_s @ own_s)
        own = (own_s @ own_y) / (own_y @ own_y) if curved else whole
        own = np.clip(own, whole / MOST_LAYER_SCALE, whole * MOST_LAYER_SCALE)
        found.append(np.full(len(own_s), own))
    return np.concatenate(found)


def inverse_hessian(pairs, scales):
    """The BFGS updates of a diagonal matrix, one pair after the other."""
    eye = np.eye(len(scales))
    inverse = np.diag(scales) if pairs else eye
    for s, y in pairs:
        left = eye - np.outer(s, y) / (s @ y)
        inverse = left @ inverse @ left.T + np.outer(s, s) / (s @ y)
    return inverse


def assert_same_steps(net, Y, method, *, prior=PRIOR, loss="squared_error", precisions, tolerance):
    """Of all samples; returns the result and the number of rejected pairs."""
    result = infer_causes(net, Y, method, prior=prior, loss=loss, output_precision=precisions)
    seen = np.where(np.isnan(Y), 0, precisions)
    rows = np.flatnonzero(seen.any(axis=1))
    runs = [
        lbfgs(Sample(net, Y[i], prior, loss, seen[i]), method.memory, method.max_steps, method.tol)
        for i in rows
    ]
    errors, n_steps, n_passes, rejected = zip(*runs, strict=True)
    np.testing.assert_array_equal(result.n_steps[rows], n_steps)
    np.testing.assert_array_equal(result.n_passes[rows], n_passes)
    found = np.concatenate(result.errors[:-1], axis=1)[rows]
    assert relative_error(found, np.array(errors)) <= tolerance
    return result, sum(rejected)


def several_precisions(Y):
    return np.linspace(0.5, 8.0, Y.shape[1]) * np.linspace(0.5, 2.0, len(Y))[:, None]


@pytest.mark.parametrize("n_steps", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("memory", [1, 2, 3, 20])
def test_steps(memory, n_steps, tolerance):
    net, Y = problem((3, 8, 8, 9), "tanh", 12)
    result, rejected = assert_same_steps(
        net, Y, QuasiNewton(n_steps, 0.0, 0.0, memory), precisions=several_precisions(Y),
        tolerance=tolerance("float64", "inference"),
    )  # fmt: skip
    assert result.n_steps.max() == n_steps
    assert rejected == 0


@pytest.mark.parametrize("n_steps", [2, 8, 11])
def test_steps_with_many_outputs(n_steps, tolerance):
    """Scales for each layer, and after some steps one for all."""
    net, Y = problem((3, 6, 4, 12), "tanh", 12)
    assert_same_steps(
        net, Y, QuasiNewton(n_steps, 0.0, 0.0, 3), precisions=several_precisions(Y),
        tolerance=tolerance("float64", "inference"),
    )  # fmt: skip


@pytest.mark.parametrize("tol", [0.3, 0.03, 1e-3, 1e-5])
def test_end(tol, tolerance):
    net, Y = problem((3, 8, 8, 9), "tanh", 12)
    result, _ = assert_same_steps(
        net, Y, QuasiNewton(60, tol, 0.0), precisions=several_precisions(Y),
        tolerance=1e3 * tolerance("float64", "inference"),
    )  # fmt: skip
    assert result.converged.all()


@pytest.mark.parametrize("loss", ["log_loss", "logistic", "huber", "poisson"])
def test_steps_with_other_losses(loss, tolerance):
    net, Y = problem((3, 8, 8, 9), "gelu", 12, loss=loss)
    precisions = several_precisions(Y)
    if loss == "log_loss":
        precisions[:] = precisions[:, :1]
    assert_same_steps(
        net, Y, QuasiNewton(4, 0.0, 0.0, 3), loss=loss, precisions=precisions,
        tolerance=tolerance("float64", "inference"),
    )  # fmt: skip


@pytest.mark.parametrize("memory", [1, 2, 3])
def test_steps_where_the_energy_is_not_convex(memory, tolerance):
    """Rejected steps and rejected pairs; a rejected pair takes the place of the oldest one."""
    net = make_network((2, 6, 6, 4), "tanh", skip=False)
    for W in net.weights[:-1]:
        W *= 6
    Y = 4 * np.random.default_rng(3).standard_normal((60, 4))
    result, rejected = assert_same_steps(
        net, Y, QuasiNewton(7, 0.0, 0.0, memory), prior=Prior(), precisions=np.full(Y.shape, 4.0),
        tolerance=1e3 * tolerance("float64", "inference"),
    )  # fmt: skip
    assert rejected > 20
    assert result.n_passes.mean() > 9  # of 8 without a rejected step
