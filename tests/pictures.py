"""Pictures that the tests draw themselves."""

import numpy as np
from PIL import Image, ImageDraw

from lenet5.datasets.synthetic.encodings import in_mode, saved

__all__ = ["FORMATS", "drawn", "in_mode", "saved", "strewn"]

# Each kind of file that is read.
FORMATS = ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"]


def drawn(side=96, *, dark=True, pen=9, where=(0.5, 0.5)) -> Image.Image:
    """A seven with a bar through it: no symmetry, so that every turn of it is another picture."""
    paper, black = (255, 0) if dark else (0, 255)
    picture = Image.new("L", (side, side), paper)
    y, x = (side * (place - 0.5) for place in where)
    k = side / 96
    line = [(30, 24), (66, 22), (44, 76)]
    line = [(x + k * a, y + k * b) for a, b in line]
    bar = [(x + k * a, y + k * b) for a, b in [(42, 52), (62, 48)]]
    draw = ImageDraw.Draw(picture)
    draw.line(line, fill=black, width=round(pen * k), joint="curve")
    draw.line(bar, fill=black, width=round(pen * k))
    return picture


def strewn(rng, *shape):
    """Pictures (n, ...) uint8 of noise on a third of their pixels, and labels (n,) 0 to 9."""
    X = rng.integers(0, 256, shape, dtype=np.uint8)
    return X * (rng.random(shape) < 1 / 3), rng.integers(0, 10, shape[0]).astype(np.uint8)
