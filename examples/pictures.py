"""Pictures: every display of pcnet.display for one network of 16 layers.

What do the displays of ``pcnet.display`` show of training and of inference? One network is trained
on the digits, and each display is made from it and from images that it was not trained on.
"""

from _common import digits, execute, save
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

# %%
# Method
# ------
# ``from_estimator`` computes the numbers of a display and keeps them as attributes; ``plot``
# draws them, here each into axes of one figure. The last display runs again with activity
# descent, another method of inference.


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


# %%
# A panel for each display.


def draw(shown, path):
    figure = Figure(figsize=(13, 7), layout="constrained")
    for ax, (title, display) in zip(figure.subplots(2, 3).flat, shown.items(), strict=True):
        display.plot(ax=ax)
        ax.set_title(title)
    return save(figure, path)


def run(path, depth=15, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # The network has 16 layers of weights and trains by error descent until the validation score
    # no longer rises.

    X_train, X_test, y_train, y_test = train_test_split(*digits(data), random_state=0)
    model = PCClassifier((width,) * depth, max_iter=15, early_stopping=True, random_state=0)
    model.fit(X_train, y_train)
    print(f"{model.n_iter_} epochs, test accuracy {model.score(X_test, y_test):.1%}")

    # %%
    # Each display shows one thing:

    draw(displays(model, X_test, y_test), path)

    # %%
    # In this order: loss and energy over the epochs; how many passes inference takes; the errors at
    # equilibrium, which grow towards the output; the gradients, which are close to
    # backpropagation's; and the energy of each layer during inference. Error descent changes all
    # layers in one step. With activity descent the signal moves down one layer a step.

    # %%
    # What to change next
    # -------------------
    #
    # - A network of your own: ``displays`` takes any fitted classifier or regressor.
    # - Other columns of the history: the argument ``curves`` of
    #   :class:`pcnet.display.TrainingDisplay`.
    # - The numbers alone, without matplotlib: the attributes of each display.
    #
    # More: :mod:`pcnet.display` and the page :doc:`/pictures`.

    return {}


def main():
    execute(run, __doc__, "pictures.png", depth=15, width=64, data=None)


if __name__ == "__main__":
    main()
