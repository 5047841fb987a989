"""Names of classes: checked, found in labels, and turned into numbers."""

from collections.abc import Sequence

import numpy as np

from ..nn.arrays import check_labels
from ..utils.characters import DIGITS

MAX_LABEL = 100  # characters


def checked_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Names of classes; ValueError unless each is text that can be printed, and no two are alike."""
    labels = tuple(str(label) for label in labels)
    if not 2 <= len(labels) <= 256:
        raise ValueError(f"{len(labels)} labels, expected 2 to 256")
    for label in labels:
        if not (label.isprintable() and 1 <= len(label) <= MAX_LABEL):
            raise ValueError(f"label {label[:40]!r} is not 1 to {MAX_LABEL} characters that can be printed")
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"label {twice[:40]!r} stands there twice, expected a name of its own for each class")
    return labels


def are_other_classes(y: np.ndarray) -> bool:
    """Whether ``y`` holds other classes than the ten digits, which are sometimes counted from 1."""
    if are_names(y):
        return not set(np.unique(y.astype(str)).tolist()) <= set(DIGITS)
    return bool(y.dtype.kind in "iuf" and y.size and y.max() > 9 and (y.min(), y.max()) != (1, 10))


def are_names(y: np.ndarray) -> bool:
    """Whether ``y`` holds names of classes: text, in any array that NumPy makes of it."""
    return y.dtype.kind in "UST" or (y.dtype.kind == "O" and y.size > 0 and all(isinstance(k, str) for k in y.flat))


def class_numbers(y: np.ndarray, labels: Sequence[str]) -> np.ndarray:
    """Replace the names of classes in ``y`` by their numbers in ``labels``; numbers stay as they are.

    Raises
    ------
    ValueError
        A name does not stand in ``labels``.
    """
    y = np.asarray(y)
    if not are_names(y):
        return y
    names, which = np.unique(y.astype(str), return_inverse=True)
    numbers = {label: k for k, label in enumerate(labels)}
    if unknown := [name for name in names.tolist() if name not in numbers]:
        known = ", ".join(labels)[:80]
        raise ValueError(f"y holds the name {unknown[0][:40]!r}, which is not a class of the model ({known})")
    return np.array([numbers[name] for name in names.tolist()], np.int64)[which.reshape(y.shape)]


def names_in(y: np.ndarray) -> tuple[str, ...]:
    """The classes that labels ``y`` speak of: the names in it, sorted by code point, or "0", "1", ... for numbers.

    Raises
    ------
    ValueError
        They are not labels, of one class only, or not counted from 0.
    """
    y = np.asarray(y)
    if are_names(y):
        names = tuple(np.unique(y.astype(str)).tolist())
    else:
        y = check_labels(y, len(y), 256)
        if y.min() > 0:
            raise ValueError(f"y reaches from {y.min()} to {y.max()}, expected numbers from 0; y - {y.min()} would do")
        names = tuple(str(k) for k in range(int(y.max()) + 1))
    if len(names) < 2:
        raise ValueError(f"y holds one class only, of {len(y)} images; a model needs images of two or more")
    return names
