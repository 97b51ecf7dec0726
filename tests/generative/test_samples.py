"""Samples of the posterior against closed forms and integrals, within their sampling error."""

import numpy as np
import pytest

from pcnet import Network
from pcnet._network_core import core_batch
from pcnet.generative import Prior, Sampler, infer_causes, sample_causes
from pcnet.inference import ErrorDescent, Objective, QuasiNewton
from pcnet.losses import Blocks, Huber

from .. import reference
from ..helpers import LOSSES, relative_error, starts_threads
from .energies import BLOCKS, PRIOR, activities, energies, problem
from .test_linear_networks import Gaussian, linear_network, partly_observed

MIXED = Blocks(["squared_error", "log_loss"], [1, 3])
MOST = 5.0  # standard errors; some hundred numbers are compared with fixed seeds


def assert_moments(samples, mean, covariance):
    """Mean and covariance of samples (N, d) of a normal distribution."""
    n, variances = len(samples), np.diag(covariance)
    found = samples.mean(axis=0)
    assert np.abs((found - mean) / np.sqrt(variances / n)).max() < MOST
    spread = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert np.abs((np.cov(samples.T, ddof=1) - covariance) / spread).max() < MOST


class Posterior(Gaussian):
    """Conditional covariances given the observed outputs."""

    def _covariance(self, y, left, own, observed):
        precision = np.broadcast_to(self.output_precision, y.shape)
        inner = self.signal[np.ix_(observed, observed)] + np.diag(1 / precision[observed])
        return own - left @ np.linalg.solve(inner, left.T)

    def cause_covariance(self, y, observed):
        p = self.prior_precision
        own = np.eye(len(self.mean)) / p
        return self._covariance(y, self.slope[:, observed] / p, own, observed)

    def missing_covariance(self, y, observed):
        """S_mm - S_mo S_oo^-1 S_om, with the noise of the missing outputs in S_mm."""
        precision = np.broadcast_to(self.output_precision, y.shape)[~observed]
        own = self.signal[np.ix_(~observed, ~observed)] + np.diag(1 / precision)
        return self._covariance(y, self.signal[np.ix_(~observed, observed)], own, observed)


@pytest.mark.parametrize("n_trajectories", [0, 2])
@pytest.mark.parametrize(
    ("sizes", "skip", "prior", "output_precision"),
    [
        ((3, 7), False, Prior(), 10.0),
        ((3, 6, 6, 7), True, Prior(np.array(0.5), 4.0), np.linspace(0.1, 3.0, 7)),
    ],
    ids=["factor-analysis", "deep"],
)
def test_linear_network_has_the_conditional_normal_distribution(
    sizes, skip, prior, output_precision, n_trajectories
):
    net = linear_network(sizes, skip=skip, bias=True)
    Y, observed = (a[:5] for a in partly_observed(8, 7))
    samples = sample_causes(
        net, Y, 10_000, Sampler(n_trajectories=n_trajectories, n_leaps=4), prior=prior,
        output_precision=output_precision, random_state=0,
    )  # fmt: skip
    exact = Posterior(net, prior, output_precision)
    for row, (y, seen) in enumerate(zip(Y, observed, strict=True)):
        causes = exact.causes(y, seen), exact.cause_covariance(y, seen)
        assert_moments(samples.causes[:, row], *causes)
        outputs = samples.outputs[:, row]
        assert (outputs[:, seen] == y[seen]).all()
        if not seen.all():
            mean = exact.predictions(y, seen)[~seen]
            assert_moments(outputs[:, ~seen], mean, exact.missing_covariance(y, seen))
    if n_trajectories:
        assert 0.5 < samples.acceptance.mean() < 1


def one_layer(weights, biases):
    skips = np.zeros(1, bool)
    return Network([weights], [biases], np.ones(1), skips, "tanh", None, 1.0)


