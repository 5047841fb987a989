"""The numbers of an image with the best path through the lattice of each, and what speaks for all of them together."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from ..utils.geometry import Box
from . import lattice, layout, sdnn
from .networks import CLASSES, N_DIGITS, RUBBISH, SIGNS, StringNetworks, log_softmax
from .oversegmentation import Hypotheses, Pieces, cut, hypotheses

LEFT_OUT = 150.0  # the cost of leaving out as much ink as would fill the square of a digit's height
# Weights of the opinions on which digit it is: segment networks, digit networks, the sliding one, the given model.
SEGMENTS_SHARE, DIGITS_SHARE, SLIDING_SHARE, OWN_SHARE = 0.2, 0.55, 0.2, 0.05
SEEN = 3.0  # weight of the sliding network's opinion on whether it is a digit
# Signs that look like a 1: which of them are not the first or last of a number, and which are closed by another one.
NOT_FIRST, NOT_LAST, BRACKETS = "/)]", "/", (("(", ")"), ("[", "]"))
UNLIKELY = -7.0  # logarithm of a segment's share of all paths, below which it is not looked at more closely
MOST_SLIDING = 9.0  # how far that opinion moves the logarithm of the weight at most


class Scorer(Protocol):
    """A network, or several that answer together."""

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Scores (N, classes)."""


class Line(NamedTuple):
    """A number with what was read in it.

    Attributes
    ----------
    number : NumberImage
    runs : Hypotheses, its segments
    ways : first, stop, scores and cost of leaving out, as `lattice.search` takes them
    path : list of lattice.Step, the best one
    total : float, the log-weight of all paths
    """

    number: layout.NumberImage
    runs: Hypotheses
    ways: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    path: list[lattice.Step]
    total: float


class PageLines(NamedTuple):
    """The ``lines`` of an image, and the boxes of other marks that may be ``words``."""

    lines: list[Line]
    words: list[Box]


def lines_of(
    grey: np.ndarray, invert: str, networks: StringNetworks, network: Scorer | None = None, *,
    allow: str = "", length: int | None = None, table: bool = False, threads: int | None = None,
    most: int | None = None,
) -> PageLines:  # fmt: skip
    """The numbers of a page (H, W) float32 in 0..1, in reading order, and its words; the ``most`` largest if given.

    Other arguments are those of `reader.read`. Signs that are allowed are expected.
    """
    numbers, words = layout.find(grey, invert, table=table, most=most, threads=threads)
    cuts = [(number, cut(number.ink)) for number in numbers]
    found = [(number, pieces, hypotheses(pieces)) for number, pieces in cuts if len(pieces)]
    if not found:
        return PageLines([], words)
    pictures = np.concatenate([runs.pictures for _, _, runs in found])
    slid = np.concatenate(sdnn.opinions([(line, runs.boxes) for _, line, runs in found], networks.sliding, threads))
    ways = [(runs.first, runs.stop, leave_out(pieces)) for _, pieces, runs in found]
    expected = _classes(sign for sign in SIGNS if sign in allow)
    scores = _scores(pictures, slid, ways, networks, network, expected, threads)
    lines = []
    for (number, _, runs), (first, stop, dropped), part in zip(found, ways, scores, strict=True):
        path, total = lattice.search(first, stop, part, dropped, length, N_DIGITS)
        if never_closed := [one for one, other in BRACKETS if _n(path, one) > _n(path, other)]:
            part[:, _classes(never_closed)] = -lattice.LIMIT
            path, total = lattice.search(first, stop, part, dropped, length, N_DIGITS)
        lines.append(Line(number, runs, (first, stop, part, dropped), path, total))
    return PageLines(lines, words)


def _classes(signs: Iterable[str]) -> list[int]:
    return [CLASSES.index(sign) for sign in signs]


def _n(path: Sequence[lattice.Step], sign: str) -> int:
    """How often a sign is read."""
    return sum(CLASSES[step.label] == sign for step in path)


def evidence(lines: Sequence[Line]) -> float:
    """How much likelier it is that these are numbers than that all is rubbish, as a logarithm."""
    return sum(line.total for line in lines)


def sureness(lines: Sequence[Line]) -> float:
    """The mean logarithm of the confidence of all digits; -inf without any."""
    sure = [step.confidence for line in lines for step in line.path if step.label < N_DIGITS]
    return float(np.log(np.maximum(sure, 1e-6)).mean()) if sure else -np.inf


def _scores(
    pictures: np.ndarray, slid: np.ndarray, ways: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    networks: StringNetworks, network: Scorer | None, expected: list[int], threads: int | None,
) -> list[np.ndarray]:  # fmt: skip
    """`lattice.odds` (n, classes - 1) of each number's hypotheses.

    They come from the images (N, 2, 28, 28) uint8 of the hypotheses of all numbers, and from ``slid`` (N, 11), see
    `sdnn.opinions`. ways: first, stop and leave_out of each number. The segment and the sliding networks decide whether
    a segment is a digit at all; all networks decide which. Where by these two only a trace of all paths goes through a
    segment, the others are not asked. The sliding network knows no signs: where it sees a digit, there may be one of
    the signs ``expected``, too; were all of them expected, slanted 1s would be taken for slashes. The networks learnt
    from strings with all signs: the fewer of them may be there, the likelier each is.
    """
    scores = lattice.odds(networks.log_probabilities(pictures, threads), RUBBISH)
    digits, blank = scores[:, :10], slid[:, 10]
    seen = SEEN * (np.log1p(-np.exp(np.minimum(blank, -1e-9))) - blank)
    seen = np.clip(seen, -MOST_SLIDING, MOST_SLIDING)
    total = np.logaddexp.reduce(digits, axis=1) + seen
    if expected:
        scores[:, expected] += np.maximum(seen, 0)[:, None] + np.log(len(SIGNS) / len(expected))
    starts = np.concatenate([first == 0 for first, _, _ in ways])
    ends = np.concatenate([stop == len(out) for _, stop, out in ways])
    for place, signs in ((starts, NOT_FIRST), (ends, NOT_LAST)):
        scores[np.ix_(place, np.array(_classes(signs)))] = -lattice.LIMIT
    mixed = SEGMENTS_SHARE * log_softmax(digits) + SLIDING_SHARE * log_softmax(slid[:, :10])
    share = SEGMENTS_SHARE + SLIDING_SHARE
    scores[:, :10] = log_softmax(mixed / share) + total[:, None]
    parts = np.split(scores, np.cumsum([len(first) for first, _, _ in ways])[:-1])
    shares = [lattice.shares(first, stop, part, out) for (first, stop, out), part in zip(ways, parts, strict=True)]
    likely = np.flatnonzero(np.concatenate(shares) > UNLIKELY)
    ink = np.ascontiguousarray(pictures[likely, :1])
    mixed = mixed[likely] + DIGITS_SHARE * networks.digit_log_probabilities(ink, threads)
    share += DIGITS_SHARE
    if network is not None:
        mixed += OWN_SHARE * log_softmax(network.logits(ink, threads))
        share += OWN_SHARE
    scores[likely, :10] = log_softmax(mixed / share) + total[likely, None]
    return parts


def leave_out(pieces: Pieces) -> np.ndarray:
    """The cost of leaving each piece out (pieces,), at most 0: by its ink."""
    own = pieces.labels >= 0
    ink = np.bincount(pieces.labels[own], pieces.ink[own], len(pieces))
    return -LEFT_OUT * ink / pieces.height**2
