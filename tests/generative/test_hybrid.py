"""Starts from an amortizer, and what both networks learn from the settled activities."""

import copy

import numpy as np
import pytest

from pcnet.generative import HybridTrainer, Prior, infer_causes
from pcnet.inference import Objective, QuasiNewton
from pcnet.parameterization import learning_rate_multipliers
from pcnet.solvers import SGD

from .. import reference
from ..helpers import relative_error, starts_threads
from .energies import PRIOR, energies
from .test_bad_input import at, refuses, with_nan
from .two_way import ends, pair

OPTIONS = {"prior": PRIOR, "output_precision": 3.0}


def filled(Y):
    return np.nan_to_num(Y)


def errors_of_guesses(nets, Y):
    """e_0..e_H of the generator at the amortizer's activities."""
    *hidden, causes = nets[1].forward(filled(Y))
    hidden = hidden[::-1]
    mu = reference.predictions(nets[0], causes, [*hidden, filled(Y)])
    first = np.sqrt(PRIOR.precision) * (causes - PRIOR.mean)
    return [first, *(z - m for z, m in zip(hidden, mu, strict=False))]


@pytest.mark.parametrize("sizes", [(3, 4, 4, 5), (3, 7, 5), (3, 5)], ids=["skip", "plain", "none"])
def test_start(sizes):
    """The amortizer's activities, or the prior's mean where the energy is lower there."""
    nets = pair(sizes)
    Y = ends(nets[0], 30)[1]
    Y[15:] *= 20  # activities far from those that the generator can explain
    start = infer_causes(nets[0], Y, QuasiNewton(max_steps=0), amortizer=nets[1], **OPTIONS)
    precisions = np.where(np.isnan(Y), 0, 3.0)
    guesses = errors_of_guesses(nets, Y)
    own, zero = (
        energies(nets[0], Y, e, prior=PRIOR, loss="squared_error", precisions=precisions)
        for e in (guesses, [0 * e for e in guesses])
    )
    np.testing.assert_allclose(start.energy, np.minimum(own, zero), rtol=1e-12, atol=1e-12)
    assert 0 < (own < zero).sum() < len(Y)
    for found, expected in zip(start.errors, guesses, strict=False):
        expected = np.where((own <= zero)[:, None], expected, 0)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("loss", ["squared_error", "logistic"])
@pytest.mark.parametrize("given_causes", [False, True], ids=["free", "given"])
def test_step(given_causes, loss, tolerance):
    """Inference from the amortizer's activities; then both learn by the rules of their energies."""
    nets = pair(bias=not given_causes)
    before = copy.deepcopy(nets)
    X, Y = ends(nets[0], 8)
    X, observed = filled(X), ~np.isnan(Y)
    if loss == "logistic":
        Y = 1 / (1 + np.exp(-Y))
    method, rate, own_rate, decay = (
        QuasiNewton(max_steps=300, tol=1e-24, energy_tol=0),
        0.05,
        0.02,
        0.3,
    )
    trainer = HybridTrainer(
        *nets, Objective(loss, 3.0), PRIOR, given_causes, method, SGD(momentum=0.0)
    )
    report = trainer.step(
        np.where(observed, Y, np.nan),
        X if given_causes else None,
        observed.astype(float),
        learning_rate=rate,
        weight_decay=decay,
        amortizer_rate=own_rate,
    )
    trainer.sync()
    if given_causes:
        z = equilibrium(before[0], X, Y, observed, loss, report.generator.energy)
    else:
        result = infer_causes(
            before[0],
            np.where(observed, Y, np.nan),
            method,
            amortizer=before[1],
            loss=loss,
            **OPTIONS,
        )
        assert report.generator.energy == pytest.approx(result.energy.mean(), rel=1e-12)
        z = [result.causes, *result.activities[:-1]]
    guesses = before[1].forward(filled(np.where(observed, Y, 0)))
    e = [target - q for target, q in zip(z[::-1], guesses, strict=True)]
    energy = 0.5 * sum(np.sum(layer**2) for layer in e) / len(Y)
    assert report.amortizer_energy == pytest.approx(energy, rel=1e-6)
    by_weight, by_bias = reference.weight_gradients(
        before[1], filled(np.where(observed, Y, 0)), e, guesses
    )
    net, multiples = before[1], learning_rate_multipliers(before[1])
    size = np.array([*[net.scales[-1]] * (net.n_layers - 1), 1.0])
    for i, weights in enumerate(net.weights):
        step = own_rate * multiples.weights[i] * by_weight[i] / (size[i] * net.scales[i])
        expected = (1 - own_rate * decay) * weights - step
        assert relative_error(nets[1].weights[i], expected) <= 1e-5
        if net.biases is not None:
            step = own_rate * multiples.biases[i] * by_bias[i] / size[i]
            assert relative_error(nets[1].biases[i], net.biases[i] - step) <= 1e-5
    assert any(np.any(a != b) for a, b in zip(nets[0].weights, before[0].weights, strict=True))


