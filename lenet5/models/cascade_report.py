"""What a cascade of two models achieves on a data set: error and cost of each threshold, and of the chosen one."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..evaluation import plots
from ..utils.tables import Lines, Table
from ..utils.text import percent, wrapped
from .ensemble import Cascade, CascadeCurve, common_validation
from .loading import ModelOfClasses

if TYPE_CHECKING:
    from ..datasets import Loaded

#: Fractions of images that go to the large model, as points of the report.
ASKED = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True)
class Alone:
    """A model by itself: multiply-accumulates per image, and its error, 0..1."""

    macs: float
    error: float


@dataclass(frozen=True)
class CascadePoint:
    """A threshold: the fraction of images that go to the large model, the mean cost per image, and the error."""

    threshold: float
    asked: float
    macs: float
    error: float


@dataclass(frozen=True, eq=False)
class CascadeReport:
    """Error against cost on the test images.

    Attributes
    ----------
    cascade : Cascade, with the chosen threshold, or 0 without one
    small, large : Alone
    points : list of CascadePoint, one for each of `ASKED`
    chosen : CascadePoint or None, the threshold that validation images of both models chose
    n_validation : int, their number
    curve : CascadeCurve, of all thresholds
    """

    cascade: Cascade
    small: Alone
    large: Alone
    points: list[CascadePoint]
    chosen: CascadePoint | None
    n_validation: int
    curve: CascadeCurve

    def as_dict(self) -> dict:
        """Return a JSON document."""
        return {
            "small": asdict(self.small),
            "large": asdict(self.large),
            "points": [asdict(point) for point in self.points],
            "chosen": asdict(self.chosen) if self.chosen else None,
            "n_validation": self.n_validation,
        }

    def lines(self) -> Lines:
        """For people."""
        points = [("", point) for point in self.points]
        if self.chosen:
            points = sorted([*points, ("chosen", self.chosen)], key=lambda row: row[1].asked)
        rows = [
            ("small alone", "", "", *_cost(self.small)),
            *((name, f"{p.threshold:.4f}", percent(p.asked), *_cost(p)) for name, p in points),
            ("large alone", "", "", *_cost(self.large)),
        ]
        title = "cascade: the small model answers from the threshold on, the large one the rest"
        chosen = f"the least cost with no more errors than the large model on {self.n_validation:,} validation images"
        return [
            title,
            Table(rows, ("", "threshold", "asked", "multiply-adds", "error")),
            *([wrapped(f"chosen: {chosen}")] if self.chosen else []),
        ]

    def draw(self, of: str) -> Image.Image:
        """Plot the error over the cost; ``of`` names the images in the title."""
        cost = self.cascade.cost(self.curve.asked) / 1000
        lines = [plots.Curve("cascade, any threshold", cost, 100 * self.curve.error)]
        ends = {
            "small model alone": self.small, "large model alone": self.large, "chosen on validation": self.chosen,
        }  # fmt: skip
        lines += [
            plots.Curve(name, np.array([point.macs / 1000]), np.array([100 * point.error]))
            for name, point in ends.items() if point
        ]  # fmt: skip
        return plots.draw(
            f"Cascade: error against cost, {of}", lines, "thousand multiply-adds per image, mean", "error (%)",
            x_max=1.1 * max(self.small.macs, self.large.macs) / 1000,
            y_max=110 * max(float(self.curve.error.max()), 1e-4),
        )  # fmt: skip


def cascade_report(
    small: ModelOfClasses, large: ModelOfClasses, data: "Loaded", threads: int | None = None
) -> CascadeReport:
    """Report error and cost of a cascade on the test images, its threshold chosen on validation images.

    No threshold is chosen if the models have no validation images of this set in common.
    """
    cascade = Cascade(small, large, 0)
    curve = cascade.curve(*data.test, threads)
    points = []
    for asked in ASKED:
        k = int((curve.asked <= asked).nonzero()[0][-1])
        points.append(_point(cascade, curve.threshold[k], float(curve.asked[k]), float(curve.error[k])))
    numbers = common_validation([small, large], data.sha256, len(data.train[1]))
    chosen = None
    if numbers is not None:
        X, y = data.train
        cascade.choose_threshold(X[numbers], y[numbers], threads)
        chosen = _point(cascade, cascade.threshold, *curve.at(cascade.threshold))
    first, last = (Alone(model.macs, float(curve.error[k])) for model, k in ((small, 0), (large, -1)))
    return CascadeReport(cascade, first, last, points, chosen, 0 if numbers is None else len(numbers), curve)


def _point(cascade: Cascade, threshold: float, asked: float, error: float) -> CascadePoint:
    return CascadePoint(float(threshold), asked, cascade.cost(asked), error)


def _cost(point: Alone | CascadePoint) -> tuple[str, str]:
    return f"{point.macs:,.0f}", percent(point.error)
