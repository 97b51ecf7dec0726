"""Linear networks are Gaussian: energies, causes and predictions against the closed form."""

import numpy as np
import pytest

from pcnet import Network
from pcnet.generative import Prior, infer_causes
from pcnet.inference import ErrorDescent, QuasiNewton

TIGHT = QuasiNewton(max_steps=1000, tol=1e-20, energy_tol=0)


class Gaussian:
    """The density of causes and outputs of a linear network: z_0 ~ N(m, I / p_0), unit errors."""

    def __init__(self, net, prior, output_precision):
        mean = np.broadcast_to(prior.mean, net.layer_sizes[:1])
        n_outputs = net.layer_sizes[-1]
        noise = np.zeros((n_outputs, n_outputs))
        slope, self.offset = np.eye(n_outputs), mean
        for layer in range(net.n_layers):
            step = net.scales[layer] * net.weights[layer]
            if net.skips[layer]:
                step = step + np.eye(len(step))
            self.offset = self.offset @ step
            if net.biases is not None:
                self.offset = self.offset + net.biases[layer]
        for layer in reversed(range(net.n_layers)):
            step = net.scales[layer] * net.weights[layer]
            if net.skips[layer]:
                step = step + np.eye(len(step))
            slope = step @ slope
            noise += slope.T @ slope / (prior.precision if layer == 0 else 1.0)
        self.signal, self.slope, self.mean = noise, slope, mean
        self.prior_precision, self.output_precision = prior.precision, output_precision

    def half_distance(self, y, observed):
        """Half the squared Mahalanobis distance of the observed outputs of one sample."""
        rest, inverse = self._observed(y, observed)
        return 0.5 * rest @ inverse @ rest

    def causes(self, y, observed):
        rest, inverse = self._observed(y, observed)
        return self.mean + self.slope[:, observed] @ inverse @ rest / self.prior_precision

    def predictions(self, y, observed):
        """Conditional mean of all outputs' noiseless values."""
        rest, inverse = self._observed(y, observed)
        return self.offset + self.signal[:, observed] @ inverse @ rest

    def _observed(self, y, observed):
        precision = np.broadcast_to(self.output_precision, y.shape)[observed]
        covariance = self.signal[np.ix_(observed, observed)] + np.diag(1 / precision)
        return (y - self.offset)[observed], np.linalg.inv(covariance)


def linear_network(sizes, *, skip, bias, parameterization="mupc"):
    net = Network.init(
        sizes, "identity", parameterization, skip, bias, random_state=1, dtype=np.float64
    )
    rng = np.random.default_rng(2)
    for b in net.biases or []:
        b[:] = 0.3 * rng.standard_normal(len(b))
    return net


def partly_observed(n_samples, n_outputs):
    rng = np.random.default_rng(3)
    Y = 2 * rng.standard_normal((n_samples, n_outputs))
    observed = rng.random(Y.shape) < 0.6
    observed[0], observed[1], observed[2] = True, False, False
    observed[2, 3] = True
    return np.where(observed, Y, np.nan), observed


@pytest.mark.parametrize("method", [TIGHT, ErrorDescent(5000, 1e-9, 0)], ids=["newton", "error"])
@pytest.mark.parametrize(
    ("sizes", "skip", "bias", "parameterization"),
    [
        ((3, 7), False, True, "sp"),
        ((3, 10, 10, 10, 7), True, True, "mupc"),
        ((4, 9, 6, 7), False, False, "ntp"),
    ],
)
@pytest.mark.parametrize(
    ("prior", "output_precision"),
    [
        (Prior(), 10.0),
        (Prior(np.array(0.5), 4.0), np.linspace(0.1, 3.0, 7)),
    ],
)
def test_energy_causes_and_predictions(
    sizes, skip, bias, parameterization, prior, output_precision, method
):
    net = linear_network(sizes, skip=skip, bias=bias, parameterization=parameterization)
    Y, observed = partly_observed(70, 7)
    result = infer_causes(net, Y, method, prior=prior, output_precision=output_precision)
    exact = Gaussian(net, prior, output_precision)
    rows = list(zip(Y, observed, strict=True))
    energy = np.array([exact.half_distance(*row) for row in rows])
    np.testing.assert_allclose(result.energy, energy, rtol=1e-9, atol=1e-12)
    causes = np.array([exact.causes(*row) for row in rows])
    np.testing.assert_allclose(result.causes, causes, rtol=0, atol=1e-6)
    predictions = np.array([exact.predictions(*row) for row in rows])
    np.testing.assert_allclose(result.activities[-1], predictions, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tol", [0.3, 0.03, 1e-3, 1e-6])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
def test_end_test_bounds_the_excess_energy(tol, warm):
    """(F - F*) / (F0 - F*) is at most tol where inference converged."""
    net = linear_network((3, 10, 10, 10, 7), skip=True, bias=True)
    prior, each = Prior(0.5, 4.0), np.linspace(1.0, 30.0, 7)
    Y, observed = partly_observed(70, 7)
    exact = Gaussian(net, prior, each)
    least = np.array([exact.half_distance(*row) for row in zip(Y, observed, strict=True)])
    options = {"prior": prior, "output_precision": each}
    start = infer_causes(net, Y, QuasiNewton(max_steps=0), **options).energy
    if warm:
        rng = np.random.default_rng(4)
        options["errors"] = [0.3 * rng.standard_normal((70, n)) for n in net.layer_sizes[:-1]]
    result = infer_causes(net, Y, QuasiNewton(500, tol, 0), **options)
    assert result.converged.all()
    assert (result.energy - least <= tol * (start - least) + 1e-12 * start).all()
    if not warm:
        assert len(set(result.n_steps)) > 1  # samples end by themselves
