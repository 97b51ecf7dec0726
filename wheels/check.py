"""Check a wheel: what is in it, what it needs of a system, and that it works where it is installed.

    python wheels/check.py [--quick] WHEEL_OR_FOLDER

The files are looked at (ELF files with binutils' ``readelf`` and ``objdump``, on Linux), then the
wheel, or the one of a folder that fits this Python, is installed alone in a fresh environment
outside the tree, has to run with OpenMP and with each instruction set of the machine, and has to
pass the test suite; with --quick only its golden tests, but these with each instruction set. PyPI
is needed, for what pcnet depends on.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_BYTES = 2_000_000
# Only what belongs in a wheel: the package, libraries put in by auditwheel and the like, metadata.
FOLDERS = re.compile(r"(pcnet|pcnet\.libs|pcnet-[^/]+\.dist-info)/")
SUFFIXES = {".py", ".pyi", ".so", ".pyd", ".dylib", ".dll", ".typed"}
MANYLINUX = re.compile(r"manylinux_2_(\d+)_")
# What a manylinux tag promises to find on every system (glibc's own libraries).
SYSTEM_LIBRARIES = re.compile(r"lib(c|m|pthread|dl|rt)\.so\.\d|ld-linux-[\w-]+\.so\.\d")
DISPATCH = """
import pcnet
from pcnet import _core
from sklearn.datasets import load_digits
assert pcnet.has_openmp(), "no OpenMP"
assert _core.default_isa() == {isa!r}, _core.default_isa()
X, y = load_digits(return_X_y=True)
score = pcnet.PCClassifier((64,) * 4, max_iter=5, random_state=0).fit(X / 16, y).score(X / 16, y)
assert score > 0.97, score
print("{isa}: digits, training accuracy", round(score, 4), flush=True)
"""
FEW = ["pytest>=8.2", "hypothesis>=6.100"]
# The extra "test" without "onnx".
WITHOUT_ONNX = [*FEW, "pcnet[plot,skops]", "rich>=13", "pandas>=2.1"]
# What an instruction set can change; the other folders test files, pictures and documents.
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
    """Size, content, and on Linux what its ELF files need; prints one line."""
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
    for needed in ("pcnet/_core.", "pcnet/py.typed"):
        require(any(name.startswith(needed) for name in names), f"{needed}* is missing")
    for needed in ("/LICENSE", "/bundled/README.md"):  # pcnet's licence, and the OpenMP library's
        require(any(name.endswith(needed) for name in names), f"{needed} is missing")


def check_elf_files(wheel, archive, names):
    """Symbol versions within the tag, libraries found or brought along, nothing of this machine."""
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
    require("musllinux" in wheel.name, f"{wheel.name} is not repaired: it fits one system only")
    return ""


def check_dynamic_section(name, text, libraries):
    for needed in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
        known = needed in libraries or SYSTEM_LIBRARIES.fullmatch(needed) or "musl" in needed
        require(known, f"{name} needs {needed}, which not every system has")
    for path in re.findall(r"\((?:RPATH|RUNPATH)\).*\[(.*)\]", text):
        local = all(part.startswith("$ORIGIN") for part in path.split(":"))
        require(local, f"{name} looks for libraries in {path}")


# ---- where it is installed ----


def bare_environment(**more):
    """This process's environment without what would change Python's path or pcnet's threads."""
    drop = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "OMP_NUM_THREADS", "PCNET_ISA")
    return {**{k: v for k, v in os.environ.items() if k not in drop}, **more}


def install(folder, wheels):
    """The wheel that fits this Python, and what it depends on, in a fresh environment."""
    venv.create(folder, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-index", "--no-deps", "--find-links", wheels, "pcnet", env=bare_environment())
    run(*pip, "--prefer-binary", "pcnet", env=bare_environment())  # the rest, from PyPI
    return python, pip


def check_dispatch(python, folder):
    """A small fit with every instruction set that this machine can be held to."""
    code = "from pcnet import _core; print(*_core.available_isas())"
    isas = output(python, "-P", "-c", code, cwd=folder, env=bare_environment()).split()
    for isa in isas:
        run(
            python, "-P", "-W", "ignore", "-c", DISPATCH.format(isa=isa),
            cwd=folder, env=bare_environment(PCNET_ISA=isa),
        )  # fmt: skip
    return isas


def lacks_onnxruntime(system, machine, version, free_threaded):
    """Whether PyPI has no onnxruntime there: no wheel, and it is published as wheels only.

    As of its version 1.32: free-threaded for Linux alone; macOS on x86-64 up to CPython 3.13.
    """
    if free_threaded:
        return system != "linux"
    return system == "darwin" and machine == "x86_64" and version >= (3, 14)


def suite_requirements():
    """What the whole suite needs here; its tests of ONNX are skipped where that is not there."""
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    here = sys.platform, platform.machine(), sys.version_info[:2], free_threaded
    if not lacks_onnxruntime(*here):
        return ["pcnet[test]"]
    print("== no onnxruntime for this Python: the tests of ONNX are skipped", flush=True)
    return WITHOUT_ONNX


def check_installed(wheels, *, quick):
    """Install, dispatch, test suite; all of it outside the tree."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python, pip = install(folder / "environment", wheels)
        origin = output(python, "-P", "-c", "import pcnet; print(pcnet.__file__)", cwd=folder)
        require(folder in Path(origin.strip()).parents, f"pcnet was imported from {origin}")
        isas = check_dispatch(python, folder)
        source = folder / "source"
        ignored = shutil.ignore_patterns(".git", "build", "dist", "*.so", "*.egg-info", ".venv*")
        shutil.copytree(ROOT, source, ignore=ignored)
        needed = FEW if quick else suite_requirements()
        run(*pip, "--prefer-binary", *needed, env=bare_environment())
        pytest = [python, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        for isa in isas:
            tests = ["tests/golden"] if quick else [] if isa == isas[-1] else NUMERICAL
            print(f"== {' '.join(tests) or 'all tests'} with {isa}", flush=True)
            run(*pytest, *tests, cwd=source, env=bare_environment(PCNET_ISA=isa))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheels", type=Path, help="a wheel, or a folder with wheels")
    parser.add_argument("--quick", action="store_true", help="golden tests only")
    arguments = parser.parse_args()
    wheels = arguments.wheels.resolve()
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else [wheels]
    try:
        require(found, f"no wheel in {wheels}")
        for wheel in found:
            check_file(wheel)
        check_installed(wheels if wheels.is_dir() else wheels.parent, quick=arguments.quick)
    except Wrong as wrong:
        sys.exit(f"wheels/check.py: {wrong}")


if __name__ == "__main__":
    main()
