"""Draws the pictures of "Predictive coding in ten pages", with pcnet and matplotlib.

    python docs/draw_pictures.py [--output FOLDER] [NAME ...]

All numbers are computed here, in a few seconds; nothing is read from a file. A picture is a
function below that returns a figure; its name is the file's.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from sklearn.datasets import load_digits

from pcnet import Network, infer
from pcnet.inference import ActivityDescent, ErrorDescent
from pcnet.theory import backprop_gradients

IMAGES = Path(__file__).resolve().parent / "images" / "ten-pages"
RED, BLUE, GREY, GREEN, GOLD = "#c0392b", "#34608c", "#7f8c8d", "#2e7d52", "#d68910"
EXACT = ErrorDescent(max_steps=2000, tol=1e-8, energy_tol=0)


def new_figure(n_axes=1, height=3.3, **options):
    """A figure of the width of a page and its axes; letters are large enough for a phone."""
    figure = Figure(figsize=(6.4, height), layout="constrained")
    axes = figure.subplots(1, n_axes, **options)
    for ax in np.atleast_1d(axes):
        ax.tick_params(labelsize=10)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def chain(*weights):
    """A linear network with one unit a layer."""
    return Network.from_weights([[[float(w)]] for w in weights], activation="identity")


def digits(n_samples):
    X, y = load_digits(return_X_y=True)
    return X[:n_samples] / 8 - 1, np.eye(10)[y[:n_samples]]


def cosine(a, b):
    a, b = (np.concatenate([g.ravel() for g in gradients]) for gradients in (a, b))
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def deep_network(n_hidden, width=64, activation="tanh", **options):
    sizes = (64, *[width] * n_hidden, 10)
    return Network.init(sizes, activation, random_state=0, dtype=np.float64, **options)


# ---------------------------------------------------------------- the pictures


def network():
    """Layers, what they predict of the next one, and the errors in between."""
    figure, ax = new_figure(height=2.7)
    ax.set_axis_off()
    ax.set(xlim=(0, 10.6), ylim=(0.3, 4.2))
    names = ["$x$", "$z_1$", "$z_2$", "$y$"]
    places = [0.9, 3.8, 6.7, 9.6]
    for name, x in zip(names, places, strict=True):
        clamped = name in ("$x$", "$y$")
        box = FancyBboxPatch(
            (x - 0.55, 1.2),
            1.1,
            1.1,
            boxstyle="round,pad=0.05",
            facecolor="#e3e8ee" if clamped else "white",
            edgecolor="0.25",
            lw=1.4,
        )
        ax.add_patch(box)
        ax.text(x, 1.75, name, ha="center", va="center", fontsize=16)
        ax.text(x, 0.65, "held fixed" if clamped else "free", ha="center", fontsize=10, color="0.3")
    for index, (left, right) in enumerate(zip(places, places[1:], strict=False), 1):
        arrow = {"arrowstyle": "-|>", "mutation_scale": 16, "lw": 1.8}
        up = FancyArrowPatch((left + 0.65, 1.95), (right - 0.68, 1.95), color=BLUE, **arrow)
        down = FancyArrowPatch((right - 0.68, 1.5), (left + 0.65, 1.5), color=RED, **arrow)
        ax.add_patch(up)
        ax.add_patch(down)
        middle = (left + right) / 2
        ax.text(middle, 2.2, rf"predicts $\mu_{index}$", ha="center", fontsize=11, color=BLUE)
        ax.text(middle, 1.1, rf"error $e_{index}$", ha="center", fontsize=11, color=RED)
        ax.text(middle, 2.85, f"$W_{index}$", ha="center", fontsize=13)
    ax.text(5.25, 3.6, "Each layer predicts the next; what it misses is an error", ha="center")
    return figure


def two_springs():
    """The energy of one hidden unit: two parabolas and their sum."""
    w_1, x, w_2, y = 1.0, 0.5, 1.0, 2.0
    z = np.linspace(-0.2, 2.7, 200)
    below, above = (z - w_1 * x) ** 2 / 2, (y - w_2 * z) ** 2 / 2
    figure, ax = new_figure()
    ax.plot(z, below, "--", color=BLUE, lw=2, label=r"$\frac{1}{2}(z - w_1 x)^2$: obey the input")
    ax.plot(z, above, "--", color=GOLD, lw=2, label=r"$\frac{1}{2}(y - w_2 z)^2$: serve the target")
    ax.plot(z, below + above, color=RED, lw=2.5, label="the energy, their sum")
    net = chain(w_1, w_2)
    result = infer(net, [[x]], [[y]], EXACT)
    settled = result.activities[0].item()
    ax.plot(w_1 * x, 0.5 * (y - w_2 * w_1 * x) ** 2, "o", color="k", ms=7)
    ax.annotate("feed-forward", (w_1 * x, 1.13), (0.62, 1.45), arrowprops={"arrowstyle": "-"})
    ax.plot(settled, result.energy.item(), "*", color="k", ms=13)
    ax.annotate("settled", (settled, 0.56), (1.1, 1.0), arrowprops={"arrowstyle": "-"})
    ax.set(xlabel="activity $z$ of the hidden unit", ylabel="energy", ylim=(0, 3.1))
    ax.legend(fontsize=10, frameon=False, loc="upper center")
    return figure


def settling():
    """Activity descent in a chain with two hidden units: the path, and the energy."""
    net, x, y = chain(1.0, 1.2, 1.5), [[0.4]], [[2.0]]
    path, energies = descend_by_hand(net, x, y, rate=0.25, n_steps=25)
    exact = infer(net, x, y, EXACT)
    figure, (left, right) = new_figure(2, width_ratios=[1.25, 1])
    grid = [np.linspace(0.2, 1.2, 80), np.linspace(0.3, 1.6, 80)]
    z_1, z_2 = np.meshgrid(*grid)
    height = ((z_1 - 0.4) ** 2 + (z_2 - 1.2 * z_1) ** 2 + (2 - 1.5 * z_2) ** 2) / 2
    left.contour(z_1, z_2, height, levels=np.geomspace(0.09, 1.6, 14), colors="0.75", linewidths=1)
    left.plot(*path.T, "o-", color=RED, ms=4, lw=1.5)
    left.plot(*path[0], "o", color="k", ms=8)
    left.plot(*[z.item() for z in exact.activities[:2]], "*", color="k", ms=14)
    left.annotate("feed-forward", path[0], (0.5, 0.4), fontsize=10)
    left.set(xlabel="$z_1$", ylabel="$z_2$", title="the path, 25 steps")
    right.plot(energies, color=RED, lw=2)
    right.axhline(exact.energy.item(), color="0.4", ls="--", lw=1)
    right.text(8, exact.energy.item() + 0.02, "equilibrium", fontsize=10, color="0.3")
    right.set(xlabel="step", title="energy", ylim=(0, None))
    return figure


def descend_by_hand(net, x, y, rate, n_steps):
    """Plain gradient descent on the activities: (steps + 1, 2) activities, energies."""
    activities = net.forward(x)[:-1]
    path, energies = [], []
    for _ in range(n_steps + 1):
        path.append([z.item() for z in activities])
        energies.append(net.energy(x, y, activities).sum())
        gradients = net.activity_gradients(x, y, activities)
        activities = [z - rate * g for z, g in zip(activities, gradients, strict=True)]
    return np.array(path), energies


def learning():
    """The equilibrium energy over one weight; its slope is the local rule."""
    x, y, w_2 = [[1.0]], [[1.5]], 1.2
    weights = np.linspace(-0.6, 2.6, 120)
    energies = [infer(chain(w, w_2), x, y, EXACT).energy.item() for w in weights]
    figure, ax = new_figure()
    ax.plot(weights, energies, color=RED, lw=2.5, label="energy after settling, $F^*(w_1)$")
    for w in (-0.2, 0.5, 2.1):
        net = chain(w, w_2)
        result = infer(net, x, y, EXACT)
        slope = net.weight_gradients(x, result.errors, result.activities)[0][0].item()
        ends = np.array([w - 0.4, w + 0.4])
        label = "slope by the local rule, $-x\\, e_1$" if w < 0 else None
        ax.plot(ends, result.energy.item() + slope * (ends - w), color="k", lw=1.6, label=label)
        ax.plot(w, result.energy.item(), "ko", ms=5)
    ax.set(xlabel="weight $w_1$", ylabel="energy", ylim=(-0.05, 1.3))
    ax.legend(fontsize=10, frameon=False, loc="upper right")
    return figure


def precision():
    """Cosine of the weight gradients to backpropagation's, over lambda."""
    X, Y = digits(32)
    figure, ax = new_figure()
    lambdas = np.geomspace(1e-3, 10, 13)
    for n_layers, colour in ((4, BLUE), (16, GREEN), (64, RED)):
        net = deep_network(n_layers - 1)
        straight = backprop_gradients(net, X, Y)[0]
        values = []
        for value in lambdas:
            method = ErrorDescent(max_steps=300, tol=1e-4, energy_tol=0)
            result = infer(net, X, Y, method, output_precision=value)
            values.append(
                cosine(net.weight_gradients(X, result.errors, result.activities)[0], straight)
            )
        ax.plot(lambdas, values, "o-", color=colour, lw=2, ms=4, label=f"{n_layers} layers")
    ax.set(xscale="log", xlabel=r"output precision $\lambda$", ylim=(0, 1.05))
    ax.set_ylabel("cosine to backpropagation")
    ax.legend(fontsize=10, frameon=False, loc="lower left")
    ax.grid(alpha=0.3)
    return figure


