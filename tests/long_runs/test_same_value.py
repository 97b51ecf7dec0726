"""Oracle: pairs of values that are equal or different by construction."""

import functools
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, make_scorer

from pcnet import PCClassifier
from pcnet._training.same_value import same_value
from pcnet.inference import ErrorDescent
from pcnet.losses import Huber
from pcnet.solvers import SGD, Adam

from ..estimators.support import data_for, small

LONG = np.arange(5000.0)


def changed(array, index=2500, by=1):
    other = array.copy()
    other[index] += by
    return other


class Plain:
    def __init__(self, value):
        self.value = value

    def method(self):
        pass


class Slots:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


@dataclass
class Data:
    value: object


def values():
    """Functions that return the same value at each call; different functions, different values."""
    for wrap in (lambda v: v, Plain, Slots, Data, Adam, lambda v: {"a": [v]}, lambda v: (v, 1)):
        for inner in (LONG, changed(LONG), LONG.astype(np.float32), LONG[:-1], None, 0.5, "0.5"):
            yield lambda wrap=wrap, inner=inner: wrap(pickle.loads(pickle.dumps(inner)))
    for value in (
        {"a": {"b": LONG}},
        {"a": {"c": LONG}},
        np.array([None, LONG], dtype=object),
        np.nan,
        np.array([np.nan, 1]),
        functools.partial(f1_score, average="macro"),
        functools.partial(f1_score, average="micro"),
        Plain(1).method,
        Plain(2).method,
        make_scorer(accuracy_score),
        make_scorer(f1_score, average="macro"),
        np.random.RandomState(0),
        np.random.RandomState(1),
        np.random.default_rng(0),
        SGD(),
        SGD(momentum=0.1),
        ErrorDescent(),
        Huber(0.5),
        Path("a"),
        f1_score,
        {1, 2},
        b"0.5",
    ):
        yield lambda value=value: pickle.loads(pickle.dumps(value))


def test_equal_values_and_no_others_are_the_same():
    made = [*values()]
    for i, make in enumerate(made):
        for j, other in enumerate(made):
            assert same_value(make(), other()) == (i == j), (make(), other())


@pytest.mark.parametrize(
    "first, second",
    [
        (1, 1.0),
        (np.float64(0.1), 0.1),
        (np.int64(3), 3),
        (True, np.True_),
        ([16, 8], (16, 8)),
        (np.array([16, 8]), [16, 8]),
        (np.str_("relu"), "relu"),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_equal_in_another_form(first, second):
    assert same_value(first, second)
    assert same_value(second, first)


def test_values_that_contain_themselves():
    made = []
    for value in (1, 1, 2):
        plain = Plain(value)
        plain.itself = [plain]
        made.append(plain)
    assert same_value(made[0], made[1])
    assert not same_value(made[0], made[2])


class Steps(ErrorDescent):
    """An inference object with a long array that `get_params` does not return."""

    def __init__(self, table=None):
        super().__init__()
        self.table = table


def test_resume_compares_arguments_by_value(tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=2, checkpoint=tmp_path / "c", inference=Steps(LONG))
    model.set_params(class_weight={0: 1.0, 1: 2.0, 2: 0.5}).fit(X, y)
    model.set_params(inference=Steps(LONG.copy()), hidden_layer_sizes=[16, np.int64(16)])
    model.set_params(class_weight={2: 0.5, 1: 2, 0: 1}).resume(X, y)
    model.set_params(inference=Steps(changed(LONG)))
    with pytest.raises(ValueError, match=r"inference had another value .* both print as"):
        model.resume(X, y)
    model.set_params(inference=Steps(LONG), class_weight={0: 1, 1: 2, 2: 0.6})
    with pytest.raises(ValueError, match="class_weight was"):
        model.resume(X, y)


def first_score(estimator, X, y):
    return estimator.score(X, y)


def second_score(estimator, X, y):
    return -estimator.score(X, y)


@pytest.mark.parametrize(
    "other",
    ["accuracy", None, second_score, {"one": first_score}, make_scorer(accuracy_score)],
    ids=["name", "none", "function", "dict", "scorer"],
)
def test_resume_compares_scorers_by_name(other, tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=2, checkpoint=tmp_path / "c", early_stopping=True)
    model.set_params(scoring=first_score).fit(X, y)
    with pytest.raises(ValueError, match=r"scoring was 'tests.*first_score'"):
        model.set_params(scoring=other).resume(X, y)
    model.set_params(scoring=first_score).resume(X, y)
    model.set_params(scoring=other).fit(X, y)
    with pytest.raises(ValueError, match="scoring was"):
        model.set_params(scoring=first_score).resume(X, y)


def test_seed_and_random_state_instance_differ(tmp_path):
    X, y = data_for(PCClassifier)
    model = small(PCClassifier, max_iter=2, checkpoint=tmp_path / "c").fit(X, y)
    with pytest.raises(ValueError, match="random_state was 0"):
        model.set_params(random_state=np.random.RandomState(0)).resume(X, y)
