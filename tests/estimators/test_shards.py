"""Minibatches in shards. Oracle: whole minibatches, up to rounding, and sums in a tree."""

import numpy as np
import pytest
import scipy.sparse

from pcnet import PCClassifier, PCRegressor, set_num_threads
from pcnet._training.minibatches import Minibatches
from pcnet._training.shards import Node, PairwiseSum, ShardTrainer
from pcnet._training.trainer import Trainer
from pcnet.callbacks import Callback
from pcnet.inference import ErrorDescent, Objective
from pcnet.solvers import SGD, Adam

from ..helpers import make_batch, make_network, relative_error
from .support import ESTIMATORS, assert_same_bits, data_for, parameters, small

EXACT = ErrorDescent(max_steps=30, tol=1e-6, energy_tol=0.0)


def fitted(Estimator, n_shards, dtype="float64", form=np.asarray, **options):
    X, y = data_for(Estimator, n_samples=130)
    weight = np.random.default_rng(3).integers(0, 3, len(y))
    model = small(Estimator, n_shards=n_shards, batch_size=50, dtype=dtype, **options)
    return model.fit(form(X), y, sample_weight=weight)


OPTIONS = [
    {},
    {"dtype": "float32"},
    {"solver": SGD(momentum=0.9)},
    {"solver": Adam(clip=1e-3), "learning_rate": "constant"},
    {"shuffle": False, "input_scaling": "standard"},
    {"early_stopping": True, "inference": "backprop"},
    {"form": scipy.sparse.csr_array, "input_scaling": "max"},
    {"inference": "nudged", "fit_intercept": False},
    {"alpha": "auto", "hidden_layer_sizes": ()},
    {"parameterization": "ntp", "form": lambda X: X + 50},  # centred inputs
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::pcnet.exceptions.FeatureScaleWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fit_in_shards_equals_fit_of_whole_batches(Estimator, options, tolerance):
    options = {"inference": EXACT, **options}
    whole = fitted(Estimator, None, **options)
    dtype = whole.network_.dtype
    for n_shards in (2, 7):
        found = fitted(Estimator, n_shards, **options)
        error = relative_error(parameters(found), parameters(whole))
        assert error < (1e3 if "parameterization" in options else 1) * tolerance(dtype, "training")
        np.testing.assert_allclose(found.loss_curve_, whole.loss_curve_, rtol=1e-3)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_one_shard_has_the_bits_of_none(Estimator):
    assert_same_bits(fitted(Estimator, 1), fitted(Estimator, None))


def test_fit_in_shards_has_same_bits_for_any_number_of_threads():
    models = []
    for n_threads in (1, 3):
        with set_num_threads(n_threads):
            models.append(fitted(PCClassifier, 3, hidden_layer_sizes=(200, 200)))
    assert_same_bits(*models)


def test_class_weight_acts_on_shards_as_a_sample_weight_does():
    X, y = data_for(PCClassifier)
    weight = {0: 1.0, 1: 4.0, 2: 0.5}
    by_class = small(PCClassifier, n_shards=4, class_weight=weight).fit(X, y)
    by_sample = small(PCClassifier, n_shards=4).fit(X, y, [weight[label] for label in y])
    assert_same_bits(by_class, by_sample)


class Stop(Callback):
    def on_batch_end(self, run, report):
        self.loss = report.loss
        return run.n_steps == 4


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_callbacks_and_checkpoints_act_between_batches_of_shards(tmp_path):
    X, y = data_for(PCRegressor)
    options = {"n_shards": 3, "batch_size": 40, "checkpoint": tmp_path / "run"}
    whole = small(PCRegressor, **options).fit(X, y)
    stop = Stop()
    small(PCRegressor, **options, callbacks=stop).fit(X, y)
    assert np.isfinite(stop.loss)
    assert_same_bits(small(PCRegressor, **options).resume(X, y), whole)


@pytest.mark.parametrize("solver", [Adam(), Adam(clip=1e-3), SGD(momentum=0.5)], ids=str)
@pytest.mark.parametrize("bias", [False, True])
def test_step_from_a_stored_gradient_has_the_bits_of_a_step(solver, bias, dtype):
    net = make_network((17, 40, 33, 5), dtype=dtype, bias=bias)
    X, Y = make_batch(net, 70, "squared_error")
    share = np.random.default_rng(0).random(70)
    share /= share.sum()
    objective, method = Objective("squared_error", 0.5), ErrorDescent()
    fused, stored = net.copy(), net.copy()
    trainer = Trainer(fused, objective, method, solver, 70)
    parts = ShardTrainer(stored, objective, method, solver, 70)
    for _ in range(3):
        trainer.step(X, Y, 0.02, sample_weight=share, weight_decay=0.5)
        gradient = parts.take_gradient()
        parts.shard_gradient(X, Y, share, gradient)
        parts.learn_from(gradient, 0.02, 0.5)
        parts.give_back([gradient])
    trainer.sync()
    parts.sync()
    for name in ("weights", "biases") if bias else ("weights",):
        for a, b in zip(getattr(fused, name), getattr(stored, name), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 8, 13])
