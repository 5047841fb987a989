"""What a camera or scanner makes of a page: polarity, blur, its number of pixels, noise, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from .segmentation_page import Page, resized


def taken(grey: np.ndarray, page: Page, layout: str, plain: bool) -> np.ndarray:
    """The image (h, w) float32 in 0..1 of a page's grey levels."""
    rng = page.rng
    if rng.random() < 0.45:
        grey = 1 - grey
    levels = Image.fromarray(np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8))
    levels = levels.filter(ImageFilter.GaussianBlur(_blur(page)))
    native = page.native or float(np.exp(rng.uniform(np.log(20), np.log(700))))
    if page.native is None and rng.random() < 0.15:
        native = float(rng.choice([28, 32]))
    if layout == "small":  # a digit keeps some pixels
        native = max(native, 9 * max(page.shape) / page.height)
    k = min(1.0, native / max(page.shape))
    shape = max(3, round(page.shape[0] * k)), max(3, round(page.shape[1] * k))
    seen = np.asarray(levels, np.float32) / 255
    if k < 1:
        seen = resized(seen, shape, Image.Resampling.BOX)
    seen = seen + rng.normal(0, _noise(page, float(np.ptp(seen)), plain), shape).astype(np.float32)
    image = Image.fromarray(np.rint(np.clip(seen, 0, 1) * 255).astype(np.uint8))
    if rng.random() < 0.3:
        image = _as_jpeg(image, int(rng.integers(8, 95)))
    if k < 1:
        method = Image.Resampling.NEAREST if rng.random() < 0.15 else Image.Resampling.BILINEAR
        return resized(np.asarray(image, np.float32), page.shape, method) / 255
    return np.asarray(image, np.float32) / 255


def _noise(page: Page, contrast: float, plain: bool) -> float:
    """A deviation in 0..1: little beside the digit's contrast, and any where there is no digit."""
    rng = page.rng
    if page.box is None:
        return float(np.exp(rng.uniform(np.log(0.002), np.log(0.3))))
    if plain or rng.random() < 0.5:
        return min(0.002, 0.25 * contrast)
    return min(float(np.exp(rng.uniform(np.log(0.004), np.log(0.07)))), 0.25 * contrast)


def _blur(page: Page) -> float:
    """A deviation in pixels."""
    rng = page.rng
    if rng.random() < 0.5:
        return rng.uniform(0.3, 0.8)
    return float(np.exp(rng.uniform(np.log(0.4), np.log(1.5)))) * min(max(page.height / 60, 0.4), 2)


def _as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream)
