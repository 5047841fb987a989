"""Tables of images: CSV with the columns path and label, target, or both, and perhaps split; or path and text."""

import csv
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import DataError, one_line
from ..nn.targets import LARGEST
from .listing import SPLITS, Found, Listing, stamp_of

PATHS = ("path", "file", "filename", "image")
LABELS = ("label", "class", "category")
TEXTS = ("text", "label", "transcript", "number")
_FORM = "a CSV has a header with the columns path and label, or path and target, or all three"


def list_table(path: str) -> Listing:
    """The images that a CSV names, relative to its folder; DataError where it is not such a table."""
    listing = Listing(os.path.dirname(path) or ".")
    with _rows_of(path) as rows:
        _fill(listing, one_line(path), rows)
    return listing


def list_texts(path: str) -> Listing:
    """The images that a CSV names with what is written on each, its ``label``, as the cell has it.

    A header may name the columns, path and text among them; without one there are these two. DataError as `list_table`.
    """
    listing = Listing(os.path.dirname(path) or ".")
    with _rows_of(path) as rows:
        _fill_texts(listing, one_line(path), rows)
    return listing


@contextmanager
def _rows_of(path: str) -> Iterator[Iterator[list[str]]]:
    """The rows of a CSV; DataError where it cannot be read, also while rows are taken."""
    shown = one_line(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            yield _rows(stream)
    except OSError as error:
        raise DataError(f"{shown}: cannot be read ({error.strerror}); check the name") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{shown}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{shown}: is not a CSV ({error})") from None


def _rows(stream) -> Iterator[list[str]]:
    """Rows of cells; what is between them is what the header has most of."""
    header = stream.readline(2**16)
    stream.seek(0)
    return csv.reader(stream, delimiter=max(",;\t", key=header.count), strict=True)


def _fill(listing: Listing, shown: str, rows: Iterator[list[str]]) -> None:
    header = [cell.strip().lower() for cell in next(rows, [])]
    paths, labels, splits = (_column(header, names) for names in (PATHS, LABELS, ("split",)))
    targets = [k for k, name in enumerate(header) if name.startswith("target")]
    if paths is None or (labels is None and not targets):
        columns = ", ".join(header)[:80] or "none"
        raise DataError(f"{shown}: its columns are {columns}; {_FORM}")
    seen: set[tuple] = set()
    for number, cells in _cells(listing, shown, enumerate(rows, 2), len(header)):
        name, numbers = cells[paths], _numbers([cells[k] for k in targets])
        label = cells[labels] if labels is not None else numbers
        split = cells[splits].lower() if splits is not None else ""
        if fault := _fault(label, numbers if targets else None, split):
            listing.leave_out(f"{shown}, row {number}", fault)
        elif (name, label, numbers) not in seen:
            seen.add((name, label, numbers))
            stamp = stamp_of(os.path.join(listing.root, name))
            listing.images.append(Found(name, label, SPLITS.get(split), stamp, numbers if labels is not None else ()))


def _fault(label: str | tuple, numbers: tuple[float, ...] | None, split: str) -> str | None:
    """Why a row is left out; ``numbers`` are its targets, none where one is not a number, None of a table without."""
    if label == "":
        return "has no label"
    if numbers == ():
        return f"not a number up to {LARGEST:g}"
    return f"{split[:40]!r} is not one of train, val and test" if split and split not in SPLITS else None


def _fill_texts(listing: Listing, shown: str, rows: Iterator[list[str]]) -> None:
    first = next(rows, [])
    header = [cell.strip().lower() for cell in first]
    columns = _column(header, PATHS), _column(header, TEXTS)
    numbered = enumerate(rows, 2)
    if columns == (None, None) and len(header) == 2:
        columns, numbered = (0, 1), enumerate(itertools.chain([first], rows), 1)
    if None in columns:
        raise DataError(f"{shown}: its columns are {', '.join(header)[:80] or 'none'}; a CSV has path and text")
    for _, cells in _cells(listing, shown, numbered, len(header)):
        name, text = (cells[column] for column in columns if column is not None)
        listing.images.append(Found(name, text, None, stamp_of(os.path.join(listing.root, name))))


def _cells(
    listing: Listing, shown: str, rows: Iterable[tuple[int, list[str]]], n: int
) -> Iterator[tuple[int, list[str]]]:
    """The stripped cells of each numbered row that is not blank and has ``n`` of them; others are left out."""
    for number, row in rows:
        if len(row) == n and any(row):
            yield number, [cell.strip() for cell in row]
        elif any(row):
            listing.leave_out(f"{shown}, row {number}", f"{len(row)} cells, expected {n}")


def _column(header: Sequence[str], names: Sequence[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _numbers(cells: list[str]) -> tuple[float, ...]:
    """The targets of a row; none where one of them is not a number, or too large a one."""
    try:
        numbers = tuple(map(float, cells))
    except ValueError:
        return ()
    return numbers if all(abs(number) <= LARGEST for number in numbers) else ()
