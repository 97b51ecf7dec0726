"""Wrong versions of the numerical code (mutants), one at a time: a test must fail for each.

    python .ci/mutants/run.py [--every N] [--only WORD] [--jobs N]

runs in the root of a tree whose extension is built in place, and does not change that tree. A
mutant of the C core is compiled for the generic instruction set and tested by the C tests. If they
pass, an extension is built from it and tested by tests/core, tests/numerics, tests/generative and
tests/golden. A mutant of a Python file is tested by the tests named with it. A mutant that does not
compile is an error.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import c_core
import python_parts

ROOT = Path.cwd()
LIMIT = 600  # seconds; a mutant that never ends counts as noticed
C_FLAGS = ["-std=c11", "-O1", "-Icsrc", "-DPCNET_ONLY_GENERIC", "-DPCNET_STOP_AT_FIRST"]
SECOND_OPINION = ["tests/core", "tests/numerics", "tests/generative", "tests/golden"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only each N-th mutant")
    parser.add_argument("--only", default="", help="only mutants with this in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    mutants = [(judge_c, m) for m in c_core.MUTANTS]
    mutants += [(judge_python, m) for m in python_parts.MUTANTS]
    mutants = [m for m in mutants if options.only in m[1][0]][:: options.every]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        shared = build_unchanged(Path(folder))
        verdicts = list(pool.map(lambda m: report(*m, Path(folder), shared), mutants))
    survivors = [m[1][0] for m, noticed in zip(mutants, verdicts, strict=True) if not noticed]
    print(f"{len(mutants)} mutants, {len(survivors)} of them survived {survivors or ''}")
    return bool(survivors) or not mutants


def report(judge, mutant, folder, shared):
    started = time.monotonic()
    noticed_by = judge(mutant, Path(tempfile.mkdtemp(dir=folder)), shared)
    took = time.monotonic() - started
    print(f"{noticed_by or 'SURVIVED':12} {mutant[1]:22} {mutant[0]} ({took:.0f} s)", flush=True)
    return noticed_by


def change(path, name, old, new):
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise SystemExit(f"mutant {name!r}: {old!r} is {text.count(old)} times in {path.name}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def run(command, folder, **environment):
    """Whether a command succeeds."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def compile_c(folder, sources, objects):
    for source in sources:
        target = objects / (Path(source).name + ".o")
        if not run(["gcc", *C_FLAGS, "-c", source, "-o", str(target)], folder):
            raise SystemExit(f"{source} in {folder} does not compile")


def link_c(folder):
    objects = sorted(str(path) for path in folder.glob("*.o"))
    if not run(["gcc", *objects, "-lm", "-o", "c_tests"], folder):
        raise SystemExit(f"the C tests in {folder} do not link")


def build_unchanged(folder):
    """Compile the C tests, which no mutant changes; they must pass before any mutation."""
    shared = folder / "shared"
    shared.mkdir()
    tests = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/tests/*.c"))
    compile_c(ROOT, ["csrc/dispatch.c", *tests], shared)
    whole = folder / "unchanged"
    shutil.copytree(shared, whole)
    compile_c(ROOT, ["csrc/builds/core_f32_generic.c", "csrc/builds/core_f64_generic.c"], whole)
    link_c(whole)
    if not run(["./c_tests"], whole):
        raise SystemExit("the C tests fail before any mutation")
    return shared


def judge_c(mutant, folder, shared):
    name, file, old, new = mutant
    shutil.copytree(ROOT / "csrc", folder / "csrc")
    change(folder / "csrc" / file, name, old, new)
    for path in shared.glob("*.o"):
        os.link(path, folder / path.name)
    compile_c(folder, ["csrc/builds/core_f32_generic.c", "csrc/builds/core_f64_generic.c"], folder)
    link_c(folder)
    if not run(["./c_tests"], folder):
        return "C tests"
    return second_opinion(folder)


def second_opinion(folder):
    """Run the Python tests with an extension built from the folder's C files."""
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "tests", folder / "tests")
    shutil.copytree(ROOT / "pcnet", folder / "pcnet", ignore=shutil.ignore_patterns("*.so"))
    flags = "-DPCNET_ONLY_GENERIC"
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    if not run(build, folder, CFLAGS=flags, PCNET_BUILD_JOBS="1"):
        raise SystemExit(f"the extension in {folder} does not build")
    return None if passes(SECOND_OPINION, folder) else "Python tests"


def judge_python(mutant, folder, _):
    name, file, old, new, tests = mutant
    shutil.copytree(ROOT / "pcnet", folder / "pcnet", ignore=shutil.ignore_patterns("__pycache__"))
    os.symlink(ROOT / "tests", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    change(folder / "pcnet" / file, name, old, new)
    return None if passes(tests.split(), folder) else "Python tests"


def passes(tests, folder):
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return run(command, folder, PYTHONPATH=str(folder), OMP_NUM_THREADS="1")


if __name__ == "__main__":
    sys.exit(main())
