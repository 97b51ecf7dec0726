"""No function changes its arguments, and what it returns shares no memory with them."""

import dataclasses

import numpy as np
import pytest

import pcnet
from pcnet import Network, theory
from pcnet.inference import METHODS, learning_gradients
from pcnet.theory import activity_hessian, energy_hessian, linearize, loss_hessian

from ..helpers import make_batch, make_network

SIZES = (3, 5, 5, 2)
N = 4


class Case:
    """A network, arguments, and all their arrays."""

    def __init__(self, dtype, activation="tanh", bias=True):
        self.net = make_network(SIZES, activation, dtype=dtype, bias=bias, skip=False)
        for W in self.net.weights:
            W *= 0.5  # activity descent is stable at its default rate
        self.X, self.Y = make_batch(self.net, N)
        self.z = [1.01 * z for z in self.net.forward(self.X)[:-1]]
        self.errors = [*(0.1 * z for z in self.z), self.Y - 0.5]
        self.vector = np.linspace(0.0, 1.0, sum(W.size for W in self.net.weights))

    def arrays(self):
        return [
            *self.net.weights,
            *(self.net.biases or []),
            self.net.scales,
            self.net.skips,
            *(self.X, self.Y, self.vector),
            *self.z,
            *self.errors,
        ]


NETWORK_CALLS = {
    "forward": lambda c: c.net.forward(c.X),
    "output": lambda c: c.net.output(c.X),
    "energy": lambda c: c.net.energy(c.X, c.Y, c.z),
    "activity_gradients": lambda c: c.net.activity_gradients(c.X, c.Y, c.z),
    "weight_gradients": lambda c: c.net.weight_gradients(c.X, c.errors, c.z),
    "copy": lambda c: c.net.copy(),
    "from_weights": lambda c: Network.from_weights(
        c.net.weights, c.net.biases, "tanh", c.net.scales, c.net.skips
    ),
    "repr": lambda c: repr(c.net),
    "learning_gradients": lambda c: learning_gradients(c.net, c.X, c.Y),
}
METHOD_CALLS = {
    f"infer {name}": lambda c, name=name: pcnet.infer(c.net, c.X, c.Y, name, output_precision=0.1)
    for name in METHODS
    if name != "exact"  # of linear networks only
}
THEORY_CALLS = {
    "activation_second_derivative": lambda c: theory.activation_second_derivative("gelu", c.X),
    "activity_hessian": lambda c: activity_hessian(c.net, c.X[0], c.Y[0]).toarray(),
    "at_origin": lambda c: theory.at_origin(c.net),
    "backprop_comparison_sweep": lambda c: theory.backprop_comparison_sweep(c.X, c.Y, [2], [1]),
    "backprop_gradients": lambda c: theory.backprop_gradients(c.net, c.X, c.Y),
    "compare_with_backprop": lambda c: theory.compare_with_backprop(c.net, c.X, c.Y),
    "cost": lambda c: theory.cost(c.net, "backprop"),
    "energy_hessian": lambda c: energy_hessian(c.net, c.X, c.Y, activities=c.z).toarray(),
    "extreme_eigenvalues": lambda c: theory.extreme_eigenvalues(
        activity_hessian(c.net, c.X[:1], c.Y[:1])
    ),
    "fisher_preconditioner": lambda c: theory.fisher_preconditioner(c.net, c.X[:1]).toarray(),
    "flatten_weights": lambda c: theory.flatten_weights(c.net.weights),
    "forward_norms": lambda c: theory.forward_norms(c.net, c.X),
    "gradient_decomposition": lambda c: theory.gradient_decomposition(c.net, c.X, c.Y),
    "in_float64": lambda c: theory.in_float64(c.net),
    "is_strict_saddle": lambda c: theory.is_strict_saddle(c.net, c.X, c.Y),
    "linearize": lambda c: linearize(c.net, c.X, c.z).gains,
    "linearized_equilibrium": lambda c: theory.linearized_equilibrium(c.net, c.X, c.Y, c.z),
    "linearized_rescaling": lambda c: theory.linearized_rescaling(c.net, c.X, 1.0, c.z),
    "loss_hessian": lambda c: loss_hessian(c.net, c.X, c.Y).toarray(),
    "newton_equilibrium": lambda c: theory.newton_equilibrium(c.net, c.X, c.Y, activities=c.z),
    "output_curvature": lambda c: theory.output_curvature("squared_error", c.Y, c.Y),
    "predicted_activity_step": lambda c: theory.predicted_activity_step(c.net, c.X, c.Y),
    "predicted_equilibrium_energy": lambda c: theory.predicted_equilibrium_energy(c.net, c.X, c.Y),
    "smallest_eigenpair": lambda c: theory.smallest_eigenpair(loss_hessian(c.net, c.X, c.Y)),
    "split_weights": lambda c: theory.split_weights(c.net, c.vector),
    "target_alignment": lambda c: theory.target_alignment(c.net, c.X, c.Y),
    "weight_slices": lambda c: theory.weight_slices(c.net),
}
LINEAR_CALLS = {  # of linear networks without biases
    "equilibrium_activities": lambda c: theory.equilibrium_activities(c.net, c.X, c.Y, 1.0, 0.1),
    "equilibrium_energy": lambda c: theory.equilibrium_energy(c.net, c.X, c.Y),
    "equilibrium_rescaling": lambda c: theory.equilibrium_rescaling(c.net),
    "equilibrium_weight_gradients": lambda c: theory.equilibrium_weight_gradients(c.net, c.X, c.Y),
    "infer ExactEquilibrium": lambda c: pcnet.infer(
        c.net, c.X, c.Y, pcnet.inference.ExactEquilibrium()
    ),
    "origin_hessian": lambda c: theory.origin_hessian(c.net, c.X, c.Y),
    "predicted_origin_eigenvalues": lambda c: theory.predicted_origin_eigenvalues(c.net, c.X, c.Y),
}
CALLS = {**NETWORK_CALLS, **METHOD_CALLS, **THEORY_CALLS, **LINEAR_CALLS}
WITHOUT_NETWORK = {"learning_rate_transfer", "over_shapes"}


