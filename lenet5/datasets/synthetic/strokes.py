"""Digits drawn by a pen model: a training set of any size that needs no download.

glyphs.py holds the ways in which digits are written. An image is drawn between two variants of one way. Then a hand
moves every point, lengthens or shortens the ends, and slants, squeezes, turns and bends the page. The width of the pen
changes along the line and with its direction. strokes.h draws the curve and normalises the image as MNIST's were: ink
255 on 0, scaled into 20 x 20 pixels, centred by mass in 28 x 28. A LeNet-5 trained on nothing else reads about 98 % of
MNIST's test images.

Every image has its own block of uniform numbers. A counting generator (Philox) finds it without drawing those before
it. Only sums and products of its numbers are used, so an image does not depend on the others.
"""

import numpy as np

from ... import _kernels
from .glyphs import WAYS

__all__ = ["draw"]

POINTS = 16  # control points per glyph at most, as in strokes.h
SIDE = 28
DRAWN, CORNER = 1, 2  # as in strokes.h
# Images drawn at a time, and uniform numbers for each (four per step of the generator).
CHUNK = 2048
NUMBERS = 204


def _strokes(text):
    """Parse the text of a variant; return its control points, [[x, y], …], and their kinds."""
    points, kinds = [], []
    for stroke in text.split("|"):
        for i, point in enumerate(stroke.split()):
            points.append([float(number) for number in point.rstrip("!").split(",")])
            kinds.append(DRAWN * (i > 0) + CORNER * point.endswith("!"))
    return points, kinds


class _Table:
    """Glyphs as arrays, for W ways, at most V variants and P = POINTS.

    points (W, V, P, 2); kinds (W, P); variants (W,), the number of variants; limits (10, W), the cumulated shares of a
    digit's ways; inner (W, P), for an end of a stroke the point from which it is lengthened, else the point itself.
    """

    def __init__(self, glyphs):
        rows = [(digit, share, variants) for digit, ways in glyphs.items() for share, variants in ways]
        self.points = np.zeros((len(rows), max(len(v) for _, _, v in rows), POINTS, 2))
        self.kinds = np.zeros((len(rows), POINTS), np.uint8)
        self.variants = np.array([len(v) for _, _, v in rows])
        for w, (_, _, variants) in enumerate(rows):
            for v, text in enumerate(variants):
                points, kinds = _strokes(text)
                self.points[w, v, : len(points)], self.kinds[w, : len(kinds)] = points, kinds
        share = np.array([[s * (d == digit) for d, s, _ in rows] for digit in sorted(glyphs)])
        self.limits = np.cumsum(share / share.sum(axis=1, keepdims=True), axis=1)  # (10, ways)
        down = self.kinds & DRAWN > 0
        follows = np.pad(down[:, 1:], ((0, 0), (0, 1)))
        self.inner = np.arange(POINTS) + (follows & ~down) - (down & ~follows)


class _Dice:
    """A block of uniform numbers (N, NUMBERS), used up column by column."""

    def __init__(self, block):
        self.block, self.used = block, 0

    def uniform(self, low, high, *shape):
        count = int(np.prod(shape))
        taken = self.block[:, self.used : self.used + count]
        self.used += count
        return low + (high - low) * taken.reshape(len(taken), *shape)

    def normal(self, deviation, *shape):
        """Return nearly normal numbers, within three deviations: each is a sum of three uniform numbers."""
        return 2 * deviation * (self.uniform(0, 1, 3, *shape).sum(axis=1) - 1.5)


