"""Wrong arguments of displays are errors that name the argument."""

import pytest

pytest.importorskip("matplotlib")

from pcnet.display import LayerErrorDisplay, TrainingDisplay


@pytest.mark.parametrize("history", [None, 5, "loss", [1.0], object()])
def test_history_that_is_no_mapping_is_refused(history):
    with pytest.raises(TypeError, match="history must map names to curves"):
        TrainingDisplay.from_history(history)


@pytest.mark.parametrize("curve", [5, "text", None, [[1.0]], [10**400], object()])
def test_history_without_curves_is_refused(curve):
    with pytest.raises(TypeError, match="history must hold sequences of numbers"):
        TrainingDisplay.from_history({"loss": curve})


@pytest.mark.parametrize("norms", [None, 1.0, [[1.0]], "text"])
def test_norms_that_are_no_list_are_refused(norms):
    with pytest.raises(TypeError, match="norms must be an array of one number a layer"):
        LayerErrorDisplay(norms).plot()
