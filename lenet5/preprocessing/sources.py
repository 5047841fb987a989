"""What a caller may name as an image -> a Pillow image or a bounded stream of bytes; nothing is decoded here."""

import io
import os
import stat
from typing import BinaryIO

import numpy as np
from PIL import Image

from ..errors import PictureError, one_line

MAX_BYTES = 100 * 2**20

#: What is sometimes given as the name of a file, and what to do instead.
_ADDRESSES = {
    "data:": "a data URL, not a file; decode what follows its comma with `base64 -d` and give that",
    "http://": "an address, and nothing is fetched; download the image and give its file",
    "https://": "an address, and nothing is fetched; download the image and give its file",
    "file://": "an address; give the path that follows file://",
}


def source_name(source) -> str:
    """The name of ``source`` on one line, for messages."""
    return one_line(file_name(source)) or "the image"


def file_name(source) -> str:
    """The name of the file of ``source``; "" where there is none."""
    if isinstance(source, Image.Image):
        source = getattr(source, "filename", "")
    if not isinstance(source, str | os.PathLike):
        source = getattr(source, "name", None)
    return os.fsdecode(source) if isinstance(source, str | bytes | os.PathLike) else ""


def from_array(array: np.ndarray) -> Image.Image:
    """A checked array as the Pillow image that a file of the same content would give; ValueError for other arrays."""
    shape = array.shape
    if array.ndim not in (2, 3) or 0 in shape or (array.ndim == 3 and shape[2] not in (3, 4)):
        raise ValueError(f"an array must be of shape (H, W), (H, W, 3) or (H, W, 4), got {shape}")
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        if array.ndim == 2:
            return Image.fromarray(np.ascontiguousarray(array, np.uint16))
        array = array / np.float32(65535)
    if array.dtype.kind == "f":
        if not (array.min() >= 0 and array.max() <= 1):  # so written that NaN fails as well
            raise ValueError("a float array must hold values in 0..1")
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype == bool:
        array = array * np.uint8(255)
    if array.dtype != np.uint8:
        raise ValueError(f"an array must be uint8, uint16, bool or float in 0..1, got {array.dtype}")
    return Image.fromarray(np.ascontiguousarray(array))


def stream_of(source, name: str) -> BinaryIO:
    """``source`` as a seekable binary stream of 1 to MAX_BYTES bytes; PictureError, TypeError for anything else."""
    if isinstance(source, bytes | bytearray | memoryview):
        return _bounded(io.BytesIO(source), memoryview(source).nbytes, name)
    if isinstance(source, str | os.PathLike):
        return _open_file(source, name)
    if not hasattr(source, "read"):
        raise TypeError(f"an image must be a path, bytes, file, Pillow image or array, got {type(source).__name__}")
    copy = io.BytesIO()
    try:
        while copy.tell() <= MAX_BYTES and (chunk := source.read(2**20)):
            copy.write(chunk)
    except OSError as error:
        raise PictureError(f"{name}: cannot be read ({error.strerror or error}); try again") from error
    return _bounded(copy, copy.tell(), name)


def _open_file(path, name: str) -> BinaryIO:
    """Open a regular file. The check comes first, since opening a pipe would wait for its other end."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{name}: a folder, not an image; give the files in it")
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(f"{name}: a device or pipe, not an image file; copy the image to a file")
        return _bounded(open(path, "rb"), status.st_size, name)
    except (OSError, ValueError) as error:
        raise PictureError(f"{name}: {_why_closed(path, error)}") from error


def _why_closed(path, error: OSError | ValueError) -> str:
    """Why a path cannot be opened, and what to do."""
    for scheme, remedy in _ADDRESSES.items():
        if os.fsdecode(path).lower().startswith(scheme):
            return remedy
    reason = getattr(error, "strerror", None) or error
    what = "its permissions" if isinstance(error, PermissionError) else "the name"
    return f"cannot be opened ({reason}); check {what}"


def _bounded(stream: BinaryIO, n_bytes: int, name: str) -> BinaryIO:
    if 0 < n_bytes <= MAX_BYTES:
        return stream
    stream.close()
    if n_bytes == 0:
        raise PictureError(f"{name}: the file is empty; copy the image anew")
    raise PictureError(f"{name}: larger than {MAX_BYTES >> 20} MB; save the image smaller")
