"""The default rate of activity descent is stable in any network; a given rate is used as it is."""

import numpy as np
import pytest

from pcnet import Network, infer
from pcnet.inference import ActivityDescent, IncrementalDescent
from pcnet.inference._passes import LARGEST_RATE, POWER_STEPS
from pcnet.theory import activity_hessian, extreme_eigenvalues

from ..helpers import PARAMETERIZATIONS, make_batch


@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("n_layers", [2, 8, 24])
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
def test_the_energy_falls_at_the_default_rate(parameterization, n_layers, momentum):
    sizes = (6, *(16,) * (n_layers - 1), 3)
    net = Network.init(sizes, "tanh", parameterization, random_state=0, dtype=np.float64)
    X, Y = make_batch(net, 20)
    trace = infer(net, X, Y, ActivityDescent(momentum=momentum)).energy_trace
    assert trace[-1] < trace[0]
    if momentum == 0:
        assert np.all(np.diff(trace) <= 1e-12 * trace[0])


def test_the_default_rate_is_one_over_the_largest_eigenvalue():
    """Each sample: equal to a given rate of that size, up to the error of the estimate."""
    net = Network.init((4, 5, 5, 3), "identity", "sp", random_state=0, dtype=np.float64)
    X, Y = make_batch(net, 4)
    for x, y in zip(X[:, None], Y[:, None], strict=True):
        largest = extreme_eigenvalues(activity_hessian(net, x, y)).largest
        rate = min(LARGEST_RATE, 1 / largest)
        assert rate < LARGEST_RATE
        found, expected = infer(net, x, y, "activity"), infer(net, x, y, ActivityDescent(rate=rate))
        assert found.energy == pytest.approx(expected.energy, rel=0.02)
        assert found.n_passes[0] == expected.n_passes[0] + POWER_STEPS


def test_the_default_rate_of_a_sample_does_not_depend_on_its_batch():
    net = Network.init((6, 16, 16, 3), "tanh", random_state=0, dtype=np.float64)
    X, Y = make_batch(net, 30)
    together = infer(net, X, Y, "activity")
    for rows in (slice(0, 1), slice(7, 20)):
        apart = infer(net, X[rows], Y[rows], "activity")
        np.testing.assert_allclose(apart.energy, together.energy[rows], rtol=1e-9)


@pytest.mark.parametrize("method", [ActivityDescent, IncrementalDescent])
def test_rate_is_checked(method):
    with pytest.raises(ValueError, match="rate"):
        method(rate=0).check()
    method(rate=None).check()
