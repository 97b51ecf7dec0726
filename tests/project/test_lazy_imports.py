"""What `import pcnet` imports, and what works where NumPy is the only other package."""

import ast
import pickle
import subprocess
import sys

import pytest

import pcnet

from ..helpers import python_process

NUMPY_ALONE = (
    "network", "inference", "losses", "solvers", "schedules", "parameterization", "exceptions",
    "serving", "serving._predictor", "_prediction.decoders", "_prediction.energy",
    "_core", "_core.reference", "_core.threads", "_data", "_data.checks",
    "_data.chunks", "_data.fingerprint", "_data.first_calls", "_data.rows", "_data.scaling",
)  # fmt: skip

BLOCKED = """
import importlib, sys

FORBIDDEN = {"sklearn", "scipy", "joblib", "threadpoolctl", "pandas"}

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run_blocked(code, folder):
    """Standard output of a child process in which scikit-learn and SciPy cannot be imported."""
    found = subprocess.run(
        [sys.executable, "-P", "-c", BLOCKED + code],
        cwd=folder, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_modules_of_a_server_need_numpy_alone(tmp_path):
    code = f"""
for name in {NUMPY_ALONE!r}:
    importlib.import_module("pcnet." + name)
"""
    run_blocked(code, tmp_path)


def test_import_of_pcnet_imports_no_other_package(tmp_path):
    code = (
        "import sys, numpy\nbefore = set(sys.modules)\nimport pcnet, pcnet.serving\n"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    found = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    packages = set(ast.literal_eval(found.stdout)) - sys.stdlib_module_names
    assert {name for name in packages if "cython" not in name} == {"pcnet"}


def test_networks_and_inference_work_without_scikit_learn(tmp_path):
    code = """
import numpy as np
import pcnet
from pcnet.inference import METHODS

net = pcnet.Network.init((4, 8, 8, 3), "identity", random_state=0, dtype=np.float64)
X, Y = np.ones((2, 4)), np.eye(3)[:2]
for name in METHODS:
    pcnet.infer(net, X, Y, name)
assert pcnet.solvers.resolve_solver("adam").beta_1 == 0.9
"""
    run_blocked(code, tmp_path)


def test_missing_scikit_learn_is_named_with_a_remedy(tmp_path):
    code = """
import pcnet
try:
    pcnet.PCClassifier
except ImportError as error:
    print(error)
"""
    assert "pip install scikit-learn" in run_blocked(code, tmp_path)


def test_public_names_are_listed_before_they_are_imported(tmp_path):
    code = "import pcnet; print(set(pcnet.__all__) - set(dir(pcnet)))"
    assert run_blocked(code, tmp_path).strip() == "set()"


def test_every_public_name_is_found():
    for module in (pcnet, pcnet.serving):
        for name in module.__all__:
            assert getattr(module, name) is not None
    names = {}
    exec("from pcnet import *", names)
    assert set(pcnet.__all__) <= set(names)


def test_unknown_names_raise_attribute_error():
    with pytest.raises(AttributeError, match="module 'pcnet' has no attribute 'PCTransformer'"):
        _ = pcnet.PCTransformer


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What a new process finds in a pickle of classes, and after the import of all modules."""
    code = """
    import importlib, pickle, pkgutil, sys
    print(len(pickle.loads(bytes.fromhex(sys.argv[1]))))
    import pcnet
    for module in pkgutil.walk_packages(pcnet.__path__, "pcnet."):
        if not module.name.endswith("__main__") and "dask" not in module.name:
            importlib.import_module(module.name)
    print("matplotlib" in sys.modules)
    """
    dumped = pickle.dumps([pcnet.PCClassifier, pcnet.Network, pcnet.infer])
    return python_process(code, tmp_path_factory.mktemp("new"), dumped.hex()).stdout.split()


def test_classes_pickle_by_name_before_their_first_use(printed):
    assert printed[0] == "3"


def test_importing_all_modules_does_not_import_matplotlib(printed):
    assert printed[1] == "False"
