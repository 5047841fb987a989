"""Bounded reading and atomic writing of files: a temporary name, fsync, rename, fsync.

A process locks its temporary files while it lives. So a temporary file that can be locked is an orphan of a killed
process, and the next writer of the same file removes it.
"""

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: no locks, so orphans stay
    fcntl = None  # type: ignore[assignment]  # a module that is None: there is no type for it

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
#: Errors of `fsync_folder` where folders cannot be opened or synced, as on Windows and some network file systems.
_UNSUPPORTED = {
    getattr(errno, name) for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EACCES", "EPERM", "ENOENT")
}

MAX_DEPTH = 32  # of lists and objects in a JSON document


def fsync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable where the platform can (Windows cannot); OSError if the disk fails."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            error.filename = str(folder)
            raise


def try_lock(stream: BinaryIO, *, shared: bool = False) -> bool | None:
    """Lock an open file until it is closed or its process ends; False if another process has it, None without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(stream, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return None
    return True


@contextlib.contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Lock an existing file, and yield whether no other process has it."""
    with open(path, "r+b" if os.access(path, os.W_OK) else "rb") as stream:  # some locks need the right to write
        yield try_lock(stream) is not False


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary path to write to; move it to ``path`` at the end, or remove it on any exception.

    The temporary file lies in the same folder, so that the move is one rename. A reader sees the old file or the new
    one, never a mixture. A symbolic link stays and the file it names is replaced; permission bits are kept. OSError if
    the folder is missing, full or not writable, or if ``path`` is a device, a pipe or a folder.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file, so it cannot be replaced", str(path))
    remove_orphans(path.parent, path.name)
    with _new_part(path) as stream:
        part = Path(stream.name)
        try:
            yield part
            publish(stream, path)
        except BaseException as error:
            _discard(stream)
            if isinstance(error, OSError) and error.filename in (None, str(part)):
                error.filename = str(path)
            raise


