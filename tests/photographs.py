"""Photos of one digit, composed: a page, ink, light, a camera. Each cause that a photo is hard for, alone or mixed.

Half of the digits are lines of the pen model, half are MNIST's training pictures where they are on disk, enlarged.
`photograph(cause, digit, seed)` is the same picture for the same arguments.
"""

import functools
import io

import numpy as np
from conftest import DATA_DIR
from PIL import Image, ImageDraw, ImageFilter

from lenet5 import datasets
from lenet5.datasets.synthetic import strokes
from lenet5.errors import LeNet5Error

SIDE = 420  # pixels, of the shorter side of a page


@functools.cache
def _mnist() -> tuple[np.ndarray, np.ndarray] | None:
    try:
        loaded = datasets.obtain("mnist", DATA_DIR, offline=True)
    except LeNet5Error:
        return None
    return loaded.train


def line_digit(digit: int, rng: np.random.Generator, height: int, pen: float) -> np.ndarray:
    """A digit drawn as lines of ``pen`` pixels; (h, w) float32, 0 to 1 of ink."""
    dice = strokes._Dice(strokes._block(int(rng.integers(2**31)), 0, 0, 1, strokes.NUMBERS))
    way, points = strokes._choose(strokes.TABLE, np.array([digit]), dice)
    points = strokes._write(points, strokes.TABLE.inner[way], dice)[0]
    return drawn_lines(points, strokes.TABLE.kinds[way][0], height, pen)


def drawn_lines(points: np.ndarray, kinds: np.ndarray, height: int, pen: float) -> np.ndarray:
    """Control points (n, 2) and their kinds, see lenet5/strokes.py, as lines; (h, w) float32, 0 to 1 of ink."""
    used = np.flatnonzero(kinds)
    n = used[-1] + 1
    lines, line = [], [points[0]]
    for k in range(1, n):
        if not kinds[k] & strokes.DRAWN:
            lines, line = [*lines, line], [points[k]]
            continue
        start = k - 1 if k == 1 or kinds[k - 1] & strokes.CORNER or not kinds[k - 1] & strokes.DRAWN else k - 2
        end = k if kinds[k] & strokes.CORNER or k == n - 1 or not kinds[k + 1] & strokes.DRAWN else k + 1
        a, b, c, d = points[start], points[k - 1], points[k], points[end]
        for t in np.linspace(0.1, 1, 10):
            bend = 2 * a - 5 * b + 4 * c - d, 3 * (b - c) + d - a
            line.append(0.5 * (2 * b + t * ((c - a) + t * (bend[0] + t * bend[1]))))
    lines = [np.array(line) for line in [*lines, line] if len(line) > 1]
    low, high = np.concatenate(lines).min(0), np.concatenate(lines).max(0)
    k = (height - pen) / max(high[1] - low[1], 0.5 * (high[0] - low[0]), 1)
    size = np.maximum(np.ceil((high - low) * k + pen + 2), 3).astype(int)
    picture = Image.new("L", tuple(int(n) for n in 2 * size))  # twice as large, then averaged
    draw = ImageDraw.Draw(picture)
    for line in lines:
        at = [tuple(p) for p in 2 * ((line - low) * k + pen / 2 + 1)]
        draw.line(at, fill=255, width=max(1, round(2 * pen)), joint="curve")
        for x, y in at:
            draw.ellipse((x - pen, y - pen, x + pen, y + pen), fill=255)
    return np.asarray(picture.reduce(2), np.float32) / 255


def mnist_digit(digit: int, rng: np.random.Generator, height: int) -> np.ndarray | None:
    """One of MNIST's training pictures, enlarged with sharp edges; None where MNIST is not on disk."""
    if _mnist() is None:
        return None
    X, y = _mnist()
    picture = X[rng.choice(np.flatnonzero(y == digit))]
    rows, columns = np.flatnonzero(picture.max(1)), np.flatnonzero(picture.max(0))
    part = np.pad(picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    k = height / (len(part) - 2)
    size = round(part.shape[1] * k), round(part.shape[0] * k)
    large = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BICUBIC), np.float32) / 255
    return np.clip((large - 0.35) / 0.3, 0, 1)