def escape():
    """Leaving the saddle at the origin: loss over steps, by both gradients."""
    figure, ax = new_figure()
    x, y, start, rate = [[1.0]], [[1.0]], 0.1, 0.2
    for n_hidden, style in ((1, "--"), (3, "-")):
        for name, colour in (("predictive coding", RED), ("backpropagation", BLUE)):
            losses = descend_on_weights(n_hidden, name, x, y, start, rate, n_steps=200)
            label = f"{name}, {n_hidden} hidden"
            ax.plot(losses, style, color=colour, lw=2, label=label)
    ax.set(xlabel="step of gradient descent on the weights", ylabel="loss", ylim=(0, 0.55))
    ax.legend(fontsize=10, frameon=False, loc="upper right", bbox_to_anchor=(1.0, 0.85))
    return figure


def descend_on_weights(n_hidden, name, x, y, start, rate, n_steps):
    """Losses of a chain of single units, all weights alike at the start."""
    weights = [np.array([[start]]) for _ in range(n_hidden + 1)]
    losses = []
    for _ in range(n_steps):
        net = Network.from_weights(weights, activation="identity")
        losses.append((y[0][0] - net.output(x).item()) ** 2 / 2)
        if name == "backpropagation":
            gradients = backprop_gradients(net, x, y)[0]
        else:
            result = infer(net, x, y, EXACT)
            gradients = net.weight_gradients(x, result.errors, result.activities)[0]
        weights = [W - rate * g for W, g in zip(weights, gradients, strict=True)]
    return losses


