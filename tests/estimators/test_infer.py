"""`infer` of fitted estimators, and the objective that their network keeps."""

import copy
import pickle

import numpy as np
import pytest
from scipy import sparse

import pcnet
from pcnet import Network, PCClassifier, PCRegressor, theory
from pcnet.inference import (
    METHODS,
    ActivityDescent,
    ErrorDescent,
    LearnedPrecision,
    Objective,
    learning_gradients,
)
from pcnet.losses import Huber

from .support import data_for, iris, small

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum iterations", "ignore:L-BFGS ended", "ignore:Inference"
)

DECAY = {"activity_decay": 0.01, "output_precision": 0.7}
CASES = {
    "classifier": (PCClassifier, {}),
    "classifier log_loss": (PCClassifier, {"loss": "log_loss", **DECAY}),
    "classifier labels": (PCClassifier, {"loss": "squared_error", "input_scaling": "standard"}),
    "multilabel": (PCClassifier, {}),
    "regressor": (PCRegressor, DECAY),
    "regressor float64": (PCRegressor, {"dtype": "float64", "input_scaling": "standard"}),
    "regressor several outputs": (PCRegressor, {}),
    "regressor huber": (PCRegressor, {"loss": Huber(0.5), **DECAY}),
    "regressor poisson": (PCRegressor, {"loss": "poisson"}),
    "activity descent": (PCClassifier, {"inference": ActivityDescent(10)}),
    "lbfgs": (PCClassifier, {"solver": "lbfgs", "loss": "log_loss"}),
}


def fitted(name):
    """Model, X, y and the targets of its network."""
    Estimator, options = CASES[name]
    X, y = data_for(Estimator)
    if "labels" in name:
        y = np.array(["one", "two", "three"])[y]
    if name == "multilabel":
        y = np.stack([y == 0, y > 0], axis=1).astype(int)
    if "several" in name:
        y = np.stack([y, X[:, 0]], axis=1)
    if "poisson" in name:
        y = np.round(np.abs(y))
    model = small(Estimator, max_iter=3, **options).fit(X, y)
    return model, X, y, model._clamp(X, y)[1]


@pytest.mark.parametrize("name", CASES)
def test_infer_matches_energy_and_infer_of_the_network(name):
    model, X, y, targets = fitted(name)
    scaled = X
    if model.input_scaling is not None:
        scaled = (X - model.input_mean_) / model.input_scale_
    for method in (None, ErrorDescent(200, 1e-6), "activity"):
        result = model.infer(X, y, method=method)
        asked = model.inference if method is None else method
        np.testing.assert_allclose(
            result.energy, model.energy(X, y, inference=asked), rtol=1e-5, atol=1e-7
        )
        by_network = pcnet.infer(model.network_, scaled, targets, asked)
        np.testing.assert_allclose(result.energy, by_network.energy, rtol=1e-4, atol=1e-6)
        by_terms = pcnet.infer(
            model.network_,
            scaled,
            targets,
            asked,
            model.network_.objective.loss,
            model.output_precision_,
            model.activity_decay,
        )
        np.testing.assert_array_equal(by_terms.energy, by_network.energy)


@pytest.mark.parametrize("method", sorted(n for n in METHODS if METHODS[n].takes_sparse))
def test_infer_takes_sparse_samples(method):
    model, X, y, _ = fitted("classifier")
    np.testing.assert_array_equal(
        model.infer(sparse.csr_matrix(X), y, method=method).energy,
        model.infer(X, y, method=method).energy,
    )


def test_infer_by_the_method_of_the_training():
    X, y = iris()
    model = small(PCClassifier, max_iter=3, inference=LearnedPrecision(learning_rate=0.2))
    model.fit(X, y).set_params(inference="error")
    learned = model.infer(X, y)
    by_object = model.infer(X, y, method=model.inference_)
    np.testing.assert_array_equal(learned.energy, by_object.energy)
    assert not np.allclose(learned.energy, model.infer(X, y, method=LearnedPrecision()).energy)


def test_infer_refuses_labels_unknown_from_training():
    model, X, _, _ = fitted("classifier")
    with pytest.raises(ValueError, match="known from training"):
        model.infer(X, np.full(len(X), 99))


# ---------------------------------------------------------------- network_.objective


def test_objective_of_the_network_is_that_of_the_training():
    model, X, y, _ = fitted("regressor huber")
    objective = model.network_.objective
    assert objective.loss.delta == 0.5
    assert (objective.output_precision, objective.activity_decay) == (0.7, 0.01)
    model.set_params(loss="squared_error", output_precision=0.2, warm_start=True)
    assert model.network_.objective is objective
    before = model.network_
    assert model.fit(X, y).network_.objective == Objective("squared_error", 0.2, 0.01)
    assert before.objective is objective
    with pytest.raises(ValueError, match="output_precision"):
        model.set_params(output_precision=-1.0).fit(X, y)
    assert model.network_.objective.output_precision == 0.2


