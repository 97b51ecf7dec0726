"""Shared by the examples: the data, the command line, and the figure."""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"

#: Colours of the curves: pcnet's energy first, then the baselines.
COLOURS = ("#c0392b", "#34608c", "#7f8c8d", "#d68910")

# pixel mean and standard deviation of the MNIST training set, the usual constants
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081

#: What the options are, in the help of all scripts.
TEXTS = {
    "depth": "hidden layers",
    "width": "units of a hidden layer",
    "seeds": "number of random starts, with the seeds 0, 1, ..",
    "epochs": "epochs of training",
}


def digits(data=None):
    """Images with pixels from -1 to 1, or standardised MNIST from a file; and their labels.

    Parameters
    ----------
    data : path-like, optional
        An npz file with X_train and y_train, as docs/papers.md describes it. Default:
        scikit-learn's 1797 digits.
    """
    if data is None:
        X, y = load_digits(return_X_y=True)
        return (X / 8 - 1).astype(np.float32), y
    with np.load(data) as file:
        X, y = file["X_train"], file["y_train"]
    X = X.reshape(len(X), -1) / 255
    return ((X - MNIST_MEAN) / MNIST_STD).astype(np.float32), y.astype(int)


def parse(description, name, arguments=None, **defaults):
    """The command line of an example, as keyword arguments of its `run`.

    Parameters
    ----------
    description : str
        The script's docstring.
    name : str
        File name of the figure; by default it goes to ``docs/images``.
    arguments : list of str, optional
        Default: those of the process.
    **defaults
        For each option of `TEXTS` that the script takes: a number, or a tuple if it takes several.
        ``data=None`` if it can use MNIST.

    Returns
    -------
    dict
        ``path``, and a value for each of ``defaults``.
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    for option, default in defaults.items():
        if option == "data":
            parser.add_argument("--data", type=Path, help="MNIST as an npz file, not the digits")
            continue
        several = isinstance(default, tuple)
        text = f"{TEXTS[option]}; default {' '.join(map(str, default)) if several else default}"
        parser.add_argument(
            f"--{option}", type=int, nargs="+" if several else None, default=default, help=text
        )
    output = IMAGES / name
    parser.add_argument("--output", type=Path, default=output, help="file of the figure")
    given = vars(parser.parse_args(arguments))
    given["path"] = given.pop("output")
    return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}


def execute(run, description, name, **defaults):
    """Call `run` as the command line says, see `parse`, and say where the figure is."""
    given = parse(description, name, **defaults)
    run(**given)
    print(f"Figure written to {given['path']}")


def new_figure(title, width_ratios, height=4.6):
    """A figure with one row of axes that belongs to no pyplot state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, height), layout="constrained")
    figure.suptitle(title, fontsize=13, fontweight="bold")
    axes = figure.subplots(1, len(width_ratios), width_ratios=width_ratios)
    return figure, axes


def save(figure, path):
    """Write a figure for screens with many pixels; return it, which shows it in a notebook."""
    figure.savefig(path, dpi=150)
    return figure
