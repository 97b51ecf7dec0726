"""Bad input: an error names the argument and the expectation, and nothing has changed."""

import copy
import re

import numpy as np
import pytest

from pcnet import Network, PCClassifier
from pcnet.generative import CauseTrainer, Prior, infer_causes
from pcnet.inference import ErrorDescent, Objective, QuasiNewton
from pcnet.losses import Blocks
from pcnet.solvers import LBFGS, SGD

from .energies import problem

N, D, K = 6, 3, 5
SIZES = (D, 6, 6, K)


def at(values, place, value):
    values = np.array(values)
    values[place] = value
    return values


def with_nan(net):
    net = copy.deepcopy(net)
    net.weights[1][0, 0] = np.nan
    return net


Y = problem(SIZES, n_samples=N)[1]
COMPLETE = np.nan_to_num(Y)


def rows_of(n, widths, value=0.0):
    return [np.full((n, width), value) for width in widths]


@pytest.fixture
def net():
    return problem(SIZES, n_samples=N, dtype=np.float32)[0]


def refuses(call, error, *texts):
    """A call raises an error whose text has all of these parts."""
    with pytest.raises(error) as caught:
        call()
    for text in texts:
        assert re.search(text, str(caught.value)), f"{text!r} is not in {caught.value}"


# ---------------------------------------------------------------- infer_causes


