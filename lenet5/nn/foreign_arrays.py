"""Arrays of images as other programs hold them, brought to ours where it is clear what they are.

Rows of 784 numbers (scikit-learn, Kaggle), channels last (Keras), numbers 0..255 of any type (`fetch_openml`).
"""

import math

import numpy as np

from ..utils.memmap import pieces

#: Axes behind the first, and what is to be done with them.
_FORMS = "(N, H, W), (N, H * H), (N, H, W, C) or (N, C, H, W) with C 1 or 3"


def plain_images(X) -> np.ndarray:
    """Bring an array of images to (N, H, W) or (N, 3, H, W), uint8 or floating point in 0..1.

    Parameters
    ----------
    X : array_like of shape (N, H, W), (N, H * H), (N, H, W, C) or (N, C, H, W), C being 1 or 3
        Numbers in 0..255, floating point in 0..1, or bool. Such numbers of another type than uint8 have to be whole.

    Raises
    ------
    ValueError
        It is not clear what they are.
    """
    X = np.asarray(X)
    return _plain_values(_plain_shape(X))


def _plain_shape(X: np.ndarray) -> np.ndarray:
    if X.ndim == 2:
        side = math.isqrt(X.shape[1])
        if side >= 2 and side * side == X.shape[1]:
            return X.reshape(len(X), side, side)
    elif X.ndim == 3:
        return X
    elif X.ndim == 4:
        is_first, is_last = X.shape[1] in (1, 3), X.shape[3] in (1, 3)
        if is_first != is_last:
            X = X if is_first else X.transpose(0, 3, 1, 2)
            return X[:, 0] if X.shape[1] == 1 else X
    raise ValueError(f"images have shape {X.shape}, expected {_FORMS}")


def _plain_values(X: np.ndarray) -> np.ndarray:
    if X.dtype == np.uint8 or not X.size:
        return X.astype(np.uint8) if not X.size else X
    if X.dtype == bool:
        return X * np.uint8(255)
    if X.dtype.kind not in "iuf":
        raise ValueError(f"images have dtype {X.dtype}, expected numbers in 0..255, or in 0..1")
    low, high = float(X.min()), float(X.max())
    if X.dtype.kind == "f" and 0 <= low <= high <= 1:
        return X
    if low >= 0 and 1 < high <= 255 and all((np.floor(piece) == piece).all() for piece in pieces(X)):
        return X.astype(np.uint8)
    raise ValueError(f"images reach from {low:g} to {high:g}, expected whole numbers in 0..255, or numbers in 0..1")
