"""Build of the extension module; everything declarative is in pyproject.toml.

Environment variables read here:

PCNET_OPENMP      auto (default): use OpenMP if a small program compiles and links, else
                  warn and build single-threaded; 1: fail without OpenMP; 0: never use it.
PCNET_BUILD_JOBS  how many files to compile at once (default: the number of CPUs).
CC, CFLAGS, LDFLAGS as usual; on macOS LIBOMP_PREFIX may name the folder of libomp.

A second build in the same folder takes over an extension only if nothing that it is made of has
changed: sources, headers, compiler, flags and macros (`fingerprint`).
"""

import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PROBE = """\
#include <omp.h>
#include <stdio.h>
int main(void) {
    int sum = 0, i;
#pragma omp parallel for reduction(+ : sum)
    for (i = 0; i < 100; i++) sum += i;
    printf("%d %d\\n", sum, omp_get_max_threads());
    return 0;
}
"""

# Nothing but a compiler is needed for the first, and the headers of C and Python for the second.
COMPILER_PROBE = "int main(void) { return 0; }\n"
HEADERS_PROBE = """\
#include <Python.h>
int main(void) { return 0; }
"""

SIMD_PROBE = """\
int main(void) {
    float sum = 0;
    int i;
#pragma omp simd reduction(+ : sum)
    for (i = 0; i < 100; i++) sum += (float)i;
    return sum < 0;
}
"""

# No -march=native and no -ffast-math: a wheel must run on any machine of its platform, and
# NaN must stay visible.
UNIX_FLAGS = [
    "-O3",
    "-std=c11",
    "-ffp-contract=fast",  # a * b + c is one FMA where the machine has it; -std=c11 turns it off
    "-fno-math-errno",  # nobody reads errno
    "-fno-trapping-math",  # nor the floating-point exception flags
    "-fvisibility=hidden",
]
SIMD_FLAG = "-fopenmp-simd"  # vector reductions by pragma; needs no OpenMP library
MSVC_FLAGS = ["/O2", "/std:c11"]


def openmp_candidates(compiler_type):
    """Pairs (compile flags, link flags) worth trying, best first."""
    if compiler_type == "msvc":
        return [(["/openmp"], [])]
    candidates = [(["-fopenmp"], ["-fopenmp"])]
    if sys.platform == "darwin":  # Apple's clang has the pragmas but neither header nor library
        for prefix in libomp_prefixes():
            candidates.append(
                (
                    ["-Xpreprocessor", "-fopenmp", f"-I{prefix}/include"],
                    [f"-L{prefix}/lib", f"-Wl,-rpath,{prefix}/lib", "-lomp"],
                )
            )
        candidates.append((["-Xpreprocessor", "-fopenmp"], ["-lomp"]))
    return candidates


def libomp_prefixes():
    prefixes = [os.environ.get("LIBOMP_PREFIX", "")]
    try:
        brew = subprocess.run(
            ["brew", "--prefix", "libomp"], capture_output=True, text=True, check=True
        )
        prefixes.append(brew.stdout.strip())
    except (OSError, subprocess.CalledProcessError):
        pass
    return [prefix for prefix in prefixes if prefix and Path(prefix, "include").is_dir()]


def probe(compiler, text, compile_flags=(), link_flags=None):
    """What a small program fails with when compiled and, given flags for it, linked; or None."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(text)
        try:
            objects = compiler.compile(
                [str(source)], output_dir=folder, extra_postargs=list(compile_flags)
            )
            if link_flags is not None:
                compiler.link_executable(
                    objects, "probe", output_dir=folder, extra_postargs=link_flags
                )
        except Exception as error:  # compilers raise their own types, by platform
            return error
    return None


def builds(compiler, text, compile_flags, link_flags):
    """Whether a small program compiles and links with these flags."""
    error = probe(compiler, text, compile_flags, link_flags)
    if error is not None:
        print(f"Probe of {' '.join(compile_flags)} failed: {error}", file=sys.stderr)
    return error is None


def require_compiler(compiler):
    """Stops, saying what to install, where no C or no C against Python's headers compiles."""
    error = probe(compiler, COMPILER_PROBE)
    if error is not None:
        raise SystemExit(
            f"pcnet: building it needs a C compiler, and none works here: {error}\n"
            "Install one (Debian: apt-get install gcc libc6-dev; macOS: xcode-select --install;\n"
            "Windows: the C++ build tools of Visual Studio), or name one with CC."
        )
    error = probe(compiler, HEADERS_PROBE)
    if error is not None:
        raise SystemExit(
            f"pcnet: the C compiler works, but not with Python's headers: {error}\n"
            "Install the headers of C and of this Python (Debian: apt-get install libc6-dev\n"
            "python3-dev)."
        )


