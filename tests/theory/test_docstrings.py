"""The examples in the docstrings of pcnet.theory, and what importing pcnet does not load."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import pcnet.theory

MODULES = sorted(module.name for module in pkgutil.iter_modules(pcnet.theory.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"pcnet.theory.{name}")
    assert doctest.testmod(module).failed == 0


def test_every_public_name_is_documented():
    assert all(getattr(pcnet.theory, name).__doc__ for name in pcnet.theory.__all__)


def test_importing_pcnet_loads_no_theory_but_backpropagation(tmp_path):
    """Displays need backpropagation's gradients; the rest waits until it is asked for."""
    code = (
        "import sys, pcnet\n"
        "print(sorted(m for m in sys.modules if m.startswith('pcnet.theory.')))\n"
        "print(pcnet.theory.forward_norms.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.split("\n")[:2] == [
        "['pcnet.theory._backprop', 'pcnet.theory._checks']",
        "forward_norms",
    ]
