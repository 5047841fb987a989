"""A whole image at the network's size: how models of one's own classes see it.

Nothing is cut off: the image is stretched to a square, as Keras' `image_dataset_from_directory` does it. A border would
take pixels, of which a small network has few. Only one of 28 x 28 for 32 x 32 stays as sharp as it is: it is laid in
the middle, on the median of its edge. Grey is luminance. Transparent images are laid on white.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from .decode import TURNS, opened, orientation, page_count, plain_mode, reduced, spread

MARGIN = 4  # pixels: an image that is smaller by no more than this is extended, not resized
COLOURED = 16  # of 255: channels that differ by less are a tint of grey, as scanners and JPEG leave it
BLANK = 4  # of 255: with less contrast nothing can be seen
_MODES = {1: "L", 3: "RGB"}


class Whole(NamedTuple):
    """An image at the network's size.

    Attributes
    ----------
    pixels : ndarray of shape (S, S) or (3, S, S), uint8
    format : str or None, what kind of file it is
    pages : int, how many the file has, of which this is the first
    is_exif_damaged : bool, whether the image is perhaps not upright
    """

    pixels: np.ndarray
    format: str | None = None
    pages: int = 1
    is_exif_damaged: bool = False


def read_whole(source, size: int = 32, channels: int | None = None) -> Whole:
    """Read an image and bring it, whole, to the network's size.

    Parameters
    ----------
    source : as `decode.decode` takes it
    size : int, the side S of the result
    channels : 1, 3 or None
        Grey or colour; None: colour if the image has any.

    Raises
    ------
    PictureError
        The file cannot be read.
    ValueError, TypeError
        An argument is not one of the above.
    """
    if channels not in (None, *_MODES):
        raise ValueError(f"channels is {channels!r}, expected 1, 3 or None")
    if size < 1:
        raise ValueError(f"size is {size!r}, expected at least 1")
    return opened(source, partial(_whole, size=size, channels=channels))


def _whole(image: Image.Image, size: int, channels: int | None) -> Whole:
    pages, kind = page_count(image), image.format
    if kind == "JPEG":
        image.draft(image.mode, (2 * size, 2 * size))  # the decoder itself skips what is not needed
    image.load()
    turn, is_damaged = _turn(image)
    square = _opaque(_square(image, size))
    if channels == 1 and square.mode != "L":
        square = square.convert("L")
    if turn is not None:
        square = square.transpose(turn)
    return Whole(_planes(square, channels), kind, pages, is_damaged)


def _planes(square: Image.Image, channels: int | None) -> np.ndarray:
    """Of L or RGB. An image without colours is one of luminance, so that it is the same in any company."""
    if square.mode == "RGB":
        planes = np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))
        if is_coloured(planes):
            return planes
    grey = np.asarray(square if square.mode == "L" else square.convert("L"))
    return grey if channels != 3 else np.repeat(grey[None], 3, axis=0)


def _turn(image: Image.Image) -> tuple[Image.Transpose | None, bool]:
    """What brings the image upright, and whether that cannot be known."""
    turn = TURNS.get(orientation(image))
    return turn, turn is None and bool(image.info.get("exif")) and not _has_tags(image)


def _has_tags(image: Image.Image) -> bool:
    """Whether anything was understood of the image's EXIF; Pillow passes over what is damaged."""
    try:
        return bool(image.getexif())
    except Exception:
        return False


def _square(image: Image.Image, size: int) -> Image.Image:
    """The image as F, L, RGB or premultiplied RGBa, of size x size."""
    mode = plain_mode(image)
    mode = "RGBa" if mode == "RGBA" else mode
    if all(size - MARGIN <= side <= size for side in image.size):
        return _extended(reduced(image, mode, 1), size)
    factor = max(1, min(image.size) // size)  # a mean of pixels first: quick, and in bounded memory
    small = reduced(image, mode, factor)
    whole = (0, 0, image.width / factor, image.height / factor)  # of the last pixels perhaps not all
    return small if whole[2:] == (size, size) else small.resize((size, size), Image.Resampling.BILINEAR, whole)


def _extended(image: Image.Image, size: int) -> Image.Image:
    """The image in the middle of size x size, on the median of its edge."""
    if image.size == (size, size):
        return image
    pixels = np.asarray(image)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    top, left = ((size - n) // 2 for n in pixels.shape[:2])
    out = np.empty((size, size, *pixels.shape[2:]), pixels.dtype)
    out[:] = np.sort(edge, axis=0)[len(edge) // 2]  # the median, sooner
    out[top : top + len(pixels), left : left + pixels.shape[1]] = pixels
    return Image.frombytes(image.mode, (size, size), out.tobytes())


def _opaque(square: Image.Image) -> Image.Image:
    """L or RGB of what `_square` gives.

    Wide values are spread over 0..255; transparency is laid on white, or on black where white would hide the image.
    """
    if square.mode == "F":
        return Image.fromarray(np.rint(spread(np.asarray(square)) * 255).astype(np.uint8))
    if square.mode != "RGBa":
        return square
    pixels = np.asarray(square)
    colour, clear = pixels[..., :3], 255 - pixels[..., 3:]
    on_white = np.minimum(colour, 255 - clear) + clear
    is_hidden = np.ptp(on_white) < BLANK <= np.ptp(colour)
    return Image.fromarray(np.ascontiguousarray(colour) if is_hidden else on_white)


def is_coloured(planes: np.ndarray) -> bool:
    """Whether an image (3, H, W) uint8 has colours, beyond a tint."""
    red, green, blue = planes
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return bool((most - least).max() > COLOURED)