def _noise(rng, shape, size: float) -> np.ndarray:
    """Smooth noise of deviation about 1 whose spots are ``size`` pixels large."""
    small = rng.normal(0, 1, [max(2, int(n / size) + 2) for n in shape]).astype(np.float32)
    return np.asarray(Image.fromarray(small).resize(shape[::-1], Image.Resampling.BICUBIC))


class Scene:
    """A page on which one cause after the other leaves its mark; ``page`` and ``ink`` in 0..1 of light."""

    def __init__(self, digit: int, rng: np.random.Generator, pen: float | None = None, contrast: float | None = None,
                 part: tuple[float, float] = (0.3, 0.65), margin: int = 20):  # fmt: skip
        self.rng = rng
        self.shape = (SIDE, int(SIDE * rng.uniform(0.9, 1.4)))
        if rng.random() < 0.3:
            self.shape = self.shape[::-1]
        self.height = int(min(self.shape) * rng.uniform(*part))
        self.page = np.full((*self.shape, 3), rng.uniform(0.75, 0.97), np.float32) * rng.uniform(0.96, 1, 3)
        width = self.height * (pen or float(np.exp(rng.uniform(np.log(0.03), np.log(0.13)))))
        matte = mnist_digit(digit, rng, self.height) if pen is None and rng.random() < 0.5 else None
        matte = line_digit(digit, rng, self.height, max(width, 1.5)) if matte is None else matte
        h, w = np.minimum(matte.shape, np.array(self.shape) - 40)
        matte = matte[:h, :w]
        self.ink = np.zeros(self.shape, np.float32)
        rooms = [(n - m, min(margin, (n - m) // 2)) for n, m in zip(self.shape, (h, w), strict=True)]
        top, left = (int(rng.integers(edge, room - edge + 1)) for room, edge in rooms)
        self.box = (top, left, top + h, left + w)
        self.ink[top : top + h, left : left + w] = matte
        self.colour = np.array(INKS[int(rng.integers(len(INKS)))])
        self.strength = contrast or rng.uniform(0.75, 1)
        self.light = np.ones(self.shape, np.float32)
        self.over = None  # (mask, colour) of what lies on top
        self.blur, self.grain, self.quality = rng.uniform(0.3, 1.0), rng.uniform(0.002, 0.012), 88

    def taken(self) -> Image.Image:
        """The photo, as a camera would take it."""
        amount = (self.ink * self.strength)[..., None]
        picture = self.page * (1 - amount) + self.page * self.colour * amount
        if self.over is not None:
            mask, colour = self.over
            picture = picture * (1 - mask[..., None]) + mask[..., None] * colour
        picture = picture * self.light[..., None]
        picture = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
        picture = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(self.blur))
        picture = np.asarray(picture, np.float32) / 255 + self.rng.normal(0, self.grain, (*self.shape, 3))
        image = Image.fromarray(np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=self.quality)
        return Image.open(stream)


INKS = [(0.05, 0.05, 0.06), (0.1, 0.15, 0.55), (0.12, 0.1, 0.3), (0.65, 0.1, 0.1), (0.2, 0.2, 0.22), (0.05, 0.35, 0.2)]


def _grid(s: Scene):
    y, x = np.mgrid[: s.shape[0], : s.shape[1]].astype(np.float32)
    return y, x


def _rules(s: Scene, spacing: float, directions: int, colour, strength: float) -> None:
    """Parallel lines, a little turned, seen a little from one side."""
    y, x = _grid(s)
    turn, taper = s.rng.normal(0, 0.025), s.rng.normal(0, 0.02)
    width = s.rng.uniform(1.0, 2.6)
    for direction in range(directions):
        across, along = (y, x) if direction == 0 else (x, -y)
        n = s.shape[direction]
        place = (across + turn * along) * (1 + taper * (along / n - 0.5)) / spacing + s.rng.random()
        away = abs(place - np.rint(place)) * spacing
        line = np.clip(width / 2 + 0.5 - away, 0, 1)[..., None] * strength
        s.page = s.page * (1 - line * (1 - np.array(colour, np.float32)))


def plain(s):
    """Pen on paper."""


def ruled(s):
    """Ruled paper."""
    colour = [(0.45, 0.6, 0.85), (0.6, 0.6, 0.62), (0.35, 0.45, 0.7)][s.rng.integers(3)]
    _rules(s, s.height / s.rng.uniform(0.8, 3), 1, colour, s.rng.uniform(0.5, 1))
    if s.rng.random() < 0.4:  # the red line of the margin
        y, x = _grid(s)
        at = s.shape[1] * s.rng.uniform(0.03, 0.2)
        line = np.clip(1.5 - abs(x + 0.02 * y - at), 0, 1)[..., None]
        s.page = s.page * (1 - line * (1 - np.array((0.9, 0.45, 0.45))))


def squared(s):
    """Squared paper."""
    colour = [(0.5, 0.65, 0.85), (0.6, 0.6, 0.62), (0.45, 0.55, 0.75)][s.rng.integers(3)]
    _rules(s, s.height / s.rng.uniform(1, 4.5), 2, colour, s.rng.uniform(0.4, 0.9))


def shadow(s):
    """The hard edge of a shadow across the page."""
    y, x = _grid(s)
    angle, at = s.rng.uniform(0, 6.3), s.rng.uniform(-0.25, 0.25)
    side = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5) - at
    s.light *= 1 - (1 - s.rng.uniform(0.45, 0.75)) * np.clip(side * s.rng.uniform(8, 60) + 0.5, 0, 1)


def hand_shadow(s):
    """The soft shadow of a hand or telephone."""
    y, x = _grid(s)
    cy, cx = s.rng.uniform(0, s.shape[0]), s.rng.uniform(0, s.shape[1])
    far = ((y - cy) / (0.45 * s.shape[0])) ** 2 + ((x - cx) / (0.3 * s.shape[1])) ** 2
    s.light *= 1 - s.rng.uniform(0.3, 0.55) / (1 + far ** s.rng.uniform(1, 4))


def gradient(s):
    """Light that falls off over the page."""
    y, x = _grid(s)
    angle = s.rng.uniform(0, 6.3)
    t = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5)
    s.light *= np.exp(t * s.rng.uniform(0.8, 1.8)) * 0.7


