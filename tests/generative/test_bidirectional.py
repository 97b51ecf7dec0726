"""Two networks with shared activities: minima of the energy in NumPy, learning, same bits."""

import copy

import numpy as np
import pytest

from pcnet.generative import BidirectionalTrainer, infer_bidirectional
from pcnet.inference import QuasiNewton
from pcnet.parameterization import PerLayer, learning_rate_multipliers
from pcnet.solvers import SGD

from .. import reference
from ..helpers import central_differences, relative_error, starts_threads
from .test_bad_input import at, refuses, with_nan
from .two_way import ends, energies, errors, pair

TIGHT = QuasiNewton(tol=1e-11, energy_tol=0.0, max_steps=400)
GAPS = {"complete": (False, False), "X": (True, False), "Y": (False, True), "both": (True, True)}


def with_gaps(net, gaps, n=6):
    X, Y = ends(net, n)
    return tuple(v if has else np.nan_to_num(v) for v, has in zip((X, Y), GAPS[gaps], strict=True))


def states(result):
    return [result.causes, *result.hidden, result.outputs]


@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("p_g", [1e-2, 0.3, 4.0])
@pytest.mark.parametrize("sizes", [(3, 4, 4, 5), (3, 6, 5)], ids=["skip", "one layer"])
@pytest.mark.covering(2)
def test_minimum_of_the_energy(gaps, p_g, sizes):
    """No free unit has a gradient, by central differences; observed ends stay as given."""
    nets = pair(sizes, parameterization="sp")
    X, Y = with_gaps(nets[0], gaps)
    options = {"generator_precision": p_g, "recognizer_precision": 0.8}
    result = infer_bidirectional(*nets, X, Y, TIGHT, **options)
    z = states(result)
    np.testing.assert_allclose(result.energy, energies(*nets, z, p_g, 0.8), rtol=1e-12)
    for found, expected in zip(
        (result.generator_errors, result.recognizer_errors), errors(*nets, z), strict=True
    ):
        assert relative_error(found, expected) <= 1e-12
    free = [np.isnan(X), *(np.ones(a.shape, bool) for a in result.hidden), np.isnan(Y)]
    for unit, a, given in zip(free, z, (X, *result.hidden, Y), strict=True):
        np.testing.assert_array_equal(a[~unit], given[~unit])
        slope = central_differences(lambda: energies(*nets, z, p_g, 0.8).sum(), a)
        assert np.abs(slope[unit]).max(initial=0) < 1e-4 * max(1, p_g)
    assert result.converged.all()
    assert (result.n_passes > result.n_steps).all()


def exact_minimum(nets, X, Y, p_g):
    """The free units of linear networks, by one linear system for each sample."""
    sizes, z = nets[0].layer_sizes, []
    cuts = np.cumsum(sizes)[:-1]
    for x, y in zip(X, Y, strict=True):
        given = np.concatenate([x, np.full(sum(sizes[1:-1]), np.nan), y])
        free = np.isnan(given)

        def residuals(values, free=free, given=given):
            rows = np.tile(np.where(free, 0, given), (len(values), 1))
            rows[:, free] = values
            e, d = errors(*nets, np.split(rows, cuts, axis=1))
            return np.concatenate([*(np.sqrt(p_g) * a for a in e), *d], axis=1)

        n = free.sum()
        constant = residuals(np.zeros((1, n)))
        slopes = residuals(np.eye(n)) - constant
        solution = np.linalg.lstsq(slopes.T, -constant[0], rcond=None)[0]
        given[free] = solution
        z.append(given)
    return np.split(np.array(z), cuts, axis=1)


@pytest.mark.parametrize("gaps", GAPS)
def test_linear_networks(gaps):
    nets = pair((3, 4, 4, 5), "identity")
    X, Y = with_gaps(nets[0], gaps)
    result = infer_bidirectional(*nets, X, Y, TIGHT, generator_precision=0.2)
    exact = exact_minimum(nets, X, Y, 0.2)
    np.testing.assert_allclose(result.energy, energies(*nets, exact, 0.2), rtol=1e-9)
    assert relative_error(states(result), exact) < 1e-4


