"""L-BFGS against closed forms and SciPy's L-BFGS-B; the conditions of the line search."""

import numpy as np
import pytest
import scipy.optimize

from pcnet._training.quasi_newton import DECREASE, MOST_TRIALS, SLOPE_LEFT, QuasiNewton, line_search


def counted(function):
    """The function, and a list that grows by one with each call."""
    calls = []

    def call(x):
        calls.append(x)
        return function(x)

    return call, calls


def minimise(function, start, history_size=10, tol=1e-6, most=2000):
    call, calls = counted(function)
    search = QuasiNewton(call, np.array(start, dtype=float), history_size)
    n_steps = 0
    while search.largest_slope > tol and n_steps < most and search.step():
        n_steps += 1
    return search, n_steps, len(calls)


def rosenbrock(x):
    return float(scipy.optimize.rosen(x)), scipy.optimize.rosen_der(x)


def quadratic(n=30, condition=1e3):
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((n, n)))[0]
    A, b = (basis * np.geomspace(1, condition, n)) @ basis.T, rng.standard_normal(n)
    return (lambda x: (float(0.5 * x @ A @ x - b @ x), A @ x - b)), np.linalg.solve(A, b)


def logistic(n=40):
    rng = np.random.default_rng(0)
    A, sign = rng.standard_normal((200, n)), np.where(rng.random(200) < 0.5, -1.0, 1.0)

    def function(x):
        margin = sign * (A @ x)
        value = np.logaddexp(0, -margin).sum() + 0.05 * x @ x
        return float(value), -A.T @ (sign / (1 + np.exp(margin))) + 0.1 * x

    return function


def test_quadratic_ends_at_its_closed_form():
    function, expected = quadratic()
    search, *_ = minimise(function, np.zeros(30), tol=1e-6)
    assert search.largest_slope <= 1e-6
    # the smallest curvature is 1, so the distance is no longer than the gradient
    assert np.linalg.norm(search.x - expected) <= 1e-6 * np.sqrt(30)


@pytest.mark.parametrize("n", [2, 20])
def test_rosenbrock(n):
    search, *_ = minimise(rosenbrock, np.full(n, -1.2), tol=1e-6)
    np.testing.assert_allclose(search.x, np.ones(n), atol=1e-5)


@pytest.mark.parametrize(
    ("function", "n"), [(rosenbrock, 2), (rosenbrock, 20), (logistic(), 40), (quadratic()[0], 30)]
)
def test_lbfgs_needs_about_as_many_evaluations_as_scipy(function, n):
    start = np.full(n, -1.0)
    search, n_steps, n_calls = minimise(function, start)
    options = {"gtol": 1e-6, "ftol": 0, "maxiter": 2000}
    peer = scipy.optimize.minimize(function, start, jac=True, method="L-BFGS-B", options=options)
    assert search.value == pytest.approx(peer.fun, rel=1e-6, abs=1e-9)
    assert n_steps <= 1.5 * peer.nit + 5
    assert n_calls <= 1.5 * peer.nfev + 5


def test_the_value_falls_with_every_step():
    search = QuasiNewton(rosenbrock, np.full(8, -1.0), 3)
    values = [search.value]
    while search.largest_slope > 1e-6 and search.step():
        values.append(search.value)
    assert np.all(np.diff(values) < 0)


CURVES = {  # value and slope along a line; all decrease at 0
    "parabola": lambda a: ((a - 1) ** 2, 2 * (a - 1)),
    "far": lambda a: ((a - 1e4) ** 2, 2 * (a - 1e4)),
    "near": lambda a: (1e8 * (a - 1e-4) ** 2, 2e8 * (a - 1e-4)),
    "quartic": lambda a: ((a - 3) ** 4, 4 * (a - 3) ** 3),
    "log": lambda a: (a - 20 * np.log(a + 1e-1), 1 - 20 / (a + 1e-1)),
    "wavy": lambda a: (a**2 - 14 * a + 3 * np.sin(4 * a), 2 * a - 14 + 12 * np.cos(4 * a)),
    "wall": lambda a: (1e10, -1.0) if a > 0.01 else ((a - 0.005) ** 2, 2 * (a - 0.005)),
    "nan": lambda a: (np.nan, np.nan) if a > 0.1 else ((a - 0.05) ** 2, 2 * (a - 0.05)),
}


@pytest.mark.parametrize("first", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("name", CURVES)
def test_line_search_meets_the_strong_wolfe_conditions(name, first):
    curve = CURVES[name]
    value, slope = curve(0.0)
    tried = []

    def along(step):
        tried.append(step)
        return (*curve(step), step)

    step = line_search(along, first, value, slope)
    assert step is not None
    assert step > 0
    assert len(tried) <= MOST_TRIALS
    found, left = curve(step)
    assert found <= value + DECREASE * step * slope
    # unless the bracket became narrow before
    assert abs(left) <= -SLOPE_LEFT * slope or name in {"wavy", "wall", "nan"}


def test_lbfgs_keeps_a_point_that_cannot_be_improved():
    def flat(x):
        return 1.0, np.ones_like(x)  # a gradient that is not the function's

    start = np.zeros(3)
    search = QuasiNewton(flat, start.copy(), 5)
    assert not search.step()
    np.testing.assert_array_equal(search.x, start)


@pytest.mark.parametrize("error", [KeyboardInterrupt, FloatingPointError])
def test_exception_keeps_the_last_point(error):
    function, _ = quadratic()
    calls = []

    def failing(x):
        calls.append(x)
        if len(calls) > 3:
            raise error
        return function(x)

    search = QuasiNewton(failing, np.zeros(30), 5)
    while len(calls) < 3:
        search.step()
    before = search.x.copy(), search.value
    with pytest.raises(error):
        search.step()
    np.testing.assert_array_equal(search.x, before[0])
    assert search.value == before[1]
