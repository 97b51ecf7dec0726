"""Check a wheel: its contents, the system libraries it needs, and that the installed package works.

    python wheels/check.py [--quick] WHEEL_OR_FOLDER_OR_SDIST

The script first checks the files (on Linux, ELF files with binutils' ``readelf`` and ``objdump``).
Then it installs the wheel, or the one of a folder that fits this Python, alone in a fresh
environment outside the tree. The package must run with OpenMP and with each instruction set of the
machine, and must pass the test suite; with --quick only the golden tests, with each instruction
set. The dependencies come from PyPI. A source distribution (.tar.gz) is checked, built with OpenMP,
installed and tested in the same way, with the tests that it contains.
"""

import argparse
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_BYTES = 2_000_000
# What belongs in a wheel: the package, libraries added by auditwheel and similar tools, metadata.
FOLDERS = re.compile(r"(pcnet|pcnet\.libs|pcnet-[^/]+\.dist-info)/")
SUFFIXES = {".py", ".pyi", ".so", ".pyd", ".dylib", ".dll", ".typed"}
MANYLINUX = re.compile(r"manylinux_2_(\d+)_")
# Libraries that every system of a manylinux tag has (those of glibc).
SYSTEM_LIBRARIES = re.compile(r"lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux-[\w-]+\.so\.\d")
DISPATCH = """
import pcnet
from pcnet._core import binding
from sklearn.datasets import load_digits
assert pcnet.has_openmp(), "no OpenMP"
assert binding.default_isa() == {isa!r}, binding.default_isa()
X, y = load_digits(return_X_y=True)
score = pcnet.PCClassifier((64,) * 4, max_iter=5, random_state=0).fit(X / 16, y).score(X / 16, y)
assert score > 0.97, score
print("{isa}: digits, training accuracy", round(score, 4), flush=True)
"""
FEW = ["pytest>=8.2", "hypothesis>=6.100"]
# The extra "test" without "onnx".
WITHOUT_ONNX = [
    *(*FEW, "pcnet[plot,skops]", "rich>=13", "pandas>=2.1", "setuptools>=77", "PyYAML>=6"),
]
# Tests whose results depend on the instruction set; others test files, pictures and documents.
NUMERICAL = [f"tests/{tier}" for tier in ("core", "numerics", "golden", "theory", "estimators")]


class Wrong(Exception):
    """A wheel that must not be published."""


def require(condition, message):
    if not condition:
        raise Wrong(message)


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def output(*command, **options):
    return run(*command, capture_output=True, text=True, **options).stdout


# ---- the file ----


def check_file(wheel):
    """Check size, contents, and on Linux what the ELF files need; print one line."""
    size = wheel.stat().st_size
    require(size < MAX_BYTES, f"{wheel.name} has {size} bytes, the limit is {MAX_BYTES}")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        check_names(names)
        newest = check_elf_files(wheel, archive, names) if "linux" in wheel.name else ""
    print(f"{wheel.name}: {size / 1e6:.2f} MB, {len(names)} files{newest}", flush=True)


def check_names(names):
    for name in names:
        require(FOLDERS.match(name), f"{name} does not belong in the wheel")
        inside = ".dist-info/" in name or ".libs/" in name
        require(inside or Path(name).suffix in SUFFIXES, f"{name} does not belong in the wheel")
        require("/tests/" not in name, f"{name} does not belong in the wheel")
    for needed in ("pcnet/_core/binding.", "pcnet/_core/binding.pyi", "pcnet/py.typed"):
        require(any(name.startswith(needed) for name in names), f"{needed}* is missing")
    for needed in ("/LICENSE", "/bundled/README.md"):  # pcnet's licence, and the OpenMP library's
        require(any(name.endswith(needed) for name in names), f"{needed} is missing")


def check_elf_files(wheel, archive, names):
    """Check symbol versions against the tag, needed libraries, and search paths of this machine."""
    libraries = {Path(name).name for name in names if ".libs/" in name}
    newest = (0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            if ".so" not in Path(name).name:
                continue
            path = archive.extract(name, folder)
            check_dynamic_section(name, output("readelf", "-dW", path), libraries)
            require(".debug_info" not in output("readelf", "-SW", path), f"{name} is not stripped")
            versions = re.findall(r"\bGLIBC_(\d+)\.(\d+)", output("objdump", "-T", path))
            newest = max([newest, *[(int(major), int(minor)) for major, minor in versions]])
    tags = [int(minor) for minor in MANYLINUX.findall(wheel.name)]
    if tags:
        require(newest <= (2, min(tags)), f"{wheel.name} needs GLIBC_{newest[0]}.{newest[1]}")
        return f", needs glibc {newest[0]}.{newest[1]}"
    require("musllinux" in wheel.name, f"{wheel.name} is not repaired: it runs on this system only")
    return ""


def check_dynamic_section(name, text, libraries):
    for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
        known = needed in libraries or SYSTEM_LIBRARIES.fullmatch(needed) or "musl" in needed
        require(known, f"{name} needs {needed}, which not every system has")
    for path in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", text):
        local = all(part.startswith("$ORIGIN") for part in path.split(":"))
        require(local, f"{name} looks for libraries in {path}")


def check_sdist_names(names):
    """Check that all files for a build and the tests are there, and no build products."""
    for name in names:
        built = Path(name).suffix in {".so", ".pyd", ".o", ".pyc"}
        translated = re.fullmatch(r"[^/]+/pcnet/.+\.c", name)
        require(not built and not translated, f"{name} does not belong in the source distribution")
    inside = {name.partition("/")[2] for name in names}
    for needed in (
        *("PKG-INFO", "LICENSE", "pyproject.toml", "setup.py", "csrc/pcnet.h"),
        "pcnet/_core/binding.pyx",
        "pcnet/_core/core.pxd",
        "pcnet/_core/batch.pxi",
        *("pcnet/py.typed", "tests/conftest.py", "wheels/bundled/README.md", "docs/conf.py"),
    ):
        require(needed in inside, f"{needed} is missing in the source distribution")


def unpack_sdist(path, folder):
    """Check a source distribution and unpack it; return the folder of its sources."""
    with tarfile.open(path) as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
        check_sdist_names(names)
        archive.extractall(folder, filter="data")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {len(names)} files", flush=True)
    (unpacked,) = folder.iterdir()
    return unpacked


# ---- where it is installed ----


def bare_environment(**more):
    """Environment variables without those that change Python's path or pcnet's threads."""
    drop = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "OMP_NUM_THREADS", "PCNET_ISA")
    return {**{k: v for k, v in os.environ.items() if k not in drop}, **more}