def vignette(s):
    """Corners that are dark."""
    y, x = _grid(s)
    far = (2 * y / s.shape[0] - 1) ** 2 + (2 * x / s.shape[1] - 1) ** 2
    s.light *= np.maximum(1 - s.rng.uniform(0.25, 0.45) * far ** s.rng.uniform(0.8, 2), 0.1)


def grain(s):
    """Rough or recycled paper."""
    texture = 0.025 * _noise(s.rng, s.shape, 1) + 0.02 * _noise(s.rng, s.shape, 4) + 0.02 * _noise(s.rng, s.shape, 25)
    s.page = s.page * (0.9 + s.rng.uniform(0.5, 1.3) * texture[..., None])


def creases(s):
    """Paper that was folded or crumpled."""
    y, x = _grid(s)
    for _ in range(s.rng.integers(1, 4)):
        angle, at = s.rng.uniform(0, 6.3), s.rng.uniform(-0.4, 0.4)
        d = np.cos(angle) * (x / s.shape[1] - 0.5) + np.sin(angle) * (y / s.shape[0] - 0.5) - at
        d = d * min(s.shape) + 3 * _noise(s.rng, s.shape, 60)
        s.light *= 1 - s.rng.uniform(0.06, 0.14) * np.exp(-abs(d) / 3) + 0.06 * np.tanh(d / 12)


