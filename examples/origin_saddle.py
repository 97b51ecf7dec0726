"""The origin of the weights: flat for the loss, a strict saddle for the equilibrated energy.

Why does predictive coding leave weights near 0 sooner than backpropagation? Standard networks (sp,
no skips, lambda 1) are compared at the origin of their weights, by curvature, and near it, in
training (Innocenti et al. 2024, arXiv:2408.11979, figures 3 and 5).
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save

from pcnet import Network, infer
from pcnet.theory import (
    at_origin,
    backprop_gradients,
    energy_hessian,
    loss_hessian,
    predicted_origin_eigenvalues,
)

# %%
# Method
# ------
# First the Hessians of the loss and of the equilibrated energy at the origin. The network is
# small enough to compute all eigenvalues. Theory predicts them in closed form: for each unit below
# the output those of ``-Sigma_yy``, and 0.

ACTIVATIONS = ("identity", "tanh", "relu")
WIDTH, N_HIDDEN = 50, 4
SPREAD, RATE, N_STEPS = 0.01, 1.0, 600
BATCH_SIZE, EVERY = 64, 10


def images(data=None):
    """Images and one-hot targets of the digits."""
    X, y = digits(data)
    return X, np.eye(10, dtype=np.float32)[y]


def spectra(X, Y, width=5, n_hidden=2):
    """{function: (exact eigenvalues, predicted eigenvalues)} at the origin."""
    X, Y = np.asarray(X, np.float64), np.asarray(Y, np.float64)
    net = at_origin(
        Network.init((X.shape[1], *[width] * n_hidden, Y.shape[1]), "tanh", "sp", skip=False)
    )
    found = {}
    for of, hessian in (("energy", energy_hessian), ("loss", loss_hessian)):
        exact = np.linalg.eigvalsh(hessian(net, X, Y).toarray())
        found[of] = exact, predicted_origin_eigenvalues(net, X, Y, of=of)
    return found


# %%
# Then training from weights near 0, by plain SGD with the gradients of predictive coding and of
# backpropagation. Both see the same batches.


def start(X, Y, activation, seed, width=WIDTH, n_hidden=N_HIDDEN, spread=SPREAD):
    """A network with weights N(0, spread^2)."""
    rng = np.random.default_rng(seed)
    sizes = (X.shape[1], *[width] * n_hidden, Y.shape[1])
    shapes = zip(sizes, sizes[1:])
    weights = [(spread * rng.standard_normal(shape)).astype(X.dtype) for shape in shapes]
    return Network.from_weights(weights, activation=activation)


def energy_gradients(net, X, Y):
    """Predictive coding's: the local ones at equilibrium."""
    result = infer(net, X, Y)
    return net.weight_gradients(X, result.errors, result.activities)[0]


def loss_gradients(net, X, Y):
    """Backpropagation's."""
    return backprop_gradients(net, X, Y)[0]


METHODS = {"predictive coding": energy_gradients, "backpropagation": loss_gradients}

# %%
# A network has left the plateau when its loss has fallen by a twentieth.


def descend(net, X, Y, gradients, n_steps=N_STEPS, rate=RATE, every=EVERY):
    """Train by plain SGD; the feed-forward loss of all samples every few steps."""
    rng = np.random.default_rng(0)  # the same batches for both methods
    losses = []
    for step in range(n_steps + 1):
        if step % every == 0:
            losses.append(0.5 * float(np.mean(np.sum((Y - net.output(X)) ** 2, axis=1))))
        rows = rng.choice(len(X), BATCH_SIZE, replace=False)
        for W, gradient in zip(net.weights, gradients(net, X[rows], Y[rows])):
            W -= np.asarray(rate * gradient, W.dtype)
    return np.array(losses)


def steps_to_escape(losses, every=EVERY):
    """Steps until the loss has left its plateau, by a twentieth; inf if never."""
    left = np.flatnonzero(losses < 0.95 * losses[0])
    return float(every * left[0]) if left.size else float("inf")


# %%
# One panel shows the eigenvalues by rank, the others the loss over the steps, by activation.


def draw(found, curves, path, every=EVERY, n_hidden=N_HIDDEN):
    """Spectra at the origin, and the loss of each network over SGD steps."""
    panels = [1] * (1 + len(curves))
    figure, axes = new_figure("The origin: flat for the loss, not for the energy", panels, 4)
    for (of, (exact, predicted)), colour in zip(found.items(), COLOURS):
        rank = np.arange(1, len(exact) + 1)
        axes[0].plot(rank, exact, "o", color=colour, mfc="none", ms=5, label=f"{of}, exact")
        axes[0].plot(rank, predicted, "-", color=colour, lw=1.2, label=f"{of}, predicted")
    axes[0].set_xscale("log")
    axes[0].set(xlabel="rank", ylabel="eigenvalue of the Hessian at the origin")
    axes[0].set_title("At the origin (tanh)")
    axes[0].legend(fontsize=7, loc="center left")
    for ax, (activation, by_method) in zip(axes[1:], curves.items()):
        for (name, runs), colour in zip(by_method.items(), COLOURS):
            for index, losses in enumerate(runs):
                steps = every * np.arange(len(losses))
                ax.plot(steps, losses, color=colour, lw=1.5, label=name if index == 0 else None)
        title = {"identity": "linear"}.get(activation, activation)
        ax.set(xlabel="SGD steps", ylim=(0, None), title=f"{title}, {n_hidden} hidden layers")
    for ax in axes[1:]:
        ax.set_ylabel("loss")
        ax.legend(fontsize=8, loc="lower left")
    for ax in axes:
        ax.grid(alpha=0.3)
    return save(figure, path)


def run(path, depth=N_HIDDEN, width=WIDTH, seeds=2, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------

    X, Y = images(data)
    found = spectra(X, Y)
    for of, (exact, predicted) in found.items():
        apart = np.abs(exact - predicted).max()
        print(
            f"{of:6s} at the origin: smallest eigenvalue {exact[0]:.4f}, theory off by {apart:.0e}"
        )
    curves, escapes = {}, {name: [] for name in METHODS}
    for activation in ACTIVATIONS:
        curves[activation] = {
            name: [
                descend(start(X, Y, activation, seed, width, depth), X, Y, rule)
                for seed in range(seeds)
            ]
            for name, rule in METHODS.items()
        }
        for name, runs in curves[activation].items():
            steps = [steps_to_escape(losses) for losses in runs]
            escapes[name] += steps
            shown = ", ".join(f"{n:.0f}" for n in steps)
            print(f"{activation:8s} {name:17s} leaves the plateau after {shown} steps")

    # %%
    # All eigenvalues of the loss are 0: the origin is flat, and backpropagation stays there. The
    # energy has negative ones, as predicted, and predictive coding leaves in some hundred steps.

    draw(found, curves, path, n_hidden=depth)

    # %%
    # What to change next
    # -------------------
    #
    # - Another spread of the first weights: ``SPREAD``. More steps: ``N_STEPS``.
    # - Other depths: with one hidden layer, the loss has a strict saddle, too.
    # - muPC networks have skips and do not start near the origin: :doc:`/saddles` says what
    #   differs.
    #
    # More: :func:`pcnet.theory.energy_hessian`, :func:`pcnet.theory.loss_hessian` and the page
    # :doc:`/saddles`.

    return {
        "escape": np.mean(escapes["predictive coding"]),
        "stays": min(min(escapes["backpropagation"]), N_STEPS),
    }


def main():
    execute(run, __doc__, "origin_saddle.png", depth=N_HIDDEN, width=WIDTH, seeds=2, data=None)


if __name__ == "__main__":
    main()
