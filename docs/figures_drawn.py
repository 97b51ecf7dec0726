"""What a matplotlib figure shows, in a few numbers, so that a kept picture can be held to them.

Each line, cloud of points, bar chart and image of a figure becomes four numbers, each text its
words and numbers. A PNG differs by the release of matplotlib; these do not.
"""

import hashlib
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
#: Of the largest number drawn, and of a number in a text; decades where the axis is logarithmic.
SHARE, DECADES, IN_TEXT = 0.02, 0.3, 0.01


def digest(path):
    """SHA-256 of a file; None where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@contextmanager
def recorded(folder):
    """Summaries of all figures that are saved in a folder, by their path in it."""
    from matplotlib.figure import Figure

    found, save = {}, Figure.savefig

    def savefig(figure, path, *args, **kwargs):
        save(figure, path, *args, **kwargs)
        found[Path(path).relative_to(folder).as_posix()] = summary(figure)

    Figure.savefig = savefig
    try:
        yield found
    finally:
        Figure.savefig = save


def summary(figure):
    """{place: numbers or text} of a figure's axes, without what is inset in them."""
    found = {}
    for index, ax in enumerate(figure.axes):
        for kind, values in drawn(ax):
            name = f"{index} {kind}"
            n = sum(key.startswith(f"{name} ") for key in found)
            found[f"{name} {n}"] = values
    return found


def drawn(ax):
    """(kind, numbers or text) of the artists of one axes."""
    logarithmic = ax.get_yscale() == "log"
    for line in ax.lines:
        yield "log" if logarithmic else "line", numbers(line.get_ydata(), logarithmic)
    for collection in ax.collections:
        values = collection.get_array()
        if values is None:
            values = np.ma.getdata(collection.get_offsets())[:, 1]
        yield "points", numbers(np.ma.compressed(values), False)
    for image in ax.images:
        yield "image", numbers(np.ma.compressed(image.get_array()), False)
    if ax.patches:
        bars = [patch.get_height() for patch in ax.patches if hasattr(patch, "get_height")]
        yield "bars", numbers(bars, False)
    legend = ax.get_legend()
    texts = [ax.get_title(), *(text.get_text() for text in ax.texts)]
    texts += [text.get_text() for text in legend.get_texts()] if legend else []
    for text in filter(None, texts):
        yield "text", text


def numbers(values, logarithmic):
    """[first, median, largest, last], to four digits; of the logarithm on such an axis."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if logarithmic:
        values = np.log10(values[values > 0])
    if values.size == 0:
        return []
    found = values[0], np.median(values), values.max(), values[-1]
    return [float(f"{value:.4g}") for value in found]


def differences(kept, found, room=1.0):
    """Lines on what two summaries show differently, with that much more room for rounding."""
    for place in sorted({*kept, *found}):
        if place not in kept or place not in found:
            yield f"{place} is {'new' if place in found else 'gone'}"
        elif not alike(place, kept[place], found[place], scale(place, kept), room):
            yield f"{place} was {kept[place]}, is {found[place]}"


def scale(place, kept):
    """The largest number drawn in the same axes in the same way."""
    axes, kind = place.split()[:2]
    same = [v for key, v in kept.items() if key.split()[:2] == [axes, kind] and v]
    return max((abs(v) for values in same if kind != "text" for v in values), default=0.0)


def alike(place, kept, found, largest, room):
    if isinstance(kept, str) or isinstance(found, str):
        return alike_texts(str(kept), str(found), room)
    if len(kept) != len(found):
        return False
    if place.split()[1] == "log":  # the last numbers may be rounding
        kept, found, allowed = kept[1:3], found[1:3], DECADES * min(room, 4)
    else:
        allowed = SHARE * largest * room
    return bool(np.all(np.abs(np.subtract(kept, found)) <= allowed + 1e-12))


def alike_texts(kept, found, room):
    """The same words, and numbers that differ by rounding."""
    if NUMBER.sub("#", kept) != NUMBER.sub("#", found):
        return False
    before, after = (np.array(NUMBER.findall(t), dtype=float) for t in (kept, found))
    return np.allclose(before, after, rtol=IN_TEXT * room, atol=0.0)