def test_no_energy_rises_and_steps_end():
    """With relu, whose gradient jumps, and from a state that backtracking has to leave."""
    nets = pair((3, 12, 12, 5), "relu", parameterization="sp")
    X, Y = with_gaps(nets[0], "both", 40)
    last = np.inf
    for steps in (0, 1, 3, 10, 100):
        result = infer_bidirectional(*nets, X, 9 * Y, QuasiNewton(steps), generator_precision=2.0)
        assert (result.energy <= last).all()
        assert (result.n_steps <= steps).all()
        last = result.energy
    np.testing.assert_array_equal(result.energy, last)


@pytest.mark.parametrize("gaps", ["complete", "both"])
def test_step_of_the_trainer(gaps, tolerance):
    """The state of `infer_bidirectional`, then a step of each network along its own gradient."""
    nets = pair()
    before = copy.deepcopy(nets)
    X, Y = with_gaps(nets[0], gaps)
    method, rate, decay = QuasiNewton(max_steps=4), 0.05, 0.3
    result = infer_bidirectional(*nets, X, Y, method, generator_precision=0.1)
    trainer = BidirectionalTrainer(*nets, 0.1, method=method, solver=SGD(momentum=0.0))
    report = trainer.step(X, Y, learning_rate=rate, weight_decay=decay)
    trainer.sync()
    assert report.energy == pytest.approx(result.energy.mean(), rel=1e-13)
    assert report.n_passes == pytest.approx(result.n_passes.mean())
    assert trainer.n_updates == 1
    z = states(result)
    learning = (
        (result.causes, result.generator_errors, z[1:]),
        (result.outputs, result.recognizer_errors[::-1], z[-2::-1]),
    )
    rates = PerLayer(np.ones(3), np.ones(3)), learning_rate_multipliers(nets[1])
    for net, old, state, multiples in zip(nets, before, learning, rates, strict=True):
        by_weight, by_bias = reference.weight_gradients(old, *state)
        size = np.array([*[net.scales[-1]] * (net.n_layers - 1), 1.0])
        for i in range(net.n_layers):
            by_rate = rate * multiples.weights[i]
            step = by_rate * by_weight[i] / (size[i] * net.scales[i])
            expected = (1 - rate * decay) * old.weights[i] - step
            assert relative_error(net.weights[i], expected) <= tolerance("float64", "training")
            expected = old.biases[i] - rate * multiples.biases[i] * by_bias[i] / size[i]
            assert relative_error(net.biases[i], expected) <= tolerance("float64", "training")


def test_inference_in_training_uses_the_present_weights():
    nets = pair()
    X, Y = with_gaps(nets[0], "X")
    trainer = BidirectionalTrainer(*nets, 0.1)
    for _ in range(3):
        trainer.step(X, Y, learning_rate=0.1)
    trainer.sync()
    result = infer_bidirectional(*nets, X, Y, generator_precision=0.1)
    report = trainer.step(X, Y, learning_rate=0.1)
    assert report.energy == pytest.approx(result.energy.mean(), rel=1e-13)


SIZES = (4, 160, 160, 40)
N = 141


@pytest.fixture(scope="module")
def large():
    assert starts_threads(SIZES, N)
    nets = pair(SIZES, dtype=np.float32)
    return nets, [v.astype(np.float32) for v in ends(nets[0], N)]


def bits(result):
    fields = (*states(result), *result.generator_errors, *result.recognizer_errors)
    return [a.tobytes() for a in (*fields, result.energy, result.n_passes, result.status)]


def test_threads_and_training_threads(large, threads):
    nets, given = large
    found = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            own = copy.deepcopy(nets)
            trainer = BidirectionalTrainer(*own, max_batch_size=N)
            for _ in range(2):
                trainer.step(*given, learning_rate=0.01)
            trainer.sync()
            weights = [w.tobytes() for net in own for w in net.weights]
            found.append(bits(infer_bidirectional(*nets, *given)) + weights)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("blocks", [False, True], ids=["one block", "several"])
