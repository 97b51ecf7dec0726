"""Depth: muPC trains 8 to 128 layers equally well, standard parameterization (sp) does not.

Do 128 layers train like 8? Residual relu networks on the digits, all trained with predictive coding
at default settings of ``PCClassifier`` but for the parameterization. muPC uses one learning rate at
every depth; sp has the best of several at each. The thesis' main figure (Innocenti 2025,
arXiv:2505.13124) shows the same on MNIST.
"""

import warnings

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from pcnet import PCClassifier
from pcnet.callbacks import Callback

# %%
# Method
# ------
# A callback records the test accuracy during training.

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


# %%
# All settings are the defaults of ``PCClassifier``, but for the parameterization and the learning
# rate. A run that diverged counts as chance.


def train(data, depth, parameterization, rate, width=WIDTH, epochs=EPOCHS, seed=0):
    """Steps and test accuracies of one network with this number of hidden layers."""
    X_train, X_test, y_train, y_test = data
    n_steps = epochs * -(-len(X_train) // 64)
    every = max(1, n_steps // 22)
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
        random_state=seed,
    )
    with warnings.catch_warnings():
        # inference stops early in networks whose activities overflow
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            model.fit(X_train, y_train)
        except FloatingPointError:
            record.steps = list(range(0, n_steps + 1, every))
            record.scores = [CHANCE] * len(record.steps)
    return np.array(record.steps), np.array(record.scores)


# %%
# muPC gets one learning rate at every depth. sp gets the better of two.


def best(data, depth, parameterization, seeds=1, **options):
    """The run with the best final accuracy among the learning rates, mean over the seeds."""
    means = []
    for rate in RATES[parameterization]:
        arguments = data, depth, parameterization, rate
        runs = [train(*arguments, seed=seed, **options) for seed in range(seeds)]
        means.append((runs[0][0], np.mean([scores for _, scores in runs], axis=0)))
    return max(means, key=lambda run: run[1][-1])


# %%
# The accuracy over training has a panel for each parameterization; the last panel shows its end.


def draw(curves, path):
    """Accuracy over training steps by depth, and the final accuracies over depth."""
    figure, (left, middle, right) = new_figure(
        "8 to 128 layers: muPC and the standard parameterization", [1, 1, 0.8]
    )
    titles = {"mupc": "muPC: every depth trains", "sp": "sp: the deeper, the worse"}
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
        ax.legend(fontsize=8, loc="lower right" if parameterization == "mupc" else (0.48, 0.24))
        right.semilogx(depths, final, "o-", color=colour, label=parameterization, base=2)
    right.set_xticks(depths, depths)
    right.set(xlabel="hidden layers", title="Accuracy at the end", ylim=(0, 102))
    right.legend(fontsize=8, loc="lower left")
    for ax in (left, middle, right):
        ax.axhline(100 * CHANCE, color="0.5", lw=1, ls=":")
        ax.grid(alpha=0.3)
        ax.set_ylabel("test accuracy, %")
    return save(figure, path)


def run(path, depth=DEPTHS, width=WIDTH, seeds=1, data=None, epochs=EPOCHS):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------

    split = train_test_split(*digits(data), random_state=0)
    curves, figures = {}, {}
    for parameterization in RATES:
        for n_hidden in depth:
            found = best(split, n_hidden, parameterization, seeds, width=width, epochs=epochs)
            curves[parameterization, n_hidden] = found
            figures[f"{parameterization}.{n_hidden}"] = accuracy = found[1][-1]
            print(f"{parameterization:4s} {n_hidden:3d} hidden layers: {accuracy:.1%}", flush=True)

    # %%
    # muPC trains 128 layers as it trains 8, at the same rate. The standard network loses accuracy
    # with every doubling of the depth.

    draw(curves, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Deeper: ``depth = (256, 512)``. :doc:`/how-deep` goes to a thousand layers, on MNIST.
    # - Other rates for sp: ``RATES``. Several seeds: ``seeds``. MNIST: ``data``.
    # - ``inference="backprop"`` in ``train``: backpropagation has the same problem with sp.
    #
    # More: :class:`pcnet.PCClassifier` (``parameterization``), :mod:`pcnet.parameterization` and
    # the page :doc:`/depth`.

    return figures


def main():
    defaults = {"depth": DEPTHS, "width": WIDTH, "seeds": 1, "data": None, "epochs": EPOCHS}
    execute(run, __doc__, "depth.png", **defaults)


if __name__ == "__main__":
    main()
