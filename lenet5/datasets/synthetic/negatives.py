"""Images without a digit, drawn: letters and signs, scribbles, several digits at once, blots, patterns, noise.

The out-of-distribution network learns from them to reject (recipes/ood.py). They are normalised as the digits are, in
28 x 28 pixels.
"""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ... import _kernels
from . import strokes
from .letters import MARKS, PRINTED

POINTS = strokes.POINTS
DRAWN = MARKS + 3 * PRINTED  # those are frequent letters


def _table() -> tuple[np.ndarray, np.ndarray]:
    """Return points (marks, POINTS, 2) and kinds (marks, POINTS)."""
    points, kinds = np.zeros((len(DRAWN), POINTS, 2)), np.zeros((len(DRAWN), POINTS), np.uint8)
    for mark, text in enumerate(DRAWN):
        xy, kind = strokes._strokes(text)
        points[mark, : len(xy)], kinds[mark, : len(kind)] = xy, kind
    return points, kinds


def _drawn(points: np.ndarray, kinds: np.ndarray, dice: strokes._Dice) -> np.ndarray:
    images = np.empty((len(points), 28, 28), np.uint8)
    _kernels.draw_strokes(points.astype(np.float32), kinds, strokes._pens(dice).astype(np.float32), images)
    return images


def letters(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw letters and signs by the pen model; (n, 28, 28) uint8."""
    points, kinds = _table()
    chosen = rng.integers(len(DRAWN), size=n)
    dice = strokes._Dice(rng.random((n, strokes.NUMBERS)))
    own = np.arange(POINTS)[None].repeat(n, axis=0)  # ends stay: a letter must not become another sign
    return _drawn(strokes._write(points[chosen], own, dice), kinds[chosen], dice)


def scribbles(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw six to sixteen points joined at random, by curves or corners, mostly in one line; (n, 28, 28) uint8."""
    far = rng.normal(0, 1, (n, POINTS, 2))
    walk = np.cumsum(far, axis=1) * rng.uniform(0, 1, (n, 1, 1))
    points = 25 * (walk + far) * np.exp(rng.normal(0, 0.3, (n, 1, 2)))
    used = np.arange(POINTS) < rng.integers(6, POINTS + 1, (n, 1))
    down = (rng.random((n, POINTS)) < rng.choice([0.75, 0.9, 1], (n, 1))) & (np.arange(POINTS) > 0)
    down[:, 1:6] = True
    corner = rng.random((n, POINTS)) < rng.choice([0, 0.2, 1], (n, 1), p=[0.6, 0.25, 0.15])
    kinds = (strokes.DRAWN * down + strokes.CORNER * corner).astype(np.uint8) * used
    return _drawn(points, kinds, strokes._Dice(rng.random((n, strokes.NUMBERS))))


def several(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw two or three digits side by side; (n, 28, 28) uint8."""
    digits, _ = strokes.draw(3 * n, seed=int(rng.integers(2**31)))
    out = np.empty((n, 28, 28), np.uint8)
    for i in range(n):
        parts = [_cut(digit) for digit in digits[3 * i : 3 * i + 2 + (rng.random() < 0.4)]]
        height = max(len(part) for part in parts)
        gap = np.zeros((height, rng.integers(1, 5)), np.uint8)
        row = []
        for part in parts:
            row += [np.pad(part, ((0, height - len(part)), (0, 0))), gap]
        out[i] = _prepared(np.concatenate(row[:-1], axis=1))
    return out


def shapes(n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw blots, filled or hollow shapes, stripes, clouds; (n, 28, 28) uint8."""
    return np.stack([_prepared(_SHAPES[rng.integers(len(_SHAPES))](rng)) for _ in range(n)])


def _cut(picture: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(picture.max(1)), np.flatnonzero(picture.max(0))
    if not len(rows):
        return np.full((1, 1), 255, np.uint8)
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _prepared(picture: np.ndarray) -> np.ndarray:
    """Fit any uint8 image with bright ink into the box and the place of a digit."""
    part = _cut(picture)
    k = 20 / max(part.shape)
    size = max(1, round(part.shape[1] * k)), max(1, round(part.shape[0] * k))
    part = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BOX if k < 1 else Image.Resampling.BILINEAR))
    mass = part.sum(dtype=np.float64) or 1.0
    out = np.zeros((28, 28), np.uint8)
    corner = []
    for axis in (0, 1):
        centre = part.sum(axis=1 - axis, dtype=np.float64) @ np.arange(part.shape[axis]) / mass
        corner.append(min(max(round(14 - centre), 0), 28 - part.shape[axis]))
    out[corner[0] : corner[0] + part.shape[0], corner[1] : corner[1] + part.shape[1]] = part
    return out


def _cloud(rng) -> np.ndarray:
    """Threshold smooth noise, softly or sharply: grey or ragged clouds."""
    small = rng.normal(0, 1, (int(rng.integers(3, 24)),) * 2).astype(np.float32)
    smooth = np.asarray(Image.fromarray(small).resize((56, 56), Image.Resampling.BICUBIC))
    steep = rng.choice([60, 250, 2000])
    return np.clip((smooth - rng.uniform(-0.5, 1)) * steep, 0, 255).astype(np.uint8)


def _polygon(rng) -> np.ndarray:
    """Draw a polygon in one grey or a slope of greys, like shirts, shoes and bags."""
    image = Image.new("L", (56, 56))
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 14)))
    radii = rng.uniform(0.35, 1, len(angles)) * 27
    squeeze = np.exp(rng.normal(0, 0.5))
    corners = [(28 + r * np.cos(a) * min(squeeze, 1), 28 + r * np.sin(a) / max(squeeze, 1))
               for a, r in zip(angles, radii, strict=True)]  # fmt: skip
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return _shaded(image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 2))), rng)


