"""Conditioning: how badly conditioned inference is over depth, width and training, sp and muPC.

How badly conditioned is inference, and does muPC help? Activity descent needs about as many steps
as the condition number of the activity Hessian. A network that carries a signal through many layers
must be close to the identity from layer to layer, and then its Hessian is that of a long chain. The
condition number grows with the square of the depth (muPC), hardly with the width, and further in
training. A standard network (sp) is well conditioned only because the signal vanishes in it; with
skips its activities grow with the depth, and the condition number even faster. muPC improves the
forward pass, not the conditioning.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save

from pcnet import Network, PCClassifier
from pcnet.inference import ErrorDescent
from pcnet.theory import activity_hessian, extreme_eigenvalues, forward_norms, over_shapes

# %%
# Method
# ------
# Three kinds of networks: muPC, standard ones (sp), and standard ones with skips.

#: Name -> (parameterization, skips, learning rate for training)
KINDS = {
    "muPC": ("mupc", True, 0.03),
    "sp with skips": ("sp", True, 0.001),
    "sp": ("sp", False, 0.003),
}
WIDTHS, DEPTHS = (16, 64, 256), (4, 8, 16, 32)
STYLES = (":", "-", "--")
TRAINED = (4, 8, 16)

# %%
# The condition number is the largest eigenvalue of the activity Hessian over its smallest.


def condition_number(net, x, label):
    """Of the Gauss-Newton Hessian at the feed-forward state of one image, lambda 1."""
    hessian = activity_hessian(net, x, np.eye(10)[label], gauss_newton=True)
    return extreme_eigenvalues(hessian).condition_number


# %%
# Fresh networks of every width and depth, with the size of the activities of the last hidden
# layer over that of the first: 1 if the signal passes, 0 if it vanishes.


def at_the_start(X, y, widths, depths, n_seeds=1):
    """{kind: table of condition number and growth of the activities} of fresh networks."""

    def measurer(parameterization, skip):
        def measure(width, depth, seed):
            sizes = (X.shape[1], *[width] * depth, 10)
            net = Network.init(
                sizes, "tanh", parameterization, skip, random_state=seed, dtype=np.float64
            )
            norms = forward_norms(net, X)
            return {
                "condition": condition_number(net, X[seed], y[seed]),
                "growth": norms[-2] / norms[0],
            }

        return measure

    return {
        name: over_shapes(measurer(*kind[:2]), widths, depths, n_seeds)
        for name, kind in KINDS.items()
    }


# %%
# And networks in training, after 1 to 16 epochs.


def in_training(X, y, depth, epochs, width=64, name="muPC", n_images=3):
    """Condition number after these numbers of epochs, geometric mean over some images."""
    parameterization, skip, rate = KINDS[name]
    model = PCClassifier(
        (width,) * depth,
        activation="tanh",
        parameterization=parameterization,
        skip=skip,
        output_precision=1.0,
        inference=ErrorDescent(max_steps=300),  # already badly conditioned
        learning_rate_init=rate,
        random_state=0,
    )
    train, test = slice(0, -100), range(len(X) - n_images, len(X))
    found = []
    for epoch in range(1, max(epochs) + 1):
        model.partial_fit(X[train], y[train], classes=range(10))
        if epoch in epochs:
            logs = [np.log(condition_number(model.network_, X[i], y[i])) for i in test]
            found.append(np.exp(np.mean(logs)))
    return np.array(found)


# %%
# A panel each: the condition number over depth, the growth of the activities, and the condition
# number in training.


def draw(tables, epochs, trained, path):
    """Condition number and growth of activities over depth, condition number over training."""
    figure, (left, middle, right) = new_figure(
        "How badly conditioned inference is (tanh, digits)", [1, 1, 1]
    )
    colours, shown = dict(zip(KINDS, COLOURS)), []
    for name, table in tables.items():
        for width, style in zip(np.unique(table["width"]), STYLES):
            rows = table[table["width"] == width]
            look = {"color": colours[name], "ls": style, "label": f"{name}, {width} units"}
            left.loglog(rows["depth"], rows["condition"], **look)
            middle.loglog(rows["depth"], rows["growth"], **look)
        n_widths = len(np.unique(table["width"]))
        shown.append(left.lines[n_widths // 2 - n_widths])  # one line of each kind
    depths = np.unique(table["depth"])
    shown += left.loglog(depths, 3.0 * depths**2, color="k", lw=0.8, ls="-.")
    left.set(
        ylabel="condition number of the activity Hessian", title="At the start: grows with depth"
    )
    middle.set(ylabel="size of $z_H$ / size of $z_1$", title="At the start: sp loses the signal")
    for (name, depth), values in trained.items():
        style = dict(zip(TRAINED, STYLES)).get(depth, "-")
        right.loglog(epochs, values, style, color=colours[name], label=f"{name}, {depth} layers")
    right.set(xlabel="epochs of training", ylabel="condition number")
    right.set_title("In training: grows further (64 units)")
    right.set_xticks(epochs, epochs)
    for axes in (left, middle):
        axes.set(xlabel="hidden layers")
        axes.set_xticks(depths, depths)
    for axes in (left, middle, right):
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    middle.legend(fontsize=7, loc="lower left")
    left.legend(shown, [*tables, "like depth squared"], fontsize=8, loc="upper left")
    right.legend(fontsize=7, loc="lower right", bbox_to_anchor=(1, 0.12))
    return save(figure, path)


def run(path, depth=DEPTHS, width=WIDTHS, seeds=1, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # The deepest networks, and what training changes:

    X, y = digits(data)
    tables = at_the_start(X, y, width, depth, seeds)
    figures = {}
    for name, table in tables.items():
        deepest = table[table["depth"] == max(depth)]
        figures[f"growth.{name}"] = np.exp(np.mean(np.log(deepest["growth"])))
        for row in deepest:
            print(
                f"{name:14s} {row['depth']} x {row['width']:3d}: condition number "
                f"{row['condition']:8.3g}, activities grow by {row['growth']:.2g}"
            )
    epochs = (1, 2, 4, 8, 16)
    cases = [*(("muPC", depth) for depth in TRAINED), ("sp with skips", 8), ("sp", 8)]
    trained = {case: in_training(X, y, case[1], epochs, name=case[0]) for case in cases}
    for (name, n_hidden), values in trained.items():
        print(f"{name:14s} {n_hidden:2d} x 64 in training: {values[0]:8.3g} -> {values[-1]:8.3g}")
    rises = [values[-1] / values[0] for (name, _), values in trained.items() if name == "muPC"]
    figures |= {"least_rise": min(rises), "greatest_rise": max(rises)}
    table = tables["muPC"]
    ends = [table["condition"][table["depth"] == d].mean() for d in (min(depth), max(depth))]
    figures["power_of_depth"] = np.log(ends[1] / ends[0]) / np.log(max(depth) / min(depth))

    # %%
    # muPC's condition number grows with the square of the depth and hardly depends on the width.
    # Standard networks with skips are worse, and their activities grow. Standard networks without
    # skips look best, but no signal passes. Training makes the condition of muPC networks worse.

    draw(tables, epochs, trained, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other shapes: ``depth``, ``width``. Several seeds: ``seeds``.
    # - relu in place of tanh: ``activation`` in both functions.
    # - What the condition number costs: the number of steps, in :doc:`race_to_equilibrium`.
    #
    # More: :func:`pcnet.theory.activity_hessian`, :func:`pcnet.theory.over_shapes` and the page
    # :doc:`/theory`.

    return figures


def main():
    execute(run, __doc__, "conditioning.png", depth=DEPTHS, width=WIDTHS, seeds=1, data=None)


if __name__ == "__main__":
    main()
