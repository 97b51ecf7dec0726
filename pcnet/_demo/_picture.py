"""The demo's figure: the energy of each layer during inference, for two methods."""

from typing import NamedTuple

import numpy as np

from ..display import LayerEnergyDisplay
from ..display._common import OTHER, OURS
from ..display._record import (
    WITHOUT_END,
    Trace,
    problem_of,
    stable_rate,
    trace_activity_descent,
    trace_runs,
)
from ..inference import ErrorDescent

#: Test images whose energies are averaged.
N_IMAGES = 32

#: Steps of error descent that are shown.
N_ERROR_STEPS = 8

#: Lower end of the axis, in per cent of the excess energy.
LEAST_EXCESS = 1e-3


# ---------------------------------------------------------------- its numbers


class Traces(NamedTuple):
    error: Trace
    activity: Trace
    rate: float  # of the activity descent
    equilibrium: float  # the energy at the minimum, all layers


def record_energies(model, X, y):
    """Both methods' energies in a trained network.

    Parameters
    ----------
    model : PCClassifier
    X : ndarray of shape (n_samples, n_features)
        The first `N_IMAGES` are used.
    y : ndarray of shape (n_samples,)
        Labels.

    Returns
    -------
    Traces
    """
    problem, _ = problem_of(model, X[:N_IMAGES], y[:N_IMAGES], None)
    equilibrium = problem.infer(ErrorDescent(max_steps=50, tol=1e-4, energy_tol=0))
    error = trace_runs(problem, WITHOUT_END, N_ERROR_STEPS)
    n_steps = max(model.n_layers_, 2 * N_ERROR_STEPS)
    rate = stable_rate(problem, n_steps)
    activity = trace_activity_descent(problem, n_steps, rate)
    return Traces(error, activity, rate, float(equilibrium.energy.mean()))


# ---------------------------------------------------------------- its drawing


def draw(traces, path, dpi=100):
    """Draw the energies of both methods and their excess over the minimum; write the file."""
    from matplotlib.figure import Figure  # optional, and slow to import

    n_layers = traces.error.energies.shape[1]
    figure = Figure(figsize=(12.5, 5.6), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08)
    left, middle, right = figure.subplots(1, 3, width_ratios=[0.62, 1.3, 1])
    figure.suptitle(
        f"Energy of each layer while inference runs, in a trained network of {n_layers} layers",
        fontsize=15,
        fontweight="bold",
    )
    norm = colour_scale(traces)
    energies = [LayerEnergyDisplay(trace.energies, trace.n_passes) for trace in traces[:2]]
    energies[0].plot(left, norm=norm, colorbar=False)
    left.set_title("Error descent (pcnet)\nall layers respond at once", color=OURS)
    left.set_ylabel("layer (1: first hidden layer, top: output)")
    energies[1].plot(middle, norm=norm)
    middle.set(ylabel=None)
    middle.set_title(
        f"Activity descent (textbook), rate {traces.rate:g}\nat most one layer a step, fading",
        color=OTHER,
    )
    mark_unreached(middle, traces.activity)
    energies[1].colorbar_.set_label("energy of the layer, mean over images (log scale)")
    draw_excess(right, traces)
    figure.supxlabel(
        f"An image and its label are held fixed ({N_IMAGES} test images); the activities of the "
        "hidden layers then move until the energy,\na weighted sum of all squared prediction "
        "errors, is least. At first it is all in the output. Each layer learns from its own "
        "error, so one without energy learns nothing.",
        fontsize=10,
        color="0.25",
    )
    figure.savefig(path, dpi=dpi)


def colour_scale(traces):
    """Colours for the hidden layers at equilibrium, extended to smaller energies."""
    from matplotlib.colors import LogNorm

    settled = traces.error.energies[-1, :-1]
    settled = settled[settled > 0]
    if settled.size == 0:  # a very small network, whose gradient is 0
        return LogNorm(1e-3, 1)
    return LogNorm(settled.min() / 1e3, settled.max())


def mark_unreached(axes, trace):
    """Label the grey area, and draw the position of a signal without attenuation."""
    n_steps, n_layers = trace.energies.shape[0] - 1, trace.energies.shape[1]
    steps = np.arange(min(n_steps, n_layers - 1) + 1)
    axes.plot(steps, n_layers - steps, color="0.35", lw=1, ls="--")
    if n_layers >= 16:  # with fewer layers there is hardly any grey
        axes.text(
            0.04 * n_steps,
            0.06 * n_layers,
            "grey: nothing has arrived yet\nblack: next to nothing\ndashed: one layer a step",
            color="0.3",
            fontsize=9.5,
        )


def draw_excess(axes, traces):
    """Energy above the equilibrium's over the work, the same unit for both methods."""
    methods = (
        (traces.error, "error descent", OURS, "o"),
        (traces.activity, "activity descent", OTHER, None),
    )
    for trace, name, colour, marker in methods:
        total = trace.energies.sum(axis=1)
        to_lose = max(total[0] - traces.equilibrium, np.finfo(total.dtype).tiny)
        excess = 100 * (total - traces.equilibrium) / to_lose
        left = f"{excess[-1]:.1f}" if excess[-1] >= 0.1 else "< 0.1"
        label = f"{name}: {left} % after {len(excess) - 1} steps"
        shown = np.maximum(excess, LEAST_EXCESS / 10)  # below the axis: the log scale has no zero
        axes.loglog(trace.n_passes, shown, label=label, color=colour, marker=marker, lw=2.5)
    axes.set_ylim(LEAST_EXCESS, 5e3)  # space for the legend above 100 %
    axes.set_yticks(10.0 ** np.arange(np.log10(LEAST_EXCESS), 3))
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g} %")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_title("Energy still to lose until equilibrium\n(start = 100 %)")
    axes.set_xlabel("work: forward + backward passes a sample")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=9, handlelength=1.5)
