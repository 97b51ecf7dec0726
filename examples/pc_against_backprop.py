"""PC against backpropagation: the same network and the same code except for one argument.

Does a deep network train by predictive coding as it does by backpropagation? The claim (thesis,
arXiv:2510.23323, and arXiv:2602.07697): under muPC it does. The gradients of the two are close but
not equal, and differ more as the output precision grows.
"""

import warnings

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from pcnet import PCClassifier, infer
from pcnet.theory import backprop_gradients

# %%
# Method
# ------
# One argument, ``inference``, selects the rule. Everything else is the same: the network, its
# first weights, the batches, the solver.

RULES = {"predictive coding": "error", "backpropagation": "backprop"}
PRECISIONS = (0.01, 0.1, 1.0, 10.0)


def cosine(a, b):
    """Cosine of two lists of arrays, each taken as one vector."""
    a, b = (np.concatenate([w.ravel() for w in part]) for part in (a, b))
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))


# %%
# Training goes epoch by epoch, to record the test accuracy after each.


def train(rule, split, depth, width, max_iter, seed=0):
    """A trained classifier and its test accuracy after each epoch."""
    X, X_test, y, y_test = split
    model = PCClassifier(
        (width,) * depth,
        inference=RULES[rule],
        max_iter=1,
        warm_start=True,
        random_state=seed,
    )
    accuracies, losses = [], []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # one epoch for each call is intended
        for _ in range(max_iter):
            model.partial_fit(X, y, classes=np.arange(10))
            accuracies.append(model.score(X_test, y_test))
            losses.append(model.loss_curve_[-1])
    return model, np.array(losses), np.array(accuracies)


# %%
# The gradients of both rules are compared in the network that predictive coding trained, at
# several output precisions.


def gradient_cosines(model, X, y, n_samples=100):
    """Cosine of PC's and backpropagation's weight gradient at each of `PRECISIONS`."""
    net, X = model.network_, np.ascontiguousarray(X[:n_samples], dtype=model.network_.dtype)
    Y = np.eye(10, dtype=net.dtype)[y[:n_samples]]
    exact, _ = backprop_gradients(net, X, Y)
    found = []
    for precision in PRECISIONS:
        end = infer(net, X, Y, output_precision=precision)
        by_pc, _ = net.weight_gradients(X, end.errors, end.activities)
        found.append(cosine([w.astype(np.float64) for w in by_pc], exact))
    return np.array(found)


# %%
# Loss, accuracy and the cosines have a panel each.


def draw(curves, cosines, path):
    """Loss and accuracy by epoch for each rule, and the cosines of gradients.

    Parameters
    ----------
    curves : {rule: (losses, accuracies)}
    cosines : {when: ndarray, an entry for each of `PRECISIONS`}
    path : path-like
    """
    figure, (left, middle, right) = new_figure("The same network by two rules", [1, 1, 1])
    for (rule, (losses, accuracies)), colour in zip(curves.items(), COLOURS, strict=False):
        epochs = np.arange(1, len(losses) + 1)
        left.semilogy(epochs, losses, "o-", ms=3, color=colour, label=rule)
        middle.plot(epochs, 100 * accuracies, "o-", ms=3, color=colour, label=rule)
    left.set(xlabel="epoch", ylabel="training loss", title="The loss falls alike")
    middle.set(xlabel="epoch", ylabel="test accuracy, %", title="The accuracy rises alike")
    for (name, values), colour in zip(cosines.items(), COLOURS, strict=False):
        right.semilogx(PRECISIONS, values, "o-", color=colour, label=name)
    right.set(xlabel="output precision", ylabel="cosine of the gradients", ylim=(None, 1.02))
    right.set_title("The gradients part with precision")
    for ax in (left, middle, right):
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small")
    return save(figure, path)


def run(path, depth=30, width=64, seeds=1, data=None, epochs=12):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------

    X, y = digits(data)
    split = train_test_split(X, y, test_size=500, random_state=0)
    curves, cosines, figures = {}, {}, {}
    for rule in RULES:
        runs = [train(rule, split, depth, width, epochs, seed) for seed in range(seeds)]
        model = runs[0][0]
        losses, accuracies = (np.mean([found[k] for found in runs], axis=0) for k in (1, 2))
        curves[rule] = losses, accuracies
        figures[f"accuracy.{rule}"] = accuracies[-1]
        print(f"{rule}: loss {losses[-1]:.4f}, test accuracy {accuracies[-1]:.1%}")
        if rule == "predictive coding":
            fresh, _, _ = train(rule, split, depth, width, 1)
            cosines = {
                "after 1 epoch": gradient_cosines(fresh, X, y),
                f"after {epochs} epochs": gradient_cosines(model, X, y),
            }
    for name, values in cosines.items():
        pairs = ", ".join(f"{v:.3f} at {p:g}" for v, p in zip(values, PRECISIONS, strict=True))
        print(f"gradient cosine {name}: {pairs}")

    # %%
    # Both rules reach the same accuracy by nearly the same path. At a small output precision the
    # two gradients point the same way. The larger the precision, the more they differ, and more
    # after training than before.

    draw(curves, cosines, path)

    # %%
    # What to change next
    # -------------------
    #
    # - A deeper network: ``depth``. Several seeds: ``seeds``. MNIST: ``data``.
    # - A larger ``output_precision`` in ``train``: does the different gradient learn better or
    #   worse? :doc:`/where-it-helps` has an answer for several tasks.
    # - The gradients by layer: :class:`pcnet.display.GradientCosineDisplay`.
    #
    # More: :func:`pcnet.theory.backprop_gradients` and the pages :doc:`/inference` and
    # :doc:`/precision`.

    return figures


def main():
    defaults = {"depth": 30, "width": 64, "seeds": 1, "data": None, "epochs": 12}
    execute(run, __doc__, "pc_against_backprop.png", **defaults)


if __name__ == "__main__":
    main()
