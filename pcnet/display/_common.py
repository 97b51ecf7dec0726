"""Common parts of the displays: axes, colours, and the error if matplotlib is missing."""

#: Colours of pcnet's results, of results to compare with, and of auxiliary lines.
OURS, OTHER, ASIDE = "#c0392b", "#34608c", "0.55"


class Display:
    """Base class of the displays, with the axes they draw into."""

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
    """Raise an ImportError with the command that installs matplotlib, if it is missing."""
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
