"""What a model knows about its own answers, learnt from validation pictures: a temperature, and thresholds.

The temperature T divides the scores before the softmax, so that of the answers given with confidence 0.9 nine in ten
are right (Guo et al., "On calibration of modern neural networks", 2017). It changes no answer. A threshold is the
confidence below which an answer is not given, so that those that are given are wrong no more often than wished.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

#: A temperature lies within these, whatever the pictures say.
COLDEST, HOTTEST = 1e-3, 1e3
#: Weight of the belief that the temperature is 1, in pictures: it decides where there are few, or none is wrong.
PRIOR = 10
#: Parts of the answers given that may be wrong, for which a model keeps thresholds.
ERRORS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)


@dataclass(frozen=True)
class Threshold:
    """From ``confidence`` on, at most the part ``error`` of the answers is wrong; ``rejected`` is the part below."""

    error: float
    confidence: float
    rejected: float

    def __post_init__(self):
        for name, value in asdict(self).items():
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise ValueError(f"a threshold's {name} is {value!r}, expected 0 to 1")


@dataclass(frozen=True)
class Calibration:
    """Of one model: its temperature, and its thresholds with their errors from the largest to the least.

    ``n`` is the number of validation pictures that both come from; 0: none, temperature 1, no thresholds.
    """

    temperature: float = 1.0
    thresholds: tuple[Threshold, ...] = ()
    n: int = 0

    def __post_init__(self):
        if type(self.temperature) not in (int, float) or not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(f"temperature is {self.temperature!r}, expected {COLDEST:g} to {HOTTEST:g}")
        if type(self.n) is not int or self.n < 0:
            raise ValueError(f"the temperature's number of pictures is {self.n!r}, expected a whole number")
        if any(
            later.error >= before.error for before, later in zip(self.thresholds, self.thresholds[1:], strict=False)
        ):
            raise ValueError("the errors of the thresholds do not descend")

    def confidence_for(self, max_error: float) -> float:
        """The least confidence with which answers are given if at most the part ``max_error`` of them may be wrong.

        Raises
        ------
        ValueError
            ``max_error`` is not in 0..1, or is less than what the validation pictures could tell of.
        """
        if not isinstance(max_error, int | float | np.number) or not 0 < max_error <= 1:
            raise ValueError(f"max_error is {max_error!r}, expected more than 0 and at most 1 (0.005 is 0.5 %)")
        for threshold in self.thresholds:
            if threshold.error <= max_error * (1 + 1e-9):
                return threshold.confidence
        if not self.thresholds:
            raise ValueError(
                "the model has no thresholds for a wanted error: it was trained without validation pictures, or is "
                "several models that were not calibrated together"
            )
        raise ValueError(
            f"an error of {100 * max_error:g} % is less than this model can vouch for: "
            f"its {self.n:,} validation pictures go down to {100 * self.thresholds[-1].error:g} %"
        )

    def telling(self) -> list[Threshold]:
        """The thresholds without those of larger errors than the least one for which all answers are given."""
        n_all_given = sum(threshold.confidence == 0 for threshold in self.thresholds)
        return list(self.thresholds[max(0, n_all_given - 1) :])

    def as_dict(self) -> dict:
        """For a model file: JSON values only."""
        return asdict(self) | {"thresholds": [asdict(threshold) for threshold in self.thresholds]}

    @classmethod
    def from_dict(cls, document: object) -> "Calibration":
        """From a model file; ValueError where it is malformed. None, of an older file: temperature 1, no thresholds."""
        if document is None:
            return cls()
        try:
            if not isinstance(document, Mapping):
                raise TypeError("it is no object")
            thresholds = tuple(Threshold(**row) for row in document["thresholds"])
            return cls(**{**document, "thresholds": thresholds})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"malformed calibration: {error}") from None


def fit_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The temperature at which the cross-entropy of these pictures is least, to six digits.

    Minimised is, over s = 1 / T, the sum of the cross-entropies of the scores s z, and PRIOR (s - 1 - log s), as of a
    gamma distribution around s = 1. Both are convex in s, so the slope has one zero, found by bisection: for any
    number of pictures, also where all answers are right (the first term alone has no minimum then) or wrong.

    Parameters
    ----------
    logits : (N, classes), finite
    y : (N,), whole numbers
    """
    z = logits.astype(np.float64)
    z -= z.max(axis=1, keepdims=True, initial=-math.inf)
    right = z[np.arange(len(y)), y].sum()

    def slope(s: float) -> float:
        weights = np.exp(s * z)
        expected = (weights * z).sum(axis=1) / weights.sum(axis=1)
        return float(expected.sum() - right) + PRIOR * (1 - 1 / s)

    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    while high - low > 1e-8:
        middle = (low + high) / 2
        if slope(math.exp(middle)) < 0:
            low = middle
        else:
            high = middle
    return min(max(float(f"{math.exp(-(low + high) / 2):.6g}"), COLDEST), HOTTEST)


def find_thresholds(confidence: np.ndarray, correct: np.ndarray, repeats: float = 1.0) -> tuple[Threshold, ...]:
    """For each of ERRORS the lowest confidence from which on it is not exceeded; without those that none can vouch for.

    One more wrong answer is counted than there was, (wrong + 1) / (given + 1): a threshold that was chosen because
    no picture happened to be wrong above it would promise too much. ``repeats``: so often is each picture among the
    answers, on the average, and so many more wrong ones are counted.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    given = np.arange(1, len(order) + 1)
    risk = (np.cumsum(~correct[order]) + repeats) / (given + repeats)
    cuts = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)[: len(order)]  # equals are not parted
    found = []
    for error in ERRORS:
        possible = np.flatnonzero(cuts & (risk <= error))
        if len(possible):
            n_given = int(given[possible[-1]])
            least = 0.0 if n_given == len(order) else float(sorted_confidence[n_given - 1])
            found.append(Threshold(error, least, (len(order) - n_given) / len(order)))
    return tuple(found)
