"""Predictions of few rows beside MLPClassifier and onnxruntime, in one process and on one thread.

    python benchmarks/serving.py [--plot FILE]

Networks are trained for one epoch on random data in float32: only the time of `predict` counts. The
ONNX model is the pcnet estimator's, on one thread. Work alternates with its peer; medians.
"""

import argparse
import functools
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy loads

import numpy as np
import scipy.sparse
from _common import Table, alternate_seconds, print_environment
from sklearn.neural_network import MLPClassifier

from pcnet import PCClassifier
from pcnet.serving import to_onnx

SHORT = {"max_iter": 1, "alpha": 0.1, "temperature": 0.2, "random_state": 0}
#: hidden layers -> the most that a row may take, as a share of MLPClassifier's time
DENSE = {(100,): 0.8, (128,) * 2: 0.8, (128,) * 8: 0.5, (512,) * 30: 0.4}
ROWS = (1, 8, 64, 1024, 10_000)


def fitted(hidden, X, y):
    """A pcnet and a scikit-learn classifier of one shape."""
    model = PCClassifier(hidden, dtype="float32", **SHORT).fit(X, y)
    return model, MLPClassifier(hidden, max_iter=1, random_state=0).fit(X, y)


def session(model, X):
    """An onnxruntime session of one thread, or None where it is not installed."""
    try:
        import onnxruntime
    except ImportError:
        return None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    text = to_onnx(model, X[:1]).SerializeToString()
    return onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])


def compare(rows, model, peer, *more):
    """Seconds of both predictions, and of other functions of the rows."""
    works = [model.predict, peer.predict, *more]
    return alternate_seconds([functools.partial(work, rows) for work in works])


def name_of(hidden):
    return f"{len(hidden)} x {hidden[0]}"


def dense_rows(table, rng):
    table.section("one row, dense", "MLPClassifier")
    X = rng.standard_normal((2000, 64)).astype(np.float32)
    y = np.arange(len(X)) % 10
    for hidden, target in DENSE.items():
        model, peer = fitted(hidden, X, y)
        ours, theirs = compare(X[:1], model, peer)
        texts = f"{ours * 1e6:.0f} us", f"{theirs * 1e6:.0f} us"
        table.row(name_of(hidden), *texts, ours / theirs, target, at_least=False)


def sparse_rows(table):
    table.section("sparse rows, 100,000 columns, 0.05 % filled", "MLPClassifier")
    X = scipy.sparse.random(
        300, 100_000, 5e-4, format="csr", rng=np.random.default_rng(0), dtype=np.float32
    )
    model, peer = fitted((100,), X, np.arange(300) % 10)
    for n in (1, 64):
        ours, theirs = compare(X[:n], model, peer)
        texts = f"{ours * 1e6:.0f} us", f"{theirs * 1e6:.0f} us"
        table.row(f"{n} rows, 1 x 100", *texts, ours / theirs, 1.0, at_least=False)


def by_number_of_rows(table, rng):
    """Microseconds a row of pcnet, MLPClassifier and onnxruntime, by the number of rows."""
    table.section("2 x 128, by the number of rows", "MLP; onnxruntime")
    X = rng.standard_normal((max(ROWS), 64)).astype(np.float32)
    model, peer = fitted((128,) * 2, X[:2000], np.arange(2000) % 10)
    runtime, found = session(model, X), []
    name = None if runtime is None else runtime.get_inputs()[0].name
    more = [] if runtime is None else [lambda rows: runtime.run(None, {name: rows})]
    for n in ROWS:
        seconds = compare(X[:n], model, peer, *more)
        found.append([1e6 * s / n for s in seconds])
        texts = "; ".join(f"{s * 1e6:.0f}" for s in seconds[1:])
        table.row(f"{n} rows", f"{seconds[0] * 1e6:.0f} us", texts, seconds[0] / seconds[1])
    return found


def from_threads(table, rng):
    """Calls a second from 8 Python threads at once over those from one."""
    table.section("8 x 128, 64 rows, 8 threads at once", "one thread")
    X = rng.standard_normal((2000, 64)).astype(np.float32)
    model, _ = fitted((128,) * 8, X, np.arange(2000) % 10)
    calls = 400

    def alone():
        for _ in range(calls):
            model.predict(X[:64])

    def together():
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: model.predict(X[:64]), range(calls)))

    one, eight = alternate_seconds([alone, together])
    texts = f"{calls / eight:.0f} / s", f"{calls / one:.0f} / s"
    table.row(f"on {os.cpu_count()} cores", *texts, one / eight)


def plot(found, path):
    """Microseconds a row against rows a call, double logarithmic."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    names = ("pcnet", "MLPClassifier", "onnxruntime, same network")
    for name, curve in zip(names, zip(*found), strict=False):
        ax.loglog(ROWS, curve, "o-", label=name)
    ax.set(xlabel="rows a call", ylabel="microseconds a row", title="predict, 2 x 128, one thread")
    ax.legend()
    plt.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="draw times by the number of rows")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print_environment()
    table, rng = Table(), np.random.default_rng(0)
    dense_rows(table, rng)
    sparse_rows(table)
    found = by_number_of_rows(table, rng)
    from_threads(table, rng)
    table.summary()
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