def _shaded(image: Image.Image, rng) -> np.ndarray:
    """Shade an image with a slope of greys, folds and a rough surface, in varying degrees."""
    y, x = np.mgrid[-1:1:56j, -1:1:56j]
    shade = 0.8 + 0.25 * (x * rng.normal() + y * rng.normal()) + 0.2 * rng.normal(0, 1, (56, 56)) * (rng.random() < 0.5)
    if rng.random() < 0.5:
        shade += 0.3 * np.sin(rng.uniform(2, 12) * x + rng.normal(0, 2) * y + rng.uniform(0, 6))
    return np.clip(np.asarray(image) * shade, 0, 255).astype(np.uint8)


def _symmetric(rng) -> np.ndarray:
    """Draw a mirror-symmetric body of boxes and ellipses, with holes."""
    image = Image.new("L", (56, 56))
    draw = ImageDraw.Draw(image)
    widest = rng.uniform(7, 27)
    for _ in range(rng.integers(1, 6)):
        half, top = rng.uniform(3, widest), rng.uniform(0, 45)
        box = (28 - half, top, 28 + half, top + rng.uniform(4, 56 - top))
        inner = rng.uniform(0, half)
        fill = int(rng.choice([0, 120, 180, 255], p=[0.25, 0.1, 0.15, 0.5]))
        kind = rng.integers(3)
        if kind == 0:
            draw.rectangle(box, fill=fill)
        elif kind == 1:
            draw.ellipse(box, fill=fill)
        else:
            for side in (-1, 1):
                edges = sorted((28 + side * inner, 28 + side * half))
                draw.rectangle((edges[0], box[1], edges[1], box[3]), fill=fill or 255)
    picture = _shaded(image, rng) if rng.random() < 0.6 else np.asarray(image)
    return picture if picture.max() else _polygon(rng)


def _stripes(rng) -> np.ndarray:
    """Draw parallel lines, squares or dots."""
    y, x = np.mgrid[:56, :56]
    angle, period = rng.uniform(0, 3.2), rng.uniform(4, 24)
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 6.3 / period + rng.uniform(0, 6.3))
    if rng.random() < 0.5:
        wave = wave * np.sin((-np.sin(angle) * x + np.cos(angle) * y) * 6.3 / period)
    return np.clip((wave - rng.uniform(-0.3, 0.5)) * 600, 0, 255).astype(np.uint8)


def _noise(rng) -> np.ndarray:
    """Draw single random pixels."""
    side = int(rng.integers(8, 57))
    return np.where(rng.random((side, side)) < rng.uniform(0.02, 0.6), rng.integers(0, 256, (side, side)), 0).astype(
        np.uint8
    )


def _blot(rng) -> np.ndarray:
    """Draw drops that run into each other."""
    image = Image.new("L", (56, 56))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(1, 12)):
        (x, y), r = rng.normal(28, 9, 2), rng.uniform(1, 12)
        draw.ellipse((x - r, y - r * rng.uniform(0.5, 1), x + r, y + r), fill=255)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5))))


def body(rng: np.random.Generator) -> np.ndarray:
    """Draw a shaded body, a cloud or a pattern, cut to it; (h, w) uint8."""
    return _cut(_BODIES[rng.integers(len(_BODIES))](rng))


def _shaded_symmetric(rng) -> np.ndarray:
    """Draw a mirror-symmetric body with slopes of greys."""
    return _shaded(Image.fromarray(_symmetric(rng)), rng)


_BODIES = (_cloud, _polygon, _shaded_symmetric, _shaded_symmetric, _stripes)
_SHAPES = (_cloud, _blot, _polygon, _symmetric, _symmetric, _stripes, _noise)


def draw(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw images without a digit.

    A third are letters and signs, a third shapes, a quarter scribbles, and the rest several digits.

    Returns
    -------
    images : ndarray of shape (n, 28, 28), uint8, ink bright
    several : ndarray of shape (n,), bool
        Which images hold several digits.
    """
    rng = np.random.default_rng([seed, 11])
    n_several, third, quarter = n // 12, n // 3, n // 4
    parts = [several(n_several, rng), letters(third, rng), scribbles(quarter, rng)]
    parts.append(shapes(n - n_several - third - quarter, rng))
    order = rng.permutation(n)
    return np.concatenate(parts)[order], order < n_several
