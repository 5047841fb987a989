"""What an answer that is not given costs and saves: error against rejection, beside figures from the literature."""

import numpy as np
from PIL import Image

from . import plots
from .calibration import Calibration
from .metrics import error_at, rejection_curve, rejection_for

#: Parts of the pictures not answered, for which the error is told.
RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
#: (name, error with none rejected or None, error, part rejected for it), of handwritten digits. The first is the net of
#: 1990 for zip codes, about; the others are on MNIST, from LeCun et al., Proc. IEEE 86(11), 1998.
PUBLISHED = (
    ("zip-code net, 1990", None, 0.01, 0.09),
    ("K-NN, deslanted, 1998", 0.024, 0.005, 0.081),
    ("LeNet-1, 1998", 0.017, 0.005, 0.037),
    ("tangent distance, 1998", 0.011, 0.005, 0.019),
    ("LeNet-4, 1998", 0.011, 0.005, 0.018),
    ("SVM, polynomial, 1998", 0.011, 0.005, 0.018),
    ("boosted LeNet-4, 1998", 0.007, 0.005, 0.005),
)
_DRAWN = (0, 1, 2, 4, 6)


def report(probabilities: np.ndarray, y: np.ndarray, calibration: Calibration) -> dict:
    """Error against rejection, the least sure answers first, as plain Python values.

    Parameters
    ----------
    probabilities : (N, classes)
    y : (N,), labels
    calibration : the model's, whose thresholds are tried on these pictures
    """
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    curve = rejection_curve(confidence, correct)
    thresholds = []
    for threshold in calibration.thresholds:
        given = confidence >= threshold.confidence
        thresholds.append({
            "wanted_error": threshold.error,
            "confidence": threshold.confidence,
            "rejected": float((~given).mean()) if len(given) else None,
            "error": float((~correct[given]).mean()) if given.any() else None,
        })  # fmt: skip
    return {
        "score": "highest probability",
        "points": [{"rejected": rate, "error": error_at(rate, curve)} for rate in RATES],
        "needed": [{"error": error, "rejected": rejection_for(error, curve)} for error in (0.01, 0.005, 0.002, 0.001)],
        "thresholds": thresholds,
        "n_validation": calibration.n,
    }


def draw(probabilities: np.ndarray, y: np.ndarray, *, published: bool) -> Image.Image:
    """The curve, up to 10 % rejected; ``published``: with the literature's figures."""
    rejected, error = rejection_curve(probabilities.max(axis=1), probabilities.argmax(axis=1) == y)
    curves = [plots.Curve(f"this model, {len(y):,} pictures", 100 * rejected, 100 * error)]
    for name, before, after, part in [PUBLISHED[k] for k in _DRAWN] if published else []:
        x, height = ([part], [after]) if before is None else ([0, part], [before, after])
        curves.append(plots.Curve(name, 100 * np.array(x), 100 * np.array(height), broken=True))
    most = 100 * float(error.max(initial=0.0))
    return plots.draw("Error against rejection", curves, "rejected (%)", "error of the answers given (%)", x_max=10,
                      y_max=max(most * 1.1, 2.5 if published else 0.1))  # fmt: skip
