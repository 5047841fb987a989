"""Answers that are quantities, with intervals: what models of quantities have in common, with classes or without."""

import numpy as np

from ..errors import DivergedError
from ..evaluation import quantities
from ..evaluation.quantities import Intervals
from ..nn.targets import TargetScaling, checked_targets
from .images import ImageModel

LEVEL = 0.9  # of intervals


class QuantityAnswers(ImageModel):
    """Scaled outputs as quantities.

    A subclass has ``scaling``, ``intervals``, and ``_scaled(X, threads)``, the outputs (N, outputs) that are scaled
    targets.
    """

    scaling: TargetScaling
    intervals: Intervals

    def _scaled(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        raise NotImplementedError

    @property
    def n_targets(self) -> int:
        return self.scaling.n_targets

    @property
    def period(self) -> float | None:
        return self.scaling.period

    def predict_interval(self, X, level: float = LEVEL, threads: int | None = None) -> np.ndarray:
        """The lower and the upper end of each answer's interval, (N, 2) or (N, targets, 2) float64.

        On images like those of validation it holds the truth at least as often as ``level`` says, one of
        `quantities.LEVELS`. Ends of angles may lie below 0 or above the period.

        ValueError for another level, or where there were no validation images, or too few of them.
        """
        width = self.intervals.width(level)
        if width is None:
            raise ValueError(f"no interval of level {level:g}: it takes more validation images than "
                             f"{self.intervals.n:,}; train with validation=..., or calibrate")  # fmt: skip
        answers = self._answers(X, threads)
        return self._shaped(np.stack([answers - width, answers + width], axis=2))

    def _measured(self, X: np.ndarray, threads: int | None = None) -> list[tuple]:
        """(values (targets,), 90 % interval (targets, 2) or None) of each image."""
        values, width = self._answers(X, threads), self.intervals.width(LEVEL)
        return [(row, None if width is None else np.stack([row - width, row + width], axis=1)) for row in values]

    def _shaped(self, values: np.ndarray) -> np.ndarray:
        return values[:, 0] if self.n_targets == 1 else values

    def _answers(self, X, threads: int | None) -> np.ndarray:
        """(N, targets)."""
        return self._answered(lambda X: self.scaling.decode(self._scaled(X, threads)), X, threads)

    def _judged(self, X, y, threads: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(answers, truths, errors), each (N, targets)."""
        truths = checked_targets(y, len(X))
        if truths.shape[1] != self.n_targets:
            raise ValueError(f"y has {truths.shape[1]} targets for each image, the model {self.n_targets}")
        answers = self._answers(X, threads)
        if not np.isfinite(answers).all():
            raise DivergedError("the answers are not finite: the weights are far too large, their training diverged")
        return answers, truths, quantities.errors(answers, truths, self.period)

    def _quantity_report(self, X, y, threads: int | None) -> tuple[dict, np.ndarray]:
        """The report of `quantities.report` with how often intervals hold the truth, and the answers (N, targets)."""
        answers, truths, wrong = self._judged(X, y, threads)
        return quantities.report(answers, truths, self.period) | {"interval": self._coverage(wrong)}, answers

    def _coverage(self, wrong: np.ndarray) -> dict | None:
        width = self.intervals.width(LEVEL)
        if width is None or not len(wrong):
            return None
        return {"level": LEVEL, "coverage": float((np.abs(wrong) <= width).mean()), "half_width": width.tolist()}
