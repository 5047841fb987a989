"""Printed lines and backgrounds of forms, laid on a `Page` as other marks.

Rules, squares, boxes, combs and tables, solid or not; ovals; the waves and fragments of a background.
"""

from collections.abc import Iterable

import numpy as np

from . import marks
from .segmentation_page import Page

DIGIT = 20  # pixels: the height of a digit of a composed string
LOOKS = {"solid": 0.5, "dashed": 0.2, "dotted": 0.15, "broken": 0.15}


class PrintedLine:
    """How the lines of one form look: width, strength, and what is missing of them, on a page of digits so high."""

    def __init__(self, rng: np.random.Generator, height: float):
        self.rng = rng
        self.look = str(rng.choice(list(LOOKS), p=list(LOOKS.values())))
        size = height / 28
        self.width = float(np.exp(rng.uniform(np.log(0.5), np.log(2.5)))) * min(max(size, 0.6), 1.5)
        self.strength = rng.uniform(0.15, 1.1) * (-1 if rng.random() < 0.03 else 1)
        is_dashed = self.look == "dashed"
        self.period = rng.uniform(3, 16) * min(max(size, 0.7), 1.5) if is_dashed else rng.uniform(2.0, 5)
        self.on = rng.uniform(0.35, 0.8) if is_dashed else 0.5
        self.patch = rng.uniform(8, 40)

    def mask(self, away: np.ndarray, along: np.ndarray) -> np.ndarray:
        """Coverage, (h, w), of pixels by how far they are from the line, and where along it."""
        mask = np.clip(self.width / 2 + 0.5 - abs(away), 0, 1) * min(self.width, 1)
        if self.look in ("dashed", "dotted"):
            return mask * ((along / self.period + self.rng.random()) % 1 < self.on)
        if self.look == "broken":
            places = np.arange(-64, mask.shape[1] + 200, self.patch)
            return mask * (np.interp(along, places, self.rng.random(len(places))) > 0.45)
        return mask


def grid(
    page: Page, line: PrintedLine, upright: Iterable[float], across: Iterable[float], *,
    left_right: tuple[float, float] | None = None, top_bottom: tuple[float, float] | None = None, turn: float = 0.0,
) -> None:  # fmt: skip
    """Lay lines at x ``upright`` and y ``across``, which end at ``top_bottom`` and ``left_right``; turned, radians."""
    x, y = page.x + turn * page.y, page.y - turn * page.x
    mask = np.zeros(page.shape, np.float32)
    for at in upright:
        mask = np.maximum(mask, line.mask(x - at, y) * _within(y, top_bottom))
    for at in across:
        mask = np.maximum(mask, line.mask(y - at, x) * _within(x, left_right))
    page.lay(mask.astype(np.float32), line.strength)


def enclosure(page: Page, _digits: object) -> None:
    """Lay an oval, or a frame that may be parted into boxes, around the page's number or far around, perhaps askew."""
    rng = page.rng
    top, left, bottom, right = page.box or (0, 0, *page.shape)
    height, width = bottom - top, right - left
    line, turn, room = PrintedLine(rng, page.height), rng.normal(0, 0.07), rng.uniform(0.1, 0.6, 2) * height
    if rng.random() < 0.15:
        room *= 4
    y, x = page.y - (top + bottom) / 2, page.x - (left + right) / 2
    along, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    half_width, half_height = width / 2 + room[0], height / 2 + room[1]
    if rng.random() < 0.5:
        _lay_oval(page, line, along / (half_width * 1.2), down / (half_height * 1.3), min(half_width, half_height))
        return
    away = abs(np.maximum(abs(along) - half_width, abs(down) - half_height))
    if rng.random() < 0.4:
        for at in np.linspace(-half_width, half_width, int(rng.integers(3, 7)))[1:-1]:
            away = np.minimum(away, np.where(abs(down) < half_height, abs(along - at), np.inf))
    page.lay(np.clip(line.width / 2 + 0.5 - away, 0, 1).astype(np.float32), rng.uniform(0.4, 1.1))


def large_oval(page: Page, _digits: object) -> None:
    """Lay an oval too large for a 0 anywhere, perhaps by a pen as wide as that of the digits."""
    rng = page.rng
    line, radii = PrintedLine(rng, page.height), page.height * np.exp(rng.uniform(np.log(1.1), np.log(5), 2))
    if rng.random() < 0.5:
        line.width = max(line.width, page.height * rng.uniform(0.05, 0.14))
    y, x = page.y - rng.uniform(0, 1) * page.shape[0], page.x - rng.uniform(0, 1) * page.shape[1]
    _lay_oval(page, line, x / radii[1], y / radii[0], radii.min())


def _lay_oval(page: Page, line: PrintedLine, along: np.ndarray, down: np.ndarray, radius: float) -> None:
    """An oval around 0, 0, of radius 1 where places along and down the page are as given."""
    away = abs(np.hypot(along, down) - 1) * radius
    page.lay(np.clip(line.width / 2 + 0.5 - away, 0, 1).astype(np.float32), page.rng.uniform(0.4, 1.1))


def waves(page: Page, _digits: object) -> None:
    """Lay fragments of a background's waves, as on cheques."""
    page.lay(marks.waves(page.shape, page.height / DIGIT, page.rng), page.rng.uniform(0.4, 1.05))


def grain(page: Page, _digits: object) -> None:
    """Lay faint fragments of a background's lines."""
    page.lay(marks.grain(page.shape, page.height / DIGIT, page.rng), page.rng.uniform(0.4, 1.05))


def _within(place: np.ndarray, ends: tuple[float, float] | None):
    return 1.0 if ends is None else (place >= ends[0]) & (place <= ends[1])
