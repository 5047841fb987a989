"""What surrounds a digit in a photo: rings, boxes, lines, frames, sheets, a highlighter. Each changes a `Scene`."""

import numpy as np
from PIL import Image, ImageDraw

from .photo_scene import Cause, Scene, grid, noise


def _drawn(s: Scene, draw, mark) -> None:
    """Draw with ``draw`` (ImageDraw, scale), in white, by the digit's pen or, half as often, by another one."""
    picture = Image.new("L", (2 * s.shape[1], 2 * s.shape[0]))
    draw(ImageDraw.Draw(picture), 2)
    lines = np.asarray(picture.reduce(2), np.float32) / 255
    if mark == "pen" and s.rng.random() < 0.67:
        s.ink = np.maximum(s.ink, lines)
    else:
        colour = (0.85, 0.15, 0.15) if mark == "pen" else np.full(3, s.rng.uniform(0.1, 0.6))
        s.page = s.page * (1 - lines[..., None] * (1 - np.array(colour, np.float32)))


def circled(s):
    """One or two hand-drawn rings around the digit."""
    top, left, bottom, right = s.box
    height, width = bottom - top, max(right - left, 0.6 * (bottom - top))
    pen = max(2, s.height * s.rng.uniform(0.025, 0.06))
    angle = np.linspace(0, 2 * np.pi * 1.03, 80)
    for _ in range(1 + (s.rng.random() < 0.3)):
        grow, turn = s.rng.uniform(1.3, 1.65, 2), s.rng.uniform(0, 6.3, 2)
        wobble = 1 + 0.03 * np.sin(2 * angle + turn[1])
        y = (top + bottom) / 2 + 0.52 * height * grow[0] * wobble * np.sin(angle + turn[0])
        x = (left + right) / 2 + 0.62 * width * grow[1] * wobble * np.cos(angle + turn[0])
        ring = np.stack([x, y], 1)
        _drawn(s, lambda d, k, p=ring: d.line([tuple(k * at) for at in p], 255, round(k * pen), "curve"), "pen")


def boxed(s):
    """A box around the digit, hand-drawn or printed."""
    top, left, bottom, right = s.box
    middle, half = (left + right) / 2, max((right - left) / 2, 0.3 * (bottom - top))
    gap, printed = s.height * s.rng.uniform(0.15, 0.35), s.rng.random() < 0.4
    pen = s.rng.uniform(2, 4) if printed else max(2, s.height * s.rng.uniform(0.025, 0.06))
    x, y = (middle - half - gap, middle + half + gap), (top - gap, bottom + gap)
    corners = np.array([(x[i], y[j]) for i, j in [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]])
    if not printed:
        corners[:-1] += s.rng.normal(0, 4, (4, 2))
        corners[-1] = corners[0]
    draw = lambda d, k: d.line([tuple(k * at) for at in corners], 255, round(k * pen), "curve")  # noqa: E731
    _drawn(s, draw, "print" if printed else "pen")


def underlined(s):
    """One or two lines below the digit."""
    _, left, bottom, right = s.box
    pen, gap = max(2, s.height * s.rng.uniform(0.025, 0.06)), s.height * s.rng.uniform(0.13, 0.25)
    beyond = s.height * s.rng.uniform(0.05, 0.3)
    for k in range(1 + (s.rng.random() < 0.4)):
        ends = (left - beyond, bottom + gap * (k + 1)), (right + beyond, bottom + gap * (k + 1) + s.rng.normal(0, 3))
        _drawn(s, lambda d, k, p=ends: d.line([(k * x, k * y) for x, y in p], 255, round(k * pen)), "pen")


def framed(s):
    """A printed line around the image."""
    gap, width = int(s.rng.integers(6, 18)), int(s.rng.integers(1, 5))
    corner = 2 * (s.shape[1] - gap), 2 * (s.shape[0] - gap)
    _drawn(s, lambda d, k: d.rectangle((k * gap, k * gap, *corner), outline=255, width=k * width), "print")


def _lies_on(s, mask: np.ndarray, ground) -> None:
    """Put the page on a table or wall, which shows where ``mask`` (H, W) is 0."""
    s.over = (1 - mask, np.asarray(ground, np.float32))


def sheet(s):
    """A tilted sheet, completely visible, on a darker table."""
    y, x = grid(s)
    top, left, bottom, right = s.box
    turn = np.radians(s.rng.choice([-1, 1]) * s.rng.uniform(2, 18))
    y, x = y - (top + bottom) / 2, x - (left + right) / 2
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    half = 0.5 * np.hypot(bottom - top, right - left) + s.rng.uniform(8, 60, 2)
    mask = np.clip(np.minimum(half[0] - abs(across), half[1] - abs(along)), 0, 1)
    wood = np.array([(0.35, 0.22, 0.14), (0.2, 0.2, 0.22), (0.5, 0.36, 0.24), (0.6, 0.58, 0.55)][s.rng.integers(4)])
    _lies_on(s, mask, wood * (1 + 0.08 * noise(s.rng, s.shape, 12)[..., None]))


def note(s):
    """A coloured note on a desk or a white wall."""
    sheet(s)
    colour = [(0.98, 0.9, 0.45), (0.98, 0.6, 0.7), (0.6, 0.9, 0.6), (0.55, 0.8, 0.95)][s.rng.integers(4)]
    s.page, s.colour = s.page * np.array(colour, np.float32), np.array((0.1, 0.1, 0.12))
    if s.rng.random() < 0.5:
        s.over = (s.over[0], np.full(3, 0.9, np.float32))


def highlighted(s):
    """A broad bar of a highlighter behind the digit, or behind a part of it."""
    top, left, _, right = s.box
    y, x = grid(s)
    reach, (low, high) = 0.35 * s.height, [(-0.06, 1.1), (0.3, 0.75)][s.rng.integers(2)]
    edges = [x - left + reach, right + reach - x, y - top - low * s.height, top + high * s.height - y]
    colour = [(0.98, 0.95, 0.25), (0.5, 0.97, 0.5), (1, 0.58, 0.78), (1, 0.7, 0.3)][s.rng.integers(4)]
    bar = np.clip(np.minimum.reduce(edges), 0, 1)[..., None]
    s.page = (s.page * (1 - bar) + 0.96 * np.array(colour, np.float32) * bar).astype(np.float32)
    s.strength = s.rng.uniform(0.85, 1)


ROUND = {"part": (0.3, 0.4), "margin": 120}
#: Like `CAUSES`, for what surrounds the digit instead of light and paper.
SURROUNDINGS: dict[str, Cause] = {
    "circled": (circled, ROUND),
    "boxed": (boxed, ROUND),
    "underlined": (underlined, ROUND),
    "framed": (framed, {"margin": 40}),
    "sheet": (sheet, ROUND),
    "note": (note, ROUND | {"pen": 0.08}),
    "highlighted": (highlighted, ROUND | {"pen": 0.06}),
}