def test_split_of_the_samples(blocks, large):
    """In parts with gaps in the same ends, since others take other passes."""
    nets, given = large
    if blocks:
        nets = pair()
        given = ends(nets[0], 1100)
    whole = infer_bidirectional(*nets, *given)
    parts = [
        infer_bidirectional(*nets, *(v[rows] for v in given))
        for rows in (slice(50), slice(50, None))
    ]
    for name in ("causes", "outputs", "energy", "n_passes"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(getattr(whole, name), joined)


def test_one_end_alone():
    """None is an end of NaN: recognition and generation."""
    nets = pair()
    X, Y = with_gaps(nets[0], "complete")
    none = np.full_like(X, np.nan), np.full_like(Y, np.nan)
    for ours, same in (((None, Y), (none[0], Y)), ((X, None), (X, none[1]))):
        a, b = (infer_bidirectional(*nets, *given) for given in (ours, same))
        assert bits(a) == bits(b)


NETS = pair()
X, Y = ends(NETS[0])


@pytest.mark.parametrize(
    ("argument", "value", "error", "texts"),
    [
        ("generator", None, TypeError, ["^generator must be a pcnet.Network"]),
        ("generator", with_nan(NETS[0]), ValueError, [r"^weights\[1\] must be finite"]),
        ("recognizer", NETS[0], ValueError, [r"^recognizer must have the layer sizes \(5, 4"]),
        ("recognizer", pair(dtype=np.float32)[1], ValueError, ["^recognizer must be float64"]),
        ("recognizer", with_nan(NETS[1]), ValueError, [r"^weights\[1\] must be finite"]),
        ("X", X[:, :2], ValueError, ["^X must have 3 columns"]),
        ("X", X[:4], ValueError, ["^X must have as many rows as Y, 6; got 4"]),
        ("X", at(X, (2, 1), np.inf), ValueError, ["^X must be finite, or NaN"]),
        ("Y", at(Y, (2, 1), -np.inf), ValueError, ["^Y must be finite, or NaN"]),
        ("Y", Y[0], ValueError, ["^Y must have 2 dimension"]),
        ("method", "error", ValueError, ["^method must be 'quasi_newton'"]),
        ("method", QuasiNewton(memory=0), ValueError, ["^memory must be"]),
        ("generator_precision", 0.0, ValueError, ["^generator_precision must be", "above 0"]),
        ("recognizer_precision", np.nan, ValueError, ["^recognizer_precision must be"]),
    ],
)  # fmt: skip
def test_bad_input(argument, value, error, texts):
    given = {"generator": NETS[0], "recognizer": NETS[1], "X": X, "Y": Y, argument: value}
    refuses(lambda: infer_bidirectional(**given), error, *texts)
    if argument not in ("X", "Y"):
        del given["X"], given["Y"]
        refuses(lambda: BidirectionalTrainer(**given), error, *texts)


def test_more_bad_input():
    refuses(lambda: infer_bidirectional(*NETS), ValueError, "^Y must be given if X is None")
    shallow = pair((3, 5))
    refuses(lambda: infer_bidirectional(*shallow, Y=Y), ValueError, "^generator .* hidden layer")
    refuses(lambda: infer_bidirectional(*NETS, Y=1e300 * Y), FloatingPointError, "not finite")
    trainer = BidirectionalTrainer(*copy.deepcopy(NETS), max_batch_size=5)
    steps = {
        "^Y must have at most 5 rows; got 6": (X, Y, 0.1),
        "^X must be an array of float64": (X.tolist(), Y, 0.1),
        r"^X must have shape \(5, 3\)": (X, Y[:5], 0.1),
        r"^Y must have shape \(n, 5\)": (X, Y[:, :4], 0.1),
        "^learning_rate must be": (X[:5], Y[:5], -0.1),
    }
    for text, (causes, outputs, rate) in steps.items():
        refuses(
            lambda given=(causes, outputs), rate=rate: trainer.step(*given, learning_rate=rate),
            (TypeError, ValueError),
            text,
        )
    assert trainer.n_updates == 0