def signal():
    """Where the errors are, layer by layer and pass by pass, for both methods."""
    net = deep_network(32)
    X, Y = digits(16)
    figure, axes = new_figure(2, sharey=True, height=3.5)
    n_steps = 16
    methods = {
        "descent on activities": lambda n: ActivityDescent(n_steps=n, rate=0.3),
        "error descent": lambda n: ErrorDescent(max_steps=n, tol=0, energy_tol=0),
    }
    for ax, (title, method) in zip(axes, methods.items(), strict=True):
        sizes = np.empty((32, n_steps + 1))
        for step in range(n_steps + 1):
            errors = infer(net, X, Y, method(step)).errors[:-1]
            sizes[:, step] = [np.sqrt(np.mean(e**2)) for e in errors]
        with np.errstate(divide="ignore"):
            shown = np.log10(sizes)
        image = ax.imshow(
            shown, origin="lower", aspect="auto", cmap="magma", vmin=-9, vmax=-2,
            extent=(-0.5, n_steps + 0.5, 0.5, 32.5), interpolation="nearest",
        )  # fmt: skip
        ax.set_facecolor("k")
        ax.set(xlabel="step", title=title)
    axes[0].set_ylabel("hidden layer")
    bar = figure.colorbar(image, ax=axes)
    bar.set_label("size of the error, log10", fontsize=10)
    return figure


