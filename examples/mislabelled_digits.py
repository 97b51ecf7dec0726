"""Find wrong labels: samples whose energy is high with the given label clamped.

Does the energy of a sample tell whether its label is right? Two fifths of the labels of
scikit-learn's digits are replaced by another class. Each fold is then rated by a network that was
trained on the other four, wrong labels included, because a network gives its training samples too
low an energy. The baseline is 1 - p(given label), of the same networks and of scikit-learn's
``MLPClassifier``.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.metrics import average_precision_score, precision_recall_curve
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier

from pcnet import PCClassifier

# %%
# Method
# ------
# Every label is wrong with the same probability, and every wrong label is equally likely.

SHARE_WRONG = 0.4
N_SHOWN = 20


def mislabel(y, share, seed):
    """Labels of which a share is replaced by another class, and a mask of the replaced ones."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(y)) < share
    return np.where(wrong, (y + rng.integers(1, 10, size=len(y))) % 10, y), wrong


def improbability(model, X, labels):
    """1 - p(given label)."""
    probabilities = model.predict_proba(X)
    return 1 - probabilities[np.arange(len(X)), np.searchsorted(model.classes_, labels)]


# %%
# The energy of a sample with its label clamped is the least energy of the network with the input
# and the label both fixed. It is low if the two fit together. Five networks each rate the fold
# that they were not trained on.


def rate(X, labels, n_splits=5, max_iter=15, shape=(64,) * 8):
    """Rating of each sample, high for wrong labels, by networks that were not trained on it."""
    suspicion = {
        name: np.empty(len(X))
        for name in ("energy (pcnet)", "1 - p(label) (pcnet)", "1 - p(label) (MLPClassifier)")
    }
    by_energy, by_probability, by_mlp = suspicion.values()
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=0)
    for train, test in folds.split(X, labels):
        model = PCClassifier(shape, max_iter=max_iter, random_state=0)
        model.fit(X[train], labels[train])
        by_energy[test] = model.energy(X[test], labels[test])
        by_probability[test] = improbability(model, X[test], labels[test])
        mlp = MLPClassifier(early_stopping=True, max_iter=max_iter * 10, random_state=0)
        mlp.fit(X[train], labels[train])
        by_mlp[test] = improbability(mlp, X[test], labels[test])
    return suspicion


# %%
# Two panels: precision over recall of each rating, and the samples that the energy finds most
# suspicious.


def draw(X, labels, y, suspicion, path):
    """Precision and recall of the ratings, and the samples with the highest energy."""
    wrong = labels != y
    title = f"Finding mislabelled digits ({wrong.sum()} of {len(y)} labels are wrong)"
    figure, (left, right) = new_figure(title, [1, 1.15])
    for (name, values), colour in zip(suspicion.items(), COLOURS, strict=False):
        precision, recall, _ = precision_recall_curve(wrong, values)
        label = f"{name}: {average_precision_score(wrong, values):.3f}"
        left.plot(recall, precision, label=label, color=colour, lw=2)
    chance = f"chance: {wrong.mean():.3f}"
    left.axhline(wrong.mean(), color="0.6", ls="--", lw=1, label=chance)
    left.set_title("The energy finds wrong labels")
    left.set(xlabel="recall: share of the wrong labels found", ylabel="precision", ylim=(0.3, 1.02))
    left.legend(title="average precision", loc="lower left")
    left.grid(alpha=0.3)
    draw_samples(right, X, labels, y, np.argsort(suspicion["energy (pcnet)"])[::-1][:N_SHOWN])
    return save(figure, path)


def draw_samples(axes, X, labels, y, shown):
    """Images in a grid, each with the label it was given; red if it is wrong."""
    axes.set_title(f"The {len(shown)} highest energies, with the labels given")
    axes.set_axis_off()
    n_columns = 5
    for place, sample in enumerate(shown):
        row, column = divmod(place, n_columns)
        inset = axes.inset_axes(
            [(column + 0.12) / n_columns, 1 - (row + 0.92) / 4, 0.76 / n_columns, 0.72 / 4]
        )
        side = round(X.shape[1] ** 0.5)
        inset.imshow(X[sample].reshape(side, side), cmap="gray_r")
        inset.set_axis_off()
        is_wrong = labels[sample] != y[sample]
        text = f"“{labels[sample]}”" + (f", is {y[sample]}" if is_wrong else ", correct")
        inset.set_title(text, color=COLOURS[0] if is_wrong else "0.2", fontsize=10, pad=2)


def run(path, depth=8, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # Average precision is the area under the curve of precision over recall. Chance is the share
    # of wrong labels.

    X, y = digits(data)
    labels, wrong = mislabel(y, SHARE_WRONG, seed=0)
    suspicion = rate(X, labels, shape=(width,) * depth)
    precision = {name: average_precision_score(wrong, values) for name, values in suspicion.items()}
    for name, value in precision.items():
        print(f"average precision {value:.3f}  {name}")

    # %%
    # All three ratings find almost all wrong labels, and the energy is at least as good as a
    # probability. It needs no probability: it also rates pairs of inputs and numbers, of
    # ``PCRegressor``.

    draw(X, labels, y, suspicion, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Fewer wrong labels: ``SHARE_WRONG``. Wrong labels of similar digits, not of any.
    # - A deeper or shallower network: ``depth``. MNIST: ``data``.
    # - A table of your own: rate each fold, look at the rows with the highest energy first.
    #
    # More: :meth:`pcnet.PCClassifier.energy` and the page :doc:`/energy`.

    return dict(zip(("energy", "probability", "mlp"), precision.values()))


def main():
    execute(run, __doc__, "mislabelled_digits.png", depth=8, width=64, data=None)


if __name__ == "__main__":
    main()
