"""What `lenet5 read` says to people."""

import csv
import sys
from collections.abc import Iterable

from lenet5.errors import one_line

from . import output
from .rows import print_each


def print_tables(answers: Iterable[dict]) -> bool:
    """The table of each image or page as CSV, with an empty line before all but the first; whether any was bad."""
    write = csv.writer(sys.stdout, lineterminator="\n").writerow
    between: list[list[str]] = []

    def show(answer: dict) -> None:
        if not answer["table"]:
            output.note(f"{one_line(answer['file'])}: no digits")
        for row in between + answer["table"]:
            write(row)
        between[:] = [[]]
        sys.stdout.flush()

    return print_each(answers, show)


def print_lines(answers: Iterable[dict]) -> bool:
    """A row for each line of an image or page, errors to standard error; whether any image was bad."""
    return print_each(answers, _print_lines)


def _print_lines(answer: dict) -> None:
    from lenet5.ocr.reader import rows

    name = one_line(answer["file"])
    lines = [f"{text}\t{confidence:.4f}" for text, confidence in rows(answer)] or ["no digits\t-"]
    page = f"\tpage {answer['page']}" if "page" in answer else ""
    for line in lines:
        output.result(f"{name}\t{line}{page}")