def test_one_cause_and_one_output():
    """z | y ~ N((m + w y) / (1 + w^2), 1 / (1 + w^2))."""
    m, w, y = 0.2, 2.0, 1.0
    net = one_layer(np.array([[w]]), np.zeros(1))
    samples = sample_causes(net, [[y]], 10_000, prior=Prior(m), random_state=1)
    assert_moments(samples.causes[:, 0], [(m + w * y) / (1 + w**2)], np.array([[1 / (1 + w**2)]]))


def observed_targets(loss, n_outputs):
    rng = np.random.default_rng(2)
    Y = {
        "log_loss": np.eye(n_outputs)[[0, 1]],
        "logistic": (rng.random((2, n_outputs)) < 0.5) * 1.0,
        "poisson": rng.poisson(1.5, (2, n_outputs)) * 1.0,
        MIXED: np.hstack([rng.standard_normal((2, 1)), np.eye(3)[[0, 1]]]),
    }.get(loss, rng.standard_normal((2, n_outputs)))
    if loss != "log_loss":
        Y[0, 0] = np.nan
    return Y


@pytest.mark.parametrize("loss", [*LOSSES, MIXED], ids=str)
def test_trajectories_against_an_integral(loss):
    """Moments of (e_0, e_1) of a network with one cause and one hidden unit, on a grid."""
    rng = np.random.default_rng(4)
    net = Network.init((1, 1, 4), "tanh", "sp", bias=True, random_state=0, dtype=np.float64)
    for array in (*net.weights, *net.biases):
        array[:] = 1.5 * rng.standard_normal(array.shape)
    Y, n = observed_targets(loss, 4), 6000
    precision = np.array({"log_loss": [1.0] * 4, MIXED: [3.0, 1, 1, 1]}.get(loss, [3.0] * 4))
    samples = sample_causes(
        net, Y, n, Sampler(n_trajectories=12, n_leaps=6), loss=loss, output_precision=precision,
        random_state=0,
    )  # fmt: skip
    axis = np.linspace(-6, 6, 241)
    grid = [a.reshape(-1, 1) for a in np.meshgrid(axis, axis)]
    for row, y in enumerate(Y):
        all_y = np.broadcast_to(y, (len(grid[0]), 4))
        weights = np.where(np.isnan(all_y), 0.0, precision)
        F = energies(net, all_y, grid, prior=Prior(), loss=loss, precisions=weights)
        density = np.exp(F.min() - F)
        density /= density.sum()
        found = [e[:, row, 0] for e in samples.errors[:2]]
        pairs = [(a[:, 0], b) for a, b in zip(grid, found, strict=True)]
        pairs += [(grid[0][:, 0] * grid[1][:, 0], found[0] * found[1])]
        pairs += [(a**2, b**2) for a, b in pairs[:2]]
        for values, drawn in pairs:
            mean = density @ values
            error = np.sqrt(density @ (values - mean) ** 2 / n)
            assert abs(drawn.mean() - mean) < MOST * error


@pytest.mark.parametrize("loss", [*LOSSES, Huber(0.4), BLOCKS], ids=str)
def test_energies_and_layers_are_those_of_the_errors(loss):
    name = "huber" if isinstance(loss, Huber) else loss
    net, Y = problem(loss=name, dtype=np.float64)
    sampler = Sampler(n_trajectories=1, n_leaps=3)
    samples = sample_causes(
        net, Y, 2, sampler, prior=PRIOR, loss=loss, output_precision=0.7, random_state=0
    )
    assert ((samples.acceptance == 0) | (samples.acceptance == 1)).all()
    for s in range(2):
        errors = [e[s] for e in samples.errors[:-1]]
        causes, layers = activities(net, PRIOR, errors)
        assert relative_error(samples.causes[s], causes) < 1e-12
        assert relative_error([a[s] for a in samples.activities], layers) < 1e-12
        if not isinstance(loss, Huber):
            precisions = 0.7 * ~np.isnan(Y)
            expected = energies(net, Y, errors, prior=PRIOR, loss=loss, precisions=precisions)
            assert relative_error(samples.energy[s], expected) < 1e-12