def thumb(s):
    """A thumb at the edge."""
    y, x = _grid(s)
    height, width = s.shape
    top, left, bottom, right = s.box
    rooms = [top, left, height - bottom, width - right]  # above, left, below, right of the digit
    edge = int(np.argmax(rooms))
    reach = rooms[edge] * s.rng.uniform(0.6, 0.92)
    half = 0.5 * min(height, width) * s.rng.uniform(0.16, 0.28)
    along = s.rng.uniform(0.2, 0.8) * (width if edge in (0, 2) else height)
    deep = {0: y, 1: x, 2: height - y, 3: width - x}[edge]
    side = (x if edge in (0, 2) else y) - along + 0.3 * deep * s.rng.uniform(-1, 1)
    tip = np.hypot(side, np.maximum(deep - (reach - half), 0)) if reach > half else np.hypot(side, deep + half - reach)
    skin = np.array([(0.86, 0.65, 0.53), (0.55, 0.38, 0.28), (0.72, 0.52, 0.42), (0.35, 0.24, 0.19)][s.rng.integers(4)])
    mask = np.clip((half - tip) / 2, 0, 1)
    s.over = (mask, skin * (0.9 + 0.1 * np.clip((half - tip) / half, 0, 1)[..., None]))
    s.light *= 1 - 0.25 * np.clip(1 - abs(tip - half) / 12, 0, 1) * (tip > half)


def table(s):
    """A sheet on a darker table."""
    y, x = _grid(s)
    top, left, bottom, right = s.box
    turn = s.rng.normal(0, 0.03)
    mask = np.zeros(s.shape, np.float32)
    for room, d in [(top, y + turn * x), (left, x - turn * y), (s.shape[0] - bottom, s.shape[0] - y + turn * x),
                    (s.shape[1] - right, s.shape[1] - x - turn * y)]:  # fmt: skip
        if s.rng.random() < 0.6:
            mask = np.maximum(mask, np.clip(room * s.rng.uniform(0.2, 0.6) - d, 0, 1))
    wood = np.array([(0.35, 0.22, 0.14), (0.2, 0.2, 0.22), (0.5, 0.36, 0.24), (0.08, 0.08, 0.1)][s.rng.integers(4)])
    s.over = (mask, wood * (1 + 0.12 * _noise(s.rng, s.shape, 12)[..., None]))


def neighbour(s):
    """Parts of other writing at the edge."""
    for _ in range(s.rng.integers(1, 3)):
        other = line_digit(int(s.rng.integers(10)), s.rng, s.height, max(2, 0.05 * s.height))
        top, left, _, right = s.box
        room = {"left": left, "right": s.shape[1] - right}
        side = max(room, key=room.get)
        seen = int(min(room[side] * 0.35, other.shape[1] * 0.7))
        if seen < 4:
            continue
        y = int(np.clip(top + s.rng.integers(-20, 20), 0, s.shape[0] - other.shape[0] - 1))
        target = np.s_[y : y + other.shape[0], :seen] if side == "left" else np.s_[y : y + other.shape[0], -seen:]
        s.ink[target] = np.maximum(s.ink[target], other[:, -seen:] if side == "left" else other[:, :seen])


def specks(s):
    """Dust, dots, spots."""
    y, x = _grid(s)
    for _ in range(s.rng.integers(4, 16)):
        cy, cx, r = s.rng.uniform(0, s.shape[0]), s.rng.uniform(0, s.shape[1]), s.rng.uniform(1, 4.5)
        s.page = s.page * (1 - np.clip(r - np.hypot(y - cy, x - cx), 0, 1)[..., None] * s.rng.uniform(0.3, 0.85))


def bleed(s):
    """The other side of the sheet shines through."""
    other = line_digit(int(s.rng.integers(10)), s.rng, s.height, 0.09 * s.height)[:, ::-1]
    h, w = np.minimum(other.shape, s.shape)
    top, left = s.rng.integers(0, s.shape[0] - h + 1), s.rng.integers(0, s.shape[1] - w + 1)
    s.page[top : top + h, left : left + w] *= 1 - s.rng.uniform(0.06, 0.14) * other[:h, :w, None]
    s.page = np.asarray(s.page)


def pencil(s):
    """A pencil: grey, grainy, uneven."""
    s.colour = np.array((0.35, 0.35, 0.37))
    s.ink *= np.clip(0.75 + 0.35 * _noise(s.rng, s.shape, 1.5) + 0.2 * _noise(s.rng, s.shape, 30), 0.1, 1)
    s.strength = s.rng.uniform(0.4, 0.85)


def faint(s):
    """A light pencil, or a pen that is nearly dry."""
    s.strength = s.rng.uniform(0.12, 0.25)
    s.colour = np.array((0.2, 0.2, 0.22))


