"""Models and checkpoints on disk: safetensors with one JSON document of metadata. Nothing in a file is executed."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import ModelFileError, one_line
from ..utils.files import atomic_write, parse_json, read_bounded
from ..utils.kinds import HEAD, KINDS, PICTURES, kind_of

FORMAT_VERSION = 1
MAX_BYTES = 64 * 2**20
MAX_HEADER = 2**20  # bytes; that of a committee of 64 with its training settings takes a quarter
_KEY = "lenet5"  # in the metadata, whose values must be strings


def save(path: str | os.PathLike, tensors: dict[str, np.ndarray], kind: str, info: dict) -> None:
    """Write tensors and their document to ``path``, completely or not at all.

    Parameters
    ----------
    path : path-like
    tensors : dict of ndarray
    kind : "model", "committee", "quantized", "compressed" or "checkpoint"
    info : dict
        Any JSON document without NaN. Of files that are to be small it is written without spaces.

    Raises
    ------
    ValueError
        The document is longer than `load` reads.
    """
    from safetensors.numpy import save as dumps

    document = {"kind": kind, "format_version": FORMAT_VERSION, **info}
    separators = (",", ":") if kind in ("quantized", "compressed") else None
    metadata = {_KEY: json.dumps(document, allow_nan=False, ensure_ascii=False, separators=separators)}
    data = dumps({name: np.ascontiguousarray(t) for name, t in tensors.items()}, metadata)
    if _header_size(data) > MAX_HEADER:
        raise ValueError(f"a header of {_header_size(data):,} bytes, a model file has at most {MAX_HEADER:,}")
    atomic_write(path, data)


def load(
    path: str | os.PathLike,
    *kinds: str,
    dtype: type | tuple[type, ...] | Mapping[str, tuple[type, ...]] = np.float32,
) -> tuple[dict[str, np.ndarray], dict]:
    """Read the tensors, all of one ``dtype`` or of some, and the document that `save` wrote as one of ``kinds``.

    ``dtype`` may be a mapping of kinds to types.

    Raises
    ------
    ModelFileError
        One line with the reason: no such file, not safetensors, damaged, too large, of another program,
        of a newer version, or of another kind.
    """
    name = one_line(path)
    _refuse_other_kinds(Path(path), name)
    data = read_bounded(Path(path), name, "a model", MAX_BYTES, ModelFileError)
    tensors, metadata = _parse(data, name)
    try:
        info = parse_json(metadata[_KEY])
        json.dumps(info, allow_nan=False, ensure_ascii=False).encode()  # so that it can be shown
        version, found = info["format_version"], info["kind"]
        if type(version) is not int or version < 1:
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise ModelFileError(
            f"{name}: a safetensors file, but not one of lenet5 (no usable metadata); bare weights "
            "need the name of their network, as in load(path, variant='modern')"
        ) from None
    if version > FORMAT_VERSION:
        newer = f"format version {str(version)[:20]}, this program reads up to {FORMAT_VERSION}"
        raise ModelFileError(f"{name}: {newer}; update it")
    if found not in kinds:
        raise ModelFileError(f"{name}: this is a {str(found)[:20]!r}, not a {' or '.join(kinds)}")
    types = dtype[found] if isinstance(dtype, Mapping) else dtype
    allowed = [np.dtype(kind) for kind in (types if isinstance(types, tuple) else (types,))]
    for key, tensor in tensors.items():
        if tensor.dtype not in allowed:
            expected = " or ".join(map(str, allowed))
            raise ModelFileError(f"{name}: tensor {key[:40]!r} is {tensor.dtype}, expected {expected}")
    return tensors, info


def load_bare(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the tensors of a safetensors file of any program; ModelFileError in one line where there are none.

    A file of lenet5 that is more than the weights of one network of classes is refused, too.
    """
    name = one_line(path)
    _refuse_other_kinds(Path(path), name)
    tensors, metadata = _parse(read_bounded(Path(path), name, "a model", MAX_BYTES, ModelFileError), name)
    if (kind := _own_kind(metadata)) not in (None, "model"):
        raise ModelFileError(f"{name}: a {kind} of lenet5, no bare weights; load it without a variant")
    return tensors


def _own_kind(metadata: dict) -> str | None:
    """What a file of lenet5 says that it is; None of another program's."""
    try:
        return one_line(str(parse_json(metadata[_KEY])["kind"])[:20])
    except (KeyError, TypeError, ValueError):
        return None


def kind_in(path: str | os.PathLike) -> str | None:
    """The kind of what `save` wrote, by the header alone; None for any other file."""
    if not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as stream:
            n = _header_size(stream.read(8))
            header = parse_json(stream.read(n)) if n <= MAX_HEADER else {}
        return str(parse_json(header["__metadata__"][_KEY])["kind"])
    except (OSError, KeyError, TypeError, ValueError):
        return None


def _refuse_other_kinds(path: Path, name: str) -> None:
    """Raise ModelFileError, with the name of the kind, for images and for files of other programs."""
    try:
        if not path.is_file():
            return
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except (OSError, ValueError):  # the caller reads the file, and gives the reason
        return
    kind = None if head[8:9] in (b"", b"{") else kind_of(head, path, (*KINDS, *PICTURES))
    if kind:
        raise ModelFileError(f"{name}: {kind.name}, not a model of lenet5; name a file that `lenet5 train` wrote")


def _parse(data: bytes, name: str) -> tuple[dict[str, np.ndarray], dict]:
    """Read tensors and metadata of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as loads

    try:
        n = _header_size(data)
        if n > MAX_HEADER:
            raise ValueError(f"a header of {n:,} bytes, at most {MAX_HEADER:,} expected")
        tensors = loads(data)
        header = parse_json(data[8 : 8 + n])
    except (SafetensorError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{name}: not a safetensors file, or a damaged one ({_reason(error)})") from None
    metadata = header.get("__metadata__")
    return tensors, metadata if isinstance(metadata, dict) else {}


def _header_size(data: bytes) -> int:
    return int.from_bytes(data[:8], "little")


def _reason(error: Exception) -> str:
    return one_line(" ".join(str(error).split())[:120]) or type(error).__name__
