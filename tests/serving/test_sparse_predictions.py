"""Predictions of sparse rows. Oracle: the same rows as a dense array, to the bit."""

import numpy as np
import pytest
import scipy.sparse

from pcnet import PCClassifier, PCRegressor, set_num_threads

from ..helpers import peak_of

N_ROWS, N_FEATURES = 70, 400
SHORT = {"max_iter": 2, "alpha": 0.1, "random_state": 0}


def sparse_rows(density=0.01, dtype=np.float64):
    made = scipy.sparse.random(
        N_ROWS, N_FEATURES, density, format="csr", rng=np.random.default_rng(1)
    )
    return scipy.sparse.csr_array(made).astype(dtype)


def fitted(cls=PCClassifier, hidden=(9, 7), **arguments):
    X = sparse_rows(0.05)
    y = np.asarray(X.sum(axis=1)).ravel()
    target = (y > np.median(y)).astype(int) if cls is PCClassifier else y
    return cls(hidden, **{**SHORT, **arguments}).fit(X, target)


@pytest.fixture
def never_dense(monkeypatch):
    """A call during which no sparse row may become dense."""

    def refuse(X, **_):
        raise AssertionError(f"{X.shape} became dense")

    def call(function, *args):
        with monkeypatch.context() as patched:
            for kind in (scipy.sparse.csr_array, scipy.sparse.csr_matrix):
                patched.setattr(kind, "toarray", refuse)
            return function(*args)

    return call


