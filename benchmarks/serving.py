"""Predictions of few rows beside MLPClassifier and onnxruntime, in one process and on one thread.

    python benchmarks/serving.py [--plot FILE]

Networks are trained for one epoch on random data in float32: only the time of `predict` counts. The
ONNX model is the pcnet estimator's, on one thread. Work alternates with its peer; medians. Then the
microseconds of one row by the part of the call, calls from 1 to 8 threads, steps on sparse rows.
"""

import argparse
import functools
import os
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy loads

import numpy as np
import scipy.sparse
from _common import Table, alternate_seconds, print_environment
from sklearn.neural_network import MLPClassifier

from pcnet import PCClassifier
from pcnet._network_core import small_outputs
from pcnet.serving import export, load_predictor, to_onnx

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
    n_bytes = sum(W.nbytes for W in model.coefs_)
    seconds = read_seconds(n_bytes)
    rates = (n_bytes / s / 1e9 for s in (ours, seconds))
    table.note("{:.0f} GB/s of weights; NumPy reads as many bytes at {:.0f} GB/s".format(*rates))


def sparse_rows(table):
    """Predictions of sparse rows, and steps on 128 of them."""
    for filled in (5e-4, 1e-2):
        table.section(f"sparse rows, 100,000 columns, {filled:.2%} filled", "MLPClassifier")
        X = scipy.sparse.random(
            1000, 100_000, filled, format="csr", rng=np.random.default_rng(0), dtype=np.float32
        )
        y = np.arange(1000) % 10
        model, peer = fitted((100,), X[:300], y[:300])
        for n in (1, 64, 1000):
            ours, theirs = compare(X[:n], model, peer)
            texts = f"{ours * 1e6:.0f} us", f"{theirs * 1e6:.0f} us"
            table.row(f"{n} rows, 1 x 100", *texts, ours / theirs, 1.0, at_least=False)
        ours, theirs = steps_of_fits(X, y)
        texts = f"{ours * 1e3:.1f} ms", f"{theirs * 1e3:.1f} ms"
        table.row("a step of fit on 125 rows", *texts, ours / theirs, 1.0, at_least=False)


def steps_of_fits(X, y):
    """Seconds a step on 125 rows: those of fits of 3 epochs less those of fits of one."""
    works = [
        lambda kind=kind, n=n: kind((100,), batch_size=125, **{**SHORT, "max_iter": n}).fit(X, y)
        for kind in (PCClassifier, lambda *a, alpha, temperature, **k: MLPClassifier(*a, **k))
        for n in (1, 3)
    ]
    one, three, peer_one, peer_three = alternate_seconds(works)
    n_steps = 2 * len(y) / 125
    return (three - one) / n_steps, (peer_three - peer_one) / n_steps


def read_seconds(n_bytes):
    """Seconds of reading memory once, as NumPy's maximum does."""
    values = np.zeros(n_bytes // 4, np.float32)
    return alternate_seconds([values.max])[0]


def predictor_of(model):
    """The model's light predictor, written to a file and read again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        export(model, path)
        return load_predictor(path)


def parts_of_a_call(table, rng):
    """Microseconds of one row, from the core's entry to the estimator's checks."""
    table.section("one row, 2 x 128, by the part of the call", "predict")
    X = rng.standard_normal((2000, 64)).astype(np.float32)
    model = fitted((128,) * 2, X, np.arange(2000) % 10)[0]
    tiny = fitted((1,), X[:, :1].copy(), np.arange(2000) % 2)[0]
    names = [f"x{i}" for i in range(64)]
    import pandas as pd

    framed = PCClassifier((128,) * 2, dtype="float32", **SHORT)
    framed.fit(pd.DataFrame(X, columns=names), np.arange(2000) % 10)
    row, doubles, frame = X[:1], X[:1].astype(float), pd.DataFrame(X[:1], columns=names)
    works = {
        "predict": lambda: model.predict(row),
        "outputs of one unit: the way into the core": lambda: small_outputs(tiny.network_, one),
        "outputs of the network": lambda: small_outputs(model.network_, row),
        "predict of the light predictor": lambda: light.predict(row),
        "predict_proba": lambda: model.predict_proba(row),
        "predict, float64 rows: with scikit-learn's checks": lambda: model.predict(doubles),
        "predict, data frame: with names compared": lambda: framed.predict(frame),
    }
    one, light = row[:, :1].copy(), predictor_of(model)
    tiny.predict(one)  # packs the weights
    seconds = alternate_seconds(list(works.values()))
    for name, found in zip(works, seconds, strict=True):
        table.row(name, f"{found * 1e6:.1f} us", f"{seconds[0] * 1e6:.1f} us", found / seconds[0])


def by_number_of_rows(table, rng):
    """Microseconds a row of pcnet, MLPClassifier and onnxruntime, by the number of rows."""
    table.section("2 x 128, by the number of rows", "MLP; onnxruntime")
    X = rng.standard_normal((max(ROWS), 64)).astype(np.float32)
    model, peer = fitted((128,) * 2, X[:2000], np.arange(2000) % 10)
    light, runtime, found = predictor_of(model), session(model, X), []
    name = None if runtime is None else runtime.get_inputs()[0].name
    more = [] if runtime is None else [lambda rows: runtime.run(None, {name: rows})]
    for n in ROWS:
        seconds = compare(X[:n], model, peer, light.predict, *more)
        found.append([1e6 * s / n for s in seconds])
        texts = "; ".join(f"{s * 1e6:.0f}" for s in (seconds[1], *seconds[3:]))
        table.row(f"{n} rows", f"{seconds[0] * 1e6:.1f} us", texts, seconds[0] / seconds[1])
        table.note(f"light predictor {seconds[2] * 1e6:.1f} us")
    return found


def from_threads(table, rng):
    """Calls a second from several Python threads at once over those from one."""
    X = rng.standard_normal((2000, 64)).astype(np.float32)
    model, _ = fitted((128,) * 8, X, np.arange(2000) % 10)
    for n_rows, calls in ((1, 4000), (64, 400), (1000, 40)):
        table.section(f"8 x 128, calls of {n_rows} rows on {os.cpu_count()} cores", "one thread")
        works = [functools.partial(calls_from, model, X[:n_rows], calls, n) for n in (1, 2, 4, 8)]
        seconds = alternate_seconds(works)
        for n, found in zip((1, 2, 4, 8), seconds, strict=True):
            texts = f"{calls / found:.0f} / s", f"{calls / seconds[0]:.0f} / s"
            table.row(f"{n} threads at once", *texts, seconds[0] / found)


def calls_from(model, rows, calls, n_threads):
    """Predict ``calls`` times, shared by threads."""

    def share(_):
        for _ in range(calls // n_threads):
            model.predict(rows)

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(share, range(n_threads)))


def plot(found, path):
    """Microseconds a row against rows a call, double logarithmic."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    _, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
    names = ("PCClassifier", "MLPClassifier", "light predictor", "onnxruntime, same network")
    for name, curve in zip(names, zip(*found), strict=False):
        ax.loglog(ROWS, curve, "o-", label=name)
    ax.set(xlabel="rows a call", ylabel="microseconds a row", title="predict, 2 x 128, one thread")
    ax.legend()
    plt.savefig(path, dpi=150)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="draw times by the number of rows")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    print_environment()
    table, rng = Table(), np.random.default_rng(0)
    dense_rows(table, rng)
    sparse_rows(table)
    parts_of_a_call(table, rng)
    found = by_number_of_rows(table, rng)
    from_threads(table, rng)
    table.summary()
    if given.plot:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
