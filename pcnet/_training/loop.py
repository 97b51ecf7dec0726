"""The loop over epochs and steps, between the estimators and the optimisers.

It returns to Python between steps, where Ctrl-C is handled and observers run.
"""

from contextlib import ExitStack


def train(run):
    """Train until an observer, the optimiser, Ctrl-C or divergence ends the run.

    The last two set ``stop_reason`` instead of raising. In both cases the weights are finite and
    usable; the caller decides whether to keep them and which error or warning to give.

    Parameters
    ----------
    run : Run
    """
    with ExitStack() as ends:
        try:
            for observer in run.observers:
                ends.callback(observer.on_fit_end, run)
                observer.on_fit_begin(run)
            while run.stop_reason is None:
                run.stop_reason = run.optimizer.reason_to_stop(run)
                if run.stop_reason is None:
                    _train_epoch(run)
        except KeyboardInterrupt:
            run.stop_reason = "interrupted"
        run.sync()  # Ctrl-C may have interrupted a step after its update


def _train_epoch(run):
    run.begin_epoch()
    for observer in run.observers:
        observer.on_epoch_begin(run)
    for report in run.optimizer.epoch(run):
        run.add(report)
        for observer in run.step_observers:
            if observer.on_batch_end(run, report):
                run.request_stop(observer.stop_reason)
        if run.stop_reason is not None:
            break
    if run.batch == run.n_batches:  # a partial epoch leaves no row
        _end_epoch(run)


def _end_epoch(run):
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
