"""Pages with numbers and their text: fields of forms, squared and ruled paper, lines that are not level.

A page depends only on its digits, its kind, its seed and its number.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from . import digit_strings
from .digit_strings import Style

#: The look of a rule along its length: pixels of a mark and of a gap, least and most of each; None for no gap.
DASHES: dict[str, tuple[tuple[int, int], tuple[int, int]] | None] = {
    "solid": None, "dashed": ((4, 10), (3, 7)), "dotted": ((1, 2), (2, 5)), "broken": ((6, 60), (1, 6)),
}  # fmt: skip
_HAND = Style(length=(3, 6), gap=(2, 5), zoom=(1, 1.4))
_PAPER = 0.95


class NumberPage(NamedTuple):
    """A page (H, W), uint8, dark on light, and its text: lines parted by line feeds, numbers by spaces."""

    pixels: np.ndarray
    text: str


class _Digits(NamedTuple):
    """Images (N, 28, 28) uint8, their labels, and the chance that chooses of them."""

    X: np.ndarray
    y: np.ndarray
    rng: np.random.Generator

    def number(self, style: Style) -> digit_strings.Composed:
        seed = int(self.rng.integers(2**31))
        return next(digit_strings.compose(self.X, self.y, 1, style=style, seed=seed))


def compose(X: np.ndarray, y: np.ndarray, n: int, *, kind: str, seed: int = 0) -> Iterator[NumberPage]:
    """Compose pages of one of `KINDS` from images (N, 28, 28) uint8, ink bright, of the digits ``y`` (N,)."""
    for number in range(n):
        rng = np.random.Generator(np.random.PCG64([seed, number, sorted(KINDS).index(kind)]))
        ink, text = KINDS[kind](_Digits(X, y, rng))
        noise = rng.normal(0, 0.01, ink.shape)
        yield NumberPage(np.rint(255 * np.clip(_PAPER - 0.85 * ink + noise, 0, 1)).astype(np.uint8), text)


def _laid(numbers: list[list[digit_strings.Composed]], apart: float, pitch: float, rng) -> tuple[np.ndarray, str]:
    """Lay rows of numbers on a page; ``apart`` and ``pitch`` are in the heights of the tallest one."""
    tallest = max(number.ink.shape[0] for row in numbers for number in row)
    widest = max(number.ink.shape[1] for row in numbers for number in row)
    down, across = round(tallest * pitch), round(widest + apart * tallest)
    ink = np.zeros((down * len(numbers) + tallest, across * max(map(len, numbers)) + tallest), np.float32)
    for i, row in enumerate(numbers):
        for j, number in enumerate(row):
            h, w = number.ink.shape
            top, left = tallest // 2 + i * down + (tallest - h) // 2, tallest // 2 + j * across
            ink[top : top + h, left : left + w] = np.maximum(ink[top : top + h, left : left + w], number.ink)
    return ink, "\n".join(" ".join(number.digits for number in row) for row in numbers)


def _page(digits: _Digits, rows: int = 5, columns: int = 4, pitch: float = 1.2) -> tuple[np.ndarray, str]:
    style = replace(_HAND, zoom=(digits.rng.uniform(1, 1.4),) * 2)
    numbers = [[digits.number(style) for _ in range(columns)] for _ in range(rows)]
    return _laid(numbers, 0.8, pitch, digits.rng)


def _moved(ink: np.ndarray, rows_of: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Ink (H, W), each pixel from the row that ``rows_of`` gives for it; both in -1..1 of the page."""
    h, w = ink.shape
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    at = np.clip((rows_of(y, x) + 1) * (h - 1) / 2, 0, h - 1.001)
    above = at.astype(int)
    part, column = (at - above).astype(np.float32), np.arange(w)[None]
    return ink[above, column] * (1 - part) + ink[above + 1, column] * part


def _tight(digits: _Digits) -> tuple[np.ndarray, str]:
    """A page of 20 numbers whose lines are close to each other."""
    rows, columns = ((4, 5), (5, 4), (10, 2))[digits.rng.integers(3)]
    return _page(digits, rows, columns, 0.9)


def _bowed(digits: _Digits) -> tuple[np.ndarray, str]:
    """Lines that are 4 pixels higher in the middle than at their ends."""
    ink, text = _tight(digits)
    return _moved(ink, lambda y, x: y + 8 / ink.shape[0] * (1 - x * x)), text


def _perspective(digits: _Digits) -> tuple[np.ndarray, str]:
    """One side of the page is farther away: a 20th lower."""
    ink, text = _tight(digits)
    side = digits.rng.choice([-0.05, 0.05])
    return _moved(ink, lambda y, x: y * (1 + side * (1 + x) / 2) + side * (1 + x)), text


def _line(length: int, look: str, rng: np.random.Generator) -> np.ndarray:
    """Where there is ink along a rule: (length,) bool."""
    parts = DASHES[look]
    if parts is None:
        return np.ones(length, bool)
    marks, gaps = parts
    even = look != "broken"
    mark, gap = (int(rng.integers(low, high + 1)) for low, high in parts)
    along: list[int] = []
    while len(along) < length:
        if not even:
            mark, gap = int(rng.integers(*marks)), int(rng.integers(*gaps))
        along += [1] * mark + [0] * gap
    return np.array(along[:length], bool)


