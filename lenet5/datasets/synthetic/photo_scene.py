"""A page with one digit, and the camera that takes its photo.

Half of the digits are lines of the pen model; the others are MNIST's training images, enlarged, where they are on disk.
"""

import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ... import datasets
from ...errors import LeNet5Error
from . import strokes

SIDE = 420  # pixels, of the shorter side of a page


@functools.cache
def _mnist() -> tuple[np.ndarray, np.ndarray] | None:
    try:
        loaded = datasets.obtain("mnist", offline=True)
    except LeNet5Error:
        return None
    return loaded.train


def line_digit(digit: int, rng: np.random.Generator, height: int, pen: float) -> np.ndarray:
    """Draw a digit as lines of ``pen`` pixels; (h, w) float32, ink 0 to 1."""
    dice = strokes._Dice(strokes._block(int(rng.integers(2**31)), 0, 0, 1, strokes.NUMBERS))
    way, points = strokes._choose(strokes.TABLE, np.array([digit]), dice)
    points = strokes._write(points, strokes.TABLE.inner[way], dice)[0]
    return drawn_lines(points, strokes.TABLE.kinds[way][0], height, pen)


def drawn_lines(points: np.ndarray, kinds: np.ndarray, height: int, pen: float) -> np.ndarray:
    """Draw control points (n, 2) of some kinds, see strokes.py, as lines; (h, w) float32, ink 0 to 1."""
    used = np.flatnonzero(kinds)
    n = used[-1] + 1
    strands: list[list[np.ndarray]] = []
    line = [points[0]]
    for k in range(1, n):
        if not kinds[k] & strokes.DRAWN:
            strands, line = [*strands, line], [points[k]]
            continue
        start = k - 1 if k == 1 or kinds[k - 1] & strokes.CORNER or not kinds[k - 1] & strokes.DRAWN else k - 2
        end = k if kinds[k] & strokes.CORNER or k == n - 1 or not kinds[k + 1] & strokes.DRAWN else k + 1
        a, b, c, d = points[start], points[k - 1], points[k], points[end]
        for t in np.linspace(0.1, 1, 10):
            bend = 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a
            line.append(0.5 * (2 * b + t * ((c - a) + t * (bend[0] + t * bend[1]))))
    lines = [np.array(strand) for strand in [*strands, line] if len(strand) > 1]
    low, high = np.concatenate(lines).min(0), np.concatenate(lines).max(0)
    k = (height - pen) / max(high[1] - low[1], 0.5 * (high[0] - low[0]), 1)
    size = np.maximum(np.ceil((high - low) * k + pen + 2), 3).astype(int)
    picture = Image.new("L", (int(2 * size[0]), int(2 * size[1])))  # twice as large, then averaged
    draw = ImageDraw.Draw(picture)
    for drawn in lines:
        at = [tuple(p) for p in 2 * ((drawn - low) * k + pen / 2 + 1)]
        draw.line(at, fill=255, width=max(1, round(2 * pen)), joint="curve")
        for x, y in at:
            draw.ellipse((x - pen, y - pen, x + pen, y + pen), fill=255)
    return np.asarray(picture.reduce(2), np.float32) / 255


def mnist_digit(digit: int, rng: np.random.Generator, height: int) -> np.ndarray | None:
    """Enlarge one of MNIST's training images with sharp edges; None if MNIST is not on disk."""
    found = _mnist()
    if found is None:
        return None
    X, y = found
    picture = X[rng.choice(np.flatnonzero(y == digit))]
    rows, columns = np.flatnonzero(picture.max(1)), np.flatnonzero(picture.max(0))
    part = np.pad(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    k = height / (len(part) - 2)
    size = round(part.shape[1] * k), round(part.shape[0] * k)
    large = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    return np.clip((large - 0.35) / 0.3, 0, 1)


def noise(rng, shape, size: float) -> np.ndarray:
    """Make smooth noise with a deviation of about 1, in spots of ``size`` pixels."""
    small = rng.normal(0, 1, [max(2, int(n / size) + 2) for n in shape]).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize(shape[::-1], Image.Resampling.BICUBIC))


#: The function that changes a scene, and arguments of `Scene`.
Cause = tuple[Callable[["Scene"], object], dict[str, Any]]


class Scene:
    """A page that one cause after the other changes; ``page`` and ``ink`` are light, 0..1."""

    def __init__(self, digit: int, rng: np.random.Generator, pen: float | None = None, contrast: float | None = None,
                 part: tuple[float, float] = (0.3, 0.65), margin: int = 20):  # fmt: skip
        self.rng = rng
        self.shape = (SIDE, int(SIDE * rng.uniform(0.9, 1.4)))
        if rng.random() < 0.3:
            self.shape = self.shape[::-1]
        self.height = int(min(self.shape) * rng.uniform(*part))
        self.page = np.full((*self.shape, 3), rng.uniform(0.75, 0.97), np.float32) * rng.uniform(0.96, 1, 3)
        width = self.height * (pen or float(np.exp(rng.uniform(np.log(0.03), np.log(0.13)))))
        matte = mnist_digit(digit, rng, self.height) if pen is None and rng.random() < 0.5 else None
        matte = line_digit(digit, rng, self.height, max(width, 1.5)) if matte is None else matte
        h, w = np.minimum(matte.shape, np.array(self.shape) - 40)
        matte = matte[:h, :w]
        self.ink = np.zeros(self.shape, np.float32)
        rooms = [(n - m, min(margin, (n - m) // 2)) for n, m in zip(self.shape, (h, w), strict=True)]
        top, left = (int(rng.integers(edge, room - edge + 1)) for room, edge in rooms)
        self.box = (top, left, top + h, left + w)
        self.ink[top : top + h, left : left + w] = matte
        self.colour = np.array(INKS[int(rng.integers(len(INKS)))])
        self.strength = contrast or rng.uniform(0.75, 1)
        self.light = np.ones(self.shape, np.float32)
        self.over = None  # (mask, colour) of what lies on top
        self.blur, self.grain, self.quality = rng.uniform(0.3, 1.0), rng.uniform(0.002, 0.012), 88

    def taken(self) -> Image.Image:
        """Take the photo."""
        amount = (self.ink * self.strength)[..., None]
        picture = self.page * (1 - amount) + self.page * self.colour * amount
        if self.over is not None:
            mask, colour = self.over
            picture = picture * (1 - mask[..., None]) + mask[..., None] * colour
        picture = picture * self.light[..., None]
        picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        picture = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(self.blur))
        picture = np.asarray(picture, np.float32) / 255 + self.rng.normal(0, self.grain, (*self.shape, 3))
        image = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=self.quality)
        return Image.open(stream)


INKS = [(0.05, 0.05, 0.06), (0.1, 0.15, 0.55), (0.12, 0.1, 0.3), (0.65, 0.1, 0.1), (0.2, 0.2, 0.22), (0.05, 0.35, 0.2)]


def grid(s: Scene):
    y, x = np.mgrid[: s.shape[0], : s.shape[1]].astype(np.float32)
    return y, x
