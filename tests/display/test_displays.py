"""The displays' numbers against direct computation, and what the displays draw with matplotlib."""

import sys

import matplotlib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pcnet.display._training
from pcnet import PCClassifier, PCRegressor, infer
from pcnet.display import (
    GradientCosineDisplay,
    InferencePassesDisplay,
    LayerEnergyDisplay,
    LayerErrorDisplay,
    TrainingDisplay,
)
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.theory import backprop_gradients, in_float64

from ..estimators.support import iris, small

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.figure import Figure

ON_SAMPLES = (
    GradientCosineDisplay,
    InferencePassesDisplay,
    LayerEnergyDisplay,
    LayerErrorDisplay,
)
HIDDEN = (8, 8, 8, 8)


@pytest.fixture(autouse=True)
def no_open_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def fitted():
    X, y = iris(np.float32)
    names = np.array(["a", "b", "c"])[y]
    model = small(PCClassifier, hidden_layer_sizes=HIDDEN, loss="log_loss", activity_decay=0.01)
    return model.fit(X, names), X, names


@pytest.fixture(scope="module")
def problem(fitted):
    """The network in float64, its data and the arguments of infer."""
    model, X, names = fitted
    Y = (names[:, None] == model.classes_).astype(float)
    objective = {
        "loss": "log_loss",
        "output_precision": model.output_precision_,
        "activity_decay": 0.01,
    }
    return in_float64(model.network_), X.astype(float), Y, objective


# ---------------------------------------------------------------- numbers


@pytest.mark.filterwarnings("ignore:.*raised the mean energy")  # rate 0.5 is too large here
@pytest.mark.parametrize("inference", [None, "activity", ActivityDescent(n_steps=3, rate=0.2)])
def test_layer_energies_are_those_of_infer(fitted, problem, inference):
    net, X, Y, objective = problem
    display = LayerEnergyDisplay.from_estimator(*fitted, inference=inference, n_steps=4)
    assert display.energies.shape == (5, 5)
    rate = 0.2 if isinstance(inference, ActivityDescent) else ActivityDescent().rate
    for step in range(5):
        method = ActivityDescent(step, rate) if inference else ErrorDescent(step, 0, 0)
        result = infer(net, X, Y, method, **objective)
        expected = net.energy(X, Y, result.activities, **objective)
        np.testing.assert_allclose(display.energies[step], expected, rtol=1e-9, atol=1e-15)
        assert display.n_passes[step] == result.n_passes.mean()


def test_passes_and_errors_are_those_of_infer(fitted, problem):
    net, X, Y, objective = problem
    result = infer(net, X, Y, **objective)
    passes = InferencePassesDisplay.from_estimator(*fitted)
    np.testing.assert_array_equal(passes.n_passes, result.n_passes)
    np.testing.assert_array_equal(
        InferencePassesDisplay.from_result(result).n_passes, result.n_passes
    )
    norms = [np.sqrt(np.mean(np.linalg.norm(e, axis=1) ** 2)) for e in result.errors]
    np.testing.assert_allclose(LayerErrorDisplay.from_estimator(*fitted).norms, norms, rtol=1e-12)
    np.testing.assert_allclose(LayerErrorDisplay.from_result(result).norms, norms, rtol=1e-12)
    long = ErrorDescent(max_steps=100, tol=1e-8, energy_tol=0)
    more = InferencePassesDisplay.from_estimator(*fitted, inference=long)
    assert more.n_passes.mean() > passes.n_passes.mean()


def test_gradient_cosines(fitted, problem):
    net, X, Y, objective = problem
    display = GradientCosineDisplay.from_estimator(*fitted)
    result = infer(net, X, Y, **objective)
    ours, _ = net.weight_gradients(X, result.errors, result.activities)
    backprop, _ = backprop_gradients(net, X, Y, "log_loss")
    lengths = [np.linalg.norm(a) * np.linalg.norm(b) for a, b in zip(ours, backprop)]
    expected = [np.vdot(a, b) / length for a, b, length in zip(ours, backprop, lengths)]
    np.testing.assert_allclose(display.cosines, expected, rtol=1e-12)
    assert display.n_samples == 150
    assert np.all(display.cosines < 1)


