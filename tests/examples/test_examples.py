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


@pytest.mark.slow
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


def test_memory(example, tmp_path):
    """From three quarters of the pixels the network recalls more than the linear memory."""
    script = example("memory")
    patterns = script.digits()[0][:50]
    stored = script.memories(patterns, max_iter=800)
    partial = script.cover(patterns, 0.75)
    assert 16 == np.isnan(partial).sum(axis=1).min() == np.isnan(partial).sum(axis=1).max()
    shares = {n: script.share_recalled(m, patterns, partial) for n, m in stored.items()}
    assert shares["AssociativeMemory"] > shares["RecurrentMemory"] + 0.1
    curves = dict.fromkeys(stored, [0.5] * len(script.SHARES))
    script.draw(patterns, stored, curves, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_novel_rows(example, tmp_path):
    """Energies notice novel rows better than a density of rows with means filled in."""
    script = example("novel_rows")
    pairs = script.problems(left_out=(0,))
    for title, least in zip(pairs, (0.9, 0.65), strict=True):
        truth, ratings = script.rate(*pairs[title][0], 0.5)
        found = {name: roc_auc_score(truth, values) for name, values in ratings.items()}
        ours = found["energy (PCGenerative)"]
        assert ours > least
        assert ours > found["Gaussian mixture, means filled in"] - 0.01
    values = {name: [area] * len(script.SHARES) for name, area in found.items()}
    script.draw(dict.fromkeys(pairs, values), tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_generation(example, tmp_path):
    """Digits are of the class that was asked for; completions are nearer than the mean image."""
    script = example("generation")
    X, y = script.digits()
    model = script.train(X[:900], y[:900], max_iter=40)
    drawn = script.of_each_class(model, 3)
    asked = np.tile(model.classes_, 3)
    assert np.mean(model.predict(drawn.reshape(30, -1)) == asked) > 0.8
    given, expected, *_, truth = script.completions(model, X[900:1000])
    missing = np.isnan(given)
    error, usual = (np.mean((guess - truth)[missing] ** 2) for guess in (expected, X.mean(axis=0)))
    assert error < 0.8 * usual
    assert (expected[~missing] != truth[~missing]).any()
    steps = script.traversal(model, X[900], 2, 7)
    change = np.abs(np.diff(steps, axis=1)).max(axis=(1, 2))
    assert (change > 0.1).all()
    script.draw([("a", ["", "", ""], drawn), ("b", ["", ""], steps)], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 3_000


def test_race_to_equilibrium(example, tmp_path):
    """Error space reaches equilibrium at 24 layers; descent on the activities hardly starts."""
    script = example("race_to_equilibrium")
    deep = script.race(*script.problem(24, 24, n_samples=16), budgets=(1, 8, 16))
    left = {name: script.left_at(curve, 20.0) for name, curve in deep.items()}
    assert left["error descent (default)"] < 1e-2  # the criterion of equilibrium
    assert left["error optimization, rate 0.3"] < 0.02
    assert left["activity descent, rate 0.25"] > 0.5
    assert left["learned precisions, still 1"] < 0.02
    assert left["the same, momentum 0.8"] > 0.5
    assert left["activity descent, rate 1 / lambda_max"] > 0.5
    assert left["Nesterov's method, rate 0.25"] > 0.4  # needs twice as many steps as layers
    assert left["gradient flow (Heun)"] > 0.5
    shallow = script.race(*script.problem(2, 24, n_samples=16), budgets=(1, 8, 16))
    for name, share in left.items():
        assert script.left_at(shallow[name], 20.0) < share  # it is harder in deeper networks
    script.draw([("shallow", shallow), ("deep", deep)], tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_pc_against_backprop(example, tmp_path):
    """At 16 layers both rules learn equally well; gradients differ more at larger precision."""
    script = example("pc_against_backprop")
    X, y = script.digits()
    split = X[:600], X[1200:], y[:600], y[1200:]
    curves, models = {}, {}
    for rule in script.RULES:
        models[rule], losses, accuracies = script.train(rule, split, 15, 32, 6)
        curves[rule] = losses, accuracies
        assert losses[-1] < 0.5 * losses[0]
    ends = [accuracies[-1] for _, accuracies in curves.values()]
    assert min(ends) > 0.75
    assert abs(ends[0] - ends[1]) < 0.08
    cosines = script.gradient_cosines(models["predictive coding"], X, y)
    assert cosines[0] > 0.98
    assert np.all(np.diff(cosines) < 0)
    assert cosines[-1] < 0.9
    script.draw(curves, {"trained": cosines}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_hardware_cost(example, tmp_path):
    """Backpropagation has the least depth and work; locality pays if its weights are fetched."""
    script = example("hardware_cost")
    depths = (4, 32)
    costs = script.over_depths(depths, width=32)
    for at in range(len(depths)):
        for what in ("depth", "multiply_adds", "link_bytes", "stored_values"):
            least = min(getattr(row[at], what) for row in costs.values())
            assert getattr(costs["backpropagation"][at], what) == least
    sizes = script.layer_sizes(32, 32)
    for n in (1, 64):
        predictive, fetched, resident, even = script.break_even(sizes, n)
        assert predictive[0] < fetched
        assert resident < min(predictive[0], fetched)
        exact = script.ActivityDescent(round(even), 0.25)
        found = script.cost(sizes, exact, batch_size=n).energy(script.RESIDENT) / n
        assert found == pytest.approx(fetched, rel=0.1)
    energies = {n: script.break_even(sizes, n) for n in (1, 64)}
    script.draw(costs, energies, tmp_path / "figure.png", depths, 1)
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("[!_]*.py")), ids=lambda path: path.stem)
def test_every_example_is_listed_tested_and_drawn(script):
    assert f"`{script.name}`" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"def test_{script.stem}(" in Path(__file__).read_text(encoding="utf-8")
    image = EXAMPLES.parent / "docs" / "images" / f"{script.stem}.png"
    assert image.stat().st_size < 150_000


@pytest.mark.slow
def test_pictures(example, tmp_path):
    script = example("pictures")
    X, y = script.digits()
    model = script.PCClassifier((16,) * 5, max_iter=3, early_stopping=True, random_state=0)
    shown = script.displays(model.fit(X[:300], y[:300]), X[300:400], y[300:400])
    assert {type(display).__name__ for display in shown.values()} == set(pcnet.display.__all__)
    script.draw(shown, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_conditioning(example, tmp_path):
    """muPC: ~ depth squared, hardly width, larger in training; sp: small, but no signal passes."""
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
    """Theory agrees with error descent at three depths; activity descent is far from both."""
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
    X, Y = script.batch(32)
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


@pytest.mark.slow
def test_origin_saddle(example, tmp_path):
    """The loss's Hessian is 0, the energy's as predicted; PC leaves the origin, BP does not."""
    script = example("origin_saddle")
    X, Y = script.images()
    found = script.spectra(X[:200], Y[:200], width=4)
    for exact, predicted in found.values():
        np.testing.assert_allclose(exact, predicted, atol=1e-12)
    assert not np.any(found["loss"][0])
    covariance = Y[:200].astype(float).T @ Y[:200] / 200
    assert found["energy"][0][0] == pytest.approx(-np.linalg.eigvalsh(covariance)[-1])
    curves = {}
    for activation in ("tanh", "relu"):
        by_method = {}
        for name, rule in script.METHODS.items():
            net = script.start(X, Y, activation, seed=0, width=30)
            by_method[name] = [script.descend(net, X, Y, rule, n_steps=200)]
        assert script.steps_to_escape(by_method["predictive coding"][0]) < 200
        assert script.steps_to_escape(by_method["backpropagation"][0]) == np.inf
        curves[activation] = by_method
    script.draw(found, curves, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_trust_region(example, tmp_path):
    """Curvatures -1.618 and 0.618 instead of -1 and 1, so descent leaves the saddle sooner."""
    script = example("trust_region")
    names = list(script.LANDSCAPES)
    golden = (1 + 5**0.5) / 2
    for name, expected in zip(names, ([-golden, golden - 1], [-1, 1]), strict=True):
        function, gradient, hessian = script.LANDSCAPES[name]
        np.testing.assert_allclose(script.eigenvalues_at_origin(hessian), expected, atol=1e-12)
        w = np.array([0.4, -0.7])
        for index in range(2):
            step = 1e-5 * np.eye(2)[index]
            difference = (function(w + step) - function(w - step)) / 2e-5
            assert gradient(w)[index] == pytest.approx(difference, rel=1e-7)
    gradients = [script.LANDSCAPES[name][1] for name in names]
    mean = [
        np.mean([script.steps_to_half(script.descend(g, w)) for w in script.starts()])
        for g in gradients
    ]
    assert mean[0] < 0.85 * mean[1]
    backprop, trust_region = script.trust_region_parts((0.1, 0.1))
    np.testing.assert_allclose(backprop + trust_region, -gradients[0]((0.1, 0.1)), atol=1e-14)
    assert trust_region[1] > 0.9 * backprop[1]  # inference doubles the escape direction
    script.draw(tmp_path / "figure.png", n=9)
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@pytest.mark.slow
def test_depth(example, tmp_path):
    """muPC: the same accuracy at any depth; sp: worse the deeper, at its best rate."""
    script = example("depth")
    X, y = script.digits()
    data = script.train_test_split(X, y, train_size=900, random_state=0)
    options = {"width": 32, "epochs": 6}
    curves = {
        (name, depth): script.best(data, depth, name, **options)
        for name in ("mupc", "sp")
        for depth in (8, 40)
    }
    final = {key: run[1][-1] for key, run in curves.items()}
    assert final["mupc", 8] > 0.88
    assert abs(final["mupc", 40] - final["mupc", 8]) < 0.05
    assert final["sp", 40] < final["sp", 8] - 0.05
    assert final["sp", 40] < final["mupc", 40] - 0.1
    script.draw(curves, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_depth_counts_divergence_as_chance(example):
    script = example("depth")
    X, y = script.digits()
    data = script.train_test_split(X, y, train_size=200, random_state=0)
    _, scores = script.train(data, 8, "sp", 1e6, width=16, epochs=1)
    assert scores[-1] <= 0.2


@pytest.mark.slow
def test_learning_rates(example, tmp_path):
    """The best rate of a small muPC network is that of one four times as wide and deep."""
    script = example("learning_rates")
    X, X_test, y, y_test = script.train_test_split(
        *script.digits(), train_size=640, test_size=200, random_state=0
    )
    data = X, X_test, y, y_test
    shapes = dict.fromkeys(((16, 6), (64, 24)), (0.003, 0.01, 0.03, 0.1))
    tables = {name: script.sweep(data, shapes, name) for name in ("mupc", "sp")}
    small, large = (script.best_rate(tables["mupc"], shape) for shape in shapes)
    assert small == large
    small, large = (script.best_rate(tables["sp"], shape) for shape in shapes)
    assert large < small
    script.draw(tables, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
