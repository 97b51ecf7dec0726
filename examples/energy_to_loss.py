"""Energy and loss: muPC's energy approaches the loss where width exceeds depth.

When does muPC's energy approach the loss, and its gradients those of backpropagation? Under muPC
the rescaling of the loss is S = I / lambda + sum_l P_l^T P_l with a sum of order depth / width:
wide networks learn as with backpropagation, at lambda = 1 and with full inference. Standard
networks (sp) keep a rescaling of order one at any width.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save

from pcnet.theory import backprop_comparison_sweep

# %%
# Method
# ------
# The networks are fresh, the images and one-hot targets those of 64 digits. Linear networks are
# solved in closed form, tanh networks by inference.

WIDTHS, DEPTHS = (8, 32, 128, 512), (1, 3, 7, 15, 31)
N_SEEDS = 2
TANH_WIDTHS, TANH_DEPTHS = (8, 32, 128), (1, 7)


def batch(n=64, data=None):
    """Images and one-hot targets of n digits."""
    X, y = digits(data)
    return X[:n].astype(np.float64), np.eye(10)[y[:n]]


# %%
# ``backprop_comparison_sweep`` returns a table with a row for each width, depth and seed: the
# energy at equilibrium over the loss, and the cosine of the two gradients.


def averages(table, field, **where):
    """Means over the seeds at each width, of the rows of one depth."""
    rows = table[table["depth"] == where["depth"]]
    widths = np.unique(rows["width"])
    return widths, np.array([rows[field][rows["width"] == width].mean() for width in widths])


def sweeps(X, Y, widths=WIDTHS, depths=DEPTHS, n_seeds=N_SEEDS):
    """{name: table} of linear muPC and sp networks and of tanh muPC networks."""
    linear = {"activation": "identity"}
    few = [w for w in TANH_WIDTHS if w in widths], [d for d in TANH_DEPTHS if d in depths]
    return {
        "muPC": backprop_comparison_sweep(X, Y, widths, depths, n_seeds, **linear),
        "sp": backprop_comparison_sweep(
            X, Y, widths, depths, n_seeds, parameterization="sp", skip=False, **linear
        ),
        "muPC, tanh": backprop_comparison_sweep(X, Y, *few, 1, activation="tanh"),
    }


# %%
# A panel each: the ratio over the width, the cosine, and how far the ratio is from 1 over depth /
# width.


def draw(tables, path):
    """Ratio and cosine by width, and the distance of the ratio from 1 by depth / width."""
    figure, (left, middle, right) = new_figure("muPC's energy becomes the loss", [1, 1, 1])
    depths = np.unique(tables["muPC"]["depth"])
    shades = np.linspace(0.3, 1.0, len(depths))
    panels = (left, "energy_to_loss_ratio"), (middle, "gradient_cosine")
    for axes, field in panels:
        for depth, alpha in zip(depths, shades):
            look = {"color": COLOURS[0], "alpha": alpha, "label": f"muPC, {depth}"}
            axes.semilogx(*averages(tables["muPC"], field, depth=depth), "-", **look)
        for depth in depths[[0, -1]]:
            look = {"color": COLOURS[1], "alpha": 0.4 if depth == depths[0] else 1.0}
            label = f"sp, {depth}"
            axes.semilogx(*averages(tables["sp"], field, depth=depth), "--", label=label, **look)
        table = tables["muPC, tanh"]
        look = {"color": COLOURS[3], "mfc": "none", "label": "muPC, tanh, 1 and 7"}
        axes.semilogx(table["width"], table[field], "o", **look)
        widths = np.unique(tables["muPC"]["width"])
        axes.set_xticks(widths, widths)
        axes.minorticks_off()
        axes.set(xlabel="width", ylim=(None, 1.02))
    left.set(ylabel="energy at equilibrium / loss", title="Wide: the energy is the loss")
    middle.set(ylabel="cosine of PC's and BP's gradients", title="Wide: the same gradient")
    for axes in (left, middle):
        # below the curves on the left, above the one at 0 in the middle
        place = {"loc": "lower right", "bbox_to_anchor": (1, 0.06 * (axes is middle))}
        axes.legend(title="hidden layers", fontsize=8, title_fontsize=8, labelspacing=0.3, **place)
    for name, colour, mark in (("muPC", COLOURS[0], "o"), ("sp", COLOURS[1], "x")):
        table = tables[name]
        shape = table["depth"] / table["width"]
        gap = 1 - table["energy_to_loss_ratio"]
        right.loglog(shape, gap, mark, color=colour, ms=5, mfc="none", label=name)
    shape = np.array([min(shape), 0.1])
    right.loglog(shape, shape, "k-.", lw=0.8, label="depth / width")
    right.set(xlabel="depth / width", ylabel="1 - energy / loss", title="The gap is depth / width")
    right.legend(fontsize=8)
    for axes in (left, middle, right):
        axes.grid(alpha=0.3)
    return save(figure, path)


def run(path, depth=DEPTHS, width=WIDTHS, seeds=N_SEEDS, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # For each width: the energy over the loss, and the cosine of the gradients.

    tables = sweeps(*batch(data=data), width, depth, seeds)
    for name, table in tables.items():
        for n_hidden in np.unique(table["depth"]):
            widths, ratios = averages(table, "energy_to_loss_ratio", depth=n_hidden)
            _, cosines = averages(table, "gradient_cosine", depth=n_hidden)
            cells = (f"{w}: {r:.3f} {c:.3f}" for w, r, c in zip(widths, ratios, cosines))
            print(f"{name:10s} {n_hidden:2d} layers ", "  ".join(cells))
    sp = tables["sp"]
    deepest = sp["gradient_cosine"][sp["depth"] == max(depth)]

    # %%
    # muPC's energy becomes the loss as the width exceeds the depth, and its gradient
    # backpropagation's. The gap is about depth / width. A standard network keeps its gap at any
    # width.

    draw(tables, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other shapes: ``depth``, ``width``. MNIST: ``data``.
    # - A larger or smaller output precision: ``backprop_comparison_sweep`` takes it.
    # - Trained networks: :class:`pcnet.display.GradientCosineDisplay` draws the cosine by layer.
    #
    # More: :func:`pcnet.theory.backprop_comparison_sweep` and the page :doc:`/theory`.

    return {"sp_cosine": np.max(deepest)}


def main():
    defaults = {"depth": DEPTHS, "width": WIDTHS, "seeds": N_SEEDS, "data": None}
    execute(run, __doc__, "energy_to_loss.png", **defaults)


if __name__ == "__main__":
    main()
