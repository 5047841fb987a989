"""Which pixels of a page are paper, ink of numbers, or something else: print, letters, rules.

It is the U-Net of preprocessing/segmenter.py with weights of its own (recipes/page_segmenter.py). It sees the page in
tiles, at the size at which digits are about as high as in its training.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from ..preprocessing.components import Components
from ..preprocessing.scaling import resized
from ..preprocessing.segmenter import INK, Segmenter, certainty, loaded
from ..utils.shipped import WEIGHTS
from ..utils.threads import check_threads, default_threads, in_shares
from .grouping import typical_height

TILE, MARGIN = 128, 16  # pixels of a tile; those at its edge that the next tile answers for
STRIDE = 2  # pixels that it sees for each one that it answers
HEIGHT, TOLERANCE = 36, 1.5  # pixels: of the digits; at heights that differ by a smaller factor it looks no second time
#: Pixels: long sides at which a page is looked at. Beyond ENOUGH it is only looked at while no ink is certain.
SIDES, ENOUGH = (64, 128, 256, 512, 1024), 256
LARGEST, ENLARGED = 1400, 2  # pixels: the largest such side; and times that of the page
MOST_LOOKS = 3  # from each
CERTAIN = 0.72  # the mean probability of ink, if there is any: of 54 images of noise all were below 0.7


@functools.cache
def shipped() -> Segmenter:
    """The network that ships with the package."""
    return loaded(WEIGHTS / "page-segmenter.safetensors")


def look(grey: np.ndarray, threads: int | None = None) -> np.ndarray:
    """Probabilities (3, h, w) float32 of PAPER, INK and OTHER on a page (H, W) float32 in 0..1.

    Each answer is about a square of pixels, which may be less than one of the page's. Of several sizes that one counts
    at which most ink is certain: parts of far too large strokes pass for small digits, or for something else.
    """
    largest = min(LARGEST, ENLARGED * max(grey.shape))
    at = functools.cache(lambda side: _in_tiles(grey, side, threads))
    looks: list[np.ndarray] = []
    sides = list(dict.fromkeys(min(side, largest) for side in SIDES))
    for side in sides:
        if side > ENOUGH and any(map(is_certain, looks)):
            break
        if is_certain(at(side)):
            looks.append(_closer(at, side, largest))
    if not any(map(is_certain, looks)):
        looks = [_closer(at, side, largest) for side in sides]
    return max(looks, key=lambda classes: (_certain_ink(classes[INK]), classes.size))


def is_certain(classes: np.ndarray) -> bool:
    """Whether what is seen has ink for sure."""
    return certainty(classes[INK]) >= CERTAIN


def _closer(at: Callable[[int], np.ndarray], side: int, largest: int) -> np.ndarray:
    """What is seen ``at`` a long side of ``side``, or at one at which digits are nearly as high as they should be."""
    seen = []
    for k in range(MOST_LOOKS):
        classes = at(side)
        height = _height(classes[INK])
        factor = HEIGHT / (height or HEIGHT)
        seen.append((not height, abs(np.log(factor)), k, classes))
        before, side = side, int(np.clip(side * factor, TILE // 4, largest))
        if side == before or 1 / TOLERANCE <= factor <= TOLERANCE:
            break
    return min(seen)[3]


def _certain_ink(ink: np.ndarray) -> float:
    """How much of probabilities of ink is certain, as a fraction of the page."""
    return float(np.maximum(ink - CERTAIN, 0).mean())


def _height(ink: np.ndarray) -> float:
    """The typical height of digits in pixels that the network sees; 0 without any."""
    marks = Components(ink > 0.5)
    return STRIDE * typical_height(marks.boxes) if len(marks.areas) else 0.0


def _in_tiles(grey: np.ndarray, side: int, threads: int | None) -> np.ndarray:
    """`look` at a page whose long side is brought to ``side``."""
    k = side / max(grey.shape)
    page = _with_margin(resized(grey, tuple(max(TILE // 16, round(n * k)) for n in grey.shape)))
    classes = np.empty((3, *(-(-n // STRIDE) for n in page.shape)), np.float32)
    tiles = [(y, x) for y in _parts(page.shape[0]) for x in _parts(page.shape[1])]
    network = shipped().network

    def answer(start: int, stop: int) -> None:
        for (top, bottom, upper, lower), (left, right, near, far) in tiles[start:stop]:
            seen = network.probabilities_of_grey(np.ascontiguousarray(page[top:bottom, left:right]))
            part = classes[:, upper:lower, near:far]
            y, x = upper - top // STRIDE, near - left // STRIDE
            part[:] = seen[:, y : y + part.shape[1], x : x + part.shape[2]]

    n_threads = default_threads() if threads is None else check_threads(threads)
    in_shares(min(n_threads, len(tiles)), len(tiles), answer)
    inner = MARGIN // STRIDE
    return classes[:, inner:-inner, inner:-inner]


def _with_margin(page: np.ndarray) -> np.ndarray:
    """A page (H, W) with paper around it: else straight 1s at the edges of a number cut close pass for a frame."""
    edges = np.concatenate([page[0], page[-1], page[:, 0], page[:, -1]])
    return np.pad(page, MARGIN, constant_values=np.median(edges))


def _parts(length: int) -> list[tuple[int, int, int, int]]:
    """Overlapping tiles along a side: where each starts and stops, and of which answers, first and last."""
    n = max(1, -(-(length - 2 * MARGIN) // (TILE - 2 * MARGIN)))
    step = (length - TILE) / max(n - 1, 1)
    starts = [STRIDE * math.ceil(i * step / STRIDE) for i in range(n)]
    answers = -(-length // STRIDE)
    cuts = [0, *((start + MARGIN) // STRIDE for start in starts[1:]), answers]
    return [(start, min(start + TILE, length), cuts[i], cuts[i + 1]) for i, start in enumerate(starts)]
