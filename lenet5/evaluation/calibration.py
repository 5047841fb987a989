"""What a model learns about its own answers from validation images: a temperature and thresholds.

The temperature T divides the scores before the softmax. Then nine in ten answers with confidence 0.9 are right (Guo et
al., "On calibration of modern neural networks", 2017). It changes no answer. Answers below the threshold are rejected,
so that the others are wrong no more often than the caller allows.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

#: Bounds of a temperature, whatever the images say.
COLDEST, HOTTEST = 1e-3, 1e3
#: Weight, in images, of the prior belief that the temperature is 1: it decides if images are few, or none is wrong.
PRIOR = 10
#: Fractions of wrong answers among those given, for which a model keeps thresholds.
ERRORS = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)


@dataclass(frozen=True)
class Threshold:
    """From ``confidence`` on, at most the fraction ``error`` is wrong; below it lies the fraction ``rejected``."""

    error: float
    confidence: float
    rejected: float

    def __post_init__(self):
        for name, value in asdict(self).items():
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise ValueError(f"a threshold's {name} is {value!r}, expected 0 to 1")


@dataclass(frozen=True)
class Calibration:
    """The temperature of one model, and its thresholds in descending order of error.

    ``n`` is the number of validation images behind both; 0 means no calibration: temperature 1, no thresholds.
    """

    temperature: float = 1.0
    thresholds: tuple[Threshold, ...] = ()
    n: int = 0

    def __post_init__(self):
        if type(self.temperature) not in (int, float) or not COLDEST <= self.temperature <= HOTTEST:
            raise ValueError(f"temperature is {self.temperature!r}, expected {COLDEST:g} to {HOTTEST:g}")
        if type(self.n) is not int or self.n < 0:
            raise ValueError(f"the temperature's number of images is {self.n!r}, expected a whole number")
        if any(
            later.error >= before.error for before, later in zip(self.thresholds, self.thresholds[1:], strict=False)
        ):
            raise ValueError("the errors of the thresholds do not descend")

    def confidence_for(self, max_error: float) -> float:
        """Return the lowest confidence of answers to give, if at most the fraction ``max_error`` may be wrong.

        Raises
        ------
        ValueError
            ``max_error`` is not in 0..1, or is lower than the validation images can vouch for.
        """
        if not isinstance(max_error, int | float | np.number) or not 0 < max_error <= 1:
            raise ValueError(f"max_error is {max_error!r}, expected more than 0 and at most 1 (0.005 is 0.5 %)")
        for threshold in self.thresholds:
            if threshold.error <= max_error * (1 + 1e-9):
                return threshold.confidence
        if not self.thresholds:
            raise ValueError(
                "the model has no thresholds for a wanted error: it was trained without validation images, or is "
                "several models that were not calibrated together"
            )
        raise ValueError(
            f"an error of {100 * max_error:g} % is less than this model can vouch for: "
            f"its {self.n:,} validation images go down to {100 * self.thresholds[-1].error:g} %"
        )

    def telling(self) -> list[Threshold]:
        """Return the thresholds that differ: of those at which every answer is given, only the one of least error."""
        n_all_given = sum(threshold.confidence == 0 for threshold in self.thresholds)
        return list(self.thresholds[max(0, n_all_given - 1) :])

    def as_dict(self) -> dict:
        """Return JSON values for a model file."""
        return asdict(self) | {"thresholds": [asdict(threshold) for threshold in self.thresholds]}

    @classmethod
    def from_dict(cls, document: object) -> "Calibration":
        """Read a model file's document; None, from an older file, means no calibration. ValueError if malformed."""
        if document is None:
            return cls()
        try:
            if not isinstance(document, Mapping):
                raise TypeError("it is not an object")
            thresholds = tuple(Threshold(**row) for row in document["thresholds"])
            return cls(**{**document, "thresholds": thresholds})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"malformed calibration: {error}") from None


def fit_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """Fit the temperature that minimises the cross-entropy, to six digits.

    Over s = 1 / T, the summed cross-entropy of the scores s z is minimised, plus PRIOR (s - 1 - log s): a gamma
    prior around s = 1. Both terms are convex in s, so the slope has a single zero, found by bisection. The prior
    keeps a minimum where all answers are right.

    Parameters
    ----------
    logits : ndarray of shape (N, classes), finite
    y : ndarray of shape (N,), whole numbers

    Returns
    -------
    float
        From `COLDEST` to `HOTTEST`.
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
    """Find, for each of `ERRORS`, the lowest confidence from which on that error is not exceeded, where there is one.

    One wrong answer more than observed is counted, (wrong + 1) / (given + 1). A threshold above which no image
    happens to be wrong would otherwise promise too much.

    Parameters
    ----------
    confidence : ndarray of shape (N,), 0..1
    correct : ndarray of shape (N,), bool
    repeats : float
        How often each image occurs among the answers, on average; this many wrong answers more are counted.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    given = np.arange(1, len(order) + 1)
    risk = (np.cumsum(~correct[order]) + repeats) / (given + repeats)
    cuts = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)[: len(order)]  # ties stay together
    found = []
    for error in ERRORS:
        possible = np.flatnonzero(cuts & (risk <= error))
        if len(possible):
            n_given = int(given[possible[-1]])
            least = 0.0 if n_given == len(order) else float(sorted_confidence[n_given - 1])
            found.append(Threshold(error, least, (len(order) - n_given) / len(order)))
    return tuple(found)