def test_objective_is_copied_pickled_and_shown():
    net = fitted("classifier log_loss")[0].network_
    for other in (net.copy(), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.objective == net.objective == Objective("log_loss", 0.7, 0.01)
    assert repr(net).endswith("float64, log_loss at output precision 0.7 and activity decay 0.01)")
    assert Network.init((2, 3, 1)).objective is None
    assert theory.in_float64(net).objective == net.objective


def test_from_network_does_not_change_the_given_network():
    net = Network.init((4, 8, 2), random_state=0)
    model = PCRegressor.from_network(net, output_precision=0.3)
    assert net.objective is None
    assert model.network_.objective == Objective("squared_error", 0.3)


def test_objective_must_be_an_objective():
    net = Network.init((2, 3, 1), random_state=0)
    net.objective = "log_loss"
    with pytest.raises(TypeError, match=r"objective must be a pcnet\.inference\.Objective or None"):
        pcnet.infer(net, [[1.0, 2.0]], [[1.0]])


def gradients(net, X, Y, **terms):
    return learning_gradients(net, X, Y, **terms)[0][0]


FUNCTIONS = {
    "energy": lambda net, X, Y, **o: net.energy(X, Y, net.forward(X), **o),
    "activity_gradients": lambda net, X, Y, **o: net.activity_gradients(
        X, Y, [0.5 * z for z in net.forward(X)], **o
    )[0],
    "infer": lambda net, X, Y, **o: pcnet.infer(net, X, Y, **o).energy,
    "learning_gradients": gradients,
    "newton_equilibrium": lambda net, X, Y, **o: theory.newton_equilibrium(net, X, Y, **o)[0],
    "activity_hessian": lambda net, X, Y, **o: theory.activity_hessian(
        net, X[:1], Y[:1], **o
    ).toarray(),
    "energy_hessian": lambda net, X, Y, **o: theory.energy_hessian(net, X, Y, **o).value,
    "target_alignment": lambda net, X, Y, **o: theory.target_alignment(net, X, Y, **o),
}
WITHOUT_DECAY = {
    "compare_with_backprop": lambda net, X, Y, **o: (
        theory.compare_with_backprop(net, X, Y, **o).energy_to_loss_ratio
    ),
    "predicted_equilibrium_energy": theory.predicted_equilibrium_energy,
    "linearized_equilibrium": lambda net, X, Y, **o: theory.linearized_equilibrium(net, X, Y, **o)[
        1
    ],
    "fisher_preconditioner": lambda net, X, Y, **o: theory.fisher_preconditioner(
        net, X[:1], Y[:1], **o
    ).toarray(),
    "gradient_decomposition": lambda net, X, Y, **o: theory.gradient_decomposition(
        net, X, Y, **o
    ).total[0],
}


@pytest.mark.parametrize("name", [*FUNCTIONS, *WITHOUT_DECAY])
def test_objective_is_the_default_and_arguments_override_it(name):
    function = {**FUNCTIONS, **WITHOUT_DECAY}[name]
    net = Network.init((4, 6, 6, 3), "tanh", random_state=0, dtype=np.float64)
    net.weights = [2 * W for W in net.weights]
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((5, 4)), np.eye(3)[[0, 1, 2, 0, 1]]
    terms = {"loss": "log_loss", "output_precision": 0.3, "activity_decay": 0.05}
    if name in WITHOUT_DECAY:
        del terms["activity_decay"]
    plain, explicit = function(net, X, Y), function(net, X, Y, **terms)
    assert not np.allclose(plain, explicit)
    net.objective = Objective("log_loss", 0.3, 0.05)
    np.testing.assert_array_equal(function(net, X, Y), explicit)
    defaults = dict(zip(terms, vars(Objective()).values()))
    np.testing.assert_array_equal(function(net, X, Y, **defaults), plain)


def test_loss_of_backprop_gradients_and_precision_of_linear_networks():
    net = Network.init((4, 6, 6, 3), "identity", random_state=0, dtype=np.float64)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((5, 4)), np.eye(3)[[0, 1, 2, 0, 1]]
    by_log_loss = theory.backprop_gradients(net, X, Y, "log_loss")[0][0]
    rescaling = theory.equilibrium_rescaling(net, 0.3)
    energies = theory.equilibrium_energy(net, X, Y, 0.3, 0.05)
    net.objective = Objective("log_loss", 0.3, 0.05)
    np.testing.assert_array_equal(theory.backprop_gradients(net, X, Y)[0][0], by_log_loss)
    np.testing.assert_array_equal(theory.equilibrium_rescaling(net), rescaling)
    np.testing.assert_array_equal(theory.linearized_rescaling(net, X)[0], rescaling)
    np.testing.assert_array_equal(theory.equilibrium_energy(net, X, Y), energies)
