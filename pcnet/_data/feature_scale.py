"""The warning for features that are far from unit scale."""

import numpy as np

from .._checks import listed
from .._warnings import warn
from ..exceptions import FeatureScaleWarning

#: Features whose root mean square lies within these bounds pass without a warning,
SCALE_BOUNDS = (1 / 30, 30.0)
#: as do columns up to this multiple of the columns' median.
SCALE_RATIO = 1000.0
SCALE_ROWS = 1000
#: A float64 whose square is infinite.
SQUARES_OVERFLOW = 1e155


def warn_if_unscaled(rows, *, small_is_fine=False, names=None):
    """Warn if features are far from unit scale, judged by some rows.

    Parameters
    ----------
    rows : Rows
        At most 1000 of them, evenly spaced, are looked at.
    small_is_fine : bool, default=False
        Whether only large features matter.
    names : sequence of str, default=None
        What to call the columns.
    """
    index = np.linspace(0, len(rows) - 1, min(len(rows), SCALE_ROWS)).astype(np.intp)
    columns = rows.root_mean_squares(index)
    used = columns[columns > 0]
    largest = columns.max()
    if len(used) == 0 or not largest < SQUARES_OVERFLOW:
        return  # nothing to scale; or training ends at once, in an error that says the same
    low, high = SCALE_BOUNDS
    scale = float(largest * np.sqrt(np.mean(np.square(columns / largest))))
    # Sparse features, such as the words of a text, train well with most of them 0; scaled up to a
    # mean square of 1 they were worse.
    entries = scale / np.sqrt(rows.filled(index)) if scale < low else scale
    large = np.flatnonzero(columns / SCALE_RATIO > np.median(used))
    if len(large):
        which = listed(large if names is None else [names[i] for i in large])
        found = (
            f"the root mean square of column {which} is more than {SCALE_RATIO:g} times "
            "the columns' median"
        )
    elif scale > high or (entries < low and not small_is_fine):
        found = f"their root mean square is about {scale:.1g}"
    else:
        return
    warn(
        f"Features are far from unit scale: {found}. Training may be slow, poor or diverge. Scale "
        "them, for example make_pipeline(StandardScaler(), ...), or MaxAbsScaler() for sparse "
        "data; or set input_scaling='standard' or 'max'",
        FeatureScaleWarning,
    )
