"""Cold start, latency and memory of a server by what it loads: predictor, pickles, onnxruntime.

    python benchmarks/deploy.py [--repeats N]

One model, StandardScaler and two hidden layers of 128 on digits in float32, is written as a
predictor, as pickles of pcnet and of scikit-learn's MLPClassifier, and for onnxruntime in float32
and int8. Each is loaded by processes of its own on one thread, in turns. Start is the CPU time from
the start of Python to the first prediction, a median, which other jobs on the machine disturb less
than seconds; the time of one row is the fastest turn.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy loads


# ---------------------------------------------------------------- one server


def load_predictor(folder):
    from pcnet.serving import load_predictor

    return load_predictor(folder / "predictor.npz").predict


def load_pickle(folder, name):
    import pickle

    return pickle.loads((folder / name).read_bytes()).predict


def load_onnx(folder, name):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = str(folder / name)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    label, given = session.get_outputs()[0].name, session.get_inputs()[0].name
    return lambda rows: session.run([label], {given: rows})[0]


#: name -> (file, how to load it)
SERVERS = {
    "pcnet predictor": ("predictor.npz", load_predictor),
    "pcnet, pickle": ("pcnet.pickle", lambda folder: load_pickle(folder, "pcnet.pickle")),
    "MLPClassifier, pickle": ("mlp.pickle", lambda folder: load_pickle(folder, "mlp.pickle")),
    "onnxruntime": ("model.onnx", lambda folder: load_onnx(folder, "model.onnx")),
    "onnxruntime, int8": ("int8.onnx", lambda folder: load_onnx(folder, "int8.onnx")),
}


def serve(name, folder):
    """Load a model, predict, and print what it took as JSON."""
    predict = SERVERS[name][1](folder)
    import numpy as np

    with np.load(folder / "test.npz") as data:
        X, y = data["X"], data["y"]
    row, times = X[:1], []
    predict(row)
    found = {"start": time.process_time(), "memory": resident_megabytes()}
    for _ in range(200):  # turns shorter than the time slices of other jobs
        begin = time.perf_counter()
        for _ in range(50):
            predict(row)
        times.append((time.perf_counter() - begin) / 50)
    found["latency"] = min(times)
    found["accuracy"] = float((np.asarray(predict(X)) == y).mean())
    print(json.dumps(found))


def resident_megabytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


# ---------------------------------------------------------------- the comparison


def write_models(folder):
    """Train and write one model in each form; the names of those that could be written."""
    import pickle

    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from pcnet import PCClassifier
    from pcnet.serving import export, to_onnx

    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X.astype(np.float32), y, random_state=0)
    np.savez(folder / "test.npz", X=X_test, y=y_test)
    model = make_pipeline(StandardScaler(), PCClassifier((128, 128), random_state=0)).fit(X, y)
    peer = make_pipeline(StandardScaler(), MLPClassifier((128, 128), random_state=0)).fit(X, y)
    export(model, folder / "predictor.npz")
    model[-1].drop_optimizer_state()
    (folder / "pcnet.pickle").write_bytes(pickle.dumps(model))
    (folder / "mlp.pickle").write_bytes(pickle.dumps(peer))
    try:
        import onnx
        from onnxruntime.quantization import quantize_dynamic
    except ImportError:
        print("onnxruntime and onnx are not installed: without their rows")
        return [name for name in SERVERS if "onnx" not in name]
    (folder / "model.onnx").write_bytes(to_onnx(model, X[:1]).SerializeToString())
    kind = {"DefaultTensorType": onnx.TensorProto.FLOAT}  # the scaler's outputs have none
    quantize_dynamic(folder / "model.onnx", folder / "int8.onnx", extra_options=kind)
    return list(SERVERS)


def measure(name, folder):
    command = [sys.executable, "-P", __file__, "--serve", name, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="processes of each kind")
    parser.add_argument("--serve", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], Path(given.serve[1]))
        return
    from _common import print_environment

    print_environment()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        names = write_models(folder)
        found = {name: [] for name in names}
        for _ in range(given.repeats):
            for name in names:
                found[name].append(measure(name, folder))
        print("| | start | memory | one row | ratio | file | accuracy |")
        print("|---|---|---|---|---|---|---|")
        rows = {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in found.items()
        }
        for name, runs in found.items():
            rows[name]["latency"] = min(run["latency"] for run in runs)
        unit = rows["pcnet predictor"]["latency"]
        for name, row in rows.items():
            size = (folder / SERVERS[name][0]).stat().st_size / 1000
            print(
                f"| {name} | {row['start']:.2f} s | {row['memory']:.0f} MB | "
                f"{row['latency'] * 1e6:.1f} us | {row['latency'] / unit:.1f} | {size:.0f} kB | "
                f"{row['accuracy']:.3f} |"
            )


if __name__ == "__main__":
    main()