def install(folder, found):
    """Install the wheel of a folder that fits this Python, or an sdist, in a fresh environment."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if found.is_dir():
        alone = ["--no-index", "--no-deps", "--find-links", found, "pcnet"]
    else:  # an sdist is built here; its build tools come from PyPI
        alone = ["--no-deps", found]
    run(*pip, *alone, env=bare_environment(PCNET_OPENMP="1"))
    run(*pip, "--prefer-binary", "pcnet", env=bare_environment())  # the dependencies, from PyPI
    return python, pip


def check_dispatch(python, folder):
    """Run a small fit with every instruction set of this machine."""
    code = "from pcnet._core import binding; print(*binding.available_isas())"
    isas = output(python, "-P", "-c", code, cwd=folder, env=bare_environment()).split()
    for isa in isas:
        run(
            python, "-P", "-W", "ignore", "-c", DISPATCH.format(isa=isa),
            cwd=folder, env=bare_environment(PCNET_ISA=isa),
        )  # fmt: skip
    return isas


def lacks_onnxruntime(system, machine, version, free_threaded):
    """Whether PyPI has no wheel of onnxruntime for this platform; it has no source distribution.

    As of its version 1.32: free-threaded for Linux only; macOS on x86-64 up to CPython 3.13.
    """
    if free_threaded:
        return system != "linux"
    return system == "darwin" and machine == "x86_64" and version >= (3, 14)


def suite_requirements():
    """Requirements of the whole suite; without onnxruntime its tests of ONNX are skipped."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    here = sys.platform, platform.machine(), sys.version_info[:2], free_threaded
    if not lacks_onnxruntime(*here):
        return ["pcnet[test]"]
    print("== no onnxruntime for this Python: the tests of ONNX are skipped", flush=True)
    return WITHOUT_ONNX


def copy_of_tree(folder):
    """Copy the tree without build products, so that its sources do not hide the package."""
    ignored = shutil.ignore_patterns(".git", "build", "dist", "*.so", "*.egg-info", ".venv*")
    return Path(shutil.copytree(ROOT, folder, ignore=ignored))


def check_installed(found, source, *, quick):
    """Install the package, run it with each instruction set and run the tests, outside the tree.

    Parameters
    ----------
    found : Path
        A folder of wheels, or a source distribution.
    source : callable
        Folder -> folder of the sources, with the tests to run.
    quick : bool
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = source(folder / "source")
        python, pip = install(folder / "environment", found)
        origin = output(python, "-P", "-c", "import pcnet; print(pcnet.__file__)", cwd=folder)
        inside = folder / "environment" in Path(origin.strip()).parents
        require(inside, f"pcnet was imported from {origin}")
        isas = check_dispatch(python, folder)
        needed = FEW if quick else suite_requirements()
        run(*pip, "--prefer-binary", *needed, env=bare_environment())
        pytest = [python, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        for isa in isas:
            tests = ["tests/golden"] if quick else [] if isa == isas[-1] else NUMERICAL
            print(f"== {' '.join(tests) or 'all tests'} with {isa}", flush=True)
            run(*pytest, *tests, cwd=sources, env=bare_environment(PCNET_ISA=isa))


def check_wheels(path, *, quick):
    """Check a wheel or all wheels of a folder, and test the one for this Python."""
    found = sorted(path.glob("*.whl")) if path.is_dir() else [path]
    require(found, f"no wheel in {path}")
    for wheel in found:
        check_file(wheel)
    check_installed(path if path.is_dir() else path.parent, copy_of_tree, quick=quick)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=Path, help="a wheel, a folder with wheels, or a .tar.gz")
    parser.add_argument("--quick", action="store_true", help="golden tests only")
    arguments = parser.parse_args()
    path = arguments.path.resolve()
    try:
        if path.name.endswith(".tar.gz"):
            unpack = functools.partial(unpack_sdist, path)
            check_installed(path, unpack, quick=arguments.quick)
        else:
            check_wheels(path, quick=arguments.quick)
    except Wrong as wrong:
        sys.exit(f"wheels/check.py: {wrong}")


if __name__ == "__main__":
    main()
