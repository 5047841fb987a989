"""Any image -> what the network was trained on.

MNIST's digits were cut out and scaled into a box of 20×20 pixels with their shape kept. Their centre of mass was moved
to the middle of 28×28 pixels; LeNet-5 sees them in 32×32. An image of one's own is read well only if the same
is done to it: decode (decode.py), find the digit's ink (segmenter.py), cut out, scale, centre.
"""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ..errors import NoDigitError
from ..utils.geometry import Box, box_of
from . import segmenter
from .decode import decoded
from .preparation import DIGIT, IMAGE, Preparation
from .scaling import resized
from .segmenter import INK, LEAST_CERTAINTY, PAPER, Segmentation
from .sources import source_name
from .whole import read_whole

GLYPH = 20  # MNIST's box for the digit itself
FIELD = 28  # MNIST's image
EDGE = 0.3  # of the most ink: weaker ink is not in the digit's box
FINE = 4  # edges are sharpened at this multiple of the final size
FAINT, SOFT = 0.15, 0.7  # ink below the one is background; the other above it is full ink
FULL = 0.8  # of a digit's pixels are as dark as this quantile or less; it becomes full ink, however thin the pen
LEAST_CONTRAST = 0.004  # an image with less, one of 255 grey levels, is of one colour
NOTHING = "nothing on it looks like the ink of a digit"
SPECKS = "only specks stand out from the paper"
SMALLEST = 5  # pixels of a digit's long side, fewer are a speck
POLARITY = "nothing stands out from the paper that way round; leave out --invert"


@dataclass(frozen=True)
class Prepared:
    """An image on its way to the network, stage by stage.

    grey (H, W), float32: as decoded · dark: the ink is darker than the paper · window: what was looked at last, in
    ``grey`` · classes (3, h, w): the probabilities of paper, ink and other marks there; None for an image that was
    prepared before · ink (h, w), float32 in 0..1: the digit's · box: where the digit was found in ``grey`` ·
    glyph (h, w): the digit at its final size · field (28, 28) · input (1, S, S): what the network sees. All float32 in
    0..1, ink bright from ``ink`` on. beside: how many more marks as large as the digit there are · fewer: the same with
    fewer of the digit's components, for the case that together they are not a digit · pages: how many the
    file has, of which the first was read · lost: why there is no digit; box, glyph, field and input are None then.
    """

    grey: np.ndarray
    dark: bool
    window: Box
    classes: np.ndarray | None
    ink: np.ndarray
    box: Box | None
    glyph: np.ndarray | None
    field: np.ndarray | None
    input: np.ndarray | None
    beside: int = 0
    fewer: tuple["Prepared", ...] = ()
    pages: int = 1
    lost: str | None = None


