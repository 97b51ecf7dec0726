"""Depth: muPC trains 8 to 128 layers equally well, standard parameterization (sp) does not.

Residual relu networks on the digits, all trained with predictive coding at default settings of
`PCClassifier` but for the parameterization. muPC uses one learning rate at every depth; sp has the
best of several at each. The thesis' main figure (Innocenti 2025, arXiv:2505.13124) shows the same
on MNIST. A run that diverged counts as chance.
"""

import warnings

import numpy as np
from _common import COLOURS, digits, new_figure, output_path
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from pcnet import PCClassifier
from pcnet.callbacks import Callback

DEPTHS = (8, 16, 32, 64, 128)
WIDTH, EPOCHS, CHANCE = 64, 5, 0.1
RATES = {"mupc": (0.03,), "sp": (0.01, 0.001)}


class ScoreRecorder(Callback):
    """Test accuracy before training and every few batches."""

    def __init__(self, X, y, every):
        self.X, self.y, self.every = X, y, every
        self.steps, self.scores = [0], [CHANCE]

    def on_batch_end(self, run, report):
        if run.n_steps % self.every:
            return
        outputs = run.network.output(self.X)
        self.steps.append(run.n_steps)
        self.scores.append(float(np.mean(outputs.argmax(axis=1) == self.y)))


def train(data, depth, parameterization, rate, width=WIDTH, epochs=EPOCHS, every=5):
    """Steps and test accuracies of one network with this number of hidden layers."""
    X_train, X_test, y_train, y_test = data
    record = ScoreRecorder(X_test, y_test, every)
    model = PCClassifier(
        (width,) * depth,
        parameterization=parameterization,
        learning_rate_init=rate,
        batch_size=64,
        max_iter=epochs,
        tol=0,
        n_iter_no_change=epochs,
        callbacks=record,
        random_state=0,
    )
    with warnings.catch_warnings():
        # inference stops early in networks whose activities overflow
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            model.fit(X_train, y_train)
        except FloatingPointError:
            total = epochs * -(-len(X_train) // 64)
            record.steps, record.scores = [0, total], [CHANCE, CHANCE]
    return np.array(record.steps), np.array(record.scores)


def best(data, depth, parameterization, rates=None, **options):
    """The run with the best final accuracy among the learning rates."""
    rates = RATES[parameterization] if rates is None else rates
    runs = [train(data, depth, parameterization, rate, **options) for rate in rates]
    return max(runs, key=lambda run: run[1][-1])


def draw(curves, path):
    """Accuracy over training steps by depth, and the final accuracies over depth."""
    figure, (left, middle, right) = new_figure(
        "8 to 128 layers: muPC and the standard parameterization", [1, 1, 0.8]
    )
    titles = {"mupc": "muPC, one learning rate", "sp": "sp, best rate at each depth"}
    depths = sorted({depth for _, depth in curves})
    shades = dict(zip(depths, np.linspace(0.3, 1.0, len(depths))))
    for ax, colour, parameterization in zip((left, middle), COLOURS, titles):
        final = []
        for depth in depths:
            steps, scores = curves[parameterization, depth]
            look = {"color": colour, "alpha": shades[depth], "lw": 1.8}
            ax.plot(steps, 100 * scores, label=f"{depth} hidden layers", **look)
            final.append(100 * scores[-1])
        ax.set(xlabel="training steps", title=titles[parameterization], ylim=(0, 102))
        right.semilogx(depths, final, "o-", color=colour, label=parameterization, base=2)
    left.set_ylabel("test accuracy, %")
    left.legend(fontsize=8, loc="lower right")
    right.set_xticks(depths, depths)
    right.set(xlabel="hidden layers", title="At the end", ylim=(0, 102))
    right.legend(fontsize=8, loc="lower left")
    for ax in (left, middle, right):
        ax.axhline(100 * CHANCE, color="0.5", lw=1, ls=":")
        ax.grid(alpha=0.3)
    figure.savefig(path, dpi=70)


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    data = train_test_split(*digits(), random_state=0)
    curves, figures = {}, {}
    for parameterization in RATES:
        for depth in DEPTHS:
            curves[parameterization, depth] = found = best(data, depth, parameterization)
            figures[f"{parameterization}.{depth}"] = accuracy = found[1][-1]
            print(f"{parameterization:4s} {depth:3d} hidden layers: {accuracy:.1%}", flush=True)
    draw(curves, path)
    print(f"Figure written to {path}")
    return figures


def main():
    run(output_path(__doc__.splitlines()[0], "depth.png"))


if __name__ == "__main__":
    main()
