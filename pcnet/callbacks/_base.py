"""The protocol of everything that watches a run."""


class Callback:
    """Watches a run of ``fit`` or ``partial_fit``; override the methods you need.

    After each epoch, first all observers `measure`, then the epoch's row is added to
    ``run.history``, then `on_epoch_end` is called.

    Attributes
    ----------
    stop_reason : str
        What ``stop_reason_`` of the estimator says if this callback ends the run.
    """

    stop_reason = "callback"

    def on_fit_begin(self, run):
        """Before the first step."""

    def on_epoch_begin(self, run):
        """Before the first minibatch of an epoch."""

    def on_batch_end(self, run, report):
        """After an optimiser step; return True to stop at once. Costs nothing if not overridden.

        ``report`` is a `StepReport`: the step's loss, energy and inference counts.
        """

    def measure(self, run):
        """Columns that this observer adds to the epoch's record, as a dict."""
        return {}

    def on_epoch_end(self, run, record):
        """After an epoch, with its row of the history (a dict); return True to stop."""

    def on_fit_end(self, run):
        """After the last step, in reverse order of the observers.

        Called also after Ctrl-C, divergence or an exception, if `on_fit_begin` was.
        """

    def state(self):
        """What a checkpoint must keep of this observer; None if nothing."""

    def restore(self, state):
        """Take over what `state` gave."""
