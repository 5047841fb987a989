"""The training losses; the kernels compute their gradients."""

import numpy as np


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the softmax cross-entropy of each image, in nats.

    Parameters
    ----------
    logits : ndarray of shape (N, classes)
    y : ndarray of shape (N,), labels

    Returns
    -------
    ndarray of shape (N,), float64
    """
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]


def mean_cost(kind: str, outputs: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cost of the errors of quantities, both (N, outputs): "mse", "mae" or "huber"."""
    error = np.abs(outputs.astype(np.float64) - targets)
    if kind == "huber":
        return float(np.where(error <= 1, error**2 / 2, error - 0.5).mean())
    return float((error**2 if kind == "mse" else error).mean())
