"""Numbers of several digits in any image: found, cut up, read, and drawn with what was read."""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from ..errors import PageError
from ..preprocessing.decode import Decoded, decoded, decoded_pages
from ..preprocessing.normalization import to_grey
from ..utils.characters import DIGITS
from ..utils.geometry import Box
from . import lattice, orientation, tables
from .dropped import are_numbers
from .layout import Part
from .lines import Line, Scorer, lines_of
from .networks import CLASSES, N_DIGITS, RUBBISH, SEPARATORS, SIGNS, StringNetworks, shipped

UNSURE = "?"
NO_NUMBER, NO_DIGIT = "words, letters or specks", "no digit"  # why something is dropped


@dataclass(frozen=True)
class Character:
    """One character that was read: text (``?`` where unsure), confidence in 0..1, box in upright pixels of the file."""

    text: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Number:
    """One number: its text, the confidence that all of it is right, its box, its line from 0, its characters."""

    text: str
    confidence: float
    box: Box
    line: int
    digits: list[Character]


@dataclass(frozen=True)
class Dropped:
    """What was left out: its box in upright pixels of the file, and why."""

    box: Box
    reason: str


@dataclass(frozen=True)
class Reading:
    """What is written in an image, in reading order. The confidence is that all of it is right; 0 for nothing.

    It is the one with the number ``page``, from 1, of the file's ``pages``; ``error`` says why it could not be read.
    A page that was not upright was read after a ``turn`` counterclockwise, in degrees; boxes are those in the file.
    Words, letters and specks are ``dropped``.
    """

    numbers: list[Number]
    pages: int = 1
    page: int = 1
    error: PageError | None = None
    turn: int = 0
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Lines separated by line feeds, the numbers of a line by spaces."""
        rows: dict[int, list[str]] = {}
        for number in self.numbers:
            rows.setdefault(number.line, []).append(number.text)
        return "\n".join(" ".join(row) for row in rows.values())

    @property
    def confidence(self) -> float:
        return float(np.prod([number.confidence for number in self.numbers])) if self.numbers else 0.0

    @property
    def digits(self) -> list[Character]:
        """All characters, separators included, in reading order."""
        return [character for number in self.numbers for character in number.digits]

    @property
    def table(self) -> list[list[str]]:
        """The texts in rows and columns, see `tables.cells`."""
        return tables.cells(self.numbers)

    def __str__(self) -> str:
        return self.text


@functools.cache
def shipped_once() -> StringNetworks:
    """The networks that ship, read once a process."""
    return shipped()


def read_pages(source, **settings) -> Iterator[Reading]:
    """Read the numbers on each page, or frame, of a file, one after the other; arguments as of `read`.

    A page that cannot be decoded gives a reading with its ``error``; PictureError if no page can.
    """
    for picture in decoded_pages(source):
        if isinstance(picture, PageError):
            yield Reading([], picture.pages, picture.page, picture)
        else:
            yield read(picture, **settings)


def read(
    source,
    *,
    page: int = 1,
    invert: str = "auto",
    allow: str = "",
    length: int | None = None,
    min_confidence: float = 0.0,
    max_error: float | None = None,
    table: bool = False,
    network: Scorer | None = None,
    networks: StringNetworks | None = None,
    threads: int | None = None,
) -> Reading:
    """Read the numbers in an image.

    Parameters
    ----------
    source : path, bytes, binary file object, PIL.Image.Image or ndarray, as `normalization.read_image` takes it
        Or what `decoded` makes of one.
    page : the number, from 1, of the page or frame that is read
    invert : "auto", "yes" (dark on light) or "no"
    allow : some of ``.,-+/()[]%$€£x:=#``: what is kept in the text beside digits, and expected; others are left out
    length : int, optional
        How many digits each number has, where that is possible.
    min_confidence : float
        Digits below this confidence are answered ``?``.
    max_error : float, optional
        Enough digits are answered ``?`` that at most this fraction of the others is wrong, on numbers like those that
        the networks' thresholds come from: composed of handwritten digits.
    table : bool
        The numbers stand in the cells of a table: none goes on beyond a vertical rule. See `Reading.table`.
    network : LeNet5 or another model of the classes 0..9, optional
        Its opinion on the digits counts beside those of ``networks``, by default the ones that ship.

    Raises
    ------
    PictureError
        The file cannot be read.
    ValueError
        An argument is not one of the above.
    """
    check(allow, length, min_confidence, invert)
    networks = networks or shipped_once()
    if max_error is not None:
        min_confidence = max(min_confidence, networks.calibration.confidence_for(max_error))
    picture = source if isinstance(source, Decoded) else decoded(source, page)
    oriented = orientation.found(
        to_grey(picture.pixels),
        lambda grey, most: lines_of(
            grey, invert, networks, network, allow=allow, length=length, table=table, threads=threads, most=most
        ),
    )
    kept, left = [], []
    for line, is_number in zip(oriented.lines, are_numbers(oriented.lines), strict=True):
        place = oriented.placed(line.number.part, picture)
        number = _number(line, place, allow, min_confidence) if is_number else None
        if number is None:
            left.append(Dropped(place(np.array([0, 0, *line.number.ink.shape])), NO_DIGIT if is_number else NO_NUMBER))
        else:
            kept.append(number)
    place = oriented.placed(Part(), picture)
    left += [Dropped(place(np.array(box)), NO_NUMBER) for box in oriented.page.words]
    return Reading(kept, picture.pages, picture.page, turn=oriented.turn, dropped=left)


def check(allow: str, length: int | None, min_confidence: float, invert: str = "auto") -> None:
    """ValueError where an argument is not one of `read`."""
    if invert not in ("auto", "yes", "no"):
        raise ValueError(f"invert must be 'auto', 'yes' or 'no', got {invert!r}")
    if not isinstance(allow, str) or not set(allow) <= set(SEPARATORS + SIGNS):
        raise ValueError(f"allow is {allow!r}, expected some of {SEPARATORS + SIGNS}")
    whole = isinstance(length, int | np.integer) and not isinstance(length, bool)
    if length is not None and not (whole and 1 <= length <= 100):
        raise ValueError(f"length is {length!r}, expected a whole number from 1 to 100")
    if not isinstance(min_confidence, int | float | np.number) or not 0 <= min_confidence <= 1:
        raise ValueError(f"min_confidence is {min_confidence!r}, expected 0 to 1")


def check_classes(labels: Sequence[str]) -> None:
    """ValueError for a model of other classes than the ten digits."""
    if list(labels) != list(DIGITS):
        raise ValueError(f"the model's classes are {', '.join(labels)[:80]}; this reads the ten digits")


def _number(line: Line, place: Callable[[np.ndarray], Box], allow: str, min_confidence: float) -> Number | None:
    """The best path through one number's hypotheses, or None where there is no digit on it.

    place : gives the box in the file of one in the number's ink
    """
    characters, spoken = [], []
    for step in line.path:
        text = CLASSES[step.label]
        if text.isdigit() or text in allow:
            sure = step.confidence >= min_confidence
            spoken.append(step.label)
            characters.append(
                Character(text if sure else UNSURE, step.confidence, place(line.runs.boxes[step.hypothesis]))
            )
    if not any(character.text not in SEPARATORS + SIGNS for character in characters):
        return None
    silent = [k for k in range(N_DIGITS, RUBBISH) if CLASSES[k] not in allow]
    confidence = float(np.exp(min(lattice.share_of_text(*line.ways, spoken, silent) - line.total, 0)))
    edges = np.array([character.box for character in characters])
    box = Box(*edges[:, :2].min(0).tolist(), *edges[:, 2:].max(0).tolist())
    text = "".join(character.text for character in characters)
    return Number(text, confidence, box, line.number.line, characters)


def document(reading: Reading) -> dict:
    """A reading as JSON: text, confidence, digits and numbers; boxes are [left, top, width, height] in pixels.

    With page and pages, where there are several; with turned, degrees, where the page was not upright; with dropped,
    box and reason of each, where something was left out.
    """

    def plain(item) -> dict:
        fields = asdict(item)
        top, left, bottom, right = item.box
        fields["box"] = [left, top, right - left, bottom - top]
        return fields | ({"confidence": round(item.confidence, 6)} if "confidence" in fields else {})

    numbers = []
    for number in reading.numbers:
        digits = [plain(character) for character in number.digits]
        numbers.append(plain(number) | {"digits": [{"digit": d.pop("text"), **d} for d in digits]})
    digits = [digit for number in numbers for digit in number["digits"]]
    text = {"text": reading.text, "confidence": round(reading.confidence, 6), "digits": digits, "numbers": numbers}
    more: dict = {"page": reading.page, "pages": reading.pages} if reading.pages > 1 else {}
    more |= {"dropped": [plain(item) for item in reading.dropped]} if reading.dropped else {}
    return text | more | ({"turned": reading.turn} if reading.turn else {})


def rows(document: dict) -> list[tuple[str, float]]:
    """Of each line of a reading as JSON its text and the confidence that all of it is right."""
    found: dict[int, list[dict]] = {}
    for number in document["numbers"]:
        found.setdefault(number["line"], []).append(number)
    return [
        (" ".join(number["text"] for number in line), math.prod(number["confidence"] for number in line))
        for line in found.values()
    ]
