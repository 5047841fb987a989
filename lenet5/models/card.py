"""The model card: for which images a model is, where its limits were measured, and on which terms it may be used."""

from ..evaluation.metrics import wilson_interval
from ..preprocessing.preparation import COLOURS, Preparation
from .images import ImageModel

#: Characters of a licence that are shown.
_MOST = 200


def document(model: ImageModel, licence: str | None = None) -> dict:
    """As JSON: licence and measured limits, null where nothing is known.

    licence : of a model whose file does not say it; else ``training["licence"]``.
    """
    return {"licence": _licence(model) or licence, "limits": _limits(model)}


def lines(model: ImageModel, licence: str | None = None) -> list[str]:
    """The same for people, with what happens to an image first."""
    limits = _limits(model)
    measured = "not measured on test images"
    if limits:
        low, high = (f"{100 * end:.2f}" for end in limits["test_accuracy_95"])
        measured = f"measured on {limits['test_n']:,} test images of {limits['dataset']} only: {low}-{high} % (95 % CI)"
    return [
        f"images: {_prepared(model.preparation)}",
        f"limits: {measured}",
        f"licence: {_licence(model) or licence or 'unknown'}",
    ]


def _prepared(preparation: Preparation) -> str:
    """How any image is prepared, in words."""
    field = preparation.field
    if preparation.kind == "digit":
        return f"one bright digit, cut out, centred by mass in 28 x 28 of {field} x {field}"
    side, colour = preparation.resized, COLOURS[preparation.channels]
    padded = "" if side == field else f", padded to {field} x {field}"
    return f"{colour}, the whole image stretched to {side} x {side}{padded}"


def _licence(model: ImageModel) -> str | None:
    """What the file says, if it is text."""
    licence = (getattr(model, "training", None) or {}).get("licence")
    return licence[:_MOST] if isinstance(licence, str) and licence.strip() else None


def _limits(model: ImageModel) -> dict | None:
    """The test by which its accuracy is known, with the 95 % interval; None where the file has none."""
    training = getattr(model, "training", None) or {}
    metrics, dataset = training.get("metrics"), training.get("dataset")
    if not isinstance(metrics, dict) or not isinstance(dataset, str):
        return None
    accuracy, n = metrics.get("test_accuracy"), metrics.get("test_n")
    if type(n) is not int or not 0 < n < 2**53 or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        return None
    low, high = wilson_interval(round(accuracy * n), n)
    return {"dataset": dataset[:_MOST], "test_n": n, "test_accuracy_95": [low, high]}
