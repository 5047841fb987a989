"""Any picture -> what the network was trained on.

MNIST's digits were cut out, scaled into a box of 20×20 pixels with their shape kept, and moved so that their
centre of mass lies in the middle of 28×28 pixels; LeNet-5 sees them in 32×32. A picture of one's own is read
well only if the same is done to it, and that is what this module does: decode (decode.py), find paper and ink
(binarization.py), cut out, even out the grey levels and the pen's width, scale, centre.
"""

import functools
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..errors import NoDigitError
from ..utils.geometry import Box, box_of
from .binarization import otsu, quantile, threshold
from .decode import decoded
from .localization import find, fitting, resized, stroke_width, trace
from .morphology import framed, grown, opened
from .sources import source_name

GLYPH = 20  # MNIST's box for the digit itself
FIELD = 28  # MNIST's picture
FINE = 4  # the digit is worked on at this multiple of its final size
MARKED, BROAD = 96, 7  # pixels of the longer side where a highlighter is looked for; its least width there
MARK_DARKENS, MARK_LEAVES, INK_DARKENS = 0.1, 0.07, 0.2  # grey; of the brightest channel, at most; and ink, at least
THINNEST = 2.4  # thinner strokes are thickened to it: the median width, in pixels, of the strokes of MNIST


@dataclass(frozen=True)
class Prepared:
    """A picture on its way to the network, stage by stage.

    grey (H, W), float32: as decoded · dark: the ink is darker than the paper · page (h, w): what lies under the
    ink, with shadows and printed lines, reduced · ink (H, W), float32 in 0..1 ·
    box: where the digit was found in ``grey`` · glyph (h, w): the digit at its final size ·
    field (28, 28) · input (1, S, S): what the network sees. All float32 in 0..1, ink bright from ``ink`` on.
    beside: how many more marks as high as the digit stand in line with it · pages: so many has the file, of which the
    first was read · lost: why there is no digit; box, glyph, field and input are None then.
    """

    grey: np.ndarray
    dark: bool
    page: np.ndarray
    ink: np.ndarray
    box: Box | None
    glyph: np.ndarray | None
    field: np.ndarray | None
    input: np.ndarray | None
    beside: int = 0
    pages: int = 1
    lost: str | None = None


def read_image(source, *, invert: str = "auto", size: int = 32) -> np.ndarray:
    """Read a picture of one digit and prepare it as the training pictures were.

    Parameters
    ----------
    source : path, bytes, binary file object, PIL.Image.Image or ndarray
        Arrays: uint8, uint16, bool or float in 0..1, of shape (H, W), (H, W, 3) or (H, W, 4).
    invert : {"auto", "yes", "no"}
        "yes": the picture is dark ink on light paper and must be inverted, as training pictures are bright on
        dark. "no": it is bright ink on a dark ground already. "auto": found out.
    size : int
        Side of the result, at least 28.

    Returns
    -------
    ndarray of shape (1, size, size), float32 in 0..1, ink bright

    Raises
    ------
    PictureError
        The file cannot be read.
    NoDigitError
        Nothing is drawn on it.
    ValueError, TypeError
        An argument is not one of the above.
    """
    prepared = prepare(source, invert=invert, size=size).input
    assert prepared is not None  # without a digit `prepare` raises
    return prepared


def prepare(source, *, invert: str = "auto", size: int = 32) -> Prepared:
    """As `read_image`, with every stage on the way: see `Prepared`."""
    found = stages(source, invert=invert, size=size)
    if found.lost:
        raise no_digit(source, found)
    return found


def no_digit(source, found: Prepared) -> NoDigitError:
    """What is to be said of a picture whose `stages` lost the ink."""
    return NoDigitError(f"{source_name(source)}: no digit found; {found.lost}")


