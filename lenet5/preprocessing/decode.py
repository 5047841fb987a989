"""Any picture -> numbers, safely: the one place where foreign bytes meet Pillow.

Nothing is decoded before the file is known to be a regular one, of bounded size, of an accepted kind, with a
bounded number of pixels and frames. Whatever Pillow then raises becomes one ``PictureError`` of one line.
"""

import io
import os
import stat
import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from ..errors import LeNet5Error, PictureError, one_line
from ..utils.geometry import Box
from ..utils.kinds import HEAD, KINDS, SAFETENSORS, kind_of
from .binarization import quantile

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
MAX_BYTES = 100 * 2**20
# Pixels, so that every picture is decoded within about 200 MB: JPEG files are reduced on the way (of progressive
# ones all coefficients are held, two bytes each), WEBP's decoder holds several copies, 16 bytes a pixel.
MAX_PIXELS = {"JPEG": 64_000_000, "WEBP": 9_000_000}
MAX_PIXELS_OTHERS = 32_000_000
MAX_COEFFICIENTS = 48_000_000
MAX_FRAMES = 100
MAX_READS = 100_000
MAX_SLOW_BYTES = 2 * 2**20
WORKING_SIDE = 1024  # larger pictures are reduced to at most this: a digit needs far less

# What is given for the name of a file now and then.
_ADDRESSES = {
    "data:": "a data URL, not a file; decode what follows its comma with `base64 -d` and give that",
    "http://": "an address, and nothing is fetched; download the picture and give its file",
    "https://": "an address, and nothing is fetched; download the picture and give its file",
    "file://": "an address; give the path that follows file://",
}

# What to do about EXIF's orientation 2..8.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _Quiet:
    """No warnings from when the first thread enters until the last one has left; threads do not wait for each other.

    `warnings.catch_warnings` swaps a process-wide list: two threads that interleave would leave it swapped.
    """

    def __init__(self):
        self._lock, self._inside = threading.Lock(), 0
        self._caught: warnings.catch_warnings | None = None

    def __enter__(self):
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *reason):
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._caught is not None:
                self._caught.__exit__(*reason)


_QUIET = _Quiet()


class Decoded(NamedTuple):
    """A picture as `decode` gives it, and its place in its file, turned upright.

    One of its pixels is ``scale`` pixels of the file, and its corner lies at (top, left) there: outside, below 0, where
    a margin was added. It is the first of ``pages`` pages or frames.
    """

    pixels: np.ndarray
    scale: int = 1
    top: int = 0
    left: int = 0
    pages: int = 1

    def box(self, box: Box) -> Box:
        """What a box of the file is in ``pixels``."""
        places = self.top, self.left, self.top, self.left
        return Box(*(round((edge - at) / self.scale) for edge, at in zip(box, places, strict=True)))


def decode(source) -> np.ndarray:
    """Read a picture and bring it to at most 1024 pixels a side, upright, without transparency.

    Parameters
    ----------
    source : path, bytes, binary file object, PIL.Image.Image or ndarray
        Arrays: uint8, uint16, bool or float in 0..1, of shape (H, W), (H, W, 3) or (H, W, 4).

    Returns
    -------
    ndarray of shape (H, W) or (H, W, 3), float32 in 0..1
        Eight-bit values are divided by 255; wider ones are spread over their own range.

    Raises
    ------
    PictureError
        The file is none of the accepted pictures, damaged, or too large.
    ValueError, TypeError
        The argument is no picture at all (an array of another shape or range, say).
    """
    return decoded(source).pixels


def decoded(source) -> Decoded:
    """As `decode`, with the place of the picture in its file."""
    name = source_name(source)
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        _check_size(source, name)
        return _guarded(lambda: _pixels(source.copy()), name)  # the caller's own image stays as it is
    with _stream(source, name) as stream:
        return _guarded(lambda: _first_page(_open(stream, name)), name)


def _guarded(work: Callable[[], Decoded], name: str) -> Decoded:
    """Let Pillow work: no warning comes out, and no exception but LeNet5Error."""
    with _QUIET:
        try:
            return work()
        except LeNet5Error:
            raise
        except MemoryError as error:
            raise PictureError(f"{name}: not enough memory for this picture; make it smaller") from error
        except Exception as error:
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            raise PictureError(f"{name}: damaged picture ({reason}); save it anew as PNG or JPEG") from error


def source_name(source) -> str:
    """Say on one line what ``source`` is called, for messages."""
    return one_line(file_name(source)) or "the picture"


