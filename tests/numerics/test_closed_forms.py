"""The closed forms against golden values and against each other."""

import numpy as np
import pytest

from .. import reference
from ..golden import cases
from ..helpers import make_batch, make_network, objective, relative_error
from . import closed_forms

LINEAR = [name for name in cases.NAMES if cases.load(name).is_linear]


@pytest.mark.parametrize("name", LINEAR)
def test_against_golden_values(name, tolerance):
    case = cases.load(name)
    net, precision = case.plain_network(np.float64), case.objective["output_precision"]
    X, Y = case.batch(np.float64)
    golden = tolerance("float64", "golden")
    energy = closed_forms.equilibrated_energies(net, X, Y, precision).mean()
    hessian = closed_forms.activity_hessian(net, precision)
    z = closed_forms.equilibrium(net, X, Y, precision)
    assert relative_error(closed_forms.rescaling(net, precision), case.arrays["equil_S"]) <= golden
    assert relative_error(energy, case.arrays["equil_energy"]) <= golden
    assert relative_error(hessian, case.arrays["activity_hessian"]) <= golden
    assert relative_error(z, case.hidden("equil_z")) <= golden


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("precision", [1.0, 0.05])
@pytest.mark.parametrize("sizes", [(3, 4, 2), (3, 5, 4, 4, 2), (2, 4, 4, 4, 4, 1)])
def test_gradient_vanishes_at_the_equilibrium(sizes, precision, decay, tolerance):
    """The block system against the reference's gradient, with biases and unequal widths."""
    net = make_network(sizes, "identity", gamma=0.6)
    X, Y = make_batch(net, 5)
    problem = objective("squared_error", precision, decay)
    z = closed_forms.equilibrium(net, X, Y, precision, decay)
    at_start = reference.activity_gradients(net, X, Y, [0 * a for a in z], problem)
    at_end = reference.activity_gradients(net, X, Y, z, problem)
    largest = max(np.abs(g).max() for g in at_start)
    assert max(np.abs(g).max() for g in at_end) <= largest * tolerance("float64", "closed_form")


@pytest.mark.parametrize("precision", [1.0, 0.05])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (3, 5, 4, 4, 2)])
def test_energy_at_the_equilibrium(sizes, precision, tolerance):
    """1/2 r S^{-1} r^T is the energy at z*, which is computed independently."""
    net = make_network(sizes, "identity", gamma=0.6)
    X, Y = make_batch(net, 5)
    z = closed_forms.equilibrium(net, X, Y, precision)
    energies = reference.sample_energies(net, X, Y, z, objective("squared_error", precision))
    expected = closed_forms.equilibrated_energies(net, X, Y, precision)
    assert relative_error(energies, expected) <= tolerance("float64", "closed_form")
