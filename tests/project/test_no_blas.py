"""Fits and predictions do not call BLAS; `pcnet/_core/sums.py` gives the reason."""

import ast
from pathlib import Path

import numpy as np
import pytest

from pcnet._core.sums import dot, solve_positive

from ..helpers import all_points

PACKAGE = Path(__file__).resolve().parents[2] / "pcnet"

# Analyses that no fit calls, the comparison with MLPClassifier, and the model in plain NumPy.
FREE = {"theory", "_demo"}
# RecurrentMemory has no network: its weights and recalls are solutions of linear systems.
FREE_FILES = {"reference.py", "_memory.py"}
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0] not in FREE and path.name not in FREE_FILES
)
PRODUCTS = {"dot", "vdot", "inner", "matmul", "tensordot"}
LIBRARIES = ("numpy.linalg", "scipy.linalg", "scipy.optimize", "scipy.sparse.linalg")


def blas_calls(source):
    """Expressions and imports by which NumPy or SciPy call BLAS."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.BinOp(op=ast.MatMult()) | ast.AugAssign(op=ast.MatMult()):
                found.append(node)
            case ast.Attribute(attr=name) if name in PRODUCTS:
                found.append(node)
            case ast.Attribute(value=ast.Attribute(attr="linalg"), attr=name):
                if name != "LinAlgError":
                    found.append(node)
            case ast.Call(func=ast.Attribute(attr="einsum"), keywords=options):
                if any(option.arg == "optimize" for option in options):
                    found.append(node)
            case ast.Import(names=names) if any(n.name in LIBRARIES for n in names):
                found.append(node)
            case ast.ImportFrom(module=module) if module in LIBRARIES:
                found.append(node)
    return [ast.unparse(node) for node in found]


@all_points("path", MODULES)
def test_no_module_calls_blas(path):
    assert blas_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "a @ b",
        "a @= b",
        "np.dot(a, b)",
        "a.dot(b)",
        "np.linalg.solve(a, b)",
        "np.linalg.norm(a)",
        "np.einsum('ij,jk->ik', a, b, optimize=True)",
        "import scipy.optimize",
        "from scipy.linalg import cholesky",
    ],
)
def test_blas_calls_are_found(line):
    (found,) = blas_calls(line)
    assert found in line


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 1000, 100_001])
def test_inner_product(n, dtype):
    a, b = np.random.default_rng(n).standard_normal((2, n)).astype(dtype)
    expected = float(np.sum(a.astype(np.longdouble) * b.astype(np.longdouble)))
    size = np.abs(a.astype(float) * b.astype(float)).sum()
    assert abs(dot(a, b) - expected) <= 1e-12 * size


@pytest.mark.parametrize("n", [1, 3, 50])
@pytest.mark.parametrize("k", [1, 2, 9, 60])
def test_solution_of_a_positive_system(k, n):
    rng = np.random.default_rng(k)
    A = rng.standard_normal((k, k + 3))
    S, X = A @ A.T + 0.1 * np.eye(k), rng.standard_normal((k, n))
    given = S.copy()
    np.testing.assert_allclose(solve_positive(S, S @ X), X, rtol=1e-8, atol=1e-9)
    np.testing.assert_array_equal(S, given)


def test_a_system_that_is_not_positive_is_refused():
    for S in ([[0.0]], [[1.0, 2.0], [2.0, 1.0]], [[np.nan]]):
        with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
            solve_positive(np.array(S), np.ones((len(S), 1)))
