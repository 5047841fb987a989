"""A set split into training and validation images, in equal shares of each class."""

import numpy as np

MOST = 10_000  # validation images: more cost training images and tell no more


def split_off(y: np.ndarray, groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Choose validation images, the same share of each class.

    Parameters
    ----------
    y : ndarray of shape (N,), classes
    groups : ndarray of shape (N,), int
        Images of one group show the same, and stay together. A group of several classes is trained on.
    share : float, 0..1
        Of each class of two images or more at least one, and never all, unless they are of one group.
    seed : int

    Returns
    -------
    ndarray of shape (N,), bool
    """
    chosen = np.zeros(len(y), bool)
    share = min(share, MOST / max(1, len(y)))
    if share <= 0:
        return chosen
    rng = np.random.Generator(np.random.PCG64(seed))
    mixed = _mixed(y, groups)
    for label in np.unique(y):
        own = np.flatnonzero((y == label) & ~mixed)
        wanted = max(1, round(share * len(own)))
        members: dict[int, list[int]] = {}
        for place in own.tolist():
            members.setdefault(int(groups[place]), []).append(place)
        together = list(members.values())
        left = min(wanted, len(own) - 1)
        for k in rng.permutation(len(together)) if len(together) > 1 else ():
            if len(together[k]) <= left:
                chosen[together[k]] = True
                left -= len(together[k])
    return chosen


def _mixed(y: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Whether the group of each image has images of several classes."""
    low = np.full(len(y), np.iinfo(np.int64).max)
    high = np.full(len(y), -1)
    np.minimum.at(low, groups, y)
    np.maximum.at(high, groups, y)
    return (low != high)[groups]