def activity_hessian(net, output_precision):
    """The second derivatives of one sample's energy by z_1..z_H, of a linear network."""
    maps = [
        a * W + tau * np.eye(*W.shape)
        for a, W, tau in zip(net.scales, net.weights, net.skips, strict=True)
    ]
    n_hidden, width = len(maps) - 1, maps[1].shape[0]
    hessian = np.eye(n_hidden * width)
    for l in range(n_hidden):  # noqa: E741
        here = slice(l * width, (l + 1) * width)
        above = maps[l + 1]
        weight = output_precision if l == n_hidden - 1 else 1.0
        hessian[here, here] += weight * above @ above.T
        if l < n_hidden - 1:
            next_one = slice((l + 1) * width, (l + 2) * width)
            hessian[here, next_one] = -above
            hessian[next_one, here] = -above.T
    return hessian


def conditioning():
    """Condition number of settling over depth: of the activities, and of the errors."""
    depths = (2, 4, 8, 16, 32)
    in_activities, in_errors = [], []
    for n_hidden in depths:
        net = deep_network(n_hidden, width=32, activation="identity")
        values = np.linalg.eigvalsh(activity_hessian(net, 1.0))
        in_activities.append(values[-1] / values[0])
        in_errors.append(error_condition(net))
    figure, ax = new_figure()
    ax.plot(depths, in_activities, "o-", color=BLUE, lw=2, label="activities")
    ax.plot(depths, in_errors, "o-", color=RED, lw=2, label="errors")
    ax.set(xscale="log", yscale="log", xlabel="hidden layers", ylabel="condition number")
    ax.set_xticks(depths, [str(d) for d in depths])
    ax.minorticks_off()
    ax.legend(fontsize=10, frameon=False)
    ax.grid(alpha=0.3)
    return figure


def error_condition(net, output_precision=1.0):
    """Condition number of I + lambda J J^T, J = d mu_L / d (all errors), of a linear network."""
    maps = [
        a * W + tau * np.eye(*W.shape)
        for a, W, tau in zip(net.scales, net.weights, net.skips, strict=True)
    ]
    gram, upward = 0, np.eye(maps[-1].shape[1])
    for K in reversed(maps[1:]):
        upward = K @ upward
        gram = gram + upward.T @ upward
    # as many other eigenvalues are exactly 1: directions that the output does not feel
    return 1 + output_precision * np.linalg.eigvalsh(gram)[-1]


def one_step():
    """How far each layer has moved after one step, in percent of the way to equilibrium."""
    net = deep_network(16)
    X, Y = digits(16)
    start = net.forward(X)[:-1]
    goal = infer(net, X, Y, EXACT).activities[:-1]
    figure, ax = new_figure()
    methods = {
        "descent on activities": (ActivityDescent(n_steps=1, rate=0.3), BLUE),
        "error descent": (ErrorDescent(max_steps=1, tol=0, energy_tol=0), RED),
    }
    layers = np.arange(1, 17)
    for name, (method, colour) in methods.items():
        after = infer(net, X, Y, method).activities[:-1]
        way = [
            100 * np.sum((z - z0) * (g - z0)) / np.sum((g - z0) ** 2)
            for z, z0, g in zip(after, start, goal, strict=True)
        ]
        ax.plot(layers, way, "o-", color=colour, lw=2, clip_on=False, zorder=3, label=name)
    ax.axhline(100, color="0.4", ls="--", lw=1)
    ax.set(xlabel="hidden layer", ylabel="way to equilibrium, %", xticks=layers[::3])
    ax.set_ylim(0, 140)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=10, frameon=False, loc="upper center", ncols=2)
    return figure


