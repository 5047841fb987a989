"""Parts of pages of numbers whose every pixel is known to be paper, ink of numbers or something else.

Lines of numbers are written, on plain or ruled paper, in squares, boxes, combs and tables. Letters, rules and all other
marks are something else. A camera takes the page, and a tile of it is cut out.
"""

import itertools
from collections.abc import Callable

import numpy as np
from PIL import Image

from . import segmentation_marks as marks
from . import segmentation_surroundings as surroundings
from .page_writing import Writer, word
from .printed_forms import PrintedLine, enclosure, grain, grid, large_oval, waves
from .segmentation import SIDE, Sample, as_sample
from .segmentation_camera import taken
from .segmentation_page import Page, lit, placed, toned

CANVAS = 160  # pixels, of which a tile of SIDE is cut out after a turn
LOWEST, TALLEST = 10, 60  # pixels, of digits
LEAST_SEEN = 9  # pixels of a digit that the camera sees at least

#: How often a page is laid out in each way.
LAYOUTS = {
    "lines": 0.22, "close": 0.27, "ruled": 0.09, "squared": 0.07, "boxes": 0.11, "combs": 0.11, "table": 0.06,
    "print": 0.03, "empty": 0.04,
}  # fmt: skip
#: Other marks, and how often each is there.
MARKS = (
    (waves, 0.1), (grain, 0.06), (surroundings.stain, 0.06), (surroundings.highlighter, 0.06),
    (surroundings.show_through, 0.08),
    (marks.single_lines, 0.06), (marks.ring, 0.06), (enclosure, 0.12), (large_oval, 0.06), (marks.underline, 0.1),
    (marks.specks, 0.12), (surroundings.table, 0.06), (surroundings.thumb, 0.05), (surroundings.texture, 0.04),
)  # fmt: skip
WORDS = 0.15  # how often there are words beside the numbers; within lines and tables there are more


def draw(n: int, *, seed: int, writer: Writer, first: int = 0) -> list[Sample]:
    """Tiles number first ... first + n of the endless series that a seed and a writer stand for."""
    return [tile(np.random.default_rng([seed, i]), writer) for i in range(first, first + n)]


def tile(rng: np.random.Generator, writer: Writer) -> Sample:
    """One tile with its truth; its label is always -1."""
    layout = str(rng.choice(list(LAYOUTS), p=list(LAYOUTS.values())))
    page = Page((CANVAS, CANVAS), rng)
    height = float(np.exp(rng.uniform(np.log(LOWEST), np.log(TALLEST))))
    if layout != "empty":
        _LAID_OUT[layout](page, writer, height)
        page.box = page.box or (60, 60, 60 + int(height), 60 + int(height))
    plain = rng.random() < 0.15
    if not plain:
        for mark, probability in MARKS:
            if rng.random() < probability:
                mark(page, writer.digits)
        if rng.random() < WORDS:
            _words_beside(page, height)
    grey = toned(page, plain)
    if not plain:
        grey = lit(page, grey)
    least = max(0.3, min(LEAST_SEEN / height, 1))
    page.native = CANVAS * float(np.exp(rng.uniform(np.log(least), np.log(1.4))))
    planes = taken(grey, page, "lines", plain), page.ink, page.other * (1 - page.ink)
    return _cut_to_ink(rng, *planes) if layout == "close" else _cut_out(rng, *planes)


def _cut_to_ink(rng: np.random.Generator, *planes: np.ndarray) -> Sample:
    """A number as a detector or a person cuts it out: with little room around it."""
    rows, columns = (np.flatnonzero((planes[1] > 0.3).any(axis)) for axis in (1, 0))
    if len(rows) < 4 or len(columns) < 4:
        return _cut_out(rng, *planes)
    room = rng.integers(0, 1 + rng.choice([2, 8, 24]), 4)
    top, left = max(rows[0] - room[0], 0), max(columns[0] - room[1], 0)
    planes = tuple(plane[top : rows[-1] + room[2] + 1, left : columns[-1] + room[3] + 1] for plane in planes)
    grey, ink, other = (plane[:SIDE, :SIDE] for plane in planes)
    return as_sample(grey, ink, other, -1)


def _cut_out(rng: np.random.Generator, *planes: np.ndarray) -> Sample:
    """A tile from the middle of grey levels, ink and other marks; turned a little, or smaller, as at a page's end."""
    turn = rng.normal(0, rng.choice([2.0, 6.0])) if rng.random() < 0.5 else 0.0
    margin = (CANVAS - SIDE) // 2
    window = np.s_[margin : margin + SIDE, margin : margin + SIDE]
    if turn:
        planes = tuple(
            np.asarray(Image.fromarray(plane.astype(np.float32)).rotate(turn, Image.Resampling.BILINEAR))
            for plane in planes
        )
    planes = tuple(plane[window] for plane in planes)
    if rng.random() < 0.2:
        height, width = rng.integers(24, SIDE + 1, 2)
        planes = tuple(plane[:height, :width] for plane in planes)
    grey, ink, other = planes
    return as_sample(grey, ink, other, -1)