@pytest.mark.parametrize(
    ("argument", "value", "error", "texts"),
    [
        ("Y", None, TypeError, ["^Y must be an array"]),
        ("Y", "abc", TypeError, ["^Y must hold real numbers"]),
        ("Y", Y + 1j, TypeError, ["^Y must hold real numbers", "complex"]),
        ("Y", [[1.0] * K, [1.0]], ValueError, ["^Y must be one array", "shapes differ"]),
        ("Y", Y[0], ValueError, ["^Y must have 2 dimension", r"\(5,\)", r"\[x\]"]),
        ("Y", Y[None], ValueError, ["^Y must have 2 dimension", r"\(1, 6, 5\)"]),
        ("Y", Y[:, :4], ValueError, ["^Y must have 5 columns", r"\(6, 4\)"]),
        ("Y", Y[:0], ValueError, ["^Y must have at least 1 rows"]),
        ("Y", at(Y, (3, 2), np.inf), ValueError, ["^Y must be finite", r"inf at \[3, 2\]", "NaN"]),
        ("Y", at(Y, (3, 2), -np.inf), ValueError, ["^Y must be finite", r"-inf at \[3, 2\]"]),
        ("Y", at(Y, (3, 2), 1e300), ValueError, ["^Y must be finite in float32"]),
        ("loss", "log_loss", ValueError, ["^Y must", "as a whole", "row 2 is NaN in part", "Set"]),
        ("loss", "poisson", ValueError, ["^Y must hold counts", "row"]),
        ("loss", "hinge", ValueError, ["^loss must be one of"]),
        ("loss", Blocks("log_loss", [5]), ValueError, ["^losses of Blocks must be a list"]),
        ("loss", Blocks(["log_loss"], 5), ValueError, ["^sizes of Blocks must be a list"]),
        ("loss", Blocks(["huber"], [5, 0]), ValueError, ["^sizes of Blocks must be an integer"]),
        ("loss", Blocks(["huber"], [3, 2]), ValueError, ["^Blocks must have as many losses"]),
        ("loss", Blocks(["huber"], [4]), ValueError, ["^sizes of Blocks must add up", "5 outputs"]),
        ("loss", Blocks(["hinge"], [5]), ValueError, ["^loss must be one of"]),
        ("loss", Blocks([Blocks(["huber"], [5])], [5]), TypeError, ["^losses of Blocks must"]),
        ("loss", Blocks(["huber", "log_loss"], [2, 3]), ValueError, ["^Y must", "as a whole"]),
        ("loss", Blocks(["huber", "poisson"], [2, 3]), ValueError, [r"^Y\[:, 2:5\] must hold"]),
        ("method", "activity", ValueError, ["^method must be 'quasi_newton' or 'error'"]),
        ("method", "newton", ValueError, ["^method must be one of"]),
        ("method", QuasiNewton, TypeError, ["^method must be an object", "write QuasiNewton"]),
        ("method", QuasiNewton(memory=21), ValueError, ["^memory must be at most 20; got 21"]),
        ("method", QuasiNewton(memory=0), ValueError, ["^memory must be an integer of at least 1"]),
        ("method", QuasiNewton(memory=2.5), TypeError, ["^memory must be an integer"]),
        ("method", QuasiNewton(max_steps=-1), ValueError, ["^max_steps must be an integer"]),
        ("method", QuasiNewton(tol=np.nan), ValueError, ["^tol must be a finite number"]),
        ("method", QuasiNewton(energy_tol=-1.0), ValueError, ["^energy_tol must be"]),
        ("prior", 2.0, TypeError, ["^prior must be a pcnet.generative.Prior", "Write Prior"]),
        ("prior", Prior(np.zeros(4)), ValueError, ["^mean of the prior must have 3 entries"]),
        ("prior", Prior(np.zeros((1, D))), ValueError, ["^mean of the prior must have 1 dim"]),
        ("prior", Prior(np.nan), ValueError, ["^mean of the prior must be finite"]),
        ("prior", Prior("zero"), TypeError, ["^mean of the prior must hold real numbers"]),
        ("prior", Prior([[1], [1, 2]]), ValueError, ["^mean of the prior must be one array"]),
        ("prior", Prior(precision=1e-200), ValueError, ["^precision of the prior must be in"]),
        ("output_precision", 0.0, ValueError, ["^output_precision must be", "above 0"]),
        ("output_precision", -1.0, ValueError, ["^output_precision must be", "above 0"]),
        ("output_precision", np.nan, ValueError, ["^output_precision must be", "above 0"]),
        ("output_precision", "high", TypeError, ["^output_precision must be"]),
        ("output_precision", 1e-30, ValueError, ["^output_precision must be at least"]),
        ("output_precision", np.ones(4), ValueError, ["^output_precision must be a number or an"]),
        ("output_precision", np.ones((N, 1)), ValueError, ["^output_precision .* shape"]),
        ("output_precision", -np.ones(K), ValueError, ["^output_precision must be", "0 or more"]),
        ("output_precision", [np.nan] * K, ValueError, ["^output_precision must be finite"]),
        ("output_precision", [np.inf] * K, ValueError, ["^output_precision must be finite"]),
        ("output_precision", ["a"] * K, TypeError, ["^output_precision must hold real numbers"]),
        ("output_precision", [[1], [1, 2]], ValueError, ["^output_precision must be one array"]),
        ("errors", 3.0, TypeError, ["^errors must be a list of 3 entries"]),
        ("errors", [np.zeros((N, D))], ValueError, ["^errors must have 3 entries", "got 1"]),
        ("errors", rows_of(N, (D, 5, 6)), ValueError, [r"^errors\[1\] must have 6 columns"]),
        ("errors", rows_of(5, (D, 6, 6)), ValueError, [r"^errors\[0\] must have 6 rows"]),
        ("errors", rows_of(N, (D, 6, 6), np.nan), ValueError, [r"^errors\[0\] must be finite"]),
        ("net", None, TypeError, ["^net must be a pcnet.Network"]),
        ("net", PCClassifier(), TypeError, ["^net must be a pcnet.Network", "network_"]),
        ("net", with_nan, ValueError, [r"^weights\[1\] must be finite"]),
    ],
)  # fmt: skip
def test_infer_causes(argument, value, error, texts, net):
    given = {"net": net, "Y": Y, "output_precision": 2.0, argument: value}
    if callable(value) and argument == "net":
        given["net"] = value(net)
    refuses(lambda: infer_causes(**given), error, *texts)


def test_partly_weighted_rows_with_log_loss(net):
    factors = at(np.ones((N, K)), (4, 2), 0)
    one_hot = np.eye(K)[np.arange(N) % K]
    refuses(
        lambda: infer_causes(net, one_hot, loss="log_loss", output_precision=factors),
        ValueError, "^output_precision must", "as a whole", "row 4 is 0 in part", "Set all of it",
    )  # fmt: skip