def scales():
    """Size of the feed-forward activities, layer by layer."""
    X, _ = digits(100)
    figure, ax = new_figure()
    kinds = {
        '"sp", no skips': ({"parameterization": "sp", "skip": False}, GREY),
        '"sp", skips': ({"parameterization": "sp", "skip": True}, BLUE),
        '"mupc", skips': ({"parameterization": "mupc", "skip": True}, RED),
    }
    for name, (options, colour) in kinds.items():
        net = deep_network(64, activation="relu", **options)
        sizes = [np.sqrt(np.mean(z**2)) for z in net.forward(X)[:-1]]
        ax.plot(range(1, 65), sizes, color=colour, lw=2.2)
        ax.text(65.5, sizes[-1], name, color=colour, fontsize=10, va="center")
    ax.set(yscale="log", xlabel="hidden layer", ylabel="root mean square of $z_l$", xlim=(0, 82))
    ax.grid(alpha=0.3)
    return figure


def trust_region():
    """The first step of settling: the gradient's, and the one that knows the curvature."""
    net, x, y = chain(1.0, 1.2, 1.5), [[0.4]], [[2.0]]
    start = np.array([z.item() for z in net.forward(x)[:-1]])
    gradient = np.array([g.item() for g in net.activity_gradients(x, y, net.forward(x)[:-1])])
    curvature = activity_hessian(net, 1.0)
    newton = start - np.linalg.solve(curvature, gradient)
    step = -gradient / np.linalg.norm(gradient) * np.linalg.norm(newton - start)
    figure, ax = new_figure(height=3.6)
    z_1, z_2 = np.meshgrid(np.linspace(0.1, 1.3, 80), np.linspace(0.3, 1.7, 80))
    height = ((z_1 - 0.4) ** 2 + (z_2 - 1.2 * z_1) ** 2 + (2 - 1.5 * z_2) ** 2) / 2
    ax.contour(z_1, z_2, height, levels=np.geomspace(0.09, 1.6, 14), colors="0.75", linewidths=1)
    arrow = {"width": 0.012, "length_includes_head": True, "head_width": 0.045}
    ax.arrow(*start, *step, color=BLUE, **arrow)
    ax.arrow(*start, *(newton - start), color=RED, **arrow)
    ax.plot(*start, "ko", ms=8)
    beside = {"fontsize": 10, "bbox": {"color": "white", "alpha": 0.85, "pad": 2}}
    ax.text(0.2, 1.36, "minus the gradient:\nonly the top layer moves", color=BLUE, **beside)
    ax.text(0.78, 0.72, "minus inverse curvature\ntimes the gradient", color=RED, **beside)
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return figure


PICTURES = (
    network, two_springs, settling, learning, precision, escape, signal, conditioning, one_step,
    scales, trust_region,
)  # fmt: skip


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=IMAGES, help="folder of the pictures")
    names = [picture.__name__ for picture in PICTURES]
    parser.add_argument(
        "names", nargs="*", help=f"pictures to draw, default all: {', '.join(names)}"
    )
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(names))
    if unknown:
        parser.error(f"there is no picture {unknown[0]!r}; there are {', '.join(names)}")
    chosen.output.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        if not chosen.names or picture.__name__ in chosen.names:
            picture().savefig(chosen.output / f"{picture.__name__}.png", dpi=150)


if __name__ == "__main__":
    main()
