"""Pictures of the cards in the gallery: one panel of a figure, drawn again for 200 pixels.

Thick lines, large labels, no legend: a card needs the shape of the result, its page has the rest.
"""

import textwrap

#: Example -> the panel that carries its message, an index of `figure.axes`.
PANELS = {
    "conditioning": 0,
    "depth": 2,
    "energy_to_loss": 0,
    "equilibrated_energy": 1,
    "generation": 0,
    "hardware_cost": 0,
    "learning_rates": 0,
    "memory": -1,
    "mislabelled_digits": 1,
    "novel_rows": 0,
    "novelty": 0,
    "origin_saddle": 2,
    "pc_against_backprop": 2,
    "pictures": 5,
    "race_to_equilibrium": 1,
    "trust_region": 0,
}
WIDTH, HEIGHT, DPI = 4.0, 3.0, 100


def draw(figure, panel, path):
    """Draw one panel of a figure, which is changed, to a file of 400 x 300 pixels."""
    chosen = figure.axes[panel]
    for ax in figure.axes:
        ax.set_visible(ax is chosen)
        ax.set_in_layout(ax is chosen)
    for part in (figure, *figure.subfigs):
        part.suptitle("")
    enlarge(chosen)
    figure.set_layout_engine("none")
    figure.set_size_inches(WIDTH, HEIGHT)
    pictures = bool(chosen.images or chosen.child_axes)
    place = (0.02, 0.02, 0.96, 0.96) if pictures else (0.3, 0.24, 0.67, 0.72)
    if figure.subfigs:  # positions are shares of the subfigure
        x, y, width, height = chosen.figure.bbox_relative.bounds
        place = (place[0] - x) / width, (place[1] - y) / height, place[2] / width, place[3] / height
    chosen.set_position(place)
    figure.savefig(path, dpi=DPI)


def enlarge(ax):
    """Larger labels and thicker lines; no legend, title or notes."""
    ax.set_title("")
    if ax.get_legend():
        ax.get_legend().remove()
    for text in list(ax.texts):
        text.remove()
    ax.xaxis.label.set_size(15)
    ax.yaxis.label.set_size(15)
    ax.set_ylabel(textwrap.fill(ax.get_ylabel(), 20, max_lines=2, placeholder=" .."))
    ax.tick_params(labelsize=14)
    for line in ax.lines:
        line.set_linewidth(max(3.0, 1.7 * line.get_linewidth()))
        line.set_markersize(1.3 * line.get_markersize())
