"""The C core uses only OpenMP 2.0, the version that MSVC implements."""

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).resolve().parents[2] / "csrc"
FILES = [*CSRC.glob("*"), *CSRC.glob("builds/*")]
SOURCES = sorted(path for path in FILES if path.suffix in {".c", ".h", ".inc"})

# OpenMP C and C++ 2.0 (March 2002), chapters 2 and 3.
DIRECTIVES = {
    "parallel for", "parallel sections", "parallel", "for", "sections", "section", "single",
    "master", "critical", "barrier", "atomic", "flush", "ordered", "threadprivate",
}  # fmt: skip
CLAUSES = {
    "private", "firstprivate", "lastprivate", "shared", "default", "reduction", "copyin",
    "copyprivate", "if", "num_threads", "schedule", "ordered", "nowait",
}  # fmt: skip
FUNCTIONS = {
    "omp_set_num_threads", "omp_get_num_threads", "omp_get_max_threads", "omp_get_thread_num",
    "omp_get_num_procs", "omp_in_parallel", "omp_set_dynamic", "omp_get_dynamic",
    "omp_set_nested", "omp_get_nested", "omp_get_wtime", "omp_get_wtick",
    "omp_init_lock", "omp_destroy_lock", "omp_set_lock", "omp_unset_lock", "omp_test_lock",
}  # fmt: skip


def clause_problems(name, argument):
    """Reasons why OpenMP 2.0 does not allow a clause."""
    if name not in CLAUSES:
        return [f"no clause {name}"]
    if name == "schedule" and argument.split(",")[0].strip() not in {
        "static", "dynamic", "guided", "runtime",
    }:  # fmt: skip
        return [f"no schedule {argument}"]
    if name == "reduction" and argument.split(":")[0].strip() in {"max", "min"}:
        return ["no reduction by max or min in C"]
    return []


def problems(pragma):
    """Reasons why OpenMP 2.0 does not allow a pragma, given without "omp"."""
    directive = next(
        (d for d in sorted(DIRECTIVES, key=len, reverse=True) if re.match(rf"{d}\b", pragma)), None
    )
    if directive is None:
        return [f"no directive {pragma!r}"]
    rest = pragma.removeprefix(directive).strip()
    if directive in {"critical", "flush", "threadprivate"}:
        rest = re.sub(r"^\([^()]*\)", "", rest)  # a name or a list, no clause
    clause = r"(\w+)\s*(?:\(((?:[^()]|\([^()]*\))*)\))?[\s,]*"
    if directive == "atomic" and rest:
        return [f"no atomic {rest}"]
    assert re.fullmatch(rf"(?:{clause})*", rest), pragma
    return [found for name, arg in re.findall(clause, rest) for found in clause_problems(name, arg)]


def text_of(path):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def pragmas(text):
    """The PCNET_PRAGMA(omp ...) of a file, and the code that follows each."""
    for match in re.finditer(r"\bPCNET_PRAGMA\(omp\s+", text):
        depth, at = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
        yield text[match.end() : at - 1], text[at : at + 200]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_openmp_2(path):
    text = text_of(path)
    found = [why for pragma, _ in pragmas(text) for why in problems(pragma)]
    found += [f"no {name}()" for name in set(re.findall(r"\bomp_\w+(?=\()", text)) - FUNCTIONS]
    # in one macro, so that a build without OpenMP has no pragmas
    assert not re.search(r"#\s*pragma\s+omp", text)
    assert found == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_loops_shared_among_threads_count_in_signed_integers(path):
    """OpenMP 2.0, 2.4.1: a signed integer, compared with <, <=, > or >= (unsigned came in 3.0)."""
    loop = (
        r"\s*for \((?:int|long|ptrdiff_t) (\w+) = [^;]+; \1 (?:<|<=|>|>=) [^;]+; \1(?:\+\+|--) ?\)"
    )
    for pragma, code in pragmas(text_of(path)):
        if re.match(r"(parallel )?for\b", pragma):
            assert re.match(loop, code), code


def test_c_files_are_found():
    assert sum(len(list(pragmas(text_of(path)))) for path in SOURCES) >= 4


@pytest.mark.parametrize(
    "pragma",
    ["simd", "task", "atomic capture", "parallel for collapse(2)", "for schedule(auto)",
     "parallel for reduction(max : x)", "taskloop", "parallel proc_bind(close)"],
)  # fmt: skip
def test_constructs_after_openmp_2_are_reported(pragma):
    assert problems(pragma)