def _put(page: Page, matte: np.ndarray, top: float, left: float, *, only_if_free: bool = False) -> None:
    """Write a matte, where there is no other one; the first is what the page's box is about."""
    ink = placed(page.shape, matte, int(top), int(left))
    if only_if_free and ((ink > 0.1) & (page.ink > 0.1)).any():
        return
    page.ink = np.maximum(page.ink, ink)
    if page.box is None and ink.any():
        rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
        page.box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _put_in(page: Page, matte: np.ndarray, y: float, x: float, spread: tuple[float, float]) -> None:
    """Write a matte with its middle about there."""
    dy, dx = page.rng.normal(0, spread[0]), page.rng.normal(0, spread[1])
    _put(page, matte, round(y - matte.shape[0] / 2 + dy), round(x - matte.shape[1] / 2 + dx))


def _lines(
    page: Page, writer: Writer, height: float, density: float | None = None
) -> tuple[PrintedLine, float, list[float]]:
    """Numbers and words in lines; what rules would look like, the slope and where the rules would be."""
    rng = page.rng
    if density is None:
        density = rng.uniform(0.5, 1.0)
    pitch = height * float(np.exp(rng.uniform(np.log(1.15), np.log(3.5))))
    y = rng.uniform(-1, 1) * pitch
    line = PrintedLine(rng, height)
    slope = rng.normal(0, 0.03) if rng.random() < 0.6 else rng.uniform(-0.15, 0.15)
    rules = []
    while y < CANVAS + height:
        rules.append(y + height * 0.55)
        _line(page, writer, height, y, slope, density)
        y += pitch
    return line, slope, rules


def _line(page: Page, writer: Writer, height: float, y: float, slope: float, density: float) -> None:
    rng = page.rng
    x = rng.uniform(-3, 1.5) * height
    size = height * (np.exp(rng.normal(0, 0.06)) if rng.random() < 0.85 else rng.uniform(0.45, 1.5))
    while x < CANVAS:
        if rng.random() < density:
            is_word = rng.random() < 0.12
            matte = word(rng, size) if is_word else writer.string(rng, size)
            top, left = round(y - matte.shape[0] / 2 + slope * x), round(x)
            if is_word:
                page.lay(placed(page.shape, matte, top, left) * (1 - (page.ink > 0.1)), rng.uniform(0.6, 1.05))
            else:
                _put(page, matte, top, left, only_if_free=True)
            x += matte.shape[1]
        x += height * rng.uniform(0.4, 4)


def _close(page: Page, writer: Writer, height: float) -> None:
    """One number that fits on the tile, perhaps with another one below, or on a rule."""
    rng, most = page.rng, SIDE - 4
    matte = writer.string(rng, height * rng.choice([1, 1.5, 2]))
    scale = min(1.0, most / max(matte.shape))
    size = max(3, round(matte.shape[1] * scale)), max(3, round(matte.shape[0] * scale))
    matte = np.clip(np.asarray(Image.fromarray(matte).resize(size, Image.Resampling.BOX)), 0, 1)
    _put_in(page, matte, CANVAS / 2, CANVAS / 2, (0, 0))
    if rng.random() < 0.12:
        _put_in(page, writer.string(rng, size[1]), CANVAS / 2 + 1.2 * size[1], CANVAS / 2, (0, 4))
    if rng.random() < 0.3:
        at = CANVAS / 2 + size[1] * rng.choice([-0.5, 0.5]) * rng.uniform(0.8, 1.3)
        grid(page, PrintedLine(rng, size[1]), [], [at], turn=rng.normal(0, 0.03))


def _ruled(page: Page, writer: Writer, height: float) -> None:
    """Rules under the lines, or anywhere."""
    rng = page.rng
    line, slope, rules = _lines(page, writer, height)
    places = np.array(rules) + rng.normal(0, 0.1) * height
    if rng.random() < 0.3:
        pitch = (rules[1] - rules[0] if len(rules) > 1 else CANVAS) * rng.choice([0.5, 1, 2])
        places = np.arange(rng.uniform(0, 1) * pitch, CANVAS, max(pitch, 6))
    grid(page, line, [], places, turn=slope)


def _squared(page: Page, writer: Writer, height: float) -> None:
    """Squared paper: a digit to a square, or numbers as if it were not there."""
    rng = page.rng
    if rng.random() < 0.5:
        side = height * rng.uniform(1.0, 1.6)
        upright, across = (np.arange(rng.uniform(0, 1) * side - side, CANVAS + side, side) for _ in range(2))
        for y in across:
            if rng.random() < 0.3:
                continue
            for x in upright[rng.random(len(upright)) < 0.55]:
                matte = writer.digit(rng, height * rng.uniform(0.75, 1.05))
                _put_in(page, matte, y + side / 2, x + side / 2, (0.06 * side, 0.06 * side))
    else:
        _lines(page, writer, height, 0.8)
        side = max(5, height * rng.uniform(0.25, 1.5))
        upright, across = (np.arange(rng.uniform(0, 1) * side, CANVAS, side) for _ in range(2))
    grid(page, PrintedLine(rng, height), upright, across, turn=rng.normal(0, 0.02))


