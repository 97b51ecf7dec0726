"""Predictions in an environment of NumPy and pcnet alone: write files here, check them there.

``light_server.py write FOLDER`` exports models with scikit-learn and stores their predictions.
``light_server.py check FOLDER`` loads them where only NumPy and pcnet are installed: same bits, no
other package, time and memory. ``--hide`` makes other packages impossible to import first.
"""

import sys
import time
from pathlib import Path

FORBIDDEN = ("sklearn", "scipy", "joblib", "threadpoolctl", "pandas")

#: Limits of the CPU time from the start of Python and of resident memory; measured: 0.2 s, 42 MB.
MOST_SECONDS, MOST_MEGABYTES = 1.0, 60.0

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


def write(folder):
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, StandardScaler

    from pcnet import PCClassifier, PCRegressor
    from pcnet.serving import export

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 100)).astype(np.float32)
    codes = rng.integers(0, 10, len(X))
    options = {"max_iter": 1, "alpha": 0.0, "random_state": 0}
    classes = PCClassifier((128, 128), temperature=0.5, **options)
    labels = PCClassifier((16,), temperature=0.5, loss="log_loss", dtype="float64", **options)
    models = {
        "plain": classes.fit(X, codes.astype(str)),
        "multilabel": make_pipeline(SimpleImputer(), StandardScaler(), labels).fit(
            X, np.stack([codes > 3, codes > 6], axis=1).astype(int)
        ),
        "numbers": make_pipeline(MaxAbsScaler(), PCRegressor((16, 16), **options)).fit(X, X[:, :2]),
    }
    for name, model in models.items():
        export(model, folder / f"{name}.npz")
        wanted = {m: getattr(model, m)(X) for m in METHODS if hasattr(model, m)}
        if name == "plain":
            wanted["score_samples"] = model.score_samples(X)
        np.savez(folder / f"{name}-wanted.npz", X=X, **wanted)


def check(folder):
    import pcnet.serving

    predictor = pcnet.serving.load_predictor(folder / "plain.npz")
    seconds = time.process_time()

    import numpy as np

    for path in sorted(folder.glob("*-wanted.npz")):
        loaded = pcnet.serving.load_predictor(folder / path.name.replace("-wanted", ""))
        with np.load(path) as wanted:
            for name in set(wanted) - {"X"}:
                found = getattr(loaded, name)(wanted["X"])
                assert found.dtype == wanted[name].dtype, (path, name)
                assert found.tobytes() == wanted[name].tobytes(), (path, name)
    imported = {name.partition(".")[0] for name in sys.modules}
    assert not imported & set(FORBIDDEN), imported & set(FORBIDDEN)
    memory = resident_megabytes()
    row = np.zeros((1, 100), np.float32)
    print(
        f"start, import and load {seconds:.3f} s; {memory:.0f} MB resident; one row through "
        f"2 x 128 {microseconds(lambda: predictor.predict(row)):.1f} us; {predictor}"
    )
    assert seconds < MOST_SECONDS, seconds
    assert memory < MOST_MEGABYTES, memory


def resident_megabytes():
    """Resident memory of this process; 0 where the system does not say it like Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def microseconds(call, repeats=5, calls=2000):
    """The fastest mean time of a call."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        found.append(time.perf_counter() - start)
    return 1e6 * min(found) / calls


class Hidden:
    """A finder that refuses the packages that a server does not have."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if __name__ == "__main__":
    if "--hide" in sys.argv:
        sys.meta_path.insert(0, Hidden())
    {"write": write, "check": check}[sys.argv[1]](Path(sys.argv[2]))
