"""What stands on a page besides the digit: each mark is laid on a `Page` as another one."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import segmentation_surroundings as surroundings
from .segmentation_digits import Digits, sign
from .segmentation_page import Page, placed
from .segmentation_surroundings import middle


def scatter(page: Page, layout: str, digits: Digits) -> None:
    """Lay marks at random: each with its own probability, which is higher on a page without a digit."""
    more = 2.0 if layout == "empty" else 1.0
    for mark, probability, layouts in MARKS:
        if layout in layouts and page.rng.random() < more * probability:
            mark(page, digits)


def neighbours(page: Page, digits: Digits) -> None:
    """Parts of other digits or letters, cut off by the edge."""
    for _ in range(1 if page.rng.random() < 0.6 else 2):
        _neighbour(page, digits)


def _neighbour(page: Page, digits: Digits) -> None:
    rng, (H, W) = page.rng, page.shape
    height = max(6, round(page.height * np.exp(rng.normal(0, 0.2))))
    matte, _ = digits.matte(rng, height, is_sign=rng.random() < 0.3, turn=0.1)
    h, w = matte.shape
    top, left, bottom, right = page.box or (H // 2, W // 2, H // 2, W // 2)
    rooms = np.array([left, W - right, top, H - bottom], float)
    side = int(rooms.argmax()) if rng.random() < 0.6 else int(rng.integers(4))
    size = w if side < 2 else h
    seen = min(rng.uniform(0.06, 0.6) * size, 0.9 * max(rooms[side], 0) + rng.uniform(0, 0.06) * size)
    y, x = top + rng.normal(0, 0.25) * height, left + rng.normal(0, 0.4) * w
    x, y = (seen - w, W - seen, x, x)[side], (y, y, seen - h, H - seen)[side]
    page.lay(placed(page.shape, matte, round(y), round(x)), rng.uniform(0.75, 1.1))


def whole_neighbours(page: Page, digits: Digits) -> None:
    """The digits before and after, as whole as there is room: the one in the middle is the digit."""
    rng, W = page.rng, page.shape[1]
    if page.box is None or abs(page.box[1] + page.box[3] - W) > 0.3 * W:
        return
    top, left, _, right = page.box
    gap, height = page.height * rng.uniform(0.15, 0.6), page.height
    for side in (-1, 1):
        matte, _ = digits.matte(rng, max(6, round(height * np.exp(rng.normal(0, 0.1)))))
        x = right + gap if side > 0 else left - gap - matte.shape[1]
        page.lay(placed(page.shape, matte, round(top + rng.normal(0, 0.06) * height), round(x)), rng.uniform(0.8, 1.05))


def rules(page: Page, digits: Digits) -> None:
    """Ruled or squared paper; also bright lines."""
    rng = page.rng
    spacing, width = max(5, page.height * rng.uniform(0.2, 1.4)), rng.uniform(0.5, 2.2) * (1 + page.height / 100)
    strength, turn = rng.uniform(0.1, 1) * (-1 if rng.random() < 0.08 else 1), rng.normal(0, 0.03)
    across = int(rng.random() < 0.15)
    for direction in range(1 + (rng.random() < 0.5)):
        place = (page.y + turn * page.x, page.x - turn * page.y)[(direction + across) % 2] / spacing + rng.random()
        away = abs(place - np.rint(place)) * spacing
        mask = np.clip(width / 2 + 0.5 - away, 0, 1) * min(width, 1)
        if rng.random() < 0.15:  # dashed
            along = (page.x, page.y)[(direction + across) % 2] / rng.uniform(2, 12)
            mask = mask * (along % 1 < rng.uniform(0.4, 0.8))
        page.lay(mask, strength)


def single_lines(page: Page, digits: Digits) -> None:
    """Lines across the page, as of a form; with a digit also through it."""
    rng, (h, w) = page.rng, page.shape
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.normal(0, 0.05) + (np.pi / 2 if rng.random() < 0.4 else 0)
        away = abs((page.x - w * rng.random()) * np.sin(angle) + (page.y - h * rng.random()) * np.cos(angle))
        page.lay(np.clip(rng.uniform(0.5, 3) - away + 0.5, 0, 1), rng.uniform(0.3, 1))


def folds(page: Page, digits: Digits) -> None:
    """Creases and hairs: thin bent lines, mostly from edge to edge."""
    rng, (h, w) = page.rng, page.shape
    for _ in range(int(rng.integers(1, 3))):
        along = np.linspace(-0.6, 0.6, 16)
        bend = np.cumsum(rng.normal(0, 0.03, 16)) + rng.normal(0, 0.1) * along
        angle, reach = rng.uniform(0, 2 * np.pi), np.hypot(h, w) * (1 if rng.random() < 0.7 else rng.uniform(0.1, 0.5))
        sin, cos = np.sin(angle), np.cos(angle)
        y, x = along * sin + bend * cos, along * cos - bend * sin
        points = np.stack([y, x], 1) * reach + page.rng.uniform(0.1, 0.9, 2) * (h, w)
        _line(page, points, rng.uniform(0.6, 2.2), rng.uniform(0.15, 1) * (-1 if rng.random() < 0.2 else 1))


def points(page: Page, digits: Digits) -> None:
    """Signs beside the digit, much smaller than it or thin: a full stop, a comma, brackets, dashes."""
    rng = page.rng
    y, x, dy, dx = middle(page)
    for side in (1,) if rng.random() < 0.7 else (-1, 1):
        text = str(rng.choice(list("..,,:-)(/#")))
        size = max(6, round(page.height * rng.uniform(0.6, 1.2)))
        image = Image.new("L", page.shape[::-1])
        font = ImageFont.load_default(size)
        width = font.getlength(text)
        left = x + side * (dx + page.height * rng.uniform(0.06, 0.4)) - (width if side < 0 else 0)
        at = left, y + dy + rng.normal(0, 0.05) * size
        ImageDraw.Draw(image).text(at, text, 255, font, "ls", stroke_width=round(rng.uniform(0, 0.05) * size))
        mask = np.asarray(image, np.float32) / 255
        page.lay(mask * (1 - page.near()), rng.uniform(0.7, 1.05))


def border(page: Page, digits: Digits) -> None:
    """A frame along the edges of the image, some sides only, or a band of another tone."""
    rng, (h, w) = page.rng, page.shape
    gaps, width = rng.uniform(-1, 10, 4) * min(1, page.height / 60), rng.uniform(1, 5)
    sides = [page.y - gaps[0], h - gaps[1] - page.y, page.x - gaps[2], w - gaps[3] - page.x]
    drawn = [np.broadcast_to(side, page.shape) for side in sides if rng.random() < 0.8]
    away = np.minimum.reduce(drawn or [sides[0] + 0 * page.x])
    inner = np.clip(width - away + 0.5, 0, 1)
    mask = inner if rng.random() < 0.3 else np.clip(away + 0.5, 0, 1) * inner
    page.lay(mask * (1 - page.near()), rng.uniform(0.25, 1.3) * (-1 if rng.random() < 0.25 else 1))


def _pen(page: Page) -> float:
    return max(0.7, page.height * page.rng.uniform(0.02, 0.08))


def box(page: Page, digits: Digits) -> None:
    """A box round the digit, printed or by hand."""
    rng = page.rng
    y, x, dy, dx = middle(page)
    gap = page.height * rng.uniform(0.1, 0.4, 2)
    dx = max(dx + gap[0], 0.35 * page.height)
    skew = rng.normal(0, 0.03, 2)
    aside, above = page.x - x + skew[0] * (page.y - y), page.y - y + skew[1] * (page.x - x)
    away = np.maximum(abs(aside) - dx, abs(above) - dy - gap[1])
    page.lay(np.clip(_pen(page) / 2 + 0.5 - abs(away), 0, 1), rng.uniform(0.4, 1))


def ring(page: Page, digits: Digits) -> None:
    """A ring round the digit, by hand: not round, not closed, of one turn or two."""
    rng = page.rng
    y, x, dy, dx = middle(page)
    radius = np.array([dy, max(dx, 0.6 * dy)]) * rng.uniform(1.3, 1.75, 2) + 0.05 * page.height
    centre = np.array([y, x]) + rng.normal(0, 0.06, 2) * page.height
    angle = np.linspace(0, 2 * np.pi * rng.uniform(0.9, 1.15) * (2 if rng.random() < 0.2 else 1), 60)
    wobble = 1 + 0.05 * np.sin(2 * angle + rng.uniform(0, 6.3)) + np.linspace(0, rng.normal(0, 0.08), 60)
    start = rng.uniform(0, 6.3)
    points = centre + radius * wobble[:, None] * np.stack([np.sin(angle + start), np.cos(angle + start)], 1)
    _line(page, points, _pen(page), rng.uniform(0.6, 1.05))


def underline(page: Page, digits: Digits) -> None:
    """One or two lines below the digit, longer than it is wide."""
    rng = page.rng
    y, x, dy, dx = middle(page)
    half = max(dx, 0.25 * page.height) * rng.uniform(1.1, 2.5)
    at, tilt, bend = y + dy + page.height * rng.uniform(-0.02, 0.3), rng.normal(0, 0.04), rng.normal(0, 0.04)
    along = np.linspace(-1, 1, 12)
    for i in range(1 + (rng.random() < 0.3)):
        level = at + i * 0.12 * page.height + half * (tilt * along + bend * along**2)
        _line(page, np.stack([level, x + half * along], 1), _pen(page), rng.uniform(0.6, 1.05))


def _line(page: Page, points: np.ndarray, pen: float, strength: float) -> None:
    """A line through points (n, 2) of (y, x)."""
    image = Image.new("L", (2 * page.shape[1], 2 * page.shape[0]))
    ImageDraw.Draw(image).line([(2 * x, 2 * y) for y, x in points], 255, max(1, round(2 * pen)), "curve")
    page.lay(np.asarray(image.reduce(2), np.float32) / 255, strength)


def words(page: Page, digits: Digits) -> None:
    """Lines of print or of letters by hand beside the digit, or cut off by the edge."""
    rng, (h, w) = page.rng, page.shape
    size = max(5, round(page.height * rng.uniform(0.12, 0.5)))
    taken = page.near() > 0
    for _ in range(int(rng.integers(1, 4))):
        top, left = int(rng.uniform(-0.3 * size, h - 0.5 * size)), int(rng.uniform(-0.5, 0.8) * w)
        mask = _written(page, top, left, size) if rng.random() < 0.5 else _printed(page, top, left, size)
        if not (taken & (mask > 0)).any():
            page.lay(mask, rng.uniform(0.4, 1.05))


def _printed(page: Page, top: int, left: int, size: int) -> np.ndarray:
    rng = page.rng
    n = int(rng.integers(2, 14))
    letters = "".join(chr(rng.integers(97, 123)) if rng.random() < 0.8 else " " for _ in range(n))
    image = Image.new("L", page.shape[::-1])
    ImageDraw.Draw(image).text((left, top), letters.title() if rng.random() < 0.5 else letters, 255,
                               ImageFont.load_default(size))  # fmt: skip
    return np.asarray(image, np.float32) / 255


def _written(page: Page, top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros(page.shape, np.float32)
    for _ in range(int(page.rng.integers(2, 7))):
        letter = sign(page.rng, max(4, round(size * page.rng.uniform(0.6, 1.1))))
        mask = np.maximum(mask, placed(page.shape, letter, top + size - letter.shape[0], left))
        left += letter.shape[1] + round(0.15 * size)
    return mask


def specks(page: Page, digits: Digits) -> None:
    """Dots and crumbs anywhere but on the digit."""
    rng = page.rng
    cell = float(np.exp(rng.uniform(np.log(1.5), np.log(5))))
    shape = [int(n / cell) + 1 for n in page.shape]
    dots = Image.fromarray((rng.random(shape) < rng.uniform(0.002, 0.02)).astype(np.float32))
    mask = np.clip(1.5 * np.asarray(dots.resize(page.shape[::-1], Image.Resampling.BICUBIC)), 0, 1)
    page.lay(mask * (1 - page.near()), rng.uniform(0.3, 1))


_AROUND = ("loose", "sign", "small", "zoomed", "number")
_WITH_ROOM = (*_AROUND, "empty")
#: (mark, how often, layouts it belongs to), in the order of laying. A ring or a box alone on a page may be a 0.
#: A line across a digit that is cut to its ink may be the base of a 2.
MARKS = (
    (surroundings.texture, 0.25, ("empty",)),
    (surroundings.stain, 0.05, _WITH_ROOM),
    (surroundings.highlighter, 0.08, _WITH_ROOM),
    (surroundings.show_through, 0.08, _AROUND),
    (surroundings.show_through, 0.12, ("empty",)),
    (rules, 0.2, _WITH_ROOM),
    (rules, 0.1, ("tight",)),
    (single_lines, 0.08, _WITH_ROOM),
    (single_lines, 0.03, ("tight",)),
    (folds, 0.06, _WITH_ROOM),
    (points, 0.1, ("loose", "small", "zoomed")),
    (border, 0.12, (*_WITH_ROOM, "tight")),
    (box, 0.08, _AROUND),
    (ring, 0.12, ("loose", "sign", "small")),
    (underline, 0.08, ("loose", "small", "zoomed", "empty")),
    (words, 0.08, ("loose", "sign", "small", "empty")),
    (specks, 0.12, _WITH_ROOM),
    (neighbours, 0.28, ("loose", "small", "zoomed", "tight")),
    (whole_neighbours, 0.14, ("zoomed", "loose")),
    (surroundings.table, 0.1, _WITH_ROOM),
    (surroundings.thumb, 0.1, _WITH_ROOM),
)
