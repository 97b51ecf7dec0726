"""PCGenerative with a recognizer: hybrid and bidirectional predictive coding."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import parametrize_with_checks

import pcnet
from pcnet import PCGenerative
from pcnet.generative import infer_bidirectional, infer_causes
from pcnet.inference import QuasiNewton

from .test_generative import TIGHT, small, table

BOTH = pytest.mark.parametrize("recognition", ["hybrid", "bidirectional"])


@parametrize_with_checks([small(recognition=name) for name in ("hybrid", "bidirectional")])
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)


def digits():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:1000]
    return X[order], y[order]


def answers(model, X):
    names = ("transform", "recognize", "reconstruct", "energy", "predict_log_proba")
    found = [getattr(model, name)(X) for name in names]
    return [*found, model.sample(7, random_state=1), model.sample(3, y="a", random_state=1)]


@BOTH
def test_same_bits_with_any_number_of_threads_and_after_pickling(recognition):
    X, y = table(150)
    found = []
    for n_threads in (1, 2, 3):
        with pcnet.set_num_threads(n_threads):
            model = small(hidden_layer_sizes=(40, 40), recognition=recognition).fit(X, y)
            found.append(answers(model, X))
    found.append(answers(pickle.loads(pickle.dumps(model)), X))
    found.append(answers(clone(model).fit(X, y), X))
    model.set_params(
        recognition=None, target_weight=1.0, hidden_layer_sizes=(3,), n_components=1, alpha=0.0,
    )  # fmt: skip
    found.append(answers(model, X))  # arguments count in the next fit
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            assert a.tobytes() == b.tobytes()
    assert not hasattr(model.fit(X, y), "recognizer_")
    assert not hasattr(model, "recognize")


@BOTH
def test_rows_do_not_depend_on_the_others(recognition):
    X, y = table()
    model = small(recognition=recognition).fit(X, y)
    X[::2] = np.where(np.isnan(X), 1.0, X)[::2]  # complete rows among the others
    for name in ("transform", "recognize", "reconstruct", "energy", "predict_proba"):
        method = getattr(model, name)
        np.testing.assert_array_equal(method(X[::-1]), method(X)[::-1])
        np.testing.assert_array_equal(method(X[:1]), method(X)[:1])


@BOTH
@pytest.mark.parametrize("value", [1e300, -np.finfo(float).max])
def test_far_values_and_empty_rows_give_finite_results(recognition, value):
    X, y = table()
    X[1] = np.nan
    model = small(recognition=recognition).fit(X, y)
    X[0] = [value, np.nan, 1, 1, 2, np.nan]
    assert all(np.isfinite(found).all() for found in answers(model, X))


@BOTH
def test_a_single_class_numbers_and_no_targets(recognition):
    X, _ = table()
    one = small(recognition=recognition).fit(X, np.ones(60, int))
    assert (one.predict_proba(X) == 1).all()
    assert (one.predict(X) == 1).all()
    assert np.isfinite(one.sample(2, y=1)).all()
    without = small(recognition=recognition).fit(X)
    np.testing.assert_array_equal(without.transform(X), one.transform(X))
    assert not hasattr(without, "predict")
    Z, _ = table(300, missing=0)
    numbers = Z[:, 1] * 0.5 + 0.25
    model = small(recognition=recognition, max_iter="auto").fit(Z, numbers)
    assert np.corrcoef(model.predict(Z), numbers)[0, 1] > 0.95
    large = model.sample(50, y=numbers.mean() + 2 * numbers.std(), random_state=0)
    assert large[:, 1].mean() > Z[:, 1].mean() + Z[:, 1].std()
    assert not hasattr(model, "predict_proba")


# ---------------------------------------------------------------- hybrid


def test_hybrid_changes_no_density_and_starts_inference_nearer_to_its_end():
    X = load_breast_cancer().data
    plain, hybrid = (
        PCGenerative(8, random_state=0, max_iter=30, alpha=2.0, recognition=name).fit(X[:380])
        for name in (None, "hybrid")
    )
    for a, b in zip(plain.network_.weights, hybrid.network_.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    new = X[380:]
    assert hybrid.energy(new).mean() < plain.energy(new).mean() * 1.001
    Z = ((new - hybrid.input_mean_) / hybrid.input_scale_).astype(np.float32)
    start = [hybrid.recognize(new.astype(np.float32)), np.zeros((len(new), 64), np.float32)]
    options = {"output_precision": hybrid.output_precision_.astype(np.float32)}
    passes = [
        infer_causes(hybrid.network_, Z, QuasiNewton(tol=1e-4), errors=e, **options).n_passes
        for e in (None, start)
    ]
    assert passes[1].mean() < 0.9 * passes[0].mean()
    inferred = hybrid.transform(new)
    assert np.median((hybrid.recognize(new) - inferred) ** 2) < 0.1 * inferred.var()
    part = np.where(np.random.default_rng(0).random(new.shape) < 0.5, np.nan, new)
    assert np.median((hybrid.recognize(part) - inferred) ** 2) < 0.5 * inferred.var()


# ---------------------------------------------------------------- bidirectional


def test_bidirectional_answers_are_the_state_of_least_energy():
    X, y = table()
    model = small(
        recognition="bidirectional", target_weight=5.0, dtype="float64", inference=TIGHT,
        max_iter=5,
    ).fit(X, y)  # fmt: skip
    assert model.network_.layer_sizes == (5, 8, 6)
    assert model.recognizer_.layer_sizes == (6, 8, 5)
    assert model.transform(X).shape == (60, 5)
    Z = (X - model.input_mean_) / model.input_scale_
    expected = infer_bidirectional(
        model.network_, model.recognizer_, None, Z, TIGHT, generator_precision=0.2
    )
    close = {"rtol": 1e-6, "atol": 1e-6}
    np.testing.assert_allclose(model.transform(X), expected.causes, **close)
    np.testing.assert_allclose(model.energy(X), expected.energy, **close)
    predicted = expected.outputs - expected.generator_errors[-1]
    found = (model.reconstruct(X) - model.input_mean_) / model.input_scale_
    np.testing.assert_allclose(found, predicted, **close)
    share = np.array([np.mean(y == k) for k in model.classes_])
    targets = (np.eye(3) - share) / np.sqrt(np.mean(share * (1 - share)))
    squares = np.square(expected.causes[:, None, :3] - targets).sum(axis=2)
    np.testing.assert_array_equal(model.predict(X), model.classes_[squares.argmin(axis=1)])
    # log probabilities are linear in the squared distances
    logs = model.predict_log_proba(X)
    slope = (logs[:, 1] - logs[:, 0]) / (squares[:, 0] - squares[:, 1])
    np.testing.assert_allclose(slope, slope[0], rtol=1e-6)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-12)


def test_bidirectional_predicts_better_than_the_density_and_generates():
    X, y = digits()
    plain, model = (
        PCGenerative(8, random_state=0, max_iter=15, alpha=2.0, recognition=name).fit(
            X[:600], y[:600]
        )
        for name in (None, "bidirectional")
    )
    new, labels = X[600:], y[600:]
    losses = [log_loss(labels, m.predict_proba(new)) for m in (plain, model)]
    assert losses[1] < min(0.3, losses[0])
    assert np.mean(model.predict(new) == labels) > 0.94
    recognized = model.recognize(new)[:, :10].argmax(axis=1)
    assert np.mean(recognized == model.predict(new)) > 0.99
    part = np.where(np.random.default_rng(0).random(new.shape) < 0.5, np.nan, new)
    assert np.mean(model.predict(part) == labels) > 0.75
    assert log_loss(labels, model.predict_proba(part)) < 0.7
    error, usual = (
        np.square((rows - new) / model.input_scale_)[np.isnan(part)].mean()
        for rows in (model.reconstruct(part), model.input_mean_)
    )
    assert error < 0.8 * usual
    drawn = [np.mean(plain.predict(model.sample(20, y=k, random_state=k)) == k) for k in range(10)]
    assert np.mean(drawn) > 0.75
    spread = model.sample(300, random_state=0).std(axis=0).mean() / new.std(axis=0).mean()
    assert 0.8 < spread < 1.2


def test_bidirectional_learns_from_rows_with_missing_entries_and_labels():
    X, y = digits()
    hidden = np.random.default_rng(1).random(X.shape) < 0.4
    model = PCGenerative(8, random_state=0, max_iter=30, recognition="bidirectional")
    known = np.where(np.arange(1000) % 4 == 0, np.nan, y)
    model.fit(np.where(hidden, np.nan, X)[:600], known[:600])
    assert np.mean(model.predict(X[600:]) == y[600:]) > 0.9  # 0.8 if missing entries were free


def test_methods_that_need_a_density_name_the_remedy():
    X, y = table()
    model = small(recognition="bidirectional").fit(X, y)
    for name in ("score_samples", "score", "sample_conditional", "class_energies"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError) as error:
            getattr(model, name)
        assert "recognition=None" in str(error.value.__cause__)
    with pytest.raises(AttributeError) as error:
        small().fit(X, y).recognize(X)
    assert "recognition='hybrid'" in str(error.value.__cause__)
    with pytest.raises(NotFittedError):
        small().recognize(X)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes must name a layer .* got \(\)"):
        small(hidden_layer_sizes=(), recognition="bidirectional").fit(X, y)
    with pytest.raises(ValueError, match="recognition"):
        small(recognition="both").fit(X, y)


@BOTH
def test_every_fitted_attribute_is_documented(recognition):
    model = small(recognition=recognition).fit(*table())
    for name in (n for n in vars(model) if n.endswith("_")):
        pattern = rf"^    [\w, ]*\b{name}\b[\w, ]* : "
        assert re.search(pattern, PCGenerative.__doc__, re.MULTILINE), name
