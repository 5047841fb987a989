"""Images encoded in any file format, and in each of Pillow's modes."""

import io

import numpy as np
from PIL import Image


def saved(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """Return the bytes of the file that Pillow writes."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert to another mode; levels of 16 and 32 bits and of floating point get other ranges than 0 to 255."""
    if mode in ("I;16", "I", "F"):
        factor = {"I;16": 257, "I": 70_000, "F": 0.25}[mode]
        dtype = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        return Image.fromarray((np.asarray(image, float) * factor).astype(dtype))
    if mode == "PA":
        return image.convert("P").convert("PA")
    return image.convert("RGB").convert(mode) if mode == "YCbCr" else image.convert(mode)
