"""Race to equilibrium: the remaining excess energy by the number of passes of a method.

How many passes do the methods of inference need to reach equilibrium, by depth? The claim of the
thesis (Innocenti, arXiv:2510.23323): descent on the activities of a deep network does not reach
equilibrium at a useful cost, because its signal moves one layer per step. Methods in error space,
which propagate the output's delta to all layers in one pass, do. The example compares all methods
that minimise the energy of any network with fixed weights. An augmented Lagrangian without duals is
activity descent at a rate for each sample; the passes that compute it count.
"""

import numpy as np
from _common import digits, execute, new_figure, save

from pcnet import Network, infer
from pcnet.inference import (
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    ErrorDescent,
    ErrorOptimization,
    GaussSeidel,
    GradientFlow,
    LearnedPrecision,
    NesterovDescent,
)

# %%
# Method
# ------
# Every method gets the same network and the same images, and a growing number of steps.

DEPTHS = (4, 32)
#: Name -> method that makes about k steps.
RUNNERS = {
    "error descent (default)": lambda k: ErrorDescent(k, tol=0.0, energy_tol=0.0),
    "error optimization, rate 0.3": lambda k: ErrorOptimization(k, rate=0.3),
    "learned precisions, still 1": lambda k: LearnedPrecision(k, tol=0.0),
    "Gauss-Seidel sweeps, rate 0.5": lambda k: GaussSeidel(k, rate=0.5),
    "activity descent, rate 0.25": lambda k: ActivityDescent(k, rate=0.25),
    "the same, momentum 0.8": lambda k: ActivityDescent(k, rate=0.25, momentum=0.8),
    "Nesterov's method, rate 0.25": lambda k: NesterovDescent(k, rate=0.25),
    "activity descent, rate 1 / lambda_max": lambda k: AugmentedLagrangian(k, alpha=0.0),
    "activity descent by Adam": lambda k: AdamActivityDescent(k, rate=0.003),
    "gradient flow (Heun)": lambda k: GradientFlow(max_time=k / 4),
}

# %%
# The network has residual tanh layers in float64, so that rounding does not end the race.


def problem(depth, width, n_samples=64, data=None):
    """A residual tanh network in float64, and digits with one-hot targets."""
    X, y = digits(data)
    X, Y = X[:n_samples].astype(np.float64), np.eye(10)[y[:n_samples]]
    sizes = (X.shape[1], *(width,) * depth, 10)
    return Network.init(sizes, "tanh", random_state=0, dtype=np.float64), X, Y


# %%
# The excess energy is F - F*, where F* is the least energy that a long error descent finds. Its
# share of the excess at the feed-forward state is 1 before the first step and 0 at equilibrium.


def race(net, X, Y, budgets=(1, 2, 4, 8, 16, 32, 64)):
    """{name: (passes, share of the excess energy left)}, each with an entry a budget.

    The excess energy is F - F* over that of the feed-forward state; F* is the least energy that a
    long error descent finds.
    """
    least = infer(net, X, Y, ErrorDescent(1000, tol=1e-9, energy_tol=0.0)).energy.mean()
    first = infer(net, X, Y, ErrorDescent(0)).energy.mean()
    curves = {}
    for name, runner in RUNNERS.items():
        results = [infer(net, X, Y, runner(k)) for k in budgets]
        passes = np.array([r.n_passes.mean() for r in results])
        energies = np.array([r.energy.mean() for r in results])
        curves[name] = passes, (energies - least) / (first - least)
    return curves


def left_at(curve, passes):
    """Share of the excess energy left at the last point within a number of passes."""
    spent, left = curve
    return left[spent <= passes][-1]


# %%
# A panel for each depth, a curve for each method.


def draw(panels, path):
    """One panel for each (title, curves)."""
    figure, axes = new_figure("All methods raced to equilibrium", [1] * len(panels))
    for ax, (title, curves) in zip(axes, panels, strict=True):
        for index, (name, (passes, left)) in enumerate(curves.items()):
            # below this is rounding of F*
            ax.loglog(passes, np.maximum(left, 1e-12), "o-", ms=3, label=name, color=f"C{index}")
        ax.set(title=title, xlabel="passes a sample", ylabel="excess energy left", ylim=(1e-12, 3))
        ax.set_xticks((2, 5, 10, 20, 50), labels=("2", "5", "10", "20", "50"))
        ax.set_xticks((), minor=True)
        ax.grid(alpha=0.3)
    axes[-1].legend(fontsize="small", loc="lower left")  # nothing else is there
    return save(figure, path)


def run(path, depth=DEPTHS, width=64, data=None):
    """Compute, print and draw; return the figures that the documentation quotes."""
    # %%
    # Result
    # ------
    # What is left after 20 passes:

    panels, figures = [], {}
    for n_hidden in depth:
        curves = race(*problem(n_hidden, width, data=data))
        panels.append((f"{n_hidden} hidden layers of {width}", curves))
        print(f"{n_hidden} hidden layers: share of the excess energy left after 20 passes")
        for name, curve in curves.items():
            figures[f"{n_hidden}.{name}"] = left_at(curve, 20.0)
            print(f"  {figures[f'{n_hidden}.{name}']:9.1e}  {name}")

    # %%
    # In four layers, every method comes closer step by step. In 32, only the three in error space
    # do: error descent, error optimization and learned precisions. The others have hardly begun,
    # with momentum too.

    draw(panels, path)

    # %%
    # What to change next
    # -------------------
    #
    # - Other depths and widths: ``depth``, ``width``. A trained network in place of a new one:
    #   ``problem``.
    # - More steps: ``budgets`` of ``race``. From how many on does descent on the activities catch
    #   up?
    # - A method of your own: a line in ``RUNNERS``; :doc:`/experiments` shows how to write one.
    #
    # More: :mod:`pcnet.inference` and the pages :doc:`/inference` and :doc:`/inference_more`.

    return figures


def main():
    execute(run, __doc__, "race_to_equilibrium.png", depth=DEPTHS, width=64, data=None)


if __name__ == "__main__":
    main()