def probe_openmp(compiler):
    """The first (compile flags, link flags) with which PROBE compiles and links, or None."""
    for compile_flags, link_flags in openmp_candidates(compiler.compiler_type):
        if builds(compiler, PROBE, compile_flags, link_flags):
            return compile_flags, link_flags
    return None


def openmp_flags(compiler):
    """Flags to build with OpenMP, or None to build without, as PCNET_OPENMP asks."""
    wish = os.environ.get("PCNET_OPENMP", "auto").strip().lower() or "auto"
    if wish not in {"auto", "1", "0"}:
        raise SystemExit(f"PCNET_OPENMP must be auto, 1 or 0; got {wish!r}.")
    if wish == "0":
        print("pcnet: building without OpenMP, as PCNET_OPENMP=0 asks.", file=sys.stderr)
        return None
    flags = probe_openmp(compiler)
    if flags is not None:
        return flags
    remedy = (
        "Install a compiler with OpenMP (Debian: gcc, or clang with libomp-dev; macOS: brew\n"
        "install libomp, and set LIBOMP_PREFIX if it is not found), or set PCNET_OPENMP=0 to\n"
        "build without it."
    )
    if wish == "1":
        raise SystemExit(f"pcnet: PCNET_OPENMP=1, but no OpenMP program compiles here.\n{remedy}")
    bar = "*" * 78
    print(
        f"{bar}\nWARNING: pcnet is being built WITHOUT OpenMP and will use ONE thread only.\n"
        f"{remedy}\n{bar}",
        file=sys.stderr,
    )
    return None


class BuildExt(build_ext):
    """build_ext that probes OpenMP, picks flags by compiler and compiles files in parallel."""

    def build_extensions(self):
        require_compiler(self.compiler)  # else it would be OpenMP that is said to be missing
        flags = openmp_flags(self.compiler)
        is_msvc = self.compiler.compiler_type == "msvc"
        simd = not is_msvc and builds(self.compiler, SIMD_PROBE, [SIMD_FLAG, "-Werror"], [])
        for extension in self.extensions:
            extension.extra_compile_args += MSVC_FLAGS if is_msvc else UNIX_FLAGS
            extension.define_macros.append(("NDEBUG", None))  # CFLAGS may have replaced Python's
            if not is_msvc:
                extension.libraries.append("m")
            if simd:
                extension.define_macros.append(("PCNET_USE_OPENMP_SIMD", "1"))
                extension.extra_compile_args.append(SIMD_FLAG)
            if flags is not None:
                extension.define_macros.append(("PCNET_USE_OPENMP", "1"))
                extension.extra_compile_args += flags[0]
                extension.extra_link_args += flags[1]
        self.compiler.compile = functools.partial(compile_in_parallel, self.compiler.compile)
        super().build_extensions()

    def build_extension(self, extension):
        """Build it, unless the file of an earlier build was made of the very same things."""
        target = Path(self.get_ext_fullpath(extension.name)).absolute()
        # not beside the target: all that lies in build_lib goes into the wheel
        place = hashlib.sha256(str(target).encode()).hexdigest()[:16]
        record = Path(self.build_temp, f"{extension.name}-{place}.made-of")
        made_of = fingerprint(self.compiler, extension)
        asked = self.force
        self.force = asked or not record.is_file() or record.read_text("utf-8") != made_of
        record.unlink(missing_ok=True)  # a build that fails leaves none
        try:
            super().build_extension(extension)
        finally:
            self.force = asked
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(made_of, encoding="utf-8")


