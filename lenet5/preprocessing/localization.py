"""Which marks of a picture are the digit: several ideas of what is ground and what is ink, and the best of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from ..utils.geometry import Box, box_of
from .background import flattened, rules
from .binarization import (
    FAINTEST,
    contrast,
    digit_mask,
    ink_is_dark,
    is_dark,
    marks_of,
    noise_of,
    otsu,
    paper,
    quantile,
    threshold,
    without_shadows,
)
from .document import Sheet, alone, find_sheet, is_counter
from .enclosures import without_frames
from .morphology import framed, slide

SMALL = 256  # pixels, the longer side of the picture on which the ink is looked for
COARSE = 96
LEAST = 48  # pixels of the shorter side below which there is no table, thumb or shadow to look for
GOOD = 0.9  # plausibility from which no other idea is tried
CLEARLY = 1.25
SMALLEST, WEAKEST = 0.15, 0.12  # of a sheet is the digit on it at least; its contrast
BEYOND = 0.02  # of that digit at most is not on the sheet
TWO_TONES = 0.85  # of a picture's variance is between its ink and its paper; of grain and shades it is less
NOTHING, SPECKS = "nothing stands out from the paper", "only specks stand out from the paper"
COVERED = "there is hardly any paper round the ink; leave a margin"
PARTS = (3, 6, 10)  # ground is what is wider than such a part of the picture


class Found(NamedTuple):
    """A digit: dark or bright; its ink alone, (H, W) float32 in 0..1 of contrast; its box; how many more stand by.

    ``page`` is what lies under the ink, as it was estimated: a reduced picture, (h, w) float32.
    """

    dark: bool
    ink: np.ndarray
    box: Box
    beside: int
    page: np.ndarray


class _Idea(NamedTuple):
    """Marks (H, W) bool, the number of those beside, a bare page (H, W), dark or bright; how plausible, 0..1."""

    mask: np.ndarray
    beside: int
    bare: np.ndarray
    dark: bool
    plausible: float


class Trace(NamedTuple):
    """What is seen before a digit is looked for: dark or bright ink, the page (h, w) under it, its contrast (h, w).

    ``lost`` is why `find` finds no digit in it, where it finds none.
    """

    dark: bool
    page: np.ndarray
    ink: np.ndarray
    lost: str


def find(grey: np.ndarray, invert: str, any_ink: bool = False) -> Found | None:
    """Find the digit; None if there is none.

    grey (H, W) float32 in 0..1; ``invert`` as for `normalization.read_image`. With ``any_ink``, where nothing looks
    like a digit, whatever stands out is taken for one.
    """
    sheet = find_sheet(grey)
    found = sheet and _find_on_sheet(grey, sheet, invert)
    return found or _find_on_page(grey, invert, any_ink)


def trace(grey: np.ndarray, invert: str) -> Trace:
    """What of a picture without a digit can be shown; arguments as for `find`."""
    small = resized(grey, fitting(grey.shape, SMALL))
    dark, bare = _first_page(small, invert)
    bare, ink = _inked(small, bare, dark)
    if threshold(ink, noise_of(ink)) is not None:
        return Trace(dark, bare, ink, SPECKS)
    return Trace(dark, bare, ink, NOTHING if _bright_part(small) is None else COVERED)


def _find_on_page(grey: np.ndarray, invert: str, any_ink: bool = False) -> Found | None:
    """Find the digit on whatever fills the picture."""
    for side in (SMALL, COARSE):  # where grain hides everything, averaging more may help
        small = resized(grey, fitting(grey.shape, side))
        idea = _best(_ideas(small, invert))
        if idea or max(small.shape) < COARSE:
            break
    idea = idea or (_anything(small, invert) if any_ink else None)
    if idea is None:
        return None
    k = grey.shape[0] / small.shape[0], grey.shape[1] / small.shape[1]
    top, left, bottom, right = box_of(idea.mask)
    box = Box(int(top * k[0]), int(left * k[1]), round(bottom * k[0]), round(right * k[1]))
    # The page is smooth: its estimate at the small size serves the full one.
    ink = np.clip(contrast(grey, resized(idea.bare, grey.shape), idea.dark), 0, 1)
    ink *= resized(_grown(idea.mask), grey.shape) > 0.25
    return Found(idea.dark, ink, box, idea.beside, idea.bare)


def _best(ideas: Iterator[_Idea]) -> _Idea | None:
    """The most plausible idea; a later one, which takes more out of the picture, has to be clearly better."""
    best = None
    for idea in ideas:
        if best is None or idea.plausible > CLEARLY * best.plausible:
            best = idea
    return best


def _ideas(small: np.ndarray, invert: str) -> Iterator[_Idea]:
    """The ideas for a picture (H, W) that find any marks, likelier ones first, up to one that is good."""
    relief = small - paper(small)
    dark, bare = _first_page(small, invert)
    idea = _marks(small, bare, dark)
    if idea:
        yield idea
    if min(small.shape) < LEAST or (idea.plausible >= GOOD if idea else noise_of(relief) < FAINTEST / 2):
        return
    # The ink is what leaves the smoother ground when it is taken away.
    if invert == "auto":
        dark = ink_is_dark(relief)
    for likely in (True, False) if invert == "auto" else (True,):
        for part in PARTS:
            side = dark == likely
            idea = _marks(small, small - flattened(relief, side, part), side)
            if idea and likely:
                yield idea
                if idea.plausible >= GOOD:
                    return
            elif idea:
                yield idea._replace(plausible=0.6 * idea.plausible)


def _first_page(small: np.ndarray, invert: str) -> tuple[bool, np.ndarray]:
    """Whether the ink is dark, and the page (H, W) under it, as they seem at first sight."""
    relief = small - paper(small)
    dark = is_dark(relief) if invert == "auto" else invert == "yes"
    return dark, small - without_shadows(relief, dark)


def _inked(small: np.ndarray, bare: np.ndarray, dark: bool) -> tuple[np.ndarray, np.ndarray]:
    """The page (H, W) with the lines printed on it, and the contrast (H, W) of the ink to it."""
    ink = contrast(small, bare, dark)
    lines = rules(ink)
    if lines.any():  # they are a part of the page
        bare = bare * (1 - lines) if dark else bare + lines
        ink = contrast(small, bare, dark)
    return bare, ink


def _anything(small: np.ndarray, invert: str) -> _Idea | None:
    """Whatever stands out, be it specks, or a digit cut so closely that there is hardly paper; None if nothing does."""
    dark, bare = _first_page(small, invert)
    bare, ink = _inked(small, bare, dark)
    level = threshold(ink, noise_of(ink))
    if level is not None:
        return _Idea(ink > level, 0, bare, dark, 0.0)
    bright = _bright_part(small)
    if bright is None:
        return None
    edges = np.concatenate([bright[0], bright[-1], bright[:, 0], bright[:, -1]])
    dark = bool(edges.mean() >= 0.5) if invert == "auto" else invert == "yes"
    bare = np.full_like(small, small[bright == dark].mean())
    return _Idea(bright != dark, 0, bare, dark, 0.0)


def _bright_part(small: np.ndarray) -> np.ndarray | None:
    """The brighter pixels (H, W) bool of a picture of two tones; None for grain, shades, and one tone."""
    levels = np.sort(small, axis=None).astype(np.float64)
    if levels[-1] - levels[0] <= FAINTEST:
        return None
    bright = small > levels[otsu(levels)]
    if not bright.any():
        return None
    within = sum(small[part].var() * part.mean() for part in (bright, ~bright))
    return bright if within <= (1 - TWO_TONES) * small.var() else None


def _marks(small: np.ndarray, bare: np.ndarray, dark: bool) -> _Idea | None:
    bare, ink = _inked(small, bare, dark)
    noise = noise_of(ink)
    level = threshold(ink, noise)
    if level is None:
        return None
    if min(small.shape) < LEAST:
        marks = marks_of(ink, level, noise)
    else:
        ink, level, marks = without_frames(ink, level, noise)
    chosen = digit_mask(ink, level, marks)
    if chosen is None:
        return None
    mask, beside = chosen
    return _Idea(mask, beside, bare, dark, 1.0 if min(small.shape) < LEAST else _plausibility(mask, ink, small))


def _plausibility(mask: np.ndarray, ink: np.ndarray, small: np.ndarray) -> float:
    """How much marks (H, W) look like a digit: whole, made of strokes, not too small, with edges in the picture."""
    box = box_of(mask)
    side = max(box.bottom - box.top, box.right - box.left)
    thick = stroke_width(mask.astype(np.float32)) / side
    score = _falling(thick, 0.35, 0.5) * min(8 * side / max(mask.shape), 1) * _edge_support(mask, ink, small) ** 2
    if box.top == 0 or box.left == 0 or box.bottom == mask.shape[0] or box.right == mask.shape[1]:
        score *= 0.3 + 0.55 * _falling(thick, 0.18, 0.26)  # a digit rather than a thumb, or a table
    return score


def _falling(x: float, one: float, zero: float) -> float:
    """1 up to ``one``, 0 from ``zero`` on."""
    return min(max((zero - x) / (zero - one), 0), 1)


def _edge_support(mask: np.ndarray, ink: np.ndarray, small: np.ndarray) -> float:
    """The part of the outline of marks where the picture changes as much as ``ink`` says, within three pixels."""
    padded = framed(mask, 1)
    outline = mask & ~(padded[2:, 1:-1] & padded[:-2, 1:-1] & padded[1:-1, 2:] & padded[1:-1, :-2])
    near = np.pad(small, 3, mode="edge")
    high, low = (slide(slide(near, 7, 0, extreme), 7, 1, extreme)[outline] for extreme in (np.maximum, np.minimum))
    strength = float(quantile(ink[mask], 0.5))
    return float(np.clip((high - low) / np.maximum(high, 0.1) / (0.5 * strength), 0, 1).mean())


def stroke_width(ink: np.ndarray) -> float:
    """Measure the mean width of the strokes of ``ink`` (H, W) in 0..1, in pixels: twice area over outline."""
    padded = framed(ink, 1)
    dy, dx = np.diff(padded, axis=0)[:, 1:], np.diff(padded, axis=1)[1:]
    return 2 * float(ink.sum()) / float(np.hypot(dy, dx).sum() or 1)


def _find_on_sheet(grey: np.ndarray, sheet: Sheet, invert: str) -> Found | None:
    """Look for a digit that stands on a sheet, whole and large as digits do; None without."""
    place, part = alone(grey, sheet.pixels)
    found = _find_on_page(part, invert)
    if found is None or not (found.dark or sheet.even):
        return None
    top, left, bottom, right = found.box
    is_inside = top > 0 and left > 0 and bottom < part.shape[0] and right < part.shape[1]
    if not is_inside or max(bottom - top, right - left) < SMALLEST * max(part.shape):
        return None
    window = np.s_[place.top : place.bottom, place.left : place.right]
    ink, page = np.zeros_like(grey), grey.copy()
    ink[window], page[window] = found.ink, resized(found.page, part.shape)
    mark = ink > ink.max() / 2
    if (mark & ~sheet.pixels).sum() > BEYOND * mark.sum() or quantile(ink[mark], 0.5) < WEAKEST:
        return None
    if is_counter(grey, sheet, mark):
        return None
    y, x = place.top, place.left
    return found._replace(ink=ink, box=Box(top + y, left + x, bottom + y, right + x), page=page)


def _grown(mask: np.ndarray) -> np.ndarray:
    """Widen a mask by two pixels, to keep the soft edges of strokes."""
    return np.asarray(Image.fromarray(mask.astype(np.uint8)).filter(ImageFilter.MaxFilter(5)), np.float32)


def fitting(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Scale ``shape`` so that its long side is at most ``side``."""
    k = min(side / max(shape), 1)
    return max(1, round(shape[0] * k)), max(1, round(shape[1] * k))


def resized(plane: np.ndarray, shape: tuple[int, int], method=None) -> np.ndarray:
    """Bring a plane (H, W) to ``shape``, float32: averaged where it becomes smaller, else interpolated."""
    if plane.shape == tuple(shape):
        return plane
    method = method or (Image.Resampling.BOX if shape[0] < plane.shape[0] else Image.Resampling.BILINEAR)
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize(shape[::-1], method))
