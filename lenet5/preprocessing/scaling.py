"""Planes (H, W) brought to another size."""

import numpy as np
from PIL import Image


def resized(
    plane: np.ndarray, shape: tuple[int, int], enlarging: Image.Resampling = Image.Resampling.BILINEAR
) -> np.ndarray:
    """Bring a plane (H, W) to ``shape``, float32: averaged where it becomes smaller, else interpolated."""
    if plane.shape == tuple(shape):
        return plane
    method = Image.Resampling.BOX if shape[0] < plane.shape[0] else enlarging
    return np.asarray(Image.fromarray(plane.astype(np.float32, copy=False)).resize(shape[::-1], method))
