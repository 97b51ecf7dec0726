"""Rate novelty: digits of a kind that training never saw get a low score_samples.

Does a classifier notice inputs of a kind that it never saw? Networks are trained on eight of the
ten digits; the test set holds new images of the eight and all images of the two. Baselines: the
same network's largest probability, and an isolation forest. The dotted curve uses sharpness =
lambda, the likelihood that belongs to the energy: the wrong classes dominate it and reverse the
order, so the default sharpness is larger.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score, roc_curve

from pcnet import PCClassifier

# %%
# Method
# ------
# A pair of digits is left out of training; five pairs, one after another.

LEFT_OUT = ((8, 9), (0, 1), (2, 3), (4, 5), (6, 7))
LETTER = "score_samples, sharpness = lambda"


def split(y, novel_digits, n_train=1000, seed=0):
    """Rows to train on, rows to test on, and which of the latter are novel."""
    novel = np.isin(y, novel_digits)
    train = np.random.default_rng(seed).permutation(np.flatnonzero(~novel))[:n_train]
    test = np.setdiff1d(np.arange(len(y)), train)
    return train, test, novel[test]


# %%
# ``score_samples`` is a soft maximum over the classes of minus the energy with that class
# clamped. A row that fits no class has a low score. ``sharpness`` sets how much the best class
# counts.


def rate(X, y, train, test, depth=8, max_iter=15, width=64):
    """Novelty of the test rows, high for rows unlike the training rows."""
    model = PCClassifier((width,) * depth, max_iter=max_iter, random_state=0)
    model.fit(X[train], y[train])
    forest = IsolationForest(random_state=0).fit(X[train])
    letter = model.score_samples(X[test], sharpness=model.output_precision_)
    return {
        "score_samples (pcnet)": -model.score_samples(X[test]),
        "largest probability (pcnet)": -model.predict_proba(X[test]).max(axis=1),
        "isolation forest": -forest.score_samples(X[test]),
        LETTER: -letter,
    }


# %%
# Two panels: the ROC curves for one pair, and the areas under them for all pairs.


def draw(ratings, areas, path):
    """ROC curves for the first pair of digits, and the areas under them for all pairs.

    Parameters
    ----------
    ratings : (novel, {name: novelty}) of the first pair
    areas : {name: list of area under the ROC curve}, a pair each
    path : path-like
    """
    figure, (left, right) = new_figure("Noticing digits that training never saw", [1, 1.15])
    novel, by_name = ratings
    for (name, values), colour in zip(by_name.items(), COLOURS, strict=True):
        false, true, _ = roc_curve(novel, values)
        style = ":" if name == LETTER else "-"
        left.plot(false, true, style, label=name, color=colour, lw=2)
    left.plot([0, 1], [0, 1], "--", color="0.6", lw=1)
    left.set(xlabel="known digits called novel", ylabel="novel digits found")
    left.set_title(f"Digits {LEFT_OUT[0][0]} and {LEFT_OUT[0][1]} left out")
    left.legend(loc=(0.33, 0.09), fontsize=8)
    left.grid(alpha=0.3)

    places = np.arange(len(LEFT_OUT))
    for shift, ((name, values), colour) in enumerate(zip(areas.items(), COLOURS, strict=True)):
        right.plot(places + 0.08 * (shift - 1.5), values, "o", color=colour, label=name, ms=7)
    right.axhline(0.5, ls="--", color="0.6", lw=1, label="chance")
    right.legend(loc=(0.03, 0.14))  # nothing else is there
    right.set_xticks(places, [f"{a}, {b}" for a, b in LEFT_OUT])
    right.set(xlabel="digits left out", ylabel="area under the ROC curve", ylim=(0, 1))
    right.set_title("All pairs")
    right.grid(alpha=0.3, axis="y")
    return save(figure, path)


def run(path, depth=8, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # Mean areas under the ROC curve over the five pairs; chance is 0.5.

    X, y = digits(data)
    ratings, areas = [], {}
    for pair in LEFT_OUT:
        train, test, novel = split(y, pair)
        ratings.append((novel, rate(X, y, train, test, depth, width=width)))
        for name, values in ratings[-1][1].items():
            areas.setdefault(name, []).append(roc_auc_score(novel, values))
    for name, values in areas.items():
        print(f"area under ROC {np.mean(values):.3f} (mean of {len(values)} pairs)  {name}")

    # %%
    # The score and the largest probability of the same network both notice unknown digits, for
    # every pair, and far better than the isolation forest. With ``sharpness`` equal to lambda the
    # order is reversed.

    draw(ratings[0], areas, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other pairs: ``LEFT_OUT``. A deeper network: ``depth``. MNIST: ``data``.
    # - Rows of another kind altogether, such as images turned upside down.
    # - A generative model, which needs no labels and takes rows with missing entries: see
    #   :doc:`novel_rows`.
    #
    # More: :meth:`pcnet.PCClassifier.score_samples` and the page :doc:`/energy`.

    return {
        key: np.mean(values)
        for key, values in zip(("score", "probability", "forest", "letter"), areas.values())
    }


def main():
    execute(run, __doc__, "novelty.png", depth=8, width=64, data=None)


if __name__ == "__main__":
    main()
