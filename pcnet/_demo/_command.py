"""The command of the demo: its arguments, the training and the table."""

import argparse
import os
import time
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # scikit-learn's own dependency

from .._core.threads import effective_n_threads
from .._estimators.classifier import PCClassifier
from .._version import __version__
from ._picture import draw, record_energies

PICTURE_FORMATS = (".png", ".pdf", ".svg")

#: Options with an integer: name, smallest and largest value, default, metavar, help.
INTEGERS = [
    ("--depth", 2, 1000, 128, "LAYERS", "number of layers, the output included"),
    ("--width", 1, 4096, 128, "UNITS", "units in each hidden layer"),
    ("--epochs", 1, 10_000, 10, "N", "passes over the training images"),
    (
        "--seed",
        0,
        2**32 - 1,
        0,
        "N",
        "seed of the split into training and test images, the first weights and the order of the "
        "images",
    ),
    (
        "--threads",
        1,
        1024,
        None,
        "N",
        "threads to use (default: the CPUs that this process may use)",
    ),
]


def main(argv=None):
    """Run the demo.

    Parameters
    ----------
    argv : list of str, default=None
        Command-line arguments; those of the process if None.

    Returns
    -------
    int
        Exit status.
    """
    options = parse_arguments(argv)
    limit = nullcontext() if options.threads is None else threadpool_limits(options.threads)
    try:
        with limit:
            run(options)
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130
    return 0


def run(options):
    """Train, print the table and draw the picture."""
    start = time.perf_counter()
    data = load_data(options.seed)
    n_threads = effective_n_threads()
    print(
        f"pcnet {__version__}: a predictive-coding network of {options.depth} layers, with "
        f"{count(options.width, 'unit')} in each hidden one.\nscikit-learn's digits: "
        f"{len(data.X_train)} images of 8 x 8 pixels to learn from, {len(data.X_test)} to test "
        f"on; {count(n_threads, 'thread')}.\n",
        flush=True,
    )
    model, row = train_pcnet(options, data)
    print("\nNow scikit-learn's MLPClassifier, trained by backpropagation ...\n", flush=True)
    print_table([row, *train_peers(options, data)])
    if options.no_plot:
        print("\nNo picture, as asked for.")
    elif find_spec("matplotlib") is None:
        print(
            "\nNo picture: it needs matplotlib. Install it with\n"
            "    python -m pip install matplotlib\n"
            "and run the demo again."
        )
    else:
        print("\nDrawing the energy of each layer while inference runs ...", flush=True)
        traces = record_energies(model, data.X_test, data.y_test)
        draw(traces, options.output)
        print(f"Picture written to {options.output.resolve()}")
    print(f"Done in {time.perf_counter() - start:.0f} s.")


# ---------------------------------------------------------------- arguments


def parse_arguments(argv=None):
    """Options from the command line; ends the process with a message if one is invalid."""
    parser = argparse.ArgumentParser(
        prog="python -m pcnet",
        description="Train a deep predictive-coding network on scikit-learn's bundled "
        "handwritten digits, compare it with MLPClassifier in a table, and draw how the energy "
        "of each layer changes while inference runs. Takes less than a minute on two cores.",
        epilog="The picture needs matplotlib (python -m pip install matplotlib); everything "
        "else runs without.",
    )
    for name, low, high, default, metavar, text in INTEGERS:
        help_ = text if default is None else f"{text} (default: {default})"
        kind = integer(low, high)
        parser.add_argument(name, type=kind, default=default, metavar=metavar, help=help_)
    parser.add_argument(
        "--output",
        type=picture_path,
        default="pcnet-demo.png",
        metavar="FILE",
        help="where to write the picture, a .png, .pdf or .svg (default: %(default)s)",
    )
    parser.add_argument("--no-plot", action="store_true", help="leave out the picture")
    parser.add_argument("--version", action="version", version=f"pcnet {__version__}")
    return parser.parse_args(argv)


