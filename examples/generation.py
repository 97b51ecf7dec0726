"""Generate digits, of a class and given a half: one network, trained once, answers all three.

What does a generative model of digits draw, given a class or half of an image? ``PCGenerative``
learns the joint density of pixels and labels from four fifths of scikit-learn's digits. It then
draws digits of given classes, completes digits of which only the upper half is given, and shows
what its causes stand for.
"""

import numpy as np
from _common import digits, execute, save

from pcnet import PCGenerative

# %%
# Method
# ------
# One model of images and labels. Pixels are from -1 to 1 and need no scaling.

N_COMPONENTS, WIDTH = 16, 128


def train(X, y, **arguments):
    """A joint model of images and labels; pixels are from -1 to 1 and need no scaling."""
    defaults = {"n_components": N_COMPONENTS, "hidden_layer_sizes": (WIDTH,), "random_state": 0}
    return PCGenerative(**{**defaults, **arguments}, input_scaling=None).fit(X, y)


# %%
# Three questions to the same model. First, images of a given class:


def of_each_class(model, n_rows=5):
    """Images (n_rows, n_classes, n_pixels), a column for each class."""
    y = np.tile(model.classes_, n_rows)
    drawn = model.sample(len(y), y=y, random_state=0, noise=False)
    return drawn.reshape(n_rows, len(model.classes_), -1)


# %%
# Second, the lower half of an image, given the upper one. ``reconstruct`` fills in what is
# expected, ``sample_conditional`` one possibility.


def completions(model, X, n_samples=2):
    """Rows of images: what is given (NaN below), the expected image, samples, and the truth."""
    given = X.copy()
    given[:, X.shape[1] // 2 :] = np.nan
    drawn = model.sample_conditional(given, n_samples, random_state=0, noise=False)
    return [given, model.reconstruct(given), *drawn, X]


# %%
# Third, what the causes stand for: each row varies one of the strongest, from one image.


def traversal(model, x, n_causes=5, n_steps=10, reach=2.5):
    """Images (n_causes, n_steps, n_pixels): each row varies one of the strongest causes."""
    network = model.network_
    strongest = np.argsort(-np.square(network.weights[0]).sum(axis=1))[:n_causes]
    causes = np.repeat(model.transform(x[None]), n_causes * n_steps, axis=0)
    causes = causes.reshape(n_causes, n_steps, -1)
    for row, cause in enumerate(strongest):
        causes[row, :, cause] = np.linspace(-reach, reach, n_steps)
    rows = model.inverse_transform(causes.reshape(n_causes * n_steps, -1))
    return rows.reshape(n_causes, n_steps, -1)


# %%
# The figure has a panel for each question.


def draw(panels, path):
    """Panels (title, names of the rows, rows of images) beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 2.75), layout="constrained")
    axes = figure.subplots(1, len(panels))
    for ax, (title, names, rows) in zip(axes, panels, strict=True):
        ax.imshow(mosaic(rows), cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
        ax.set_title(title, fontsize=12)
        ax.set_xticks([])
        places = (np.arange(len(rows)) + 0.5) * 9 - 0.5
        ax.set_yticks(places, names, fontsize=10)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
    return save(figure, path)


def mosaic(rows, size=8):
    """One image of rows of images, with white between them and light grey where NaN."""
    images = np.array(rows).reshape(len(rows), -1, size, size)
    images = np.where(np.isnan(images), -0.8, np.clip(images, -1, 1))
    padded = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-1)
    n_rows, n_columns = padded.shape[:2]
    return padded.transpose(0, 2, 1, 3).reshape(n_rows * (size + 1), n_columns * (size + 1))


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # Every fifth digit is held out. The generated ones are checked by the model's own
    # ``predict``.

    X, y = digits()
    test = np.arange(len(X)) % 5 == 0
    model = train(X[~test], y[~test])
    drawn = of_each_class(model)
    right = np.mean(model.predict(drawn.reshape(-1, X.shape[1])) == np.tile(model.classes_, 5))
    accuracy = np.mean(model.predict(X[test]) == y[test])
    some = X[test][[np.flatnonzero(y[test] == digit)[1] for digit in range(10)]]
    print(f"accuracy on test digits {accuracy:.3f}")
    print(f"generated digits predicted as the class that was asked for {right:.3f}")

    # %%
    # Generated digits are of the class that was asked for. Completions differ from sample to
    # sample where the upper half leaves room. Causes change the shape of a digit smoothly.

    panels = [
        ("generated, a class in each column", [""] * 5, drawn),
        (
            "completed from the upper half",
            ["given", "expected", "sample", "sample", "truth"],
            completions(model, some),
        ),
        ("five causes of a digit, varied", [""] * 5, traversal(model, some[3])),
    ]
    draw(panels, path)

    # %%
    # What to change next
    # -------------------
    #
    # - More or fewer causes: ``N_COMPONENTS``. A wider network: ``WIDTH``. More layers:
    #   ``hidden_layer_sizes``.
    # - Samples with the noise of the pixels: ``noise=True``.
    # - Another half given: change the slice in ``completions``.
    #
    # More: :class:`pcnet.PCGenerative` and the page :doc:`/generative`.

    return {"accuracy": accuracy, "as_asked": right}


def main():
    execute(run, __doc__, "generation.png")


if __name__ == "__main__":
    main()
