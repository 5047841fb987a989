"""How the rows of scikit-learn's arrays become images of a network."""

import math
from dataclasses import dataclass

import numpy as np

from ..nn.architectures import LARGEST, SMALLEST

#: The side of LeNet-5's field.
FIELD = 32
#: Rows of at least this many numbers that fill a square are pixels, and their images may be distorted.
FEWEST_PIXELS = 64
#: Rows that are scaled at a time.
ROWS = 4096


@dataclass(frozen=True)
class Layout:
    """What `fit` learns of an array: its form, and the numbers that are background and full ink.

    Attributes
    ----------
    shape : (features,), (H, W) or (H, W, C), of one image
    low, high : the least and the greatest number in the array; 0 and 255 for bytes
    """

    shape: tuple[int, ...]
    low: float
    high: float

    @classmethod
    def of(cls, X: np.ndarray) -> "Layout":
        """That of ``X`` (N, features), (N, H, W) or (N, H, W, C), finite; ValueError where no network takes it."""
        if X.ndim not in (2, 3, 4) or (X.ndim == 4 and X.shape[3] not in (1, 3)):
            raise ValueError(f"X has shape {X.shape}, expected (n, features), (n, h, w), (n, h, w, 1) or (n, h, w, 3)")
        reach = (0.0, 255.0) if X.dtype == np.uint8 else (float(X.min()), float(X.max()))
        layout = cls(X.shape[1:], *reach)
        if layout.side > LARGEST:
            raise ValueError(f"images of X have a side of {layout.side}, expected at most {LARGEST}: make them smaller")
        return layout

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def side(self) -> int:
        """Of the square that holds an image, or the features of a row."""
        return math.isqrt(self.shape[0] - 1) + 1 if len(self.shape) == 1 else max(self.shape[:2])

    @property
    def are_pixels(self) -> bool:
        """Whether neighbours in an image are neighbours in the world, as far as its form tells."""
        return len(self.shape) > 1 or (self.shape[0] >= FEWEST_PIXELS and self.shape[0] == self.side**2)

    @property
    def size(self) -> int:
        """The `LeNet5.size` that takes its images."""
        return FIELD if self.side <= FIELD else self.side + self.side % 2

    @property
    def _padded(self) -> int:
        """The side of the images: small ones are enlarged and padded."""
        return SMALLEST if self.side <= SMALLEST else self.size

    def images(self, X: np.ndarray) -> np.ndarray:
        """``X`` as images (N, S, S) or (N, 3, S, S): uint8 for bytes, else float32 in 0..1.

        Small images are enlarged by a whole number and laid in the middle, on background. Features fill a square row by
        row. Numbers beyond those that `fit` saw become background or full ink.
        """
        pixels = self._in_square(self._as_ink(X))
        factor, side = max(1, SMALLEST // self.side), self._padded
        pixels = pixels.repeat(factor, -2).repeat(factor, -1)
        rest = [side - n for n in pixels.shape[-2:]]
        around = [(0, 0)] * (pixels.ndim - 2) + [(n // 2, n - n // 2) for n in rest]
        return np.pad(pixels, around) if any(rest) else pixels

    def _as_ink(self, X: np.ndarray) -> np.ndarray:
        """The same numbers in 0..255, or in 0..1."""
        if X.dtype == np.uint8 and (self.low, self.high) == (0, 255):
            return X
        reach, ink = (self.high - self.low) or 1.0, np.empty(X.shape, np.float32)
        for first in range(0, len(X), ROWS):
            some = np.subtract(X[first : first + ROWS], self.low, dtype=np.float64)
            ink[first : first + ROWS] = (some / reach).clip(0, 1)
        return ink

    def _in_square(self, pixels: np.ndarray) -> np.ndarray:
        """As (N, H, W), or (N, 3, H, W) in colour."""
        if len(self.shape) == 1:
            missing = self.side**2 - self.shape[0]
            return np.pad(pixels, [(0, 0), (0, missing)]).reshape(-1, self.side, self.side)
        if len(self.shape) == 3:
            return pixels[..., 0] if self.channels == 1 else pixels.transpose(0, 3, 1, 2)
        return pixels
