"""Pilots of a density: the weight decay with which rows that were held out are most likely."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from .._random import PILOT_PARTS, child_seed, stream

#: The usual weight decay; what pilots compare with it; what they then compare with that, if it is
#: better. Tables of few rows for their columns need the larger ones.
USUAL_ALPHA, LARGER_ALPHA, LARGEST_ALPHA = 2.0, 8.0, 16.0

#: With fewer rows than the first nothing is measured. With fewer than the second the usual decay is
#: not tried: the few rows held out may be likely while others are less so by thousands of nats.
LEAST_ROWS, FEW_ROWS = 20, 50

#: Most rows of pilots, the parts that they are cut into, and how many are held out in turn.
PILOT_ROWS, N_PARTS, N_PILOTS = 500, 5, 3

#: No further pilot is needed where the larger decay is worse by more than so many standard errors
#: of the mean difference, or better by more than so many.
WORSE, BETTER = 1.0, 3.0

#: ``train(values, observed, alpha, seed)`` returns ``density(values, observed)``: the log density
#: of each row.
Density = Callable[[np.ndarray, np.ndarray], np.ndarray]
Train = Callable[[np.ndarray, np.ndarray, float, np.random.SeedSequence], Density]


def choose_decay(
    values: np.ndarray,
    observed: np.ndarray,
    train: Train,
    seed: np.random.SeedSequence,
    verbose: bool,
) -> float:
    """The weight decay with which rows that were held out are most likely.

    Up to three pilots train on four fifths of the rows, or of some of them, with one decay and with
    the other, and compare the log densities of the rest. More rows need less decay: beyond those of
    pilots it is divided by the ratio of the rows, down to the usual one.

    Parameters
    ----------
    values : ndarray of shape (n, K)
    observed : bool ndarray of shape (n, K)
    train : callable
    seed : SeedSequence
    verbose : bool
        Whether to print a line for each training.
    """
    n = len(values)
    ratio = max(1.0, n / PILOT_ROWS)
    if LARGEST_ALPHA / ratio <= USUAL_ALPHA:
        return USUAL_ALPHA
    if n < LEAST_ROWS:
        return LARGEST_ALPHA
    pilots = _Pilots(values, observed, train, seed, verbose)
    if n >= FEW_ROWS and not pilots.prefer(LARGER_ALPHA, USUAL_ALPHA):
        return USUAL_ALPHA
    larger = pilots.prefer(LARGEST_ALPHA, LARGER_ALPHA)
    return max(USUAL_ALPHA, (LARGEST_ALPHA if larger else LARGER_ALPHA) / ratio)


class _Pilots:
    """The trainings on parts of the rows; the arguments are those of `choose_decay`."""

    def __init__(self, values, observed, train, seed, verbose):
        self.values, self.observed = values, observed
        self.train, self.seed, self.verbose = train, seed, verbose
        rows = stream(seed, PILOT_PARTS).permutation(len(values))[:PILOT_ROWS]
        self.parts = np.array_split(rows, N_PARTS)
        self._densities = {}

    def prefer(self, larger, smaller):
        """Whether rows are more likely with the larger decay."""
        return is_gain(
            self.densities(k, larger) - self.densities(k, smaller) for k in range(N_PILOTS)
        )

    def densities(self, index, alpha):
        """Log densities of the rows of a part, from a training on the others."""
        if (index, alpha) not in self._densities:
            held = self.parts[index]
            kept = np.sort(np.concatenate(self.parts[:index] + self.parts[index + 1 :]))
            own = child_seed(self.seed, PILOT_PARTS, index)
            density = self.train(self.values[kept], self.observed[kept], alpha, own)
            found = density(self.values[held], self.observed[held])
            self._densities[index, alpha] = found
            if self.verbose:
                print(f"pilot {index + 1}, alpha={alpha:g}: log density {found.mean():.4g}")
        return self._densities[index, alpha]


def is_gain(differences: Iterable[np.ndarray]) -> bool:
    """Whether paired differences are above 0: their mean, clearly or with that of most of them.

    Takes as few of them as are needed. A few rows may differ by more than all others together.
    """
    found = np.empty(0)
    for more in differences:
        found = np.concatenate([found, more])
        mean, error = found.mean(), found.std() / np.sqrt(len(found))
        if not -WORSE * error <= mean <= BETTER * error:
            break
    return bool(mean > error or (mean > 0 and np.median(found) > 0))
