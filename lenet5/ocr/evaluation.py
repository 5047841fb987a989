"""Accuracy of reading strings: whole strings, and single digits by edit distance."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ..evaluation.metrics import wilson_interval
from ..utils.tables import Lines
from ..utils.text import percent

if TYPE_CHECKING:  # reading does not import what composes numbers
    from ..datasets.synthetic.digit_strings import Composed

MOST_SHOWN = 100  # misread strings on a contact sheet


def changes(read: str, right: str) -> int:
    """Return the edit distance (Levenshtein): the fewest characters to insert, delete or replace."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(read, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def matches(read: Sequence[str], right: Sequence[str]) -> list[bool]:
    """Tell for each character, or word, that was read whether it is right, in an alignment with the fewest edits."""
    rows = [list(range(len(right) + 1))]
    for i, a in enumerate(read, 1):
        row, before = [i], rows[-1]
        for j, b in enumerate(right, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b)))
        rows.append(row)
    found, i, j = [], len(read), len(right)
    while i:
        if j and rows[i][j] == rows[i - 1][j - 1] + (read[i - 1] != right[j - 1]):
            i, j = i - 1, j - 1
            found.append(read[i] == right[j])
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
            found.append(False)
        else:
            j -= 1
    return found[::-1]


def digits_of(text: str) -> str:
    """Return the characters of a text that count: its digits, and "?" for digits that were not certain."""
    return "".join(c for c in text if c.isdigit() or c == "?")


def evaluation(pairs: Iterable[tuple[str, str]]) -> dict:
    """Report on (read, right) texts.

    The report has n, the accuracy of whole strings with its 95 % interval, n_digits and digit_accuracy. It counts the
    strings with a wrong number of digits, too.
    """
    n = n_right = n_digits = n_changes = n_length = 0
    for read, right in pairs:
        read = digits_of(read)
        n, n_right = n + 1, n_right + (read == right)
        n_digits, n_changes = n_digits + len(right), n_changes + changes(read, right)
        n_length += len(read) != len(right)
    return {
        "n": n,
        "accuracy": n_right / n if n else None,
        "accuracy_95": list(wilson_interval(n_right, n)) if n else None,
        "errors": n - n_right,
        "n_digits": n_digits,
        "digit_accuracy": max(0.0, 1 - n_changes / n_digits) if n_digits else None,
        "wrong_length": n_length,
    }


def lines(report: dict, what: str) -> Lines:
    """The report of `evaluation` for people; ``what`` is the name of its strings."""
    low, high = report["accuracy_95"]
    return [
        f"{what} entirely right {percent(report['accuracy'])} (95 % interval {percent(low)} to {percent(high)}),",
        f"  {report['errors']:,} misread, {report['wrong_length']:,} of them in length",
        f"digits right {percent(report['digit_accuracy'])}",
    ]


def pictures(strings: "Iterable[Composed]") -> Iterable[tuple[np.ndarray, str]]:
    """Yield (image (H, W) uint8, dark on light, right digits) for each composed string."""
    for string in strings:
        yield np.rint(255 * (1 - string.ink)).astype(np.uint8), string.digits


def measure(strings: "Iterable[Composed]", read: Callable[[np.ndarray], str]) -> dict:
    """Report on ``read``, which takes images (H, W) uint8 and returns texts."""
    return evaluation((read(picture), right) for picture, right in pictures(strings))


def sheet(misread: Sequence[tuple[np.ndarray, str, str]], n: int | None = None) -> Image.Image:
    """Draw a contact sheet of up to `MOST_SHOWN` misread strings, given as (image (H, W) uint8, right, read).

    ``n`` is how many there are in all, by default those that are given.
    """
    shown, n = misread[:MOST_SHOWN], len(misread) if n is None else n
    columns, cell, row = 4, 300, 84
    image = Image.new("RGB", (columns * cell, 26 + row * max(1, -(-len(shown) // columns))), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.text((6, 6), f"{n:,} misread strings: right > read", fill=(20, 20, 20))
    for place, (picture, right, read) in enumerate(shown):
        left, top = place % columns * cell + 6, 26 + place // columns * row
        k = min((cell - 12) / picture.shape[1], (row - 20) / picture.shape[0])
        size = max(1, round(picture.shape[1] * k)), max(1, round(picture.shape[0] * k))
        image.paste(Image.fromarray(picture).resize(size), (left, top + 14))
        draw.text((left, top), f"{right} > {' '.join(read.split()) or 'nothing'}", fill=(20, 20, 20))
    return image
