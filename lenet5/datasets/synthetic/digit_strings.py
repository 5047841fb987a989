"""Strings of digits with their text, composed of images of single digits, for training, tests and evaluation.

A string depends only on its digits, its `Style`, its seed and its number.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageFilter

from ...utils.characters import SEPARATORS, SIGNS
from ...utils.geometry import Box, box_of
from . import marks, signs

_MARGIN = 6  # pixels around a string
_ENDS = ("-", "-", ".-", ",-", "=", ".=", "--", ".", ",")  # with which people close an amount


@dataclass(frozen=True)
class Style:
    """The look of strings. A pair is a range (least, most), from which values are drawn uniformly.

    Parameters
    ----------
    length : digits
    gap : pixels between the boxes of neighbours; negative values overlap
    size : of a digit, in units of MNIST's
    stretch : factor of its width
    baseline : pixels by which a digit moves up or down
    slant : of the string, as a tangent
    zoom : of everything
    pen : pixels by which strokes grow, on both sides together
    strength : of the ink
    opened : probability that a 0 is not closed
    flags : probability of a flag on a 1 and a bar through a 7, as Europeans write them
    separators : probability of a separator after a digit
    strays : probability of a stroke after a digit that is not a character
    joints : probability of a line from a digit to the next
    rules : probability of ruled or squared paper
    grain : probability of background marks behind the string
    waves : probability of remains of printed waves
    zeros : probability of two to four zeros by one hand at the end
    ends : probability of strokes that close the string, and, a third as often, of one before it
    ones : probability that a digit is a 1
    signs : probability that it is written like a date, an amount, a telephone number (signs.py)
    """

    length: tuple[int, int] = (5, 5)
    gap: tuple[float, float] = (-1, 4)
    size: tuple[float, float] = (1, 1)
    stretch: tuple[float, float] = (1, 1)
    baseline: tuple[float, float] = (0, 0)
    slant: tuple[float, float] = (0, 0)
    zoom: tuple[float, float] = (1, 1)
    pen: tuple[float, float] = (0, 0)
    strength: tuple[float, float] = (1, 1)
    opened: float = 0.0
    flags: float = 0.0
    separators: float = 0.0
    strays: float = 0.0
    joints: float = 0.0
    rules: float = 0.0
    grain: float = 0.0
    waves: float = 0.0
    zeros: float = 0.0
    ends: float = 0.0
    ones: float = 0.0
    signs: float = 0.0


#: By name: the styles that `lenet5 evaluate --strings` measures, and those for training.
STYLES = {
    "plain": Style(),
    "apart": Style(gap=(1, 4)),
    "varied": Style(
        length=(1, 7), gap=(-2, 9), size=(0.55, 1.2), baseline=(-3, 3), slant=(-0.35, 0.6), zoom=(1, 2),
        pen=(-0.6, 1.2), strength=(0.6, 1), flags=0.4, separators=0.15, strays=0.04, joints=0.06, rules=0.12,
        grain=0.25,
    ),
    "amounts": Style(
        length=(2, 6), gap=(-4, 7), size=(0.6, 1.2), stretch=(0.75, 1.45), baseline=(-3, 3), slant=(-0.3, 0.6),
        zoom=(1, 2), pen=(-0.6, 1.0), strength=(0.6, 1), flags=0.3, separators=0.12, strays=0.02, joints=0.15,
        rules=0.15, grain=0.2, waves=0.35, zeros=0.4, ends=0.4,
    ),
    "signs": Style(
        gap=(0, 7), size=(0.6, 1.2), stretch=(0.8, 1.3), baseline=(-2, 2), slant=(-0.3, 0.5), zoom=(1, 2),
        pen=(-0.6, 1.0), strength=(0.6, 1), flags=0.3, joints=0.03, rules=0.1, grain=0.1, signs=1.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Composed:
    """A string: its ink (H, W), float32 in 0..1, and its text; for each character its own ink (H, W) and its box."""

    ink: np.ndarray
    text: str
    layers: list[np.ndarray] = field(repr=False)
    boxes: list[Box]

    @property
    def digits(self) -> str:
        """The text without separators and signs."""
        return "".join(c for c in self.text if c.isdigit())


def compose(
    X: np.ndarray, y: np.ndarray, n: int, *, style: Style | str = "plain", seed: int = 0, first: int = 0
) -> Iterator[Composed]:
    """Compose strings of single digits.

    Parameters
    ----------
    X : ndarray of shape (N, 28, 28), uint8, ink bright
    y : ndarray of shape (N,), classes
    n : int
        Strings to compose.
    style : Style, or a name in `STYLES`
    seed, first : int
        String i is number ``first + i`` of the endless series of a seed.

    Raises
    ------
    ValueError
        There are no digits, or not one label per digit.
    """
    style = STYLES[style] if isinstance(style, str) else style
    if not len(X) or len(X) != len(y):
        raise ValueError(f"{len(X)} images with {len(y)} labels, expected one label per image, and at least one")
    for number in range(first, first + n):
        rng = np.random.Generator(np.random.PCG64([seed, number]))
        yield _string(X, y, style, rng)


def _string(X: np.ndarray, y: np.ndarray, style: Style, rng: np.random.Generator) -> Composed:
    shared = marks.Hand(*(rng.uniform(*span) for span in (style.slant, style.zoom, style.pen, style.strength)))
    if style.stretch[0] < style.stretch[1]:
        shared = replace(shared, stretch=rng.uniform(*style.stretch))
    sized = rng.uniform(*style.size)
    glyphs = _with_signs(X, y, shared, sized, style, rng) if style.signs and rng.random() < style.signs else []
    for chosen in [] if glyphs else _chosen(y, style, rng):
        glyphs.append(_digit(X[chosen], int(y[chosen]), shared, sized, style, rng))
        if rng.random() < style.separators:
            glyphs.append(marks.separator(SEPARATORS[rng.choice(4, p=(0.4, 0.25, 0.25, 0.1))], shared, sized, rng))
        if rng.random() < style.strays:
            glyphs.append(marks.separator(marks.STRAYS[rng.integers(len(marks.STRAYS))], shared, sized, rng))
    if style.ends and rng.random() < style.ends:
        glyphs += [marks.separator(mark, shared, sized, rng) for mark in _ENDS[rng.integers(len(_ENDS))]]
    if style.ends and rng.random() < style.ends / 3:
        glyphs.insert(0, marks.separator("-=#"[rng.integers(3)], shared, sized, rng))
    layers, boxes = _laid(glyphs, style, shared.zoom, rng)
    ink = np.maximum.reduce(layers)
    for left, right in itertools.pairwise(range(len(layers))):
        zeros = style.zeros and glyphs[left].text == glyphs[right].text == "0"  # zeros are joined most often
        if rng.random() < (max(style.joints, 0.45) if zeros else style.joints):
            ink = np.maximum(ink, marks.joint(layers[left], layers[right], shared, rng))
    spoken = [i for i, glyph in enumerate(glyphs) if glyph.text]
    layers, boxes, text = [layers[i] for i in spoken], [boxes[i] for i in spoken], "".join(g.text for g in glyphs)
    if rng.random() < style.rules:
        written = [box for character, box in zip(text, boxes, strict=True) if character not in SIGNS]
        ink = marks.ruled(ink, written or boxes, shared.zoom, rng)
    if rng.random() < style.grain:
        ink = np.maximum(ink, marks.grain(ink.shape, shared.zoom, rng))
    if style.waves and rng.random() < style.waves:
        ink = np.maximum(ink, marks.waves(ink.shape, shared.zoom, rng))
    return Composed(ink.astype(np.float32), text, layers, boxes)


def _with_signs(X, y, hand: marks.Hand, sized: float, style: Style, rng: np.random.Generator) -> list[marks.Glyph]:
    """Write digits and signs as one of `signs.TEXTS` has them."""
    glyphs = []
    for character in signs.text(rng):
        if character == "d":
            chosen = rng.integers(len(y))
            glyphs.append(_digit(X[chosen], int(y[chosen]), hand, sized, style, rng))
        else:
            draw = marks.separator if character in SEPARATORS else marks.sign
            glyphs.append(draw(character, hand, sized, rng))
    return glyphs


def _chosen(y: np.ndarray, style: Style, rng: np.random.Generator) -> np.ndarray:
    """Choose the indices of a string's digits; some strings end in up to four zeros, mostly one and the same."""
    chosen = rng.integers(len(y), size=rng.integers(style.length[0], style.length[1] + 1))
    if style.ones and (y == 1).any():
        ones = rng.choice(np.flatnonzero(y == 1), len(chosen))
        chosen = np.where(rng.random(len(chosen)) < style.ones, ones, chosen)
    if style.zeros and rng.random() < style.zeros:
        some = rng.integers(len(y), size=200)
        zeros = some[y[some] == 0]
        tail = min(int(rng.integers(2, 5)), len(chosen) - 1)
        if len(zeros) and tail > 0:
            chosen[-tail:] = np.where(rng.random(tail) < 0.7, zeros[0], rng.choice(zeros, tail))
    return chosen


