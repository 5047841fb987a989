"""Digits as mattes, (h, w) float32 in 0..1 of ink, cut to it: MNIST's enlarged, and lines of the pen model."""

import functools

import numpy as np
from PIL import Image

from . import allographs, hands, strokes
from .letters import MARKS
from .photo_scene import drawn_lines

#: How often a digit is MNIST's, drawn in a usual way, in an allograph, or by an angular or looped hand.
SOURCES = {"mnist": 0.5, "usual": 0.2, "allographs": 0.15, "hands": 0.15}
THINNEST, THICKEST = 0.014, 0.22  # of the height, a pen's width


@functools.cache
def _tables() -> dict[str, strokes._Table]:
    return {
        "usual": strokes.TABLE,
        "allographs": strokes._Table(allographs.FORMS),
        "hands": strokes._Table(hands.FORMS),
    }


class Digits:
    """Where digits come from: MNIST's training images (N, 28, 28) uint8 with their classes, and drawn ones."""

    def __init__(self, X: np.ndarray, y: np.ndarray):
        self.X, self.y = X, y

    def raw(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """One of MNIST's images cut to its ink, (h, w) float32 in 0..1, and its class."""
        i = rng.integers(len(self.X))
        return _cut(self.X[i].astype(np.float32) / 255, 0.0), int(self.y[i])

    def matte(
        self, rng: np.random.Generator, height: int, *, is_sign: bool = False, turn: float = 0.0, of: int | None = None
    ):
        """A digit about ``height`` pixels high, or a sign, turned by a deviation of ``turn``; and its class, or -1.

        of : the class of drawn digits, by default any
        """
        source = str(rng.choice(list(SOURCES), p=list(SOURCES.values())))
        if is_sign:
            matte, digit = sign(rng, height), -1
        elif source == "mnist" and len(self.X):
            i = rng.integers(len(self.X))
            matte, digit = _enlarged(self.X[i], rng, height), int(self.y[i])
        else:
            digit = int(rng.integers(10)) if of is None else of
            matte = line(digit, rng, height, _tables()["usual" if source == "mnist" else source])
        if turn and rng.random() < 0.5:
            matte = _turned(matte, rng.normal(0, turn))
        return _cut(matte, 0.1), digit


def line(digit: int, rng: np.random.Generator, height: int, table: strokes._Table) -> np.ndarray:
    """A digit drawn in one of the ways of a table."""
    dice = strokes._Dice(rng.random((1, strokes.NUMBERS)))
    way, points = strokes._choose(table, np.array([digit]), dice)
    points = strokes._write(points, table.inner[way], dice)[0]
    most = 0.35 if digit == 1 else THICKEST
    return drawn_lines(points, table.kinds[way][0], height, _pen(rng, height, most))


def sign(rng: np.random.Generator, height: int) -> np.ndarray:
    """A letter or sign by hand."""
    points, kinds = strokes._strokes(MARKS[rng.integers(len(MARKS))])
    points = np.asarray(points) + rng.normal(0, 3, (len(points), 2))
    return drawn_lines(points, np.asarray(kinds, np.uint8), height, _pen(rng, height, THICKEST))


def _pen(rng: np.random.Generator, height: int, most: float) -> float:
    return max(float(np.exp(rng.uniform(np.log(THINNEST), np.log(most)))) * height, 1.0)


def _enlarged(image: np.ndarray, rng: np.random.Generator, height: int) -> np.ndarray:
    """An image of MNIST at another size with sharp edges, thinner or thicker by the level that is cut at."""
    part = np.pad(_cut(image.astype(np.float32) / 255, 0.15), 2)
    k = height / (part.shape[0] - 4)
    large = Image.fromarray(part).resize([max(3, round(n * k)) for n in part.shape[::-1]], Image.Resampling.BICUBIC)
    low, width = rng.uniform(0.2, 0.5), rng.choice([0.15, 0.3, 0.6])
    return np.clip((np.asarray(large) - low) / width, 0, 1)


def _turned(matte: np.ndarray, angle: float) -> np.ndarray:
    image = Image.fromarray(np.rint(np.clip(matte, 0, 1) * 255).astype(np.uint8))
    turned = image.rotate(np.degrees(angle), Image.Resampling.BICUBIC, expand=True)
    return np.asarray(turned, np.float32) / 255


def _cut(matte: np.ndarray, level: float) -> np.ndarray:
    inked = matte > level
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    if not len(rows):
        return np.ones((3, 3), np.float32)
    return np.ascontiguousarray(matte[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)
