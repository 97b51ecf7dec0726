"""Oracle: scikit-learn's scalers before the estimator."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.preprocessing import MaxAbsScaler, StandardScaler

from pcnet import Network, PCClassifier, PCRegressor
from pcnet._data.rows import ConvertedRows, DenseRows, SparseRows
from pcnet._data.scaling import fit_scaling
from pcnet.exceptions import FeatureScaleWarning

from .support import ESTIMATORS, data_for, small

SCALERS = {"standard": StandardScaler, "max": MaxAbsScaler}


def far_from_unit_scale(Estimator, n_samples=120):
    X, y = data_for(Estimator, n_samples)
    X = 300 + 40 * X
    X[:, 2] = 7.5  # constant
    return X, y


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("kind", SCALERS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_input_scaling_equals_a_scaler_in_a_pipeline(Estimator, kind, shuffle):
    X, y = far_from_unit_scale(Estimator)
    original = X.copy()
    scaler = SCALERS[kind]().fit(X)
    inside = small(Estimator, input_scaling=kind, shuffle=shuffle).fit(X, y)
    before = small(Estimator, shuffle=shuffle).fit(scaler.transform(X), y)
    np.testing.assert_array_equal(X, original)
    for one, other in zip(inside.coefs_, before.coefs_):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(inside.predict(X), before.predict(scaler.transform(X)), rtol=1e-9)
    np.testing.assert_allclose(inside.input_scale_, scaler.scale_, rtol=1e-12)
    if kind == "standard":
        np.testing.assert_allclose(inside.input_mean_, scaler.mean_, rtol=1e-12)
    else:
        assert inside.input_mean_ is None


@pytest.mark.parametrize("kind", SCALERS)
def test_rows_equal_the_scaler(kind):
    X, _ = far_from_unit_scale(PCRegressor, 3000)
    rng = np.random.default_rng(0)
    sparse = scipy.sparse.csr_array(rng.random((3000, 6)) * (rng.random((3000, 6)) < 0.3))
    weight = np.arange(3000) % 3.0
    weights = {"sample_weight": weight} if kind == "standard" else {}
    for rows, data in (
        (DenseRows(X), X),
        (ConvertedRows(np.asfortranarray(X), "float64"), X),
        (SparseRows(scipy.sparse.csc_array(sparse)), sparse.tocsr()),
    ):
        options = {"with_mean": False} if isinstance(rows, SparseRows) and weights else {}
        counted = data if weights else data[weight > 0]
        scaler = SCALERS[kind](**options).fit(counted, **weights)
        mean, scale = fit_scaling(rows, weight, kind)
        np.testing.assert_allclose(scale, scaler.scale_, rtol=1e-12)
        assert (mean is None) == (kind == "max" or isinstance(rows, SparseRows))


@pytest.mark.parametrize("kind", SCALERS)
@pytest.mark.parametrize("form", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_data(kind, form):
    rng = np.random.default_rng(0)
    X = 80 * (rng.random((90, 7)) < 0.4) * rng.standard_normal((90, 7))
    scaler = StandardScaler(with_mean=False) if kind == "standard" else MaxAbsScaler()
    inside = small(PCRegressor, input_scaling=kind).fit(form(X), X[:, 0])
    before = small(PCRegressor).fit(scaler.fit_transform(X), X[:, 0])
    for one, other in zip(inside.coefs_, before.coefs_):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        inside.predict(form(X)), before.predict(scaler.transform(X)), rtol=1e-9, atol=1e-9
    )


def test_statistics_use_sample_weights():
    X, y = far_from_unit_scale(PCRegressor)
    weight = np.arange(len(X)) % 3
    weighted = small(PCRegressor, input_scaling="standard").fit(X, y, sample_weight=weight)
    scaler = StandardScaler().fit(X, sample_weight=weight)
    np.testing.assert_allclose(weighted.input_mean_, scaler.mean_, rtol=1e-12)
    np.testing.assert_allclose(weighted.input_scale_, scaler.scale_, rtol=1e-12)
    X[weight == 0] *= 20
    again = small(PCRegressor, input_scaling="max").fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(again.input_scale_, np.abs(X[weight > 0]).max(axis=0))


def test_input_scaling_is_measured_in_the_first_call_only():
    X, y = far_from_unit_scale(PCClassifier)
    model = small(PCClassifier, input_scaling="standard", warm_start=True).fit(X, y)
    mean = model.input_mean_.copy()
    model.partial_fit(2 * X, y).fit(3 * X, y)
    np.testing.assert_array_equal(model.input_mean_, mean)
    with pytest.raises(ValueError, match="input_scaling was 'standard' when"):
        model.set_params(input_scaling="max").fit(X, y)
    fresh = model.set_params(warm_start=False, input_scaling=None).fit(X / 300, y)
    assert fresh.input_mean_ is None
    assert fresh.input_scale_ is None


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_validation_sets_are_scaled_as_the_training_set(Estimator):
    X, y = far_from_unit_scale(Estimator)
    scaler = StandardScaler().fit(X[:80])
    Z = scaler.transform(X)
    inside = small(Estimator, input_scaling="standard")
    inside.fit(X[:80], y[:80], validation_data=(X[80:], y[80:]))
    before = small(Estimator).fit(Z[:80], y[:80], validation_data=(Z[80:], y[80:]))
    np.testing.assert_allclose(
        inside.validation_loss_curve_, before.validation_loss_curve_, rtol=1e-9
    )
    inside.set_params(early_stopping=True, verbose=True).fit(X, y)
    before.set_params(early_stopping=True, verbose=True).fit(StandardScaler().fit_transform(X), y)
    for name in ("validation_score", "train_score"):
        np.testing.assert_allclose(inside.history_[name], before.history_[name], rtol=1e-9)


def test_no_warning_about_what_is_scaled(recwarn):
    X, y = far_from_unit_scale(PCRegressor)
    small(PCRegressor, input_scaling="standard").fit(X, y)
    assert not [w for w in recwarn.list if w.category is FeatureScaleWarning]
    with pytest.warns(FeatureScaleWarning):
        small(PCRegressor, learning_rate_init=1e-6).fit(X, y)


@pytest.mark.parametrize("value", ["minmax", True, StandardScaler()])
def test_bad_input_scaling(value):
    X, y = data_for(PCClassifier)
    with pytest.raises(ValueError, match="'input_scaling' parameter"):
        small(PCClassifier, input_scaling=value).fit(X, y)
    net = Network.init((6, 4, 3))
    with pytest.raises(ValueError, match="input_scaling='max' needs data to measure"):
        PCClassifier.from_network(net, input_scaling="max")


@pytest.mark.parametrize("kind", SCALERS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_input_scaling_refuses_values_that_are_not_finite(form, bad, kind):
    """Also if ReLU would give 0, and in features that were constant."""
    X, y = data_for(PCRegressor)
    X[:, 2] = 0.0
    model = small(PCRegressor, input_scaling=kind, hidden_layer_sizes=(1,)).fit(X, y)
    for column in (0, 2):
        broken = X.copy()
        broken[7, column] = bad
        with pytest.raises(ValueError, match=r"^Input X contains (NaN|infinity)"):
            model.predict(form(broken))