def test_warm_start_needs_quasi_newton(net):
    errors = [np.zeros((N, n)) for n in SIZES[:-1]]
    refuses(
        lambda: infer_causes(net, Y, ErrorDescent(), errors=errors),
        ValueError, "^method must be 'quasi_newton' to start from given errors",
    )  # fmt: skip


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_precision_of_the_prior(value):
    refuses(
        lambda: Prior(precision=value), ValueError, "^precision of the prior must be", "above 0"
    )
    refuses(lambda: Prior(precision="high"), TypeError, "^precision of the prior must be")


@pytest.mark.parametrize("method", ["quasi_newton", "error"])
@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "logistic", "huber", "poisson"])
def test_nothing_observed(method, loss, net):
    """The prior's mean and its feed-forward activities, without a step."""
    prior = Prior(np.array([0.5, 0.0, -1.0]))
    result = infer_causes(net, np.full((N, K), np.nan), method, prior=prior, loss=loss)
    mean = np.broadcast_to(prior.mean, (N, D)).astype(np.float32)
    assert not result.energy.any()
    assert not result.n_steps.any()
    assert result.converged.all()
    np.testing.assert_allclose(result.causes, mean, rtol=1e-6)
    np.testing.assert_allclose(result.activities[-1], net.output(mean), rtol=1e-5, atol=1e-6)
    assert not any(e.any() for e in result.errors)


@pytest.mark.parametrize("method", ["quasi_newton", "error"])
def test_overflow(method, net):
    """Outputs that float32 holds: their loss may be beyond it, but not their deltas."""
    result = infer_causes(net, 1e18 * COMPLETE, method, output_precision=1e6)
    assert np.isfinite(np.concatenate([*result.activities, *result.errors], axis=1)).all()
    assert np.isfinite(result.energy).all()
    with pytest.raises(FloatingPointError, match="not finite"):
        infer_causes(net, 1e36 * COMPLETE, method, output_precision=1e6)


def test_masked_arrays(net):
    masked = np.ma.masked_array(np.where(np.isnan(Y), 1e3, Y), np.isnan(Y))
    np.testing.assert_array_equal(infer_causes(net, masked).causes, infer_causes(net, Y).causes)


@pytest.mark.parametrize("precision", [2.0, np.full(K, 2.0), np.full((N, K), 2.0)], ids=np.shape)
def test_layout_in_memory(precision, net):
    """Columns one after the other, rows with gaps, a list: the same result."""
    expected = infer_causes(net, Y, output_precision=precision).causes
    for same in (np.asfortranarray(Y), np.repeat(Y, 2, axis=1)[:, ::2], Y.tolist()):
        other = np.asfortranarray(precision) if np.ndim(precision) else precision
        found = infer_causes(net, same, output_precision=other).causes
        np.testing.assert_array_equal(found, expected)


def test_arguments_are_not_written(net):
    given = [Y.copy(), np.ones(Y.shape), *(0.1 * np.ones((N, n)) for n in SIZES[:-1])]
    kept = copy.deepcopy([*given, *net.weights, *net.biases])
    for array in given:
        array.flags.writeable = False
    infer_causes(net, given[0], output_precision=given[1], errors=given[2:])
    for array, before in zip([*given, *net.weights, *net.biases], kept, strict=True):
        np.testing.assert_array_equal(array, before)


# ---------------------------------------------------------------- CauseTrainer


