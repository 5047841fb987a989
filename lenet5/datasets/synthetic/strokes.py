"""Digits drawn by a pen model: a training set of any size that needs no download.

glyphs.py holds the ways in which digits are written. A picture is drawn between two variants of one way; then a
hand moves every point, lengthens or shortens the ends, slants, squeezes, turns and bends the page; and a pen has a
width that changes along the line and with its direction. strokes.h draws the curve and prepares the picture as
MNIST's were: ink 255 on 0, scaled into 20 x 20 pixels, its centre of mass in the middle of 28 x 28. A LeNet-5
that has seen nothing else reads about 98 % of MNIST's test pictures.

Every picture has its own block of uniform numbers, which a counting generator (Philox) finds without drawing those
before it, and nothing but sums and products of them is used here: no picture knows what it is drawn with.
"""

import numpy as np

from ... import _kernels
from .glyphs import WAYS

__all__ = ["draw"]

POINTS = 16  # control points of a glyph at most, as in strokes.h
SIDE = 28
DRAWN, CORNER = 1, 2  # as in strokes.h
# Pictures drawn at a time, and uniform numbers for each (four a step of the generator).
CHUNK = 2048
NUMBERS = 204


def _strokes(text):
    """The text of a variant -> its control points, [[x, y], …], and their kinds."""
    points, kinds = [], []
    for stroke in text.split("|"):
        for i, point in enumerate(stroke.split()):
            points.append([float(number) for number in point.rstrip("!").split(",")])
            kinds.append(DRAWN * (i > 0) + CORNER * point.endswith("!"))
    return points, kinds


class _Table:
    """Glyphs as arrays, W ways, V variants at most, P = POINTS:

    points (W, V, P, 2); kinds (W, P); variants (W,), how many; limits (10, W), the cumulated shares of a digit's
    ways; inner (W, P), the point from which an end of a stroke is lengthened, and every other point itself.
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
    """A block of uniform numbers (N, NUMBERS), handed out column by column."""

    def __init__(self, block):
        self.block, self.used = block, 0

    def uniform(self, low, high, *shape):
        count = int(np.prod(shape))
        taken = self.block[:, self.used : self.used + count]
        self.used += count
        return low + (high - low) * taken.reshape(len(taken), *shape)

    def normal(self, deviation, *shape):
        """Nearly normal, and never beyond three deviations: three uniform numbers added."""
        return 2 * deviation * (self.uniform(0, 1, 3, *shape).sum(axis=1) - 1.5)


def _block(seed, stream, first, n, numbers):
    """Rows first … first + n of the endless table (…, numbers) of uniform numbers that a seed stands for."""
    bits = np.random.Philox(np.random.SeedSequence([seed, stream]))
    return np.random.Generator(bits.advance(first * numbers // 4)).random((n, numbers))


def _labels(seed, first, n):
    """Each ten pictures from a multiple of ten on hold each digit once, in an order of their own."""
    tens = range(first // 10, (first + n + 9) // 10)
    order = np.argsort(_block(seed, 1, tens.start, len(tens), 12)[:, :10], axis=1)
    return order.astype(np.uint8).reshape(-1)[first % 10 :][:n]


def _choose(table, labels, dice):
    """A way for each picture, (N,), and points between two of its variants, (N, POINTS, 2)."""
    way = (dice.uniform(0, 1, 1) >= table.limits[labels]).sum(axis=1)
    pair = (dice.uniform(0, 1, 2) * table.variants[way, None]).astype(int)
    between = dice.uniform(-0.3, 1.3, 1, 1)
    one, other = table.points[way, pair[:, 0]], table.points[way, pair[:, 1]]
    return way, one + between * (other - one)


def _write(points, inner, dice):
    """The points as a hand writes them, around the origin: unsteady, squeezed, slanted, turned."""
    points = points + dice.normal(3.0, POINTS, 2)
    # Strokes end too early, or too late.
    ends = points - np.take_along_axis(points, inner[..., None], axis=1)
    points += dice.normal(0.25, POINTS, 1) * ends
    x, y = points[..., 0] - 30, points[..., 1] - 50
    # Squeezed, with a smaller head or foot, and with a lower or higher waist.
    x = x * (1.1 + dice.normal(0.2, 1) + dice.normal(0.003, 1) * y)
    y = y + dice.normal(0.003, 1) * (y * y - 2500)
    # y grows downward: ink leans to the right when x falls as y grows.
    x = x - (0.12 + dice.normal(0.22, 1)) * y
    turn = dice.normal(0.14, 1)
    return np.stack([x - turn * y, y + turn * x], axis=-1)


def _pens(dice):
    """The numbers of each pen, in the order of the enumeration in strokes.h: (N, 17)."""
    # A product, because few pens are broad.
    radius = 0.8 + dice.uniform(0, 1, 1) * dice.uniform(0.6, 1.8, 1)
    pulse = [dice.uniform(0, 0.15, 1), dice.uniform(0.3, 2.5, 1), dice.uniform(0, 6.3, 1)]
    pen = [radius, dice.uniform(0.8, 1.5, 1), dice.normal(0.06, 2), *pulse]
    for _ in range(2):
        pen += [dice.normal(4, 2), dice.normal(0.024, 2), dice.uniform(0, 6.3, 1)]
    return np.concatenate(pen, axis=1)


TABLE = _Table(WAYS)


def _draw(table, labels, seed, first):
    """Pictures (N, 28, 28) number first, first + 1, … of a seed, of the digits `labels` (N,)."""
    dice = _Dice(_block(seed, 0, first, len(labels), NUMBERS))
    way, points = _choose(table, labels, dice)
    points = _write(points, table.inner[way], dice)
    pens = _pens(dice)
    images = np.empty((len(labels), SIDE, SIDE), np.uint8)
    _kernels.draw_strokes(points.astype(np.float32), table.kinds[way], pens.astype(np.float32), images)
    return images


def draw(n, *, seed=0, first=0, labels=None, ways=None):
    """Draw n handwritten digits, prepared as MNIST's pictures were.

    Picture i is number ``first + i`` of the endless series that `seed` (and its label) stands for, so a long
    series may be drawn in parts, anywhere and in any order.

    Parameters
    ----------
    n : int
        How many.
    seed, first : int
        Which series, and where in it to begin; neither is negative.
    labels : array_like of shape (n,), optional
        The digits to draw, 0 to 9. By default each ten pictures hold each digit once, shuffled.
    ways : dict, optional
        Other ways of writing all ten digits than `glyphs.WAYS`, in its notation.

    Returns
    -------
    images : ndarray of shape (n, 28, 28), uint8
        Ink is 255 on 0.
    labels : ndarray of shape (n,), uint8

    Raises
    ------
    ValueError
        A negative number, or labels that are not n digits.
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
        raise ValueError(f"labels of shape {labels.shape} for {n} pictures")
    if not np.isin(labels, range(10)).all():
        raise ValueError("labels are digits from 0 to 9")
    return labels.astype(np.uint8)
