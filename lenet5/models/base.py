"""What every model answers, a network or several that decide together: scikit-learn's words, and how sure it is."""

import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Self

import numpy as np

from ..errors import DivergedError, one_line
from ..evaluation.calibration import Calibration, find_thresholds, fit_temperature
from ..evaluation.metrics import evaluation, expected_calibration_error
from ..nn.arrays import check_labels_of, check_pictures
from ..nn.losses import cross_entropy
from ..nn.network import softmax
from ..preprocessing.preparation import DIGIT, IMAGE, Preparation
from ..utils.characters import DIGITS
from ..utils.memmap import pieces
from .class_names import class_numbers
from .images import ImageModel

if TYPE_CHECKING:
    from ..ocr.reader import Reading
    from .recognize import Answer

log = logging.getLogger("lenet5")


class Classifier(ImageModel):
    """Answers from scores.

    A subclass has ``labels``, the names of its ``n_classes`` classes, and ``macs``, what an image costs. Its
    ``logits(X, threads)`` are scores (N, classes), float32, or a map (N, classes, h, w) for images over 32 x 32.
    ``size`` is the side of the images that it was made for.

    Attributes
    ----------
    calibration : Calibration
        The temperature of its probabilities, and thresholds; `calibrate` learns them.
    """

    calibration = Calibration()
    labels: tuple[str, ...]
    n_classes: int
    in_channels: int
    size = 32
    if TYPE_CHECKING:

        @property
        def macs(self) -> float: ...
        def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray: ...

    @property
    def preparation(self) -> Preparation:
        """How images are prepared for it: a digit is cut out and centred, any other image is resized."""
        return DIGIT if tuple(self.labels) == DIGITS else IMAGE

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        """``X`` as a contiguous array, see :func:`arrays.check_pictures`; ValueError where it does not fit."""
        return check_pictures(X, self.in_channels)

    def class_numbers(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The numbers (N,) uint8 of the classes ``y``, numbers or names, of images ``X``; ValueError names faults."""
        return check_labels_of(self, X, class_numbers(y, self.labels))

    @property
    def temperature(self) -> float:
        """What scores are divided by before the softmax."""
        return self.calibration.temperature

    def __repr__(self) -> str:
        name, (kind, *facts) = type(self).__name__, self._facts().values()
        return f"<{name} {kind}: {', '.join(facts)}>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        import html

        rows = {"model": type(self).__name__} | self._facts()
        cells = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(fact)}</td></tr>" for name, fact in rows.items())
        return f"<table>{''.join(cells)}</table>"

    def _facts(self) -> dict[str, str]:
        """What it is, in words: its kind first."""
        facts = {"kind": self._kind(), "classes": f"{self.n_classes} classes"}
        if hasattr(self, "n_parameters"):
            facts["parameters"] = f"{self.n_parameters:,} parameters"
        return facts | {"training": _trained(getattr(self, "training", None))}

    def _kind(self) -> str:
        """What distinguishes it from other models of its class."""
        return "model"

    def predict_proba(self, X, threads: int | None = None) -> np.ndarray:
        """Probabilities of the classes, (N, classes) float32; X as `predict` takes it.

        For images over 32 x 32 it is a map (N, classes, h, w).
        """
        return softmax(self._answered(lambda X: self.logits(X, threads), X, threads), self.temperature)

    def predict(self, X, threads: int | None = None) -> np.ndarray:
        """The most probable class of each image, (N,); (N, h, w) for images over 32 x 32.

        It is a number, int64, where the classes are "0", "1", and so on, as those of digits; else a name, str.

        Parameters
        ----------
        X : array, or one image or a list of them
            Arrays are network inputs (N, 28, 28) or (N, channels, 32, 32), or of the model's size; or what
            `foreign_arrays.plain_images` makes such of. Anything else that `read_image` takes (a path, bytes, an open
            file, an image of Pillow) is prepared by it.
        threads : int, optional

        Raises
        ------
        PictureError
            A file cannot be read, or nothing is drawn on it; `recognize` answers the others all the same.
        """
        numbers = self._answered(lambda X: self.logits(X, threads), X, threads).argmax(axis=1)
        return numbers if self._are_numbered() else np.array(self.labels)[numbers]

    def _measured(self, X: np.ndarray, threads: int | None = None) -> list[tuple]:
        """(values, interval) of each image of a model that gives quantities, too; else (None, None)."""
        return [(None, None)] * len(X)

    def _are_numbered(self) -> bool:
        """Whether the names of the classes are their numbers."""
        return tuple(self.labels) == tuple(map(str, range(self.n_classes)))

    def predict_proba_stream(
        self, batches: np.ndarray | Iterable[np.ndarray], threads: int | None = None
    ) -> Iterator[np.ndarray]:
        """`predict_proba` of each batch, before the next batch is asked for: memory for one batch at a time.

        batches : any iterable of arrays as `predict` takes them, of any sizes; or one array, memory-mapped or not,
        which is answered 4,096 images at a time. The labels of an answer are its ``argmax(axis=1)``.
        """
        if isinstance(batches, np.ndarray):
            batches = pieces(batches, 4096)
        for batch in batches:
            yield self.predict_proba(batch, threads)

    def score(self, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> float:
        """The fraction of the images that is answered correctly, 0..1; NaN for no images. y: numbers or names."""
        y, X = self.class_numbers(X, y), self._taken(X)
        right = self._one_answer_each(X, threads).argmax(axis=1) == y
        self._hint_at_transposed(X, y, right, threads)
        return float(right.mean()) if len(y) else float("nan")

    def evaluate(self, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> tuple[dict, np.ndarray]:
        """The report of `metrics.evaluation` with how well confidence fits, and the probabilities (N, classes)."""
        y, X = self.class_numbers(X, y), self._taken(X)
        logits = self._finite_logits(X, threads)
        answers, probabilities = logits.argmax(axis=1), softmax(logits, self.temperature)
        losses = cross_entropy(logits / np.float64(self.temperature), y)
        correct = answers == y
        self._hint_at_transposed(X, y, correct, threads)
        return evaluation(y, answers, losses, list(self.labels)) | {
            "calibration": {
                "temperature": self.temperature,
                "expected_calibration_error": expected_calibration_error(probabilities.max(axis=1), correct),
                "uncalibrated_error": expected_calibration_error(softmax(logits).max(axis=1), correct),
            }
        }, probabilities

    def calibrate(self, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> Self:
        """Fit temperature and thresholds to validation images, which must not have been trained on; returns self."""
        y, X = self.class_numbers(X, y), self._taken(X)
        logits = self._finite_logits(X, threads)
        temperature = fit_temperature(logits, y)
        confidence = softmax(logits, temperature).max(axis=1)
        thresholds = find_thresholds(confidence, logits.argmax(axis=1) == y)
        self.calibration = Calibration(temperature, thresholds, len(y))
        return self

    def recognize(self, sources, **settings) -> "list[Answer]":
        """An answer to each image: its label and confidence, or the reason why there is none.

        sources and settings (invert, reject, max_error, top, threads) are those of `models.recognize.recognize`, which
        answers one after the other.
        """
        from .recognize import recognize

        return list(recognize(sources, self, **settings))

    def read(self, source, **settings) -> "Reading":
        """Read the numbers of several digits in an image: ``str(model.read("number.png"))`` is their text.

        source and settings (page, invert, allow, length, min_confidence, max_error, threads) are those of
        `ocr.reader.read`. Its networks find the digits, and this model helps to decide which digits they are.
        ValueError unless its classes are the ten digits.
        """
        return self._reader().read(source, network=self, **settings)

    def read_pages(self, source, **settings) -> "Iterator[Reading]":
        """`read` each page, or frame, of a file, one after the other; a damaged page gives a reading with its error."""
        return self._reader().read_pages(source, network=self, **settings)

    def _reader(self):
        """What reads numbers; ValueError unless the classes are the ten digits."""
        from ..ocr import reader

        if self.preparation.kind != DIGIT.kind:
            raise ValueError(f"the classes are {', '.join(self.labels)[:80]}; strings are read with the ten digits")
        return reader

    def _finite_logits(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """The logits (N, classes); DivergedError where they are not finite."""
        logits = self._one_answer_each(X, threads)
        if not np.isfinite(logits).all():
            raise DivergedError("the scores are not finite: the weights are far too large, their training diverged")
        return logits

    def _hint_at_transposed(self, X: np.ndarray, y: np.ndarray, right: np.ndarray, threads: int | None) -> None:
        """Warn where few answers are right, but twice as many of a thousand images are once these are transposed."""
        if len(y) < 100 or right.mean() > 0.5:
            return
        some = slice(None, None, -(-len(y) // 1000))
        turned = self.logits(np.swapaxes(np.asarray(X[some]), -1, -2), threads).argmax(axis=1) == y[some]
        if turned.mean() > max(0.5, 2 * right[some].mean()):
            log.warning(
                "%.1f %% of the answers are right, but %.1f %% for transposed images: rows and columns look swapped, "
                "as in the files of EMNIST; try X.swapaxes(-1, -2)", 100 * right[some].mean(), 100 * turned.mean(),
            )  # fmt: skip

    def _one_answer_each(self, X: np.ndarray, threads: int | None) -> np.ndarray:
        """The logits (N, classes); ValueError for images that give maps."""
        logits = self.logits(X, threads)
        if logits.ndim != 2:
            raise ValueError(f"images give maps of shape {logits.shape[2:]}, expected one answer each: "
                             f"LeNet5(size=...) makes a model for larger ones")  # fmt: skip
        return logits


def _trained(training: dict | None) -> str:
    """How a model was trained, as far as it says so; a file may say anything."""
    if not training:
        return "not trained, or unknown how"
    metrics, data = training.get("metrics"), training.get("dataset")
    accuracy = metrics.get("test_accuracy") if isinstance(metrics, dict) else None
    tested = isinstance(accuracy, float) and 0 <= accuracy <= 1 and f", test accuracy {100 * accuracy:.2f} %"
    by, on = one_line(str(training.get("command"))[:60]), f" on {one_line(str(data)[:40])}" if data else ""
    return f"trained by {by}{on}" + (tested or "")