def stages(source, *, invert: str = "auto", size: int = 32, any_ink: bool = False) -> Prepared:
    """As `prepare`; of a picture without a digit, the stages up to where the ink was lost.

    With ``any_ink`` that is a blank picture only: whatever stands out from the paper is taken for the digit.
    """
    if invert not in ("auto", "yes", "no"):
        raise ValueError(f"invert must be 'auto', 'yes' or 'no', got {invert!r}")
    if size < FIELD:
        raise ValueError(f"size must be at least {FIELD}, got {size}")
    picture = decoded(source)
    grey, pages = _without_marker(picture.pixels), picture.pages
    ready = _already_prepared(grey, invert)
    if ready is not None:
        return replace(_passed_through(grey, ready, size), pages=pages)
    found = find(grey, invert, any_ink)
    if found is None:
        dark, page, ink, lost = trace(grey, invert)
        return Prepared(grey, dark, page, ink, None, None, None, None, pages=pages, lost=lost)
    glyph = _glyph(found.ink, found.box)
    field = _centred(glyph)
    seen = _padded(field, size)
    return Prepared(grey, found.dark, found.page, found.ink, found.box, glyph, field, seen, found.beside, pages)


def to_grey(picture: np.ndarray) -> np.ndarray:
    """Turn colour (H, W, 3) into grey (H, W), float32 in 0..1, so that ink and paper differ most.

    The colours are projected on their first principal axis, for ink may differ from its paper in hue alone.
    """
    if picture.ndim == 2:
        return picture
    if (picture[..., :1] == picture).all():
        return picture[..., 0]
    step = 1 + max(picture.shape) // 256
    samples = picture[::step, ::step].reshape(-1, 3).astype(np.float64)
    axis = np.linalg.eigh(np.cov(samples.T, bias=True))[1][:, -1]
    axis /= abs(axis).sum() * (1 if axis @ (0.299, 0.587, 0.114) >= 0 else -1)  # bright stays bright
    return np.clip(picture @ axis - np.minimum(axis, 0).sum(), 0, 1).astype(np.float32)


def _without_marker(picture: np.ndarray) -> np.ndarray:
    """As `to_grey`, but where ink stands on broad strokes of a bright colour, as of a highlighter, without these.

    The brightest of three channels is what a highlighter leaves alone, and ink does not.
    """
    grey = to_grey(picture)
    if np.may_share_memory(grey, picture) or min(grey.shape) < MARKED:  # without colour, or small
        return grey
    bright = functools.reduce(np.maximum, np.moveaxis(picture, 2, 0))  # `max` along three takes ten times as long
    small, levels = (resized(plane, fitting(plane.shape, MARKED)) for plane in (grey, bright))
    page = small > quantile(small, 0.5) - MARK_DARKENS
    in_order = np.sort(levels, axis=None).astype(np.float64)
    inked = levels <= in_order[otsu(in_order)]
    if inked.mean() > 0.5 or (inked & page).sum() > 0.1 * inked.sum() or not page.any():
        return grey
    marker = ~page & ~grown(inked, 1)
    broad = opened(marker.astype(np.float32), BROAD) > 0
    if broad.sum() <= 0.5 * max(marker.sum(), inked.sum()):
        return grey
    marked, bare, ink = (float(quantile(levels[where], 0.5)) for where in (broad, page, inked))
    return bright if abs(marked - bare) < MARK_LEAVES and bare - ink > INK_DARKENS else grey


