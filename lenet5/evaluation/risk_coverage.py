"""Risk-coverage: what rejecting answers costs and saves, beside figures from the literature."""

from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from . import plots
from .calibration import Calibration, Threshold
from .metrics import error_at, rejection_curve, rejection_for

#: Fractions of rejected images for which the error is reported.
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: Errors for which the necessary rejection is reported.
WANTED = (0.01, 0.005, 0.002, 0.001)


class Published(NamedTuple):
    """A figure from the literature: the error without rejection (None: not given), and the rejection for an error."""

    name: str
    error_of_all: float | None
    error: float
    rejected: float


#: For handwritten digits. The first is the network of 1990 for zip codes, approximately; the others are on MNIST, from
#: LeCun et al., Proc. IEEE 86(11), 1998.
PUBLISHED = (
    Published("zip-code net, 1990", None, 0.01, 0.09),
    Published("K-NN, deslanted, 1998", 0.024, 0.005, 0.081),
    Published("LeNet-1, 1998", 0.017, 0.005, 0.037),
    Published("tangent distance, 1998", 0.011, 0.005, 0.019),
    Published("LeNet-4, 1998", 0.011, 0.005, 0.018),
    Published("SVM, polynomial, 1998", 0.011, 0.005, 0.018),
    Published("boosted LeNet-4, 1998", 0.007, 0.005, 0.005),
)
#: Data sets with which the published figures can be compared.
PUBLISHED_FOR = ("mnist",)
_DRAWN = (0, 1, 2, 4, 6)


@dataclass(frozen=True)
class RejectionPoint:
    """The error of the answers given if the fraction ``rejected`` is not; None if all are rejected."""

    rejected: float
    error: float | None


@dataclass(frozen=True)
class TriedThreshold:
    """What a threshold of the calibration achieves: the wanted error, and the rejection and error observed."""

    wanted_error: float
    confidence: float
    rejected: float | None
    error: float | None


@dataclass(frozen=True)
class RejectionReport:
    """Error against rejection, where the least confident answers are rejected first.

    Attributes
    ----------
    points : for each of `RATES`
    needed : for each of `WANTED`
    thresholds : those of the model, applied to the images at hand
    n_validation : number of validation images behind the thresholds
    published : figures from the literature, if they can be compared
    """

    points: list[RejectionPoint]
    needed: list[RejectionPoint]
    thresholds: list[TriedThreshold]
    n_validation: int
    published: tuple[Published, ...] = ()

    def as_dict(self) -> dict:
        """Return a JSON document."""
        document = {"score": "highest probability", **asdict(self)}
        if not document.pop("published"):
            return document
        return document | {"published": [figure._asdict() for figure in self.published]}


def report(
    probabilities: np.ndarray, y: np.ndarray, calibration: Calibration, *, dataset: str | None = None
) -> RejectionReport:
    """Report the error against rejection.

    Parameters
    ----------
    probabilities : ndarray of shape (N, classes)
    y : ndarray of shape (N,), labels
    calibration : Calibration
        The model's; its thresholds are applied to these images.
    dataset : str, optional
        The name of the images' set, for published figures.
    """
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    curve = rejection_curve(confidence, correct)
    return RejectionReport(
        [RejectionPoint(rate, error_at(rate, curve)) for rate in RATES],
        [RejectionPoint(rejection_for(error, curve), error) for error in WANTED],
        [_tried(threshold, confidence, correct) for threshold in calibration.thresholds],
        calibration.n,
        PUBLISHED if dataset in PUBLISHED_FOR else (),
    )


def _tried(threshold: Threshold, confidence: np.ndarray, correct: np.ndarray) -> TriedThreshold:
    given = confidence >= threshold.confidence
    rejected = float((~given).mean()) if len(given) else None
    error = float((~correct[given]).mean()) if given.any() else None
    return TriedThreshold(threshold.error, threshold.confidence, rejected, error)


def draw(probabilities: np.ndarray, y: np.ndarray, *, dataset: str | None = None) -> Image.Image:
    """Draw the curve up to 10 % rejected, with published figures if they can be compared."""
    published = dataset in PUBLISHED_FOR
    rejected, error = rejection_curve(probabilities.max(axis=1), probabilities.argmax(axis=1) == y)
    curves = [plots.Curve(f"this model, {len(y):,} images", 100 * rejected, 100 * error)]
    for name, before, after, part in [PUBLISHED[k] for k in _DRAWN] if published else []:
        x, height = ([part], [after]) if before is None else ([0, part], [before, after])
        curves.append(plots.Curve(name, 100 * np.array(x), 100 * np.array(height), broken=True))
    most = 100 * float(error.max(initial=0.0))
    return plots.draw("Error against rejection", curves, "rejected (%)", "error of the answers given (%)", x_max=10,
                      y_max=max(most * 1.1, 2.5 if published else 0.1))  # fmt: skip
