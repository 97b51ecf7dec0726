"""Eigenvalues against dense ones, and the rates against what activity descent does."""

import numpy as np
import pytest
from scipy.linalg import eigvalsh_tridiagonal

from pcnet import Network, infer, theory
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.theory import ActivityHessian, Spectrum, activity_hessian, extreme_eigenvalues
from pcnet.theory._spectrum import DENSE_SIZE

from ..helpers import LOSSES, make_batch, make_network

SIZES = (5, *[16] * 8, 3)  # 128 unknowns: more than the dense limit


def dense(hessian):
    values = np.linalg.eigvalsh(hessian.toarray())
    return values[[0, -1]]


@pytest.mark.covering(2)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("gauss_newton", [True, False])
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("skip", [True, False])
def test_against_dense(activation, skip, gauss_newton, decay, loss):
    net = make_network(SIZES, activation, skip=skip, gamma=0.3)
    X, Y = make_batch(net, 1, loss)
    # not at an equilibrium, so that the term of f'' counts
    Y = Y if loss in ("log_loss", "logistic") else 2 * Y  # probabilities stay in range
    H = activity_hessian(net, X, Y, None, loss, 0.7, decay, gauss_newton)
    assert H.shape[0] > DENSE_SIZE
    np.testing.assert_allclose(extreme_eigenvalues(H, tol=1e-8), dense(H), rtol=1e-9)


def test_indefinite_hessians_too():
    net = make_network((5, *[16] * 6, 3), "tanh", parameterization="sp", skip=False)
    rng = np.random.default_rng(0)
    for W in net.weights:
        W *= 4
    X, Y = make_batch(net, 1)
    z = [rng.standard_normal(a.shape) for a in net.forward(X)[:-1]]
    H = activity_hessian(net, X, 5 * Y, z)
    found = extreme_eigenvalues(H, tol=1e-8)
    assert found.smallest < -0.5
    np.testing.assert_allclose(found, dense(H), rtol=1e-9)
    assert found.condition_number == np.inf
    assert found.steps_to(0.1) == np.inf


def test_few_unknowns_are_solved_densely():
    net = make_network((3, 4, 4, 2), "tanh")
    H = activity_hessian(net, *make_batch(net, 1))
    np.testing.assert_allclose(extreme_eigenvalues(H), dense(H), rtol=1e-14)


def test_the_same_numbers_in_every_call():
    net = make_network(SIZES, "tanh")
    H = activity_hessian(net, *make_batch(net, 1))
    assert extreme_eigenvalues(H) == extreme_eigenvalues(H)


def test_badly_conditioned_hessians():
    """Activities that explode: dense eigenvalues are right to 1e-16 times the largest one."""
    net = Network.init((8, *[16] * 64, 4), "identity", "sp", random_state=0, dtype=np.float64)
    H = activity_hessian(net, *make_batch(net, 1))
    found = extreme_eigenvalues(H, tol=1e-8)
    assert found.condition_number > 1e8
    np.testing.assert_allclose(found, dense(H), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("width", [64, pytest.param(512, marks=pytest.mark.slow)])
def test_128_layers(width):
    """Up to 65,536 unknowns; with every layer 0.6 I the Hessian is a 128 x 128 matrix (kron) I."""
    n_hidden, k, precision = 128, 0.6, 0.5
    net = Network.from_weights([k * np.eye(width)] * (n_hidden + 1), activation="identity")
    X, Y = make_batch(net, 1)
    H = activity_hessian(net, X, Y, output_precision=precision)
    assert H.shape[0] == n_hidden * width
    diagonal = np.full(n_hidden, 1 + k * k)
    diagonal[-1] = 1 + precision * k * k
    beside = np.full(n_hidden - 1, -k)
    exact = eigvalsh_tridiagonal(diagonal, beside)[[0, -1]]
    np.testing.assert_allclose(extreme_eigenvalues(H), exact, rtol=1e-3)
    np.testing.assert_allclose(extreme_eigenvalues(H, tol=1e-5), exact, rtol=1e-5)


class Crowded(ActivityHessian):
    """Largest eigenvalues too close together to tell them apart in the allowed restarts."""

    def _matvec(self, v):
        n = self.shape[0]
        return (1 - (np.arange(n) / n) ** 4) * v


def test_a_tolerance_out_of_reach_is_an_error():
    net = make_network((5, 64, 64, 64, 64, 3), "tanh")
    H = activity_hessian(net, *make_batch(net, 1))
    H.__class__ = Crowded
    with pytest.raises(np.linalg.LinAlgError, match=r"did not reach tol=1e-15 in \d+ restarts"):
        extreme_eigenvalues(H, tol=1e-15)


def test_a_scalar_network_by_hand():
    """One hidden unit: H = 1 + lambda w^2."""
    net = Network.from_weights([[[1.0]], [[2.0]]], activation="identity")
    H = activity_hessian(net, [[1.0]], [[0.0]], output_precision=0.5)
    assert extreme_eigenvalues(H) == (3.0, 3.0)
    assert Spectrum(3.0, 3.0).condition_number == 1.0
    assert Spectrum(3.0, 3.0).contraction(1 / 3) == 0.0
    assert Spectrum(3.0, 3.0).steps_to(0.01) == 1.0
    assert Spectrum(1.0, 3.0).steps_to(0.25) == pytest.approx(2.0)


@pytest.fixture(scope="module", params=["identity", "tanh"])
def at_equilibrium(request):
    """A network, a sample with its equilibrium, and the spectrum there."""
    net = make_network((5, *[6] * 4, 3), request.param, gamma=0.5)
    X, Y = make_batch(net, 1)
    Y *= 0.5
    end = infer(net, X, Y, ErrorDescent(2000, 1e-14, 0)).activities[:-1]
    for _ in range(20):  # Newton: the energy determines a point only to sqrt(eps)
        step = activity_hessian(net, X, Y, end).solve_layers(net.activity_gradients(X, Y, end))
        end = [z - s for z, s in zip(end, step)]
    return net, X, Y, end, extreme_eigenvalues(activity_hessian(net, X, Y, end))


def distances(problem, rate, counts):
    """Distance of activity descent from the equilibrium after these numbers of steps."""
    net, X, Y, end, _ = problem
    found = []
    for n_steps in counts:
        z = infer(net, X, Y, ActivityDescent(n_steps, rate)).activities
        found.append(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(z, end))))
    return found


