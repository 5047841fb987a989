"""Metrics: accuracy with its interval, confusion, precision, recall, calibration error and rejection."""

import math

import numpy as np


def wilson_interval(n_correct: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a proportion, valid near 0 and 1 too; (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    p, zz = n_correct / n, z * z / n
    centre = (p + zz / 2) / (1 + zz)
    half = z * math.sqrt(p * (1 - p) / n + zz / (4 * n)) / (1 + zz)
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))  # rounding never leaves p out


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Count how often class i (row) was answered as j (column): (n_classes, n_classes), int64."""
    flat = y.astype(np.int64) * n_classes + predicted
    return np.bincount(flat, minlength=n_classes**2).reshape(n_classes, n_classes)


def evaluation(y: np.ndarray, predicted: np.ndarray, losses: np.ndarray, labels: list[str]) -> dict:
    """Return what ``lenet5 evaluate`` reports, as plain Python values.

    ``balanced_accuracy`` is the mean recall of the classes that occur. ``macro_f1`` is the mean over the classes that
    occur or were answered of 2 right / (occurred + answered), the F1 score. Both have scikit-learn's meaning. The
    precision of a class that was never answered is None, and so is the recall of one that never occurred.

    Parameters
    ----------
    y, predicted : ndarray of shape (N,), indices into ``labels``
    losses : ndarray of shape (N,), nats
    """
    n, n_correct = len(y), int((y == predicted).sum())
    matrix = confusion_matrix(y, predicted, len(labels))
    asked, answered, right = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    met = asked + answered > 0
    low, high = wilson_interval(n_correct, n)
    return {
        "accuracy": n_correct / n if n else None,
        "accuracy_95": [low, high],
        "balanced_accuracy": float((right[asked > 0] / asked[asked > 0]).mean()) if n else None,
        "macro_f1": float((2 * right[met] / (asked + answered)[met]).mean()) if n else None,
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
    """Whether the accuracy of an `evaluation` is clearly above that of always answering the commonest class."""
    chance = max(row["n"] for row in report["classes"]) / max(1, report["n"])
    return report["accuracy_95"][0] > chance


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, n_bins: int = 15) -> float | None:
    """Return the expected calibration error, 0..1: the mean distance of confidence from accuracy; None without images.

    Answers, sorted by confidence, are cut into ``n_bins`` bins of equal counts. Bins of equal width would nearly all be
    empty, since a good model is confident. Each bin gives abs(mean confidence - fraction right), weighted by its count.

    Parameters
    ----------
    confidence : ndarray of shape (N,), 0..1
    correct : ndarray of shape (N,), bool
    """
    if not len(confidence):
        return None
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(confidence[order] - correct[order].astype(np.float64), min(n_bins, len(order)))
    return float(sum(abs(differences.sum()) for differences in bins) / len(order))


def rejection_curve(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the risk-coverage curve (rejected, error), float64, for all thresholds, from none rejected on.

    ``rejected`` is a fraction of all answers, ``error`` one of the answers given. Answers of equal confidence are given
    or rejected together. Both arrays are empty without images.

    Parameters
    ----------
    confidence : ndarray of shape (N,), 0..1
    correct : ndarray of shape (N,), bool
    """
    n = len(confidence)
    order = np.argsort(confidence, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(confidence[order]) > 0)[:n])  # of each value of confidence
    wrong_before = np.append(0, np.cumsum(~correct[order]))
    return first / max(n, 1), (wrong_before[-1] - wrong_before[first]) / (n - first)


def rejection_for(error: float, curve: tuple[np.ndarray, np.ndarray]) -> float:
    """Return the least fraction to reject so that at most the fraction ``error`` of the others is wrong, up to 1."""
    enough = np.flatnonzero(curve[1] <= error)
    return float(curve[0][enough[0]]) if len(enough) else 1.0


def error_at(rejected: float, curve: tuple[np.ndarray, np.ndarray]) -> float | None:
    """Return the error of the answers given if at most the fraction ``rejected`` is not; None without images."""
    allowed = np.flatnonzero(curve[0] <= rejected + 1e-12)
    return float(curve[1][allowed[-1]]) if len(allowed) else None