def arrays_of(result):
    """All arrays in the result of a function."""
    if isinstance(result, np.ndarray):
        yield result
    elif isinstance(result, (list, tuple)):
        for part in result:
            yield from arrays_of(part)
    elif isinstance(result, Network):
        yield from arrays_of([result.weights, result.biases, result.scales, result.skips])
    elif dataclasses.is_dataclass(result):
        yield from arrays_of([getattr(result, f.name) for f in dataclasses.fields(result)])


def test_every_function_of_theory_is_listed():
    functions = {name for name in theory.__all__ if not isinstance(getattr(theory, name), type)}
    assert functions - WITHOUT_NETWORK <= set(CALLS)


@pytest.mark.covering(1)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_arguments_are_not_changed_and_results_share_no_memory(name, read_only, dtype):
    linear = name in LINEAR_CALLS
    case = Case(dtype, *(("identity", False) if linear else ()))
    before = [array.copy() for array in case.arrays()]
    for array in case.arrays() if read_only else []:
        array.flags.writeable = False
    result = CALLS[name](case)
    for array, copy in zip(case.arrays(), before, strict=True):
        assert array.dtype == copy.dtype
        assert array.tobytes() == copy.tobytes()
    found = list(arrays_of(result))
    for array in found:
        assert array.flags.writeable
        assert not any(np.shares_memory(array, other) for other in case.arrays())
    for i, array in enumerate(found):
        assert not any(np.shares_memory(array, other) for other in found[:i])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "make",
    [
        lambda c: activity_hessian(c.net, c.X[0], c.Y[0]).toarray,
        lambda c: loss_hessian(c.net, c.X, c.Y).toarray,
        lambda c: energy_hessian(c.net, c.X, c.Y).toarray,
        lambda c: lambda: linearize(c.net, c.X).rescaling(1.0),
    ],
)
def test_operators_do_not_follow_their_network(make, dtype):
    """Later calls give results for the network at the time of construction."""
    case, same = Case(dtype), Case(dtype)
    later, at_once = make(case), make(same)()
    if at_once.ndim == 3:  # computed at each access
        return
    for W in case.net.weights:
        W *= 2
    np.testing.assert_array_equal(later(), at_once)


def test_results_of_infer_hold_no_more_memory_than_they_show():
    case = Case(np.float32)
    result = pcnet.infer(case.net, case.X, case.Y, "nudged")
    for array in arrays_of(result):
        assert array.base is None
