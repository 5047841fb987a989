"""Marks on paper besides digits, as parts of composed strings (digit_strings.py).

Separators, stray strokes, lines between neighbours, rules, and background marks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ...utils.geometry import Box, box_of
from . import signs

Point = tuple[float, float]
STRAYS = "=~#"  # what stands beside amounts: two dashes, a scribble, the sign of a number
SCRIBBLE = "~"  # not a character, so without a text


@dataclass(frozen=True)
class Hand:
    """The properties that all characters of a string share, see `Style`."""

    slant: float
    zoom: float
    pen: float
    strength: float
    stretch: float = 1.0


@dataclass(frozen=True)
class Glyph:
    """A character: its ink, cut to its box; the pixels by which its middle lies below that of the line; its text.

    The text is empty for marks that are not characters.
    """

    ink: np.ndarray
    below: float
    text: str


def european(picture: np.ndarray, digit: int, rng: np.random.Generator) -> np.ndarray:
    """Add a flag to a 1, falling steeply to the left of its top, or a bar to a 7; other digits stay."""
    rows = np.flatnonzero((picture > 100).any(1))
    if digit not in (1, 7) or len(rows) < 8:
        return picture
    height, fine = len(rows), 4
    row = int(rows[0]) + 1 if digit == 1 else int(rows[0]) + round(height * rng.uniform(0.45, 0.65))
    x = float(np.flatnonzero(picture[row] > 60).mean()) if (picture[row] > 60).any() else 14.0
    if digit == 1:
        length, angle = height * rng.uniform(0.25, 0.65), rng.uniform(0.45, 1.0)  # from the vertical
        ends: tuple[Point, Point] = (x - length * math.sin(angle), row + length * math.cos(angle)), (x, row)
    else:
        half, tilt = height * rng.uniform(0.15, 0.3), rng.uniform(-0.3, 0.3)
        ends = (x - half, row + half * tilt), (x + half, row - half * tilt)
    image = Image.new("L", (28 * fine, 28 * fine))
    points = [((px + 0.5) * fine, (py + 0.5) * fine) for px, py in ends]
    ImageDraw.Draw(image).line(points, fill=255, width=round(fine * rng.uniform(1.5, 2.8)))
    return np.maximum(picture, np.asarray(image.reduce(fine)))


def opened(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Take a piece out of a 0 (28, 28), mostly near its top, where a hand in a hurry does not close it."""
    rows, columns = np.flatnonzero(picture.any(1)), np.flatnonzero(picture.any(0))
    y, x = (np.arange(28) - (ends[0] + ends[-1]) / 2 for ends in (rows, columns))
    from_top = np.arctan2(x, -y[:, None])  # radians, clockwise
    away = abs((from_top - rng.normal(0.2, 0.5) + math.pi) % (2 * math.pi) - math.pi)
    return (picture * np.clip((away - rng.uniform(0.1, 0.5)) / 0.2 + 0.5, 0, 1)).astype(np.uint8)


def with_pen(ink: np.ndarray, growth: float) -> np.ndarray:
    """Make strokes thicker or thinner by about ``growth`` pixels, by mixing in the maximum or minimum of neighbours."""
    if growth == 0:
        return ink
    ink = np.pad(ink, 2)
    for _ in range(2):
        part = min(abs(growth) / 2, 1) / 2 if abs(growth) < 2 else min(abs(growth) / 4, 1)
        levels = Image.fromarray(np.rint(ink * 255).astype(np.uint8))
        kind = ImageFilter.MaxFilter if growth > 0 else ImageFilter.MinFilter
        ink = (1 - part) * ink + part * np.asarray(levels.filter(kind(3)), np.float32) / 255
    return ink if ink.max() > 0.3 else ink * (0.6 / max(ink.max(), 0.01))


