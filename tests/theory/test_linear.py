"""The closed forms of linear networks: golden values, the block system, central differences."""

import numpy as np
import pytest

from pcnet import Network, infer, theory
from pcnet.inference import ErrorDescent

from ..golden import cases
from ..helpers import PARAMETERIZATIONS, make_batch, make_network, relative_error
from ..numerics import closed_forms
from ..numerics.test_gradients import central_differences

LINEAR = [name for name in cases.NAMES if cases.load(name).is_linear]
SIZES = [(3, 2), (3, 4, 2), (3, 5, 4, 4, 2), (2, 4, 4, 4, 4, 1)]
FUNCTIONS = [
    theory.equilibrium_activities,
    theory.equilibrium_energy,
    theory.equilibrium_weight_gradients,
]


@pytest.fixture(params=SIZES, ids=str)
def net(request):
    return make_network(request.param, "identity", gamma=0.6)


@pytest.mark.parametrize("name", LINEAR)
def test_against_golden_values(name, tolerance):
    case = cases.load(name)
    net, precision = case.network(np.float64), case.objective["output_precision"]
    X, Y = case.batch(np.float64)
    weights, biases = theory.equilibrium_weight_gradients(net, X, Y, precision)
    hessian = theory.activity_hessian(net, X[:1], Y[:1], output_precision=precision)
    found = {
        "equil_S": theory.equilibrium_rescaling(net, precision),
        "equil_energy": theory.equilibrium_energy(net, X, Y, precision).mean(),
        "activity_hessian": hessian.toarray(),
    }
    limit = tolerance("float64", "golden")
    for key, value in found.items():
        assert relative_error(value, case.arrays[key]) <= limit, key
    z = theory.equilibrium_activities(net, X, Y, precision)
    assert relative_error(z, case.hidden("equil_z")) <= limit
    assert relative_error(weights, case.layers("equil_dF_dW")) <= limit
    assert biases is None


@pytest.mark.parametrize("precision", [1.0, 0.05])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_activities_solve_the_block_system(net, precision, decay, tolerance):
    X, Y = make_batch(net, 5)
    found = theory.equilibrium_activities(net, X, Y, precision, decay)
    expected = closed_forms.equilibrium(net, X, Y, precision, decay)
    assert relative_error(found, expected) <= tolerance("float64", "closed_form")


@pytest.mark.parametrize("precision", [1.0, 0.05])
def test_energy_and_rescaling_against_the_block_system(net, precision, tolerance):
    X, Y = make_batch(net, 5)
    limit = tolerance("float64", "closed_form")
    S = closed_forms.rescaling(net, precision)
    assert relative_error(theory.equilibrium_rescaling(net, precision), S) <= limit
    expected = closed_forms.equilibrated_energies(net, X, Y, precision)
    assert relative_error(theory.equilibrium_energy(net, X, Y, precision), expected) <= limit


@pytest.mark.covering(2)
@pytest.mark.parametrize("parameterization", PARAMETERIZATIONS)
@pytest.mark.parametrize("skip", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_weight_gradients_against_central_differences(parameterization, skip, decay, tolerance):
    sizes = (3, 4, 4, 3, 2)
    net = make_network(sizes, "identity", parameterization=parameterization, skip=skip)
    X, Y = make_batch(net, 3)
    options = {"output_precision": 0.4, "activity_decay": decay}

    def energy():
        return theory.equilibrium_energy(net, X, Y, **options).mean()

    weights, biases = theory.equilibrium_weight_gradients(net, X, Y, **options)
    limit = tolerance("float64", "difference")
    expected = [central_differences(energy, W) for W in net.weights]
    assert relative_error(weights, expected) <= limit
    assert relative_error(biases, [central_differences(energy, b) for b in net.biases]) <= limit


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_inference_reaches_the_closed_form(decay):
    net = make_network((3, 4, 4, 4, 2), "identity", gamma=0.6)
    X, Y = make_batch(net, 5)
    options = {"output_precision": 0.5, "activity_decay": decay}
    result = infer(net, X, Y, ErrorDescent(1000, 1e-12, 0), **options)
    expected = theory.equilibrium_energy(net, X, Y, **options)
    np.testing.assert_allclose(result.energy, expected, rtol=1e-12)
    weights, _ = net.weight_gradients(X, result.errors, result.activities)
    exact, _ = theory.equilibrium_weight_gradients(net, X, Y, **options)
    assert relative_error(weights, exact) <= 1e-7


def test_the_limit_of_a_small_precision_is_backpropagation():
    net = make_network((3, 6, 6, 6, 2), "identity")
    X, Y = make_batch(net, 5)
    expected, _ = theory.backprop_gradients(net, X, Y)
    ours, _ = theory.equilibrium_weight_gradients(net, X, Y, 1e-7)
    assert relative_error([W / 1e-7 for W in ours], expected) <= 1e-6


def test_a_scalar_chain_by_hand():
    """y = w3 w2 w1 x: S = 1 + w3^2 + (w3 w2)^2."""
    net = Network.from_weights([[[2.0]], [[3.0]], [[0.5]]], activation="identity")
    assert theory.equilibrium_rescaling(net)[0, 0] == 1 + 0.25 + 2.25
    energy = theory.equilibrium_energy(net, [[1.0]], [[5.0]])
    np.testing.assert_allclose(energy, [0.5 * (5 - 3) ** 2 / 3.5], rtol=1e-15)


def test_float32_networks_are_computed_in_float64():
    net = make_network((5, 8, 8, 3), "identity", dtype=np.float32)
    X, Y = make_batch(net, 4)
    exact = theory.in_float64(net)
    for function in FUNCTIONS:
        found, expected = function(net, X, Y), function(exact, X, Y)
        assert relative_error(_flat(found), _flat(expected)) == 0
    assert theory.equilibrium_rescaling(net).dtype == np.float64


def _flat(values):
    return [a for part in values for a in part] if isinstance(values, tuple) else values


@pytest.mark.parametrize("function", [theory.equilibrium_rescaling, *FUNCTIONS])
def test_nonlinear_networks_are_refused(function):
    net = make_network((3, 4, 4, 2), ["identity", "tanh"])
    arguments = () if function is theory.equilibrium_rescaling else make_batch(net, 2)
    with pytest.raises(ValueError, match=r"linear networks only.*got 'tanh'; use linearized"):
        function(net, *arguments)


def test_bad_arguments():
    net = make_network((3, 4, 4, 2), "identity")
    X, Y = make_batch(net, 2)
    with pytest.raises(TypeError, match=r"net must be a pcnet\.Network, got list"):
        theory.equilibrium_rescaling(net.weights)
    for wrong in (0, -1.0, np.nan):
        with pytest.raises(ValueError, match="output_precision must be"):
            theory.equilibrium_rescaling(net, wrong)
    with pytest.raises(TypeError, match="output_precision must be"):
        theory.equilibrium_rescaling(net, "1")
    for function in FUNCTIONS:
        with pytest.raises(ValueError, match="X must have 3 columns"):
            function(net, X[:, :-1], Y)
        with pytest.raises(ValueError, match="Y must have 2 rows"):
            function(net, X, Y[:1])
        with pytest.raises(TypeError, match="Y must hold real numbers"):
            function(net, X, Y.astype(str))
        with pytest.raises(ValueError, match="output_precision must be"):
            function(net, X, Y, 0.0)
        with pytest.raises(ValueError, match="activity_decay must be"):
            function(net, X, Y, 1.0, -0.1)


def test_names_are_found():
    for name in theory.__all__:
        assert callable(getattr(theory, name))
