"""Two models on the same images: which is better, and how surely. Images that both answer alike tell nothing."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from ..utils.tables import Lines, Table
from ..utils.text import percent

#: Below this p-value a difference is called one.
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Paired:
    """What two models got right.

    Attributes
    ----------
    n, both : images in all, and those that both answer correctly
    only_a, only_b : images that only one of them answers correctly
    """

    n: int
    both: int
    only_a: int
    only_b: int

    @classmethod
    def of(cls, right_a: np.ndarray, right_b: np.ndarray) -> "Paired":
        """From which answers are right, (N,) bool each, of the same images in the same order."""
        return cls(
            len(right_a), int((right_a & right_b).sum()), int((right_a & ~right_b).sum()),
            int((~right_a & right_b).sum()),
        )  # fmt: skip

    @property
    def p_value(self) -> float:
        """Of the exact McNemar test, two-sided: how likely so unequal a split is where neither model is better."""
        n, fewer = self.only_a + self.only_b, min(self.only_a, self.only_b)
        term = tail = 1
        for k in range(fewer):
            term = term * (n - k) // (k + 1)
            tail += term
        return min(1.0, 2 * tail / 2**n)

    @property
    def better(self) -> str | None:
        """ "a" or "b"; None where the images do not tell."""
        if self.p_value >= SIGNIFICANT:
            return None
        return "a" if self.only_a > self.only_b else "b"

    @property
    def difference_95(self) -> tuple[float, float]:
        """95 % interval of the accuracy of b minus that of a (Bonett and Price, 2012)."""
        share_a, share_b = ((only + 1) / (self.n + 2) for only in (self.only_a, self.only_b))
        difference = share_b - share_a
        half = 1.959964 * math.sqrt((share_a + share_b - difference**2) / (self.n + 2))
        return max(-1.0, difference - half), min(1.0, difference + half)

    def accuracies(self) -> tuple[float | None, float | None]:
        """Of a and of b; None without images."""
        if not self.n:
            return None, None
        return (self.both + self.only_a) / self.n, (self.both + self.only_b) / self.n

    def as_dict(self) -> dict:
        """As JSON."""
        a, b = self.accuracies()
        told = {"accuracy_a": a, "accuracy_b": b, "difference_95": list(self.difference_95)}
        return asdict(self) | told | {"p_value": self.p_value, "better": self.better}

    def lines(self, name_a: str, name_b: str, dataset: str) -> Lines:
        """For people."""
        names, low_high = (name_a, name_b), [100 * end for end in self.difference_95]
        rows = [
            (letter, name, percent(accuracy), f"{only:,}")
            for letter, name, accuracy, only in zip(
                "ab", names, self.accuracies(), (self.only_a, self.only_b), strict=True
            )
        ]
        verdict = f"{self.better} is better" if self.better else "no difference can be told on these images"
        return [
            Table(rows, ("", "model", "accuracy", "right alone"), left=2),
            "",
            f"{dataset}: {self.n:,} images",
            f"accuracy of b minus that of a: {low_high[0]:+.2f} to {low_high[1]:+.2f} points (95 % CI)",
            f"{verdict}: p = {self.p_value:.3g} (exact McNemar test)",
        ]