def _ruled(look: str, squared: bool, digits: _Digits) -> tuple[np.ndarray, str]:
    """Numbers on paper whose lines are of one ``look``, three quarters of a digit to two digits apart."""
    rng = digits.rng
    ink, text = _page(digits, int(rng.integers(2, 5)), int(rng.integers(1, 4)), 1.5)
    pitch, width = rng.uniform(15, 45), int(rng.integers(1, 3))
    strength = rng.uniform(0.35, 0.8)
    rules = np.zeros_like(ink)
    for plane in (rules, rules.T) if squared else (rules,):
        for place in np.arange(rng.uniform(2, pitch), plane.shape[0] - width, pitch).astype(int):
            plane[place : place + width, _line(plane.shape[1], look, rng)] = strength
    return np.maximum(ink, rules), text


def _fields(digits: _Digits) -> tuple[np.ndarray, int, int, str]:
    """Digits one a cell: their ink, the side of a cell and how many there are, and the text."""
    rng = digits.rng
    n, zoom = int(rng.integers(4, 9)), rng.uniform(1, 1.8)
    style = replace(_HAND, length=(1, 1), zoom=(zoom, zoom))
    written = [digits.number(style) for _ in range(n)]
    side = max(max(glyph.ink.shape) for glyph in written) + int(rng.integers(-4, 8))
    ink = np.zeros((2 * side, (n + 2) * side), np.float32)
    for i, glyph in enumerate(written):
        box = glyph.boxes[0]
        drawn = glyph.layers[0][box.top : box.bottom, box.left : box.right]
        h, w = drawn.shape
        top, left = (int(2 * side - h) // 2 + rng.integers(-2, 3), (i + 1) * side + (side - w) // 2)
        left += int(rng.integers(-2, 3))
        ink[top : top + h, left : left + w] = np.maximum(ink[top : top + h, left : left + w], drawn)
    return ink, side, n, "".join(glyph.digits for glyph in written)


def _comb(digits: _Digits) -> tuple[np.ndarray, str]:
    """Digits between short ticks that stand on a line, as on forms."""
    ink, side, n, text = _fields(digits)
    rng = digits.rng
    width, strength = int(rng.integers(1, 4)), rng.uniform(0.5, 1)
    base = side // 2 + side - int(rng.integers(0, 3))
    tall = round(side * rng.uniform(0.2, 0.55))
    ink[base : base + width, side : (n + 1) * side + width] = strength
    for i in range(n + 1):
        ink[base - tall : base, (i + 1) * side : (i + 1) * side + width] = strength
    return ink, text


def _boxes(digits: _Digits) -> tuple[np.ndarray, str]:
    """One digit in each box; the boxes touch."""
    ink, side, n, text = _fields(digits)
    rng = digits.rng
    width, strength = int(rng.integers(1, 4)), rng.uniform(0.5, 1)
    top, bottom = side // 2, side // 2 + side
    for row in (top, bottom):
        ink[row : row + width, side : (n + 1) * side + width] = strength
    for i in range(n + 1):
        ink[top : bottom + width, (i + 1) * side : (i + 1) * side + width] = strength
    return ink, text


def _with_first_apart(digits: _Digits) -> tuple[np.ndarray, str]:
    """The first digit stands a little away from the others and lower."""
    first, rest = digits.number(replace(_HAND, length=(1, 1), zoom=(1.2, 1.2))), digits.number(_HAND)
    height = max(first.ink.shape[0], rest.ink.shape[0])
    away, lower = round(height * digits.rng.uniform(-0.2, 0.1)), round(height * digits.rng.uniform(0.15, 0.4))
    ink = np.zeros((2 * height, first.ink.shape[1] + away + rest.ink.shape[1]), np.float32)
    for number, top, left in ((rest, height // 4, first.ink.shape[1] + away), (first, height // 4 + lower, 0)):
        h, w = number.ink.shape
        ink[top : top + h, left : left + w] = number.ink
    return np.pad(ink, 10), first.digits + rest.digits


def _rising(digits: _Digits) -> tuple[np.ndarray, str]:
    """Two numbers on a line that rises, or falls, by up to 0.15 of its length."""
    ink, text = _laid([[digits.number(_HAND) for _ in range(2)]], 1.2, 2.5, digits.rng)
    ink = np.pad(ink, ((ink.shape[1] // 8,) * 2, (0, 0)))
    slope = digits.rng.uniform(0.08, 0.15) * digits.rng.choice([-1, 1]) * ink.shape[1] / ink.shape[0]
    return _moved(ink, lambda y, x: y + slope * x), text


def _pale(digits: _Digits) -> tuple[np.ndarray, str]:
    """A pen that hardly writes."""
    ink, text = _laid([[digits.number(_HAND) for _ in range(2)] for _ in range(2)], 1.2, 1.3, digits.rng)
    return ink * np.float32(digits.rng.uniform(0.06, 0.15)), text


def _small_beside_large(digits: _Digits) -> tuple[np.ndarray, str]:
    """A number of a third of the height after one of two to three times MNIST's."""
    zoom = digits.rng.uniform(2, 3)
    sizes = zoom, zoom / digits.rng.uniform(2, 3.5)
    row = [digits.number(replace(_HAND, length=(2, 4), zoom=(zoom, zoom))) for zoom in sizes]
    return _laid([row], 1.2, 1.3, digits.rng)


#: By name: how a page of a kind is composed.
KINDS: dict[str, Callable[[_Digits], tuple[np.ndarray, str]]] = {
    "page": _page, "bowed": _bowed, "perspective": _perspective, "comb": _comb, "boxes": _boxes,
    "first apart": _with_first_apart, "rising": _rising, "pale": _pale, "small beside large": _small_beside_large,
} | {
    f"{name}, {look}": partial(_ruled, look, name == "squared")
    for name in ("squared", "ruled") for look in DASHES
}  # fmt: skip