def _block(seed, stream, first, n, numbers):
    """Return rows first … first + n of the endless table (…, numbers) of uniform numbers of a seed."""
    bits = np.random.Philox(np.random.SeedSequence([seed, stream]))
    return np.random.Generator(bits.advance(first * numbers // 4)).random((n, numbers))


def _labels(seed, first, n):
    """Draw labels: each ten images, from a multiple of ten on, hold each digit once, in shuffled order."""
    tens = range(first // 10, (first + n + 9) // 10)
    order = np.argsort(_block(seed, 1, tens.start, len(tens), 12)[:, :10], axis=1)
    return order.astype(np.uint8).reshape(-1)[first % 10 :][:n]


def _choose(table, labels, dice):
    """Choose a way for each image, (N,), and points between two of its variants, (N, POINTS, 2)."""
    way = (dice.uniform(0, 1, 1) >= table.limits[labels]).sum(axis=1)
    pair = (dice.uniform(0, 1, 2) * table.variants[way, None]).astype(int)
    between = dice.uniform(-0.3, 1.3, 1, 1)
    one, other = table.points[way, pair[:, 0]], table.points[way, pair[:, 1]]
    return way, one + between * (other - one)


def _write(points, inner, dice):
    """Write the points by hand, around the origin: unsteady, squeezed, slanted, turned."""
    points = points + dice.normal(3.0, POINTS, 2)
    # Strokes end too early or too late.
    ends = points - np.take_along_axis(points, inner[..., None], axis=1)
    points += dice.normal(0.25, POINTS, 1) * ends
    x, y = points[..., 0] - 30, points[..., 1] - 50
    # Squeezed, with a smaller head or foot, and with a lower or higher waist.
    x = x * (1.1 + dice.normal(0.2, 1) + dice.normal(0.003, 1) * y)
    y = y + dice.normal(0.003, 1) * (y * y - 2500)
    # y grows downward: ink leans to the right if x falls as y grows.
    x = x - (0.12 + dice.normal(0.22, 1)) * y
    turn = dice.normal(0.14, 1)
    return np.stack([x - turn * y, y + turn * x], axis=-1)


def _pens(dice):
    """Draw the parameters of each pen, in the order of the enumeration in strokes.h: (N, 17)."""
    # A product, because broad pens are rare.
    radius = 0.8 + dice.uniform(0, 1, 1) * dice.uniform(0.6, 1.8, 1)
    pulse = [dice.uniform(0, 0.15, 1), dice.uniform(0.3, 2.5, 1), dice.uniform(0, 6.3, 1)]
    pen = [radius, dice.uniform(0.8, 1.5, 1), dice.normal(0.06, 2), *pulse]
    for _ in range(2):
        pen += [dice.normal(4, 2), dice.normal(0.024, 2), dice.uniform(0, 6.3, 1)]
    return np.concatenate(pen, axis=1)


TABLE = _Table(WAYS)


def _draw(table, labels, seed, first):
    """Draw images (N, 28, 28) number first, first + 1, … of a seed, of the digits `labels` (N,)."""
    dice = _Dice(_block(seed, 0, first, len(labels), NUMBERS))
    way, points = _choose(table, labels, dice)
    points = _write(points, table.inner[way], dice)
    pens = _pens(dice)
    images = np.empty((len(labels), SIDE, SIDE), np.uint8)
    _kernels.draw_strokes(points.astype(np.float32), table.kinds[way], pens.astype(np.float32), images)
    return images


def draw(n, *, seed=0, first=0, labels=None, ways=None):
    """Draw n handwritten digits, normalised as MNIST's images were.

    Image i is number ``first + i`` of the endless series that a seed and labels define. So parts of a long series can
    be drawn anywhere and in any order.

    Parameters
    ----------
    n : int
        Number of images.
    seed, first : int
        The series, and the position in it to begin at; not negative.
    labels : array_like of shape (n,), optional
        The digits to draw, 0 to 9. By default each ten images hold each digit once, shuffled.
    ways : dict, optional
        Other ways of writing all ten digits than `glyphs.WAYS`, in its notation.
        Other ways of writing all ten digits than `glyphs.WAYS`, in its notation.

    Returns
    -------
    images : ndarray of shape (n, 28, 28), uint8
        Ink is 255 on 0.
    labels : ndarray of shape (n,), uint8

    Raises
    ------
    ValueError
        A number is negative, or the labels are not n digits.

    Examples
    --------
    >>> from lenet5.datasets.synthetic import strokes
    >>> images, labels = strokes.draw(20, seed=1)
    >>> images.shape, sorted(labels[:10].tolist())
    ((20, 28, 28), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    if min(n, seed, first) < 0:
        raise ValueError(f"n, seed and first are counts, not {n}, {seed}, {first}")
    labels = _labels(seed, first, n) if labels is None else _digits(labels, n)
    table = TABLE if ways is None else _Table(ways)
    images = np.empty((n, SIDE, SIDE), np.uint8)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        images[part] = _draw(table, labels[part], seed, first + start)
    return images, labels


def _digits(labels, n):
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"labels have shape {labels.shape}, expected ({n},): one label for each image")
    if not np.isin(labels, range(10)).all():
        raise ValueError("labels are digits from 0 to 9")
    return labels.astype(np.uint8)
