"""Transfer of learning rates: test accuracy by learning rate, over depth and width.

    python benchmarks/transfer.py PATH_TO_NPZ [--batches 300] [--output FIGURE]

One `learning_rate_init` should be near its best at every depth and width. Each network trains
on the same batches of 64 MNIST images at default arguments (squared error, linear schedule).
"""

import argparse

import numpy as np
from _common import load_mnist, print_environment

from pcnet import PCClassifier
from pcnet.theory import learning_rate_transfer

RATES = (0.003, 0.01, 0.03, 0.1, 0.3)
SHAPES = tuple((depth, width) for depth in (2, 8, 32, 128) for width in (32, 128, 512))
BATCH_SIZE = 64


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="npz with X_train, y_train, X_test, y_test (uint8 images)")
    parser.add_argument("--batches", type=int, default=300)
    parser.add_argument("--output", help="also draw the table as this picture")
    arguments = parser.parse_args()
    print_environment()
    data = load_mnist(arguments.data)
    print(f"\ntest accuracy after {arguments.batches} batches, by learning_rate_init")
    print("layers width " + "".join(f"{rate:>8g}" for rate in RATES) + "    best")
    table = {}
    for shape in SHAPES:
        table[shape] = accuracies(shape, data, arguments.batches)
        best = RATES[table[shape].index(max(table[shape]))]
        cells = "".join(f"{a:8.1%}" for a in table[shape])
        print(f"{shape[0]:6d} {shape[1]:5d} {cells}{best:8g}", flush=True)
    if arguments.output:
        draw(table, arguments.output)


def accuracies(shape, data, batches):
    """Test accuracy at each of `RATES`, 0 where training diverged."""
    X, y, X_test, y_test = data
    depth, width = shape
    n = batches * BATCH_SIZE
    model = PCClassifier(batch_size=BATCH_SIZE, max_iter=1, random_state=0)
    train, test = (X[:n], y[:n]), (X_test, y_test)
    found = learning_rate_transfer(model, *train, *test, RATES, [width], [depth - 1])
    return np.nan_to_num(found["score"]).tolist()


def draw(table, path):
    """A panel for each width, a curve for each depth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    widths = sorted({width for _, width in table})
    for ax, width in zip(figure.subplots(1, len(widths), sharey=True), widths):
        for (depth, other), row in table.items():
            if other == width:
                ax.semilogx(RATES, [100 * a for a in row], "o-", ms=4, label=f"{depth} layers")
        ax.set(xlabel="learning_rate_init", ylim=(70, 100), title=f"{width} units wide")
        ax.set_ylabel("test accuracy, %")
        ax.tick_params(labelleft=True)
        ax.grid(alpha=0.3)
        ax.legend(loc="upper right", fontsize=9, ncols=2)  # nothing is above 95 %
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