def test_pairwise_sum_does_not_depend_on_who_adds_which_neighbours(n):
    values = np.random.default_rng(n).standard_normal((n, 50)).astype(np.float32)

    def nodes_of(numbers):
        part = PairwiseSum()
        for k in numbers:
            part.add(Node(k, 1, values[k].copy()))
        return part

    expected = nodes_of(range(n)).total()
    np.testing.assert_allclose(expected, values.sum(axis=0), rtol=0, atol=1e-5)
    for first in range(n + 1):
        for second in range(first, n + 1):
            total = PairwiseSum()
            for a, b in ((0, first), (first, second), (second, n)):
                for node in nodes_of(range(a, b)).nodes:
                    total.add(Node(node.start, node.size, node.values))
            np.testing.assert_array_equal(total.total(), expected)


def test_shards_are_neighbouring_rows_of_nearly_equal_numbers():
    batches = Minibatches(np.zeros((50, 2)), Targets(), None, None, 23, True, n_shards=4)
    assert batches.shard_size == 6
    rows = np.random.default_rng(0).permutation(50)[:23]
    parts = batches.shards(rows)
    np.testing.assert_array_equal(np.concatenate(parts), np.sort(rows))
    assert [len(part) for part in parts] == [5, 6, 6, 6]
    assert batches.shards(slice(10, 13)) == [slice(10, 11), slice(11, 12), slice(12, 13)]


class Targets:
    n_outputs = 1


def test_memory_of_a_batch_in_shards_is_that_of_a_shard():
    X, y = data_for(PCRegressor, n_samples=5000)
    sizes = {"hidden_layer_sizes": (64, 64), "batch_size": 5000}
    whole = small(PCRegressor, **sizes).summary(X, y).training_bytes
    parts = small(PCRegressor, **sizes, n_shards=50).summary(X, y).training_bytes
    assert parts < 0.6 * whole


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"solver": "lbfgs"}, "n_shards=2 .* solver='lbfgs' does not use"),
        ({"inference": "incremental"}, "IncrementalDescent updates them more than once"),
        ({"inference": "learned_precision"}, "LearnedPrecision learns parameters"),
        ({"n_shards": 0}, "The 'n_shards' parameter"),
    ],
)
def test_n_shards_refuses_what_it_does_not_work_with(options, text):
    X, y = data_for(PCRegressor)
    model = small(PCRegressor, **{"n_shards": 2, **options})
    with pytest.raises(ValueError, match=text):
        model.fit(X, y)
    assert not hasattr(model, "network_")


class TwoUpdates(ErrorDescent):
    def weight_updates(self, batch, X, Y, objective, sample_weight):
        self.run(batch, X, Y, objective)
        yield None
        yield None


def test_n_shards_refuses_a_users_method_with_several_updates():
    X, y = data_for(PCRegressor)
    with pytest.raises(ValueError, match="TwoUpdates does so more often"):
        small(PCRegressor, n_shards=2, inference=TwoUpdates()).fit(X, y)