def read_image(source, *, invert: str = "auto", size: int = 32) -> np.ndarray:
    """Read an image of one digit and prepare it as the training images were.

    Parameters
    ----------
    source : path, bytes, binary file object, PIL.Image.Image or ndarray
        Arrays: uint8, uint16, bool or float in 0..1, of shape (H, W), (H, W, 3) or (H, W, 4).
    invert : {"auto", "yes", "no"}
        "yes": the image is dark ink on light paper and must be inverted, as training images are bright on
        dark. "no": it is bright ink on a dark background already. "auto": found out.
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
    """What is to be said of an image whose `stages` lost the ink."""
    return NoDigitError(f"{source_name(source)}: no digit found; {found.lost}")


def stages(
    source, *, invert: str = "auto", size: int = 32, any_ink: bool = False, preparation: Preparation = DIGIT
) -> Prepared:
    """As `prepare`; of an image without a digit, the stages up to where the ink was lost.

    With ``any_ink`` that is an image of one colour only: what looks most like ink is taken for the digit. With a
    ``preparation`` of images no digit is looked for, and the image is only resized: so models of other classes see it.
    """
    if invert not in ("auto", "yes", "no"):
        raise ValueError(f"invert must be 'auto', 'yes' or 'no', got {invert!r}")
    if size < FIELD:
        raise ValueError(f"size must be at least {FIELD}, got {size}")
    if preparation.kind == IMAGE.kind:
        return _whole(source, invert, preparation)
    image = decoded(source)
    grey, pages = to_grey(image.pixels), image.pages
    if preparation.kind != DIGIT.kind:
        return replace(_resized(grey, invert, size), pages=pages)
    ready = _already_prepared(grey, invert)
    if ready is not None:
        return replace(_passed_through(grey, ready, size), pages=pages)
    return replace(prepare_grey(grey, invert, size, any_ink), pages=pages)


def prepare_grey(grey: np.ndarray, invert: str = "auto", size: int = 32, any_ink: bool = False) -> Prepared:
    """As `stages`, of a grey image (H, W) float32 in 0..1."""
    seen = segmenter.shipped().segment(grey)
    dark = _is_dark(grey, seen)
    blank = Prepared(grey, dark, seen.window, seen.classes, seen.ink, None, None, None, None)
    if grey.max() - grey.min() <= LEAST_CONTRAST or (seen.certainty < LEAST_CERTAINTY and not any_ink):
        return replace(blank, lost=NOTHING)
    if not any_ink and invert != "auto" and dark != (invert == "yes"):
        return replace(blank, lost=POLARITY)
    whole = _cut_out(blank, size)
    assert whole.box is not None
    if not any_ink and max(whole.box.bottom - whole.box.top, whole.box.right - whole.box.left) < SMALLEST:
        return replace(blank, lost=SPECKS)
    fewer = tuple(_cut_out(replace(blank, ink=ink), size) for ink in seen.fewer)
    return replace(whole, beside=seen.beside, fewer=fewer)


def _cut_out(found: Prepared, size: int) -> Prepared:
    """The digit cut out, scaled and centred."""
    cut = box_of(found.ink > EDGE * found.ink.max())
    glyph = glyph_of(found.ink[cut.top : cut.bottom, cut.left : cut.right])
    field = centred(glyph)
    box = _in_image(cut, found.ink.shape, found.window)
    return replace(found, box=box, glyph=glyph, field=field, input=padded(field, size))


def _whole(source, invert: str, preparation: Preparation) -> Prepared:
    """The whole image in the network's size and with its channels; of colours, the stages show the mean."""
    image = read_whole(source, preparation.resized, preparation.channels)
    levels = image.pixels.reshape(preparation.channels, preparation.resized, preparation.resized)
    planes = (255 - levels if invert == "yes" else levels) / np.float32(255)
    grey, window = planes.mean(axis=0), Box(0, 0, *planes.shape[1:])
    seen = framed(planes, preparation.field)
    return Prepared(grey, invert == "yes", window, None, grey, window, grey, grey, seen, pages=image.pages)


def _resized(grey: np.ndarray, invert: str, size: int) -> Prepared:
    """The image as it is, in the network's size."""
    field, window = resized(1 - grey if invert == "yes" else grey, (FIELD, FIELD)), Box(0, 0, *grey.shape)
    if grey.max() - grey.min() <= LEAST_CONTRAST:
        return Prepared(grey, False, window, None, field, None, None, None, None, lost=NOTHING)
    return Prepared(grey, invert == "yes", window, None, field, window, field, field, padded(field, size))


def _is_dark(grey: np.ndarray, seen: Segmentation) -> bool:
    """Whether the ink is darker than the paper, by what is surely the one or the other."""
    window = grey[seen.window.top : seen.window.bottom, seen.window.left : seen.window.right]
    levels = resized(window, seen.ink.shape)
    ink, paper = (weight**2 + np.float32(1e-6) for weight in (seen.classes[INK], seen.classes[PAPER]))
    return bool((levels * ink).sum() / ink.sum() < (levels * paper).sum() / paper.sum())


def _in_image(cut: Box, shape: tuple[int, int], window: Box) -> Box:
    """A box of the ink's pixels, of which ``shape`` cover the window, in pixels of the image."""
    ky, kx = (window.bottom - window.top) / shape[0], (window.right - window.left) / shape[1]
    return Box(
        window.top + int(cut.top * ky),
        window.left + int(cut.left * kx),
        min(window.bottom, window.top + int(np.ceil(cut.bottom * ky))),
        min(window.right, window.left + int(np.ceil(cut.right * kx))),
    )