def atomic_write(path: str | os.PathLike, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path``, completely or not at all."""
    with atomic_path(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def check_writable(path: str | os.PathLike) -> None:
    """Raise before the work, not after it, if its result could not be written: an OSError that names the folder."""

    class _Enough(Exception):
        pass

    with contextlib.suppress(_Enough), atomic_path(path):
        raise _Enough


def part_of(path: Path) -> Path:
    """Return the path where `resumable_part` collects ``path``."""
    return path.with_name(f".{path.name}.part")


@contextlib.contextmanager
def resumable_part(path: Path, wait: Callable[[int], None]) -> Iterator[BinaryIO]:
    """Yield the file in which ``path`` is collected, with what an earlier process left there, for `publish`.

    One process at a time has it. While another one does, ``wait`` is called with the file's size, again and again.
    Without `publish` the file stays for the next process, unless it is empty, the disk failed, or there are no locks.
    """
    with _wait_for_part(path, wait) as stream:
        try:
            yield stream
        except OSError:
            _discard(stream)
            raise
        finally:
            if not stream.closed and (Path(stream.name) != part_of(path) or not os.fstat(stream.fileno()).st_size):
                _discard(stream)


def publish(part: BinaryIO, path: Path) -> None:
    """Move a complete temporary file to ``path``, durably, with the permission bits of the file it replaces."""
    if path.exists() and _mode(path) != _mode(part.fileno()):
        os.chmod(part.name, _mode(path))
    os.fsync(part.fileno())
    if fcntl is None:
        part.close()  # Windows does not rename open files
    os.replace(part.name, path)
    fsync_folder(path.parent)


def remove_orphans(folder: Path, name: str | None = None) -> None:
    """Remove temporary files of killed processes in ``folder``: those of ``name``, or of any file."""
    target = ".+" if name is None else re.escape(name)
    pattern = re.compile(rf"\.{target}\.[0-9a-f]{{8}}\.part", re.DOTALL)
    with contextlib.suppress(OSError):
        for entry in filter(pattern.fullmatch, os.listdir(folder)):
            remove_orphan(folder / entry)


def remove_orphan(part: Path) -> None:
    """Remove a temporary file unless a process holds it, or this process lacks the right."""
    with contextlib.suppress(OSError), open(part, "rb", opener=_open_as_it_is) as stream:
        if try_lock(stream, shared=True):
            part.unlink()


def _open_as_it_is(name: str, flags: int) -> int:
    """Open without following a link, and without waiting for the other end of a pipe."""
    return os.open(name, flags | _NOFOLLOW | getattr(os, "O_NONBLOCK", 0))


def _discard(part: BinaryIO) -> None:
    """Remove a temporary file, unless it was published."""
    if part.closed or _is_at(part, Path(part.name)):
        if fcntl is None:
            part.close()  # Windows does not remove open files
        Path(part.name).unlink(missing_ok=True)


def _mode(file: Path | int) -> int:
    """The permission bits of a file."""
    return os.stat(file).st_mode & 0o777


def _is_at(stream: BinaryIO, path: Path) -> bool:
    """Whether ``path`` still names this open file."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


def _open_part(part: Path, path: Path, flags: int) -> BinaryIO:
    """Open a temporary file for ``path``, unbuffered; a new one is readable only for those who may read ``path``."""
    mode = 0o600 if path.exists() else 0o666
    flags |= os.O_CREAT | _NOFOLLOW
    return open(part, "r+b", buffering=0, opener=lambda name, others: os.open(name, flags | others, mode))


def _new_part(path: Path) -> BinaryIO:
    """Create a temporary file for ``path``, locked where locks exist."""
    while True:
        part = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
        try:
            stream = _open_part(part, path, os.O_EXCL)
        except OSError as error:
            error.filename = str(path)  # the name that the user knows
            raise
        if try_lock(stream) is not False and _is_at(stream, part):
            return stream
        stream.close()  # another process took it for an orphan before it was locked


def _wait_for_part(path: Path, wait: Callable[[int], None]) -> BinaryIO:
    """Open the file of `resumable_part`, locked; without locks a new one that nobody else writes to."""
    part = part_of(path)
    while True:
        try:
            stream = _open_part(part, path, 0)
        except PermissionError:  # left by another user, for example
            remove_orphan(part)
            stream = _open_part(part, path, 0)
        try:
            while (locked := try_lock(stream)) is False:
                wait(os.fstat(stream.fileno()).st_size)
            if locked and _is_at(stream, part):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()  # published or removed meanwhile
        if locked is None:
            part.unlink(missing_ok=True)
            return _new_part(path)


def read_bounded(path: Path, name: str, what: str, max_bytes: int, error: type[Exception]) -> bytes:
    """Read a regular file of at most ``max_bytes``; else raise ``error``: one line that calls the file ``name``."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise error(f"{name}: not a file")
        if status.st_size > max_bytes:
            raise error(f"{name}: {status.st_size:,} bytes, {what} has at most {max_bytes:,}")
        with open(path, "rb") as stream:
            return stream.read(status.st_size)
    except FileNotFoundError:
        raise error(f"{name}: no such file") from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        raise error(f"{name}: cannot be read: {getattr(problem, 'strerror', None) or problem}") from None


def parse_json(data: bytes | str) -> Any:
    """Parse a JSON document that anybody may have written (bytes are UTF-8).

    ValueError if it is not JSON, holds NaN or an infinity, repeats a name in one object, or is nested too deeply.
    """
    try:
        document = json.loads(
            data.decode() if isinstance(data, bytes) else data, parse_constant=_refuse, object_pairs_hook=_once
        )
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} lists and objects") from None
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
    if level:
        raise ValueError(f"nested deeper than {MAX_DEPTH} lists and objects")
    return document


def _refuse(constant: str):
    raise ValueError(f"{constant} is not JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object; a repeated name is refused, because readers differ in which of the values they take."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("an object has a name twice")
    return document


def _children(node: object) -> Iterable[object]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
