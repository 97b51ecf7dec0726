"""Trust region: the landscape of two weights for the loss and for the equilibrated energy.

What does inference do to the landscape of a network of two weights? One sample, x = y = 1, a chain
of two weights. The loss 1/2 (1 - w_1 w_2)^2 has a saddle at the origin with curvatures -1 and 1.
Inference changes it to F* = 1/2 (1 - w_1 w_2)^2 / (1 + w_2^2), whose curvatures there are -1.618
and 0.618, so descent leaves the saddle sooner (Innocenti et al. 2023, arXiv:2305.18188).
``pcnet.theory`` computes everything; the example does not use these formulas.
"""

import numpy as np
from _common import COLOURS, execute, new_figure, save

from pcnet import Network
from pcnet.theory import (
    backprop_gradients,
    energy_hessian,
    equilibrium_energy,
    equilibrium_weight_gradients,
    gradient_decomposition,
    loss_hessian,
)

# %%
# Method
# ------
# The network is z = w_1 x, y = w_2 z; all functions of its two weights can be drawn.

X = Y = np.ones((1, 1))
REACH, N_STEPS, RATE = 2.0, 80, 0.1
N_STARTS, DISTANCE = 8, 0.1


def network(w):
    """z = w_1 x, y = w_2 z."""
    return Network.from_weights([[[float(w[0])]], [[float(w[1])]]], activation="identity")


def loss(w):
    return 0.5 * float(Y[0, 0] - network(w).output(X)[0, 0]) ** 2


def energy(w):
    return float(equilibrium_energy(network(w), X, Y)[0])


def loss_gradient(w):
    return np.ravel(backprop_gradients(network(w), X, Y)[0])


def energy_gradient(w):
    return np.ravel(equilibrium_weight_gradients(network(w), X, Y)[0])


#: Name -> (function, gradient, Hessian)
LANDSCAPES = {
    "equilibrated energy (predictive coding)": (energy, energy_gradient, energy_hessian),
    "loss (backpropagation)": (loss, loss_gradient, loss_hessian),
}

# %%
# Both functions on a grid, and their curvatures at the saddle:


def on_grid(function, n):
    """Values on an (n, n) grid of w_1 (columns) and w_2 (rows)."""
    ticks = np.linspace(-REACH, REACH, n)
    return ticks, np.array([[function((a, b)) for a in ticks] for b in ticks])


def eigenvalues_at_origin(hessian):
    """The negative and the positive curvature."""
    return np.linalg.eigvalsh(hessian(network((0.0, 0.0)), X, Y).toarray())


# %%
# Gradient descent from points around the saddle, and how long it takes to halve the loss:


def starts(n=N_STARTS):
    """Points on a circle around the saddle, (n, 2)."""
    angles = 2 * np.pi * (np.arange(n) + 0.5) / n
    return DISTANCE * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def descend(gradient, w, n_steps=N_STEPS, rate=RATE):
    """Gradient descent from a point near the saddle: the path, (n_steps + 1, 2)."""
    path = [np.array(w, dtype=np.float64)]
    for _ in range(n_steps):
        path.append(path[-1] - rate * gradient(path[-1]))
    return np.array(path)


def steps_to_half(path):
    """Steps until the loss is below half of that at the saddle; inf if never."""
    below = np.flatnonzero([loss(w) < 0.25 for w in path])
    return float(below[0]) if below.size else float("inf")


# %%
# Predictive coding's direction of descent is backpropagation's plus a part that inference adds.


def trust_region_parts(w):
    """Predictive coding's descent direction as backpropagation's plus the trust region's."""
    parts = gradient_decomposition(network(w), X, Y)
    return -np.ravel(parts.backprop), -np.ravel(parts.trust_region)


# %%
# Two landscapes with arrows of descent and its paths, and the loss along the paths. Dotted: the
# minima, w_1 w_2 = 1.


def draw(path, n=41):
    """Both functions with their descent directions, and the loss along both paths."""
    figure, axes = new_figure("The toy $w_2 w_1 x$: inference reshapes the saddle", [1, 1, 1], 4.2)
    paths = {}
    for ax, colour, (name, (function, gradient, hessian)) in zip(axes, COLOURS, LANDSCAPES.items()):
        ticks, values = on_grid(function, n)
        levels = [0.05, 0.25, 0.5, 1, 3]
        ax.contour(ticks, ticks, values, levels, colors="0.6", linewidths=0.7)
        arrows, field = on_grid(gradient, 11)
        length = np.linalg.norm(field, axis=2, keepdims=True)
        field = -field / np.maximum(length, 1e-12) * np.sqrt(np.minimum(length, 1.0))
        ax.quiver(arrows, arrows, field[..., 0], field[..., 1], color=colour, scale=14, width=0.006)
        w1 = np.linspace(0.5, REACH, 50)
        for sign in (1, -1):
            ax.plot(sign * w1, sign / w1, color="k", lw=1, ls=":")
        paths[name] = [descend(gradient, w) for w in starts()]
        for steps in paths[name]:
            ax.plot(*steps.T, color="k", lw=0.8)
        ax.plot(0, 0, "kx", ms=7)
        low, high = eigenvalues_at_origin(hessian)
        ax.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-REACH, REACH), ylim=(-REACH, REACH))
        ax.set_title(f"{name}\nat the saddle: {low:.3f}, {high:.3f}", fontsize=10)
        ax.set_aspect("equal")
    for (name, runs), colour in zip(paths.items(), COLOURS):
        losses = np.array([[loss(w) for w in steps] for steps in runs])
        axes[2].plot(losses.T, color=colour, lw=0.6, alpha=0.5)
        label = name.partition(" (")[0]
        axes[2].plot(losses.mean(axis=0), color=colour, lw=2.5, label=label)
    axes[2].set(xlabel="steps of descent", ylabel="loss", ylim=(0, None))
    axes[2].set_title(
        f"The saddle is left sooner\n({N_STARTS} points around the saddle)", fontsize=10
    )
    axes[2].legend(title="mean of", fontsize=8, loc="center right")
    axes[2].grid(alpha=0.3)
    return save(figure, path)


def run(path):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------

    figures = {}
    for key, (name, (_, gradient, hessian)) in zip(("energy", "loss"), LANDSCAPES.items()):
        low, high = eigenvalues_at_origin(hessian)
        took = np.mean([steps_to_half(descend(gradient, w)) for w in starts()])
        print(f"{name:40s} curvatures {low:.3f}, {high:.3f}; half the loss after {took:.1f} steps")
        figures |= {f"{key}.escape": low, f"{key}.trap": high, f"{key}.steps": took}
    backprop, trust_region = trust_region_parts((0.1, 0.1))
    print(
        f"at (0.1, 0.1) descent is {backprop.round(3)} (BP) + {trust_region.round(3)} (inference)"
    )

    # %%
    # Inference makes the descending direction at the saddle steeper and the other one flatter.
    # Paths of predictive coding leave the saddle sooner.

    draw(path)

    # %%
    # What to change next
    # -------------------
    #
    # - More points, closer to the saddle: ``N_STARTS``, ``DISTANCE``. Another rate: ``RATE``.
    # - Another target: ``Y = 2 * X``.
    # - An output precision other than 1: ``equilibrium_energy`` and the gradients take it.
    #
    # More: :func:`pcnet.theory.gradient_decomposition` and the page :doc:`/trust_region`.

    return figures | {"backprop": backprop[1], "added": trust_region[1]}


def main():
    execute(run, __doc__, "trust_region.png")


if __name__ == "__main__":
    main()
