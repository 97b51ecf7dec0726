"""Every public name is annotated, and the stub of the core matches the compiled module.

`.ci/run` runs mypy on the package and the examples, and with ``--strict`` on ``tests/typing``:
programs as users write them, and in ``mistakes.py`` calls that must be errors.
"""

import ast
import functools
import inspect
import runpy
from pathlib import Path
from typing import get_args

import pytest

import pcnet
from pcnet import _types, parameterization
from pcnet._core import binding

from ..helpers import all_points

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "pcnet" / "_core" / "binding.pyi"
SCRIPTS = [ROOT / "tests" / "typing" / f"{name}.py" for name in ("estimators", "study")]


def public_modules():
    return [pcnet, *(v for n in pcnet.__all__ if inspect.ismodule(v := getattr(pcnet, n)))]


def public_names(module):
    """Pairs (name, value) of what a module exports."""
    named = getattr(module, "__all__", None)
    for name in vars(module) if named is None else named:
        value = getattr(module, name)
        home = str(getattr(value, "__module__", ""))
        ours = home == module.__name__ if named is None else home.startswith("pcnet")
        if ours and not name.startswith("_"):
            yield f"{module.__name__}.{name}", value


def methods(cls):
    """Pairs (name, function) of the public methods that pcnet's own classes define."""
    for owner in cls.__mro__:
        if not owner.__module__.startswith("pcnet"):
            continue
        for name, value in vars(owner).items():
            if name.startswith("_") and name not in ("__init__", "__call__"):
                continue
            if isinstance(value, (classmethod, staticmethod)):
                value = value.__func__
            elif isinstance(value, property):
                value = value.fget
            elif isinstance(value, functools.cached_property):
                value = value.func
            elif hasattr(value, "fn") and callable(value.fn):  # of scikit-learn's available_if
                value = value.fn
            if inspect.isfunction(value):
                yield f"{cls.__name__}.{name}", value


def functions():
    for module in public_modules():
        for name, value in public_names(module):
            if inspect.isclass(value):
                yield from methods(value)
            elif inspect.isfunction(value):
                yield name, value


FUNCTIONS = dict(functions())


@all_points("name", FUNCTIONS)
def test_parameters_and_result_are_annotated(name):
    signature = inspect.signature(inspect.unwrap(FUNCTIONS[name]))
    parameters = list(signature.parameters.values())
    if "." in name and parameters and parameters[0].name in ("self", "cls"):
        del parameters[0]
    missing = [p.name for p in parameters if p.annotation is inspect.Parameter.empty]
    assert not missing
    assert signature.return_annotation is not inspect.Signature.empty


def test_literal_names_match_the_tables():
    assert set(get_args(_types.Activation)) == set(binding.ACTIVATION_CODES)
    assert set(get_args(_types.LossName)) == set(binding.LOSS_CODES)
    assert get_args(_types.Parameterization) == parameterization.PARAMETERIZATIONS
    assert set(get_args(_types.MethodName)) == set(pcnet.inference.METHODS)
    assert set(get_args(_types.SolverName)) == set(pcnet.solvers._BY_NAME)
    assert set(get_args(_types.ScheduleName)) == set(pcnet.schedules._BY_NAME)


def stub_signatures():
    """Pairs (name, parameters) of what the stub declares, methods as Class.name."""
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        owner, body = ("", [node]) if isinstance(node, ast.FunctionDef) else (node, [])
        if isinstance(node, ast.ClassDef):
            owner, body = f"{node.name}.", node.body
        for function in body:
            if isinstance(function, ast.FunctionDef) and not function.decorator_list:
                a = function.args
                named = [*a.posonlyargs, *a.args, *a.kwonlyargs]
                yield f"{owner}{function.name}", [parameter.arg for parameter in named]


STUBBED = dict(stub_signatures())


@all_points("name", [n for n in STUBBED if "__" not in n])
def test_the_stub_has_the_parameters_of_the_compiled_function(name):
    value = functools.reduce(getattr, name.split("."), binding)
    assert list(inspect.signature(value).parameters) == STUBBED[name]


def test_stub_has_the_names_of_the_compiled_module():
    declared = set()
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign):
            declared.add(node.target.id)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            declared.add(node.name)
    own = {
        name
        for name, value in vars(binding).items()
        if not name.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", binding.__name__) == binding.__name__
    }
    assert declared == own


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_typed_scripts_run(script):
    runpy.run_path(str(script))
