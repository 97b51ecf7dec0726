"""Oracle: after a crash at any call, the complete old or the complete new file exists."""

import os
import pickle
import stat
import sys
import threading
from contextlib import suppress

import pytest

from pcnet._training.checkpoint_file import (
    FORMAT,
    read_checkpoint,
    read_header,
    remove_stale,
    write_atomically,
    write_checkpoint,
)

posix = pytest.mark.skipif(os.name != "posix", reason="of POSIX systems")

CALLS = ("open", "stat", "fstat", "fchmod", "fsync", "replace", "flock")


class Crash(BaseException):
    """A simulated crash: no later call has an effect."""


class Failing:
    """A block in which one of pcnet's system calls raises an error, before or after its effect.

    As a profile function it is called by the interpreter at these calls, and may raise there; from
    then on it is not called.
    """

    def __init__(self, n_calls, error, after=False, calls=CALLS):
        self.n_left = n_calls
        self.error = error
        self.event = "c_return" if after else "c_call"
        self.calls = calls
        self.seen = []  # completed calls

    def __enter__(self):
        sys.setprofile(self)
        return self

    def __exit__(self, *exc_info):
        sys.setprofile(None)

    def __call__(self, frame, event, function):
        if (
            event not in ("c_call", "c_return")
            or function.__name__ not in self.calls
            or function.__module__ not in ("posix", "nt", "fcntl")
            or not frame.f_globals["__name__"].startswith("pcnet.")
        ):
            return
        if event == "c_return":
            self.seen.append(function.__name__)
        if event == self.event:
            self.n_left -= 1
            if self.n_left == -1:
                raise self.error


ERRORS = [Crash(), KeyboardInterrupt(), OSError(28, "No space left on device"), MemoryError()]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("exists", [False, True])
def test_file_is_old_or_new_after_an_error_at_any_system_call(exists, error, after, tmp_path):
    path = tmp_path / "c"
    completed = n_calls = 0
    while not completed:
        path.unlink(missing_ok=True)
        if exists:
            write_checkpoint(path, {"n": 1}, "old")
        returned = False
        with suppress(type(error)), Failing(n_calls, error, after) as failing:
            write_checkpoint(path, {"n": 2}, "new")
            returned, completed = True, failing.n_left >= 0
        if returned or "replace" in failing.seen:
            assert read_checkpoint(path) == ({"n": 2}, "new")
        elif exists:
            assert read_checkpoint(path) == ({"n": 1}, "old")
        else:
            assert not path.exists()
        remove_stale(path)
        assert set(tmp_path.iterdir()) <= {path}
        n_calls += 1
    assert n_calls > (6 if os.name == "posix" else 3)


def test_failed_write_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_object_that_cannot_be_pickled_is_one_error(tmp_path):
    class Broken:
        def __reduce__(self):
            raise RuntimeError("not this one")

    for payload in (lambda: None, Broken(), threading.Lock()):
        with pytest.raises(pickle.PicklingError, match=r"not this one|pickle"):
            write_checkpoint(tmp_path / "c", {}, payload)
    assert not list(tmp_path.iterdir())


@posix
def test_temporary_files_of_killed_processes_are_removed(tmp_path):
    path = tmp_path / "c"
    left, other = tmp_path / f".c.{'0' * 16}.tmp", tmp_path / f".d.{'0' * 16}.tmp"
    written = []

    def write(file):
        for stale in (left, other):
            stale.write_bytes(b"half")
        remove_stale(path)
        written.append(sorted(tmp_path.iterdir()))  # among them the one that is being written
        file.write(b"new")

    write_atomically(path, write)
    assert len(written[0]) == 2
    assert other in written[0]
    assert left not in written[0]
    assert sorted(tmp_path.iterdir()) == sorted([path, other])
    assert path.read_bytes() == b"new"


