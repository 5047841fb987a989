"""What is written on a page of numbers, as mattes (h, w) float32, 0..1 of ink: strings of digits and signs, words."""

from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...utils.characters import SEPARATORS
from . import digit_strings, marks, signs
from .segmentation_digits import Digits, sign
from .segmentation_page import placed

STYLES = ("plain", "varied", "amounts", "signs")
#: How often a string is printed, and of single digits of several pens; the others are composed as for reading.
PRINTED, OF_SINGLE_DIGITS = 0.12, 0.4
#: How often print has signs, and how often a separator follows a single digit.
WITH_SIGNS, SEPARATED = 0.35, 0.12
#: How often a digit is a 1 of one straight line, how often digits overlap, and how often a number ends in like noughts.
BARS, OVERLAPPING, NOUGHTS = 0.1, 0.25, 0.2


class Writer:
    """Strings of MNIST's digits (N, 28, 28) uint8 with their classes, of which ``n`` are composed in advance."""

    def __init__(self, X: np.ndarray, y: np.ndarray, n: int, seed: int):
        self.digits, self.noughts = Digits(X, y), Digits(X[y == 0], y[y == 0])
        self.strings: list[tuple[np.ndarray, float]] = []  # ink (h, w) uint8, and the height of its digits
        for k, name in enumerate(STYLES):
            style = replace(digit_strings.STYLES[name], rules=0.0, grain=0.0, waves=0.0)
            for string in digit_strings.compose(X, y, n // len(STYLES), style=style, seed=1000 * seed + k):
                heights = [box.bottom - box.top for box in string.boxes]
                tall = max(float(np.median(heights)), 0.7 * max(heights))
                self.strings.append((np.rint(255 * string.ink).astype(np.uint8), tall))

    def string(self, rng: np.random.Generator, height: float) -> np.ndarray:
        """A string with digits about ``height`` pixels high."""
        if rng.random() < PRINTED:
            kinds = signs.text(rng) if rng.random() < WITH_SIGNS else "d" * int(rng.integers(1, 8))
            text = "".join(str(rng.integers(10)) if kind == "d" else kind for kind in kinds if kind.isascii())
            return printed(rng, height, text or "0")
        if rng.random() < OF_SINGLE_DIGITS:
            return self._single_digits(rng, height)
        ink, tall = self.strings[rng.integers(len(self.strings))]
        image, k = Image.fromarray(ink), height / tall
        if rng.random() < 0.4:
            image = image.rotate(rng.normal(0, 3), Image.Resampling.BILINEAR, expand=True)
        size = [max(3, round(n * k)) for n in image.size]
        method = Image.Resampling.BICUBIC if k > 1 else Image.Resampling.BOX
        matte = np.asarray(image.resize(size, method), np.float32) / 255
        if k > 1.3 and rng.random() < 0.7:  # with sharp edges again
            matte = np.clip((matte - rng.uniform(0.15, 0.4)) / rng.choice([0.2, 0.4]), 0, 1)
        return matte

    def _single_digits(self, rng: np.random.Generator, height: float) -> np.ndarray:
        mattes = [self.digit(rng, height * np.exp(rng.normal(0, 0.12))) for _ in range(int(rng.integers(1, 7)))]
        if rng.random() < NOUGHTS:
            mattes = mattes[:2] + self._noughts(rng, height)
        below = [rng.normal(0, 0.05) * height for _ in mattes]
        hand = marks.Hand(rng.uniform(-0.2, 0.4), height / 20, rng.uniform(-0.6, 1.0), rng.uniform(0.6, 1))
        for place in np.flatnonzero(rng.random(len(mattes)) < SEPARATED)[::-1] + 1:
            glyph = marks.separator(str(rng.choice(list(SEPARATORS))), hand, 1.0, rng)
            mattes.insert(place, glyph.ink)
            below.insert(place, glyph.below * hand.zoom)
        least = -0.15 if rng.random() < OVERLAPPING else 0.03
        gaps = height * rng.uniform(least, 0.35 if least > 0 else 0.08, len(mattes))
        shape = int(1.9 * height) + 4, int(sum(matte.shape[1] for matte in mattes) + abs(gaps).sum()) + 2
        out, left = np.zeros(shape, np.float32), 0.0
        for matte, gap, lower in zip(mattes, gaps, below, strict=True):
            top = shape[0] / 2 - matte.shape[0] / 2 + lower
            out = np.maximum(out, placed(shape, matte, round(top), round(left)))
            left += matte.shape[1] + gap
        return out

    def _noughts(self, rng: np.random.Generator, height: float) -> list[np.ndarray]:
        """Several 0s of one pen, as amounts end in them."""
        matte = self.noughts.matte(rng, max(5, round(height * rng.uniform(0.75, 1.0))), of=0)[0]
        return [matte] * int(rng.integers(2, 5))

    def digit(self, rng: np.random.Generator, height: float) -> np.ndarray:
        """A single digit, cut to its ink."""
        if rng.random() < BARS:
            return _bar(rng, max(5, round(height)))
        return self.digits.matte(rng, max(5, round(height)), turn=0.06)[0]


def _bar(rng: np.random.Generator, height: int) -> np.ndarray:
    """A 1 that is one straight line."""
    pen = max(1, round(height * rng.uniform(0.04, 0.16)))
    width = pen + round(height * rng.uniform(0, 0.3))
    image = Image.new("L", (width, height))
    top, bottom = rng.uniform(pen / 2, width - pen / 2, 2) if rng.random() < 0.7 else (width / 2, width / 2)
    ImageDraw.Draw(image).line([(top, 0), (bottom, height)], 255, pen)
    return np.asarray(image, np.float32) / 255


def printed(rng: np.random.Generator, size: float, text: str) -> np.ndarray:
    """A text in print, whose digits are about ``size`` pixels high."""
    font = ImageFont.load_default(max(5, round(size * 1.35)))
    image = Image.new("L", (int(font.getlength(text)) + 4, round(size * 1.8) + 2))
    bold = round(rng.uniform(0, 0.06) * size)
    ImageDraw.Draw(image).text((2, round(size * 1.4)), text, 255, font, "ls", stroke_width=bold)
    return np.asarray(image, np.float32) / 255


def word(rng: np.random.Generator, size: float) -> np.ndarray:
    """A word of letters, printed or by hand."""
    if rng.random() < 0.5:
        letters = (chr(rng.integers(97, 123)) if rng.random() < 0.85 else " " for _ in range(int(rng.integers(2, 12))))
        text = "".join(letters)
        return printed(rng, size, text.upper() if rng.random() < 0.3 else text.title() if rng.random() < 0.5 else text)
    signs = [sign(rng, max(4, round(size * rng.uniform(0.6, 1.3)))) for _ in range(int(rng.integers(2, 8)))]
    wide = sum(matte.shape[1] for matte in signs) + round(0.2 * size) * len(signs) + 2
    out, left, bottom = np.zeros((round(1.4 * size) + 2, wide), np.float32), 0, round(1.3 * size)
    for matte in signs:
        out = np.maximum(out, placed(out.shape, matte, bottom - matte.shape[0], left))
        left += matte.shape[1] + round(rng.uniform(0, 0.2) * size)
    return out
