"""Oracle: the fitted network, tracemalloc, and a clock that counts steps."""

import pickle
import time
from itertools import product

import numpy as np
import pytest
import scipy.sparse

from pcnet import PCClassifier, PCRegressor, set_num_threads
from pcnet.inference import ErrorDescent
from pcnet.solvers import LBFGS, SGD

from ..helpers import peak_of
from .support import ESTIMATORS, data_for, small


@pytest.mark.covering(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("hidden", [(), (7,), (16, 16, 5, 5)])
def test_summary_before_fit_describes_the_network_of_fit(Estimator, fit_intercept, hidden):
    X, y = data_for(Estimator)
    model = small(Estimator, hidden_layer_sizes=hidden, fit_intercept=fit_intercept, max_iter=1)
    before = model.summary(X, y)
    network = model.fit(X, y).network_
    assert [(s.n_inputs, s.n_outputs) for s in before.layers] == [w.shape for w in network.weights]
    assert [s.activation for s in before.layers] == list(network.activations)
    assert [s.skip for s in before.layers] == list(network.skips)
    assert [s.scale for s in before.layers] == list(network.scales)
    parameters = [*network.weights, *(network.biases or [])]
    assert before.n_parameters == sum(a.size for a in parameters)
    assert before.n_parameters == sum(s.n_parameters for s in before.layers)
    assert before.model_bytes == sum(a.nbytes for a in parameters)
    after = model.summary()
    assert after.layers == before.layers
    assert after.seconds is None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_summary_of_data_equals_summary_of_their_sizes(Estimator):
    X, y = data_for(Estimator)
    model = small(Estimator)
    n_outputs = 3 if Estimator is PCClassifier else 1
    by_data = model.summary(X, y)
    by_numbers = model.summary(n_features=6, n_outputs=n_outputs, n_samples=len(X))
    for name in ("layers", "n_parameters", "model_bytes", "training_bytes", "n_batches"):
        assert getattr(by_data, name) == getattr(by_numbers, name)
    assert (by_data.n_batches, by_data.n_epochs) == (8, 5)  # 120 samples, batches of 16


@pytest.mark.parametrize(
    "y, n_outputs",
    [
        (np.array(["a", "b", "a", "c"]), 3),
        ([0, 1, 1, 0], 2),
        (np.eye(4, dtype=int)[:, :3], 3),
        (scipy.sparse.csr_matrix(np.eye(4, dtype=int)), 4),
    ],
)
def test_outputs_of_a_classifier_are_counted(y, n_outputs):
    assert small(PCClassifier).summary(np.ones((4, 2)), y).layers[-1].n_outputs == n_outputs


def test_outputs_of_a_regressor_are_counted():
    assert small(PCRegressor).summary(np.ones((4, 2)), np.ones((4, 5))).layers[-1].n_outputs == 5


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_summary_has_no_side_effects(Estimator):
    X, y = data_for(Estimator)
    random_state = np.random.RandomState(3)
    model = small(Estimator, random_state=random_state, max_iter=1)
    for _ in range(2):
        names, drawn = set(vars(model)), pickle.dumps(random_state)
        state = pickle.dumps(model)
        model.summary(X, y)
        assert set(vars(model)) == names
        assert pickle.dumps(random_state) == drawn
        assert pickle.dumps(model) == state
        model.fit(X, y)


def test_dtype():
    X, y = data_for(PCRegressor, 3)
    assert small(PCRegressor).summary(X.astype(np.float32), y).dtype == "float32"
    assert small(PCRegressor).summary(X.astype(np.uint8), y).dtype == "float64"
    assert small(PCRegressor).summary(n_features=3, n_outputs=1).dtype == "float64"
    assert small(PCRegressor, dtype="float32").summary(X, y).dtype == "float32"


def test_a_fitted_network_and_another_size():
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=1).fit(X, y)
    assert model.summary(n_samples=640).n_batches == 16
    assert model.summary(n_features=9).layers[0].n_inputs == 9
    assert model.summary(n_features=9).layers[-1].n_outputs == 3


@pytest.mark.covering(2)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("batch_size", [50, "auto"])
@pytest.mark.parametrize("validation_fraction", [0.1, 0.5])
def test_batches_are_those_of_fit(validation_fraction, batch_size, early_stopping):
    X, y = np.ones((1000, 3)), np.arange(1000) % 2
    found = []
    model = PCClassifier((4,), max_iter=1, batch_size=batch_size, early_stopping=early_stopping)
    model.set_params(validation_fraction=validation_fraction, alpha=1.0, temperature=1.0)
    model.set_params(callbacks=[lambda run: found.append(run.n_batches)]).fit(X, y)
    assert found == [model.summary(n_samples=1000).n_batches]
    if batch_size == 50:
        assert found == [round(20 * (1 - validation_fraction * early_stopping))]


@pytest.mark.covering(1)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "hidden, n_features, batch_size, solver",
    [
        ((192,) * 12, 256, 32, "adam"),
        ((512,) * 4, 784, 200, SGD()),
        ((1024, 1024), 64, 512, "adam"),
        ((16,) * 30, 16, 64, "adam"),
        ((128, 128), 5000, 64, "adam"),
    ],
)
def test_memory_within_30_percent(hidden, n_features, batch_size, solver, early_stopping):
    X = np.random.default_rng(0).standard_normal((600, n_features), dtype=np.float32)
    y = np.arange(600) % 10
    model = small(
        PCClassifier,
        hidden_layer_sizes=hidden,
        batch_size=batch_size,
        solver=solver,
        early_stopping=early_stopping,
        max_iter=1,
        learning_rate_init=1e-5,
    )
    small(PCClassifier, max_iter=1).fit(X[:50, :4], y[:50])  # what is imported at the first use
    peak = peak_of(lambda: model.fit(X, y))
    held_out = early_stopping * 0.1 * X.nbytes  # data, which the figure does not include
    assert model.summary().training_bytes == pytest.approx(peak - held_out, rel=0.3)


