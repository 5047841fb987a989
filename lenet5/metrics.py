"""How good answers are: accuracy with its interval, confusion, precision and recall."""

import math

import numpy as np


def wilson_interval(n_correct: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson's score interval, right near 0 and 1 too); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p, zz = n_correct / n, z * z / n
    centre = (p + zz / 2) / (1 + zz)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n)) / (1 + zz)
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))  # rounding never leaves p out


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """How often class i (row) was answered as j (column): (n_classes, n_classes) int64."""
    flat = y.astype(np.int64) * n_classes + predicted
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


def evaluation(y: np.ndarray, predicted: np.ndarray, losses: np.ndarray, labels: list[str]) -> dict:
    """What ``lenet5 evaluate`` reports, as plain Python values.

    Precision or recall of a class that was never answered or never asked is None, not a number out of thin air.
    """
    n, n_correct = len(y), int((y == predicted).sum())
    matrix = confusion_matrix(y, predicted, len(labels))
    asked, answered, right = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    low, high = wilson_interval(n_correct, n)
    return {
        "accuracy": n_correct / n if n else None,
        "accuracy_95": [low, high],
        "n": n,
        "errors": n - n_correct,
        "loss": float(losses.mean()) if n else None,
        "classes": [
            {
                "label": label,
                "n": int(asked[k]),
                "precision": float(right[k] / answered[k]) if answered[k] else None,
                "recall": float(right[k] / asked[k]) if asked[k] else None,
            }
            for k, label in enumerate(labels)
        ],
        "confusion": matrix.tolist(),
    }