def ballpoint(s):
    """A blue ballpoint with gaps."""
    s.colour = np.array((0.15, 0.2, 0.62))
    s.ink *= np.clip(1.1 + 0.4 * _noise(s.rng, s.shape, 5), 0.25, 1)


def chalk(s):
    """Chalk on a board that was wiped."""
    board = np.array([(0.16, 0.3, 0.24), (0.12, 0.13, 0.15)][s.rng.integers(2)])
    s.page = (1 + 0.25 * _noise(s.rng, s.shape, 50)[..., None]) * board + 0.02 * _noise(s.rng, s.shape, 3)[..., None]
    s.page = np.clip(s.page, 0.02, 1).astype(np.float32)
    s.ink *= np.clip(0.85 + 0.35 * _noise(s.rng, s.shape, 2), 0, 1)
    s.colour = np.array((0.93, 0.93, 0.9)) / s.page


def coloured(s):
    """One colour on another."""
    pairs = [
        ((0.95, 0.85, 0.3), (0.8, 0.15, 0.5)),
        ((0.55, 0.75, 0.95), (0.85, 0.2, 0.2)),
        ((0.2, 0.25, 0.6), (0.95, 0.8, 0.2)),
        ((0.95, 0.6, 0.65), (0.1, 0.5, 0.25)),
        ((0.5, 0.5, 0.5), (0.85, 0.3, 0.25)),
        ((0.1, 0.4, 0.3), (0.95, 0.55, 0.4)),
    ]
    page, ink = pairs[s.rng.integers(len(pairs))]
    s.page = np.broadcast_to(np.array(page, np.float32), s.page.shape).copy()
    s.colour = np.array(ink) / s.page


def blurred(s):
    """Out of focus."""
    s.blur = s.rng.uniform(0.02, 0.05) * s.height


def noisy(s):
    """A small sensor in the dark."""
    s.light *= s.rng.uniform(0.3, 0.6)
    s.grain = s.rng.uniform(0.03, 0.06)


def jpeg(s):
    """JPEG of quality 5 to 15."""
    s.quality = int(s.rng.integers(5, 16))


def dim(s):
    """Far too dark."""
    s.light *= s.rng.uniform(0.1, 0.25)


def mixed(s):
    """Three causes at once."""
    for k in s.rng.choice(len(MIXED), 3, replace=False):
        MIXED[k](s)


MIXED = [ruled, squared, shadow, gradient, grain, specks, vignette, ballpoint, hand_shadow, creases, thumb]
#: Cause: what it does, and arguments of `Scene`.
CAUSES = {
    mark.__name__: (mark, {})
    for mark in [plain, *MIXED, table, neighbour, bleed, chalk, coloured, blurred, noisy, jpeg, dim, faint, mixed]
} | {
    "pencil": (pencil, {"pen": 0.035}),
    "thin": (plain, {"pen": 0.012}),
    "marker": (plain, {"pen": 0.2}),
    "ruled-pencil": (lambda s: (ruled(s), pencil(s)), {"pen": 0.04}),
}


def _drawn(s: Scene, draw, mark) -> None:
    """What ``draw`` (of an ImageDraw and a scale) draws in white, by the digit's pen or, half as often, another one."""
    picture = Image.new("L", (2 * s.shape[1], 2 * s.shape[0]))
    draw(ImageDraw.Draw(picture), 2)
    lines = np.asarray(picture.reduce(2), np.float32) / 255
    if mark == "pen" and s.rng.random() < 0.67:
        s.ink = np.maximum(s.ink, lines)
    else:
        colour = (0.85, 0.15, 0.15) if mark == "pen" else np.full(3, s.rng.uniform(0.1, 0.6))
        s.page = s.page * (1 - lines[..., None] * (1 - np.array(colour, np.float32)))


def circled(s):
    """A ring round the digit by hand, or two."""
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
    """A box round the digit, by hand or printed."""
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
    """A line below the digit, or two."""
    _, left, bottom, right = s.box
    pen, gap = max(2, s.height * s.rng.uniform(0.025, 0.06)), s.height * s.rng.uniform(0.13, 0.25)
    beyond = s.height * s.rng.uniform(0.05, 0.3)
    for k in range(1 + (s.rng.random() < 0.4)):
        ends = (left - beyond, bottom + gap * (k + 1)), (right + beyond, bottom + gap * (k + 1) + s.rng.normal(0, 3))
        _drawn(s, lambda d, k, p=ends: d.line([(k * x, k * y) for x, y in p], 255, round(k * pen)), "pen")


