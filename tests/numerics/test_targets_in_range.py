"""Every function with a loss and targets refuses targets outside the loss's range."""

import numpy as np
import pytest

import pcnet
from pcnet import theory
from pcnet.inference import learning_gradients
from pcnet.losses import Huber

from ..helpers import all_points, make_activities, make_batch, make_network

SIZES = (3, 5, 2)
OUTSIDE = [
    ("poisson", [-1.0, 2.0]),
    ("poisson", [0.0, -1e-3]),
    ("logistic", [5.0, 0.0]),
    ("logistic", [0.0, -0.1]),
    ("logistic", [1.0, 1.001]),
    ("log_loss", [7.0, 0.0]),
    ("log_loss", [0.0, 0.0]),
    ("log_loss", [1.0, 1.0]),
    ("log_loss", [-0.5, 1.5]),
]
INSIDE = [
    ("poisson", [0.0, 1e6]),
    ("poisson", [0.5, 2.25]),
    ("logistic", [0.0, 1.0]),
    ("logistic", [1.0, 0.3]),
    ("log_loss", [1.0, 0.0]),
    ("log_loss", [0.3, 0.7]),
    ("log_loss", [1 / 3, 2 / 3 + 1e-6]),  # rounded
    ("squared_error", [-1e3, 1e3]),
    ("huber", [-1e3, 1e3]),
    (Huber(0.5), [-1e3, 1e3]),
]
FUNCTIONS = {
    "infer": lambda net, X, Y, z, loss: pcnet.infer(net, X, Y, loss=loss).energy,
    "activity": lambda net, X, Y, z, loss: pcnet.infer(net, X, Y, "activity", loss=loss).energy,
    "learning_gradients": lambda net, X, Y, z, loss: learning_gradients(net, X, Y, loss=loss)[0][0],
    "energy": lambda net, X, Y, z, loss: net.energy(X, Y, z, loss=loss),
    "activity_gradients": lambda net, X, Y, z, loss: net.activity_gradients(X, Y, z, loss=loss)[0],
    "backprop_gradients": lambda net, X, Y, z, loss: theory.backprop_gradients(net, X, Y, loss)[0][
        0
    ],
    "compare_with_backprop": lambda net, X, Y, z, loss: (
        theory.compare_with_backprop(net, X, Y, loss).gradient_cosine
    ),
    "output_curvature": lambda net, X, Y, z, loss: theory.output_curvature(loss, Y, Y),
    "activity_hessian": lambda net, X, Y, z, loss: theory.activity_hessian(
        net, X[-1], Y[-1], loss=loss
    ).toarray(),
    "energy_hessian": lambda net, X, Y, z, loss: theory.energy_hessian(net, X, Y, loss).value,
    "loss_hessian": lambda net, X, Y, z, loss: theory.loss_hessian(net, X, Y, loss).value,
    "linearized_equilibrium": lambda net, X, Y, z, loss: theory.linearized_equilibrium(
        net, X, Y, loss=loss
    )[1],
    "newton_equilibrium": lambda net, X, Y, z, loss: theory.newton_equilibrium(net, X, Y, loss)[0],
    "origin_hessian": lambda net, X, Y, z, loss: theory.origin_hessian(
        theory.at_origin(net), X, Y, loss=loss
    ),
    "predicted_origin_eigenvalues": lambda net, X, Y, z, loss: theory.predicted_origin_eigenvalues(
        theory.at_origin(net), X, Y, loss=loss
    ),
    "predicted_activity_step": lambda net, X, Y, z, loss: theory.predicted_activity_step(
        net, X, Y, loss
    )[0],
    "predicted_equilibrium_energy": lambda net, X, Y, z, loss: theory.predicted_equilibrium_energy(
        net, X, Y, loss
    ),
    "fisher_preconditioner": lambda net, X, Y, z, loss: theory.fisher_preconditioner(
        net, X[-1], Y[-1], loss
    ).toarray(),
    "gradient_decomposition": lambda net, X, Y, z, loss: theory.gradient_decomposition(
        net, X, Y, loss
    ).total[0],
    "target_alignment": lambda net, X, Y, z, loss: theory.target_alignment(net, X, Y, loss=loss),
}


def problem(loss, row, dtype):
    """Three samples in range, the last of which has the targets ``row``."""
    net = make_network(SIZES, "tanh", bias=False, dtype=dtype)
    X, Y = make_batch(net, 3, loss if isinstance(loss, str) else "huber")
    Y[-1] = row
    return net, X, Y, make_activities(net, 3)


@pytest.mark.parametrize("name", FUNCTIONS)
@all_points("loss, row", OUTSIDE)
def test_targets_out_of_range_are_refused(name, loss, row):
    for dtype in (np.float32, np.float64):
        with pytest.raises(ValueError, match=f"Y must hold .* with loss='{loss}'; got .* in row"):
            FUNCTIONS[name](*problem(loss, row, dtype), loss)


@all_points("loss, row", INSIDE)
@pytest.mark.parametrize("name", ["infer", "energy", "backprop_gradients", "loss_hessian"])
def test_targets_in_range_are_accepted(name, loss, row):
    for dtype in (np.float32, np.float64):
        assert np.all(np.isfinite(FUNCTIONS[name](*problem(loss, row, dtype), loss)))


def test_message_names_row_and_remedy():
    net, X, Y, _ = problem("log_loss", [0.0, 0.0], np.float64)
    message = r"probabilities of sum 1 .* got \[0, 0\] in row 2. .* np.eye\(2\)\[labels\]"
    with pytest.raises(ValueError, match=message):
        pcnet.infer(net, X, Y, loss="log_loss")
