"""An end to training when the time is up."""

from ._base import Callback


class MaxTime(Callback):
    """Stops after the step in which the run's time budget ``run.max_time`` was used up."""

    stop_reason = "max_time"

    def on_batch_end(self, run, report):
        return run.seconds() >= run.max_time