def _strokes_of(mark: str, rng: np.random.Generator) -> tuple[list[Sequence[Point]], float]:
    """The strokes of a mark, and how far its middle lies under that of the line; both in heights of a digit."""
    strokes: list[Sequence[Point]]
    if mark == ".":
        strokes, below = [((0, 0), (rng.uniform(-0.06, 0.06), rng.uniform(0, 0.06)))], rng.uniform(0.3, 0.5)
    elif mark == ",":
        strokes = [((0, 0), (0.02, rng.uniform(0.05, 0.1)), (-rng.uniform(0.03, 0.2), rng.uniform(0.16, 0.5)))]
        below = rng.uniform(0.45, 0.65)
    elif mark in "-+=":
        half, rise = rng.uniform(0.13, 0.4), rng.uniform(-0.1, 0.1)
        half *= 2 if mark != "+" and rng.random() < 0.25 else 1
        bend = rng.uniform(-0.06, 0.06)
        strokes, below = [((-half, rise), (0, bend), (half, -rise))], rng.uniform(-0.1, 0.2)
        if mark == "+":
            strokes.append(((rise, -half), (0, 0), (-rise, half)))
        if mark == "=":
            apart = rng.uniform(0.15, 0.3)
            strokes = [[(x, y + dy) for x, y in strokes[0]] for dy in (-apart / 2, apart / 2)]
    elif mark == "#":
        lean, apart = rng.uniform(0, 0.2), rng.uniform(0.1, 0.2)
        strokes = [((s * apart - lean, 0.45), (s * apart + lean, -0.45)) for s in (-1, 1)]
        strokes += [((-0.4, s * apart + 0.05), (0.4, s * apart - 0.05)) for s in (-1, 1)]
        below = rng.uniform(-0.1, 0.1)
    else:
        strokes, below = [rng.uniform(-0.45, 0.45, (rng.integers(4, 7), 2)).tolist()], rng.uniform(-0.3, 0.3)
    return strokes, below


def separator(mark: str, hand: Hand, sized: float, rng: np.random.Generator) -> Glyph:
    """A dot, a comma, a dash or a plus, or a stray mark, as a pen makes it."""
    return _written(mark, _strokes_of, hand, sized, rng)


def sign(mark: str, hand: Hand, sized: float, rng: np.random.Generator) -> Glyph:
    """One of `characters.SIGNS`, as a pen makes it."""
    return _written(mark, signs.strokes, hand, sized, rng)


def _written(mark: str, strokes_of, hand: Hand, sized: float, rng: np.random.Generator) -> Glyph:
    unit = 20 * sized * hand.zoom
    pen = max(unit * 0.11 + hand.pen * hand.zoom, 1.2) * rng.uniform(0.8, 1.2)
    strokes, below = strokes_of(mark, rng)
    if mark in ".:":
        pen *= rng.uniform(1, 1.5)
    side, fine = math.ceil(1.8 * unit) + 4, 4
    image = Image.new("L", (side * fine, side * fine))
    draw, wide = ImageDraw.Draw(image), max(round(pen * fine), 1)
    for stroke in strokes:
        points = [
            ((side / 2 + x * unit - y * hand.slant * unit) * fine, (side / 2 + y * unit) * fine) for x, y in stroke
        ]
        draw.line(points, fill=255, width=wide, joint="curve")
        for x, y in points:
            draw.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)
    ink = np.asarray(image.reduce(fine), np.float32) / 255 * np.float32(hand.strength)
    box = box_of(ink > 0.02)
    return Glyph(
        ink[box.top : box.bottom, box.left : box.right], below * unit / hand.zoom, "" if mark == SCRIBBLE else mark
    )