def _already_prepared(grey: np.ndarray, invert: str) -> bool | None:
    """Recognise a picture that was prepared as MNIST's were; tell whether it is dark on light."""
    if grey.shape not in ((FIELD, FIELD), (32, 32)):
        return None
    for dark in {"auto": (False, True), "yes": (True,), "no": (False,)}[invert]:
        ink = 1 - grey if dark else grey
        if ink.max() < 0.99 or (ink > 0).mean() > 0.5:
            continue
        box = box_of(ink > 0)
        side = max(box.bottom - box.top, box.right - box.left)
        off = np.subtract(_centre_of_mass(ink), len(ink) // 2)
        if side in (GLYPH - 1, GLYPH) and abs(off).max() < 0.51:
            return dark
    return None


def _passed_through(grey: np.ndarray, dark: bool, size: int) -> Prepared:
    levels = np.rint((1 - grey if dark else grey) * np.float32(255))
    ink = levels / np.float32(255)  # to the bit what the training pictures hold
    box = box_of(ink > 0)
    glyph = ink[box.top : box.bottom, box.left : box.right]
    margin = (len(ink) - FIELD) // 2
    field = ink[margin : margin + FIELD, margin : margin + FIELD]
    page = np.full_like(grey, 1 if dark else 0)
    return Prepared(grey, dark, page, ink, box, glyph, field, _padded(field, size))


def _glyph(ink: np.ndarray, box: Box) -> np.ndarray:
    """Scale the digit into the 20×20 box: grey levels evened out, thin strokes thickened, edges smoothed."""
    fine = _evened(_scaled(ink, box, GLYPH * FINE))
    radius = round((THINNEST * FINE - stroke_width(fine)) / 2)
    if radius > 0:
        fine = _evened(_scaled(ink, box, GLYPH * FINE - 2 * radius))
        fine = _thickened(framed(fine, radius), radius)
    height, width = (-(-n // FINE) * FINE for n in fine.shape)
    fine = np.pad(fine, ((0, height - fine.shape[0]), (0, width - fine.shape[1])))
    return fine.reshape(height // FINE, FINE, width // FINE, FINE).mean((1, 3), dtype=np.float32)


def _scaled(ink: np.ndarray, box: Box, side: int) -> np.ndarray:
    """Cut the box out and bring its long side to ``side``."""
    part = ink[box.top : box.bottom, box.left : box.right]
    k = side / max(part.shape)
    shape = tuple(max(1, round(n * k)) for n in part.shape)
    return np.clip(resized(part, shape, Image.Resampling.BICUBIC), 0, 1)


def _evened(ink: np.ndarray) -> np.ndarray:
    """Stretch the contrast: the background becomes exactly 0, the middle of a stroke 1."""
    level = threshold(ink, 0) or float(ink.max()) / 2
    full = float(quantile(ink[ink >= level], 0.6))
    low, high = 0.15 * full, 0.95 * full
    return np.clip((ink - low) / (high - low), 0, 1)


def _thickened(ink: np.ndarray, radius: int) -> np.ndarray:
    """Widen strokes by ``radius`` pixels on each side, as a round pen would."""
    padded = framed(ink, radius)
    height, width = ink.shape
    shifts = range(-radius, radius + 1)
    inside = [(y, x) for y in shifts for x in shifts if y * y + x * x <= (radius + 0.3) ** 2]
    views = [padded[radius + y : radius + y + height, radius + x : radius + x + width] for y, x in inside]
    return np.maximum.reduce(views)


def _centre_of_mass(ink: np.ndarray) -> tuple[float, float]:
    mass = ink.sum(dtype=np.float64)
    y, x = (np.arange(n) for n in ink.shape)
    return float(ink.sum(1, dtype=np.float64) @ y / mass), float(ink.sum(0, dtype=np.float64) @ x / mass)


def _centred(glyph: np.ndarray) -> np.ndarray:
    """Lay the digit into 28×28 so that its centre of mass is pixel (14, 14), whole in any case."""
    corner = []
    for centre, n in zip(_centre_of_mass(glyph), glyph.shape, strict=True):
        corner.append(min(max(round(FIELD // 2 - centre), 0), FIELD - n))
    field = np.zeros((FIELD, FIELD), np.float32)
    field[corner[0] : corner[0] + glyph.shape[0], corner[1] : corner[1] + glyph.shape[1]] = glyph
    return field


def _padded(field: np.ndarray, size: int) -> np.ndarray:
    margin = (size - FIELD) // 2
    out = np.zeros((1, size, size), np.float32)
    out[0, margin : margin + FIELD, margin : margin + FIELD] = field
    return out
