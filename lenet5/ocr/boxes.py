"""An image with what was read drawn over it, where it was read."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ..evaluation.contact_sheet import save_png
from ..preprocessing.decode import decoded
from ..utils.geometry import Box

if TYPE_CHECKING:
    from .reader import Reading


def draw_boxes(source, reading: "Reading", path: str | os.PathLike) -> None:
    """Write a PNG of the image with a box round each digit, its text above it, and one round each number."""
    picture = decoded(source, reading.page)
    levels = np.rint(np.clip(picture.pixels, 0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(levels).convert("RGB")
    enlarged = max(1, -(-400 // max(image.size)))
    image = image.resize((image.width * enlarged, image.height * enlarged), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for box, colour, text in _marks(reading):
        top, left, bottom, right = (edge * enlarged for edge in picture.box(box))
        draw.rectangle((left, top, right - 1, bottom - 1), outline=colour)
        if text:
            draw.text((left + 1, max(top - 11, 0)), text, fill=colour)
    save_png(image, path)


def _marks(reading: "Reading") -> Iterator[tuple[Box, tuple[int, int, int], str]]:
    for number in reading.numbers:
        top, left, bottom, right = number.box
        yield Box(top - 2, left - 2, bottom + 2, right + 2), (30, 120, 255), ""
        for character in number.digits:
            yield character.box, (230, 40, 40), character.text
