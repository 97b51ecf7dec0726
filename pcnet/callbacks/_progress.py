"""What a run prints."""

from ._base import Callback


class EpochLines(Callback):
    """Prints one line about each epoch."""

    def on_epoch_end(self, run, record):
        validation = ""
        if "validation_score" in record:
            validation = f", validation score = {record['validation_score']:.4f}"
        print(
            f"Epoch {run.n_epochs}: loss = {record['loss']:.6f}, "
            f"energy = {record['energy']:.6f}, inference passes = {record['n_passes']:.2f}"
            f"{validation}, {record['seconds']:.2f} s",
            flush=True,
        )
