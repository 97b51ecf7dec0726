"""What a training run tells its user: progress lines and warnings."""

import numpy as np

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


def describe_unfinished_inference(history, output_precision, learning_rate_init):
    """Text of a warning if inference was cut off too often, else None.

    Parameters
    ----------
    history : list of EpochReport
        A method without a test of its own reports NaN as the share that ended; that is no
        reason to warn.
    output_precision, learning_rate_init : float
        Present values, for the advice.
    """
    cut_off = np.array([1.0 - report.ended for report in history])
    affected = cut_off > UNFINISHED_INFERENCE  # False for NaN
    if not affected.any():
        return None
    worst = int(np.nanargmax(cut_off))
    return (
        f"Inference was cut off by its step limit for more than {UNFINISHED_INFERENCE:.0%} of the "
        f"samples in {affected.sum()} of {len(history)} epochs ({cut_off[worst]:.0%} in epoch "
        f"{worst + 1}), so weights were updated away from equilibrium. Lower output_precision "
        f"(now {output_precision:g}), or raise the limit, "
        "inference=ErrorDescent(max_steps=...), or lower learning_rate_init (now "
        f"{learning_rate_init:g})."
    )


def describe_divergence(loop, learning_rate_init):
    """Text of the error for a `TrainingLoop` that diverged."""
    return (
        f"Training diverged in epoch {len(loop.history) + 1} (optimiser step "
        f"{loop.n_steps + 1}): {loop.error}. The usual causes are a learning_rate_init (now "
        f"{learning_rate_init:g}) that is too large and features far from unit scale: lower the "
        "one, put StandardScaler before the other. The weights are the last finite ones."
    )
