"""Strings of digits with their text, composed of pictures of single ones: to train on, to test with, to evaluate on.

A string is a function of its digits, its `Style`, its seed and its number, and of nothing else.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..ink import Box, box_of
from .networks import SEPARATORS

_MARGIN = 6  # pixels round a string
_STRAYS = "=~"  # marks that are no character: two dashes, a scribble


@dataclass(frozen=True)
class Style:
    """What strings look like; every range is (least, most), and what is drawn from it is uniform.

    gap : pixels between the boxes of neighbours; less than 0 is an overlap · size : of a digit, in units of MNIST's ·
    baseline : pixels that a digit is moved up or down · slant : of the string, as a tangent · zoom : of everything ·
    pen : pixels that strokes grow by, on both sides together · strength : of the ink

    and these are chances: flags : of a flag on a 1 and a bar through a 7, as Europeans write them · separators : of one
    after a digit · strays : of a stroke after a digit that is no character · joints : of a line from it to the next ·
    rules : of ruled or squared paper · grain : of marks of the background behind the string
    """

    length: tuple[int, int] = (5, 5)
    gap: tuple[float, float] = (-1, 4)
    size: tuple[float, float] = (1, 1)
    baseline: tuple[float, float] = (0, 0)
    slant: tuple[float, float] = (0, 0)
    zoom: tuple[float, float] = (1, 1)
    pen: tuple[float, float] = (0, 0)
    strength: tuple[float, float] = (1, 1)
    flags: float = 0.0
    separators: float = 0.0
    strays: float = 0.0
    joints: float = 0.0
    rules: float = 0.0
    grain: float = 0.0


#: By name: what `lenet5 evaluate --strings` measures, and what training adds to it.
STYLES = {
    "plain": Style(),
    "apart": Style(gap=(1, 4)),
    "varied": Style(
        length=(1, 7), gap=(-2, 9), size=(0.55, 1.2), baseline=(-3, 3), slant=(-0.35, 0.6), zoom=(1, 2),
        pen=(-0.6, 1.2), strength=(0.6, 1), flags=0.4, separators=0.15, strays=0.04, joints=0.06, rules=0.12,
        grain=0.25,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Composed:
    """A string: ink (H, W) float32 in 0..1, its text, and for each character its own ink (H, W) and its box."""

    ink: np.ndarray
    text: str
    layers: list[np.ndarray] = field(repr=False)
    boxes: list[Box]

    @property
    def digits(self) -> str:
        """The text without separators."""
        return "".join(c for c in self.text if c.isdigit())


def compose(
    X: np.ndarray, y: np.ndarray, n: int, *, style: Style | str = "plain", seed: int = 0, first: int = 0
) -> Iterator[Composed]:
    """Compose ``n`` strings of the digits ``X`` (N, 28, 28) uint8, ink bright, of the classes ``y`` (N,).

    String i is number ``first + i`` of the endless series of a seed. ValueError where there are no digits.
    """
    style = STYLES[style] if isinstance(style, str) else style
    if not len(X) or len(X) != len(y):
        raise ValueError(f"{len(X)} pictures with {len(y)} labels, expected as many of both, and some")
    for number in range(first, first + n):
        rng = np.random.Generator(np.random.PCG64([seed, number]))
        yield _string(X, y, style, rng)


def _string(X: np.ndarray, y: np.ndarray, style: Style, rng: np.random.Generator) -> Composed:
    shared = _Hand(*(rng.uniform(*span) for span in (style.slant, style.zoom, style.pen, style.strength)))
    sized = rng.uniform(*style.size)
    glyphs, text = [], ""
    for chosen in rng.integers(len(X), size=rng.integers(style.length[0], style.length[1] + 1)):
        size = sized * rng.uniform(0.85, 1.15) if style.size[0] != style.size[1] else sized
        small = style.size[0] != style.size[1] and rng.random() < 0.08
        picture = _european(X[chosen], int(y[chosen]), rng) if rng.random() < style.flags else X[chosen]
        rows = np.flatnonzero(picture.any(1))
        below = rng.uniform(*style.baseline) + (rows[0] + rows[-1] + 1) / 2 - 14
        glyphs.append(_Glyph(_written(picture, shared, size * (0.65 if small else 1)), below))
        text += str(int(y[chosen]))
        if rng.random() < style.separators:
            mark = SEPARATORS[rng.choice(4, p=(0.4, 0.25, 0.25, 0.1))]
            glyphs.append(_separator(mark, shared, sized, rng))
            text += mark
        if rng.random() < style.strays:
            glyphs.append(_separator(_STRAYS[rng.integers(len(_STRAYS))], shared, sized, rng))
    layers, boxes = _laid(glyphs, style, shared.zoom, rng)
    ink = np.maximum.reduce(layers)
    for left, right in itertools.pairwise(layers):
        if rng.random() < style.joints:
            ink = np.maximum(ink, _joint(left, right, shared, rng))
    spoken = [i for i, glyph in enumerate(glyphs) if not glyph.stray]
    layers, boxes = [layers[i] for i in spoken], [boxes[i] for i in spoken]
    if rng.random() < style.rules:
        ink = _ruled(ink, boxes, shared.zoom, rng)
    if rng.random() < style.grain:
        ink = np.maximum(ink, _grain(ink.shape, shared.zoom, rng))
    return Composed(ink.astype(np.float32), text, layers, boxes)


@dataclass(frozen=True)
class _Hand:
    """What the characters of a string have in common, see `Style`."""

    slant: float
    zoom: float
    pen: float
    strength: float


@dataclass(frozen=True)
class _Glyph:
    """A character's ink, cut to its box, and the pixels by which its middle lies under that of the line."""

    ink: np.ndarray
    below: float
    stray: bool = False


