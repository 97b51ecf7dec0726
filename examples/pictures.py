"""Pictures: every display of pcnet.display for one network of 16 layers."""

from _common import digits, parse
from matplotlib.figure import Figure
from sklearn.model_selection import train_test_split

from pcnet import PCClassifier
from pcnet.display import (
    GradientCosineDisplay,
    InferencePassesDisplay,
    LayerEnergyDisplay,
    LayerErrorDisplay,
    TrainingDisplay,
)
from pcnet.inference import ActivityDescent


def displays(model, X, y):
    """{title: display} of a trained network and some samples that it was not trained on."""
    return {
        "TrainingDisplay": TrainingDisplay.from_estimator(model),
        "InferencePassesDisplay": InferencePassesDisplay.from_estimator(model, X, y),
        "LayerErrorDisplay": LayerErrorDisplay.from_estimator(model, X, y),
        "GradientCosineDisplay": GradientCosineDisplay.from_estimator(model, X, y),
        "LayerEnergyDisplay, error descent": LayerEnergyDisplay.from_estimator(model, X, y),
        "LayerEnergyDisplay, activity descent": LayerEnergyDisplay.from_estimator(
            model, X, y, inference=ActivityDescent(rate=0.2), n_steps=20
        ),
    }


def draw(shown, path):
    figure = Figure(figsize=(13, 7), layout="constrained")
    for ax, (title, display) in zip(figure.subplots(2, 3).flat, shown.items(), strict=True):
        display.plot(ax=ax)
        ax.set_title(title)
    figure.savefig(path, dpi=80)


def run(path, depth=15, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    X_train, X_test, y_train, y_test = train_test_split(*digits(data), random_state=0)
    model = PCClassifier((width,) * depth, max_iter=15, early_stopping=True, random_state=0)
    model.fit(X_train, y_train)
    draw(displays(model, X_test, y_test), path)
    print(f"Figure written to {path}")
    return {}


def main():
    run(**parse(__doc__, "pictures.png", depth=15, width=64, data=None))


if __name__ == "__main__":
    main()
