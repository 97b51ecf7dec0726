"""Equilibrium energy: the closed form compared with the energy that inference reaches.

Does inference reach the equilibrium energy that theory predicts? For a linear network it is a
rescaled squared error, F* = 1/2 r S^-1 r^T with ``S = I / lambda + sum_l P_l^T P_l`` (Innocenti
et al. 2024, arXiv:2408.11979, figure 1). Three depths are trained; F* is compared with what error
descent reaches, and with activity descent at its best rate.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save

from pcnet import PCClassifier, infer
from pcnet.callbacks import Callback
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.theory import activity_hessian, equilibrium_energy, extreme_eigenvalues, in_float64

# %%
# Method
# ------
# A callback records three numbers of one batch every few steps of training: the energy that error
# descent reaches, the energy of the closed form, and the loss.

DEPTHS = (2, 5, 10)
EXACT = ErrorDescent(max_steps=500, tol=1e-8, energy_tol=0)


class EnergyRecorder(Callback):
    """Energies of one batch every few steps of training: by inference, and in closed form."""

    def __init__(self, X, Y, every):
        self.X, self.Y, self.every = X, Y, every
        self.steps, self.reached, self.predicted, self.loss = [], [], [], []

    def on_batch_end(self, run, report):
        if (run.n_steps - 1) % self.every:
            return
        net = in_float64(run.network)
        self.steps.append(run.n_steps)
        self.predicted.append(equilibrium_energy(net, self.X, self.Y).mean())
        self.reached.append(infer(net, self.X, self.Y, EXACT).energy.mean())
        outputs = net.output(self.X)
        self.loss.append(0.5 * np.mean(np.sum((self.Y - outputs) ** 2, axis=1)))


# %%
# The networks are linear (``activation="identity"``), trained with predictive coding.


def train(X, y, depth, width=64, max_iter=4, every=4):
    """A trained linear network, and the record of its energies on the last 64 samples."""
    batch = np.asarray(X[-64:], dtype=np.float64), np.eye(10)[y[-64:]]
    record = EnergyRecorder(*batch, every)
    model = PCClassifier(
        (width,) * depth,
        activation="identity",
        output_precision=1.0,
        inference=ErrorDescent(max_steps=100),
        batch_size=64,
        max_iter=max_iter,
        callbacks=record,
        random_state=0,
    )
    model.fit(X[:-64], y[:-64])
    return in_float64(model.network_), record


# %%
# After training, step by step: how far two methods of inference are from F*. Activity descent
# takes its best constant rate, from the eigenvalues of the Hessian.


def traces(net, X, Y, n_steps=100):
    """{method: (F - F*) / F*} after 0, 1, .. steps, mean over the samples."""
    least = equilibrium_energy(net, X, Y).mean()
    rate = extreme_eigenvalues(activity_hessian(net, X[:1], Y[:1])).optimal_rate
    methods = {
        "error descent": ErrorDescent(n_steps, tol=0, energy_tol=0),
        "activity descent": ActivityDescent(n_steps, rate),
    }
    return {
        name: infer(net, X, Y, method).energy_trace / least - 1 for name, method in methods.items()
    }


# %%
# Energies in training have one panel, the distance from the closed form the other.


def draw(records, gaps, path):
    """Energies in training, and the distance from the closed form step by step of inference."""
    figure, (left, right) = new_figure("Equilibrium energy: theory and inference", [1.1, 1])
    for (depth, record), colour in zip(records.items(), COLOURS):
        label = f"{depth} hidden layers"
        left.plot(record.steps, record.predicted, color=colour, label=f"{label}, closed form")
        look = {"marker": "o", "mfc": "none", "ls": "", "ms": 6, "color": colour}
        left.plot(record.steps, record.reached, **look, label=f"{label}, inference")
        for (name, gap), style in zip(gaps[depth].items(), ("-", ":")):
            steps = np.arange(len(gap))
            shown = gap > 1e-13  # below this is rounding
            right.semilogy(steps[shown], gap[shown], style, color=colour, label=f"{name}, {label}")
    left.set(xlabel="batches of training", ylabel="mean energy of 64 unseen digits", ylim=(0, None))
    right.set(
        xlabel="steps of inference",
        ylabel="(F - F*) / F*",
        title="After training: error descent gets there",
    )
    left.set_title("In training: inference reaches the closed form")
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    return save(figure, path)


def run(path, depth=DEPTHS, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # By how much inference is off the closed form at most, in training, and what each method leaves
    # of the excess energy after a hundred steps:

    X, y = digits(data)
    records, gaps, figures = {}, {}, {}
    for n_hidden in depth:
        net, records[n_hidden] = train(X, y, n_hidden, width)
        record = records[n_hidden]
        gaps[n_hidden] = traces(net, record.X, record.Y)
        worst = np.max(np.abs(np.array(record.reached) / record.predicted - 1))
        print(
            f"{n_hidden:2d} hidden layers: off by {worst:.1e};",
            ", ".join(f"{name} {gap[-1]:.1e}" for name, gap in gaps[n_hidden].items()),
        )
        near = np.flatnonzero(gaps[n_hidden]["error descent"] < 1e-7)
        figures[f"steps.{n_hidden}"] = near[0] if near.size else np.inf
        figures[f"activity_descent_excess.{n_hidden}"] = gaps[n_hidden]["activity descent"][-1]

    # %%
    # Inference reaches the energy that theory predicts, to rounding, in all of training. Error
    # descent takes a few steps where the network is shallow and some tens at ten layers; activity
    # descent is still far away after a hundred.

    draw(records, gaps, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other depths: ``depth``. MNIST: ``data``.
    # - Another method in ``traces``: ``NesterovDescent`` or ``GaussSeidel``.
    # - A tanh network has no closed form: compare with a long error descent, as
    #   :doc:`race_to_equilibrium` does.
    #
    # More: :func:`pcnet.theory.equilibrium_energy` and the page :doc:`/theory`.

    return figures


def main():
    execute(run, __doc__, "equilibrated_energy.png", depth=DEPTHS, width=64, data=None)


if __name__ == "__main__":
    main()
