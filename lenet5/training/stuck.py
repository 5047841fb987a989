"""Whether a training is stuck after its first epoch, for good."""

import math

import numpy as np

from ..nn.losses import cross_entropy
from ..nn.network import Network

#: Training images on which the first epoch is judged.
N_JUDGED = 1000
#: How far from its first weights, by their norm, the first layer is after an epoch at a hopeless rate: 0.9 to 660 times
#: were measured, and up to 0.14 where a network gives one answer only because it starts slowly.
STRAYED = 0.5


def is_hopeless(network: Network, first: np.ndarray, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> bool:
    """Whether the network is far from its first weights, and gives every image of ``X`` one answer.

    That is what too high a rate does: all units are dead or saturated, and no gradient passes them any more. A
    network that only starts slowly gives one answer, too, but is still near its first weights.

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
    """Whether all images get one answer, and one no better than the shares of the classes in ``y`` (n,) alone give."""
    shares = np.bincount(y) / len(y)
    entropy = -sum(share * math.log(share) for share in shares if share)
    return bool(np.ptp(logits.argmax(axis=1)) == 0 and cross_entropy(logits, y).mean() >= entropy > 0)