def test_gradient_cosines_are_one_where_precision_is_small():
    X, y = iris()
    model = small(PCClassifier, activation="tanh", output_precision=1e-6).fit(X, y)
    display = GradientCosineDisplay.from_estimator(model, X, y, inference=ErrorDescent(99, 1e-9, 0))
    np.testing.assert_allclose(display.cosines, 1, atol=1e-9)


def test_vanishing_gradients_have_a_cosine_and_zeros_have_none():
    cosine = pcnet.display._gradients.cosine
    a, b = np.array([3.0, 4.0]), np.array([4.0, 3.0])
    np.testing.assert_allclose(cosine(1e-200 * a, 1e-190 * b), 24 / 25, rtol=1e-12)
    assert np.isnan(cosine(a, 0 * b))


@pytest.mark.parametrize("Display", ON_SAMPLES)
def test_regressors_and_networks_without_hidden_layers(Display):
    X, y = load_diabetes(return_X_y=True)
    for hidden in ((), (8, 8)):
        model = small(PCRegressor, hidden_layer_sizes=hidden).fit(X, y)
        display = Display.from_estimator(model, X, y).plot(Figure().subplots())
        display.figure_.canvas.draw()
    with pytest.raises(NotFittedError):
        Display.from_estimator(PCRegressor(), X, y)


def test_training_curves_are_those_of_the_estimator():
    X, y = iris()
    model = small(PCClassifier, early_stopping=True).fit(X, y)
    history = TrainingDisplay.from_estimator(model).history
    assert list(history) == ["loss", "energy", "validation_loss", "validation_score"]
    np.testing.assert_array_equal(history["loss"], model.loss_curve_)
    np.testing.assert_array_equal(history["energy"], model.energy_curve_)
    np.testing.assert_array_equal(history["validation_score"], model.validation_scores_)
    np.testing.assert_array_equal(history["validation_loss"], model.validation_loss_curve_)
    names = {
        "penalty": model.penalty_curve_,
        "n_steps": model.n_inference_steps_,
        "n_passes": model.n_inference_passes_,
        "converged": model.converged_fraction_,
        "ended": model.ended_fraction_,
    }
    history = TrainingDisplay.from_estimator(model, curves=list(names)).history
    for name, expected in names.items():
        np.testing.assert_array_equal(history[name], expected)
    other = small(PCClassifier, scoring=["f1_macro", "neg_log_loss"], loss="log_loss")
    other.fit(X[::2], y[::2], validation_data=(X[1::2], y[1::2]))
    names = ["loss", "validation_f1_macro", "validation_neg_log_loss"]
    display = TrainingDisplay.from_estimator(other, curves=names).plot(Figure().subplots())
    for name in names:
        np.testing.assert_array_equal(display.history[name], other.history_[name])
        assert (display.lines_[name].axes is display.ax_) == (name == "loss")
    without = small(PCClassifier).fit(X, y)
    assert list(TrainingDisplay.from_estimator(without).history) == ["loss", "energy"]


# ---------------------------------------------------------------- drawing


def all_displays(fitted):
    training = {
        "loss": [3.0, 1.0, 0.5],
        "energy": [1.0, 0.2, 0.1],
        "validation_score": [0.5, 0.8, 1],
    }
    yield TrainingDisplay.from_history(training)
    for Display in ON_SAMPLES:
        yield Display.from_estimator(*fitted)


def test_plot_draws_into_given_axes_or_new_ones(fitted):
    for display in all_displays(fitted):
        ax = Figure().subplots()
        assert display.plot(ax=ax) is display
        assert display.ax_ is ax
        assert display.figure_ is ax.figure
        assert ax.get_xlabel()
        assert pyplot.get_fignums() == []  # pyplot was not used
        display.plot()
        assert display.ax_ is not ax
        assert pyplot.get_fignums() == [display.figure_.number]
        pyplot.close("all")


def test_drawn_lines_have_the_data_of_the_display(fitted):
    training, cosines, passes, energies, errors = (d.plot() for d in all_displays(fitted))
    for name, line in training.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), training.history[name])
    assert training.lines_["validation_score"].axes is training.score_ax_
    assert training.lines_["loss"].axes is training.ax_
    np.testing.assert_array_equal(cosines.lines_[0].get_ydata(), cosines.cosines)
    assert sum(bar.get_height() for bar in passes.bars_) == 150
    assert passes.mean_line_.get_xdata()[0] == passes.n_passes.mean()
    np.testing.assert_array_equal(energies.mesh_.get_array().filled(0), energies.energies.T)
    norms = np.concatenate([line.get_ydata() for line in errors.lines_])
    np.testing.assert_array_equal(norms, errors.norms)


