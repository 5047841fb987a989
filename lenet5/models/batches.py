"""Batches of images and labels, as loaders of other programs give them, as two arrays."""

from collections.abc import Iterable

import numpy as np


def gathered(data: tuple | Iterable) -> tuple[np.ndarray, np.ndarray]:
    """(X, y) as it is; or the images and labels of all batches (X, y), such as a DataLoader's, which are read once.

    ValueError where there are no batches, or where they are something else.
    """
    if isinstance(data, tuple) and len(data) == 2:
        return data
    if hasattr(data, "shape"):
        raise ValueError("y is missing: one label for each image of X")
    try:
        pairs = [(np.asarray(X), np.asarray(y)) for X, y in data]
    except (TypeError, ValueError) as error:
        reason = str(error)[:80]
        raise ValueError(f"without y, X gives batches (X, y) of images and labels, as a DataLoader: {reason}") from None
    if not pairs:
        raise ValueError("the batches hold no images, expected at least one to train on")
    X, y = zip(*pairs, strict=True)
    return np.concatenate(X), np.concatenate(y)
