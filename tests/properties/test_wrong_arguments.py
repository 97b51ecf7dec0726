"""Property: the error about a wrong argument names it and does not come from an internal function.

Each public callable is called with each argument in turn replaced by each of `WRONG`. It may accept
the value; otherwise it must raise an error of these types whose text names the argument.
"""

import os
import re
import warnings
from functools import partial

import numpy as np
import pytest

import pcnet
from pcnet import display, parameterization, theory

from .wrong_arguments import RESULT, WRONG, X, Y, calls, huge_within, made

ALLOWED = (TypeError, ValueError, FileNotFoundError, FloatingPointError, ImportError)

#: Arguments that errors name by another word, as scikit-learn does for data.
SYNONYMS = {
    "X": r"\bX\b|array|samples|features",
    "y": r"\by\b|label|target|samples|classes|array|Input",
    "x": r"\bX\b",
    "X_test": r"\bX\b|array|samples|features",
    "sample_weight": r"sample.weight|samples",
    **dict.fromkeys(("X_val", "y_val", "sample_weight_val"), "validation set"),
    "activities": r"activit",
    "path": r"path|checkpoint",
}
#: (callable, argument) whose errors come from the user's object or from scikit-learn.
FOREIGN = {
    ("over_shapes", "measure"),
    ("learning_rate_transfer", "y_test"),
    ("PCRegressor.score", "y"),
    ("PCRegressor.score", "sample_weight"),
    ("PCClassifier.score", "y"),
    ("PCClassifier.score", "sample_weight"),
}

CALLS = {}
for _name, *_rest in calls():
    CALLS.setdefault(_name, []).append(_rest)


def reason_not_acceptable(error, name, argument):
    """The reason why an error is not acceptable, or None."""
    if not isinstance(error, ALLOWED):
        return f"{type(error).__name__}: {error}"
    if not re.search(SYNONYMS.get(argument, re.escape(argument)), str(error), re.I):
        return f"does not name it: {type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("name", CALLS)
def test_errors_name_the_argument(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    complaints = []
    for function, base, argument, right in CALLS[name]:
        if (name, argument) in FOREIGN:
            continue
        for label, make in {**WRONG, "huge within": partial(huge_within, right)}.items():
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    function(**{**base, argument: make()})
            except Exception as error:
                found = reason_not_acceptable(error, name, argument)
                if found:
                    complaints.append(f"{argument}={label}: {found[:200]}")
    assert not complaints, "\n".join(complaints)


# ---------------------------------------------------------------- fields of a Network

USES = {
    "forward": lambda net: net.forward(X),
    "output": lambda net: net.output(X),
    "energy": lambda net: net.energy(X, Y, RESULT.activities),
    "weight_gradients": lambda net: net.weight_gradients(X, RESULT.errors, RESULT.activities),
    "copy": lambda net: net.copy(),
    "repr": repr,
    "infer": lambda net: pcnet.infer(net, X, Y),
    "linearize": lambda net: theory.linearize(net, X),
    "backprop_gradients": lambda net: theory.backprop_gradients(net, X, Y),
    "at_origin": theory.at_origin,
    "forward_norms": lambda net: theory.forward_norms(net, X),
    "weight_slices": theory.weight_slices,
    "from_network": lambda net: pcnet.PCRegressor.from_network(net),
    "rates": parameterization.learning_rate_multipliers,
    "scales": lambda net: parameterization.gradient_scales(net, 1.0),
}
FIELDS = ("weights", "biases", "scales", "skips", "activation", "parameterization", "gamma")


@pytest.mark.parametrize("field", FIELDS)
def test_errors_name_the_field_that_was_replaced(field):
    complaints = []
    for label, make in {**WRONG, "huge within": None}.items():
        for use, function in USES.items():
            net = pcnet.Network.init((3, 4, 4, 2), "tanh", bias=True, random_state=0, dtype=float)
            setattr(net, field, make() if make else huge_within(getattr(net, field)))
            try:
                function(net)
            except Exception as error:
                found = reason_not_acceptable(error, use, field)
                if found:
                    complaints.append(f"{field}={label}, {use}: {found[:200]}")
    assert not complaints, "\n".join(complaints)


# ------------------------------------------------------ cases that these values do not cover


def test_with_batches_takes_no_function():
    with pytest.raises(TypeError, match=r"callback must be a callback object.*on_batch_end"):
        pcnet.callbacks.with_batches(lambda run: None)


@pytest.mark.parametrize("classes", [[], 5, [[0, 1]], [0, np.nan], [0, "a", None]])
def test_classes_of_partial_fit(classes):
    model = pcnet.PCClassifier((4,))
    with pytest.raises(ValueError, match=r"[Cc]lasses (must|names)|`y` has classes"):
        model.partial_fit(X, np.array([0, 1] * 3), classes=classes)
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize(
    "measured", [None, 3.0, {"a": "text"}, {"a": np.zeros(3)}, {"width": 1.0}, {1: 1.0}], ids=repr
)
def test_what_a_measure_of_over_shapes_returns(measured):
    with pytest.raises((TypeError, ValueError), match="measure must return"):
        theory.over_shapes(lambda width, depth, seed: measured, [2], [3])


@pytest.mark.parametrize(
    "ax", [None, "text", 5, [], np.zeros(2), object()], ids=lambda ax: type(ax).__name__
)
def test_axes_to_draw_on(ax):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    for drawn in (
        display.LayerErrorDisplay.from_result(RESULT),
        display.InferencePassesDisplay.from_result(RESULT),
        display.TrainingDisplay.from_estimator(made(pcnet.PCClassifier)),
    ):
        if ax is None:
            drawn.plot(ax)
        else:
            with pytest.raises(
                TypeError, match=f"ax must be one matplotlib Axes.*{type(ax).__name__}"
            ):
                drawn.plot(ax)
    pyplot.close("all")


def test_files_of_chunks(tmp_path):
    missing = tmp_path / "nowhere.npy"
    with pytest.raises(
        FileNotFoundError, match=r"chunks\[1\] names a file that is not there.*nowhere"
    ):
        pcnet.Chunks([X, missing])
    for content in (b"", b"text", b"\x93NUMPY"):
        missing.write_bytes(content)
        with pytest.raises(ValueError, match=r"chunks\[0\] must be an \.npy file.*nowhere"):
            pcnet.Chunks([os.fspath(missing)])


def test_integer_too_long_for_python_to_print():
    with pytest.raises(ValueError, match=r"output_precision must be .* integer of 16610 bits"):
        pcnet.infer(pcnet.Network.init((3, 2)), X, Y, output_precision=10**5000)
