"""A second build in one folder rebuilds an extension if anything that it depends on has changed.

The project's setup.py builds a tree of one C file; the extension returns what was compiled.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytest.importorskip("setuptools")

ROOT = Path(__file__).resolve().parents[2]
MODULE = """\
#include <Python.h>
#include "value.h"
#ifdef PCNET_USE_OPENMP
#define OPENMP 1
#else
#define OPENMP 0
#endif
#ifndef MARK
#define MARK 0
#endif
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "{name}", 0, -1, 0}};
PyMODINIT_FUNC PyInit_{name}(void) {{
    PyObject *self = PyModule_Create(&module);
    if (self == NULL || PyModule_AddIntConstant(self, "openmp", OPENMP) < 0 ||
        PyModule_AddIntConstant(self, "mark", MARK) < 0 ||
        PyModule_AddIntConstant(self, "value", VALUE) < 0)
        return NULL;
    return self;
}}
"""
# Replaces Cython, which may not be installed and would take most of the time.
CYTHON = """\
def cythonize(extensions, **options):
    for extension in extensions:
        extension.sources = [name.replace(".pyx", ".c") for name in extension.sources]
    return extensions
"""
MODULES = ("binding",)
ASK = "import pcnet._core.binding as c; print(c.openmp, c.mark, c.value)"


class Tree:
    """A source folder that the project's setup.py builds."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("pcnet/_core", "csrc", "stub/Cython/Build"):
            (folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "setup.py", folder)
        (folder / "stub" / "Cython" / "__init__.py").touch()
        (folder / "stub" / "Cython" / "Build" / "__init__.py").write_text(CYTHON)
        (folder / "pcnet" / "__init__.py").touch()
        (folder / "pcnet" / "_core" / "__init__.py").touch()
        (folder / "csrc" / "value.h").write_text("#define VALUE 1\n")
        for name in MODULES:
            (folder / "pcnet" / "_core" / f"{name}.c").write_text(MODULE.format(name=name))

    def compiler(self, name, *flags):
        """A wrapper around the C compiler that adds flags after all others."""
        path = self.folder / name
        path.write_text(f'#!/bin/sh\nexec cc "$@" {" ".join(flags)}\n')
        path.chmod(0o755)
        return str(path)

    def run(self, **environment):
        """Build in place; the finished process."""
        kept = {k: v for k, v in os.environ.items() if k not in ("CC", "CFLAGS", "PCNET_OPENMP")}
        kept |= {"PYTHONPATH": str(self.folder / "stub"), "PCNET_OPENMP": "0", **environment}
        command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
        return subprocess.run(
            command, cwd=self.folder, env=kept, capture_output=True, text=True, check=False
        )

    def build(self, **environment):
        """Build in place; the values that the extensions return, and their times of writing."""
        done = self.run(**environment)
        assert done.returncode == 0, done.stderr
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        written = [(self.folder / f"pcnet/_core/{n}{suffix}").stat().st_mtime_ns for n in MODULES]
        said = subprocess.run(
            [sys.executable, "-c", ASK], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return tuple(map(int, said.stdout.split())), written


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    if os.name == "nt" or shutil.which("cc") is None:
        pytest.skip("needs cc")
    return Tree(tmp_path_factory.mktemp("tree"))


def test_unchanged_tree_is_not_rebuilt(tree):
    first, second = tree.build(), tree.build()
    assert first == second
    assert first[0] == (0, 0, 1)


def test_changed_flags_rebuild(tree):
    assert tree.build(CFLAGS="-DMARK=1")[0] == (0, 1, 1)
    assert tree.build()[0] == (0, 0, 1)


@pytest.mark.slow
def test_changed_openmp_setting_rebuilds(tree):
    if tree.run(PCNET_OPENMP="1").returncode != 0:
        pytest.skip("needs OpenMP")
    assert tree.build(PCNET_OPENMP="1")[0][0] == 1
    assert tree.build(PCNET_OPENMP="0")[0][0] == 0


@pytest.mark.slow
def test_changed_compiler_rebuilds(tree):
    assert tree.build(CC=tree.compiler("cc-3", "-DMARK=3"))[0] == (0, 3, 1)
    assert tree.build(CC=tree.compiler("cc-4", "-DMARK=4"))[0] == (0, 4, 1)
    assert tree.build(CC=tree.compiler("cc-4", "-DMARK=5", "-O0"))[0] == (0, 5, 1)


def test_changed_header_rebuilds(tree):
    """A changed file with an older time, as tar and rsync write it, causes a rebuild."""
    header = tree.folder / "csrc" / "value.h"
    old = header.stat()
    header.write_text("#define VALUE 2\n")
    os.utime(header, ns=(old.st_atime_ns, old.st_mtime_ns - 10**12))
    assert tree.build()[0] == (0, 0, 2)


@pytest.mark.slow
def test_failed_build_is_repeated(tree):
    first, _ = tree.build(CFLAGS="-DMARK=1")
    assert tree.run(CFLAGS="-DMARK=oops").returncode != 0
    assert tree.build(CFLAGS="-DMARK=1")[0] == first


def test_wheels_contain_no_build_record(tree):
    tree.build()
    assert list((tree.folder / "build").glob("temp*/*.made-of"))
    assert [p for p in (tree.folder / "build").glob("lib*/**/*") if "made-of" in p.name] == []