@pytest.mark.parametrize(
    ("argument", "value", "error", "texts"),
    [
        ("net", None, TypeError, ["^net must be a pcnet.Network"]),
        ("net", with_nan, ValueError, [r"^weights\[1\] must be finite"]),
        ("objective", "squared_error", TypeError, ["^objective must be a pcnet.inf"]),
        ("objective", Objective(activity_decay=0.1), ValueError, ["^objective .* activity_decay"]),
        ("objective", Objective(output_precision=1e-30), ValueError, ["^output_precision must be"]),
        ("prior", 1.0, TypeError, ["^prior must be a pcnet.generative.Prior"]),
        ("prior", Prior(np.zeros(4)), ValueError, ["^mean of the prior must have 3 entries"]),
        ("method", "error", ValueError, ["^method must be 'quasi_newton'"]),
        ("method", QuasiNewton(memory=21), ValueError, ["^memory must be at most 20"]),
        ("solver", "lbfgs", ValueError, ["^solver must be one that steps", "Adam or SGD"]),
        ("solver", LBFGS(), ValueError, ["^solver must be one that steps", "LBFGS"]),
        ("solver", "rmsprop", ValueError, ["^solver must be one of"]),
        ("solver", SGD, TypeError, ["^solver must be an object"]),
        ("max_batch_size", 0, ValueError, ["^max_batch_size must be an integer of at least 1"]),
        ("max_batch_size", 2.0, TypeError, ["^max_batch_size must be an integer"]),
    ],
)  # fmt: skip
def test_cause_trainer(argument, value, error, texts, net):
    given = {"net": net, "objective": Objective(), argument: value}
    if callable(value) and argument == "net":
        given["net"] = value(net)
    refuses(lambda: CauseTrainer(**given), error, *texts)


MASK = (~np.isnan(Y)).astype(np.float32)
F32 = COMPLETE.astype(np.float32)


def kept_errors(n=20, dtype=np.float32):
    return [np.full((n, width), 0.1, dtype) for width in SIZES[:-1]]


def read_only():
    errors = kept_errors()
    errors[1].flags.writeable = False
    return errors


@pytest.mark.parametrize(
    ("changes", "error", "texts"),
    [
        ({"Y": F32.tolist()}, TypeError, ["^Y must be an array of float32", "list", "Convert"]),
        ({"Y": COMPLETE}, TypeError, ["^Y must be an array of float32", "float64", "Convert"]),
        ({"Y": F32[:, :4]}, ValueError, [r"^Y must have shape \(n, 5\); got \(6, 4\)"]),
        ({"Y": F32[0]}, ValueError, [r"^Y must have shape \(n, 5\)"]),
        ({"Y": F32[:0]}, ValueError, [r"^Y must have shape \(n, 5\)"]),
        ({"Y": np.asfortranarray(F32)}, ValueError, ["^Y must be C-contiguous", "Copy it"]),
        ({"Y": np.tile(F32, (20, 1))}, ValueError, ["^Y must have at most 64 rows; got 120"]),
        ({"Y": Y.astype(np.float32), "factors": None}, ValueError, ["^Y must be finite", "row 1 "]),
        ({"Y": at(F32, (0, 0), np.inf)}, ValueError, ["^Y must be finite", "row 0", "factor 0"]),
        ({"factors": MASK.astype(bool)}, TypeError, ["^factors must be an array", "bool"]),
        ({"factors": MASK[:, :1]}, ValueError, [r"^factors must have shape \(6, 5\)"]),
        ({"factors": MASK[0]}, ValueError, [r"^factors must have shape \(6, 5\)"]),
        ({"factors": at(MASK, (2, 1), -1)}, ValueError, ["^factors must be .* 0 or more", "-1"]),
        ({"factors": at(MASK, (2, 1), np.nan)}, ValueError, ["^factors must be finite"]),
        ({"factors": at(MASK, (2, 1), np.inf)}, ValueError, ["^factors must be finite"]),
        ({"learning_rate": np.nan}, ValueError, ["^learning_rate must be a finite number"]),
        ({"learning_rate": -0.1}, ValueError, ["^learning_rate must be a finite number"]),
        ({"learning_rate": "auto"}, TypeError, ["^learning_rate must be a finite number"]),
        ({"weight_decay": -1.0}, ValueError, ["^weight_decay must be a finite number"]),
        ({"errors": None}, ValueError, ["^rows must be None without errors"]),
        ({"errors": kept_errors()[:2]}, ValueError, ["^errors must have 3 entries"]),
        ({"errors": 0.0}, TypeError, ["^errors must be a list"]),
        ({"errors": [e[:, :2] for e in kept_errors()]}, ValueError, [r"^errors\[0\] .*\(20, 2\)"]),
        ({"errors": [*kept_errors()[:2], np.zeros((9, 6))]}, ValueError, [r"^errors\[2\] must"]),
        ({"errors": [e.tolist() for e in kept_errors()]}, TypeError, [r"^errors\[0\] .*list"]),
        ({"errors": kept_errors(dtype=int)}, TypeError, [r"^errors\[0\] must be a writable array"]),
        ({"errors": read_only()}, TypeError, [r"^errors\[1\] must be a writable", "read-only"]),
        ({"errors": kept_errors(5), "rows": None}, ValueError, ["^rows must say which 6 of the 5"]),
        ({"rows": np.arange(5)}, ValueError, ["^rows must be 6 integers", r"\(5,\)"]),
        ({"rows": np.arange(6.0)}, ValueError, ["^rows must be 6 integers", "float64"]),
        ({"rows": np.ones(6, bool)}, ValueError, ["^rows must be 6 integers", "flatnonzero"]),
        ({"rows": np.arange(15, 21)}, ValueError, ["^rows must be from 0 to 19", "15 to 20"]),
        ({"rows": np.arange(-1, 5)}, ValueError, ["^rows must be from 0 to 19", "-1 to 4"]),
    ],
)  # fmt: skip
def test_step(changes, error, texts, net):
    """Weights, kept errors and the number of updates stay; the next step is as without it."""
    trainer, other = (CauseTrainer(copy.deepcopy(net), Objective()) for _ in range(2))
    given = {
        "Y": F32, "factors": MASK, "errors": kept_errors(), "rows": np.arange(6),
        "learning_rate": 0.1, **changes,
    }  # fmt: skip
    before = copy.deepcopy(given["errors"])
    refuses(lambda: trainer.step(**given), error, *texts)
    for kept, array in zip(given["errors"] or [], before or [], strict=True):
        np.testing.assert_array_equal(kept, array)
    assert trainer.n_updates == 0
    after = [t.step(F32, MASK, learning_rate=0.1) for t in (trainer, other)]
    assert after[0] == after[1]


