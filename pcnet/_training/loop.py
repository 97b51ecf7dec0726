"""The minibatch loop, between the estimators and the compiled training step.

One `MinibatchLoop` lives for one call of ``fit`` or ``partial_fit``. It only knows a `Run` and its
observers, and returns to Python between minibatches: that is where Ctrl-C arrives and where
anything that watches or saves a run belongs.
"""

from contextlib import ExitStack

from ..callbacks import Callback


class MinibatchLoop:
    """Trains a network epoch by epoch.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run):
        self.run = run
        self._per_batch = [
            o for o in run.observers if type(o).on_batch_end is not Callback.on_batch_end
        ]

    def __call__(self):
        """Train until an observer, ``max_iter``, Ctrl-C or divergence ends it.

        The last two are noted in ``stop_reason``, not raised: the weights are finite and usable
        in either case, and the caller decides what to keep and what to say.
        """
        run = self.run
        with ExitStack() as ends:
            try:
                for observer in run.observers:
                    ends.callback(observer.on_fit_end, run)
                    observer.on_fit_begin(run)
                while run.stop_reason is None:
                    if run.n_epochs >= run.max_iter:
                        run.request_stop("max_iter")
                    else:
                        self._epoch()
            except KeyboardInterrupt:
                run.stop_reason = "interrupted"
            run.sync()  # a step may have been interrupted after its update

    def _epoch(self):
        run = self.run
        run.begin_epoch()
        for observer in run.observers:
            observer.on_epoch_begin(run)
        for X, Y, weight in run.minibatches.epoch(run.random_state, start=run.batch):
            rate = run.rate()
            # Only here: the FloatingPointError of a callback, scorer or schedule is its own.
            try:
                report = run.trainer.step(
                    X, Y, rate, sample_weight=weight, weight_decay=run.weight_decay
                )
            except FloatingPointError as error:
                run.diverge(error)
                return
            run.add(report, weight)
            for observer in self._per_batch:
                if observer.on_batch_end(run, report):
                    run.request_stop(observer.stop_reason)
            if run.stop_reason is not None and run.batch < run.minibatches.n_batches:
                return  # a partial epoch leaves no row
        self._end_epoch()

    def _end_epoch(self):
        run = self.run
        try:
            record = run.end_epoch()
        except FloatingPointError as error:
            run.diverge(error)
            return
        for observer in run.observers:
            record.update(observer.measure(run))
        run.keep_record()
        for observer in run.observers:
            if observer.on_epoch_end(run, record):
                run.request_stop(observer.stop_reason)
