"""Training examples of the networks that read numbers: labelled segments and windows, cut out of composed strings."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ..datasets.synthetic.digit_strings import Composed
from ..ocr import ink, sdnn
from ..ocr.layout import evened
from ..ocr.networks import CLASSES, RUBBISH
from ..ocr.oversegmentation import Hypotheses, Pieces, cut, hypotheses
from ..preprocessing.binarization import quantile

_THERE = 0.2  # ink of a character that counts where another one may have some, too
_SAME_OVERLAPPING = 0.78  # as _SAME, for characters that overlap
_LIKELY = 6, 1.7  # pieces, heights: nearly all characters are within these; longer segments would only add rubbish
EVENED = 0.8  # fraction of strings with equalised contrast before cutting; reading equalises all
_NEAR, _FAR = 1.1, 2.0  # pixels from a digit's middle: up to the first it is read, from the second on it is not
_SAME, _OTHER = 0.88, 0.7  # common ink: from the first on, a segment is the character; below the second, rubbish


def truth(string: Composed, pieces: Pieces, found: Hypotheses) -> np.ndarray:
    """Return the class of each segment (n,), -1 for those that are neither a character nor clearly rubbish.

    The ink that a segment and a character have in common decides, divided by their ink together. Ink that the character
    shares with another one does not count, since only one of the two can have it; the bound is then lower. The segment
    that is most like a character is never rubbish, and it is the character where it is not clearly rubbish: of noughts
    with a common wall, one has a gap.
    """
    inside = pieces.labels >= 0
    own = pieces.labels[inside]
    n = len(pieces)

    def per_piece(plane: np.ndarray) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(np.bincount(own, plane[inside], n))])

    def per_run(plane: np.ndarray) -> np.ndarray:
        total = per_piece(plane)
        return total[found.stop] - total[found.first]

    shared = np.sum([layer > _THERE for layer in string.layers], axis=0, dtype=np.int32) > 1
    overlap = shared.any()
    run = per_run(pieces.ink)
    labels, best = np.full(len(run), RUBBISH), np.zeros(len(run))
    for character, layer in zip(string.text, string.layers, strict=True):
        together = run
        if overlap and (here := shared & (layer > _THERE)).any():
            layer, together = np.where(here, 0, layer), run - per_run(np.where(here, pieces.ink, 0))
        common = per_run(np.minimum(layer, pieces.ink))
        share = common / np.maximum(together + layer.sum() - common, 1e-6)
        if together is not run:
            share = np.where(share >= _SAME_OVERLAPPING, np.maximum(share, _SAME), share)
        if len(share):
            likest = share.argmax()
            share[likest] = max(share[likest], _SAME if share[likest] >= _OTHER else _OTHER)
        labels = np.where(share > best, CLASSES.index(character), labels)
        best = np.maximum(best, share)
    return np.where(best >= _SAME, labels, np.where(best < _OTHER, RUBBISH, -1))


def as_found(string: Composed, rng: np.random.Generator, even: float = 0.5) -> Composed:
    """Make a composed line look as reading finds it, in the fraction ``even`` with its contrast equalised.

    Ink and layers are equalised alike, so that they can still be compared.
    """
    seen = ink.found(1 - string.ink, "yes", 1)
    if seen is None or not seen.mask.any():
        return string
    if rng.random() >= even:
        return replace(string, ink=seen.ink)
    full = float(quantile(seen.ink[seen.mask], 0.7))
    return replace(string, ink=evened(seen.ink, full), layers=[evened(layer, full) for layer in string.layers])


def examples(strings: Iterable[Composed], *, seed: int = 0, rubbish: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Cut ``strings`` into examples of segments.

    Returns
    -------
    images : ndarray of shape (N, 2, 28, 28), uint8
    classes : ndarray of shape (N,), uint8
        For each character, ``rubbish`` examples of rubbish, chosen at random.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    X, y = [], []
    for string in strings:
        string = as_found(string, rng, EVENED)
        pieces = cut(string.ink)
        found = hypotheses(pieces, *_LIKELY)
        labels = truth(string, pieces, found)
        right, wrong = np.flatnonzero((labels >= 0) & (labels != RUBBISH)), np.flatnonzero(labels == RUBBISH)
        most = round(rubbish * max(len(right), 1))
        wrong = rng.permutation(wrong)[:most]
        kept = np.concatenate([right, wrong])
        X.append(found.pictures[kept])
        y.append(labels[kept].astype(np.uint8))
    return np.concatenate(X), np.concatenate(y)


def windows(strings: Iterable[Composed], *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cut ``strings`` into windows (N, 1, 32, 32) uint8 with classes (N,): the digits of each, and as many blanks."""
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    X, y = [], []
    for string in strings:
        line, scale = sdnn.normalized(as_found(string, rng).ink)
        middles = [(box.left + box.right) / 2 * scale for box in string.boxes]
        labels = np.full(line.shape[1] - sdnn.FIELD + 1, sdnn.BLANK)
        for character, middle in zip(string.text, middles, strict=True):
            if character.isdigit():
                away = abs(np.arange(len(labels)) - middle)
                labels[(away > _NEAR) & (away < _FAR) & (labels == sdnn.BLANK)] = -1
                labels[away <= _NEAR] = int(character)
        digits, blank = np.flatnonzero((labels >= 0) & (labels != sdnn.BLANK)), np.flatnonzero(labels == sdnn.BLANK)
        for x in [*rng.permutation(digits)[: 2 * len(middles)], *rng.permutation(blank)[: 2 * len(middles)]]:
            X.append(line[:, x : x + sdnn.FIELD])
            y.append(labels[x])
    return np.stack(X)[:, None], np.array(y, np.uint8)
