"""With default options, at any depth, every method learns or warns."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning

from pcnet import PCClassifier
from pcnet.inference import METHODS

from .support import digits, iris

DEPTHS = (2, 8, 16)
SLOW_METHODS = ("adam_activity", "augmented_lagrangian", "gradient_flow", "learned_precision")


def points():
    """Pairs (name, n_layers); by default one depth of each method, few layers of the slow ones."""
    for index, name in enumerate(sorted({*METHODS} - {"exact"})):  # "exact": linear networks only
        default = DEPTHS[0] if name in SLOW_METHODS else DEPTHS[index % 3]
        for n_layers in DEPTHS:
            marks = () if n_layers == default else pytest.mark.slow
            yield pytest.param(name, n_layers, marks=marks)


@pytest.mark.parametrize("name, n_layers", [*points()])
def test_every_method_learns_or_warns(name, n_layers):
    """On iris chance is 1/3, and two classes only 2/3; on digits chance is 1/10."""
    scores, warned = {}, False
    for data, max_iter in ((iris(), 20), (digits(300), 8)):
        X, y = data
        model = PCClassifier((32,) * (n_layers - 1), inference=name, batch_size=32, random_state=0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.set_params(max_iter=max_iter).fit(X[::2], y[::2])
        warned |= any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
        scores[len(model.classes_)] = model.score(X[1::2], y[1::2])
    assert scores[3] >= (0.6 if warned else 0.8)
    assert scores[10] >= (0.2 if warned else 0.45)