def joint(left: np.ndarray, right: np.ndarray, hand: Hand, rng: np.random.Generator) -> np.ndarray:
    """Draw the stroke of a pen that was not lifted between two neighbours, layers (H, W); mostly near the top."""
    ends, part = [], rng.choice((0.35, 1.0))
    for layer, side in ((left, -1), (right, 0)):
        rows = np.flatnonzero((layer > 0.3).any(1))
        row = int(rows[int(rng.integers(max(1, round(part * len(rows)))))]) if len(rows) else 0
        columns = np.flatnonzero(layer[row] > 0.3)
        ends.append((int(columns[side]) if len(columns) else 0, row))
    image = Image.new("L", (left.shape[1] * 2, left.shape[0] * 2))
    width = max(2, round(2 * hand.zoom * rng.uniform(1, 2.2)))
    (x0, y0), (x1, y1) = ends
    if abs(x0 - x1) < 14 * hand.zoom:
        sag = rng.uniform(-1, 3) * hand.zoom  # the pen swings down, or up, on its way
        t = np.linspace(0, 1, 7)
        points = zip(2 * (x0 + t * (x1 - x0)), 2 * (y0 + t * (y1 - y0) + 4 * sag * t * (1 - t)), strict=True)
        ImageDraw.Draw(image).line(list(points), fill=round(255 * hand.strength), width=width, joint="curve")
    return np.asarray(image.reduce(2), np.float32) / 255


def ruled(ink: np.ndarray, boxes: list[Box], zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Draw rules across the paper: a single one under the string, many, or squares."""
    height, width = ink.shape
    strength, thick = rng.uniform(0.3, 1), max(1, round(zoom * rng.uniform(0.5, 1.5)))
    bottom = max(box.bottom for box in boxes)
    step = round(rng.uniform(8, 22) * zoom)
    kind = rng.choice(3, p=(0.7, 0.15, 0.15))
    rules = np.zeros_like(ink)
    first = bottom - rng.integers(0, 4) if kind == 0 else rng.integers(step)
    for y in range(int(first), height, height if kind == 0 else step):
        rules[y : y + thick] = strength
    if kind == 2:
        for x in range(int(rng.integers(step)), width, step):
            rules[:, x : x + thick] = strength
    return np.maximum(ink, rules * 0.6 if kind else rules)


def grain(shape: tuple[int, int], zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Draw faint marks behind a string: dots, and fragments of lines like those of a printed background."""
    height, width = shape
    image = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 2 + width // 12)):
        x, y = rng.uniform(0, 2 * width), rng.uniform(0, 2 * height)
        length, angle = rng.exponential(8) * zoom, rng.normal(0, 0.5)
        end = x + length * math.cos(angle), y + length * math.sin(angle)
        draw.line((x, y, *end), fill=int(rng.uniform(60, 200)), width=max(1, round(rng.uniform(0.5, 1.6) * zoom)))
    if rng.random() < 0.25:  # printed lines, side by side
        angle, step, fill = rng.normal(0, 0.25), rng.uniform(4, 10) * zoom, int(rng.uniform(40, 110))
        for y in np.arange(-width, 2 * height + width, 2 * step):
            draw.line((0, y, 2 * width, y + 2 * width * math.tan(angle)), fill=fill, width=max(1, round(zoom)))
    return np.asarray(image.reduce(2), np.float32) / 255


def waves(shape: tuple[int, int], zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Draw fragments of a printed background's waves, (H, W), as binarization leaves them."""
    height, width = shape
    image = Image.new("L", (width * 2, height * 2))
    draw = ImageDraw.Draw(image)
    step, tilt, phase = rng.uniform(3, 8) * zoom, rng.normal(0, 0.15), rng.uniform(0, 6.3)
    swing, period, left_over = rng.uniform(0, 3) * zoom, rng.uniform(15, 60) * zoom, rng.uniform(0.05, 0.5)
    x = np.arange(0, width + 2, 2.0)
    for y0 in np.arange(-tilt * width - 5, height + abs(tilt) * width + 5, step):
        y = y0 + tilt * x + swing * np.sin(6.28 * x / period + phase)
        fill, shown = int(rng.uniform(70, 230)), rng.random() < left_over
        for i in range(len(x) - 1):
            shown = shown if rng.random() > 0.15 / zoom else rng.random() < left_over
            if shown:
                points = (2 * x[i], 2 * y[i], 2 * x[i + 1], 2 * y[i + 1])
                draw.line(points, fill=fill, width=max(1, round(rng.uniform(0.5, 1.4) * zoom)))
    return np.asarray(image.reduce(2), np.float32) / 255
