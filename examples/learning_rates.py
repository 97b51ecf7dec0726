"""Learning rates transfer: the best rate at 32 units x 8 layers is the best at 512 x 128.

Is the best learning rate of a small network also the best of a large one? One
``learning_rate_init`` at every width and depth, for predictive coding in muPC networks and in
standard ones (sp); a few batches of the digits each. muPC scales each layer's step with its shape,
see ``pcnet.parameterization.learning_rate_multipliers``; sp does not.
"""

import numpy as np
from _common import COLOURS, digits, execute, new_figure, save
from sklearn.model_selection import train_test_split

from pcnet import PCClassifier
from pcnet.theory import learning_rate_transfer

# %%
# Method
# ------
# Three shapes from small to large. The largest has fewer rates, because it takes longest.

RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
WIDTHS, DEPTHS = (32, 128, 512), (8, 32, 128)  # of the first, second and third network
FEW_RATES = {(512, 128): (0.01, 0.03, 0.1)}
N_SAMPLES, N_EPOCHS = 640, 2


def shapes_of(widths=WIDTHS, depths=DEPTHS):
    """{parameterization: {(width, hidden layers): rates}}.

    All shapes but the last suffice to show that sp does not transfer.
    """
    shapes = list(zip(widths, depths, strict=True))
    mupc = {shape: FEW_RATES.get(shape, RATES) for shape in shapes}
    return {"mupc": mupc, "sp": dict.fromkeys(shapes[:-1], RATES)}


# %%
# ``learning_rate_transfer`` trains a network of each shape at each rate, and returns a table.


def sweep(data, shapes, parameterization, n_epochs=N_EPOCHS, seed=0):
    """Table with the fields width, depth, rate, score, loss: a row for each training."""
    X_train, X_test, y_train, y_test = data
    estimator = PCClassifier(
        parameterization=parameterization,
        batch_size=64,
        max_iter=n_epochs,
        tol=0,
        random_state=seed,
    )
    parts = []
    for (width, depth), rates in shapes.items():
        parts.append(
            learning_rate_transfer(
                estimator, X_train, y_train, X_test, y_test, rates, [width], [depth]
            )
        )
    return np.concatenate(parts)


def mean_sweep(data, shapes, parameterization, seeds=1):
    """`sweep`, with the mean scores and losses of several seeds."""
    tables = [sweep(data, shapes, parameterization, seed=seed) for seed in range(seeds)]
    for field in ("score", "loss"):
        tables[0][field] = np.mean([table[field] for table in tables], axis=0)
    return tables[0]


# %%
# The best rate is the one with the least training loss.


def losses(table, shape):
    """Rates and training losses of one shape; the loss is inf where training diverged."""
    rows = table[(table["width"] == shape[0]) & (table["depth"] == shape[1])]
    return rows["rate"], rows["loss"]


def best_rate(table, shape):
    """The rate with the least training loss at a shape."""
    rates, values = losses(table, shape)
    return float(rates[np.argmin(values)])


# %%
# A panel for each parameterization, a curve for each shape; circles mark the best rates.


def draw(tables, path):
    """Training loss by learning rate, a curve for each shape; circles mark the best."""
    figure, axes = new_figure("Learning rates that transfer", [1, 1])
    titles = {"mupc": "muPC: one best rate", "sp": "sp: each shape has its own"}
    top = 0.6  # an output of 0 has a loss of 0.5
    for ax, (name, table) in zip(axes, tables.items()):
        shapes = sorted({(int(row["width"]), int(row["depth"])) for row in table})
        for shape, colour in zip(shapes, COLOURS):
            rates, values = losses(table, shape)
            shown = np.minimum(values, top)
            label = f"{shape[0]} units x {shape[1]} layers"
            ax.semilogx(rates, shown, ".-", color=colour, lw=1.8, label=label)
            place = np.argmin(values)
            ax.plot(rates[place], shown[place], "o", ms=11, mfc="none", color=colour)
        ax.axhline(top, color="0.5", lw=1, ls=":")
        ax.annotate(
            "diverged, or worse than that",
            (0.02, top),
            (0, -11),
            fontsize=7,
            color="0.4",
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
        )
        ax.set(xlabel="learning_rate_init", title=titles[name], ylim=(0, top + 0.03))
        ax.set_ylabel("training loss of the last epoch")
        ax.grid(alpha=0.3)
        ax.legend(fontsize=8, loc="lower left")
    return save(figure, path)


def run(path, depth=DEPTHS, width=WIDTHS, seeds=1, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------

    X_train, X_test, y_train, y_test = train_test_split(
        *digits(data), train_size=N_SAMPLES, random_state=0
    )
    split, shapes = (X_train, X_test, y_train, y_test), shapes_of(width, depth)
    tables = {name: mean_sweep(split, shapes[name], name, seeds) for name in shapes}
    for name, table in tables.items():
        for row in table:
            print(
                f"{name:4s} {row['width']:3d} x {row['depth']:3d}, rate {row['rate']:5g}: "
                f"loss {row['loss']:.3f}, test accuracy {row['score']:.1%}"
            )
    figures = {
        f"{name}.{shape[0]} x {shape[1]}": best_rate(table, shape)
        for name, table in tables.items()
        for shape in shapes[name]
    }
    for shape, rate in figures.items():
        print(f"{shape}: best rate {rate:g}")

    # %%
    # With muPC, the best rate of the small network is that of the large ones. With sp it falls as
    # the network grows: tuned on a small network, a large one diverges.

    draw(tables, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other shapes: ``width``, ``depth``. Other rates: ``RATES``. Several seeds: ``seeds``.
    # - Longer training: ``N_EPOCHS``.
    # - Tune your own network at a sixteenth of its size: :doc:`/tune`.
    #
    # More: :func:`pcnet.theory.learning_rate_transfer`, :mod:`pcnet.parameterization` and the
    # page :doc:`/depth`.

    return figures


def main():
    execute(run, __doc__, "learning_rates.png", depth=DEPTHS, width=WIDTHS, seeds=1, data=None)


if __name__ == "__main__":
    main()
