"""Rate novelty of rows with missing entries: unlike the usual ones, as far as they are known.

`PCGenerative` learns the density of the usual rows, benign tumours and nine of the ten digits, from
tables in which a part of the entries is missing. Malignant tumours and the tenth digit are novel.
The baselines get the same rows with missing entries replaced by the means of their columns.
"""

import numpy as np
from _common import COLOURS, digits, new_figure, parse
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from pcnet import PCGenerative

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


def draw(tables, path):
    """A panel for each problem: areas under the ROC curve by the share of missing entries."""
    figure, axes = new_figure("Noticing novel rows of which a part is missing", [1, 1], height=4)
    for ax, (title, found) in zip(axes, tables.items(), strict=True):
        for (name, values), colour in zip(found.items(), COLOURS, strict=True):
            ax.plot(100 * np.array(SHARES), values, "o-", color=colour, label=name, lw=2)
        ax.set_title(title)
        ax.set(xlabel="entries missing, %", xticks=[100 * share for share in SHARES])
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("area under the ROC curve")
    axes[1].legend(loc="lower left", fontsize=9)
    figure.savefig(path, dpi=90)


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    tables = {title: areas(pairs) for title, pairs in problems().items()}
    for title, found in tables.items():
        print(f"{title}: area under the ROC curve, {SHARES} of the entries missing")
        for name, values in found.items():
            print("  " + "  ".join(f"{value:.3f}" for value in values) + f"  {name}")
    draw(tables, path)
    print(f"Figure written to {path}")
    names, shares = ("energy", "score", "mixture", "forest"), ("none", "quarter", "half")
    return {
        f"{kind}.{name}.{share}": value
        for kind, found in zip(("tumours", "digits"), tables.values())
        for name, values in zip(names, found.values())
        for share, value in zip(shares, values)
    }


def main():
    run(**parse(__doc__, "novel_rows.png"))


if __name__ == "__main__":
    main()
