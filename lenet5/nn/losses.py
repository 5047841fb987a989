"""What is minimised. (Its gradient is computed beside it in the kernels.)"""

import numpy as np


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Softmax cross-entropy of each picture, in nats: (N,) float64, from logits (N, classes) and labels (N,)."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]