def to_grey(image: np.ndarray) -> np.ndarray:
    """Turn colour (H, W, 3) into grey (H, W), float32 in 0..1, so that ink and paper differ most.

    The colours are projected on their first principal axis, for ink may differ from its paper in hue alone.
    """
    if image.ndim == 2:
        return image
    if (image[..., :1] == image).all():
        return image[..., 0]
    step = 1 + max(image.shape) // 256
    samples = image[::step, ::step].reshape(-1, 3).astype(np.float64)
    axis = np.linalg.eigh(np.cov(samples.T, bias=True))[1][:, -1]
    axis /= abs(axis).sum() * (1 if axis @ (0.299, 0.587, 0.114) >= 0 else -1)  # bright stays bright
    return np.clip(image @ axis - np.minimum(axis, 0).sum(), 0, 1).astype(np.float32)


def _already_prepared(grey: np.ndarray, invert: str) -> bool | None:
    """Recognise an image that was prepared as MNIST's were; tell whether it is dark on light."""
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
    ink = levels / np.float32(255)  # to the bit what the training images hold
    box = box_of(ink > 0)
    glyph = ink[box.top : box.bottom, box.left : box.right]
    margin = (len(ink) - FIELD) // 2
    field = ink[margin : margin + FIELD, margin : margin + FIELD]
    return Prepared(grey, dark, Box(0, 0, *grey.shape), None, ink, box, glyph, field, padded(field, size))


def glyph_of(ink: np.ndarray) -> np.ndarray:
    """Scale a digit's ink (h, w) in 0..1 into the 20×20 box: edges sharpened, the strokes' middle made 1."""
    fine = _scaled(ink, GLYPH * FINE, Image.Resampling.BICUBIC)
    sharp = np.clip((fine / fine.max() - FAINT) / SOFT, 0, 1)
    glyph = _scaled(sharp, GLYPH, Image.Resampling.BOX)
    inked = np.sort(glyph[glyph > 0.1 * glyph.max()])
    return np.clip(glyph / inked[int(FULL * (len(inked) - 1))], 0, 1)


def _scaled(ink: np.ndarray, side: int, method: Image.Resampling) -> np.ndarray:
    """Bring the long side to ``side``."""
    k = side / max(ink.shape)
    height, width = (max(1, round(n * k)) for n in ink.shape)
    return np.asarray(Image.fromarray(np.ascontiguousarray(ink)).resize((width, height), method))


def _centre_of_mass(ink: np.ndarray) -> tuple[float, float]:
    mass = ink.sum(dtype=np.float64)
    y, x = (np.arange(n) for n in ink.shape)
    return float(ink.sum(1, dtype=np.float64) @ y / mass), float(ink.sum(0, dtype=np.float64) @ x / mass)


def centred(glyph: np.ndarray) -> np.ndarray:
    """Lay the digit into 28×28 so that its centre of mass is pixel (14, 14), whole in any case."""
    corner = []
    for centre, n in zip(_centre_of_mass(glyph), glyph.shape, strict=True):
        corner.append(min(max(round(FIELD // 2 - centre), 0), FIELD - n))
    field = np.zeros((FIELD, FIELD), np.float32)
    field[corner[0] : corner[0] + glyph.shape[0], corner[1] : corner[1] + glyph.shape[1]] = glyph
    return field


def padded(field: np.ndarray, size: int) -> np.ndarray:
    """A field (28, 28) in the middle of (1, size, size)."""
    return framed(field[None], size)


def framed(planes: np.ndarray, size: int) -> np.ndarray:
    """Planes (C, S, S) in the middle of (C, size, size) of background."""
    side, margin = planes.shape[1], (size - planes.shape[1]) // 2
    out = np.zeros((len(planes), size, size), np.float32)
    out[:, margin : margin + side, margin : margin + side] = planes
    return out
