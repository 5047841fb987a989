"""Line plots for people: solid and broken lines, single points and a legend, drawn by Pillow."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 760, 460
PANEL = 460, 320  # width and height of one of several
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 24, 60, 56
_PANEL_TOP = 36  # only the title stands above
_SCALE = 2  # drawn larger and reduced, so that lines are smooth
_INK, _PAPER, _GRID, _PALE = (20, 20, 20), (255, 255, 255), (228, 228, 228), (120, 120, 120)
_COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14), (23, 160, 175), _PALE)


@dataclass(frozen=True)
class Curve:
    """Points (x, y) joined by a solid or broken line, with dots if they are few; a single point is one dot."""

    name: str
    x: np.ndarray
    y: np.ndarray
    broken: bool = False


def round_step(about: float) -> float:
    """Return the next of 1, 2 or 5 times a power of ten from ``about`` on; 1 for 0."""
    if not 0 < about < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(about))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= about * 0.999)


def draw(
    title: str,
    curves: list[Curve],
    x_label: str,
    y_label: str,
    *,
    x_max: float | None = None,
    y_max: float | None = None,
) -> Image.Image:
    """Draw curves from (0, 0) on, each named in a legend; points beyond ``x_max`` or ``y_max`` are cut off."""
    x_max = x_max or max((float(np.max(c.x)) for c in curves if len(c.x)), default=0.0) or 1.0
    y_max = y_max or max((float(np.max(c.y)) for c in curves if len(c.y)), default=0.0) or 1.0
    plane = _Plane((WIDTH, HEIGHT), (0.0, x_max), y_max)
    plane.axes(title, x_label, y_label, _ticks(x_max))
    return plane.drawn(curves)


def curves(epochs: list[int], panels: dict[str, dict[str, list[float | None]]]) -> Image.Image:
    """Draw curves over epochs, one panel each: {title: {name: values}}; None and non-finite values are left out."""
    width, height = PANEL
    sheet = Image.new("RGB", (width * len(panels), height), _PAPER)
    for k, (title, series) in enumerate(panels.items()):
        lines = [_known(name, epochs, values) for name, values in series.items()]
        sheet.paste(_panel(title, epochs, lines), (k * width, 0))
    return sheet


def _known(name: str, epochs: list[int], values: list[float | None]) -> Curve:
    points = [(e, v) for e, v in zip(epochs, values, strict=True) if v is not None and math.isfinite(v)]
    x, y = np.array(points, float).reshape(-1, 2).T
    return Curve(name, x, y)


def _panel(title: str, epochs: list[int], series: list[Curve]) -> Image.Image:
    """Draw one of several panels, up to a round value above all points."""
    largest = max((float(curve.y.max()) for curve in series if len(curve.y)), default=1.0)
    step = round_step(largest / 4)
    first, last = epochs[0], max(epochs[-1], epochs[0] + 1)
    plane = _Plane(PANEL, (first, last), step * max(1, math.ceil(largest / step)), top=_PANEL_TOP)
    plane.axes(title, "epoch", "", sorted({first, (first + last) // 2, last}))
    return plane.drawn(series)


class _Plane:
    """A canvas with axes, which turns the curves' units into pixels."""

    def __init__(self, size: tuple[int, int], x_range: tuple[float, float], y_max: float, top: int = _TOP):
        self.size, self.top = size, top
        self.sheet = Image.new("RGB", (size[0] * _SCALE, size[1] * _SCALE), _PAPER)
        self.pen = ImageDraw.Draw(self.sheet)
        self.font = ImageFont.load_default(13 * _SCALE)
        (self.x_min, self.x_max), self.y_max = x_range, y_max

    def drawn(self, curves: list[Curve]) -> Image.Image:
        """Draw the curves on the axes, each in its colour and in the legend."""
        for number, curve in enumerate(curves):
            self.curve(curve, _COLOURS[number % len(_COLOURS)])
        self.legend(curves)
        return self.sheet.resize(self.size, Image.Resampling.LANCZOS)

    def place(self, x: float, y: float) -> tuple[float, float]:
        width, height = self.size[0] - _LEFT - _RIGHT, self.size[1] - self.top - _BOTTOM
        across, up = min((x - self.x_min) / (self.x_max - self.x_min), 1.0), min(y / self.y_max, 1.0)
        return (_LEFT + across * width) * _SCALE, (self.size[1] - _BOTTOM - up * height) * _SCALE

    def text(self, x: float, y: float, text: str, colour=_INK, anchor: str = "lm") -> None:
        self.pen.text((x, y), text, fill=colour, font=self.font, anchor=anchor)

    def axes(self, title: str, x_label: str, y_label: str, x_ticks: Iterable[float]) -> None:
        left, bottom = self.place(self.x_min, 0)
        right, top = self.place(self.x_max, self.y_max)
        for x in x_ticks:
            self.pen.line((self.place(x, 0)[0], top, self.place(x, 0)[0], bottom), fill=_GRID, width=_SCALE)
            self.text(self.place(x, 0)[0], bottom + 6 * _SCALE, f"{x:.6g}", anchor="ma")
        for y in _ticks(self.y_max):
            height = self.place(self.x_min, y)[1]
            self.pen.line((left, height, right, height), fill=_GRID, width=_SCALE)
            self.text(left - 8 * _SCALE, height, f"{y:.6g}", anchor="rm")
        self.pen.line((left, top, left, bottom, right, bottom), fill=_PALE, width=_SCALE)
        self.text(8 * _SCALE, 16 * _SCALE, title)
        self.text(8 * _SCALE, 38 * _SCALE, y_label, _PALE)
        self.text(right, (self.size[1] - 16) * _SCALE, x_label, _PALE, "rm")

    def curve(self, curve: Curve, colour) -> None:
        inside = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if x <= self.x_max and y <= self.y_max]
        points = [self.place(float(x), float(y)) for x, y in inside]
        if curve.broken:
            for start, end in itertools.pairwise(points):
                self._dashes(start, end, colour)
        elif len(points) > 1:
            self.pen.line(points, fill=colour, width=2 * _SCALE)
        for x, y in points if len(points) <= 8 else []:
            r = 4 * _SCALE
            self.pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def _dashes(self, start: tuple[float, float], end: tuple[float, float], colour) -> None:
        length = math.dist(start, end)
        n = max(1, round(length / (12 * _SCALE)))
        for k in range(n):
            part = [tuple(s + (e - s) * f / n for s, e in zip(start, end, strict=True)) for f in (k, k + 0.55)]
            self.pen.line(part, fill=colour, width=2 * _SCALE)

    def legend(self, curves: list[Curve]) -> None:
        right, top = self.place(self.x_max, self.y_max)
        width = max((self.pen.textlength(curve.name, font=self.font) for curve in curves), default=0)
        for number, curve in enumerate(curves):
            y = top + (14 + 19 * number) * _SCALE
            x = right - width - 10 * _SCALE
            self.pen.rectangle((x - 24 * _SCALE, y - 8 * _SCALE, right, y + 9 * _SCALE), fill=_PAPER)
            colour = _COLOURS[number % len(_COLOURS)]
            self.pen.ellipse((x - 18 * _SCALE, y - 4 * _SCALE, x - 10 * _SCALE, y + 4 * _SCALE), fill=colour)
            self.text(x, y, curve.name)


def _ticks(largest: float) -> np.ndarray:
    step = round_step(largest / 6)
    return np.arange(0, largest + step / 1000, step)
