"""Any image -> numbers, safely: the one place where foreign bytes are decoded.

Before that, the file is known to be a regular one of bounded size (`sources`). It is of an accepted format, with a
bounded number of pixels and pages (`limits`). Whatever Pillow then raises becomes one ``PictureError`` of one line.
"""

import threading
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from PIL import Image

from ..errors import LeNet5Error, PageError, PictureError
from ..utils.geometry import Box
from .limits import check_size, frame_count, open_header
from .sources import from_array, source_name, stream_of
from .transparency import without_alpha

T = TypeVar("T")
WORKING_SIDE = 1024  # larger images are reduced to at most this: a digit needs far less

#: What to do about EXIF's orientation 2..8.
TURNS = {
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
    """An image as `decode` gives it, and its place in its file, turned upright.

    One of its pixels is ``scale`` pixels of the file. Its corner lies at (top, left) there, below 0 where a margin was
    added. It is the one with the number ``page``, from 1, of ``pages`` pages or frames.
    """

    pixels: np.ndarray
    scale: int = 1
    top: int = 0
    left: int = 0
    pages: int = 1
    page: int = 1

    def box(self, box: Box) -> Box:
        """A box of the file, in ``pixels``."""
        places = self.top, self.left, self.top, self.left
        return Box(*(round((edge - at) / self.scale) for edge, at in zip(box, places, strict=True)))


def decode(source) -> np.ndarray:
    """Read an image and bring it to at most 1024 pixels a side, upright, without transparency.

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
        The file is of no accepted format, damaged, or too large.
    ValueError, TypeError
        The argument is not an image at all, such as an array of another shape or range.
    """
    return decoded(source).pixels


def decoded(source, page: int = 1) -> Decoded:
    """`decode` with the place of the image in its file, of which it is the page or frame with the number ``page``."""
    name = source_name(source)
    return opened(source, lambda image: _page(image, page, page_count(image), name))


def decoded_pages(source) -> Iterator[Decoded | PageError]:
    """Decode each page or frame of a file, with one in memory at a time; a PageError stands for a damaged one.

    PictureError is raised if the file cannot be read at all, or the only page is damaged. Of an image of Pillow there
    is the current frame only.
    """
    name = source_name(source)
    if isinstance(source, np.ndarray | Image.Image):
        yield decoded(source)
        return
    with stream_of(source, name) as stream:
        image = _guarded(lambda: open_header(stream, name), name)
        pages = 1 if image.format == "MPO" else _guarded(lambda: frame_count(image), name)
        for page in range(1, pages + 1):
            yield _page_or_error(image, page, pages, name)


def _page_or_error(image: Image.Image, page: int, pages: int, name: str) -> Decoded | PageError:
    shown = f"{name}, page {page} of {pages}" if pages > 1 else name
    try:
        return _guarded(lambda: _page(image, page, pages, shown), shown)
    except PictureError as error:
        if pages == 1:
            raise
        return PageError(str(error), page, pages)


def opened(source, work: Callable[[Image.Image], T]) -> T:
    """What ``work`` makes of the image of a source as `decode` takes it: opened, checked, not yet decoded."""
    name = source_name(source)
    if isinstance(source, np.ndarray):
        source = from_array(source)
    if isinstance(source, Image.Image):
        check_size(source, name)
        return _guarded(lambda: work(source.copy()), name)  # the caller's own image stays as it is
    with stream_of(source, name) as stream:
        return _guarded(lambda: work(open_header(stream, name)), name)


def _guarded(work: Callable[[], T], name: str) -> T:
    """Let Pillow work: no warning gets out, and no exception but LeNet5Error."""
    with _QUIET:
        try:
            return work()
        except LeNet5Error:
            raise
        except MemoryError as error:
            raise PictureError(f"{name}: not enough memory for this image; make it smaller") from error
        except Exception as error:
            reason = " ".join(str(error).split())[:100] or type(error).__name__
            raise PictureError(f"{name}: damaged image ({reason}); save it anew as PNG or JPEG") from error


def _page(image: Image.Image, page: int, pages: int, name: str) -> Decoded:
    if not 1 <= page <= pages:
        raise PictureError(f"{name}: has no page {page}; its pages are 1 to {pages}")
    if page > 1 or pages > 1:
        image.seek(page - 1)
        check_size(image, name)  # each page has a size of its own
    return _pixels(image)._replace(pages=pages, page=page)


def page_count(image: Image.Image) -> int:
    """Pages of an open file. What a camera keeps beside a photo (MPO: a preview, a depth map) is not a page of it."""
    return 1 if image.format == "MPO" else getattr(image, "n_frames", 1)


def _pixels(image: Image.Image) -> Decoded:
    """Decode, turn upright and reduce: (H, W) or (H, W, 3), float32 in 0..1."""
    width = image.width
    if image.format == "JPEG":
        image.draft(image.mode, (WORKING_SIDE, WORKING_SIDE))  # the decoder itself skips what is not needed
    image.load()
    turn = TURNS.get(orientation(image))
    factor = -(-max(image.size) // WORKING_SIDE)
    small = reduced(image, plain_mode(image), factor)
    scale = factor * round(width / image.width)
    values = np.asarray(small if turn is None else small.transpose(turn)).astype(np.float32)
    if small.mode == "F":
        return Decoded(spread(values), scale)
    values /= np.float32(255)
    if small.mode != "RGBA":
        return Decoded(values, scale)
    values, top, left = without_alpha(values)
    return Decoded(values, scale, top * scale, left * scale)


def orientation(image: Image.Image) -> int:
    """EXIF's, 1 to 8; 1 where there is none."""
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # a damaged EXIF block does not make the image unreadable
        return 1


def plain_mode(image: Image.Image) -> str:
    """Which of F, L, RGB, RGBA holds this image without loss."""
    if image.mode[0] in "IF":
        return "F"
    if image.has_transparency_data:
        return "RGBA"
    return "L" if image.mode in ("L", "1", "LAB") else "RGB"


def reduced(image: Image.Image, mode: str, factor: int) -> Image.Image:
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
    if mode == "RGBa":  # premultiplied; only RGBA can become it
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)


def spread(values: np.ndarray) -> np.ndarray:
    """Spread values of more than eight bits over 0..1, since their unit differs from one maker to the next."""
    finite = np.isfinite(values)
    values = np.where(finite, values, values[finite].min() if finite.any() else 0)
    low, high = values.min(), values.max()
    low = min(low, 0) if low < high / 2 else low  # keeps black where it was if black is near
    return (values - low) / ((high - low) or np.float32(1))
