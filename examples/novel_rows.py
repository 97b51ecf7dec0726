"""Rate novelty of rows with missing entries: unlike the usual ones, as far as they are known.

Does a generative model notice a novel row of which a part is missing? ``PCGenerative`` learns the
density of the usual rows, benign tumours and nine of the ten digits, from tables in which a part of
the entries is missing. Malignant tumours and the tenth digit are novel. The baselines, a Gaussian
mixture and an isolation forest, get the same rows with missing entries replaced by the means of
their columns.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from pcnet import PCGenerative

# %%
# Method
# ------
# Two tables: measurements of tumours, where benign is usual and malignant is novel; and the
# digits without one kind, which is novel. ``problems`` returns the usual and the novel rows.

SHARES = (0.0, 0.25, 0.5)


def problems(left_out=(0, 3, 6)):
    """{title: list of (usual rows, novel rows)}"""
    X, y = load_breast_cancer(return_X_y=True)
    images, labels = digits()
    return {
        "malignant among benign tumours": [(X[y == 1], X[y == 0])] * 3,
        "digits that training never saw": [
            (images[labels != d], images[labels == d]) for d in left_out
        ],
    }


# %%
# Two thirds of the usual rows train the models; the others and all novel rows are rated. A share
# of the entries of both becomes NaN, at random. ``PCGenerative`` takes such rows as they are, in
# training and in ``energy`` and ``score_samples``. The baselines need every entry.


def rate(usual, novel, share, seed=0, max_iter="auto"):
    """Which of the held-out rows are novel, and their novelty by each model."""
    rng = np.random.default_rng(seed)
    usual = rng.permutation(usual)
    n = 2 * len(usual) // 3
    train, rows = usual[:n], np.vstack([usual[n:], novel])
    train, rows = (np.where(rng.random(X.shape) < share, np.nan, X) for X in (train, rows))
    model = PCGenerative(max_iter=max_iter, random_state=seed).fit(train)
    found = {
        "energy (PCGenerative)": model.energy(rows),
        "score_samples (PCGenerative)": -model.score_samples(rows),
    }
    scale = np.nanstd(train, axis=0)
    scale[scale == 0] = 1
    for name, peer in (
        (
            "Gaussian mixture, means filled in",
            GaussianMixture(5, reg_covar=1e-3, random_state=seed),
        ),
        ("isolation forest, means filled in", IsolationForest(random_state=seed)),
    ):
        filled = make_pipeline(SimpleImputer(keep_empty_features=True), peer).fit(train / scale)
        found[name] = -filled.score_samples(rows / scale)
    return np.arange(len(rows)) >= len(usual) - n, found


# %%
# The measure is the area under the ROC curve: the probability that a novel row is rated as more
# novel than a usual one.


def areas(pairs, shares=SHARES):
    """{model: mean area under the ROC curve by share of missing entries}"""
    found = {}
    for share in shares:
        for seed, (usual, novel) in enumerate(pairs):
            truth, ratings = rate(usual, novel, share, seed)
            for name, values in ratings.items():
                found.setdefault(name, {}).setdefault(share, []).append(
                    roc_auc_score(truth, values)
                )
    return {name: [np.mean(by[share]) for share in shares] for name, by in found.items()}


# %%
# The figure has a panel for each table.


def draw(tables, path):
    """A panel for each problem: areas under the ROC curve by the share of missing entries."""
    figure, axes = new_figure("Noticing novel rows of which a part is missing", [1, 1], height=4)
    for ax, (title, found) in zip(axes, tables.items(), strict=True):
        for (name, values), colour in zip(found.items(), COLOURS, strict=True):
            ax.plot(100 * np.array(SHARES), values, "o-", color=colour, label=name, lw=2)
        ax.set_title(title)
        ax.set(xlabel="entries missing, %", xticks=[100 * share for share in SHARES])
        ax.grid(alpha=0.3)
        ax.set_ylabel("area under the ROC curve")
        low, high = ax.get_ylim()
        ax.set_ylim(low - 0.5 * (high - low), high)  # room for the legend below all curves
        ax.legend(loc="lower left", fontsize=9)
    return save(figure, path)


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # Each line is a model, each column a share of missing entries.

    tables = {title: areas(pairs) for title, pairs in problems().items()}
    for title, found in tables.items():
        print(f"{title}: area under the ROC curve, {SHARES} of the entries missing")
        for name, values in found.items():
            print("  " + "  ".join(f"{value:.3f}" for value in values) + f"  {name}")
    names, shares = ("energy", "score", "mixture", "forest"), ("none", "quarter", "half")

    # %%
    # With all entries, the models are close. With half of them, the energy is ahead in both
    # tables. It measures how well the known entries of a row fit together, and says nothing about
    # the others. A row filled with means is one that nobody measured.

    draw(tables, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other shares of missing entries: ``SHARES``. Other digits to leave out: ``left_out`` of
    #   ``problems``.
    # - Entries that are not missing at random, such as the lower half of an image.
    # - Entries filled by ``PCImputer`` in place of the means, for the mixture and the forest.
    #
    # More: :class:`pcnet.PCGenerative`, :class:`pcnet.PCImputer` and the page :doc:`/generative`.

    return {
        f"{kind}.{name}.{share}": value
        for kind, found in zip(("tumours", "digits"), tables.values())
        for name, values in zip(names, found.values())
        for share, value in zip(shares, values)
    }


def main():
    execute(run, __doc__, "novel_rows.png")


if __name__ == "__main__":
    main()
