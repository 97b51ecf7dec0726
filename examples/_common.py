"""Shared by the examples: the data, the path of the figure, and the command line."""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"

#: Colours of the curves: pcnet's energy first, then the baselines.
COLOURS = ("#c0392b", "#34608c", "#7f8c8d", "#d68910")


def digits():
    """scikit-learn's 1797 digits, pixels from -1 to 1."""
    X, y = load_digits(return_X_y=True)
    return (X / 8 - 1).astype(np.float32), y


def output_path(description, name):
    """Path of the figure from the command line; by default ``docs/images/<name>``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--output", type=Path, default=IMAGES / name, help="file of the figure")
    return parser.parse_args().output


def new_figure(title, width_ratios, height=4.6):
    """A figure with one row of axes that belongs to no pyplot state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, height), layout="constrained")
    figure.suptitle(title, fontsize=13, fontweight="bold")
    axes = figure.subplots(1, len(width_ratios), width_ratios=width_ratios)
    return figure, axes
