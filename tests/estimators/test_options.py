"""Options of solvers, schedules, losses and methods, as scikit-learn handles its estimators."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.base import clone

from pcnet import PCClassifier
from pcnet.inference import ErrorDescent, InferenceMethod, Nudged
from pcnet.losses import Huber
from pcnet.schedules import Adaptive, Constant, Cosine, InvScaling
from pcnet.solvers import LBFGS, SGD, Adam, resolve_solver


@pytest.mark.parametrize("given", [Adam(beta_2=0.5), Huber(0.3), Cosine(warmup=3), Nudged("error")])
def test_clones_have_the_same_options(given):
    copy = clone(given)
    assert copy is not given
    assert copy.get_params() == given.get_params()
    assert clone(PCClassifier(solver=given)).solver is not given


def test_nested_options_are_read_and_set():
    model = PCClassifier(inference=Nudged(method=ErrorDescent(max_steps=3)))
    assert model.get_params()["inference__method__max_steps"] == 3
    model.set_params(inference__method__max_steps=5)
    assert model.inference.method.max_steps == 5
    with pytest.raises(ValueError, match="Invalid parameter 'rate' for estimator Nudged"):
        model.set_params(inference__rate=5)


def test_representation_shows_changed_options():
    assert repr(SGD()) == "SGD()"
    assert repr(SGD(nesterov=False, momentum=0.5)) == "SGD(momentum=0.5, nesterov=False)"
    assert "solver=SGD(momentum=0.5)" in repr(PCClassifier(solver=SGD(momentum=0.5)))
    with sklearn.config_context(print_changed_only=False):
        assert repr(SGD()) == "SGD(clip=None, momentum=0.9, nesterov=True)"


@pytest.mark.parametrize(
    "solver, message",
    [
        (Adam(beta_1=1), r"'beta_1' parameter of Adam must be a float in the range \[0.0, 1.0\)"),
        (Adam(beta_1="a"), r"Got 'a' instead"),
        (Adam(epsilon=np.nan), "'epsilon' parameter"),
        (Adam(clip=0), r"must be None or a float in the range \(0.0, 1.79"),
        (SGD(nesterov=1), "must be an instance of 'bool' or an instance of 'numpy.bool_'"),
        (LBFGS(max_fun=2.0), r"must be an int in the range \[1, inf\)"),
        (LBFGS(history_size=0), r"must be an int in the range \[1, 1000000\]"),
    ],
)
def test_options_out_of_range_are_named(solver, message):
    for error in (ValueError, TypeError):
        with pytest.raises(error, match=message):
            resolve_solver(solver)


@pytest.mark.parametrize("schedule", [Cosine(1.0), Cosine("x"), Cosine(None), Constant("auto")])
def test_warmup_is_a_number_of_steps_or_a_fraction(schedule):
    with pytest.raises(ValueError, match="'warmup' parameter"):
        schedule._validate_params()


@pytest.mark.parametrize("schedule", [Cosine(0), Cosine(10**9), Cosine(0.5), InvScaling(warmup=0)])
def test_valid_options_are_accepted(schedule):
    schedule._validate_params()


def test_pickles_of_fewer_options_get_defaults():
    old = Adaptive(divisor=3.0)
    del old.floor
    loaded = pickle.loads(pickle.dumps(old))
    assert (loaded.divisor, loaded.floor) == (3.0, Adaptive().floor)


def test_constructors_name_their_options():
    class Loose(InferenceMethod):
        def __init__(self, *rates, **others):
            self.rates, self.others = rates, others

    class Inheriting(ErrorDescent):
        def __init__(self, noise=0.0, **others):
            super().__init__(**others)
            self.noise = noise

    with pytest.raises(RuntimeError, match=r"of Loose must name each option; it has \*rates"):
        Loose(1, 2).get_params()
    with pytest.raises(RuntimeError, match=r"of Inheriting must name .* it has \*\*others, which"):
        clone(Inheriting(noise=1.0, max_steps=2))
