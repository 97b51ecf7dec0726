"""The text that a mutant replaces occurs once in the current sources."""

import importlib.util
from pathlib import Path

from ..helpers import all_points

ROOT = Path(__file__).resolve().parents[2]


def mutants_of(name):
    path = ROOT / ".ci" / "mutants" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MUTANTS


CASES = [("csrc", m) for m in mutants_of("c_core")]
CASES += [("pcnet", m) for m in mutants_of("python_parts")]


@all_points("folder, mutant", CASES)
def test_text_of_each_mutant_occurs_once(folder, mutant):
    name, file, old, new = mutant[:4]
    assert (ROOT / folder / file).read_text(encoding="utf-8").count(old) == 1, name
    assert old != new
    for test in mutant[4].split() if len(mutant) > 4 else ():
        assert (ROOT / test).exists(), test
