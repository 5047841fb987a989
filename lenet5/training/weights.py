"""Weights of training images in the loss: classes that are rare, and images that matter more."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..nn.targets import labels_in


def image_weights(
    y: np.ndarray, trained: np.ndarray, class_weight: str, sample_weight: np.ndarray | None
) -> np.ndarray | None:
    """The factor of each image's loss, (N,) float32; None where all are 1.

    Their mean over the images that are trained on is 1, so that a learning rate keeps its meaning.

    Parameters
    ----------
    y : (N,), numbers of classes
    trained : numbers of the images that are trained on; the others are for validation
    class_weight : "none" or "balanced"
        Balanced: each of the k classes counts as much as any other, n / (k n_c) times an image of class c.
    sample_weight : (N,), finite, at least 0, not all 0; or None

    Raises
    ------
    ValueError
        ``sample_weight`` is not as above.
    """
    if class_weight == "none" and sample_weight is None:
        return None
    weights = np.ones(len(y)) if sample_weight is None else _checked(sample_weight, len(y))
    if class_weight == "balanced":
        counts = np.bincount(y[trained])
        weights = weights * np.where(counts, 1 / np.maximum(counts, 1), 0)[y.clip(max=len(counts) - 1)]
    mean = weights[trained].mean()
    if not mean > 0:
        raise ValueError("sample_weight is zero for every image to train on, expected one above zero")
    return (weights / mean).astype(np.float32)


def score_shifts(y: np.ndarray, n_outputs: int, adjustment: float) -> np.ndarray | None:
    """What is added to the scores of classes in the loss, (classes,) float64; None where nothing is.

    Logit adjustment (Menon et al., 2021): ``adjustment`` times the logarithm of each class's share. The network learns
    scores without it, with which a rare class is answered as readily as a common one. A class without images counts
    as one with a single image.

    y : (N,), numbers of the classes that are trained on; or `targets.joined` with targets, for which the last of the
        network's outputs are
    """
    if not adjustment:
        return None
    n_values = y["targets"].shape[1] if y.dtype.names else 0
    counts = np.maximum(np.bincount(labels_in(y), minlength=n_outputs - n_values), 1)
    return adjustment * np.log(counts / counts.sum())


def _checked(sample_weight: np.ndarray, n: int) -> np.ndarray:
    weights = np.asarray(sample_weight, np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight has shape {weights.shape}, expected ({n},): one for each image of X")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("sample_weight holds numbers that are negative or not finite")
    return weights


def of_classes(
    y: np.ndarray, labels: Sequence[str], class_weight: Mapping, sample_weight: np.ndarray | None
) -> np.ndarray:
    """The weight of each image's class, (N,), by its name or number, times ``sample_weight``; 1 where none is given.

    ValueError for a class that the model does not have.
    """
    each = np.ones(len(labels))
    for key, weight in class_weight.items():
        number = labels.index(key) if key in labels else key
        if isinstance(number, bool | str) or not 0 <= number < len(labels):
            raise ValueError(f"class_weight names {key!r}, which is not a class of the model")
        each[int(number)] = weight
    return each[y] * (1 if sample_weight is None else _checked(sample_weight, len(y)))