def test_styles_are_passed_to_matplotlib(fitted):
    for Display in (LayerErrorDisplay, GradientCosineDisplay):
        display = Display.from_estimator(*fitted).plot(color="k", linestyle=":")
        assert display.lines_[0].get_color() == "k"
        assert display.lines_[0].get_linestyle() == ":"
    passes = InferencePassesDisplay.from_estimator(*fitted).plot(bins=3, color="k")
    assert len(passes.bars_) == 3
    assert LayerEnergyDisplay.from_estimator(*fitted).plot(cmap="gray").mesh_.cmap.name == "gray"
    assert TrainingDisplay.from_history({"loss": [1, 2]}).plot(
        yscale="linear"
    ).ax_.get_yscale() == ("linear")


def test_energies_on_several_axes_share_their_colours(fitted):
    norm = matplotlib.colors.LogNorm(1e-3, 1)
    display = LayerEnergyDisplay.from_estimator(*fitted)
    display.plot(norm=norm, colorbar=False)
    assert display.mesh_.norm is norm
    assert display.colorbar_ is None
    assert display.figure_.axes == [display.ax_]
    with pytest.raises(TypeError, match="colorbar must be True or False; got 'none'"):
        display.plot(colorbar="none")


def test_training_display_of_scores_alone_has_one_axis():
    display = TrainingDisplay.from_history({"validation_score": [0.1, np.nan, 0.9]}).plot()
    assert display.score_ax_ is None
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_ylabel() == "score"


# ---------------------------------------------------------------- errors


def test_bad_histories_and_curves():
    X, y = iris()
    model = small(PCClassifier).fit(X, y)
    with pytest.raises(ValueError, match="recorded with early_stopping=True"):
        TrainingDisplay.from_estimator(model, curves=["validation_score"])
    with pytest.raises(ValueError, match="curves must name some of"):
        TrainingDisplay.from_history({"accuracy": [1.0]})
    with pytest.raises(ValueError, match="this PCClassifier has no history to draw"):
        TrainingDisplay.from_estimator(PCClassifier.from_network(model.network_))
    with pytest.raises(TypeError, match="curves must be a list of names"):
        TrainingDisplay.from_estimator(model, curves="loss")
    with pytest.raises(ValueError, match="curves of one length"):
        TrainingDisplay.from_history({"loss": [1, 2], "energy": [1]})
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(PCClassifier())


@pytest.mark.parametrize("Display", ON_SAMPLES)
def test_bad_arguments(Display, fitted):
    model, X, y = fitted
    with pytest.raises(ValueError, match="inference must be"):
        Display.from_estimator(model, X, y, inference="descent")
    with pytest.raises(ValueError, match="features"):
        Display.from_estimator(model, X[:, :-1], y)
    with pytest.raises(ValueError, match="has classes not in"):
        Display.from_estimator(model, X, np.full(len(X), "d"))
    pipeline = make_pipeline(StandardScaler(), small(PCClassifier)).fit(X, y)
    with pytest.raises(TypeError, match=r"got Pipeline; of a pipeline pass the last step"):
        Display.from_estimator(pipeline, X, y)
    with pytest.raises(TypeError, match=r"got Network; .*PCRegressor\.from_network\(net"):
        Display.from_estimator(model.network_, X, y)
    with pytest.raises(TypeError, match="got Pipeline"):
        TrainingDisplay.from_estimator(pipeline)


@pytest.mark.parametrize("n_steps", [-1, 2.5])
def test_bad_number_of_steps(fitted, n_steps):
    with pytest.raises((ValueError, TypeError), match="n_steps must be an integer"):
        LayerEnergyDisplay.from_estimator(*fitted, n_steps=n_steps)


def test_without_matplotlib_the_error_names_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # import raises ImportError
    drawn = TrainingDisplay.from_history({"loss": [2.0, 1.0]})
    with pytest.raises(
        ImportError, match=r"TrainingDisplay\.plot needs matplotlib.*\n.*pcnet\[plot\]"
    ):
        drawn.plot()
