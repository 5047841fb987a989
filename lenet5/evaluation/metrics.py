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


def beats_chance(report: dict) -> bool:
    """Whether the accuracy of an :func:`evaluation` is clearly above that of always answering the commonest class."""
    chance = max(row["n"] for row in report["classes"]) / max(1, report["n"])
    return report["accuracy_95"][0] > chance


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> float | None:
    """How far confidence is from being right so often, on average: 0..1; None for no pictures.

    The answers, sorted by confidence, are cut into ``n_bins`` bins of equally many (nearly all confidences of a good
    model lie near 1, where bins of equal width would see one bin only); the mean, over the pictures, of
    abs(mean confidence - part that is right) of their bin.
    """
    if not len(confidence):
        return None
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(confidence[order] - correct[order].astype(np.float64), min(n_bins, len(order)))
    return float(sum(abs(differences.sum()) for differences in bins) / len(order))


def rejection_curve(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rejected, error), float64, of all thresholds from none rejected on: parts of all, and of those answered.

    Answers of the same confidence are given or rejected together. Both are empty for no pictures.
    """
    n = len(confidence)
    order = np.argsort(confidence, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(confidence[order]) > 0)[:n])  # of each value of confidence
    wrong_before = np.append(0, np.cumsum(~correct[order]))
    return first / max(n, 1), (wrong_before[-1] - wrong_before[first]) / (n - first)


def rejection_for(error: float, curve: tuple[np.ndarray, np.ndarray]) -> float:
    """The least part to reject so that at most the part ``error`` of the other answers is wrong; 1: all of them."""
    enough = np.flatnonzero(curve[1] <= error)
    return float(curve[0][enough[0]]) if len(enough) else 1.0


def error_at(rejected: float, curve: tuple[np.ndarray, np.ndarray]) -> float | None:
    """The error among the answers given where at most the part ``rejected`` is not; None for no pictures."""
    allowed = np.flatnonzero(curve[0] <= rejected + 1e-12)
    return float(curve[1][allowed[-1]]) if len(allowed) else None
