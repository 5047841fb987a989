"""An answer to each image, with the reason where it is not a class: what `lenet5 predict` prints.

An image that was read is prepared as the training images were. Then the model says which class it shows, a second
network whether it shows a digit at all (ood.py). The model's calibration says whether that is sure enough.
"""

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import NoDigitError, PictureError, shortened
from ..evaluation import quantities
from ..preprocessing import batch
from ..preprocessing.preparation import DIGIT, Preparation
from ..preprocessing.sources import file_name
from . import ood

if TYPE_CHECKING:
    from .base import Classifier

#: Images that are prepared before they go through the network together: memory stays constant, answers flow.
CHUNK = 64
NO_DIGIT, SEVERAL, UNSURE = "no digit", "several digits", "unsure"
READ = "try `lenet5 read`"


@dataclass(frozen=True, eq=False)
class Answer:
    """What one image shows.

    Attributes
    ----------
    source : as it was given
    label : int, str or None
        The class: a digit as a number, any other by its name. None where there is a ``reason`` or an ``error``.
    confidence : float or None
        That of the likeliest class; None where there is no digit.
    probabilities : ndarray (classes,) float32, or None
        None where the network did not see the image, as nothing is drawn on it or it cannot be read.
    reason : None, "no digit", "several digits" or "unsure"
        Why there is no label; all are answers.
    top : tuple of (label, confidence), the likeliest first; as many as were asked for
    hint : str or None, what else to try
    part : int, 0 where all components of the ink were taken for the digit, else the number of one of
        `normalization.Prepared.fewer`, from 1
    pages : int, how many the file has, of which the first was read
    error : PictureError or None, why the image cannot be read
    values : ndarray (targets,) float64, of a model that gives quantities, too; else None
    interval : ndarray (targets, 2) float64, the ends of the 90 % interval of each value; None where the model has none
    """

    source: object
    label: int | str | None = None
    confidence: float | None = None
    probabilities: np.ndarray | None = None
    reason: str | None = None
    top: tuple[tuple[int | str, float], ...] = ()
    hint: str | None = None
    part: int = 0
    pages: int = 1
    error: PictureError | None = None
    values: np.ndarray | None = None
    interval: np.ndarray | None = None

    @property
    def file(self) -> str:
        """The source's name, without its middle where no file can be called so; "" where it has none."""
        return shortened(file_name(self.source))


def recognize(
    sources,
    model: "Classifier",
    *,
    invert: str = "auto",
    reject: bool = True,
    max_error: float | None = None,
    top: int = 1,
    threads: int | None = None,
) -> Iterator[Answer]:
    """Answer images one after the other, in constant memory; one that cannot be read does not keep back the others.

    Parameters
    ----------
    sources : one source or an iterable of them
        Paths, bytes, binary file objects, images or arrays, as `normalization.read_image` takes them.
    model : Classifier
    invert : "auto", "yes" (dark on light) or "no"
    reject : bool
        Answer "no digit" for what a second network takes for something else. Otherwise the likeliest class wherever
        there is ink. Models of other classes than the ten digits reject blank images only.
    max_error : float, optional
        Answer "unsure" where needed so that at most this fraction of the answers is wrong, on images like those that
        the model was calibrated on.
    top : int, at least 1
        How many of the likeliest classes an answer lists.
    threads : int, optional
        Threads and processes; answers do not depend on it.

    Raises
    ------
    ValueError, TypeError
        An argument or a source is of another kind, or the model's calibration cannot promise ``max_error``.
    """
    if top < 1:
        raise ValueError(f"top is {top!r}, expected at least 1")
    least = 0.0 if max_error is None else model.calibration.confidence_for(max_error)
    readings = batch.read_many(
        each(sources), invert=invert, any_ink=not reject, preparation=model.preparation, threads=threads
    )
    return _Recognizer(model, least, reject, min(top, model.n_classes), threads).answers(readings)


def each(sources) -> Iterable:
    """The sources one by one, of which there may be one alone."""
    return [sources] if is_source(sources) else sources


def is_source(value) -> bool:
    """Whether `normalization.read_image` takes it; images of Pillow are told by their pixels."""
    kinds = str | bytes | bytearray | memoryview | os.PathLike | np.ndarray
    return isinstance(value, kinds) or hasattr(value, "read") or hasattr(value, "getpixel")


def inputs(sources, threads: int | None = None, preparation: Preparation = DIGIT) -> np.ndarray:
    """One image or several, prepared, (N, *preparation.shape) float32; PictureError for the first without a digit."""
    prepared = []
    for reading in batch.read_many(each(sources), preparation=preparation, threads=threads):
        if reading.error:
            raise reading.error
        assert reading.input is not None  # as there is no error
        prepared.append(reading.input)
    return np.stack(prepared) if prepared else np.empty((0, *preparation.shape), np.float32)


