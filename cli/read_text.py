"""What `lenet5 read` says to people."""

import csv
import sys
from collections.abc import Iterable

from lenet5.errors import one_line

from . import output


def print_tables(answers: Iterable[dict]) -> bool:
    """The table of each image or page as CSV, with an empty line before all but the first; whether any was bad."""
    bad, write = False, csv.writer(sys.stdout, lineterminator="\n").writerow
    is_first = True
    for answer in answers:
        if "error" in answer:
            bad = True
            output.error(answer["error"])
            continue
        if not answer["table"]:
            output.note(f"{one_line(answer['file'])}: no digits")
        for row in ([] if is_first else [[]]) + answer["table"]:
            write(row)
        is_first = False
        sys.stdout.flush()
    return bad


def print_lines(answers: Iterable[dict]) -> bool:
    """A row for each line of an image or page, errors to standard error; whether any image was bad."""
    from lenet5.ocr.reader import rows

    bad = False
    for answer in answers:
        name = one_line(answer["file"])
        if "error" in answer:
            bad = True
            output.error(answer["error"])
            continue
        lines = [f"{text}\t{confidence:.4f}" for text, confidence in rows(answer)] or ["no digits\t-"]
        page = f"\tpage {answer['page']}" if "page" in answer else ""
        for line in lines:
            output.result(f"{name}\t{line}{page}")
    return bad