def equilibrium(net, X, Y, observed, loss, mean_energy):
    """z_0, z_1..z_H of given causes: those of a free input with a narrow prior around each."""
    z = [X, *([] for _ in net.layer_sizes[1:-1])]
    energy = 0
    for x, y, seen in zip(X, Y, observed, strict=True):
        r = infer_causes(
            net, np.where(seen, y, np.nan)[None], QuasiNewton(500, 1e-26, 0), prior=Prior(x, 1e12),
            loss=loss, output_precision=3.0,
        )  # fmt: skip
        energy += r.energy[0] / len(X)
        for kept, found in zip(z[1:], r.activities, strict=False):
            kept.append(found[0])
    assert mean_energy == pytest.approx(energy, rel=1e-6)
    return [X, *(np.array(layer) for layer in z[1:])]


def test_training_saves_passes():
    """On data of two causes, inference from the trained amortizer takes far fewer steps."""
    rng = np.random.default_rng(0)
    Y = np.tanh(rng.standard_normal((256, 2)) @ rng.standard_normal((2, 8))).astype(np.float32)
    nets = pair((2, 32, 8), dtype=np.float32)
    trainer = HybridTrainer(*nets, Objective(output_precision=5.0))
    passes = []
    for _ in range(30):
        reports = [
            trainer.step(Y[rows], learning_rate=0.03) for rows in np.split(rng.permutation(256), 4)
        ]
        passes.append(np.mean([r.generator.n_passes for r in reports]))
    trainer.sync()
    assert trainer.n_updates == 120
    assert passes[-1] < 0.7 * max(passes)
    cold, warm = (
        infer_causes(nets[0], Y, output_precision=5.0, amortizer=a) for a in (None, nets[1])
    )
    assert warm.n_steps.mean() < 0.6 * cold.n_steps.mean()
    assert warm.energy.mean() < 1.1 * cold.energy.mean()  # both ends are within the tolerance


def test_threads(threads):
    sizes, n = (4, 160, 160, 40), 141
    assert starts_threads(sizes, n)
    nets = pair(sizes, dtype=np.float32)
    Y = filled(ends(nets[0], n)[1]).astype(np.float32)
    found = []
    for n_threads in (1, 2, 3):
        with threads(n_threads):
            own = copy.deepcopy(nets)
            trainer = HybridTrainer(*own, max_batch_size=n)
            for _ in range(2):
                trainer.step(Y, learning_rate=0.01)
            trainer.sync()
            found.append([w.tobytes() for net in own for w in net.weights])
    assert found[0] == found[1] == found[2]


NETS = pair()
X, Y = (filled(values) for values in ends(NETS[0]))


@pytest.mark.parametrize(
    ("argument", "value", "error", "texts"),
    [
        ("generator", None, TypeError, ["^generator must be a pcnet.Network"]),
        ("amortizer", NETS[0], ValueError, [r"^amortizer must have the layer sizes \(5, 4, 4, 3"]),
        ("amortizer", pair(dtype=np.float32)[1], ValueError, ["^amortizer must be float64"]),
        ("amortizer", with_nan(NETS[1]), ValueError, [r"^weights\[1\] must be finite"]),
        ("objective", 1.0, TypeError, ["^objective must be a pcnet.inference.Objective"]),
        ("prior", 1.0, TypeError, ["^prior must be a pcnet.generative.Prior"]),
        ("given_causes", "yes", TypeError, ["^given_causes must be"]),
        ("method", "error", ValueError, ["^method must be 'quasi_newton'"]),
        ("solver", "lbfgs", ValueError, ["^solver must be one that steps"]),
        ("max_batch_size", 0, ValueError, ["^max_batch_size must be"]),
    ],
)  # fmt: skip
def test_bad_input(argument, value, error, texts):
    given = {"generator": NETS[0], "amortizer": NETS[1], argument: value}
    refuses(lambda: HybridTrainer(**given), error, *texts)


@pytest.mark.parametrize(
    ("given_causes", "changes", "error", "texts"),
    [
        (False, {"causes": X}, ValueError, ["^causes must be None", "given_causes=True"]),
        (True, {}, TypeError, ["^causes must be an array of float64"]),
        (True, {"causes": X[:, :2]}, ValueError, [r"^causes must have shape \(6, 3\)"]),
        (True, {"causes": at(X, (1, 1), np.nan)}, ValueError, ["^causes must be finite"]),
        (False, {"Y": at(Y, (1, 1), np.nan)}, ValueError, ["^Y must be finite", "factor 0"]),
        (False, {"factors": -np.ones_like(Y)}, ValueError, ["^factors must be"]),
        (False, {"learning_rate": np.inf}, ValueError, ["^learning_rate must be"]),
        (False, {"amortizer_rate": -1.0}, ValueError, ["^amortizer_rate must be"]),
    ],
)
def test_bad_steps(given_causes, changes, error, texts):
    trainer = HybridTrainer(*copy.deepcopy(NETS), given_causes=given_causes)
    given = {"Y": Y, "learning_rate": 0.1, **changes}
    refuses(lambda: trainer.step(**given), error, *texts)
    assert trainer.n_updates == 0


def test_errors_or_an_amortizer():
    errors = [np.zeros((len(Y), n)) for n in NETS[0].layer_sizes[:-1]]
    refuses(
        lambda: infer_causes(NETS[0], Y, errors=errors, amortizer=NETS[1]),
        ValueError, "^errors must be None with an amortizer",
    )  # fmt: skip
    refuses(
        lambda: infer_causes(NETS[0], Y, "error", amortizer=NETS[1]),
        ValueError, "^method must be 'quasi_newton'",
    )  # fmt: skip