@pytest.mark.parametrize("activation", ["gelu", "tanh"])
def test_samples_are_as_far_from_the_outputs_as_the_noise(activation):
    """The causes that made a row of the network's own are one more sample of its posterior."""
    net = Network.init((12, 16, 16), activation, parameterization="sp", random_state=0)
    net.weights[0][:] *= 6  # far from linear: descents from different starts end apart
    rng = np.random.default_rng(0)
    Y = sample_causes(net, np.full((300, 16), np.nan), random_state=1).activities[-1][0]
    precision = 10 / Y.var()
    Y = Y + rng.standard_normal(Y.shape) / np.sqrt(precision)
    samples = sample_causes(net, Y, 4, output_precision=precision, random_state=2)
    assert 0.9 < precision * np.mean(np.square(Y - samples.activities[-1])) < 1.1


def test_rows_of_which_nothing_is_observed_have_the_prior():
    net, _ = problem(activation="tanh", dtype=np.float64)
    samples = sample_causes(net, np.full((1, 5), np.nan), 4000, prior=PRIOR, random_state=0)
    errors = np.hstack([e[:, 0] for e in samples.errors[:-1]])
    assert_moments(errors, np.zeros(errors.shape[1]), np.eye(errors.shape[1]))
    noise = samples.outputs - samples.activities[-1]
    assert_moments(noise[:, 0], np.zeros(5), np.eye(5))


@pytest.mark.parametrize("precision", [0.3, 4.0])
@pytest.mark.parametrize("loss", [*LOSSES, Huber(0.4)], ids=str)
def test_outputs_have_the_noise_of_the_loss(loss, precision):
    """Mean and variance of outputs whose prediction is known."""
    mu, n = np.array([0.7, -1.1, 0.2]), 20_000
    net = one_layer(np.zeros((1, 3)), mu)
    y = sample_causes(
        net, np.full((1, 3), np.nan), n, loss=loss, output_precision=precision, random_state=0
    ).outputs[:, 0]
    if loss == "logistic":
        mean = 1 / (1 + np.exp(-mu))
        variance = mean * (1 - mean)
    elif loss == "log_loss":
        mean = np.exp(mu) / np.exp(mu).sum()
        variance = mean * (1 - mean)
        assert (np.sort(y, axis=1) == [0, 0, 1]).all()
    elif loss == "poisson":
        mean = variance = np.exp(mu)
    else:
        r = np.linspace(-80, 80, 400_001)
        part = reference.loss_values(loss, np.zeros((len(r), 1)), r[:, None])
        density = np.exp(-precision * part)
        mean, variance = mu, np.full(3, density @ r**2 / density.sum())
    assert np.abs((y.mean(axis=0) - mean) / np.sqrt(variance / n)).max() < MOST
    square = (y - mean) ** 2
    assert np.abs((square.mean(axis=0) - variance) / (square.std(axis=0) / np.sqrt(n))).max() < MOST


def arrays_of(samples):
    arrays = [samples.causes, samples.outputs, *samples.activities, *samples.errors, samples.energy]
    return arrays if samples.acceptance is None else [*arrays, samples.acceptance]


def assert_same_bits(one, other):
    for a, b in zip(arrays_of(one), arrays_of(other), strict=True):
        assert a.tobytes() == b.tobytes()


def test_same_bits_with_any_number_of_threads(threads):
    sizes, n = (4, 160, 160, 40), 141
    assert starts_threads(sizes, n)
    net, Y = problem(sizes, "tanh", n, dtype=np.float32)
    found = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            sampler = Sampler(QuasiNewton(tol=0.1), n_trajectories=1, n_leaps=2)
            found.append(sample_causes(net, Y, 1, sampler, output_precision=5.0, random_state=0))
    assert_same_bits(found[0], found[1])
    assert_same_bits(found[0], found[2])
    assert {a.dtype for a in arrays_of(found[0])[:-2]} == {np.dtype(np.float32)}


