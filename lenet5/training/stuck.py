"""Whether a training is stuck after its first epoch, for good."""

import math

import numpy as np

from ..nn.losses import cross_entropy
from ..nn.network import Network

#: Training images on which the first epoch is judged.
N_JUDGED = 1000
#: A hopeless rate takes the first layer far from its first weights in one epoch: 0.9 to 660 times their norm. Networks
#: that give one answer only because they start slowly move by up to 0.14 times.
STRAYED = 0.5


def is_hopeless(network: Network, first: np.ndarray, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> bool:
    """Whether the network has left its first weights far behind, and gives every image of ``X`` the same answer.

    Too high a rate does that: all units are dead or saturated, and pass no gradient any more. A network that only
    starts slowly also gives one answer, but is still near its first weights.

    Parameters
    ----------
    first : ndarray, float32
        The first weights, laid out as ``network.parameters``.
    X, y : training images and their labels, see `arrays.check_pictures`
    """
    logits = network.logits(np.ascontiguousarray(X), threads)
    if np.isfinite(logits).all() and not is_constant_guess(logits, y):
        return False
    name = next(iter(network.state_dict()))
    before, now = network.state_dict(first)[name], network.state_dict()[name]
    return float(np.linalg.norm(now - before)) > STRAYED * float(np.linalg.norm(before))


def is_constant_guess(logits: np.ndarray, y: np.ndarray) -> bool:
    """Whether all images get one answer, and its loss does not beat the class frequencies of ``y`` (n,)."""
    shares = np.bincount(y) / len(y)
    entropy = -sum(share * math.log(share) for share in shares if share)
    return bool(np.ptp(logits.argmax(axis=1)) == 0 and cross_entropy(logits, y).mean() >= entropy > 0)
