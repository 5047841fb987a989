"""What `lenet5 quantize` does: a model in 8 bits, and what that costs on validation images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.ensemble import Committee
from ..models.loading import Model, ModelOfClasses
from ..models.quantized import Quantized
from ..utils.tables import Lines
from ..utils.text import percent
from . import images

if TYPE_CHECKING:
    from ..datasets import Loaded

#: Images that decide the scales of activations; more of them change nothing that shows in the accuracy.
N_CALIBRATION = 1000
BYTES = np.dtype(np.float32).itemsize


@dataclass(frozen=True, eq=False)
class QuantizationReport:
    """A model in 8 bits beside the one that it was made of.

    Attributes
    ----------
    model : Quantized
    dataset : name of the set whose training images were used
    n_calibration, n_validation : numbers of images
    held_out : whether the validation images are those of the model's training, on which it was not trained
    accuracy_before, accuracy_after : fractions of the validation images
    n_different : validation images that are answered differently
    """

    model: Quantized
    dataset: str
    n_calibration: int
    n_validation: int
    held_out: bool
    accuracy_before: float
    accuracy_after: float
    n_different: int

    def as_dict(self) -> dict:
        """As JSON."""
        kept = {name: value for name, value in self.__dict__.items() if name != "model"}
        return kept | {"bytes_before": self.model.n_parameters * BYTES, "bytes_after": self.model.n_bytes}

    def lines(self) -> Lines:
        """For people."""
        n, whose = self.n_validation, images.whose(self.held_out)
        return [
            f"{self.dataset}: {self.n_calibration:,} calibration images, {n:,} validation images{whose}",
            f"validation accuracy: {percent(self.accuracy_before)} in float32, {percent(self.accuracy_after)} "
            f"in 8 bits; {self.n_different:,} answers differ",
            f"weights: {self.model.n_parameters * BYTES:,} bytes in float32, {self.model.n_bytes:,} bytes in 8 bits",
        ]


def quantize(model: Model, data: "Loaded", *, n_calibration: int = N_CALIBRATION, threads: int | None = None):
    """Quantize a model with training images of its data set; the test images are not looked at.

    Parameters
    ----------
    model : LeNet5
    data : Loaded
    n_calibration : images that decide the scales, drawn from those that are not for validation
    threads : changes the time only

    Returns
    -------
    QuantizationReport

    Raises
    ------
    ValueError
        The model is not one network of ReLU, max-pooling and a softmax head in float32.
    """
    model = images.float_network(model, "quantize")
    parts = images.split(model, data)
    (X, _), (judged, y) = parts.train, parts.validation
    some = np.sort(np.random.Generator(np.random.PCG64(1998)).permutation(len(X))[:n_calibration])
    small = model.quantize(X[some])
    before, after = (m.predict_proba(judged, threads).argmax(axis=1) for m in (model, small))
    return QuantizationReport(
        small, data.name, len(some), len(y), parts.held_out,
        float((before == y).mean()), float((after == y).mean()), int((before != after).sum()),
    )  # fmt: skip


def quantize_each(model: ModelOfClasses, data: "Loaded") -> tuple[ModelOfClasses, list[QuantizationReport]]:
    """A network in 8 bits, or a committee of such networks, and what each of them costs; raises as `quantize` does."""
    if not isinstance(model, Committee):
        report = quantize(model, data)
        return report.model, [report]
    reports = [quantize(member, data) for member in model.models]
    small = Committee([report.model for report in reports])
    small.calibration, small.training = model.calibration, model.training
    return small, reports