def _written(picture: np.ndarray, hand: _Hand, size: float) -> np.ndarray:
    """One digit as the string's hand writes it: leaning, larger or smaller, with another pen; cut to its box."""
    k = size * hand.zoom
    if hand.slant == 0 and k == 1:
        ink = picture.astype(np.float32) / 255
    else:
        side = math.ceil(44 * k)
        # The source of each pixel: the picture's middle (14, 14) stays in the middle.
        matrix = (1 / k, hand.slant / k, 14 - (side / 2) * (1 + hand.slant) / k, 0, 1 / k, 14 - side / 2 / k)
        source = Image.fromarray(picture)
        if k < 1:
            source, matrix = source.filter(ImageFilter.GaussianBlur(0.4 / k - 0.4 * k)), matrix
        ink = np.asarray(source.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))
        ink = ink.astype(np.float32) / 255
    ink = _with_pen(ink, hand.pen * k) * np.float32(hand.strength)
    box = box_of(ink > 0.02)
    return ink[box.top : box.bottom, box.left : box.right]


def _european(picture: np.ndarray, digit: int, rng: np.random.Generator) -> np.ndarray:
    """A 1 with a flag that falls steeply to the left of its top, or a 7 with a bar; any other digit as it is."""
    rows = np.flatnonzero((picture > 100).any(1))
    if digit not in (1, 7) or len(rows) < 8:
        return picture
    height, fine = len(rows), 4
    row = int(rows[0]) + 1 if digit == 1 else int(rows[0]) + round(height * rng.uniform(0.45, 0.65))
    x = float(np.flatnonzero(picture[row] > 60).mean()) if (picture[row] > 60).any() else 14.0
    if digit == 1:
        length, angle = height * rng.uniform(0.25, 0.65), rng.uniform(0.45, 1.0)  # from the vertical
        ends = (x - length * math.sin(angle), row + length * math.cos(angle)), (x, row)
    else:
        half, tilt = height * rng.uniform(0.15, 0.3), rng.uniform(-0.3, 0.3)
        ends = (x - half, row + half * tilt), (x + half, row - half * tilt)
    image = Image.new("L", (28 * fine, 28 * fine))
    points = [((px + 0.5) * fine, (py + 0.5) * fine) for px, py in ends]
    ImageDraw.Draw(image).line(points, fill=255, width=round(fine * rng.uniform(1.5, 2.8)))
    return np.maximum(picture, np.asarray(image.reduce(fine)))


