"""Oracle: digests differ exactly if values differ, for any container of the data."""

import numpy as np
import pytest
import scipy.sparse

from pcnet import Chunks, PCClassifier, PCRegressor
from pcnet._data.fingerprint import fingerprint
from pcnet._data.rows import check_rows_and_targets

from ..estimators.support import data_for, small

N, D = 60, 3
VALUES = np.random.default_rng(0).integers(0, 200, (N, D))


def memory_map(X, folder):
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


FORMS = {
    "float64": lambda X, folder: X.astype(float),
    "float32": lambda X, folder: X.astype(np.float32),
    "float16": lambda X, folder: X.astype(np.float16),
    "uint8": lambda X, folder: X.astype(np.uint8),
    "int64": lambda X, folder: X,
    "Fortran": lambda X, folder: np.asfortranarray(X.astype(float)),
    "strided": lambda X, folder: np.repeat(X.astype(float), 2, axis=1)[:, ::2],
    "byte order": lambda X, folder: X.astype(">i4"),
    "memory map": memory_map,
    "chunks": lambda X, folder: Chunks([X[:7], X[7:40].astype(np.uint8), X[40:]]),
    "csr": lambda X, folder: scipy.sparse.csr_array(X.astype(float)),
    "csc": lambda X, folder: scipy.sparse.csc_matrix(X.astype(float)),
}


def digest(X):
    rows, y = check_rows_and_targets(
        PCClassifier(), X, np.arange(X.shape[0]) % 2, dtype=[np.float64, np.float32], reset=True
    )
    return fingerprint(rows, y)


@pytest.mark.parametrize("form", FORMS)
def test_fingerprint_depends_on_every_value(form, tmp_path):
    make = FORMS[form]
    original = digest(make(VALUES, tmp_path))
    assert digest(make(VALUES, tmp_path)) == original
    seen = {original}
    for i in range(N):
        for j in range(D):
            changed = VALUES.copy()
            changed[i, j] += 1
            seen.add(digest(make(changed, tmp_path)))
    seen.add(digest(make(VALUES[::-1], tmp_path)))  # the order of the rows
    seen.add(digest(make(VALUES[:, ::-1], tmp_path)))
    seen.add(digest(make(VALUES[:-1], tmp_path)))
    assert len(seen) == 1 + N * D + 3


def test_fingerprint_does_not_depend_on_the_container(tmp_path):
    X = VALUES.astype(float)
    forms = [
        X,
        np.asfortranarray(X),
        X.astype(">f8"),
        memory_map(X, tmp_path),
        np.repeat(X, 2, axis=0)[::2],
        Chunks([X[:1], X[1:30], X[30:]]),
    ]
    assert len({digest(form) for form in forms}) == 1
    sparse = [scipy.sparse.csr_array(X), scipy.sparse.csc_array(X), scipy.sparse.csr_matrix(X)]
    assert len({digest(form) for form in sparse}) == 1


def test_large_data_are_read_to_the_last_value():
    X = np.zeros((3000, 500))
    wide = np.zeros((2, 10**6))
    for array in (X, wide, wide.T, X[:, 0]):
        whole = fingerprint(array)
        for index in (0, array.size // 2 + 1, array.size - 1):
            other = array.copy()
            other.flat[index] = 1e-300
            assert fingerprint(other) != whole


def test_fingerprint_does_not_depend_on_the_blocks_that_are_read():
    X = np.arange(1.2e6).reshape(3000, 400)  # 9.6 MB in three blocks
    chunks = [Chunks(np.array_split(X, n)) for n in (2, 7, 1500)]
    assert {digest(form) for form in chunks} == {digest(X)}


@pytest.mark.parametrize("labels", [["a", "b"], ["no", "a longer label"], [0, 1], [True, False]])
def test_fingerprint_of_labels(labels):
    y = np.array([labels[0], labels[1]] * 30)
    other = y.copy()
    other[17] = labels[0]
    assert fingerprint(y) != fingerprint(other)
    assert fingerprint(y) == fingerprint(y.copy())
    if y.dtype.kind == "U":
        assert fingerprint(y) == fingerprint(y.astype(object)) == fingerprint(y.astype("U40"))


def test_fingerprint_depends_on_the_place_of_an_array():
    a, b = np.zeros(3), np.ones(3)
    arrays = [(a, b), (b, a), (a, None), (None, a), (a,), (np.concatenate([a, b]),), (None, None)]
    assert len({fingerprint(*some) for some in arrays}) == len(arrays)


@pytest.mark.parametrize("what", ["X", "y", "weight", "X_val", "y_val", "weight_val"])
def test_resume_refuses_data_that_differ_in_one_value(what, tmp_path):
    X, y = data_for(PCRegressor, n_samples=2000)
    weight = np.linspace(1, 2, len(X))
    data = {"X": X[:1800], "y": y[:1800], "sample_weight": weight[:1800]}
    data |= {"X_val": X[1800:], "y_val": y[1800:], "sample_weight_val": weight[1800:]}
    model = small(PCRegressor, max_iter=1, checkpoint=tmp_path / "c").fit(**data)
    name = what.replace("weight", "sample_weight")
    for place in (3, len(data[name]) - 2):
        other = data[name].copy()
        other.flat[place] += 1e-9
        with pytest.raises(ValueError, match="are not those that the run was started on"):
            small(PCRegressor, max_iter=1, checkpoint=tmp_path / "c").resume(
                **{**data, name: other}
            )
    model.resume(**data)
