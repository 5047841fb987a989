"""Images with an alpha channel -> opaque ones, on a background that keeps their ink visible."""

import numpy as np

from .binarization import quantile


def without_alpha(rgba: np.ndarray) -> tuple[np.ndarray, int, int]:
    """An image (H, W, 4), laid on a background that keeps its ink visible, and the (top, left) of its corner."""
    colour, alpha = rgba[..., :3], rgba[..., 3]
    if alpha.min() > 0.9:
        return colour, 0, 0
    if alpha.max() == 0:
        return np.zeros_like(alpha), 0, 0
    seen = alpha > alpha.max() / 2
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    top, left = int(rows[0]), int(columns[0])
    window = slice(top, rows[-1] + 1), slice(left, columns[-1] + 1)
    tints = colour[seen]
    bright = tints.mean() > 0.5
    margin = 2 + max(alpha[window].shape) // 8
    if (quantile(tints, 0.98, axis=0) - quantile(tints, 0.02, axis=0)).max() < 0.1:  # one colour: alpha is the drawing
        ink = np.pad(alpha[window] / alpha.max(), margin)
        return ink if bright else 1 - ink, top - margin, left - margin
    if alpha[window].mean() > 0.9:  # a sheet with transparent surroundings: keep the sheet
        return _lay(rgba[window], quantile(tints, 0.5, axis=0)), top, left
    drawing = np.pad(rgba[window], ((margin, margin), (margin, margin), (0, 0)))
    return _lay(drawing, np.full(3, 0 if bright else 1, np.float32)), top - margin, left - margin


def _lay(rgba: np.ndarray, background: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:]
    return rgba[..., :3] * alpha + background.astype(np.float32) * (1 - alpha)