def _with_pen(ink: np.ndarray, growth: float) -> np.ndarray:
    """Make strokes thicker, or thinner, by about ``growth`` pixels: part way to the greatest, or least, neighbours."""
    if growth == 0:
        return ink
    ink = np.pad(ink, 2)
    for _ in range(2):
        part = min(abs(growth) / 2, 1) / 2 if abs(growth) < 2 else min(abs(growth) / 4, 1)
        levels = Image.fromarray(np.rint(ink * 255).astype(np.uint8))
        kind = ImageFilter.MaxFilter if growth > 0 else ImageFilter.MinFilter
        ink = (1 - part) * ink + part * np.asarray(levels.filter(kind(3)), np.float32) / 255
    return ink if ink.max() > 0.3 else ink * (0.6 / max(ink.max(), 0.01))


def _separator(mark: str, hand: _Hand, sized: float, rng: np.random.Generator) -> _Glyph:
    """A dot, a comma, a dash or a plus, or a stray mark, as a pen makes it."""
    unit = 20 * sized * hand.zoom
    pen = max(unit * 0.11 + hand.pen * hand.zoom, 1.2) * rng.uniform(0.8, 1.2)
    if mark == ".":
        strokes, below = [((0, 0), (rng.uniform(-0.06, 0.06), rng.uniform(0, 0.06)))], rng.uniform(0.3, 0.5)
        pen *= rng.uniform(1, 1.5)
    elif mark == ",":
        strokes = [((0, 0), (0.02, rng.uniform(0.05, 0.1)), (-rng.uniform(0.03, 0.2), rng.uniform(0.16, 0.35)))]
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
    else:
        strokes, below = [rng.uniform(-0.45, 0.45, (rng.integers(4, 7), 2)).tolist()], rng.uniform(-0.3, 0.3)
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
    return _Glyph(ink[box.top : box.bottom, box.left : box.right], below * unit / hand.zoom, mark in _STRAYS)


def _joint(left: np.ndarray, right: np.ndarray, hand: _Hand, rng: np.random.Generator) -> np.ndarray:
    """The stroke of a pen that was not lifted between two neighbours, given as layers (H, W)."""
    ends = []
    for layer, side in ((left, -1), (right, 0)):
        rows = np.flatnonzero((layer > 0.3).any(1))
        row = int(rows[int(rng.integers(len(rows)))]) if len(rows) else 0
        columns = np.flatnonzero(layer[row] > 0.3)
        ends.append((int(columns[side]) if len(columns) else 0, row))
    image = Image.new("L", (left.shape[1] * 2, left.shape[0] * 2))
    width = max(2, round(2 * hand.zoom * rng.uniform(1, 2.2)))
    if abs(ends[0][0] - ends[1][0]) < 14 * hand.zoom:
        ImageDraw.Draw(image).line([(2 * x, 2 * y) for x, y in ends], fill=round(255 * hand.strength), width=width)
    return np.asarray(image.reduce(2), np.float32) / 255


def _laid(glyphs: list[_Glyph], style: Style, zoom: float, rng: np.random.Generator):
    """Lay characters side by side: their layers, all of one shape, and their boxes."""
    tallest = max(glyph.ink.shape[0] + 2 * abs(glyph.below) * zoom for glyph in glyphs)
    height, x, boxes = math.ceil(tallest) + 2 * _MARGIN, _MARGIN, []
    for glyph in glyphs:
        h, w = glyph.ink.shape
        top = min(max(round(height / 2 - h / 2 + glyph.below * zoom), 0), height - h)
        boxes.append(Box(top, x, top + h, x + w))
        low, high = style.gap
        x += max(w + round(rng.uniform(low - 0.5, high + 0.5) * zoom), 1)
    width = max(box.right for box in boxes) + _MARGIN
    layers = []
    for glyph, box in zip(glyphs, boxes, strict=True):
        layer = np.zeros((height, width), np.float32)
        layer[box.top : box.bottom, box.left : box.right] = glyph.ink
        layers.append(layer)
    return layers, boxes


def _ruled(ink: np.ndarray, boxes: list[Box], zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Rules across the paper: one under the string, or many, or squares."""
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


def _grain(shape: tuple[int, int], zoom: float, rng: np.random.Generator) -> np.ndarray:
    """Faint marks behind a string: specks, and scraps of lines as a printed background leaves them."""
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