def integer(low, high):
    """An argparse type: an integer from low to high."""

    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"expected a whole number from {low} to {high}, got {text!r}"
            )
        return value

    return parse


def picture_path(text):
    """An argparse type: a file that can be written, of a format that can be drawn."""
    path = Path(text)
    if path.suffix.lower() not in PICTURE_FORMATS:
        raise argparse.ArgumentTypeError(
            f"expected a file name that ends in {' or '.join(PICTURE_FORMATS)}, got {text!r}"
        )
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {str(path.parent)!r}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"no permission to write {text!r}")
    return path


# ---------------------------------------------------------------- training


class Data(NamedTuple):
    """Digits, each pixel standardised with the training images."""

    X_train: np.ndarray  # (n_train, 64)
    X_test: np.ndarray  # (n_test, 64)
    y_train: np.ndarray
    y_test: np.ndarray


class Row(NamedTuple):
    """The row of a model in the table."""

    name: str
    n_layers: int
    n_epochs: int
    accuracy: float
    seconds: float  # duration of fit
    n_passes: float | None  # inference passes per sample and epoch; None without inference


def load_data(seed):
    """scikit-learn's digits in float32, a quarter of each class held out."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X.astype(np.float32), y, test_size=0.25, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    return Data(scaler.transform(X_train), scaler.transform(X_test), y_train, y_test)


def train_pcnet(options, data):
    """The fitted PCClassifier and its row; prints a line per epoch."""
    model = PCClassifier(
        hidden_layer_sizes=(options.width,) * (options.depth - 1),
        max_iter=options.epochs,
        random_state=options.seed,
        verbose=True,
    )
    return model, timed_row("PCClassifier", model, data)


def train_peers(options, data):
    """Rows of MLPClassifier: with its defaults, and with the demo's shape and epochs."""
    deep = MLPClassifier(
        hidden_layer_sizes=(options.width,) * (options.depth - 1),
        max_iter=options.epochs,
        random_state=options.seed,
    )
    # One thread: more do not speed up such small products, and slow them down on a busy machine.
    with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few epochs are intended
        return [
            timed_row("MLPClassifier, default", MLPClassifier(random_state=options.seed), data),
            timed_row("MLPClassifier, same shape", deep, data),
        ]


def timed_row(name, model, data):
    """Fit a model and measure it."""
    start = time.perf_counter()
    fit_or_interrupt(model, data)
    seconds = time.perf_counter() - start
    passes = getattr(model, "n_inference_passes_", None)
    return Row(
        name=name,
        n_layers=len(model.coefs_),
        n_epochs=model.n_iter_,
        accuracy=model.score(data.X_test, data.y_test),
        seconds=seconds,
        n_passes=None if passes is None else float(np.mean(passes)),
    )


def fit_or_interrupt(model, data):
    """Fit, but let Ctrl-C end the demo; estimators only warn and keep their weights."""
    message = "Training interrupted by user"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message)
        try:
            model.fit(data.X_train, data.y_train)
        except UserWarning as warning:
            if str(warning).startswith(message):
                raise KeyboardInterrupt from None
            raise


def print_table(rows):
    """Print the rows under their column names, with an explanation."""
    head = ("", "layers", "epochs", "test accuracy", "seconds", "inference passes a sample")
    line = "{:<25}  {:>6}  {:>6}  {:>13}  {:>7}  {:>25}"
    print(line.format(*head))
    for row in rows:
        passes = "none (backpropagation)" if row.n_passes is None else f"{row.n_passes:.2f}"
        accuracy, seconds = f"{row.accuracy:.3f}", f"{row.seconds:.1f}"
        print(line.format(row.name, row.n_layers, row.n_epochs, accuracy, seconds, passes))
    print(
        "\nAn inference pass takes a sample once forward and once backward through all layers;\n"
        "backpropagation does so exactly once. The same shape under MLPClassifier has no skip\n"
        "connections and no scaling by depth, without which very deep networks hardly train,\n"
        "by whatever rule."
    )


def count(n, noun):
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