@pytest.mark.covering(1)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [40, 130, 3000])
def test_epochs_are_the_most_that_fit_makes(Estimator, n_samples):
    X, y = data_for(Estimator, n_samples)
    model = Estimator((4,), random_state=0)
    forecast = model.summary(X, y)
    model.fit(X, y)
    assert forecast.n_epochs >= model.max_iter_
    assert forecast.n_epochs * forecast.n_batches >= 300


@pytest.mark.filterwarnings("ignore:L-BFGS ended")
@pytest.mark.parametrize(
    "hidden, history_size", [pytest.param((192,) * 6, 3, marks=pytest.mark.slow), ((256, 256), 10)]
)
def test_memory_with_lbfgs(hidden, history_size):
    X = np.random.default_rng(0).standard_normal((1200, 256), dtype=np.float32)
    y = np.arange(1200) % 10
    options = {"solver": LBFGS(history_size=history_size), "max_iter": history_size + 3}
    model = small(PCClassifier, hidden_layer_sizes=hidden, **options)
    small(PCClassifier, **options).fit(X[:50, :4], y[:50])  # what is imported at the first use
    peak = peak_of(lambda: model.fit(X, y))
    assert model.summary().training_bytes == pytest.approx(peak, rel=0.3)


def test_time_is_that_of_a_step_times_their_number(monkeypatch):
    now, energies = 0.0, []

    class Slow(ErrorDescent):
        def run(self, batch, X, Y, objective):
            nonlocal now
            now += 0.02
            super().run(batch, X, Y, objective)
            energies.append(batch.energy[: len(X)].copy())

    monkeypatch.setattr(time, "perf_counter", lambda: now)  # a clock
    model = PCClassifier((8,), batch_size=60, max_iter=7, inference=Slow())
    found = model.summary(n_features=3, n_outputs=2, n_samples=590)
    assert found.n_batches == 10
    assert found.seconds_per_epoch == pytest.approx(0.2)
    assert found.seconds == pytest.approx(1.4)
    assert len(energies) >= 4
    assert {len(energy) for energy in energies} == {60}
    assert all(np.array_equal(energy, energies[0]) for energy in energies)  # the rate is 0


KINDS = [*product(["adam", "sgd"], ["error", "activity"]), ("lbfgs", "error")]


@pytest.mark.covering(1)
@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("solver, inference", KINDS)
def test_time_of_all_kinds(loss, solver, inference):
    model = small(PCClassifier, loss=loss, solver=solver, inference=inference)
    assert 0 < model.summary(n_features=3, n_outputs=2, n_samples=20).seconds < 60


def test_text_and_html():
    with set_num_threads(1):
        found = PCClassifier((16,) * 5, "tanh", max_iter=3).summary(
            n_features=4, n_outputs=3, n_samples=2000
        )
    lines = str(found).splitlines()
    assert lines[0] == "PCClassifier: 6 layers, 1 219 parameters, float64"
    table = [line.split() for line in lines[2:6]]
    assert table[0] == ["layer", "in", "out", "activation", "skip", "scale", "parameters"]
    assert table[1] == ["1", "4", "16", "-", "no", "0.5", "80"]
    assert table[2] == ["2-5", "16", "16", "tanh", "yes", "0.102", "4", "x", "272"]
    assert table[3] == ["6", "16", "3", "tanh", "no", "0.0625", "51"]
    assert lines[7].startswith("memory  9.75 kB of parameters, ")
    assert "3 epochs of 32 batches" in lines[8]
    assert lines[8].endswith("on 1 thread")
    markup = found._repr_html_()
    assert markup.count("<tr>") == 4
    assert "<td>4 x 272</td>" in markup
    assert repr(found) == str(found)


@pytest.mark.parametrize(
    "arguments, error, match",
    [
        ({"n_outputs": 2}, ValueError, "summary needs n_features before fit"),
        (
            {"n_features": 2},
            ValueError,
            "needs n_outputs before fit: give n_outputs=, or y",
        ),
        ({"n_features": 0, "n_outputs": 2}, ValueError, "n_features must be an integer"),
        ({"n_features": 2, "n_outputs": 1.5}, TypeError, "n_outputs must be an integer"),
        ({"n_features": 2, "n_outputs": 2, "n_samples": -1}, ValueError, "n_samples must be"),
        ({"X": np.ones((3, 2)), "n_features": 3, "n_outputs": 1}, ValueError, "is 3, but X has 2"),
        ({"X": np.ones((3, 2)), "n_samples": 4, "n_outputs": 1}, ValueError, "is 4, but X has 3"),
        ({"X": np.ones(3), "n_outputs": 1}, ValueError, "X must have 2 dimensions"),
        ({"X": np.ones((3, 2)), "y": [0, 1, 1], "n_outputs": 3}, ValueError, "but y has 2"),
    ],
)
def test_errors(arguments, error, match):
    with pytest.raises(error, match=match):
        PCClassifier().summary(**arguments)


def test_bad_arguments_of_the_estimator_are_named():
    with pytest.raises(ValueError, match="'gamma' parameter"):
        PCClassifier(gamma=-1).summary(n_features=2, n_outputs=2)
    with pytest.raises(ValueError, match="solver must be"):
        PCClassifier(solver="newton").summary(n_features=2, n_outputs=2)