def file_name(source) -> str:
    """What the file of ``source`` is called; "" where it is of none."""
    if isinstance(source, Image.Image):
        source = getattr(source, "filename", "")
    if not isinstance(source, str | os.PathLike):
        source = getattr(source, "name", None)
    return os.fsdecode(source) if isinstance(source, str | bytes | os.PathLike) else ""


def _from_array(array: np.ndarray) -> Image.Image:
    """Check an array and wrap it as the Pillow image that a file of the same content would give."""
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


def _stream(source, name: str):
    """Open ``source`` as a seekable binary stream of bounded length."""
    if isinstance(source, bytes | bytearray | memoryview):
        return _bounded(io.BytesIO(source), memoryview(source).nbytes, name)
    if isinstance(source, str | os.PathLike):
        return _open_file(source, name)
    if not hasattr(source, "read"):
        raise TypeError(f"a picture must be a path, bytes, file, image or array, got {type(source).__name__}")
    copy = io.BytesIO()
    try:
        while copy.tell() <= MAX_BYTES and (chunk := source.read(2**20)):
            copy.write(chunk)
    except OSError as error:
        raise PictureError(f"{name}: cannot be read ({error.strerror or error}); try again") from error
    return _bounded(copy, copy.tell(), name)


def _open_file(path, name: str):
    """Open a regular file; the check comes first, for opening a pipe would wait for its other end."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{name}: a folder, not a picture; give the files in it")
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(f"{name}: a device or pipe, not a picture file; copy the picture to a file")
        return _bounded(open(path, "rb"), status.st_size, name)
    except (OSError, ValueError) as error:
        raise PictureError(f"{name}: {_why_closed(path, error)}") from error


def _why_closed(path, error: OSError | ValueError) -> str:
    """Say why a path cannot be opened, and what to do."""
    for scheme, remedy in _ADDRESSES.items():
        if os.fsdecode(path).lower().startswith(scheme):
            return remedy
    reason = getattr(error, "strerror", None) or error
    what = "its permissions" if isinstance(error, PermissionError) else "the name"
    return f"cannot be opened ({reason}); check {what}"


def _bounded(stream, n_bytes: int, name: str):
    if 0 < n_bytes <= MAX_BYTES:
        return stream
    stream.close()
    if n_bytes == 0:
        raise PictureError(f"{name}: the file is empty; copy the picture anew")
    raise PictureError(f"{name}: larger than {MAX_BYTES >> 20} MB; save the picture smaller")


class _Counted:
    """A stream read in a bounded number of pieces: a file of millions of tiny chunks would take minutes."""

    def __init__(self, stream):
        self._stream = stream
        self._left = MAX_READS

    def read(self, size=-1):
        self._left -= 1
        if self._left < 0:
            raise OSError("cut into too many small pieces")
        return self._stream.read(size)

    def __getattr__(self, name):
        return getattr(self._stream, name)


def _open(stream, name: str) -> Image.Image:
    """Read the header only, and refuse what is too large to go on with."""
    try:
        image = Image.open(_Counted(stream), formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise PictureError(f"{name}: {_what_it_is(stream)}") from error
    except Image.DecompressionBombError as error:
        millions = MAX_PIXELS_OTHERS // 10**6
        raise PictureError(
            f"{name}: too many pixels, and at most {millions} million are read; save it smaller"
        ) from error
    _check_size(image, name)
    if getattr(image, "n_frames", 1) > MAX_FRAMES:
        raise PictureError(f"{name}: an animation or book of more than {MAX_FRAMES} pages; save one as PNG")
    slow = any(tile[0] in ("ppm", "ppm_plain") for tile in image.tile)  # decoded by Pillow in plain Python
    if slow and stream.seek(0, os.SEEK_END) > MAX_SLOW_BYTES:
        raise PictureError(f"{name}: too large for this kind of {image.format}; save it as PNG")
    return image


def _what_it_is(stream) -> str:
    """What a file is that Pillow does not know, as far as that can be told, and what to do."""
    stream.seek(0)
    kind = kind_of(stream.read(HEAD), getattr(stream, "name", None), (*KINDS, SAFETENSORS))
    if kind is None:
        return f"no picture of an accepted kind ({', '.join(FORMATS)}), or a damaged one"
    return f"{kind.name} is not read; {kind.remedy}"


def _first_page(image: Image.Image) -> Decoded:
    """Decode an open file; what a camera keeps beside a photo (MPO: a preview, a depth map) is no page of it."""
    pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    return _pixels(image)._replace(pages=pages)


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    limit = _most_pixels(image)
    if width * height > limit:
        raise PictureError(
            f"{name}: {width} x {height} pixels, and at most {limit // 10**6} million are read; save it smaller"
        )
    if width * height == 0:
        raise PictureError(f"{name}: a picture without pixels")


def _most_pixels(image: Image.Image) -> int:
    if "progressive" not in image.info:
        return MAX_PIXELS.get(image.format or "", MAX_PIXELS_OTHERS)
    layers = image.layer  # type: ignore[attr-defined]  # only JPEG is progressive, and its images have them
    areas = [height * width for _, height, width, _ in layers]  # of each channel's pixels beside the others'
    return min(MAX_PIXELS_OTHERS, MAX_COEFFICIENTS * max(areas) // sum(areas))


def _pixels(image: Image.Image) -> Decoded:
    """Decode, turn upright and reduce: (H, W) or (H, W, 3), float32 in 0..1."""
    width = image.width
    if image.format == "JPEG":
        image.draft(image.mode, (WORKING_SIDE, WORKING_SIDE))  # the decoder itself skips what is not needed
    image.load()
    turn = _TURNS.get(_orientation(image))
    factor = -(-max(image.size) // WORKING_SIDE)
    small = _reduced(image, _plain_mode(image), factor)
    scale = factor * round(width / image.width)
    values = np.asarray(small if turn is None else small.transpose(turn)).astype(np.float32)
    if small.mode == "F":
        return Decoded(_spread(values), scale)
    values /= np.float32(255)
    if small.mode != "RGBA":
        return Decoded(values, scale)
    values, top, left = _without_alpha(values)
    return Decoded(values, scale, top * scale, left * scale)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # a damaged EXIF block does not make the picture unreadable
        return 1


def _plain_mode(image: Image.Image) -> str:
    """Say which of F, L, RGB, RGBA holds this picture without loss."""
    if image.mode[0] in "IF":
        return "F"
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("L", "1", "LAB") else "RGB"


def _reduced(image: Image.Image, mode: str, factor: int) -> Image.Image:
    """Convert to ``mode`` and average ``factor`` x ``factor`` pixels, strip by strip to bound the memory."""
    if factor == 1:
        return _converted(image, mode)
    width, height = image.size
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for top in range(0, height, 32 * factor):
        strip = image.crop((0, top, width, min(height, top + 32 * factor)))
        small.paste(_converted(strip, mode).reduce(factor), (0, top // factor))
    return small


def _converted(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "LAB":  # Pillow knows no way from LAB to RGB without a colour profile
        return image.getchannel(0)
    if image.mode.startswith("I;16"):  # nor, for the rarer byte orders, one to F
        return Image.fromarray(np.asarray(image).astype(np.float32))
    return image.convert(mode)


def _spread(values: np.ndarray) -> np.ndarray:
    """Spread values of more than eight bits over 0..1: their unit differs from one maker to the next."""
    finite = np.isfinite(values)
    values = np.where(finite, values, values[finite].min() if finite.any() else 0)
    low, high = values.min(), values.max()
    low = min(low, 0) if low < high / 2 else low  # keeps black where it was if black is near
    return (values - low) / ((high - low) or np.float32(1))


def _without_alpha(rgba: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Lay a picture of shape (H, W, 4) on a background which keeps its ink visible; and where its corner lies now."""
    colour, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() > 0.9:
        return colour, 0, 0
    if alpha.max() == 0:
        return np.zeros_like(alpha), 0, 0
    seen = alpha > alpha.max() / 2
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    top, left = int(rows[0]), int(columns[0])
    window = slice(top, rows[-1] + 1), slice(left, columns[-1] + 1)
    tints = colour[seen]
    bright = tints.mean() > 0.5
    margin = 2 + max(alpha[window].shape) // 8
    if (quantile(tints, 0.98, axis=0) - quantile(tints, 0.02, axis=0)).max() < 0.1:  # one colour: alpha is the drawing
        ink = np.pad(alpha[window] / alpha.max(), margin)
        return ink if bright else 1 - ink, top - margin, left - margin
    if alpha[window].mean() > 0.9:  # a sheet with transparent surroundings: keep the sheet
        return _lay(rgba[window], quantile(tints, 0.5, axis=0)), top, left
    drawing = np.pad(rgba[window], ((margin, margin), (margin, margin), (0, 0)))
    return _lay(drawing, np.full(3, 0 if bright else 1, np.float32)), top - margin, left - margin


def _lay(rgba: np.ndarray, background: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:]
    return rgba[..., :3] * alpha + background.astype(np.float32) * (1 - alpha)