def framed(s):
    """A printed line round the picture."""
    gap, width = int(s.rng.integers(6, 18)), int(s.rng.integers(1, 5))
    corner = 2 * (s.shape[1] - gap), 2 * (s.shape[0] - gap)
    _drawn(s, lambda d, k: d.rectangle((k * gap, k * gap, *corner), outline=255, width=k * width), "print")


def _lies_on(s, mask: np.ndarray, ground) -> None:
    """What of the page ``mask`` (H, W) leaves out is a table or wall."""
    s.over = (1 - mask, np.asarray(ground, np.float32))


def sheet(s):
    """A tilted sheet, seen whole, on a table that is darker or a little so."""
    y, x = _grid(s)
    top, left, bottom, right = s.box
    turn = np.radians(s.rng.choice([-1, 1]) * s.rng.uniform(2, 18))
    y, x = y - (top + bottom) / 2, x - (left + right) / 2
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    half = 0.5 * np.hypot(bottom - top, right - left) + s.rng.uniform(8, 60, 2)
    mask = np.clip(np.minimum(half[0] - abs(across), half[1] - abs(along)), 0, 1)
    wood = np.array([(0.35, 0.22, 0.14), (0.2, 0.2, 0.22), (0.5, 0.36, 0.24), (0.6, 0.58, 0.55)][s.rng.integers(4)])
    _lies_on(s, mask, wood * (1 + 0.08 * _noise(s.rng, s.shape, 12)[..., None]))


def note(s):
    """A note in colour, on a desk or a white wall."""
    sheet(s)
    colour = [(0.98, 0.9, 0.45), (0.98, 0.6, 0.7), (0.6, 0.9, 0.6), (0.55, 0.8, 0.95)][s.rng.integers(4)]
    s.page, s.colour = s.page * np.array(colour, np.float32), np.array((0.1, 0.1, 0.12))
    if s.rng.random() < 0.5:
        s.over = (s.over[0], np.full(3, 0.9, np.float32))


def highlighted(s):
    """A broad bar of a highlighter behind the digit or a part of it."""
    top, left, _, right = s.box
    y, x = _grid(s)
    reach, (low, high) = 0.35 * s.height, [(-0.06, 1.1), (0.3, 0.75)][s.rng.integers(2)]
    edges = [x - left + reach, right + reach - x, y - top - low * s.height, top + high * s.height - y]
    colour = [(0.98, 0.95, 0.25), (0.5, 0.97, 0.5), (1, 0.58, 0.78), (1, 0.7, 0.3)][s.rng.integers(4)]
    bar = np.clip(np.minimum.reduce(edges), 0, 1)[..., None]
    s.page = (s.page * (1 - bar) + 0.96 * np.array(colour, np.float32) * bar).astype(np.float32)
    s.strength = s.rng.uniform(0.85, 1)


ROUND = {"part": (0.3, 0.4), "margin": 120}
#: The same for what is no reason of light or paper: what lies round the digit.
SURROUNDINGS = {
    "circled": (circled, ROUND),
    "boxed": (boxed, ROUND),
    "underlined": (underlined, ROUND),
    "framed": (framed, {"margin": 40}),
    "sheet": (sheet, ROUND),
    "note": (note, ROUND | {"pen": 0.08}),
    "highlighted": (highlighted, ROUND | {"pen": 0.06}),
}


def photograph(cause: str, digit: int, seed: int) -> Image.Image:
    """A photo of ``digit`` that is hard for this reason, one of `CAUSES` and `SURROUNDINGS`."""
    rng = np.random.default_rng([seed, digit, [*sorted(CAUSES), *SURROUNDINGS].index(cause)])
    mark, settings = (CAUSES | SURROUNDINGS)[cause]
    scene = Scene(digit, rng, **settings)
    mark(scene)
    return scene.taken()