def test_seeds():
    net, Y = problem()
    first = sample_causes(net, Y, random_state=3)
    assert_same_bits(first, sample_causes(net, Y, random_state=3))
    assert not np.array_equal(first.causes, sample_causes(net, Y, random_state=4).causes)
    rng = np.random.default_rng(0)
    one, other = (sample_causes(net, Y, random_state=rng).causes for _ in range(2))
    assert not np.array_equal(one, other)
    assert len(np.unique(sample_causes(net, Y, 5, random_state=3).energy)) == 5 * len(Y)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"n_samples": 0}, ValueError, "n_samples must be an integer of at least 1; got 0"),
        ({"sampler": 3}, TypeError, r"sampler must be a pcnet.generative.Sampler or None; got 3"),
        ({"prior": 1.0}, TypeError, "prior must be a pcnet.generative.Prior"),
        ({"output_precision": -1.0}, ValueError, "output_precision must be"),
        ({"random_state": -1}, ValueError, "random_state: "),
    ],
)
def test_wrong_arguments(arguments, error, text):
    net, Y = problem()
    with pytest.raises(error, match=text):
        sample_causes(net, Y, **arguments)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"method": "activity"}, ValueError, "method must be 'quasi_newton'"),
        ({"method": ErrorDescent()}, ValueError, "method must be 'quasi_newton' to start"),
        ({"method": QuasiNewton(tol=-1)}, ValueError, "tol must be"),
        ({"n_trajectories": -1}, ValueError, "n_trajectories must be"),
        ({"n_leaps": 0}, ValueError, "n_leaps must be"),
        ({"step": 0.0}, ValueError, "step must be"),
    ],
)
def test_wrong_options_of_the_sampler(options, error, text):
    with pytest.raises(error, match=text):
        Sampler(**options)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("loss", ["squared_error", "logistic"])
def test_biases_of_the_samples(loss, skip, dtype, tolerance):
    """A batch with a bias of each sample is many networks with a bias each."""
    net, Y = problem((3, 40, 40, 5), "tanh", 70, loss=loss, skip=skip, bias=True, dtype=dtype)
    rng = np.random.default_rng(0)
    X, factors = rng.standard_normal((70, 3)).astype(dtype), (~np.isnan(Y)).astype(dtype)
    objective = Objective(loss, 2.0)
    method = QuasiNewton(max_steps=3, tol=0.0, energy_tol=0.0)
    batch = core_batch(net, 70)
    batch.output_precisions, batch.sample_biases = factors, batch.like_activities()
    for rows, width in zip(batch.sample_biases[:-1], net.layer_sizes[1:], strict=False):
        rows[:, :width] = rng.standard_normal((70, width))
    method.run(batch, X, np.nan_to_num(Y), objective)
    for i in (0, 33, 69):
        shifts = [rows[i, :n] for rows, n in zip(batch.sample_biases, net.layer_sizes[1:])]
        biases = [b + s for b, s in zip(net.biases, shifts, strict=True)]
        own = Network(net.weights, biases, net.scales, net.skips, net.activation, None, 1.0)
        one = core_batch(own, 1)
        one.output_precisions = factors[i : i + 1]
        method.run(one, X[i : i + 1], np.nan_to_num(Y[i : i + 1]), objective)
        for found, expected in ((batch.errors, one.errors), (batch.activities, one.activities)):
            pairs = [(a[i], b[0]) for a, b in zip(found, expected, strict=True)]
            assert relative_error(*map(list, zip(*pairs, strict=True))) < tolerance(
                dtype, "inference"
            )


def test_repr():
    net, Y = problem()
    text = repr(sample_causes(net, Y, 3, Sampler(n_trajectories=1), random_state=0))
    assert text.startswith("CauseSamples(3 samples of 12 rows, ")
    assert infer_causes(net, Y).causes.shape == (12, 3)
