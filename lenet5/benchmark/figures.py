"""Measured figures and documents of them: made, written, and read back with every field checked."""

import json
import math
import os
from pathlib import Path
from typing import Any

from ..errors import DataError, one_line
from ..utils.files import atomic_write, parse_json, read_bounded

FORMAT, VERSION = "lenet5-benchmark", 1
OURS = "lenet5"
#: Units in which more is better; in all others less is.
RATES = ("GFLOP/s",)
#: Seconds per unit of time.
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "us/picture": 1e-6}
#: What distinguishes figures, besides part, name and contestant.
SIZES = ("batch_size", "threads", "n_pictures")
MAX_BYTES, MAX_FIGURES, MAX_TEXT, MAX_COMMAND = 16 * 2**20, 10_000, 200, 10_000


def figure(part: str, name: str, unit: str, spread: dict, contestant: str = OURS, **more) -> dict:
    """Return one figure: part, name, contestant, unit, and the spread of its values (`timing.spread`)."""
    return {"part": part, "name": name, "contestant": contestant, **more, "unit": unit, **spread}


def with_rates(row: dict, peak: float | None) -> dict:
    """Add GFLOP/s and the share of the ``peak`` to ``row``, if it says how many ``operations`` its time is for."""
    seconds = row["median"] * SECONDS.get(row["unit"], 0.0)
    if "operations" not in row or not seconds or not peak:
        return row
    gflops = row["operations"] / seconds / 1e9
    return row | {"gflops": float(f"{gflops:.6g}"), "share_of_peak": float(f"{gflops / peak:.4g}")}


def key(row: dict) -> tuple:
    """Return what two figures must have in common to be compared."""
    return row["part"], row["name"], row["contestant"], *(row.get(size) for size in SIZES)


def label(row: dict) -> str:
    """Name a figure for people, on one line: ``training pass, batch 64, 2 threads, 60,000 images, PyTorch``."""
    batch, threads, n = (row.get(size) for size in SIZES)
    words = [row["name"]]
    words += [f"batch {batch:,}"] if batch else []
    words += [f"{threads} thread{'s' * (threads > 1)}"] if threads else []
    words += [f"{n:,} image{'s' * (n > 1)}"] if n else []
    words += [row["contestant"]] if row["contestant"] != OURS else []
    return ", ".join(words)


def save(path: str | os.PathLike, document: dict) -> None:
    """Write a document of results, completely or not at all."""
    atomic_write(path, json.dumps(document, allow_nan=False, indent=1) + "\n")


def load(path: str | os.PathLike) -> dict:
    """Read a document that `save` wrote; DataError, one line, for anything else."""
    name = one_line(path)
    data = read_bounded(Path(path), name, "a result", MAX_BYTES, DataError)
    try:
        document = parse_json(data)
    except ValueError:
        raise DataError(f"{name}: is not JSON, so not a result of `lenet5 benchmark`") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        if isinstance(document, dict) and "machine" in document and {"kernels", "passes", "calls"} & set(document):
            raise DataError(f"{name}: an older format, from before `lenet5 benchmark`; measure again to compare")
        raise DataError(f'{name}: is not a result of `lenet5 benchmark` (its "format" is not "{FORMAT}")')
    if document.get("version") != VERSION:
        version = one_line(str(document.get("version"))[:20])
        raise DataError(f"{name}: version {version} of the format, this program reads {VERSION}")
    try:
        _check(document)
    except ValueError as error:
        raise DataError(f"{name}: a damaged result of `lenet5 benchmark`: {error}") from None
    return document


def _check(document: dict) -> None:
    """Raise ValueError with the name of a field that is not as `suite.measure` writes it."""
    rows = document.get("figures")
    if not isinstance(rows, list) or len(rows) > MAX_FIGURES:
        raise ValueError(f"figures is not a list of at most {MAX_FIGURES:,}")
    for name in ("machine", "settings"):
        if not isinstance(document.get(name), dict):
            raise ValueError(f"{name} is not an object")
    _text(document, "date")
    _text(document, "command", MAX_COMMAND)
    for number, row in enumerate(rows):
        try:
            _check_figure(row)
        except ValueError as error:
            raise ValueError(f"figure {number}: {error}") from None
    if len({key(row) for row in rows}) < len(rows):
        raise ValueError("two figures measure the same")


def _check_figure(row: object) -> None:
    if not isinstance(row, dict):
        raise ValueError("is not an object")
    for name in ("part", "name", "contestant", "unit"):
        _text(row, name)
    for name in (*SIZES, "n"):
        value = row.get(name)
        if (name in row or name == "n") and not (type(value) is int and 0 < value < 2**53):
            raise ValueError(f"{name} is not a whole number above 0")
    for name in ("median", "min", "max", "gflops", "share_of_peak"):
        if (name in row or name in ("median", "min", "max")) and not _is_size(row.get(name)):
            raise ValueError(f"{name} is not a finite number from 0 on")
    if not row["min"] <= row["median"] <= row["max"]:
        raise ValueError("its median is not between its least and its most")


def _text(document: dict, name: str, most: int = MAX_TEXT) -> None:
    value = document.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"{name} is not a text of at most {most:,} characters")


def _is_size(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e300 and math.isfinite(value)
