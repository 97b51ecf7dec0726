"""What a training run tells its user: progress lines and warnings."""

import numpy as np

from .inference import ActivityDescent

#: Share of an epoch's samples whose inference may hit its limit before a warning is due.
UNFINISHED_INFERENCE = 0.1


def print_epoch(n_epochs, report):
    """Print one line about an epoch (an `EpochReport`)."""
    validation = ""
    if report.validation_score is not None:
        validation = f", validation score = {report.validation_score:.4f}"
    print(
        f"Epoch {n_epochs}: loss = {report.loss:.6f}, energy = {report.energy:.6f}, "
        f"inference passes = {report.n_passes:.2f}{validation}, {report.seconds:.2f} s",
        flush=True,
    )


def describe_unfinished_inference(history, method, n_hidden, output_precision):
    """Text of a warning if inference was cut off too often, else None.

    Parameters
    ----------
    history : list of EpochReport
    method : inference object
    n_hidden : int
        Hidden layers.
    output_precision : float
        The present one, for the advice.
    """
    if isinstance(method, ActivityDescent):
        # It has no test that a sample could end by; what is sure is how far the signal came.
        if method.n_steps >= n_hidden or not history:
            return None
        return (
            f"ActivityDescent took {method.n_steps} steps, but the signal from the output moves "
            f"down one layer a step and there are {n_hidden} hidden layers: the first "
            f"{n_hidden - method.n_steps} did not learn. Use n_steps of at least {n_hidden}, or "
            "inference='error', which reaches all layers at once."
        )
    cut_off = np.array([1.0 - report.ended for report in history])
    affected = cut_off > UNFINISHED_INFERENCE
    if not affected.any():
        return None
    worst = int(np.argmax(cut_off))
    return (
        f"Inference was cut off by its step limit for more than {UNFINISHED_INFERENCE:.0%} of the "
        f"samples in {affected.sum()} of {len(history)} epochs ({cut_off[worst]:.0%} in epoch "
        f"{worst + 1}), so weights were updated away from equilibrium. Lower output_precision "
        f"(now {output_precision:g}) or learning_rate_init, or raise the limit: "
        "inference=ErrorDescent(max_steps=...)."
    )


def describe_divergence(loop, learning_rate_init):
    """Text of the error for a `TrainingLoop` that diverged."""
    return (
        f"Training diverged in epoch {len(loop.history) + 1} (optimiser step "
        f"{loop.n_steps + 1}): {loop.error}. The usual causes are a learning_rate_init (now "
        f"{learning_rate_init:g}) that is too large and features far from unit scale: lower the "
        "one, put StandardScaler before the other. The weights are the last finite ones."
    )
