"""All that `lenet5 evaluate` tells of a model on a data set: the report, rejection, a cascade, and drawings of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ..evaluation import contact_sheet, risk_coverage, suspects
from ..evaluation.report import evaluation_lines, quantity_lines, rejection_lines
from ..utils.tables import Lines
from .cascade_report import CascadeReport, cascade_report
from .loading import Model, ModelOfClasses
from .multi_task import MultiTask
from .regressor import Regressor

if TYPE_CHECKING:
    from ..datasets import Loaded
    from ..datasets.folder import Folder


@dataclass(frozen=True, eq=False)
class Judgement:
    """What a model's answers to the test images of a data set come to.

    Attributes
    ----------
    model : LeNet5, Committee or Quantized
    data : Loaded
    report : dict, that of `Classifier.evaluate`
    probabilities : ndarray of shape (N, classes), float32
    rejection : RejectionReport or None
    cascade : CascadeReport or None
    """

    model: ModelOfClasses
    data: "Loaded"
    report: dict
    probabilities: np.ndarray
    rejection: risk_coverage.RejectionReport | None = None
    cascade: CascadeReport | None = None

    def suspects(self) -> list[suspects.Suspect]:
        """Images that are perhaps labelled wrongly, the likeliest first."""
        return suspects.suspects(self.data.test[1], self.probabilities, self.model.labels)

    def as_dict(self) -> dict:
        """As JSON, without names."""
        parts = {"rejection": self.rejection, "cascade": self.cascade}
        return self.report | {name: part.as_dict() for name, part in parts.items() if part}

    def lines(self) -> Lines:
        """For people."""
        lines = evaluation_lines(self.data.name, self.report)
        if "r2" in self.report:
            lines += ["", *quantity_lines(self.data.name, self.report)]
        if self.rejection:
            lines += ["", *rejection_lines(self.rejection, self.data.name)]
        if self.cascade:
            lines += ["", *self.cascade.lines()]
        return lines

    def draw_mistakes(self) -> Image.Image:
        """A sheet of the worst mistakes."""
        return contact_sheet.mistakes(*self.data.test, self.probabilities, self.model.labels)

    def draw_rejection(self) -> Image.Image:
        """Error against rejection."""
        return risk_coverage.draw(self.probabilities, self.data.test[1], dataset=self.data.name)

    def draw_cascade(self) -> Image.Image:
        """The cascade's error against its cost."""
        assert self.cascade
        return self.cascade.draw(f"{self.data.name}, {len(self.data.test[1]):,} images")


def judge(
    model: ModelOfClasses,
    data: "Loaded",
    *,
    rejection: bool = False,
    small: ModelOfClasses | None = None,
    threads: int | None = None,
) -> Judgement:
    """Evaluate a model on the test images; with ``rejection`` by confidence, and beside a ``small`` one as a cascade.

    ValueError where labels do not fit; DivergedError where scores are not finite.
    """
    report, probabilities = model.evaluate(*data.of_task(task_of(model)).test, threads)
    data = data.of_task("classification")
    y, name = data.test[1], data.name
    rejected = risk_coverage.report(probabilities, y, model.calibration, dataset=name) if rejection else None
    cascade = cascade_report(small, model, data, threads) if small else None
    return Judgement(model, data, report, probabilities, rejected, cascade)


def task_of(model: Model) -> str:
    """What a model learnt, as `runs.train_run` calls it."""
    if isinstance(model, MultiTask):
        return "both"
    return "regression" if isinstance(model, Regressor) else "classification"


def check_classes(models: Sequence[ModelOfClasses], data: "Loaded") -> None:
    """ValueError where a data set has other classes than one of ``models``."""
    for model in models:
        if tuple(data.classes) != model.labels:
            theirs, ours = ", ".join(data.classes), ", ".join(model.labels)
            raise ValueError(f"{data.name} has other classes ({theirs}) than the model ({ours})")


def wanted_by(model: Model) -> dict:
    """Arguments of `datasets.from_folder` that prepare own images as the model needs them."""
    preparation = model.preparation
    size = preparation.resized if preparation.kind == "image" else preparation.field
    classes = model.labels or None
    return {"size": size, "channels": preparation.channels, "preparation": preparation.kind, "classes": classes}


def only_judged(data: "Folder") -> "Folder":
    """The set with the images that results are measured on as its test images, and no others."""
    name, part = data.judged
    files = {"test": data.files["train" if name == "training" else name]}
    X, y = data.train
    empty = X[:0], y[:0]
    return replace(data, train=empty, validation=empty, test=part, files=files)


def trained_on(model: ModelOfClasses) -> str | None:
    """The data set that a model says it was trained on; a file may say anything."""
    name = model.training.get("dataset") if model.training else None
    return name if isinstance(name, str) else None