def _boxes(page: Page, writer: Writer, height: float) -> None:
    """A box to each digit: boxes stand apart or share their sides."""
    rng = page.rng
    w, h = height * rng.uniform(0.95, 1.7), height * rng.uniform(1.15, 1.8)
    gap = 0.0 if rng.random() < 0.5 else height * rng.uniform(0.1, 0.5)
    line, pitch = PrintedLine(rng, height), h * rng.uniform(1.05, 2.2)
    for y in np.arange(rng.uniform(-0.5, 0.5) * h, CANVAS, pitch):
        left, n = rng.uniform(-2, 0.5) * w, int(rng.integers(2, 14))
        for x in left + (w + gap) * np.arange(n):
            if x < CANVAS:
                grid(page, line, [x, x + w], [y, y + h], left_right=(x, x + w), top_bottom=(y, y + h))
                if rng.random() < 0.75:
                    matte = writer.digit(rng, height * rng.uniform(0.7, 1.1))
                    _put_in(page, matte, y + h / 2, x + w / 2, (0.07 * h, 0.09 * w))


def _combs(page: Page, writer: Writer, height: float) -> None:
    """A base line with ticks between the digits."""
    rng = page.rng
    w, tick = height * rng.uniform(0.8, 1.5), height * rng.uniform(0.2, 0.9)
    line, pitch = PrintedLine(rng, height), height * rng.uniform(1.5, 3)
    for y in np.arange(rng.uniform(0.3, 1.2) * height, CANVAS + height, pitch):
        ticks = rng.uniform(-2, 1) * w + w * np.arange(int(rng.integers(3, 14)) + 1)
        ends = ticks[0], ticks[-1]
        grid(page, line, [], [y], left_right=ends)
        grid(page, line, ticks, [], top_bottom=(y - tick, y))
        if rng.random() < 0.15:
            grid(page, line, [], [y - height * 1.5], left_right=ends)
        for x in ticks[:-1]:
            if rng.random() < 0.8:
                matte = writer.digit(rng, height * rng.uniform(0.75, 1.05))
                above = height * rng.uniform(-0.08, 0.25)
                _put_in(page, matte, y - above - matte.shape[0] / 2, x + w / 2, (0, 0.08 * w))


def _table(page: Page, writer: Writer, height: float) -> None:
    """Numbers, and some words, in the cells of a table, with rules or without."""
    rng = page.rng
    h, line = height * rng.uniform(1.3, 2.4), PrintedLine(rng, height)
    rows = np.arange(rng.uniform(-1, 0) * h, CANVAS + h, h)
    columns = [rng.uniform(-3, 1) * height]
    while columns[-1] < CANVAS:
        columns.append(columns[-1] + height * rng.uniform(1.5, 6))
    for y in rows:
        for left, right in itertools.pairwise(columns):
            if rng.random() < 0.75:
                _cell(page, writer, height, y + h / 2, (left, right))
    grid(page, line, columns if rng.random() < 0.85 else [], rows if rng.random() < 0.85 else [])


def _cell(page: Page, writer: Writer, height: float, y: float, ends: tuple[float, float]) -> None:
    rng, (left, right) = page.rng, ends
    if rng.random() < 0.15:
        matte = word(rng, height * 0.8)[:, : max(3, int(right - left))]
        top = round(y - matte.shape[0] / 2)
        page.lay(placed(page.shape, matte, top, round(left + 2)) * (1 - (page.ink > 0.1)), rng.uniform(0.6, 1))
        return
    matte = writer.string(rng, height * np.exp(rng.normal(0, 0.05)))
    if rng.random() < 0.7:  # else it goes on beyond the cell
        matte = matte[:, : max(3, int(right - left) - 1)]
    room = max(0, right - left - matte.shape[1])
    _put(page, matte, round(y - matte.shape[0] / 2), round(left + 1 + room * rng.random()))


def _print(page: Page, writer: Writer, height: float) -> None:
    """Lines of words alone."""
    rng, size = page.rng, max(6, height * 0.6)
    for y in np.arange(rng.uniform(-1, 1) * height, CANVAS, size * 2):
        x = rng.uniform(-5, 0) * size
        while x < CANVAS:
            matte = word(rng, size)
            page.lay(placed(page.shape, matte, round(y), round(x)), rng.uniform(0.5, 1))
            x += matte.shape[1] + size * 0.5


def _words_beside(page: Page, height: float) -> None:
    """Words anywhere but on the numbers."""
    rng = page.rng
    for _ in range(int(rng.integers(1, 3))):
        matte = word(rng, max(6, height * rng.uniform(0.3, 1.2)))
        top, left = round(rng.uniform(-0.1, 0.95) * CANVAS), round(rng.uniform(-0.4, 0.8) * CANVAS)
        mask = placed(page.shape, matte, top, left)
        if not ((mask > 0) & (page.near() > 0)).any():
            page.lay(mask, rng.uniform(0.5, 1.05))


_LAID_OUT: dict[str, Callable] = {
    "lines": _lines, "close": _close, "ruled": _ruled, "squared": _squared, "boxes": _boxes, "combs": _combs,
    "table": _table, "print": _print,
}  # fmt: skip
