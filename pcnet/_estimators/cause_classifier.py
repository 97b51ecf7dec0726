"""The classifier of a joint model: from the inferred causes of rows to their labels.

Causes that are inferred with a label fit it, so the probabilities that a joint network gives to the
labels of its own rows say little about other rows. The classifier learns from causes that are
inferred as those of new rows will be, without the label.
"""

from __future__ import annotations

import numpy as np

from .._random import PILOT_PARTS, stream
from .classifier import PCClassifier

#: Weight decay and epochs: causes are few and standard normal, so that these need no pilots.
ALPHA, EPOCHS = 1.0, 20

#: Rows for it, at least about so many.
ENOUGH_ROWS = 1000


def train_classifier(outputs, labels, n_columns, causes_of, seed):
    """A classifier of causes, trained on those of the labelled rows.

    Each row is used as it is, and with a random share of its entries hidden, from none to all; few
    rows are used several times. So the classifier learns how little causes of incomplete rows say.

    Parameters
    ----------
    outputs : ndarray of shape (n, K)
        Of labelled rows, NaN where missing.
    labels : ndarray of shape (n,)
    n_columns : int
        The first outputs are those of X; the others are those of y.
    causes_of : callable
        Causes (n, D) of outputs.
    seed : SeedSequence

    Returns
    -------
    PCClassifier
    """
    rng = stream(seed, PILOT_PARTS)
    whole = outputs.copy()
    whole[:, n_columns:] = np.nan
    n_parts = max(1, ENOUGH_ROWS // len(whole) - 1)
    part = np.tile(whole, (n_parts, 1))
    part[rng.random(part.shape) < rng.random((len(part), 1))] = np.nan
    causes = causes_of(np.vstack([whole, part]))
    classifier = PCClassifier(
        loss="log_loss",
        input_scaling="standard",
        alpha=ALPHA,
        max_iter=EPOCHS,
        temperature=1.0,
        dtype=causes.dtype.name,
        random_state=int(rng.integers(2**31)),
    )
    return classifier.fit(causes, np.tile(labels, 1 + n_parts))
