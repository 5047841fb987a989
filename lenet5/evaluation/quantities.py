"""Metrics of quantities: errors, on a line or round a circle, and intervals from the errors on validation images."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Of intervals: the shares of answers that they are to hold.
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


def errors(answers: np.ndarray, y: np.ndarray | float, period: float | None = None) -> np.ndarray:
    """Answers minus truths, float64; with a period the shorter way round, from -period/2 to period/2."""
    found = np.asarray(answers, np.float64) - np.asarray(y, np.float64)
    return found if period is None else (found + period / 2) % period - period / 2


def report(answers: np.ndarray, y: np.ndarray, period: float | None = None) -> dict:
    """MAE, RMSE and R2 as plain Python values; with several targets their means, and those of each in "targets".

    R2 is scikit-learn's, but 0 wherever the truths are all alike. With a period, distances are the shorter way round,
    and those of R2 are from the circular mean.

    Parameters
    ----------
    answers, y : ndarray of shape (N, targets)
    """
    rows = [_of_one(answers[:, k], y[:, k], period) for k in range(y.shape[1])]
    means = {name: float(np.mean([row[name] for row in rows])) if len(y) else None for name in ("mae", "rmse", "r2")}
    return means | {"n": len(y)} | ({"targets": rows} if len(rows) > 1 else {})


def _of_one(answers: np.ndarray, y: np.ndarray, period: float | None) -> dict:
    if not len(y):
        return {"mae": None, "rmse": None, "r2": None}
    wrong, apart = errors(answers, y, period), errors(y, y[0], period)
    spread = np.ptp(apart) or 1.0  # squares of tiny numbers would vanish
    square = float(((wrong / spread) ** 2).mean())
    around = errors(y, _mean(y, period), period) / spread
    r2 = 1 - square / float((around**2).mean()) if np.ptp(apart) else 0.0
    return {"mae": float(np.abs(wrong).mean()), "rmse": math.sqrt(square) * float(spread), "r2": r2}


def _mean(y: np.ndarray, period: float | None) -> float:
    if period is None:
        return float(np.mean(y, dtype=np.float64))
    turns = np.exp(2j * np.pi * np.asarray(y, np.float64) / period)
    return float(np.angle(turns.mean()) * period / (2 * np.pi))


def document(values: np.ndarray | None, interval: np.ndarray | None) -> dict:
    """Values (targets,) and interval (targets, 2) as JSON: a number and a list, or lists of those for several."""
    numbers = None if values is None else values.tolist()
    ends = None if interval is None else interval.tolist()
    if numbers and len(numbers) == 1:
        numbers, ends = numbers[0], ends and ends[0]
    return {"value": numbers, "interval": ends}


@dataclass(frozen=True)
class Intervals:
    """Half the widths of intervals round an answer, by split conformal prediction.

    On images like those of validation, an interval of a level holds the truth at least that often, on average.

    Attributes
    ----------
    n : int, validation images; 0: none, so there are no intervals
    widths : by level, in rising order, half the width for each target; only levels that ``n`` images can promise
    """

    n: int = 0
    widths: tuple[tuple[float, tuple[float, ...]], ...] = ()

    @classmethod
    def fitted(cls, wrong: np.ndarray) -> "Intervals":
        """From the errors (N, targets) of answers to validation images."""
        n, sizes = len(wrong), np.sort(np.abs(wrong), axis=0)
        ranks = [(level, math.ceil(round((n + 1) * level, 9))) for level in LEVELS]
        return cls(n, tuple((level, tuple(sizes[rank - 1].tolist())) for level, rank in ranks if 0 < rank <= n))

    def width(self, level: float) -> np.ndarray | None:
        """Half the width for each target, (targets,); None where it is not known. ValueError for another level."""
        if level not in LEVELS:
            raise ValueError(f"level is {level!r}, expected one of {', '.join(map(str, LEVELS))}")
        return next((np.array(widths) for known, widths in self.widths if known == level), None)

    def as_dict(self) -> dict:
        return {"n": self.n, "widths": [[level, list(widths)] for level, widths in self.widths]}

    @classmethod
    def from_dict(cls, said: Any, n_targets: int) -> "Intervals":
        """What `as_dict` gave; ValueError, KeyError or TypeError for anything else."""
        widths = tuple((level, _checked(row, n_targets)) for level, row in said["widths"])
        levels = [level for level, _ in widths]
        if type(said["n"]) is not int or said["n"] < 0 or levels != [level for level in LEVELS if level in levels]:
            raise ValueError("intervals are malformed")
        return cls(said["n"], widths)


def _checked(widths: Sequence[float], n_targets: int) -> tuple[float, ...]:
    if len(widths) != n_targets or not all(type(width) in (int, float) and 0 <= width < math.inf for width in widths):
        raise ValueError("the width of an interval is not a number of at least 0 for each target")
    return tuple(map(float, widths))
