"""Signs beside digits, as a pen makes them, and the ways in which dates, amounts and the like are written with them."""

import math

import numpy as np

from ...utils.characters import SIGNS

Stroke = list[tuple[float, float]]

#: Texts of strings with signs; each d stands for a digit.
TEXTS = (
    "dd/dd/dddd", "d/d/dd", "dd/dd", "d/d", "ddd/dddd", "dd.dd.dddd", "dddd-dd-dd", "dd-dd-dd", "dd:dd", "d:dd:dd",
    "d:d", "(ddd)ddd-dddd", "(dd)dd", "(d)", "+dd(d)dddd", "ddd/ddddd", "[dd]", "[d]d", "d)", "dd)", "$ddd.dd", "$dd",
    "$d,ddd", "€dd,dd", "dd,dd€", "dd€", "£dd.dd", "£d", "dd%", "d,d%", "ddd%", "#dd", "#d", "dxd", "ddxdd=ddd",
    "d+d=d", "dd-d=dd", "=ddd", "d:d=d", "x=dd", "(d+d)xd", "$dd=€dd", "ddx", "dd/dd=d", "£ddd/d", "[d:d]", "#d/d",
)  # fmt: skip


def text(rng: np.random.Generator) -> str:
    """One of TEXTS, or one sign at a random place among digits."""
    if rng.random() < 0.6:
        return TEXTS[rng.integers(len(TEXTS))]
    digits = ["d"] * int(rng.integers(1, 7))
    for _ in range(1 + (rng.random() < 0.3)):
        digits.insert(int(rng.integers(len(digits) + 1)), SIGNS[rng.integers(len(SIGNS))])
    return "".join(digits)


def strokes(sign: str, rng: np.random.Generator) -> tuple[list[Stroke], float]:
    """The strokes of one of SIGNS, and how far its middle lies under that of the line; in heights of a digit."""
    return _DRAWN[sign](rng), rng.uniform(-0.08, 0.12) + (0.12 if sign in "x:" and rng.random() < 0.6 else 0)


def _arc(x: float, y: float, rx: float, ry: float, start: float, stop: float, n: int = 11) -> Stroke:
    """Part of an ellipse, between angles in turns; 0 is to the right, a quarter below."""
    return [
        (x + rx * math.cos(2 * math.pi * a), y + ry * math.sin(2 * math.pi * a)) for a in np.linspace(start, stop, n)
    ]


def _slash(rng: np.random.Generator) -> list[Stroke]:
    half, lean, bend = rng.uniform(0.5, 0.75), rng.uniform(0.12, 0.5), rng.uniform(-0.04, 0.04)
    return [[(lean, -half), (bend, bend), (-lean, half)]]


def _bracket(rng: np.random.Generator, side: int) -> list[Stroke]:
    """A round one: side 1 opens to the right."""
    half, deep = rng.uniform(0.45, 0.75), rng.uniform(0.1, 0.32)
    return [[(side * deep * (t * t - 0.5), half * t) for t in np.linspace(-1, 1, 9)]]


def _square_bracket(rng: np.random.Generator, side: int) -> list[Stroke]:
    half, wide = rng.uniform(0.45, 0.75), side * rng.uniform(0.08, 0.16)
    return [[(wide, -half), (-wide, -half), (-wide, half), (wide, half)]]


def _percent(rng: np.random.Generator) -> list[Stroke]:
    x, y, r = rng.uniform(0.22, 0.36), rng.uniform(0.24, 0.36), rng.uniform(0.09, 0.17)
    rings = [_arc(s * x, s * y, r, r * rng.uniform(0.9, 1.4), 0.6, 1.7) for s in (-1, 1)]
    return [*rings, *_slash(rng)]


def _dollar(rng: np.random.Generator) -> list[Stroke]:
    w, h, half = rng.uniform(0.2, 0.32), rng.uniform(0.36, 0.46), rng.uniform(0.5, 0.68)
    snake = _arc(0, -h / 2, w, h / 2, 0.92, 0.25) + _arc(0, h / 2, w, h / 2, 0.75, 1.42)[1:]
    bars = [0.0] if rng.random() < 0.7 else [-0.07, 0.07]
    return [snake, *([(x, -half), (x, half)] for x in bars)]


def _euro(rng: np.random.Generator) -> list[Stroke]:
    w, h, apart = rng.uniform(0.26, 0.38), rng.uniform(0.4, 0.5), rng.uniform(0.06, 0.13)
    left, right = -w - rng.uniform(0.05, 0.2), rng.uniform(-0.05, 0.15)
    bars = [[(left, s * apart), (right, s * apart + rng.uniform(-0.04, 0.04))] for s in (-1, 1)]
    return [_arc(0, 0, w, h, 0.9, 0.1), *bars]


def _pound(rng: np.random.Generator) -> list[Stroke]:
    w, y = rng.uniform(0.16, 0.24), rng.uniform(-0.05, 0.12)
    hook = [*_arc(0.06, -0.28, w, 0.2, 0.95, 0.5), (-w + 0.08, 0.1), (-w, 0.32), (-w - 0.1, 0.45)]
    foot = [(-w - 0.1, 0.45), (-0.02, 0.4), (w + 0.1, rng.uniform(0.38, 0.48))]
    return [hook, foot, [(-w - 0.12, y), (w - 0.02, y + rng.uniform(-0.05, 0.03))]]


def _times(rng: np.random.Generator) -> list[Stroke]:
    w, h = rng.uniform(0.16, 0.32), rng.uniform(0.16, 0.34)
    a, b = rng.uniform(-0.04, 0.04, 2)
    return [[(-w, -h), (a, b), (w, h)], [(w, -h), (b, a), (-w, h)]]


def _colon(rng: np.random.Generator) -> list[Stroke]:
    apart = rng.uniform(0.12, 0.25)
    return [[(rng.uniform(-0.03, 0.03), s * apart), (rng.uniform(-0.03, 0.03), s * apart + 0.03)] for s in (-1, 1)]


def _equals(rng: np.random.Generator) -> list[Stroke]:
    half, rise, bend, apart = rng.uniform(0.15, 0.4), *rng.uniform(-0.07, 0.07, 2), rng.uniform(0.08, 0.16)
    return [[(-half, s * apart + rise), (0, s * apart + bend), (half, s * apart - rise)] for s in (-1, 1)]


def _hash(rng: np.random.Generator) -> list[Stroke]:
    lean, apart = rng.uniform(0, 0.2), rng.uniform(0.1, 0.2)
    upright = [[(s * apart - lean, 0.45), (s * apart + lean, -0.45)] for s in (-1, 1)]
    return upright + [[(-0.4, s * apart + 0.05), (0.4, s * apart - 0.05)] for s in (-1, 1)]


_DRAWN = {
    "/": _slash,
    "(": lambda rng: _bracket(rng, 1),
    ")": lambda rng: _bracket(rng, -1),
    "[": lambda rng: _square_bracket(rng, 1),
    "]": lambda rng: _square_bracket(rng, -1),
    "%": _percent,
    "$": _dollar,
    "€": _euro,
    "£": _pound,
    "x": _times,
    ":": _colon,
    "=": _equals,
    "#": _hash,
}
