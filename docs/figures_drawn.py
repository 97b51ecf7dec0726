"""What a matplotlib figure shows, in a few numbers, so that a kept picture can be held to them.

Each line, cloud of points, bar chart and image of a figure becomes four numbers, each text its
words and numbers. A PNG differs by the release of matplotlib; these do not.
"""

import hashlib
import re
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import thumbnails

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
#: Of the largest number drawn, and of a number in a text; decades where the axis is logarithmic.
SHARE, DECADES, IN_TEXT = 0.02, 0.3, 0.01


def digest(path):
    """SHA-256 of a file; None where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


@contextmanager
def recorded(folder):
    """What figures that are saved in a folder show, and the panels of examples', by their path.

    Of an example's figure a thumbnail is drawn, too.
    """
    from matplotlib.figure import Figure

    found, save = {}, Figure.savefig

    def savefig(figure, path, *args, **kwargs):
        save(figure, path, *args, **kwargs)
        reduce_colours(path)
        path = Path(path)
        name = path.relative_to(folder).as_posix()
        is_small = path.parent.name == "thumbnails"
        found[name] = {"drawn": {} if is_small else summary(figure)}
        if path.stem in thumbnails.PANELS and path.parent == folder:
            found[name]["panels"] = panels(figure)
            small = folder / "thumbnails" / path.name
            thumbnails.draw(figure, thumbnails.PANELS[path.stem], small)

    Figure.savefig = savefig
    try:
        yield found
    finally:
        Figure.savefig = save


def reduce_colours(path, n_colours=256):
    """Write a picture again with a palette: a third of the bytes, without a visible difference."""
    from PIL import Image

    with Image.open(path) as image:
        few = image.convert("RGB").quantize(n_colours, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def panels(figure, pad=0.05):
    """Title and place of each panel: of the axes, or of the groups of axes in subfigures.

    A place is left, top, right and bottom, as shares of the figure's size, with a margin in inches.
    """
    width, height = figure.get_size_inches()
    found = []
    inches = figure.dpi_scale_trans.inverted()
    for title, artists in groups(figure):
        boxes = [artist.get_tightbbox().transformed(inches) for artist in artists]
        edges = [
            min(box.x0 for box in boxes) - pad,
            height - max(box.y1 for box in boxes) - pad,
            max(box.x1 for box in boxes) + pad,
            height - min(box.y0 for box in boxes) + pad,
        ]
        box = [float(f"{min(max(e / s, 0), 1):.4f}") for e, s in zip(edges, 2 * (width, height))]
        found.append({"title": " ".join(title.split()), "box": box})
    return found


def groups(figure):
    """(title, artists) of each panel; an axes is with its twin and its colour bars."""
    if figure.subfigs:
        for part in figure.subfigs:
            title = part.get_suptitle() or part.axes[0].get_title()
            yield title, [*part.axes, *([part._suptitle] if part.get_suptitle() else [])]
        return
    owners = {}
    for ax in figure.axes:
        bar = getattr(ax, "_colorbar", None)
        same = [o for o in owners if o.get_position().bounds == ax.get_position().bounds]
        owners.setdefault(bar.mappable.axes if bar else next(iter(same), ax), []).append(ax)
    for ax, parts in owners.items():
        yield ax.get_title(), parts


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


def same_words(kept, step, text):
    """Whether a cell printed the same but for the numbers."""
    return step < len(kept) and NUMBER.sub("#", kept[step]) == NUMBER.sub("#", text)


def alike_texts(kept, found, room):
    """The same words, and numbers that differ by rounding."""
    if NUMBER.sub("#", kept) != NUMBER.sub("#", found):
        return False
    before, after = (np.array(NUMBER.findall(t), dtype=float) for t in (kept, found))
    return np.allclose(before, after, rtol=IN_TEXT * room, atol=0.0)
