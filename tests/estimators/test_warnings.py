"""Every warning points at the caller's line, and repeated calls do not repeat it."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pcnet import Network, PCClassifier, PCRegressor, infer
from pcnet.exceptions import FeatureScaleWarning
from pcnet.inference import ActivityDescent, ErrorDescent, ErrorOptimization
from pcnet.solvers import LBFGS

from .support import data_for, small

X, y = data_for(PCClassifier, 60)
SHORT = ErrorDescent(max_steps=0)  # cuts off every sample


def fitted(**arguments):
    return small(PCClassifier, max_iter=2, **arguments).fit(X, y)


def training(**arguments):
    return lambda: small(PCClassifier, **{"max_iter": 2, **arguments}).fit(X, y)


#: What makes a warning -> (its category, the call).
CALLS = {
    "fit, unscaled": (FeatureScaleWarning, lambda: small(PCClassifier, max_iter=1).fit(1e3 * X, y)),
    "fit, batch size": (UserWarning, training(batch_size=1000)),
    "fit, max_iter": (ConvergenceWarning, training(learning_rate="constant")),
    "fit, lbfgs": (ConvergenceWarning, training(solver=LBFGS(max_fun=1))),
    "fit, cut off": (ConvergenceWarning, training(inference=SHORT)),
    "fit, risen": (
        ConvergenceWarning,
        training(inference=ErrorOptimization(rate=30.0), output_precision=1.0, max_iter=1),
    ),
    "fit, too few steps": (ConvergenceWarning, training(inference=ActivityDescent(n_steps=1))),
    "fit_transform": (
        ConvergenceWarning,
        lambda: small(PCClassifier, max_iter=2, inference=SHORT).fit_transform(X, y),
    ),
    "pipeline": (
        ConvergenceWarning,
        lambda: make_pipeline(
            FunctionTransformer(), small(PCClassifier, max_iter=2, inference=SHORT)
        ).fit(X, y),
    ),
    "partial_fit": (
        ConvergenceWarning,
        lambda: small(PCClassifier, inference=SHORT).partial_fit(X, y, classes=[0, 1, 2]),
    ),
    "regressor": (
        ConvergenceWarning,
        lambda: small(PCRegressor, inference=SHORT).partial_fit(X, y),
    ),
    "energy": (ConvergenceWarning, lambda: fitted().energy(X, y, inference=SHORT)),
    "class_energies": (ConvergenceWarning, lambda: fitted().class_energies(X, inference=SHORT)),
    "score_samples": (ConvergenceWarning, lambda: fitted().score_samples(X, inference=SHORT)),
    "infer": (
        ConvergenceWarning,
        lambda: infer(
            Network.init((6, 8, 8, 1), "identity", random_state=0),
            X, y[:, np.newaxis], ErrorOptimization(rate=30.0, n_steps=2),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CALLS)
def test_a_warning_points_at_the_call(what):
    category, call = CALLS[what]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [type(w.message) for w in caught] == [category]
    assert caught[0].filename == __file__


def test_unwritable_checkpoint_warns_at_the_call(tmp_path):
    path = tmp_path / "sub" / "run.ckpt"
    path.parent.mkdir()

    def remove(run):
        path.unlink(missing_ok=True)
        if path.parent.exists():
            path.parent.rmdir()

    model = small(PCClassifier, max_iter=3, checkpoint=path, callbacks=remove)
    with pytest.warns(UserWarning, match="could not be written") as caught:
        model.fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize("Estimator", [PCClassifier, PCRegressor])
@pytest.mark.parametrize(
    "arguments",
    [
        {"inference": SHORT},
        {"inference": ErrorOptimization(rate=5.0), "output_precision": 1.0},
        {"inference": ActivityDescent(n_steps=1)},
    ],
    ids=["cut off", "risen", "too few steps"],
)
def test_many_calls_of_partial_fit_warn_once(Estimator, arguments):
    classes = {"classes": [0, 1, 2]} if Estimator is PCClassifier else {}
    model = small(Estimator, learning_rate_init=1e-4, **arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(50):
            model.partial_fit(X, y, **classes)
    assert len(caught) == 1
    # other options and a new fit may warn again
    model.set_params(inference=ErrorDescent(max_steps=0), output_precision=0.5)
    for train in (model.partial_fit, model.fit):
        with pytest.warns(ConvergenceWarning):
            train(X, y)


def test_under_the_default_filter_a_loop_shows_one_warning():
    code = """
import numpy as np
from pcnet import PCRegressor
from pcnet.inference import ErrorDescent
rng = np.random.default_rng(0)
model = PCRegressor((8,), inference=ErrorDescent(max_steps=0), random_state=0)
for _ in range(50):
    X = rng.standard_normal((20, 3))
    model.partial_fit(X, X[:, 0])
"""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        exec(code, {"__name__": "__main__"})
    (warning,) = caught
    assert warning.category is ConvergenceWarning
    assert warning.filename == "<string>"


def test_unpickled_estimator_does_not_warn_again(tmp_path):
    """A loaded estimator continues like the saved one."""
    import pickle

    model = small(PCRegressor, inference=SHORT)
    with pytest.warns(ConvergenceWarning):
        model.partial_fit(X, y)
    pickle.loads(pickle.dumps(model)).partial_fit(X, y)  # a warning would be an error