def test_concurrent_writers_and_readers_see_complete_files(tmp_path):
    path = tmp_path / "c"
    payloads = [[i] * 3000 for i in range(6)]
    write_checkpoint(path, {"n": 0}, payloads[0])
    done = threading.Event()
    errors, reads = [], []

    def work(i):
        try:
            for _ in range(40):
                write_checkpoint(path, {"n": i}, payloads[i])
                remove_stale(path)
        except BaseException as error:
            errors.append(error)

    def read():
        try:
            while not done.is_set():
                header, payload = read_checkpoint(path)
                assert payload == payloads[header["n"]]
                reads.append(header["n"])
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in writers + readers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    if os.name == "nt":  # a file that is being read cannot be replaced
        errors = [error for error in errors if not isinstance(error, PermissionError)]
    assert not errors
    assert len(reads) > 20
    assert list(tmp_path.iterdir()) == [path]


# ------------------------------------------------------------ permissions and links


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_permissions_of_an_existing_file_are_kept(mode, tmp_path):
    path = tmp_path / "c"
    path.touch()
    path.chmod(mode)
    for i in range(2):
        write_checkpoint(path, {}, i)
        assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_of_any_other(umask, tmp_path):
    old = os.umask(umask)
    try:
        (tmp_path / "any").touch()
        write_checkpoint(tmp_path / "c", {}, 1)
    finally:
        os.umask(old)
    assert (tmp_path / "c").stat().st_mode == (tmp_path / "any").stat().st_mode


@posix
def test_a_private_file_is_private_while_it_is_written(tmp_path):
    path = tmp_path / "c"
    path.touch()
    path.chmod(0o600)
    modes = []
    write_atomically(path, lambda file: modes.append(os.fstat(file.fileno()).st_mode))
    assert [stat.S_IMODE(mode) for mode in modes] == [0o600]


@posix
@pytest.mark.parametrize("exists", [False, True])
def test_symbolic_link_is_kept_and_its_target_replaced(exists, tmp_path):
    (tmp_path / "data").mkdir()
    target, link = tmp_path / "data" / "real", tmp_path / "link"
    if exists:
        write_checkpoint(target, {}, "old")
    link.symlink_to(os.path.join("data", "real"))
    write_checkpoint(link, {"n": 2}, "new")
    assert link.is_symlink()
    assert not target.is_symlink()
    assert read_checkpoint(target) == read_checkpoint(link) == ({"n": 2}, "new")
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["real"]


# ------------------------------------------------------------ what is read


def test_the_header_is_read_without_the_rest(tmp_path):
    path = tmp_path / "c"
    assert read_header(path) is None
    path.touch()
    assert read_header(path) is None
    write_checkpoint(path, {"n": 1}, "x" * 10**5)
    assert read_header(path) == {"n": 1}
    path.write_bytes(path.read_bytes()[:40])
    assert read_header(path) in ({"n": 1}, {})
    path.write_bytes(b"a,b,c")
    with pytest.raises(ValueError, match="not a pcnet checkpoint"):
        read_header(path)


def test_reading_a_folder_is_an_error(tmp_path):
    with pytest.raises(OSError, match="the checkpoint cannot be read"):
        read_checkpoint(tmp_path)


def test_truncated_and_changed_files_are_refused(tmp_path):
    path = tmp_path / "c"
    write_checkpoint(path, {"n": 1}, list(range(20)))
    whole = path.read_bytes()
    for n in range(len(whole)):
        path.write_bytes(whole[:n])
        with pytest.raises(ValueError, match=r"truncated or damaged|not a pcnet checkpoint"):
            read_checkpoint(path)
        path.write_bytes(whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :])
        with pytest.raises(ValueError, match=r"damaged|not a pcnet checkpoint|has the format"):
            read_checkpoint(path)


def test_newer_checkpoint_format_is_refused(tmp_path):
    write_checkpoint(tmp_path / "c", {}, 1)
    first, rest = (tmp_path / "c").read_bytes().split(b"\n", 1)
    assert first == f"pcnet checkpoint, format {FORMAT}".encode()
    newer = f"pcnet checkpoint, format {FORMAT + 1}".encode()
    (tmp_path / "c").write_bytes(newer + b"\n" + rest)
    with pytest.raises(ValueError, match=rf"format {FORMAT + 1}, this pcnet reads up to {FORMAT}"):
        read_checkpoint(tmp_path / "c")