def _digit(
    picture: np.ndarray, digit: int, hand: marks.Hand, sized: float, style: Style, rng: np.random.Generator
) -> marks.Glyph:
    """Write one digit of a string in its hand, with its vertical position."""
    varies = style.size[0] != style.size[1]
    size = sized * rng.uniform(0.85, 1.15) if varies else sized
    small = varies and rng.random() < (0.08 if digit or not style.zeros else 0.3)
    picture = marks.european(picture, digit, rng) if rng.random() < style.flags else picture
    if style.opened and digit == 0 and rng.random() < style.opened:
        picture = marks.opened(picture, rng)
    rows = np.flatnonzero(picture.any(1))
    below = rng.uniform(*style.baseline) + (rows[0] + rows[-1] + 1) / 2 - 14
    stretch = hand.stretch * (rng.uniform(0.85, 1.2) if style.stretch[0] < style.stretch[1] else 1)
    return marks.Glyph(_written(picture, hand, size * (0.65 if small else 1), stretch), below, str(digit))


def _written(picture: np.ndarray, hand: marks.Hand, size: float, stretch: float = 1.0) -> np.ndarray:
    """Write one digit in the string's hand: slanted, larger or wider, with another pen; cut to its box."""
    k, wide = size * hand.zoom, size * hand.zoom * stretch
    if hand.slant == 0 and k == 1 == stretch:
        ink = picture.astype(np.float32) / 255
    else:
        side = math.ceil(44 * max(k, wide))
        # Maps each pixel to its source: the middle of the image, (14, 14), stays in the middle.
        matrix = (1 / wide, hand.slant / wide, 14 - (side / 2) * (1 + hand.slant) / wide, 0, 1 / k, 14 - side / 2 / k)
        source = Image.fromarray(picture)
        if k < 1:
            source = source.filter(ImageFilter.GaussianBlur(0.4 / k - 0.4 * k))
        ink = np.asarray(source.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC))
        ink = ink.astype(np.float32) / 255
    ink = marks.with_pen(ink, hand.pen * k) * np.float32(hand.strength)
    box = box_of(ink > 0.02)
    return ink[box.top : box.bottom, box.left : box.right]


def _laid(glyphs: list[marks.Glyph], style: Style, zoom: float, rng: np.random.Generator):
    """Lay characters side by side; return their layers, all of one shape, and their boxes."""
    tallest = max(glyph.ink.shape[0] + 2 * abs(glyph.below) * zoom for glyph in glyphs)
    height, x, boxes = math.ceil(tallest) + 2 * _MARGIN, _MARGIN, []
    for glyph in glyphs:
        h, w = glyph.ink.shape
        top = min(max(round(height / 2 - h / 2 + glyph.below * zoom), 0), height - h)
        boxes.append(Box(top, x, top + h, x + w))
        low, high = style.gap
        if style.zeros and glyph.text == "0" and rng.random() < 0.5:
            low, high = low - 1, min(high, 1)
        x += max(w + round(rng.uniform(low - 0.5, high + 0.5) * zoom), 1)
    width = max(box.right for box in boxes) + _MARGIN
    layers = []
    for glyph, box in zip(glyphs, boxes, strict=True):
        layer = np.zeros((height, width), np.float32)
        layer[box.top : box.bottom, box.left : box.right] = glyph.ink
        layers.append(layer)
    return layers, boxes
