"""Files that are never half written, whatever happens in the middle."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lenet5 import files
from lenet5.files import MAX_DEPTH, atomic_path, atomic_write, parse_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_are_written(tmp_path):
    atomic_write(tmp_path / "a", b"\x00\xff")
    atomic_write(str(tmp_path / "b"), "½ é\n")
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert (tmp_path / "b").read_bytes() == "½ é\n".encode()
    assert names(tmp_path) == ["a", "b"]


def test_a_name_without_a_folder_is_in_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atomic_write("a", b"1")
    assert names(tmp_path) == ["a"]


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old, and longer")
    atomic_write(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["a"]


def test_the_old_file_is_there_until_the_end(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with atomic_path(path) as part:
        assert part.parent == tmp_path
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("old", [None, b"old"])
def test_an_exception_in_the_middle_leaves_everything_as_it_was(tmp_path, old, error):
    path = tmp_path / "a"
    if old is not None:
        path.write_bytes(old)

    def write():
        with atomic_path(path) as part:
            part.write_bytes(b"half of")
            raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        write()
    assert names(tmp_path) == ([] if old is None else ["a"])
    assert old is None or path.read_bytes() == old


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_everything_as_it_was(tmp_path, monkeypatch, function):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, function, full)
    with pytest.raises(OSError, match="No space left on device"):
        atomic_write(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(sys.platform != "linux", reason="uses a limit on file sizes")
def test_a_real_write_that_fails_leaves_everything_as_it_was(tmp_path):
    """The kernel refuses to let the file grow, as a full disk would."""
    (tmp_path / "a").write_bytes(b"old")
    program = (
        "import resource, sys; from lenet5.files import atomic_write\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: atomic_write(sys.argv[1], bytes(100_000))\n"
        "except OSError as error: print(error.errno)"
    )
    child = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a")], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(child.stdout) == errno.EFBIG
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_the_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_return(tmp_path, monkeypatch):
    calls = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        is_folder = os.path.isdir(f"/proc/self/fd/{descriptor}") if os.path.isdir("/proc/self/fd") else bool(calls[1:])
        calls.append("folder" if is_folder else "file")
        real_fsync(descriptor)

    def replace(old, new):
        calls.append("rename")
        real_replace(old, new)

    monkeypatch.setattr(files.os, "fsync", fsync)
    monkeypatch.setattr(files.os, "replace", replace)
    atomic_write(tmp_path / "a", b"1")
    assert calls == ["file", "rename", "folder"]


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    atomic_write(tmp_path / "a", b"1")
    files.fsync_folder(tmp_path / "missing")
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "missing" / "a", b"1")
    assert names(tmp_path) == []


def test_a_folder_in_the_place_of_the_file_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"):
        atomic_write(tmp_path / "a", b"1")
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        atomic_write(tmp_path / "a", b"1")
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        atomic_write(tmp_path / "a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_two_writers_do_not_meet(tmp_path):
    path = tmp_path / "a"
    with atomic_path(path) as one, atomic_path(path) as other:
        assert one != other
        one.write_bytes(b"1")
        other.write_bytes(b"2")
    assert path.read_bytes() == b"1"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_or_folder_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="not a regular file"):
            atomic_write(tmp_path / name, b"1")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["folder", "pipe"]


def test_a_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/target")
    atomic_write(tmp_path / "link", b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "target").read_bytes() == b"1"


# ---- JSON that anybody may have written ----------------------------------------------------------------------------


def nested(depth):
    return [nested(depth - 1)] if depth > 1 else []


def test_json_is_what_it_says():
    for document in ({"a": [1, 2.5, None, True, "ä", {}], "b": {"a": 1}}, [], 5, "x", nested(MAX_DEPTH)):
        assert parse_json(json.dumps(document)) == document
        assert parse_json(json.dumps(document, ensure_ascii=False).encode()) == document


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 1}', "a name twice"),
        ('[{"b": [{"a": 1, "\\u0061": 2}]}]', "a name twice"),
        (json.dumps(nested(MAX_DEPTH + 1)), f"deeper than {MAX_DEPTH}"),
        ('{"a":' * 500 + "1" + "}" * 500, f"deeper than {MAX_DEPTH}"),
        ("[" * 10**6, f"deeper than {MAX_DEPTH}"),
        ("NaN", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("9" * 5000, "."),
        (b"\xff", "."),
        ("", "."),
    ],
)
def test_json_that_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_foreign_json_is_parsed_in_one_place():
    """So that every file is read with the same bounds."""
    package = Path(files.__file__).parent
    sources = [*package.rglob("*.py"), *(package.parent / "cli").glob("*.py")]
    assert [path.name for path in sources if re.search(r"\bjson\.loads?\(", path.read_text())] == ["files.py"]
