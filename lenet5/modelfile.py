"""Models and checkpoints on disk: safetensors with one JSON document of metadata. Nothing in a file is executed."""

import json
import os
import stat
from pathlib import Path

import numpy as np

from .errors import ModelFileError
from .files import atomic_write

FORMAT_VERSION = 1
MAX_BYTES = 64 * 2**20
_KEY = "lenet5"  # of the metadata, whose values can only be strings


def save(path: str | os.PathLike, tensors: dict[str, np.ndarray], kind: str, info: dict) -> None:
    """Write tensors and what is known about them to ``path``, wholly or not at all.

    ``kind`` is "model" or "checkpoint"; ``info`` is any JSON document without NaN.
    """
    from safetensors.numpy import save as dumps

    document = {"kind": kind, "format_version": FORMAT_VERSION, **info}
    metadata = {_KEY: json.dumps(document, allow_nan=False, ensure_ascii=False)}
    atomic_write(path, dumps({name: np.ascontiguousarray(t) for name, t in tensors.items()}, metadata))


def load(path: str | os.PathLike, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """The tensors and the document that :func:`save` wrote.

    Raises
    ------
    ModelFileError
        One line that says what is wrong: no such file, not safetensors, damaged, too large, of another program,
        of a newer version, or of another kind.
    """
    data = _read(Path(path))
    tensors, metadata = _parse(data, path)
    try:
        info = json.loads(metadata[_KEY])
        version, found = int(info["format_version"]), str(info["kind"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ModelFileError(f"{path}: a safetensors file, but not one of lenet5 (no usable metadata)") from None
    if version > FORMAT_VERSION:
        raise ModelFileError(f"{path}: format version {version}, this program reads up to {FORMAT_VERSION}; update it")
    if found != kind:
        raise ModelFileError(f"{path}: this is a {found[:20]}, not a {kind}")
    return tensors, info


def _read(path: Path) -> bytes:
    """The bytes of a regular file of sensible size."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelFileError(f"{path}: not a file")
        if status.st_size > MAX_BYTES:
            raise ModelFileError(f"{path}: {status.st_size:,} bytes, a model has at most {MAX_BYTES:,}")
        with open(path, "rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ModelFileError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _parse(data: bytes, path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict]:
    """Tensors, all float32, and metadata of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as loads

    try:
        tensors = loads(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelFileError(f"{path}: no safetensors file, or a damaged one ({_first_line(error)})") from None
    for name, tensor in tensors.items():
        if tensor.dtype != np.float32:
            raise ModelFileError(f"{path}: tensor {name[:40]!r} is {tensor.dtype}, expected float32")
    metadata = header.get("__metadata__")
    return tensors, metadata if isinstance(metadata, dict) else {}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__
