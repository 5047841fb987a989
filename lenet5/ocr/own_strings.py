"""Images of one's own with the numbers that are written on them, and how well these are read."""

import csv
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from ..datasets.listing import LeftOut, Listing
from ..datasets.table import list_texts
from ..errors import DataError, PictureError, one_line
from ..preprocessing.decode import decode
from ..preprocessing.normalization import to_grey
from ..preprocessing.sources import source_name
from ..utils.characters import DIGITS
from ..utils.files import atomic_write
from ..utils.tables import Lines
from ..utils.text import percent
from . import evaluation, reader
from .networks import CLASSES, RUBBISH

#: Called with how many images are done, and how many there are.
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Misread:
    """An image that was not read rightly: its file, the text on it, the answer and its confidence."""

    file: str
    text: str
    answer: str
    confidence: float


@dataclass(frozen=True)
class OwnStringsReport:
    """What reading one's own images came to.

    Attributes
    ----------
    name : str
        Of the table.
    counts : dict
        The report of `evaluation.evaluation`, a string being all that is written on an image, and with ``numbers`` and
        ``number_accuracy``: of the numbers, one by one.
    misread : list of Misread
    left_out : list of LeftOut
        Rows that are not evaluated, and why.
    """

    name: str
    counts: dict
    misread: list[Misread]
    left_out: list[LeftOut]

    def as_dict(self) -> dict:
        """As JSON."""
        left_out = [{"file": one.name, "reason": one.reason} for one in self.left_out]
        return {"dataset": self.name, **self.counts, "misread": list(map(asdict, self.misread)), "left_out": left_out}

    def lines(self) -> Lines:
        """For people."""
        found, rest = self.counts, f", {len(self.left_out):,} rows left out" if self.left_out else ""
        first = f"{one_line(self.name)}, {found['n']:,} images with {found['numbers']:,} numbers"
        share = f"numbers right, one by one {percent(found['number_accuracy'])}"
        return [f"{first}, {found['n_digits']:,} digits{rest}", *evaluation.lines(found, "images"), share]

    def draw(self) -> Image.Image:
        """The images that were misread, decoded once more."""
        shown = [(_levels(one.file), one.text, one.answer) for one in self.misread[: evaluation.MOST_SHOWN]]
        return evaluation.sheet(shown, len(self.misread))

    def write_csv(self, path: str | os.PathLike) -> None:
        """Write a row for each misread image, with its path from the table that is written; whole or not at all."""
        text, folder = io.StringIO(), os.path.dirname(os.path.abspath(path))
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("path", "text", "answer", "confidence"))
        for one in self.misread:
            writer.writerow((os.path.relpath(one.file, folder), one.text, one.answer, f"{one.confidence:.4f}"))
        atomic_write(path, text.getvalue().encode("utf-8", "surrogateescape"))


def transcript(text: str) -> str:
    """The text on an image as `Reading.text` has it; ValueError, with the reason, where it is not one of numbers.

    Numbers stand between spaces; lines between line feeds, ``|`` or ``\\n``.
    """
    lines = text.replace("\\n", "\n").replace("|", "\n").splitlines()
    text = "\n".join(" ".join(line.split()) for line in lines).strip()
    if not text:
        raise ValueError("has no text")
    if others := sorted(set(text) - set(CLASSES[:RUBBISH]) - set(" \n")):
        raise ValueError(f"its text has {one_line(' '.join(others)[:20])}; expected digits, any of "
                         f"{' '.join(CLASSES[len(DIGITS) : RUBBISH])} between them, and spaces")  # fmt: skip
    if not set(text) & set(DIGITS):
        raise ValueError("its text has no digit")
    return text


def labelled(listing: Listing) -> Iterator[tuple[str, str, str]]:
    """(name, path, text) of each image of `list_texts` whose text is one of numbers; others are left out."""
    for image in listing.images:
        try:
            yield image.name, os.path.normpath(os.path.join(listing.root, image.name)), transcript(str(image.label))
        except ValueError as error:
            listing.leave_out(image.name, str(error))


def evaluate(path: str | os.PathLike, *, report: Report = lambda done, total: None, **settings) -> OwnStringsReport:
    """Read the images of a CSV with the columns path and text, and compare.

    Parameters
    ----------
    path : path-like
        Paths in the table start from its folder.
    report : callable, optional
    **settings
        Of `reader.read`.

    Raises
    ------
    DataError
        There is no such table, or no image in it that can be read and has a text of numbers.
    """
    listing = list_texts(os.fspath(path))
    pairs, misread = [], []
    for done, (name, file, text) in enumerate(labelled(listing), 1):
        report(done, len(listing.images))
        try:
            reading = reader.read(file, **settings)
        except PictureError as error:
            listing.leave_out(name, str(error).removeprefix(f"{source_name(file)}: "))
            continue
        pairs.append((reading.text, text))
        if evaluation.digits_of(reading.text) != evaluation.digits_of(text):
            misread.append(Misread(file, text, reading.text, round(reading.confidence, 6)))
    if not pairs:
        first = f" ({listing.left_out[0]})" if listing.left_out else ""
        raise DataError(f"{one_line(path)}: no image that can be used{first}; each row needs a path and a text")
    return OwnStringsReport(os.fspath(path), _counts(pairs), misread, listing.left_out)


def _counts(pairs: list[tuple[str, str]]) -> dict:
    """The report of `evaluation.evaluation`, and how many of the numbers are right wherever they stand in a row."""
    numbers = n_right = 0
    for answer, text in pairs:
        read, right = ([d for word in words.split() if (d := evaluation.digits_of(word))] for words in (answer, text))
        numbers, n_right = numbers + len(right), n_right + sum(evaluation.matches(read, right))
    counts = evaluation.evaluation((answer, evaluation.digits_of(text)) for answer, text in pairs)
    return {**counts, "numbers": numbers, "number_accuracy": n_right / numbers}


def _levels(file: str) -> np.ndarray:
    return np.rint(255 * np.clip(to_grey(decode(file)), 0, 1)).astype(np.uint8)
