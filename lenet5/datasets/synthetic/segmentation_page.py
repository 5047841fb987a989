"""A page under construction: its digit, other marks, tones and light; all in 0..1 and pixels of the canvas."""

import numpy as np
from PIL import Image

from .photo_scene import noise

_NEAR = 3  # pixels around the digit that nothing is laid over


class Page:
    """What lies where on a canvas of ``shape`` (h, w).

    ink, other : coverage (h, w) float32 by the digit and by what is neither digit nor paper
    relief : how far a pixel is from paper to ink, (h, w) float32; negative where it is brighter than dark ink's paper
    box : (top, left, bottom, right) of the digit; None without one
    label : the digit; -1 where there is none, or several, or another sign
    native : pixels of the long side that the camera sees; None to be chosen
    """

    def __init__(self, shape: tuple[int, int], rng: np.random.Generator):
        self.shape, self.rng = shape, rng
        self.ink, self.other, self.relief = (np.zeros(shape, np.float32) for _ in range(3))
        self.y, self.x = (np.arange(n, dtype=np.float32) + 0.5 for n in shape)
        self.y = self.y[:, None]
        self.box: tuple[int, int, int, int] | None = None
        self.label = -1
        self.native: float | None = None
        self.over: list[tuple[np.ndarray, float]] = []  # (mask, level relative to the paper) of what lies on top

    @property
    def height(self) -> float:
        """That of the digit; without one, what one might have."""
        return self.box[2] - self.box[0] if self.box else 0.5 * min(self.shape)

    def put_digit(self, matte: np.ndarray, top: int, left: int) -> None:
        """Write a digit (h, w) with its corner there; what does not fit is cut off."""
        top, left = int(top), int(left)
        self.ink = np.maximum(self.ink, placed(self.shape, matte, top, left))
        new = (top, left, top + matte.shape[0], left + matte.shape[1])
        old = self.box or new
        self.box = min(old[0], new[0]), min(old[1], new[1]), max(old[2], new[2]), max(old[3], new[3])

    def lay(self, mask: np.ndarray, strength: float) -> None:
        """Draw another mark (h, w), with this fraction of the ink's contrast; a negative one is bright."""
        mask = np.clip(mask, 0, 1)
        self.other = np.maximum(self.other, mask)
        if strength < 0:
            self.relief = self.relief * (1 - mask) + strength * mask
        else:
            self.relief = np.maximum(self.relief, mask * strength)

    def near(self) -> np.ndarray:
        """Where the digit is, and around it; (h, w) float32."""
        return grown(self.ink, _NEAR)


def placed(shape: tuple[int, int], matte: np.ndarray, top: int, left: int) -> np.ndarray:
    """A matte on an empty canvas of ``shape``, as far as it fits there."""
    out = np.zeros(shape, np.float32)
    (h, w), (H, W) = matte.shape, shape
    y, x = max(top, 0), max(left, 0)
    bottom, right = min(top + h, H), min(left + w, W)
    if y < bottom and x < right:
        out[y:bottom, x:right] = matte[y - top : bottom - top, x - left : right - left]
    return out


def grown(plane: np.ndarray, radius: int) -> np.ndarray:
    """The largest value within ``radius`` pixels, along both axes."""
    padded = np.pad(plane, radius)
    rows = np.maximum.reduce([padded[k : k + plane.shape[0]] for k in range(2 * radius + 1)])
    return np.maximum.reduce([rows[:, k : k + plane.shape[1]] for k in range(2 * radius + 1)])


def toned(page: Page, plain: bool) -> np.ndarray:
    """Grey levels (h, w) of paper and ink in plain light."""
    rng = page.rng
    paper = rng.uniform(0.93, 1) if rng.random() < 0.3 else rng.uniform(0.25, 1)
    contrast = rng.uniform(0.5, 1) if rng.random() < 0.4 else float(np.exp(rng.uniform(np.log(0.09), 0)))
    is_old = not plain and rng.random() < 0.13
    if is_old:
        contrast = rng.uniform(0.15, 0.45)
    ink = page.ink * (_worn(page) if rng.random() < 0.3 else 1)
    relief = np.where(page.relief < 0, ink + (1 - page.ink) * page.relief, np.maximum(page.relief, ink))
    grey = paper * (1 - contrast * relief)
    if plain or not (is_old or rng.random() < 0.5):
        return grey
    amount = rng.uniform(0.02, 0.09) if is_old else float(np.exp(rng.uniform(np.log(0.002), np.log(0.06))))
    sizes = np.array([1.5, 5, 20]) * (1 if page.box is None else max(page.height / 60, 0.3))
    texture = sum(rng.uniform(0, 1) * noise(rng, page.shape, size) for size in sizes)
    return grey + paper * min(amount, 0.4 * contrast) * texture


def _worn(page: Page) -> np.ndarray:
    """How much ink there is along the strokes: pencils, dry pens, chalk."""
    rng = page.rng
    fine, broad = noise(rng, page.shape, 2), noise(rng, page.shape, 20)
    return np.clip(rng.uniform(0.7, 1.1) + rng.uniform(0.1, 0.4) * fine + 0.2 * broad, 0.15, 1.1)


def lit(page: Page, grey: np.ndarray) -> np.ndarray:
    """With a shadow, or uneven light, or neither; then whatever lies on top."""
    rng, (h, w) = page.rng, page.shape
    if rng.random() < 0.45:
        angle = rng.uniform(0, 2 * np.pi)
        across = np.cos(angle) * (page.x / w - 0.5) + np.sin(angle) * (page.y / h - 0.5)
        grey = grey * _LIGHTS[rng.integers(len(_LIGHTS))](page, across)
    for mask, level in page.over:
        surface = level + 0.06 * rng.uniform(0, 1) * noise(rng, page.shape, 10)
        grey = grey * (1 - mask) + mask * surface * float(np.median(grey))
    return np.clip(grey, 0, 1)


def _hard(page: Page, across: np.ndarray) -> np.ndarray:
    steep = float(np.exp(page.rng.uniform(np.log(4), np.log(60))))
    return 1 - page.rng.uniform(0.2, 0.55) * np.clip((across - page.rng.uniform(-0.3, 0.3)) * steep + 0.5, 0, 1)


def _soft(page: Page, across: np.ndarray) -> np.ndarray:
    return 0.75 * np.exp(across * page.rng.uniform(0.4, 1.6))


def _blob(page: Page, across: np.ndarray) -> np.ndarray:
    level = 2 * noise(page.rng, page.shape, max(page.shape) / 2) + page.rng.normal()
    return 1 - page.rng.uniform(0.2, 0.5) / (1 + np.exp(-level))


def _vignette(page: Page, across: np.ndarray) -> np.ndarray:
    h, w = page.shape
    return np.clip(1 - page.rng.uniform(0.1, 0.4) * ((2 * page.x / w - 1) ** 2 + (2 * page.y / h - 1) ** 2), 0.1, 1)


_LIGHTS = (_hard, _soft, _blob, _vignette)


def resized(plane: np.ndarray, shape: tuple[int, int], method: Image.Resampling) -> np.ndarray:
    """(H, W) float32 brought to ``shape``."""
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(shape[::-1], method))