# What compilers read from the environment beside what setuptools puts into their commands.
COMPILER_VARIABLES = (
    *("CC", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LDSHARED", "ARCHFLAGS", "CPATH", "LIBRARY_PATH"),
    *("MACOSX_DEPLOYMENT_TARGET", "SDKROOT", "CL", "_CL_", "LINK", "_LINK_", "INCLUDE", "LIB"),
)


def fingerprint(compiler, extension):
    """All that decides what an extension is compiled to, as a text to compare.

    Sources and headers count by their content, a compiler by its file's size and time: an upgrade
    or an edited wrapper script is another compiler.
    """
    commands = {
        name: command
        for name in ("preprocessor", "compiler", "compiler_so", "linker_so", "linker_exe")
        if isinstance(command := getattr(compiler, name, None), list)
    }
    programs = [command[0] for command in commands.values()]
    programs += shlex.split(os.environ.get("CC", ""))[:1]
    files = sorted({*extension.sources, *extension.depends})
    return json.dumps(
        {
            "commands": commands,
            "programs": {program: identity(program) for program in sorted(set(programs))},
            "environment": {name: os.environ.get(name) for name in COMPILER_VARIABLES},
            "compile_flags": extension.extra_compile_args,
            "link_flags": extension.extra_link_args,
            "macros": [list(macro) for macro in extension.define_macros],
            "include_dirs": extension.include_dirs,
            "libraries": extension.libraries,
            "files": {name: hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in files},
        },
        indent=1,
    )


def identity(program):
    """Path, size and time of a program's file; None where there is none."""
    path = shutil.which(program)
    if path is None:
        return None
    status = os.stat(path)
    return [os.path.realpath(path), status.st_size, status.st_mtime_ns]


def compile_in_parallel(compile_files, sources, *args, **kwargs):
    """Compiler.compile, one file a job; the objects keep the order of the sources."""
    jobs = int(os.environ.get("PCNET_BUILD_JOBS", 0)) or os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        results = pool.map(lambda source: compile_files([source], *args, **kwargs), sources)
        return [built for objects in results for built in objects]


def extensions():
    included = ("csrc/*.h", "csrc/*.inc", "pcnet/_core/*.pxd", "pcnet/_core/*.pxi")
    headers = sorted(path for pattern in included for path in glob(pattern))
    core = Extension(
        "pcnet._core.binding",
        ["pcnet/_core/binding.pyx", *sorted(glob("csrc/*.c") + glob("csrc/builds/*.c"))],
        include_dirs=["csrc"],
        depends=headers,
    )
    # No state is shared between calls, so a free-threaded Python need not switch its GIL on.
    directives = {"language_level": "3", "freethreading_compatible": True}
    return cythonize([core], compiler_directives=directives)


def description(readme, address=None):
    """The README as a package index shows it: relative links would lead nowhere there.

    They become absolute if the repository has an address, "Repository" of [project.urls] in
    pyproject.toml. Otherwise links keep only their text, and pictures only their description.
    """

    def convert(match):
        picture, text, target = match.groups()
        if target.startswith(("https:", "http:", "mailto:", "#")):
            return match[0]
        if address:
            view = "raw" if picture else "blob"
            return f"{picture}[{text}]({address.rstrip('/')}/{view}/HEAD/{target})"
        return f"*(Picture in the repository: {text})*" if picture else text

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", convert, readme)


def metadata():
    """What setup.py adds to pyproject.toml; nothing in a tree without a README."""
    if not Path("README.md").exists():
        return {}
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = Path("README.md").read_text(encoding="utf-8")
    return {
        "long_description": description(readme, project.get("urls", {}).get("Repository")),
        "long_description_content_type": "text/markdown",
    }


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExt}, **metadata())
