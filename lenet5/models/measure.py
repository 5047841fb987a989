"""An answer to each image by a model of quantities: what `lenet5 predict` prints."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import PictureError, shortened
from ..evaluation import quantities
from ..preprocessing import batch
from ..preprocessing.sources import file_name
from .recognize import CHUNK, each

if TYPE_CHECKING:
    from .regressor import Regressor


@dataclass(frozen=True, eq=False)
class Measured:
    """What one image measures.

    Attributes
    ----------
    source : as it was given
    values : ndarray (targets,) float64, or None where there is an ``error``
    interval : ndarray (targets, 2) float64, the ends of the 90 % interval of each; None where the model has none
    pages : int, how many the file has, of which the first was read
    error : PictureError or None, why the image cannot be read
    """

    source: object
    values: np.ndarray | None = None
    interval: np.ndarray | None = None
    pages: int = 1
    error: PictureError | None = None

    @property
    def file(self) -> str:
        """The source's name, without its middle where no file can be called so; "" where it has none."""
        return shortened(file_name(self.source))


def measure(sources, model: "Regressor", *, invert: str = "auto", threads: int | None = None) -> Iterator[Measured]:
    """Answer images one after the other, in constant memory; one that cannot be read does not keep back the others.

    sources, invert and threads are those of `recognize.recognize`.
    """
    readings = batch.read_many(
        each(sources), invert=invert, any_ink=True, preparation=model.preparation, threads=threads
    )
    while chunk := list(itertools.islice(readings, CHUNK)):
        inputs = [reading.input for reading in chunk if reading.input is not None]
        answers = iter(model._measured(np.stack(inputs), threads) if inputs else [])
        for reading in chunk:
            if reading.error:
                yield Measured(reading.source, pages=reading.pages, error=reading.error)
            else:
                values, interval = next(answers)
                yield Measured(reading.source, values, interval, reading.pages)


def document(answer: Measured) -> dict:
    """An answer as JSON: a number and its interval, or lists of them where there are several targets."""
    found = {"file": answer.file, **quantities.document(answer.values, answer.interval)}
    pages = {"pages": answer.pages} if answer.pages > 1 else {}
    return found | ({"error": str(answer.error)} if answer.error else {}) | pages
