"""Pictures that the program draws for people: the worst mistakes, the curves of a training."""

import math
import os

import numpy as np
from PIL import Image, ImageDraw

from ..utils.files import atomic_path

_CELL, _SCALE, _CAPTION, _TITLE = 96, 3, 14, 26
_INK, _PAPER, _GRID = (20, 20, 20), (255, 255, 255), (225, 225, 225)
_COLOURS = ((31, 119, 180), (214, 39, 40))


def save_png(image: Image.Image, path: str | os.PathLike) -> None:
    """Write ``image`` as PNG to ``path``, wholly or not at all, whatever the name's ending."""
    with atomic_path(path) as part:
        image.save(part, format="PNG")


def mistakes(
    X: np.ndarray, y: np.ndarray, probabilities: np.ndarray, labels: list[str], most: int = 100
) -> Image.Image:
    """A sheet of the wrong answers, the surest first: number of the picture, right > answered, confidence.

    X uint8 (N, 28, 28), y (N,), probabilities (N, classes).
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
    title = f"{n_wrong:,} mistakes in {len(y):,} pictures, the surest first: right > answered, confidence, number"
    draw.text((6, 6), title if n_wrong else f"no mistakes in {len(y):,} pictures", fill=_INK)
    for place, (i, answer) in enumerate(zip(wrong, answers, strict=True)):
        left, top = place % columns * cell, _TITLE + place // columns * (_CELL + 2 * _CAPTION)
        picture = Image.fromarray(255 - X[i]).resize((28 * _SCALE, 28 * _SCALE), Image.Resampling.NEAREST)
        sheet.paste(picture, (left + 6, top + 2))
        draw.text((left + 6, top + 88), answer, fill=_INK)
        draw.text((left + 6, top + 88 + _CAPTION), f"#{i}", fill=(120, 120, 120))
    return sheet


def curves(epochs: list[int], panels: dict[str, dict[str, list[float]]]) -> Image.Image:
    """Curves over epochs, one panel each: {title: {name: values}}; empty or unknown values are left out."""
    width, height = 460, 320
    sheet = Image.new("RGB", (width * len(panels), height), _PAPER)
    for k, (title, series) in enumerate(panels.items()):
        _panel(ImageDraw.Draw(sheet), k * width, width, height, title, epochs, series)
    return sheet


def _round_step(about: float) -> float:
    """1, 2 or 5 times a power of ten, the next one from ``about`` on; 1 for 0."""
    if about <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(about))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= about * 0.999)


def _panel(draw, left: int, width: int, height: int, title: str, epochs: list[int], series: dict) -> None:
    values = [v for curve in series.values() for v in curve if v is not None and math.isfinite(v)]
    step = _round_step(max(values, default=1.0) / 4)
    low, high = 0.0, step * max(1, math.ceil(max(values, default=1.0) / step))
    x0, x1, y0, y1 = left + 62, left + width - 16, 34, height - 34
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)

    def place(epoch: float, value: float) -> tuple[float, float]:
        return x0 + (epoch - first) / (last - first) * (x1 - x0), y1 - (value - low) / (high - low) * (y1 - y0)

    draw.text((x0, 10), title, fill=_INK)
    for tick in np.arange(low, high + step / 2, step):
        y = place(first, tick)[1]
        draw.line((x0, y, x1, y), fill=_GRID)
        draw.text((left + 8, y - 6), f"{tick:.4g}", fill=_INK)
    for epoch in sorted({first, (first + last) // 2, last}):
        draw.text((place(epoch, low)[0] - 6, y1 + 6), str(epoch), fill=_INK)
    draw.text(((x0 + x1) / 2 - 15, y1 + 18), "epoch", fill=_INK)
    for k, (name, curve) in enumerate(series.items()):
        points = [place(e, v) for e, v in zip(epochs, curve, strict=True) if v is not None and math.isfinite(v)]
        colour = _COLOURS[k % len(_COLOURS)]
        if len(points) > 1:
            draw.line(points, fill=colour, width=2)
        for x, y in points:
            draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
        draw.text((x1 - 90, y0 + 4 + 14 * k), name, fill=colour)
