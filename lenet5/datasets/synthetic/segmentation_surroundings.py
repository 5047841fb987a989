"""What surrounds the digit on a page without being written: the other side, stains, a table, a thumb, textures."""

import numpy as np
from PIL import Image, ImageDraw

from .photo_scene import noise
from .segmentation_digits import Digits
from .segmentation_page import Page, placed


def middle(page: Page) -> tuple[float, float, float, float]:
    """Centre and half sizes (y, x, dy, dx) of the digit, or of anything in the page."""
    if page.box is None:
        h, w = page.shape
        return h * page.rng.uniform(0.3, 0.7), w * page.rng.uniform(0.3, 0.7), 0.25 * h, 0.2 * w
    top, left, bottom, right = page.box
    return (top + bottom) / 2, (left + right) / 2, (bottom - top) / 2, (right - left) / 2


def show_through(page: Page, digits: Digits) -> None:
    """The other side's digits, mirrored and pale: they count as paper."""
    rng = page.rng
    for _ in range(int(rng.integers(1, 4))):
        matte, _ = digits.matte(rng, max(6, round(page.height * np.exp(rng.normal(0, 0.3)))))
        top, left = (int(rng.uniform(-0.2, 0.9) * n) for n in page.shape)
        pale = placed(page.shape, matte[:, ::-1], top, left) * rng.uniform(0.06, 0.25)
        page.relief = np.where(page.relief > 0, page.relief, np.maximum(page.relief, pale))


def stain(page: Page, digits: Digits) -> None:
    """A stain or the ring of a cup, pale or not: what it covers is paper where it is pale."""
    rng, (h, w) = page.rng, page.shape
    radius = page.height * rng.uniform(0.4, 1.5)
    far = np.hypot(page.y - h * rng.uniform(-0.1, 1.1), page.x - w * rng.uniform(-0.1, 1.1))
    edge = radius * (1 + 0.06 * noise(rng, page.shape, max(radius / 2, 3)))
    mask = np.clip((edge - far) / 2 + 0.5, 0, 1)
    if rng.random() < 0.5:
        mask = mask * np.clip((far - edge * rng.uniform(0.75, 0.93)) / 2 + 0.5, 0, 1)
    page.relief = np.where(page.relief < 0, page.relief, np.maximum(page.relief, mask * rng.uniform(0.05, 0.35)))


def highlighter(page: Page, digits: Digits) -> None:
    """Broad strokes of a highlighter over or beside the digit: they count as paper."""
    rng = page.rng
    y, x, dy, dx = middle(page)
    width, strength = page.height * rng.uniform(0.2, 0.6), rng.uniform(0.08, 0.5)
    along = np.linspace(-1, 1, 8)
    image = Image.new("L", page.shape[::-1])
    for _ in range(int(rng.integers(1, 4))):
        at, half = y + rng.uniform(-1, 1) * dy, (dx + 0.3 * page.height) * rng.uniform(0.5, 2)
        rise, bend = rng.normal(0, 0.1), rng.normal(0, 0.1)
        points = [(x + half * t, at + half * (rise * t + bend * t * t)) for t in along]
        ImageDraw.Draw(image).line(points, 255, max(2, round(width)), "curve")
    mask = np.asarray(image, np.float32) / 255
    page.relief = np.where(page.relief < 0, page.relief, np.maximum(page.relief, mask * strength))


def table(page: Page, digits: Digits) -> None:
    """The table beyond the paper's edges."""
    rng, (h, w) = page.rng, page.shape
    rooms = _rooms(page)
    sides = (page.x, w - page.x, page.y, h - page.y)
    mask = np.zeros(page.shape, np.float32)
    for side in range(4):
        if rng.random() < 0.45:
            reach = rooms[side] * rng.uniform(0.1, 0.9)
            along = (page.y - h / 2) if side < 2 else (page.x - w / 2)
            mask = np.maximum(mask, np.clip(reach - sides[side] - rng.normal(0, 0.06) * along, 0, 1))
    _cover(page, mask)


def thumb(page: Page, digits: Digits) -> None:
    """A finger that holds the page, or a pen's end."""
    rng, (h, w) = page.rng, page.shape
    rooms = _rooms(page)
    side = int(rooms.argmax()) if rng.random() < 0.7 else int(rng.integers(4))
    deep = (page.x, w - page.x, page.y, h - page.y)[side]
    along, n = (page.y, h) if side < 2 else (page.x, w)
    half = n * rng.uniform(0.06, 0.25)
    reach = max(rooms[side], 1) * rng.uniform(0.3, 1)
    aside = along - n * rng.uniform(0.1, 0.9) + 0.3 * rng.uniform(-1, 1) * deep
    _cover(page, np.clip((half - np.hypot(aside, np.maximum(deep - (reach - half), 0))) / 1.5, 0, 1))


def _rooms(page: Page) -> np.ndarray:
    """Pixels between the digit and each edge: left, right, top, bottom."""
    y, x, dy, dx = middle(page)
    h, w = page.shape
    return np.maximum([x - dx, w - x - dx, y - dy, h - y - dy], 1)


def _cover(page: Page, mask: np.ndarray) -> None:
    mask = (mask * (1 - page.near())).astype(np.float32)
    page.other = np.maximum(page.other, mask)
    level = page.rng.uniform(0.1, 0.8) if page.rng.random() < 0.6 else page.rng.uniform(1.05, 1.4)
    page.over.append((mask, level))


def texture(page: Page, digits: Digits) -> None:
    """Stripes, weaves and clouds of a page without a digit: they count as paper."""
    rng = page.rng
    angle = rng.uniform(0, np.pi)
    wave = np.sin((np.cos(angle) * page.x + np.sin(angle) * page.y) * rng.uniform(0.1, 1.5) + rng.uniform(0, 6.3))
    cloud = noise(rng, page.shape, float(np.exp(rng.uniform(0, np.log(40)))))
    page.relief = page.relief + (rng.uniform(0, 0.5) * wave + rng.uniform(0, 0.5) * cloud) * (page.relief == 0)
