"""The history of a fit, one row per epoch, and the sums over the steps of an epoch."""

import math

import numpy as np


def append_record(history, record):
    """Add one epoch to a history: a dict of equally long lists, one per column.

    Values missing in this epoch or in earlier ones are nan.
    """
    n_before = len(next(iter(history.values()), []))
    for name in record:
        history.setdefault(name, [math.nan] * n_before)
    for name, column in history.items():
        column.append(record.get(name, math.nan))


def truncate_history(history, columns, n_epochs):
    """Undo `append_record`: keep these columns and the first ``n_epochs`` rows."""
    for name in list(history):
        if name in columns:
            del history[name][n_epochs:]
        else:
            del history[name]


class EpochSums:
    """Running sums of step reports, by total sample weight or by number of samples."""

    def __init__(self):
        self.weight = self.loss = self.energy = 0.0
        self.n_samples = 0
        self.by_sample = np.zeros(4)

    def add(self, report):
        n, weight = report.n_samples, report.weight
        self.weight += weight
        self.loss += weight * report.loss
        self.energy += weight * report.energy
        self.n_samples += n
        steps = (report.n_steps, report.n_passes, report.converged, report.ended)
        self.by_sample += np.multiply(n, steps)

    def means(self):
        """Columns of the history; see the docstring of the estimators' ``history_``."""
        n_steps, n_passes, converged, ended = (self.by_sample / self.n_samples).tolist()
        return {
            "energy": self.energy / self.weight,
            "n_steps": n_steps,
            "n_passes": n_passes,
            "converged": converged,
            "ended": ended,
        }
