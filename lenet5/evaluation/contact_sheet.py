"""A contact sheet of the worst mistakes, and images written as PNG."""

import math
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ..utils.files import atomic_path

_CELL, _SCALE, _CAPTION, _TITLE = 96, 3, 14, 26
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def save_png(image: Image.Image, path: str | os.PathLike) -> None:
    """Write ``image`` as PNG to ``path``, completely or not at all, whatever the ending of the name."""
    with atomic_path(path) as part:
        image.save(part, format="PNG")


def mistakes(
    X: np.ndarray, y: np.ndarray, probabilities: np.ndarray, labels: Sequence[str], most: int = 100
) -> Image.Image:
    """Draw wrong answers, the most confident first, each with the image's number, right > answered, and confidence.

    Parameters
    ----------
    X : ndarray of shape (N, H, W) or (N, 1, H, W), ink bright, or (N, 3, H, W) of colours; uint8 or 0..1
    y : ndarray of shape (N,), indices into ``labels``
    probabilities : ndarray of shape (N, classes)
    most : int
        Wrong answers that are shown.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:most]
    answers = [f"{labels[y[i]]} > {labels[predicted[i]]}  {probabilities[i, predicted[i]]:.0%}" for i in wrong]
    cell = max(_CELL, *(8 + round(ImageDraw.Draw(Image.new("L", (1, 1))).textlength(text)) for text in ["", *answers]))
    columns = max(1, min(10, len(wrong)))
    rows = max(1, math.ceil(len(wrong) / columns))
    sheet = Image.new("RGB", (max(420, columns * cell), _TITLE + rows * (_CELL + 2 * _CAPTION)), _PAPER)
    draw = ImageDraw.Draw(sheet)
    n_wrong = int((predicted != y).sum())
    title = f"{n_wrong:,} mistakes in {len(y):,} images, the surest first: right > answered, confidence, number"
    draw.text((6, 6), title if n_wrong else f"no mistakes in {len(y):,} images", fill=_INK)
    for place, (i, answer) in enumerate(zip(wrong, answers, strict=True)):
        left, top = place % columns * cell, _TITLE + place // columns * (_CELL + 2 * _CAPTION)
        picture = _picture(X[i]).resize((28 * _SCALE, 28 * _SCALE), Image.Resampling.NEAREST)
        sheet.paste(picture, (left + 6, top + 2))
        draw.text((left + 6, top + 88), answer, fill=_INK)
        draw.text((left + 6, top + 88 + _CAPTION), f"#{i}", fill=(120, 120, 120))
    return sheet


def _picture(pixels: np.ndarray) -> Image.Image:
    """An image as people see it: ink dark on paper, colours as they are."""
    levels = pixels if pixels.dtype == np.uint8 else np.rint(pixels * 255).astype(np.uint8)
    if levels.ndim == 3 and len(levels) == 3:
        return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))
    return Image.fromarray(255 - levels.reshape(levels.shape[-2:]))
