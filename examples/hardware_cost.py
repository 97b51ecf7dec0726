"""Hardware cost: when predictive coding could win against backpropagation, and when not.

What would inference cost on a chip, in time, work and energy? ``pcnet.theory.cost`` counts what a
minibatch costs on a chip with one unit for each layer, for backpropagation and for four methods of
inference.
"""

import numpy as np
from _common import digits, execute, new_figure, save

from pcnet import Network, infer
from pcnet.inference import ActivityDescent, AugmentedLagrangian, NesterovDescent
from pcnet.theory import EnergyConstants, cost

# %%
# Method
# ------
# ``pcnet.theory.cost`` counts the multiply-adds, the bytes and the products one after another of
# a method in a network of given sizes. ``EnergyConstants`` says what each costs, in joules.

DEPTHS = (4, 8, 16, 32, 64, 128)
DEPTH, WIDTH = 32, 128
RESIDENT = EnergyConstants(weight_byte=1.25)  # weights in small memories beside the units
#: Name -> colour.
COLOUR = {
    "backpropagation": "#34608c",
    "error descent": "#c0392b",
    "PC-ALM": "#8e44ad",
    "Nesterov's method": "#d68910",
    "gradient descent": "#7f8c8d",
}
STEPS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def layer_sizes(depth, width=WIDTH):
    return (64, *(width,) * (depth - 1), 10)


# %%
# The passes of error descent depend on the network: they are measured, on new networks and
# digits.


def measured_passes(depth, width=WIDTH, n_samples=128):
    """Passes of error descent at the default output precision, new network, digits."""
    X, y = digits()
    net = Network.init(layer_sizes(depth, width), "relu", random_state=0)
    Y = np.eye(10, dtype=np.float32)[y[:n_samples]]
    return infer(net, X[:n_samples], Y, output_precision=3.5 / depth).n_passes.mean()


# %%
# The methods that move the signal one layer a step take the steps that residual networks need: 2
# L for Nesterov's method and PC-ALM, L^2 / 8 for gradient descent, with L layers.


