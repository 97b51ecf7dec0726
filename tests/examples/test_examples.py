"""The examples' claims, on less data and shorter training; oracle: which labels were changed."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

import pcnet.display

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """example(name): the script as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


def test_mislabelled_digits(example, tmp_path):
    script = example("mislabelled_digits")
    X, y = script.digits()
    X, y = X[:900], y[:900]
    labels, wrong = script.mislabel(y, script.SHARE_WRONG, seed=0)
    assert 0.35 < wrong.mean() < 0.45
    np.testing.assert_array_equal(labels != y, wrong)
    suspicion = script.rate(X, labels, n_splits=3, max_iter=10)
    precision = {name: average_precision_score(wrong, v) for name, v in suspicion.items()}
    ours = precision["energy (pcnet)"]
    assert ours > 0.9  # chance is 0.4
    assert ours > precision["1 - p(label) (pcnet)"] - 0.01
    assert ours > precision["1 - p(label) (MLPClassifier)"] - 0.05
    script.draw(X, labels, y, suspicion, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_novelty(example, tmp_path):
    script = example("novelty")
    X, y = script.digits()
    train, test, novel = script.split(y, (8, 9), n_train=500)
    assert not set(y[train]) & {8, 9}
    assert not set(train) & set(test)
    np.testing.assert_array_equal(novel, y[test] >= 8)
    ratings = script.rate(X, y, train, test, depth=4, max_iter=12)
    areas = {name: roc_auc_score(novel, values) for name, values in ratings.items()}
    ours = areas["score_samples (pcnet)"]
    assert ours > 0.85
    assert ours > areas["isolation forest"] + 0.1
    assert ours > areas["largest probability (pcnet)"] - 0.03
    assert areas[script.LETTER] < 0.3
    columns = {name: [area] * len(script.LEFT_OUT) for name, area in areas.items()}
    script.draw((novel, ratings), columns, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_example_is_listed_tested_and_drawn(script):
    assert f"`{script.name}`" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"def test_{script.stem}(" in Path(__file__).read_text(encoding="utf-8")
    image = EXAMPLES.parent / "docs" / "images" / f"{script.stem}.png"
    assert image.stat().st_size < 150_000


def test_pictures(example, tmp_path):
    script = example("pictures")
    X, y = script.digits()
    model = script.PCClassifier((16,) * 5, max_iter=3, early_stopping=True, random_state=0)
    shown = script.displays(model.fit(X[:300], y[:300]), X[300:400], y[300:400])
    assert {type(display).__name__ for display in shown.values()} == set(pcnet.display.__all__)
    script.draw(shown, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_conditioning(example, tmp_path):
    """muPC: depth squared, hardly width, worse in training; sp: fine, but nothing passes."""
    script = example("conditioning")
    X, y = script.digits()
    tables = script.at_the_start(X, y, (16, 64), (4, 8, 16))
    at = {
        name: {(row["depth"], row["width"]): row for row in table} for name, table in tables.items()
    }
    mupc = {shape: row["condition"] for shape, row in at["muPC"].items()}
    for width in (16, 64):
        slope = np.log(mupc[16, width] / mupc[4, width]) / np.log(16 / 4)
        assert 1.6 < slope < 2.2  # the power of the depth
        assert at["sp"][16, width]["condition"] < 60
        assert at["sp"][16, width]["growth"] < 1e-3
        assert 0.8 < at["muPC"][16, width]["growth"] < 1.5
        assert at["sp with skips"][16, width]["condition"] > 2 * mupc[16, width]
        assert at["sp with skips"][16, width]["growth"] > 1.5
    assert mupc[16, 64] / mupc[16, 16] < 2  # four times the width
    epochs = (1, 6)
    trained = script.in_training(X[:1000], y[:1000], 4, epochs, width=32)
    assert trained[1] > 1.5 * trained[0]
    script.draw(tables, epochs, {("muPC", 4): trained}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_equilibrated_energy(example, tmp_path):
    """Theory is numerics, at three depths; activity descent at its best rate is far from both."""
    script = example("equilibrated_energy")
    X, y = script.digits()
    records, gaps = {}, {}
    for depth in script.DEPTHS:
        net, record = script.train(X[:500], y[:500], depth, width=32, max_iter=3)
        np.testing.assert_allclose(record.reached, record.predicted, rtol=1e-9)
        assert len(record.reached) >= 5
        assert record.predicted[-1] < 0.7 * record.predicted[0]  # it learns
        assert np.all(np.array(record.predicted) < record.loss)
        records[depth], gaps[depth] = record, script.traces(net, record.X, record.Y)
        assert abs(gaps[depth]["error descent"][-1]) < 1e-6
    for deep in script.DEPTHS[1:]:
        assert gaps[deep]["activity descent"][-1] > 1e-3
    script.draw(records, gaps, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_energy_to_loss(example, tmp_path):
    """muPC: energy / loss and the cosine go to 1 with width / depth; sp: they do not."""
    script = example("energy_to_loss")
    X, Y = script.data(32)
    tables = script.sweeps(X, Y, (8, 32, 128), (1, 7), n_seeds=1)
    for depth in (1, 7):
        for field in ("energy_to_loss_ratio", "gradient_cosine"):
            _, mupc = script.averages(tables["muPC"], field, depth=depth)
            assert np.all(np.diff(mupc) > 0)
            assert mupc[-1] > 0.9
            _, tanh = script.averages(tables["muPC, tanh"], field, depth=depth)
            assert tanh[-1] > 0.95
        _, sp = script.averages(tables["sp"], "energy_to_loss_ratio", depth=depth)
        assert np.all(sp < 0.9)
    _, sp = script.averages(tables["sp"], "gradient_cosine", depth=7)
    _, mupc = script.averages(tables["muPC"], "gradient_cosine", depth=7)
    assert mupc[-1] > 0.99 > 0.9 > sp[-1]
    table = tables["muPC"][tables["muPC"]["width"] == 128]
    gap = 1 - table["energy_to_loss_ratio"]
    np.testing.assert_allclose(gap / (table["depth"] / 128), 1.0, rtol=0.5)
    script.draw(tables, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
