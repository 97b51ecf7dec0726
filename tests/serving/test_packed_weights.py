"""Packed weights that a fitted network keeps. Oracle: the same network, packed in every call."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pcnet import Network, PCClassifier, PCRegressor, infer
from pcnet._core.binding import largest_of_rows

from ..helpers import peak_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 5))
y = (X[:, 0] > 0).astype(int)
SHORT = {"max_iter": 2, "alpha": 0.1, "random_state": 0}


def fitted(cls=PCClassifier, **arguments):
    return cls((9, 7), **{**SHORT, **arguments}).fit(X, y)


def packed_anew(model):
    """Outputs of a copy of the network, whose arrays can be written and are packed in each call."""
    return model.network_.copy().output(X.astype(model.network_.dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cls", [PCClassifier, PCRegressor])
def test_predictions_of_kept_weights_have_the_bits_of_freshly_packed_ones(cls, dtype):
    model = fitted(cls, dtype=dtype)
    for _ in range(2):
        np.testing.assert_array_equal(model._outputs(X), packed_anew(model))


def packs(model, call):
    """Whether a call packs all weights: whether it allocates as many bytes."""
    peak = peak_of(call)
    assert not 0.5 < peak / model.summary().packed_bytes < 1
    return peak >= model.summary().packed_bytes


def wide():
    """A classifier with weights that are much larger than what a prediction allocates."""
    return PCClassifier((300, 300), **SHORT).fit(X, y)


def test_weights_are_packed_once():
    model, row = wide(), X[:1]
    assert packs(model, lambda: model.predict(row))
    assert not packs(model, lambda: model.predict(row))
    assert packs(model, lambda: model.energy(row, y[:1]))  # needs the transposed weights, too
    assert not packs(model, lambda: model.predict(row))
    assert not packs(model, lambda: model.energy(row, y[:1]))


@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_weights_of_a_fitted_model_cannot_be_written(name):
    model = fitted()
    with pytest.raises(ValueError, match="read-only"):
        getattr(model, name)[0][...] = 0


def change_array(network):
    network.weights[1] = network.weights[1] * 2


def change_list(network):
    network.biases = [b + 1 for b in network.biases]


def change_scale(network):
    network.scales[1] *= 3


def change_skips(network):
    network.skips = ~network.skips & [False, False, False]
    network.activation = "tanh"


def write_after_unlocking(network):
    network.weights[0].flags.writeable = True
    network.weights[0] *= 0.5


CHANGES = [change_array, change_list, change_scale, change_skips, write_after_unlocking]


@pytest.mark.parametrize("change", CHANGES, ids=lambda function: function.__name__)
def test_changed_network_uses_its_current_arrays(change):
    model = fitted()
    before = model._outputs(X), model.energy(X, y)
    change(model.network_)
    outputs = model._outputs(X)
    assert not np.array_equal(outputs, before[0])
    np.testing.assert_array_equal(outputs, packed_anew(model))
    assert not np.array_equal(model.energy(X, y), before[1])
    network, Y = model.network_, np.eye(2)[y]
    for array, expected in zip(
        infer(network, X, Y).activities, infer(network.copy(), X, Y).activities
    ):
        np.testing.assert_array_equal(array, expected)


def test_views_taken_while_training_cannot_reach_the_fitted_weights():
    views = []

    def take_view(progress):
        views.append(progress.network.weights[0][:])

    model = fitted(callbacks=[take_view])
    before = model.predict_proba(X)
    views[-1][...] = 0
    np.testing.assert_array_equal(model.predict_proba(X), before)
    np.testing.assert_array_equal(model._outputs(X), packed_anew(model))


@pytest.mark.filterwarnings("ignore:L-BFGS ended at its limit")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_prediction_does_not_change_further_training(solver):
    models = [fitted(solver=solver, warm_start=True) for _ in range(2)]
    models[0].predict(X)
    models[0].energy(X, y)
    for model in models:
        model.fit(X, y)
        if solver == "adam":
            model.partial_fit(X, y)
    np.testing.assert_array_equal(models[0].predict_proba(X), models[1].predict_proba(X))


def test_packed_weights_are_not_saved_but_packed_again():
    model = wide()
    size = len(pickle.dumps(model))
    expected = model.predict_proba(X)
    assert len(pickle.dumps(model)) == size
    for loaded in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert packs(loaded, lambda loaded=loaded: loaded.predict(X[:1]))
        np.testing.assert_array_equal(loaded.predict_proba(X), expected)
        assert not loaded.coefs_[0].flags.writeable


def test_networks_of_users_can_be_written_in_place():
    network = Network.init((5, 9, 2), random_state=0)
    before = network.output(X.astype(network.dtype))
    network.weights[0][...] *= 2
    assert not np.array_equal(network.output(X.astype(network.dtype)), before)


def test_threads_share_packed_weights():
    model = fitted()
    expected = packed_anew(model)
    with ThreadPoolExecutor(8) as pool:
        for outputs in pool.map(lambda _: model._outputs(X), range(64)):
            np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("wrong", ["columns", "rank", "nan", "no rows", "complex"])
def test_rows_that_need_no_conversion_are_checked(wrong):
    model = fitted(dtype="float64")
    bad = {
        "columns": X[:, :3].copy(),
        "rank": X[0],
        "nan": np.full((2, 5), np.nan),
        "no rows": X[:0],
        "complex": X + 0j,
    }[wrong]
    with pytest.raises(ValueError):  # noqa: PT011  (scikit-learn's texts)
        model.predict(bad)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_first_of_equal_outputs_is_the_largest(dtype):
    values = np.random.default_rng(0).integers(-2, 3, (200, 5)).astype(dtype)
    np.testing.assert_array_equal(largest_of_rows(values), values.argmax(axis=1))
    assert largest_of_rows(values[:, :1].copy()).tolist() == [0] * 200
    assert largest_of_rows(values[:0]).shape == (0,)