def methods(depth, n_passes):
    """Name -> (method, passes) at this number of layers."""
    return {
        "backpropagation": ("backprop", None),
        "error descent": ("error", n_passes),
        "PC-ALM": (AugmentedLagrangian(2 * depth, rate=0.25), None),
        "Nesterov's method": (NesterovDescent(2 * depth, rate=0.25), None),
        "gradient descent": (ActivityDescent(max(depth**2 // 8, depth), rate=0.25), None),
    }


def over_depths(depths=DEPTHS, width=WIDTH):
    """{name: [MethodCost at each depth]}, a sample a minibatch."""
    found = {}
    for depth in depths:
        for name, tried in methods(depth, measured_passes(depth, width)).items():
            found.setdefault(name, []).append(cost(layer_sizes(depth, width), *tried))
    return found


# %%
# Weights in small memories beside the units make bytes cheap: the case in which predictive
# coding, which needs no transport of weights, could win.


def break_even(sizes, batch_size, steps=STEPS):
    """Energies by steps of activity descent with resident weights; two of backpropagation.

    Returns
    -------
    predictive, fetched, resident, steps : list of float, and three float
        Joules a sample for each of ``steps``; of backpropagation with weights from DRAM and with
        resident ones; the steps at which predictive coding needs as much as the former.
    """
    backprop = cost(sizes, "backprop", batch_size=batch_size)
    predictive = [
        cost(sizes, ActivityDescent(k, 0.25), batch_size=batch_size).energy(RESIDENT) / batch_size
        for k in steps
    ]
    fetched, resident = backprop.energy() / batch_size, backprop.energy(RESIDENT) / batch_size
    slope = (predictive[-1] - predictive[0]) / (steps[-1] - steps[0])
    even = steps[0] + (fetched - predictive[0]) / slope
    return predictive, fetched, resident, even


# %%
# Time, work and energy have a panel each.


def draw_depths(ax, costs, depths):
    """Layer products one after another, over the number of layers."""
    for name, row in costs.items():
        if name == "PC-ALM":  # the same as Nesterov's method
            continue
        label = "Nesterov's method, PC-ALM" if name.startswith("Nesterov") else name
        look = {"color": COLOUR[name], "label": label, "marker": "o", "ms": 3}
        ax.loglog(depths, [c.depth for c in row], base=2, **look)
    local = [1.5 * depth + 1 for depth in depths]
    ax.loglog(depths, local, "k:", base=2, label="if L / 4 local steps were enough")
    ax.set_xticks(depths, depths)
    ax.set_yticks([8, 32, 128, 512, 2048], [8, 32, 128, 512, 2048])
    ax.set(xlabel="layers L", ylabel="layer products one after another", title="Time of a sample")
    ax.legend(fontsize=7)


def draw_products(ax, costs, at, depth):
    """Multiply-adds of each method over backpropagation's."""
    base = costs["backpropagation"][at].multiply_adds
    ratios = {name: row[at].multiply_adds / base for name, row in costs.items()}
    ax.barh(list(ratios), list(ratios.values()), color=[COLOUR[n] for n in ratios], log=True)
    for place, ratio in enumerate(ratios.values()):
        ax.text(ratio * 1.1, place, f"{ratio:.3g}", va="center", fontsize=8)
    ax.invert_yaxis()
    ax.set(
        xlim=(0.7, 900),
        xlabel="multiply-adds over backprop's",
        title=f"Work, {depth} layers",
    )


def draw_energies(ax, energies, depth):
    """Energy of a sample over steps of inference, and where it is that of backpropagation."""
    for (batch_size, found), style in zip(energies.items(), ("-", "--")):
        predictive, fetched, resident, even = found
        ax.loglog(
            *(STEPS, 1e6 * np.array(predictive), style),
            color=COLOUR["gradient descent"],
            label=f"predictive coding, weights in place, batch {batch_size}",
        )
        look = {"color": COLOUR["backpropagation"], "ls": style}
        label = f"backpropagation, weights from DRAM, batch {batch_size}"
        ax.axhline(1e6 * fetched, label=label, **look)
        ax.plot(even, 1e6 * fetched, "o", color=COLOUR["error descent"])
    ax.axhline(1e6 * resident, ls=":", color="k", label="backpropagation, weights in place")
    ax.set(xlabel="steps of inference", ylabel="microjoules", ylim=(3, 1e6))
    ax.set_title(f"Energy of a sample, {depth} layers")
    ax.legend(fontsize=7, loc="upper left")


def draw(costs, energies, path, depths, at):
    figure, axes = new_figure("Predictive coding and backpropagation on a chip", [1, 0.9, 1.1])
    draw_depths(axes[0], costs, depths)
    draw_products(axes[1], costs, at, depths[at])
    draw_energies(axes[2], energies, depths[at])
    for ax in (axes[0], axes[2]):
        ax.grid(alpha=0.3)
        ax.minorticks_off()
    return save(figure, path)


def run(path, depth=DEPTHS, width=WIDTH):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # Multiply-adds, and bytes between layers, as multiples of backpropagation's:

    costs, figures = over_depths(depth, width), {}
    at = depth.index(DEPTH) if DEPTH in depth else len(depth) - 1
    base = costs["backpropagation"][at]
    for name, row in costs.items():
        found = row[at]
        figures[f"{name}.depth"] = found.depth
        figures[f"{name}.work"] = found.multiply_adds / base.multiply_adds
        figures[f"{name}.links"] = found.link_bytes / base.link_bytes
        figures[f"{name}.kept"] = found.stored_values / base.stored_values
        print(
            f"{depth[at]} layers, {name:17s} {found.depth:4.0f} products one after another, "
            f"multiply-adds x {figures[f'{name}.work']:.1f}, bytes x {figures[f'{name}.links']:.1f}"
        )
    figures["passes"] = costs["error descent"][at].n_passes
    energies = {n: break_even(layer_sizes(depth[at], width), n) for n in (1, 64)}
    for batch_size, (_, fetched, resident, even) in energies.items():
        figures[f"even.{batch_size}"] = even
        figures[f"fetched.{batch_size}"] = 1e6 * fetched
        figures[f"resident.{batch_size}"] = 1e6 * resident
        print(
            f"batch {batch_size}: as much energy as backpropagation from DRAM at {even:.0f} steps"
        )

    # %%
    # Backpropagation takes the least time and the least work at every depth. Predictive coding
    # wins energy where its weights stay in place and backpropagation's come from DRAM, at a batch
    # of one and up to some hundred steps. With the weights of both in place, it does not.

    draw(costs, energies, path, depth, at)

    # %%
    # What to change next
    # -------------------
    #
    # - Constants of your own chip: ``EnergyConstants``.
    # - Other sizes: ``depth``, ``width``; a larger batch in ``break_even``.
    # - If few local steps were enough (dotted in the first panel): which learning rule would need
    #   so few?
    #
    # More: :func:`pcnet.theory.cost`, :class:`pcnet.theory.EnergyConstants` and the page
    # :doc:`/cost`.

    return figures


def main():
    execute(run, __doc__, "hardware_cost.png", depth=DEPTHS, width=WIDTH)


if __name__ == "__main__":
    main()
