"""Images of a digit whose every pixel is known to be paper, the digit's ink or something else: the segmenter's truth.

An image is laid out: cut to the ink, loose, small, or without a digit. Other marks, paper and light are drawn. A camera
takes it, with blur, noise and JPEG. Whether ink is dark or bright is tossed, as nothing later may depend on it. Digits
are MNIST's training images, enlarged, and lines of the pen model.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from . import negatives
from . import segmentation_marks as marks
from .segmentation_camera import taken
from .segmentation_digits import Digits
from .segmentation_page import Page, lit, toned

SIDE = 128  # pixels of the long side
TRUTH = SIDE // 2

#: How often an image is laid out in each way.
#: A sign stands as a digit does in "loose".
LAYOUTS = {
    "tight": 0.23, "raw": 0.13, "loose": 0.25, "small": 0.1, "zoomed": 0.11,
    "number": 0.05, "empty": 0.09, "object": 0.04,
}  # fmt: skip
#: The same for images without a digit, or with several.
WITHOUT_DIGIT = {"empty": 0.4, "number": 0.25, "sign": 0.2, "object": 0.15}
#: Of a small image as it is, enlarged; "coarse" ones had few pixels before.
AS_IT_IS = {"raw": 0.5, "coarse": 0.5}


class Sample(NamedTuple):
    """An image (SIDE, SIDE) uint8, of which the first ``shape`` rows and columns count; and the truth.

    label : the digit; -1 where there is none, or several, or another sign
    several : whether there are several digits
    truth (2, TRUTH, TRUTH) uint8: 0 to 255 of coverage by the digit's ink, and by other marks.
    """

    image: np.ndarray
    truth: np.ndarray
    shape: tuple[int, int]
    label: int = -1
    several: bool = False


def draw(
    n: int, *, seed: int, X: np.ndarray, y: np.ndarray, first: int = 0, layouts: dict[str, float] = LAYOUTS
) -> list[Sample]:
    """Samples number first ... first + n of the endless series that a seed stands for.

    X, y : MNIST's training images (N, 28, 28) uint8 and their classes
    layouts : how often an image is laid out in each way
    """
    digits = Digits(X, y)
    return [sample(np.random.default_rng([seed, i]), digits, layouts) for i in range(first, first + n)]


def sample(rng: np.random.Generator, digits: Digits, layouts: dict[str, float] = LAYOUTS) -> Sample:
    """One image with its truth."""
    layout = str(rng.choice(list(layouts), p=list(layouts.values())))
    if layout in AS_IT_IS:
        return _raw(rng, digits, is_coarse=layout == "coarse")
    if layout == "object":
        return _object(rng)
    page = _laid_out(layout, rng, digits)
    plain = rng.random() < (0.1 if layout == "empty" else 0.28)
    if not plain:
        marks.scatter(page, layout, digits)
    grey = toned(page, plain)
    if not plain:
        grey = lit(page, grey)
    return as_sample(taken(grey, page, layout, plain), page.ink, page.other * (1 - page.ink), page.label)._replace(
        several=layout == "number"
    )


def as_sample(grey: np.ndarray, ink: np.ndarray, other: np.ndarray, label: int) -> Sample:
    """Of arrays (h, w) in 0..1."""
    h, w = grey.shape
    image, truth = np.zeros((SIDE, SIDE), np.uint8), np.zeros((2, SIDE, SIDE), np.float32)
    image[:h, :w] = np.rint(np.clip(grey, 0, 1) * 255)
    truth[0, :h, :w], truth[1, :h, :w] = ink, other
    halved = truth.reshape(2, TRUTH, 2, TRUTH, 2).mean((2, 4))
    return Sample(image, np.rint(np.clip(halved, 0, 1) * 255).astype(np.uint8), (h, w), label)


def scene_sample(grey: np.ndarray, ink: np.ndarray, other: np.ndarray, label: int) -> Sample:
    """Of a larger image and its truth, arrays (H, W) in 0..1, brought to SIDE."""
    k = SIDE / max(grey.shape)
    shape = tuple(max(6, round(n * k)) for n in grey.shape)
    return as_sample(_to(grey, shape), _to(ink, shape), _to(other, shape), label)


def _to(plane: np.ndarray, shape) -> np.ndarray:
    method = Image.Resampling.BOX if shape[0] < plane.shape[0] else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((shape[1], shape[0]), method))


def _laid_out(layout: str, rng: np.random.Generator, digits: Digits) -> Page:
    """A page with nothing but the digit, or the number, or without any."""
    if layout == "tight":
        return _tight(rng, digits)
    aspect = float(np.exp(rng.normal(0, 0.3 if layout in ("small", "empty") else 0.18)))
    if layout == "number":
        aspect = float(np.exp(rng.uniform(-0.2, 1.6)))
    page = Page(_shape(1.0 if rng.random() < 0.25 else aspect), rng)
    if layout == "number":
        _place_number(page, digits)
    elif layout != "empty":
        _place_digit(page, layout, digits)
    return page


def _shape(aspect: float) -> tuple[int, int]:
    """(h, w) of width / height ``aspect``, the long side SIDE."""
    h, w = (SIDE, SIDE * aspect) if aspect < 1 else (SIDE / aspect, SIDE)
    return int(max(12, round(h))), int(max(12, round(w)))


def _tight(rng: np.random.Generator, digits: Digits) -> Page:
    """A digit cut to its ink, with margins of a few pixels of the camera, or a little cut off; also squared up."""
    matte, label = digits.matte(rng, SIDE)
    native = float(np.exp(rng.uniform(np.log(8), np.log(256))))
    if rng.random() < 0.15:
        native = float(rng.choice([8, 16, 28, 32]))
    margins = np.round(rng.uniform(-0.6, 3.4, 4)) * (rng.random() < 0.6) * SIDE / native
    aspect = matte.shape[1] / matte.shape[0] * float(np.exp(rng.normal(0, 0.1)))
    shape = _shape(1.0 if rng.random() < 0.3 else min(max(aspect, 0.12), 3))
    top, left, bottom, right = margins
    inner = max(6, round(shape[0] - top - bottom)), max(3, round(shape[1] - left - right))
    page = Page(shape, rng)
    page.native = native
    page.put_digit(_to(matte, inner), round(top), round(left))
    page.label = label
    return page


def _place_digit(page: Page, layout: str, digits: Digits) -> None:
    rng, (height, width) = page.rng, page.shape
    low, high = {"loose": (0.3, 0.88), "sign": (0.3, 0.88), "small": (0.05, 0.3), "zoomed": (0.45, 0.95)}[layout]
    fraction = np.exp(rng.uniform(np.log(low), np.log(high))) if layout == "small" else rng.uniform(low, high)
    matte, page.label = digits.matte(
        rng, max(6, round(fraction * height)), is_sign=layout == "sign" or rng.random() < 0.05, turn=0.1
    )
    k = min(1, 0.92 * width / matte.shape[1], 0.97 * height / matte.shape[0])
    if k < 1:
        matte = _to(matte, [max(3, int(n * k)) for n in matte.shape])
    room = np.subtract(page.shape, matte.shape)
    middle = layout == "zoomed" or rng.random() < 0.45
    share = 0.5 + rng.normal(0, 0.06, 2) if middle else rng.uniform(0, 1, 2)
    top, left = np.round(room * np.clip(share, 0, 1)).astype(int)
    page.put_digit(matte, top, left)


def _place_number(page: Page, digits: Digits) -> None:
    """Two to eight digits in a row, none of which is the digit more than the others: all are ink."""
    rng, (height, width) = page.rng, page.shape
    n = int(rng.integers(2, 5) if rng.random() < 0.6 else rng.integers(5, 9))
    tall = min(rng.uniform(0.3, 0.97) * height, 1.3 * width / n)
    mattes = [digits.matte(rng, max(8, round(tall * np.exp(rng.normal(0, 0.08)))))[0] for _ in range(n)]
    gap = tall * rng.uniform(0.02, 0.2)
    k = min(1, 0.95 * width / (sum(m.shape[1] for m in mattes) + gap * (n - 1)))
    mattes = [_to(m, [max(3, int(s * k)) for s in m.shape]) for m in mattes]
    left = rng.uniform(0, 1) * (width - sum(m.shape[1] for m in mattes) - k * gap * (n - 1))
    middle = height * rng.uniform(0.4, 0.6)
    for matte in mattes:
        page.put_digit(matte, round(middle - matte.shape[0] / 2), round(left))
        left += matte.shape[1] + k * gap


def _raw(rng: np.random.Generator, digits: Digits, *, is_coarse: bool) -> Sample:
    """One of MNIST's images as it is, cut to its ink and enlarged, with its grey edges."""
    image, label = digits.raw(rng)
    if rng.random() < 0.35 or is_coarse:  # and made smaller before, as on old forms
        side = int(rng.integers(7, 13) if is_coarse else rng.integers(8, 18))
        squared = rng.random() < 0.5
        shape = (side, side) if squared else [max(3, round(n * side / max(image.shape))) for n in image.shape]
        image = _to(image, shape)
    margin = int(rng.choice([0, 0, 0, 1, 1, 2, 3, 4, 8]))
    image = np.pad(image, margin)
    if rng.random() < 0.3:
        side = max(image.shape)
        image = np.pad(image, [((side - n) // 2, side - n - (side - n) // 2) for n in image.shape])
    ink = _enlarged(rng, image)
    truth = np.clip(1.3 * ink - 0.1, 0, 1)
    return as_sample(_in_tones(rng, ink), truth, np.zeros_like(truth), label)


def _object(rng: np.random.Generator) -> Sample:
    """A body, a cloud or a pattern of many tones that fills the image, as of things that are not written."""
    image = negatives.body(rng).astype(np.float32) / 255
    if rng.random() < 0.7:  # as small as icons are
        image = _to(image, [int(rng.integers(8, 40))] * 2)
    solid = _enlarged(rng, np.pad(image, int(rng.choice([0, 0, 1, 2, 4]))))
    return as_sample(_in_tones(rng, solid), np.zeros_like(solid), np.clip(4 * solid, 0, 1), -1)


def _enlarged(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Brought to SIDE with soft or hard edges, in 0..1."""
    k = SIDE / max(image.shape)
    size = [max(6, round(n * k)) for n in image.shape[::-1]]
    methods = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    way = rng.choice(3, p=[0.25, 0.5, 0.25])
    return np.clip(np.asarray(Image.fromarray(image).resize(size, methods[way])), 0, 1)


def _in_tones(rng: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """Grey levels between any two tones, bright ink or dark."""
    low, high = (0.0, 1.0) if rng.random() < 0.6 else np.sort(rng.uniform(0, 1, 2)) + np.array([0, 0.07])
    grey = low + (high - low) * ink
    return np.clip(1 - grey if rng.random() < 0.5 else grey, 0, 1)