def test_step_with_partly_weighted_rows_and_log_loss(net):
    trainer = CauseTrainer(net, Objective("log_loss"))
    one_hot = np.eye(K, dtype=np.float32)[np.arange(N) % K]
    factors = at(np.ones_like(one_hot), (4, 2), 0)
    refuses(
        lambda: trainer.step(one_hot, factors, learning_rate=0.1),
        ValueError, "^factors must", "row 4 is 0 in part",
    )  # fmt: skip


def test_kept_errors_that_are_not_finite(net):
    """Inference starts from 0 instead, and writes finite errors."""
    trainer = CauseTrainer(net, Objective())
    errors = kept_errors(N)
    errors[0][2], errors[1][3], errors[2][4] = np.nan, np.inf, 1e30
    report = trainer.step(F32, MASK, learning_rate=0.1, errors=errors)
    assert np.isfinite(report.energy)
    assert np.isfinite(np.concatenate(errors, axis=1)).all()


def test_rows_without_an_observed_output(net):
    """They leave the weights as they are, and their errors are 0."""
    trainer, errors = CauseTrainer(net, Objective(), solver=SGD()), kept_errors(N)
    before = copy.deepcopy(net)
    nan = np.full((N, K), np.nan, np.float32)
    report = trainer.step(nan, np.zeros_like(nan), learning_rate=0.1, errors=errors)
    trainer.sync()
    assert report.loss == report.energy == 0
    assert not np.concatenate(errors, axis=1).any()
    for after, weights in zip(net.weights, before.weights, strict=True):
        np.testing.assert_array_equal(after, weights)


def test_network_without_hidden_layers():
    """Factor analysis: a prior and one layer."""
    net = Network.init((2, 5), random_state=0, dtype=np.float64)
    result = infer_causes(net, Y, QuasiNewton(100, 1e-20, 0))
    assert [a.shape for a in (result.causes, *result.activities)] == [(N, 2), (N, 5)]
    assert result.energy[1] == 0
