"""Files read whole and within bounds; files that are never half written: a temporary name, fsync, rename, fsync."""

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_DEPTH = 32  # of lists and objects in a JSON document


def fsync_folder(folder: Path) -> None:
    """Make renames in ``folder`` durable, where the platform can (Windows cannot)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path to write to; move it to ``path`` at the end, or remove it on any exception.

    The temporary file lies in the same folder, so that the move is one rename. A reader sees the old file or
    the new one, never a mixture. A symbolic link stays, and the file that it names is replaced. OSError where the
    folder is missing, full or not writable, or where ``path`` is a device, a pipe or a folder.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file, so it cannot be replaced", str(path))
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        open(part, "xb").close()
    except OSError as error:
        error.filename = str(path)  # the name that the user knows
        raise
    try:
        yield part
        with open(part, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(part)):
            error.filename = str(path)
        raise
    fsync_folder(path.parent)


def atomic_write(path: str | os.PathLike, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path``, wholly or not at all."""
    with atomic_path(path) as part:
        part.write_bytes(data.encode() if isinstance(data, str) else data)


def read_bounded(path: Path, name: str, what: str, max_bytes: int, error: type[Exception]) -> bytes:
    """The bytes of a regular file that ``what`` can be; else ``error`` in one line, in which it is called ``name``."""
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


def parse_json(data: bytes | str) -> object:
    """The JSON document in text that anybody may have written, UTF-8 if bytes.

    ValueError where it is none, holds NaN or an infinity, has a name twice in one object, or is nested too deeply.
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
    raise ValueError(f"{constant} is no JSON")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; of a name that it has twice one reader would take the first value and another the last."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("an object has a name twice")
    return document


def _children(node: object) -> Iterable[object]:
    return node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
