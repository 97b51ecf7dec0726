"""What a checkpoint keeps of a run, so that another process trains on to the same bits."""


def run_state(run):
    """Everything but the weights and the solver's moments that it takes to train on.

    The order of an epoch is not stored but drawn again: the random state is that at the start of
    the epoch to be continued.

    Parameters
    ----------
    run : Run

    Returns
    -------
    dict
        For `restore_run`; can be pickled if the observers' states can.
    """
    within = run.batch > 0
    return {
        "n_epochs": run.n_epochs,
        "n_steps": run.n_steps,
        "batch": run.batch,
        "n_samples_seen": run.n_samples_seen,
        "stop_reason": run.stop_reason,
        "first_loss": run.first_loss,
        "seconds": run.seconds(),
        "n_plateaus": run.schedule.n_plateaus,
        "sums": {**vars(run.sums), "by_sample": run.sums.by_sample.copy()},
        "random_state": (
            run.epoch_random_state if within else run.random_state.bit_generator.state
        ),
        "observers": _observer_states(run),
    }


def restore_run(run, state):
    """Give a new run what `run_state` returned; its optimiser and its history are restored apart.

    A run that stopped at a plateau stays stopped. One that was interrupted, or whose time was up,
    goes on.
    """
    run.n_epochs = state["n_epochs"]
    run.n_steps = state["n_steps"]
    run.batch = state["batch"]
    run.n_samples_seen = state["n_samples_seen"]
    run.first_loss = state["first_loss"]
    run.seconds_before = state["seconds"]
    run.schedule.n_plateaus = state["n_plateaus"]
    vars(run.sums).update(state["sums"], by_sample=state["sums"]["by_sample"].copy())
    run.random_state.bit_generator.state = state["random_state"]
    run.epoch_random_state = state["random_state"]
    run.stop_reason = state["stop_reason"] if state["stop_reason"] == "plateau" else None
    for name, observer in _named_observers(run):
        if name in state["observers"]:
            observer.restore(state["observers"][name])


def _observer_states(run):
    states = {name: observer.state() for name, observer in _named_observers(run)}
    return {name: state for name, state in states.items() if state is not None}


def _named_observers(run):
    """By class and number: those that only print may come and go between processes."""
    names = [type(observer).__qualname__ for observer in run.observers]
    for i, observer in enumerate(run.observers):
        yield f"{names[i]}:{names[:i].count(names[i])}", observer
