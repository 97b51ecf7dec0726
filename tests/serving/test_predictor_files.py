"""Files of predictors: what they hold, and that damaged or foreign ones are refused."""

import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from pcnet import PCClassifier, PCRegressor
from pcnet.inference import LearnedPrecision
from pcnet.serving import export, load_predictor

from ..helpers import largest_file, needs_file_limit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = RNG.integers(0, 3, 40)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a file with all kinds of members."""
    path = tmp_path_factory.mktemp("good") / "model.npz"
    model = make_pipeline(
        SimpleImputer(),
        MinMaxScaler(clip=True),
        PCClassifier(
            (6, 5), input_scaling="standard", max_iter=1, alpha=0.0, temperature=0.5,
            fit_intercept=True, inference=LearnedPrecision(), random_state=0,
        ),
    ).fit(X, np.array(["a", "b", "c"])[Y])  # fmt: skip
    export(model, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.npz"
    export(PCRegressor((4,), max_iter=1, alpha=0.0, random_state=0).fit(X, X[:, 0]), path)
    return path.read_bytes()


def members_of(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def meta_of(members):
    return json.loads(np.load(io.BytesIO(members["meta.npy"])).tobytes())


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def zipped(members, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def signed(members):
    """The file of these members with the checksum that belongs to them."""
    from pcnet.serving._file import _digest

    inner = {name.removesuffix(".npy"): data for name, data in members.items()}
    checksum = npy(np.frombuffer(_digest(inner), np.uint8))
    return zipped({**members, "checksum.npy": checksum})


def with_meta(data, **changes):
    members = members_of(data)
    meta = {**meta_of(members), **changes}
    text = json.dumps(meta).encode()
    return signed({**members, "meta.npy": npy(np.frombuffer(text, np.uint8))})


def with_member(data, name, content):
    members = members_of(data)
    members.pop(f"{name}.npy", None)
    if content is not None:
        members[f"{name}.npy"] = content if isinstance(content, bytes) else npy(content)
    return signed(members)


def assert_refused(data, tmp_path, message):
    path = tmp_path / "model.npz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as found:
        load_predictor(path)
    assert str(path) in str(found.value)
    assert "Write it again with pcnet.serving.export" in str(found.value) or "Update" in message


def test_good_file_loads(good, regression, tmp_path):
    for data in (good, regression, signed(members_of(good))):
        (tmp_path / "model.npz").write_bytes(data)
        assert load_predictor(tmp_path / "model.npz").n_features_in_ == 3


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"hello" * 100, npy(X), b"\x80\x04N.", b"PK\x05\x06" + bytes(18)]
)
def test_other_files_are_refused(data, tmp_path):
    assert_refused(data, tmp_path, "is no intact file of a predictor")


def test_archives_of_other_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=X)
    assert_refused((tmp_path / "other.npz").read_bytes(), tmp_path, "member 'meta' is missing")


def test_truncated_files_are_refused(good, tmp_path):
    for end in [*range(1, len(good), 397), len(good) - 1]:
        assert_refused(good[:end], tmp_path, "is no intact file")


def test_changed_bytes_are_refused_or_change_nothing(good, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(good)
    wanted = load_predictor(path).predict_proba(X).tobytes()
    for place in range(0, len(good), 53):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x5A]) + good[place + 1 :])
        try:
            found = load_predictor(path)
        except ValueError:
            continue
        assert found.predict_proba(X).tobytes() == wanted


def test_checksum_covers_every_member(good, tmp_path):
    for name, content in members_of(good).items():
        changed = zipped({**members_of(good), name: content[:-1] + bytes([content[-1] ^ 1])})
        assert_refused(changed, tmp_path, "checksum differs|is no JSON text")


def test_compressed_members_are_refused(good, tmp_path):
    data = zipped(members_of(good), zipfile.ZIP_DEFLATED)
    assert_refused(data, tmp_path, "compressed or encrypted")


def test_compression_bombs_take_no_memory(tmp_path):
    bomb = zipped({"meta.npy": bytes(2**28)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 2**19
    assert_refused(bomb, tmp_path, "compressed or encrypted")


def test_sizes_beyond_the_file_are_refused(good, tmp_path):
    """A header and a directory that claim gigabytes."""
    header = b"\x93NUMPY\x01\x00v\x00" + (
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117) + b"\n"
    )
    assert_refused(with_member(good, "weights", header), tmp_path, "size that its header says")
    place = good.rindex(b"PK\x01\x02")
    claimed = bytearray(good)
    claimed[place + 20 : place + 28] = (2**31 - 1).to_bytes(4, "little") * 2
    assert_refused(bytes(claimed), tmp_path, "larger than the file")


def test_many_members_are_refused(good, tmp_path):
    members = {f"x{i}.npy": b"" for i in range(300)}
    assert_refused(zipped({**members_of(good), **members}), tmp_path, "more than 256")


def test_objects_are_refused_and_not_run(good, tmp_path):
    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    for name in ("classes", "meta", "checksum", "more"):
        array = np.array([Harmful()], dtype=object)
        data = zipped({**members_of(good), f"{name}.npy": npy(array)})
        assert_refused(data, tmp_path, "no plain array|checksum|size that its header says")
        assert_refused(with_member(good, "classes", npy(array)), tmp_path, "no plain array")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }",
        b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }",
        b"{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-4,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }",
        b"{'descr': '<U0', 'fortran_order': False, 'shape': (4,), }",
        b"{'descr': '<M8[s]', 'fortran_order': False, 'shape': (2,), }",
        b"__import__('os').getpid()",
        b"(" * 200,
        b"",
    ],
)
def test_headers_of_other_arrays_are_refused(header, good, tmp_path):
    text = header.ljust(117) + b"\n"
    data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(16)
    wanted = "no plain array|no valid header|size that its header says"
    assert_refused(with_member(good, "weights", data), tmp_path, wanted)


@pytest.mark.parametrize("version", [b"\x02\x00", b"\x03\x00", b"\x09\x00"])
def test_headers_of_other_versions_are_refused(version, good, tmp_path):
    weights = members_of(good)["weights.npy"]
    data = weights[:6] + version + weights[8:]
    assert_refused(with_member(good, "weights", data), tmp_path, "header")


def test_every_member_is_needed_and_no_other_is_taken(good, regression, tmp_path):
    for data in (good, regression):
        for name in members_of(data):
            if name.removesuffix(".npy") not in ("biases", "precisions", "input_mean"):
                members = members_of(data)
                del members[name]
                whole = signed(members) if name != "checksum.npy" else zipped(members)
                assert_refused(whole, tmp_path, "is missing|not one value for each column|no scale")
    assert_refused(with_member(good, "more", X), tmp_path, r"unknown members \['more'\]")
    assert_refused(with_member(regression, "classes", Y), tmp_path, "unknown members")
    assert_refused(zipped({**members_of(good), "run.py": b"x"}), tmp_path, "member 'run.py'")


def test_members_of_another_size_or_type_are_refused(good, regression, tmp_path):
    for data in (good, regression):
        for name, content in members_of(data).items():
            if name in ("meta.npy", "checksum.npy"):
                continue
            array = np.load(io.BytesIO(content))
            for wrong in (array[:-1], np.append(array, array[:1]), array[None], array[:0]):
                changed = with_member(data, name.removesuffix(".npy"), wrong)
                assert_refused(changed, tmp_path, "member|imput|scale|steps|column|fit together")
            changed = with_member(data, name.removesuffix(".npy"), np.array(["x"] * len(array)))
            if name != "classes.npy":
                assert_refused(changed, tmp_path, "member|fit together")


@pytest.mark.parametrize("name", ["weights", "scales", "input_scale", "step0_values"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(name, value, good, tmp_path):
    array = np.load(io.BytesIO(members_of(good)[f"{name}.npy"])).copy()
    array[-1] = value
    assert_refused(with_member(good, name, array), tmp_path, "holds NaN or infinity")


CHANGES = [
    ("format", "other", "does not name the format"),
    ("version", 0, "number of its format"),
    ("version", "1", "number of its format"),
    ("version", True, "."),
    ("kind", "numbers", "."),
    ("kind", "trees", "its kind is 'trees'"),
    ("layer_sizes", [3, 6, 5], "."),
    ("layer_sizes", [3, 6, 5, 2**40], "layers have the sizes"),
    ("layer_sizes", [3, 6, 5, -3], "layers have the sizes"),
    ("layer_sizes", [3.0, 6, 5, 3], "layers have the sizes"),
    ("layer_sizes", "3", "entry 'layer_sizes'"),
    ("activation", "sine", "activation must be"),
    ("activation", ["relu"], "activation must name"),
    ("activation", [["relu"], "relu"], "fit together"),
    ("parameterization", "np", "parameterization"),
    ("gamma", -1, "gamma"),
    ("gamma", float("nan"), "gamma"),
    ("objective", None, "objective"),
    ("objective", {"loss": "hinge", "output_precision": 1.0, "activity_decay": 0.0}, "loss must"),
    ("objective", {"loss": "huber", "output_precision": -1.0, "activity_decay": 0.0}, "precision"),
    ("objective", {"loss": {"huber": -1}, "output_precision": 1.0, "activity_decay": 0.0}, "delta"),
    ("temperature", 0, "temperature"),
    ("temperature", "hot", "temperature"),
    ("temperature", float("inf"), "temperature"),
    ("transform_layer", 1.5, "transform_layer"),
    ("n_features", 4, "does not take 4 features"),
    ("feature_names", ["a"], "feature names are not 3 texts"),
    ("feature_names", [1, 2, 3], "feature names are not 3 texts"),
    ("classes_are_objects", 1, "classes_are_objects"),
    ("estimator", 3, "estimator"),
    ("steps", None, "entry 'steps'"),
    ("steps", [], "unknown members"),
    ("steps", [7], "."),
    ("method", {"name": "os.system", "options": {}}, "method of inference is 'os.system'"),
    ("method", {"name": "ErrorDescent", "options": {"tol": -1}}, "tol"),
    ("method", {"name": "ErrorDescent", "options": {"eval": 1}}, "fit together"),
    ("method", {"name": "Nudged", "options": {"method": {"name": "Nudged", "options": {}}}}, "."),
    ("method", "error", "entry 'method'"),
]


@pytest.mark.parametrize("name, value, message", CHANGES)
def test_descriptions_that_do_not_fit_are_refused(name, value, message, good, tmp_path):
    assert_refused(with_meta(good, **{name: value}), tmp_path, message)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "explode"},
        {"name": 3},
        {"operations": ["multiply", "exec"]},
        {"operations": ["multiply", "multiply"]},
        {"clip": [2, 1]},
        {"clip": [0]},
        {"clip": ["a", "b"]},
        {"casts": 1},
    ],
)
def test_steps_that_do_not_fit_are_refused(change, good, tmp_path):
    steps = meta_of(members_of(good))["steps"]
    steps[1] = {**steps[1], **change}
    assert_refused(with_meta(good, steps=steps), tmp_path, ".")


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, b"9" * 5000])
def test_descriptions_that_are_no_json_are_refused(text, good, tmp_path):
    data = with_member(good, "meta", np.frombuffer(text, np.uint8))
    assert_refused(data, tmp_path, "its description")


def test_newer_formats_name_the_version_to_install(good, tmp_path):
    data = with_meta(good, version=2, written_by="pcnet 9.1")
    assert_refused(data, tmp_path, r"format is 2, .* up to 1. Update pcnet to pcnet 9.1 or later")


def test_file_objects(good, tmp_path):
    predictor = load_predictor(io.BytesIO(good))
    model = PCClassifier((4,), max_iter=1, alpha=0.0, temperature=1.0, random_state=0).fit(X, Y)
    written = io.BytesIO()
    export(model, written)
    export(model, tmp_path / "model.npz")
    assert written.getvalue() == (tmp_path / "model.npz").read_bytes()
    with open(tmp_path / "model.npz", "rb") as file:
        np.testing.assert_array_equal(load_predictor(file).predict(X), model.predict(X))
    assert repr(load_predictor(io.BytesIO(good))) == repr(predictor)
    with pytest.raises(ValueError, match="'file object' is no intact file of a predictor"):
        load_predictor(io.BytesIO(good[:-10]))
    with pytest.raises(TypeError, match=r"got bytes. Wrap bytes: io.BytesIO\(content\)"):
        load_predictor(good)
    with pytest.raises(TypeError, match="must be opened in binary mode"):
        load_predictor(io.StringIO("text"))


def test_missing_files_and_folders_are_os_errors(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_predictor(tmp_path / "none.npz")
    with pytest.raises(OSError, match=r"."):
        load_predictor(tmp_path)
    model = PCClassifier((4,), max_iter=1, alpha=0.0, temperature=1.0).fit(X, Y)
    with pytest.raises(FileNotFoundError, match=r"no_folder/model.npz'$"):
        export(model, tmp_path / "no_folder" / "model.npz")


@needs_file_limit
def test_files_are_replaced_atomically(good, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(good)
    model = PCClassifier((4,), max_iter=1, alpha=0.0, temperature=1.0).fit(X, Y)

    with largest_file(100), pytest.raises(OSError, match="File too large"):
        export(model, path)
    assert path.read_bytes() == good
    assert os.listdir(tmp_path) == ["model.npz"]


def test_the_same_model_gives_the_same_bytes(tmp_path):
    model = PCClassifier((4,), max_iter=1, alpha=0.0, temperature=1.0).fit(X, Y)
    export(model, tmp_path / "a.npz")
    time.sleep(0.01)
    export(model, str(tmp_path / "b.npz"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["weights"].size == sum(W.size for W in model.coefs_)


@pytest.mark.slow  # .ci/run also does it in an environment that has NumPy alone
def test_servers_need_numpy_alone(tmp_path):
    """The check that CI runs in an environment without scikit-learn, here with it hidden."""
    tool = Path(__file__).with_name("light_server.py")
    subprocess.run([sys.executable, "-P", tool, "write", tmp_path], check=True, timeout=600)
    subprocess.run(
        [sys.executable, "-P", tool, "check", tmp_path, "--hide"], check=True, timeout=600
    )
