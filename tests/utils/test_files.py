"""Files that are never half written, whatever happens in the middle."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from lenet5.utils import files
from lenet5.utils.files import (
    MAX_DEPTH,
    atomic_path,
    atomic_write,
    check_writable,
    claimed,
    parse_json,
    part_of,
    publish,
    remove_orphans,
    resumable_part,
)

NEEDS_LOCKS = pytest.mark.skipif(os.name == "nt", reason="Windows has no locks of this kind")


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


@pytest.mark.parametrize("function", ["chmod", "fsync", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_everything_as_it_was(tmp_path, monkeypatch, function):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)

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
        "import resource, sys; from lenet5.utils.files import atomic_write\n"
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


@pytest.fixture
def folder_fails(monkeypatch):
    """Make what is done to folders, and to nothing else, fail."""

    def fail(function, number):
        real = getattr(os, function)

        def wrapped(file, *arguments, **settings):
            if os.path.isdir(file if function == "open" else f"/proc/self/fd/{file}"):
                raise OSError(number, os.strerror(number))
            return real(file, *arguments, **settings)

        monkeypatch.setattr(files.os, function, wrapped)

    return fail


@pytest.mark.parametrize("function", ["open", "fsync"])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES])
def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, folder_fails, function, number):
    folder_fails(function, number)
    atomic_write(tmp_path / "a", b"1")
    files.fsync_folder(tmp_path / "missing")
    assert (tmp_path / "a").read_bytes() == b"1"


@pytest.mark.parametrize("function", ["open", "fsync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fails_to_keep_a_name_is_a_failure(tmp_path, folder_fails, function, number):
    folder_fails(function, number)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        atomic_write(tmp_path / "a", b"1")
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path))
    assert names(tmp_path) == ["a"]


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "missing" / "a", b"1")
    assert names(tmp_path) == []


def test_what_could_not_be_written_is_told_before(tmp_path):
    (tmp_path / "old").write_bytes(b"1")
    for name in ("old", "new"):
        check_writable(tmp_path / name)
    assert names(tmp_path) == ["old"]
    with pytest.raises(OSError, match="missing"):
        check_writable(tmp_path / "missing" / "a")


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


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o664, 0o755])
def test_permissions_of_a_file_that_is_replaced_stay(tmp_path, mode):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    with atomic_path(path) as part:
        part.write_bytes(b"new")
        assert not part.stat().st_mode & 0o077 & ~mode  # for nobody who may not read the file
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode


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
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
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
    package = Path(files.__file__).parents[1]
    sources = [*package.rglob("*.py"), *(package.parent / "cli").glob("*.py")]
    assert [path.name for path in sources if re.search(r"\bjson\.loads?\(", path.read_text())] == ["files.py"]


# --- what killed processes leave ---------------------------------------------------------------------------


@contextmanager
def other_process(code: str, path):
    """A process that does this with ``path``, says so, and waits to be killed."""
    code = f"import sys, time; from lenet5.utils.files import *; path = Path(sys.argv[1])\n{code}\n"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


WRITES = "with atomic_path(path) as part: part.write_bytes(b'half'); print('ready', flush=True); time.sleep(60)"


@NEEDS_LOCKS
def test_what_a_killed_process_left_is_removed_by_the_next_writer_and_by_nobody_before(tmp_path):
    path = tmp_path / "a"
    with other_process(WRITES, path):
        [part] = names(tmp_path)
        atomic_write(path, b"1")
        remove_orphans(tmp_path)
        assert names(tmp_path) == [part, "a"]  # its process lives
    assert names(tmp_path) == [part, "a"]
    atomic_write(tmp_path / "b", b"1")
    assert names(tmp_path) == [part, "a", "b"]  # of another file
    atomic_write(path, b"2")
    assert names(tmp_path) == ["a", "b"]


@NEEDS_LOCKS
def test_what_killed_processes_left_in_a_folder_is_removed(tmp_path):
    kept = [".a.part", ".a.0123456.part", ".a.01234567.part.gz", "a.01234567.part", ".01234567.part"]
    for name in (*kept, ".a.01234567.part", ".b c.89abcdef.part"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / ".c.01234567.part").mkdir()
    (tmp_path / ".link.01234567.part").symlink_to("a.01234567.part")
    remove_orphans(tmp_path)
    assert names(tmp_path) == sorted([*kept, ".c.01234567.part", ".link.01234567.part"])
    remove_orphans(tmp_path / "missing")


@NEEDS_LOCKS
def test_a_part_that_is_taken_for_an_orphan_at_once_is_made_anew(tmp_path, monkeypatch):
    real, made = files.try_lock, []

    def late(stream, **settings):
        made.append(stream.name)
        if len(made) == 1:
            os.unlink(stream.name)  # another process was between the two steps
        return real(stream, **settings)

    monkeypatch.setattr(files, "try_lock", late)
    atomic_write(tmp_path / "a", b"1")
    assert len(made) == 2
    assert names(tmp_path) == ["a"]


def without_locks(stream, *, shared=False):
    return None


def test_without_locks_files_are_written_and_orphans_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "try_lock", without_locks)
    (tmp_path / ".a.01234567.part").write_bytes(b"perhaps of a process that lives")
    atomic_write(tmp_path / "a", b"1")
    assert names(tmp_path) == [".a.01234567.part", "a"]
    with claimed(tmp_path / "a") as is_ours:
        assert is_ours


@NEEDS_LOCKS
def test_one_at_a_time_claims_a_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"1")
    with claimed(path) as first, claimed(path) as second:
        assert (first, second) == (True, False)
    claim = "with claimed(path) as ours: print('ready', flush=True); time.sleep(60)"
    with other_process(claim, path), claimed(path) as ours:
        assert not ours
    with claimed(path) as ours:
        assert ours


# --- files that are collected ------------------------------------------------------------------------------


def no_wait(size):
    raise AssertionError("nobody else is there")


def interrupted(path, error):
    """Collect a half, and end so."""

    def collect():
        with resumable_part(path, no_wait) as part:
            part.write(b"half")
            raise error

    with pytest.raises(type(error)):
        collect()


def test_what_was_collected_stays_for_the_next(tmp_path):
    path = tmp_path / "a"
    interrupted(path, KeyboardInterrupt())
    assert names(tmp_path) == [".a.part"]
    with resumable_part(path, no_wait) as part:
        assert part.read() == b"half"
        part.write(b" and half")
        publish(part, path)
    assert path.read_bytes() == b"half and half"
    assert names(tmp_path) == ["a"]


def test_nothing_stays_of_what_is_empty_or_of_a_disk_that_fails(tmp_path):
    with resumable_part(tmp_path / "a", no_wait):
        assert names(tmp_path) == [".a.part"]
    assert names(tmp_path) == []
    interrupted(tmp_path / "a", OSError(errno.ENOSPC, "full"))
    assert names(tmp_path) == []


@NEEDS_LOCKS
def test_who_collects_second_waits_and_sees_what_became_of_it(tmp_path):
    path, sizes = tmp_path / "a", []
    first = resumable_part(path, no_wait)
    part = first.__enter__()
    part.write(b"1234")

    def wait(size):
        sizes.append(size)
        if len(sizes) == 3:
            publish(part, path)
            first.__exit__(None, None, None)

    with resumable_part(path, wait) as other:
        assert path.read_bytes() == b"1234"
        assert other.read() == b""
    assert sizes == [4, 4, 4]
    assert names(tmp_path) == ["a"]


@NEEDS_LOCKS
def test_a_killed_collector_keeps_nobody_out(tmp_path):
    collect = "with resumable_part(path, print) as part: part.write(b'12'); print('ready', flush=True); time.sleep(60)"
    with (
        other_process(collect, tmp_path / "a") as process,
        resumable_part(tmp_path / "a", lambda size: (process.kill(), process.wait())) as part,
    ):
        assert part.read() == b"12"


def test_without_locks_nobody_goes_on_with_a_part(tmp_path, monkeypatch):
    """For it may be another process's."""
    monkeypatch.setattr(files, "try_lock", without_locks)
    path = tmp_path / "a"
    interrupted(path, KeyboardInterrupt())
    assert names(tmp_path) == []
    with resumable_part(path, no_wait) as part, resumable_part(path, no_wait) as other:
        for stream in (other, part):
            stream.write(b"1")
            publish(stream, path)
    assert names(tmp_path) == ["a"]


@NEEDS_LOCKS
def test_a_part_that_may_not_be_written_to_is_replaced_when_nobody_has_it(tmp_path, monkeypatch):
    """Another user's, that is."""
    part_of(tmp_path / "a").write_bytes(b"another's")
    real, n_opened = os.open, 0

    def refuse(path, flags, *mode):
        nonlocal n_opened
        n_opened += 1
        if n_opened == 1:
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(path, flags, *mode)

    monkeypatch.setattr(files.os, "open", refuse)
    with resumable_part(tmp_path / "a", no_wait) as part:
        assert part.read() == b""
