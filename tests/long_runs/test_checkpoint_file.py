"""Oracle: after a crash at any call, the old or the new file is there, and whole."""

import os

import pytest

from pcnet import _checkpoint_file
from pcnet._checkpoint_file import FORMAT, read_checkpoint, write_atomically, write_checkpoint


class Crash(BaseException):
    """The machine stops: nothing after it happens."""


class CrashingOS:
    """The module os, up to a certain call."""

    def __init__(self, n_calls):
        self.n_left = n_calls

    def __getattr__(self, name):
        function = getattr(os, name)
        if name not in ("fsync", "replace", "open"):
            return function

        def call(*args):
            if self.n_left == 0:
                raise Crash
            self.n_left -= 1
            return function(*args)

        return call


@pytest.mark.parametrize("n_calls", range(6))
def test_old_or_new_after_a_crash(n_calls, tmp_path, monkeypatch):
    path = tmp_path / "c"
    write_checkpoint(path, {"n": 1}, "old")
    with monkeypatch.context() as patched:
        patched.setattr(_checkpoint_file, "os", CrashingOS(n_calls))
        if n_calls < (4 if os.name == "posix" else 2):
            with pytest.raises(Crash):
                write_checkpoint(path, {"n": 2}, "new")
        else:
            write_checkpoint(path, {"n": 2}, "new")
    expected = ({"n": 1}, "old") if n_calls < 2 else ({"n": 2}, "new")  # fsync, replace
    assert read_checkpoint(path) == expected


def test_a_failing_writer_leaves_nothing_new(tmp_path):
    path = tmp_path / "c"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nothing is removed")
def test_leavings_of_killed_processes_are_removed(tmp_path):
    dead, alive = tmp_path / ".c.999999999.tmp", tmp_path / f".c.{os.getppid()}.tmp"
    other = tmp_path / ".d.999999999.tmp"
    for path in (dead, alive, other):
        path.write_bytes(b"half")
    write_checkpoint(tmp_path / "c", {}, 1)
    assert sorted(tmp_path.iterdir()) == sorted([alive, other, tmp_path / "c"])


def test_every_truncation_and_every_flipped_byte_is_seen(tmp_path):
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


def test_a_newer_format(tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoint_file, "FORMAT", FORMAT + 1)
    write_checkpoint(tmp_path / "c", {}, 1)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=rf"format {FORMAT + 1}, this pcnet reads up to {FORMAT}"):
        read_checkpoint(tmp_path / "c")
