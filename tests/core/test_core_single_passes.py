"""The single passes, of which methods outside the core consist, against the reference."""

import numpy as np
import pytest

from pcnet._core import binding
from pcnet._core.threads import effective_n_threads
from pcnet._network_core import core_network

from .. import reference
from ..helpers import (
    ACTIVATIONS,
    LOSSES,
    make_activities,
    make_batch,
    make_network,
    objective,
    relative_error,
    starts_threads,
)
from .test_core_threads import over_threads

PROBLEM = {"output_precision": 0.8, "activity_decay": 0.03}


class Case:
    """A batch of the core in a state of random activities and errors, and the reference's copy."""

    def __init__(self, net, n_samples, loss="squared_error"):
        self.net, self.n, self.loss = net, n_samples, loss
        self.X, self.Y = make_batch(net, n_samples, loss)
        self.batch = binding.Batch(core_network(net), n_samples + 2, effective_n_threads())
        self.z = make_activities(net, n_samples)
        outputs = [make_batch(net, n_samples, seed=9)[1]]
        self.u = [*make_activities(net, n_samples, seed=5), *outputs]
        self.fill(self.batch.activities, self.z)
        self.fill(self.batch.errors, self.u)

    def fill(self, rows, arrays):
        for row, array in zip(rows, arrays, strict=False):
            row[: self.n, : array.shape[1]] = array

    def read(self, rows, n_layers=None):
        """The arrays of all layers, or of some; checks that nothing was written outside of them."""
        sizes = self.net.layer_sizes[1:]
        for row, size in zip(rows, sizes, strict=True):
            assert not np.any(row[self.n :])
            assert not np.any(row[:, size:])
        return [row[: self.n, :size].copy() for row, size in zip(rows, sizes, strict=True)][
            :n_layers
        ]

    @property
    def problem(self):
        return (self.loss, PROBLEM["output_precision"], PROBLEM["activity_decay"])

    @property
    def objective(self):
        return objective(self.loss, **PROBLEM)


def check_forward_from_errors(case, tolerance):
    out = case.batch.like_activities()
    losses, energies = case.batch.forward_from_errors(case.X, case.Y, *case.problem, responses=out)
    z = reference.propagate(case.net, case.X, case.u[:-1])
    delta = reference.output_delta(case.loss, z[-1], case.Y, PROBLEM["output_precision"])
    close = tolerance(case.net.dtype, "reference")
    assert relative_error(case.read(case.batch.activities), z) <= close
    assert relative_error(case.read(case.batch.errors), [*case.u[:-1], delta]) <= close
    assert relative_error(case.read(case.batch.errors, len(z) - 1), case.u[:-1]) == 0
    expected = reference.loss_values(case.loss, z[-1], case.Y)
    assert relative_error(losses, expected) <= close
    squares = [0.5 * np.sum(np.square(e, dtype=np.float64), axis=1) for e in case.u[:-1]]
    expected = np.stack([*squares, PROBLEM["output_precision"] * expected], axis=1)
    assert relative_error(energies, expected) <= close
    v = reference.backward(case.net, z, delta, PROBLEM["activity_decay"])
    assert relative_error(case.read(out, len(v)), v) <= close


def check_backward_passes(case, tolerance, decay):
    close = tolerance(case.net.dtype, "reference")
    hidden = len(case.z)
    out = case.batch.like_activities()
    case.batch.backward(case.n, out, activity_decay=decay)
    expected = reference.backward(case.net, case.z, case.u[-1], decay)
    assert relative_error(case.read(out, hidden), expected) <= close
    case.batch.activity_gradients(case.n, out, activity_decay=decay)
    expected = reference.gradients_at_errors(case.net, case.z, case.u, decay)
    assert relative_error(case.read(out, hidden), expected) <= close
    # neither pass has changed activities or errors
    assert relative_error(case.read(case.batch.activities, hidden), case.z) == 0
    assert relative_error(case.read(case.batch.errors), case.u) == 0
    case.batch.gauss_seidel_sweep(case.n, 0.3, activity_decay=decay)
    z, e = reference.gauss_seidel_sweep(case.net, case.z, case.u, 0.3, decay)
    assert relative_error(case.read(case.batch.activities, hidden), z) <= close
    assert relative_error(case.read(case.batch.errors), e) <= close


@pytest.mark.covering(1)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_batch_sizes(activation, n_samples, dtype, tolerance):
    net = make_network((9, 13, 13, 13, 4), activation, dtype=dtype)
    check_forward_from_errors(Case(net, n_samples), tolerance)
    check_backward_passes(Case(net, n_samples), tolerance, 0.0)
    check_backward_passes(Case(net, n_samples), tolerance, 0.1)


@pytest.mark.covering(2)
@pytest.mark.parametrize("bias", [False, True], ids=["nobias", "bias"])
@pytest.mark.parametrize("skip", [False, True], ids=["plain", "skip"])
@pytest.mark.parametrize("loss", LOSSES)
def test_shapes(layer_sizes, loss, skip, bias, dtype, tolerance):
    if layer_sizes[-1] == 1 and loss == "log_loss":
        loss = "logistic"  # softmax of one output is constant
    net = make_network(layer_sizes, "tanh", skip=skip, bias=bias, dtype=dtype)
    check_forward_from_errors(Case(net, 37, loss), tolerance)
    check_backward_passes(Case(net, 37, loss), tolerance, 0.1)


