"""How the cost of a training step grows with depth, width and batch.

    python benchmarks/scaling.py [--quick] [--output PNG]

A step is inference of two steps of error descent, none of which ends early, and Adam's update.
The input is as wide as the hidden layers, so that the work is ``depth * width**2 * batch`` at
every size. A verdict for each doubling tells whether its cost exceeds linear growth (width:
quadratic) by at most a quarter. ``--output`` draws the table (needs matplotlib).
"""

import argparse
import statistics
from typing import NamedTuple

from _common import alternate_seconds, print_environment, verdict
from _problems import random_problem

from pcnet._estimators.objective_state import AUTO_PRECISION
from pcnet._training.trainer import Trainer
from pcnet.inference import ErrorDescent, Objective
from pcnet.solvers import Adam

METHOD = ErrorDescent(max_steps=2, tol=0, energy_tol=0)
#: A doubling may cost this much more than 2 (width: 4) times.
EXCESS = 1.25


class Axis(NamedTuple):
    """One size that grows while the others stay."""

    name: str
    values: tuple
    power: int  # of the size in the work
    shape: dict  # the others


AXES = [
    Axis("depth", (8, 16, 32, 64, 128), 1, {"width": 128, "batch": 64}),
    Axis("width", (64, 128, 256, 512, 1024), 2, {"depth": 32, "batch": 64}),
    Axis("batch", (32, 64, 128, 256, 512, 1024), 1, {"depth": 32, "width": 128}),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few repeats, no largest sizes")
    parser.add_argument("--output", help="PNG to draw")
    arguments = parser.parse_args()
    print_environment()
    results = [measure(axis, arguments.quick) for axis in AXES]
    if arguments.output:
        draw(results, arguments.output)


def measure(axis, quick):
    """Times of all sizes, taken in turn, printed; returns (axis, values, seconds)."""
    values = axis.values[:-1] if quick else axis.values
    shapes = [{**axis.shape, axis.name: value} for value in values]
    works = [Step(**shape) for shape in shapes]
    seconds = alternate_seconds(works, 3 if quick else 9)
    others = ", ".join(f"{name} {value}" for name, value in axis.shape.items())
    print(f"\n{axis.name} ({others})")
    print(f"  {axis.name:>6} {'passes':>7} {'ms a step':>10} {'ns a unit':>10} {'growth':>7}")
    last = None
    for value, shape, work, t in zip(values, shapes, works, seconds):
        unit = t / (shape["depth"] * shape["width"] ** 2 * shape["batch"])
        growth = "" if last is None else growth_text(t / last, axis.power)
        print(f"  {value:>6} {work.passes:>7.2f} {1e3 * t:>10.2f} {1e9 * unit:>10.4f} {growth}")
        last = t
    return axis, values, seconds


def growth_text(growth, power):
    limit = EXCESS * 2**power
    return f"{growth:>7.2f}  <= {limit:.2f} {verdict(growth, limit, at_least=False)}"


class Step:
    """A training step with fixed work on one batch."""

    def __init__(self, depth, width, batch):
        net, self.X, self.Y = random_problem(width, depth - 1, batch, n_inputs=width, gamma=1.0)
        objective = Objective("squared_error", AUTO_PRECISION / depth)
        self.trainer = Trainer(net, objective, METHOD, Adam(), batch)
        self._passes = []

    def __call__(self):
        # at rate 0 the weights, and so the work, stay the same
        report = self.trainer.step(self.X, self.Y, 0.0)
        if report.n_steps != METHOD.max_steps:
            raise RuntimeError("a sample ended before the last step: the work is not fixed")
        self._passes.append(report.n_passes)

    @property
    def passes(self):
        return statistics.mean(self._passes)


def draw(results, path):
    """Time against each size, with the line of proportional work."""
    try:
        import matplotlib
    except ModuleNotFoundError:
        print("no plot: matplotlib is not installed")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(results), figsize=(11, 3.4), layout="constrained")
    for panel, (axis, values, seconds) in zip(panels, results):
        times = [1e3 * t for t in seconds]
        guide = [times[-1] * (value / values[-1]) ** axis.power for value in values]
        panel.loglog(values, times, "o-", label="measured")
        panel.loglog(values, guide, "--", color="gray", label=f"{axis.name}$^{axis.power}$")
        panel.set_xticks(values, [str(value) for value in values], minor=False)
        panel.set_xticks([], minor=True)
        others = ", ".join(f"{name} {value}" for name, value in axis.shape.items())
        panel.set(xlabel=axis.name, ylabel="ms a training step", title=others)
        panel.legend(frameon=False)
    figure.savefig(path, dpi=150)
    print(f"\nwrote {path}")


if __name__ == "__main__":
    main()
