"""Warnings about the inference of a training run."""

import numpy as np

from ..inference import ActivityDescent, NesterovDescent
from ..inference._passes import has_risen

#: Fraction of an epoch's samples whose inference may reach its limit without a warning.
UNFINISHED_INFERENCE = 0.1


def describe_unfinished_inference(run, method, n_hidden, output_precision):
    """Text of a warning if inference reached its step limit too often, else None.

    Parameters
    ----------
    run : Run
    method : inference object
    n_hidden : int
        Hidden layers.
    output_precision : float
        Current value, for the text.
    """
    if isinstance(method, (ActivityDescent, NesterovDescent)):
        # The methods have no end test; the number of layers that the signal reached is known.
        if method.n_steps >= n_hidden or not run.n_epochs:
            return None
        return (
            f"{type(method).__name__} took {method.n_steps} steps, but the signal from the output "
            f"moves down one layer a step and there are {n_hidden} hidden layers: the first "
            f"{n_hidden - method.n_steps} did not learn. Use n_steps of at least {n_hidden}, or "
            "inference='error', which reaches all layers at once."
        )
    if not method.has_end_test:
        return None
    cut_off = 1.0 - np.array(run.recent("ended"))
    if not np.any(cut_off > UNFINISHED_INFERENCE):
        return None
    return (
        f"Inference reached its step limit for more than {UNFINISHED_INFERENCE:.0%} of an "
        "epoch's samples (the fraction 1 - ended_fraction_), so weights were updated away from "
        f"equilibrium. Lower output_precision (now {output_precision:g}) or learning_rate_init, or "
        f"raise the limit: {_raised_limit(method)}."
    )


def _raised_limit(method):
    """Code that raises the limit; user-defined methods name their own option."""
    if method.steps_option is None:
        return f"that of {method!r}"
    return f"inference={type(method).__name__}({method.steps_option}=...)"


def describe_risen_energy(run, method, output_precision):
    """Text of a warning if inference raised the energy in an epoch's mean, else None.

    At the start the energy is the loss times the output precision. With an activity decay it also
    has the decay term, which training does not record, so there is no warning then.

    Parameters
    ----------
    run : Run
    method : inference object
    output_precision : float
    """
    if method.has_end_test or not method.minimizes_energy:
        return None
    if run.optimizer.objective.activity_decay > 0:
        return None
    before = output_precision * np.array(run.recent("loss"))
    after = np.array(run.recent("energy"))
    if not has_risen(before, after).any():
        return None
    return (
        "Inference raised the mean energy (energy_curve_ lies above output_precision_ times "
        "loss_curve_), so weights learned from activities away from equilibrium: the rate of "
        f"{method!r} is too large for the network. Lower it (or learning_rate_init, if the energy "
        "rises late), or use inference='error', which needs no rate and never raises the energy."
    )