def test_forward_from_errors_without_targets_keeps_output_errors(dtype, tolerance):
    net = make_network((9, 13, 13, 4), "gelu", dtype=dtype)
    case = Case(net, 70)
    assert case.batch.forward_from_errors(case.X) == (None, None)
    assert relative_error(case.read(case.batch.errors), case.u) == 0
    z = reference.propagate(net, case.X, case.u[:-1])
    assert relative_error(case.read(case.batch.activities), z) <= tolerance(dtype, "reference")


def test_feed_forward_pass(dtype):
    """The errors are not read; the state has the bits of `forward`'s, all hidden energies are 0."""
    net = make_network((9, 13, 13, 4), "gelu", dtype=dtype)
    case = Case(net, 70)
    errors, out = case.batch.errors, case.batch.like_activities()
    case.fill(errors, [np.full_like(u, np.nan) for u in case.u])
    _, energies = case.batch.forward_from_errors(
        case.X, case.Y, *case.problem, from_errors=False, responses=out
    )
    assert not np.any(energies[:, :-1])
    assert relative_error(case.read(case.batch.activities), net.forward(case.X)) == 0
    case.batch.forward_from_errors(
        case.X, case.Y, *case.problem, from_errors=False, responses=errors
    )
    assert np.array_equal(errors.hidden, out.hidden)


def test_given_errors(dtype):
    """Given arrays replace the batch's errors, with the same bits."""
    net = make_network((9, 13, 13, 4), "tanh", dtype=dtype)
    case = Case(net, 70)
    mine, out = case.batch.like_activities(), [case.batch.like_activities() for _ in range(4)]
    mine.flat[:] = case.batch.errors.flat
    case.batch.backward(70, out[0])
    case.batch.activity_gradients(70, out[1])
    case.batch.errors.flat[:] = 7
    case.batch.backward(70, out[2], errors=mine)
    case.batch.activity_gradients(70, out[3], errors=mine)
    assert np.array_equal(out[0].flat, out[2].flat)
    assert np.array_equal(out[1].flat, out[3].flat)
    case.batch.forward_from_errors(case.X, errors=mine)
    result = case.batch.activities.flat.copy()
    case.batch.errors.flat[:] = mine.flat
    case.batch.forward_from_errors(case.X)
    assert np.array_equal(result, case.batch.activities.flat)


SIZES = (20, 192, 192, 192, 50, 10)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_threads(activation, dtype, threads):
    assert starts_threads(SIZES, 141)
    net = make_network(SIZES, activation, dtype=dtype)

    def run():
        case = Case(net, 141)
        out = [case.batch.like_activities() for _ in range(3)]
        case.batch.backward(141, out[0])
        case.batch.activity_gradients(141, out[1])
        case.batch.gauss_seidel_sweep(141, 0.4)
        swept = [case.batch.activities.flat.copy(), case.batch.errors.flat.copy()]
        losses, energies = case.batch.forward_from_errors(
            case.X, case.Y, *case.problem, responses=out[2]
        )
        return [*(o.flat for o in out), *swept, case.batch.activities.flat, losses, energies]

    over_threads(threads, run)


def test_layer_rows():
    net = make_network((9, 13, 12, 4))
    batch = binding.Batch(core_network(net), 5, 1)
    rows = batch.like_activities()
    assert [r.shape[0] for r in rows] == [5, 5, 5]
    assert [r.shape for r in rows] == [r.shape for r in batch.activities]
    rows[0][:] = 1
    rows[2][:] = 3
    assert rows.flat.sum() == rows[0].size + 3 * rows[2].size
    assert rows.hidden.sum() == rows[0].size
    assert rows.hidden.size == rows[0].size + rows[1].size


def test_arrays_of_wrong_shape_or_dtype_are_refused():
    net, other = make_network((9, 13, 13, 4)), make_network((9, 12, 13, 4))
    case = Case(net, 6)
    batch = case.batch
    for wrong in (
        binding.Batch(core_network(other), 8, 1).like_activities(),
        binding.Batch(core_network(net), 7, 1).like_activities(),
        [a.copy() for a in batch.activities],
    ):
        with pytest.raises(ValueError, match="like_activities"):
            batch.backward(6, wrong)
        with pytest.raises(ValueError, match="like_activities"):
            batch.forward_from_errors(case.X, errors=wrong)
        with pytest.raises(ValueError, match="like_activities"):
            batch.activity_gradients(6, batch.like_activities(), errors=wrong)
        with pytest.raises(ValueError, match="like_activities"):
            batch.gauss_seidel_sweep(6, 0.1, errors=wrong)
    with pytest.raises(ValueError, match="other arrays"):
        batch.activity_gradients(6, batch.errors)
    with pytest.raises(ValueError, match="targets"):
        batch.forward_from_errors(case.X, responses=batch.like_activities())
    with pytest.raises(ValueError, match="overwrite"):
        batch.forward_from_errors(case.X, case.Y, *case.problem, responses=batch.errors)
    for n in (-1, 9):
        with pytest.raises(ValueError, match="samples"):
            batch.backward(n, batch.like_activities())
    with pytest.raises(RuntimeError, match="refused"):
        batch.gauss_seidel_sweep(6, 0.0)
    with pytest.raises(RuntimeError, match="refused"):
        batch.backward(6, batch.like_activities(), activity_decay=-1.0)
