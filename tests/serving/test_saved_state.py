"""Oracle: the state that a saved estimator must contain, and the same bits after loading."""

import copy
import pickle

import pytest

from pcnet import PCClassifier, PCRegressor, __version__
from pcnet._saved_state import FORMAT, upgraded_state


def test_arguments_that_an_old_version_did_not_have_get_their_defaults():
    state = PCClassifier(alpha=0.5).__getstate__()
    del state["dtype"]
    assert upgraded_state(state, PCClassifier)["dtype"] is None
    assert upgraded_state(state, PCClassifier)["alpha"] == 0.5


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
def test_a_newer_format_is_refused_with_the_version_to_install(Estimator):
    state = {**Estimator().__getstate__(), "_pcnet_format": FORMAT + 1, "_pcnet_version": "9.8.7"}
    with pytest.raises(ValueError, match=rf"9\.8\.7 in format {FORMAT + 1}.*Update pcnet to 9"):
        Estimator().__setstate__(state)


def test_format_number_is_only_in_the_saved_state():
    model = PCClassifier()
    state = model.__getstate__()
    assert (state["_pcnet_format"], state["_pcnet_version"]) == (FORMAT, __version__)
    for other in (model, copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert not [name for name in vars(other) if name.startswith("_pcnet")]
        assert vars(other).keys() == vars(model).keys()
