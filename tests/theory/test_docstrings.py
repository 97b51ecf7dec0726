"""The examples in the docstrings of pcnet.theory."""

import doctest
import importlib
import pkgutil

import pytest

import pcnet.theory

MODULES = sorted(module.name for module in pkgutil.iter_modules(pcnet.theory.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    module = importlib.import_module(f"pcnet.theory.{name}")
    assert doctest.testmod(module).failed == 0


def test_every_public_name_is_documented():
    assert all(getattr(pcnet.theory, name).__doc__ for name in pcnet.theory.__all__)