@dataclass(frozen=True)
class _Recognizer:
    """How images are answered, once they are prepared."""

    model: "Classifier"
    least: float
    reject: bool
    top: int
    threads: int | None

    def answers(self, readings: Iterator[batch.Outcome]) -> Iterator[Answer]:
        while chunk := list(itertools.islice(readings, CHUNK)):
            opinions = self._opinions([reading for reading in chunk if not reading.error])
            for reading in chunk:
                yield _unseen(reading) if reading.error else self._seen(reading, *next(opinions))

    def _opinions(self, readings: list[batch.Outcome]) -> Iterator[tuple]:
        """(probabilities, reason for no label, part, (values, interval)) of each image."""
        if not readings:
            return iter(())
        X = np.stack([reading.input for reading in readings if reading.input is not None])
        reasons, parts = self._judged(X, readings)
        measured = self.model._measured(X, self.threads)
        return zip(self.model.predict_proba(X, self.threads), reasons, parts, measured, strict=True)

    def _judged(self, X: np.ndarray, readings: list[batch.Outcome]) -> tuple[list[str | None], list[int]]:
        """Reasons and parts; where only fewer components are a digit, ``X`` becomes these."""
        reasons: list[str | None] = [None] * len(X)
        parts = [0] * len(X)
        if self.model.preparation.kind != DIGIT.kind or not (self.reject or any(reading.fewer for reading in readings)):
            return reasons, parts
        decision = ood.decide(X, self.threads)
        for i in np.flatnonzero(~decision.is_digit):
            part = self._best_part(readings[i].fewer)
            if part:
                X[i], parts[i] = readings[i].fewer[part - 1], part
            elif self.reject:
                reasons[i] = SEVERAL if decision.is_several[i] else NO_DIGIT
        if self.reject:
            reasons = [SEVERAL if reading.beside else reason for reading, reason in zip(readings, reasons, strict=True)]
        return reasons, parts

    def _best_part(self, fewer: tuple[np.ndarray, ...]) -> int:
        """The number, from 1, of the input that is most likely a digit; 0 where none is one for sure."""
        if not fewer:
            return 0
        scores = ood.decide(np.stack(fewer), self.threads).scores
        is_sure = scores.max() >= ood.shipped().least_score + ood.FEWER
        return int(scores.argmax()) + 1 if is_sure else 0

    def _seen(
        self, reading: batch.Outcome, probabilities: np.ndarray, refused: str | None, part: int, measured: tuple
    ) -> Answer:
        order = (-probabilities).argsort(kind="stable")[: self.top]
        top = tuple((_value(self.model.labels[k]), float(probabilities[k])) for k in order)
        label, sure = top[0]
        reason = refused or (UNSURE if probabilities.max() < self.least else None)
        confidence = None if refused else sure
        hint = READ if reason == SEVERAL else None
        return Answer(
            reading.source, None if reason else label, confidence, probabilities, reason, top, hint, part,
            reading.pages, None, *measured,
        )  # fmt: skip


def _unseen(reading: batch.Outcome) -> Answer:
    """The answer to an image that is blank or cannot be read."""
    if isinstance(reading.error, NoDigitError):
        return Answer(reading.source, reason=NO_DIGIT, pages=reading.pages)
    return Answer(reading.source, pages=reading.pages, error=reading.error)


def _value(label: str) -> int | str:
    """A digit as a number, any other class by its name."""
    return int(label) if label.isdecimal() and str(int(label)) == label else label


def document(answer: Answer) -> dict:
    """An answer as JSON.

    ``digit`` is what ``label`` says, and ``note`` what ``reason`` says: both are kept until version 1.0.
    """
    best = {"file": answer.file, **_plain(answer.label, answer.confidence)}
    pages = {"pages": answer.pages} if answer.pages > 1 else {}
    if answer.error:
        return best | {"error": str(answer.error)} | pages
    probabilities = answer.probabilities
    best["probabilities"] = None if probabilities is None else [round(float(p), 6) for p in probabilities]
    if answer.reason:
        best |= {"reason": answer.reason, "note": answer.reason}
    if answer.hint:
        best["hint"] = answer.hint
    if len(answer.top) > 1:
        best["top"] = [_plain(*row) for row in answer.top]
    measured = {} if answer.values is None else quantities.document(answer.values, answer.interval)
    return best | measured | pages


def _plain(label: int | str | None, confidence: float | None) -> dict:
    return {"digit": label, "label": label, "confidence": None if confidence is None else round(confidence, 6)}
