"""A skops file of trusted types cannot choose a path that is written or a pickle that is read.

Oracle: the bytes of the user's files, after all calls that the user may make on the model.
"""

import copy
import inspect
import io
import json
import pickle
import zipfile
from importlib import import_module

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pcnet import PCClassifier, PCRegressor
from pcnet._saved_state import PATHS, StateMixin, StateWithPaths
from pcnet.callbacks import Checkpoint
from pcnet.serving import TRUSTED_TYPES

skops_io = pytest.importorskip("skops.io")

X = np.random.default_rng(0).standard_normal((60, 4))
Y = np.arange(60) % 3


def fitted(**arguments):
    return PCClassifier((8,), max_iter=2, random_state=0, **arguments).fit(X, Y)


def hostile(model, path):
    """A skops file in which `checkpoint` of every estimator is this path or object."""
    with zipfile.ZipFile(io.BytesIO(skops_io.dumps([model, path]))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    pair = json.loads(members["schema.json"])
    whole, planted = pair["content"]
    n_planted = plant(whole, planted)
    assert n_planted
    members["schema.json"] = json.dumps({**pair, **whole}).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return target.getvalue()


def plant(node, planted):
    """Replace each `checkpoint` in a part of a schema; the number of replacements."""
    if isinstance(node, list):
        return sum(plant(part, planted) for part in node)
    if not isinstance(node, dict):
        return 0
    found = "checkpoint" in node
    if found:
        node["checkpoint"] = planted
    parts = [part for name, part in node.items() if name != "checkpoint"]
    return found + sum(plant(part, planted) for part in parts)


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim"
    path.write_bytes(b"precious")
    return path


@pytest.mark.parametrize("fit_first", [False, True])
def test_fit_does_not_write_to_a_path_of_the_file(fit_first, victim):
    model = fitted() if fit_first else PCClassifier((8,), max_iter=2)
    file = hostile(model, str(victim))
    assert str(victim).encode() in file or b"victim" in file  # the attack
    with pytest.warns(UserWarning, match="checkpoint of the PCClassifier in this file was dropped"):
        loaded = skops_io.loads(file, trusted=TRUSTED_TYPES)
    assert loaded.checkpoint is None
    for again in (loaded, clone(loaded), copy.deepcopy(loaded)):
        again.fit(X, Y)
    assert victim.read_bytes() == b"precious"


class Mine:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the attacker has run')",))


def test_resume_does_not_unpickle_a_path_of_the_file(tmp_path):
    (tmp_path / "c").write_bytes(pickle.dumps(Mine()))
    file = hostile(fitted(), str(tmp_path / "c"))
    with pytest.warns(UserWarning, match="was dropped"):
        loaded = skops_io.loads(file, trusted=TRUSTED_TYPES)
    with pytest.raises(ValueError, match="resume needs to know where"):
        loaded.resume(X, Y)


@pytest.mark.filterwarnings("ignore:checkpoint of the PCClassifier")
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: make_pipeline(StandardScaler(), model),
        lambda model: GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=2),
        lambda model: GridSearchCV(make_pipeline(model), {"pcclassifier__alpha": [0.1]}, cv=2),
    ],
)
def test_paths_in_other_estimators_are_dropped(wrap, victim):
    file = hostile(wrap(PCClassifier((8,), max_iter=2)), str(victim))
    skops_io.loads(file, trusted=TRUSTED_TYPES).fit(X, Y)
    assert victim.read_bytes() == b"precious"


def test_a_search_over_paths_is_refused(victim, tmp_path):
    """The grid belongs to scikit-learn, which keeps the paths of the file."""
    grid = {"checkpoint": [str(victim), str(tmp_path / "new")]}
    search = GridSearchCV(PCClassifier((8,), max_iter=2), grid, cv=2, error_score="raise")
    loaded = skops_io.loads(skops_io.dumps(search), trusted=TRUSTED_TYPES)
    with pytest.raises(ValueError, match="checkpoint"):
        loaded.fit(X, Y)
    assert [path.name for path in tmp_path.iterdir()] == ["victim"]
    assert victim.read_bytes() == b"precious"


def test_objects_with_paths_are_not_trusted(victim):
    file = hostile(fitted(), Checkpoint(str(victim)))
    with pytest.raises(skops_io.exceptions.UntrustedTypesFoundException, match="Checkpoint"):
        skops_io.loads(file, trusted=TRUSTED_TYPES)
    state = StateWithPaths(checkpoint=str(victim))
    with pytest.raises(skops_io.exceptions.UntrustedTypesFoundException, match="StateWithPaths"):
        skops_io.loads(skops_io.dumps(state), trusted=TRUSTED_TYPES)


def test_no_other_argument_of_a_trusted_type_is_a_path():
    for name in TRUSTED_TYPES:
        module, _, cls = name.rpartition(".")
        cls = getattr(import_module(module), cls)
        own = {n for n in inspect.signature(cls).parameters if n not in PATHS}
        assert not {n for n in own if any(word in n for word in ("path", "file", "folder"))}
        if issubclass(cls, StateMixin):
            assert set(PATHS) <= set(inspect.signature(cls).parameters)


def test_files_of_pcnet_contain_no_path(tmp_path, recwarn):
    for checkpoint in (str(tmp_path / "secret"), Checkpoint(tmp_path / "secret")):
        model = fitted(checkpoint=checkpoint)
        file = skops_io.dumps(model)
        assert skops_io.get_untrusted_types(data=file) == skops_io.get_untrusted_types(
            data=skops_io.dumps(fitted())
        )
        loaded = skops_io.loads(file, trusted=TRUSTED_TYPES)
        assert loaded.checkpoint is None
        assert model.checkpoint is checkpoint
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert not [w for w in recwarn if "dropped" in str(w.message)]


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
@pytest.mark.parametrize("kind", [str, Checkpoint])
def test_pickles_copies_and_clones_keep_paths(Estimator, kind, tmp_path):
    """Worker processes and `clone` need paths; a pickle can run code in any case."""
    model = Estimator((8,), max_iter=2, checkpoint=kind(str(tmp_path / "c")))
    joblib.dump(model, tmp_path / "model.joblib")
    for other in (
        *(pickle.loads(pickle.dumps(model, protocol)) for protocol in range(6)),
        joblib.load(tmp_path / "model.joblib"),
        copy.copy(model),
        copy.deepcopy(model),
        clone(model),
    ):
        assert type(other) is Estimator
        assert repr(other) == repr(model)
        assert vars(other).keys() == vars(model).keys()


def test_an_estimator_that_holds_itself_can_be_pickled():
    model = PCClassifier()
    model.callbacks = [model]
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.callbacks == [other]
