"""Draws docs/images/core.svg: one minibatch on its way from fit() to C and back.

    python docs/draw_core.py [FILE]

Plain SVG with its own background, narrow enough to be read on a phone.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, FONT = 440, "DejaVu Sans, Verdana, sans-serif"
TARGET = Path(__file__).resolve().parent / "images" / "core.svg"


def band(y, height, colour, name):
    return [
        f'<rect x="8" y="{y}" width="{WIDTH - 16}" height="{height}" rx="8" fill="{colour}"/>',
        f'<text x="20" y="{y + 20}" font-size="13" font-weight="bold" fill="#444">{name}</text>',
    ]


def box(x, y, width, title, *lines):
    height = 30 + 16 * len(lines)
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="white" '
        'stroke="#333" stroke-width="1.2"/>',
        f'<text x="{x + 10}" y="{y + 19}" font-size="13" font-weight="bold">{escape(title)}</text>',
    ]
    for row, line in enumerate(lines):
        parts.append(
            f'<text x="{x + 10}" y="{y + 37 + 16 * row}" font-size="12">{escape(line)}</text>'
        )
    return parts


def arrow(x, y_1, y_2, colour, label="", side=1):
    anchor = "start" if side > 0 else "end"
    return [
        f'<line x1="{x}" y1="{y_1}" x2="{x}" y2="{y_2}" stroke="{colour}" stroke-width="2" '
        f'marker-end="url(#{colour[1:]})"/>',
        f'<text x="{x + 7 * side}" y="{(y_1 + y_2) / 2 + 4}" font-size="11.5" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(label)}</text>',
    ]


def marker(colour):
    return (
        f'<marker id="{colour[1:]}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        f'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


BOXES = {  # left, top, width: title and lines
    (30, 38, 380): """PC classes, fit(X, y)
        check and encode the data, draw the weights, make a Run
        _estimators/base.py, _training/start.py""",
    (30, 142, 380): """train(run)
        cut 64 rows; Ctrl-C and callbacks between batches
        _training/: loop, run, minibatches; callbacks/""",
    (30, 246, 380): """Trainer.step
        inference, then the update; keeps weights packed
        _training/trainer.py, inference/, solvers.py""",
    (30, 422, 380): """Batch
        check types, take addresses, drop the GIL once
        _core/binding.pyx""",
    (22, 582, 194): """error_descent.inc
        a thread takes a tile,
        up to 64 samples,
        through all layers
        and all steps""",
    (224, 582, 194): """update.inc
        a thread takes a block
        of one layer's rows:
        gradient, Adam, both
        packed copies""",
    (22, 718, 396): """passes, products, activations, losses
        one layer of one tile: a product with packed weights,
        then the element-wise work while it is in cache;
        built for plain C, AVX2, AVX-512, float32, float64""",
}


def drawing():
    """The text of the SVG."""
    down, up = "#34608c", "#c0392b"
    parts = ['<rect width="100%" height="100%" fill="white"/>']
    parts += band(8, 332, "#e8eef5", "Python: checks, memory, random numbers, the loop")
    parts += band(392, 108, "#f7efdc", "Cython: the boundary")
    parts += band(552, 260, "#e4f0e6", "C, in csrc/: computes")
    for (x, y, width), text in BOXES.items():
        parts += box(x, y, width, *(line.strip() for line in text.splitlines()))
    parts += arrow(90, 100, 138, down, "X, y, weights")
    parts += arrow(90, 204, 242, down, "rows, targets, rate")
    parts += arrow(196, 308, 418, down, "error_descent()", -1)
    parts += arrow(290, 308, 418, down, "update()")
    parts += arrow(196, 484, 578, down, "tiles of samples", -1)
    parts += arrow(290, 484, 578, down, "blocks")
    parts += arrow(120, 676, 714, down)
    parts += arrow(320, 676, 714, down)
    parts += arrow(395, 578, 484, up, "status", -1)
    parts += arrow(395, 418, 308, up, "results", -1)
    parts += arrow(395, 242, 204, up, "StepReport", -1)
    parts += arrow(395, 138, 100, up, "history_, weights", -1)
    height = 820
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" font-family="{FONT}" role="img">',
            "<title>One minibatch, from fit() to C and back</title>",
            "<defs>",
            marker(down),
            marker(up),
            "</defs>",
            *parts,
            "</svg>",
            "",
        ]
    )


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.write_text(drawing(), encoding="utf-8")