@pytest.mark.parametrize("hidden", [(), (9,), (9, 7), (130, 130, 130)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cls", [PCClassifier, PCRegressor])
def test_outputs_have_the_bits_of_dense_rows(cls, dtype, hidden, never_dense):
    model = fitted(cls, hidden, dtype=dtype)
    for rows in (1, 15, 16, 17, N_ROWS):
        X = sparse_rows(dtype=dtype)[:rows]
        outputs = never_dense(model._outputs, X)
        np.testing.assert_array_equal(outputs, model._outputs(X.toarray()))


def with_empty_rows(X):
    return scipy.sparse.csr_array(scipy.sparse.vstack([X[:0].__class__((20, N_FEATURES)), X]))


def with_explicit_zeros(X):
    X = X.copy()
    X.data[::3] = 0.0
    X.data[1::3] = -0.0
    return X


def with_duplicates(X):
    coo = X.tocoo()
    rows, columns = (np.concatenate([index, index]) for index in (coo.row, coo.col))
    order = np.argsort(rows, kind="stable")
    data = np.concatenate([coo.data, 0.3 * coo.data])[order]
    start = np.searchsorted(rows[order], np.arange(N_ROWS + 1))
    return scipy.sparse.csr_array((data, columns[order], start), shape=X.shape)


def unsorted(X):
    X = X.copy()
    for start, stop in zip(X.indptr, X.indptr[1:]):
        X.indices[start:stop] = X.indices[start:stop][::-1].copy()
        X.data[start:stop] = X.data[start:stop][::-1].copy()
    X.has_sorted_indices = False
    return X


def with_long_indices(X):
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def with_wrong_flag(X):
    X = unsorted(X)
    X.has_sorted_indices = X.has_canonical_format = True
    return X


FORMS = [
    with_empty_rows,
    with_explicit_zeros,
    with_duplicates,
    unsorted,
    scipy.sparse.csc_array,
    scipy.sparse.coo_matrix,
    scipy.sparse.csr_matrix,
    lambda X: (X * 100).astype(np.int32),
    lambda X: scipy.sparse.csr_array(X.shape),
    lambda X: sparse_rows(0.6),
    with_long_indices,
    with_wrong_flag,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_forms_of_sparse_rows_have_the_bits_of_dense_ones(form):
    model = fitted(dtype="float64")
    X = form(sparse_rows())
    np.testing.assert_array_equal(model._outputs(X), model._outputs(X.toarray()))


def test_weights_that_were_replaced_are_used(never_dense):
    model, X = fitted(), sparse_rows()
    before = never_dense(model._outputs, X)
    model.network_.weights[0] = 2 * model.network_.weights[0]
    after = never_dense(model._outputs, X)
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, model._outputs(X.toarray()))


def test_replaced_arrays_may_have_any_layout():
    model, X = fitted(), sparse_rows()
    network = model.network_
    network.weights = [np.asfortranarray(W) for W in network.weights]
    network.biases = [np.repeat(b, 2)[::2] for b in network.biases]
    np.testing.assert_array_equal(model._outputs(X), model._outputs(X.toarray()))


def test_threads_change_no_bit():
    model, X = fitted(hidden=(130, 130)), sparse_rows()
    found = []
    for n_threads in (1, 2, 3):
        with set_num_threads(n_threads):
            found.append(model._outputs(X))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_refused(value):
    model, X = fitted(), sparse_rows()
    X.data[3] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        model.predict(X)


def test_another_number_of_columns_is_refused():
    with pytest.raises(ValueError, match="features"):
        fitted().predict(sparse_rows()[:, :50])


def test_products_that_overflow_are_reported():
    model, X = fitted(dtype="float32"), sparse_rows(dtype=np.float32)
    X.data[:] = 3e38
    with pytest.raises(FloatingPointError):
        model.predict(X)


@pytest.mark.parametrize("scaling", [None, "max"])
@pytest.mark.parametrize("call", ["predict", "transform", "class_energies", "energy", "infer"])
def test_calls_on_sparse_rows_have_the_bits_of_dense_ones(call, scaling, never_dense):
    model, X = fitted(input_scaling=scaling, dtype="float32"), sparse_rows(dtype=np.float32)
    y = () if call in ("predict", "transform", "class_energies") else (model.predict(X),)
    compute = getattr(model, call)
    found, expected = never_dense(compute, X, *y), compute(X.toarray(), *y)
    if call == "infer":
        found, expected = (np.hstack(r.activities + r.errors) for r in (found, expected))
    np.testing.assert_array_equal(found, expected)


def test_duplicates_are_summed_in_the_order_stored():
    model, values = fitted(dtype="float32"), np.float32([1e8, 1.0, -1e8, 1.0])
    X = scipy.sparse.csr_array((values, [7, 3, 7, 7], [0, 4]), shape=(1, N_FEATURES))
    np.testing.assert_array_equal(model._outputs(X), model._outputs(X.toarray()))


@pytest.mark.parametrize(
    ("array", "place", "value"),
    [("indices", 5, -1), ("indices", 5, N_FEATURES), ("indptr", 3, 10**6), ("indptr", 3, -1)],
)
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_damaged_index_arrays_are_refused(array, place, value, index):
    model, X = fitted(), sparse_rows()
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    getattr(X, array)[place] = value
    with pytest.raises(ValueError, match="index arrays of the sparse X are damaged"):
        model.predict(X)


def test_indices_beyond_32_bits_are_refused():
    model, X = fitted(), sparse_rows()
    X.indices = X.indices.astype(np.int64)
    X.indices[5] += 2**32
    with pytest.raises(ValueError, match="damaged"):
        model.predict(X)


@pytest.mark.parametrize(
    "call", ["predict_proba", "decision_function", "transform", "energy", "infer", "score"]
)
def test_memory_is_a_small_part_of_dense_rows(call):
    # SciPy draws the places by a permutation of all 40 million unless it gets a Generator
    rng = np.random.default_rng(0)
    X = scipy.sparse.random(2000, 20_000, 1e-3, "csr", np.float32, random_state=rng)
    y = np.arange(2000) % 3
    model = PCClassifier((5,), dtype="float32", **SHORT).fit(X[:64], y[:64])
    arguments = (X, y) if call in ("energy", "infer", "score") else (X,)
    getattr(model, call)(X[:2], *(a[:2] for a in arguments[1:]))  # packs the weights
    peak = peak_of(lambda: getattr(model, call)(*arguments))
    assert peak < 4e6  # a dense copy has 160 MB
