"""What is decoded at all: the accepted formats, and bounds on pixels, pages and time.

All of it is judged by the header alone, before a pixel is decoded.
"""

import contextlib
import os

from PIL import Image

from ..errors import PictureError
from ..utils.kinds import HEAD, KINDS, SAFETENSORS, kind_of

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# Pixels, so that every image is decoded within about 200 MB. JPEG files are reduced on the way; of progressive ones all
# coefficients are held, two bytes each. WEBP's decoder holds several copies, 16 bytes a pixel.
MAX_PIXELS = {"JPEG": 64_000_000, "WEBP": 9_000_000}
MAX_PIXELS_OTHERS = 32_000_000
MAX_COEFFICIENTS = 48_000_000
MAX_FRAMES = 100
MAX_READS = 100_000
MAX_SLOW_BYTES = 2 * 2**20


class _Counted:
    """A stream that is read in a bounded number of pieces: a file of millions of tiny chunks would take minutes."""

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


def open_header(stream, name: str) -> Image.Image:
    """The image in a stream, of which only the header is read; PictureError where it cannot be, or is too large."""
    try:
        image = Image.open(_Counted(stream), formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise PictureError(f"{name}: {_what_it_is(stream)}") from error
    except Image.DecompressionBombError as error:
        millions = MAX_PIXELS_OTHERS // 10**6
        raise PictureError(
            f"{name}: too many pixels, and at most {millions} million are read; save it smaller"
        ) from error
    check_size(image, name)
    if frame_count(image) > MAX_FRAMES:
        raise PictureError(f"{name}: an animation or book of more than {MAX_FRAMES} pages; save one as PNG")
    slow = any(tile[0] in ("ppm", "ppm_plain") for tile in image.tile)  # decoded by Pillow in plain Python
    if slow and stream.seek(0, os.SEEK_END) > MAX_SLOW_BYTES:
        raise PictureError(f"{name}: too large for this kind of {image.format}; save it as PNG")
    return image


def frame_count(image: Image.Image) -> int:
    """Pages or frames of an open file; where one is damaged and hides the later ones, those up to it."""
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # whatever a damaged file makes Pillow raise
        return _count_to_damage(image)


def _count_to_damage(image: Image.Image) -> int:
    n = 1
    with contextlib.suppress(Exception):
        while n <= MAX_FRAMES:
            image.seek(n)
            n += 1
    image.seek(0)
    return n + 1


def _what_it_is(stream) -> str:
    """What a file is that Pillow does not know, if that can be told, and what to do."""
    stream.seek(0)
    kind = kind_of(stream.read(HEAD), getattr(stream, "name", None), (*KINDS, SAFETENSORS))
    if kind is None:
        return f"no image of an accepted kind ({', '.join(FORMATS)}), or a damaged one"
    return f"{kind.name} is not read; {kind.remedy}"


def check_size(image: Image.Image, name: str) -> None:
    """PictureError for an image of too many pixels, or of none."""
    width, height = image.size
    limit = _most_pixels(image)
    if width * height > limit:
        raise PictureError(
            f"{name}: {width} x {height} pixels, and at most {limit // 10**6} million are read; save it smaller"
        )
    if width * height == 0:
        raise PictureError(f"{name}: an image without pixels")


def _most_pixels(image: Image.Image) -> int:
    if "progressive" not in image.info:
        return MAX_PIXELS.get(image.format or "", MAX_PIXELS_OTHERS)
    layers = image.layer  # type: ignore[attr-defined]  # only JPEG is progressive, and its images have them
    areas = [height * width for _, height, width, _ in layers]  # of each channel's pixels beside the others'
    return min(MAX_PIXELS_OTHERS, MAX_COEFFICIENTS * max(areas) // sum(areas))
