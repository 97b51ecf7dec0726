"""What all displays share: axes, colours, and the message where matplotlib is missing."""

#: Of what pcnet does, of what it is compared with, and of what is beside the point.
OURS, OTHER, ASIDE = "#c0392b", "#34608c", "0.55"


class Display:
    """Base of the displays: where they draw."""

    def _start(self, ax):
        """Set ``ax_`` and ``figure_`` to the given axes, or to new ones."""
        check_matplotlib(f"{type(self).__name__}.plot")
        from matplotlib.axes import Axes

        if ax is not None and not isinstance(ax, Axes):
            raise TypeError(
                "ax must be one matplotlib Axes, as figure, ax = pyplot.subplots() gives it; got "
                f"{type(ax).__name__}. Leave it out for a new figure"
            )
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots()
        self.ax_ = ax
        self.figure_ = ax.figure
        return ax


def check_matplotlib(caller):
    """Raise an ImportError that says how to get matplotlib, if it is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which is not installed; install it with\n"
            '    python -m pip install "pcnet[plot]"'
        ) from error


def whole_ticks(axis):
    """Ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))