@pytest.mark.parametrize("which", ["slow", "optimal", "fast"])
def test_the_observed_contraction(at_equilibrium, which):
    """The distance shrinks by the predicted factor per step, once only the slowest mode is left."""
    spectrum = at_equilibrium[-1]
    best, limit = spectrum.optimal_rate, spectrum.largest_stable_rate
    rate = {"slow": 0.3 * best, "optimal": best, "fast": (best + limit) / 2}[which]
    factor = spectrum.contraction(rate)
    late = int(np.log(1e-6) / np.log(factor))
    near, far = distances(at_equilibrium, rate, (late, late + 20))
    # at the optimal rate two modes shrink equally, so the test compares 20 steps together
    assert (far / near) ** (1 / 20) == pytest.approx(factor, rel=2e-3)


@pytest.mark.filterwarnings("ignore:.*raised the mean energy")  # it tries one above the limit
def test_no_rate_is_better_than_the_optimal_one(at_equilibrium):
    spectrum = at_equilibrium[-1]
    k = spectrum.condition_number
    best = spectrum.contraction(spectrum.optimal_rate)
    assert best == pytest.approx((k - 1) / (k + 1))
    for share in (0.7, 0.95, 1.05, 1.2):
        assert spectrum.contraction(share * spectrum.optimal_rate) > best
    n = int(np.ceil(1.3 * spectrum.steps_to(1e-3)))
    here, slower, faster = (
        distances(at_equilibrium, share * spectrum.optimal_rate, [n])[0] for share in (1, 0.7, 1.1)
    )
    assert here < min(slower, faster)


@pytest.mark.parametrize("share", [0.98, 1.02])
def test_divergence_just_above_the_largest_stable_rate(at_equilibrium, share):
    """Descent from a point so near to the equilibrium that nonlinear terms do not count."""
    net, X, Y, end, spectrum = at_equilibrium
    assert spectrum.contraction(spectrum.largest_stable_rate) == pytest.approx(1.0)
    rate = share * spectrum.largest_stable_rate
    rng = np.random.default_rng(0)
    z = [a + 1e-9 * rng.standard_normal(a.shape) for a in end]
    norms = []
    for _ in range(200):
        z = [a - rate * g for a, g in zip(z, net.activity_gradients(X, Y, z))]
        norms.append(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(z, end))))
    factor = spectrum.contraction(rate)
    assert (factor > 1) == (share > 1)
    if share > 1:
        assert (norms[-1] / norms[-21]) ** (1 / 20) == pytest.approx(factor, rel=1e-3)
        assert spectrum.steps_to(0.5, rate) == np.inf
    else:
        assert norms[-1] < 0.2 * norms[0]


def test_bad_arguments():
    with pytest.raises(TypeError, match=r"hessian must be what .* got ndarray"):
        extreme_eigenvalues(np.eye(3))
    net = make_network((3, 4, 4, 2))
    with pytest.raises(ValueError, match="tol must be"):
        extreme_eigenvalues(activity_hessian(net, *make_batch(net, 1)), tol=0)
    spectrum = theory.Spectrum(1.0, 2.0)
    with pytest.raises(ValueError, match="rate must be"):
        spectrum.contraction(-1.0)
    for share in (0.0, 1.0):
        with pytest.raises(ValueError, match="share must be"):
            spectrum.steps_to(share)
