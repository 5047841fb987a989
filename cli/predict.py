"""lenet5 predict: read the digit in each picture."""

import codecs
import functools
import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path

import click

from . import options, output
from .common import check_png, load_models, source

#: Pictures that are prepared before they go through the network together: memory stays constant, answers flow.
_CHUNK = 64
_MAX_NAME = 4096  # bytes: no system opens a longer path
_BLOCK, _MAX_PASSED = 2**16, 2**30  # bytes of a longer line that are passed over at a time, and in all
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}


@options.command()
@options.files
@options.models
@click.option("--invert", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
              help="yes: dark ink on light paper, to be inverted; no: bright ink on dark.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, help="How many answers to give.")
@click.option("--max-error", type=options.Error(), metavar="ERROR",
              help="Answer `unsure` where needed so that at most this part of the answers is wrong (0.5% or 0.005), on "
                   "pictures like those of the model's validation.")  # fmt: skip
@click.option("--show-input", type=options.path(dir_okay=False), metavar="PNG",
              help="Draw how the picture is prepared, stage by stage, and why there is no digit if there is none (one "
                   "picture only).")  # fmt: skip
@click.option("--reject/--no-reject", default=True, show_default=True,
              help="Answer `no digit` where a picture shows something else, or the likeliest digit wherever there is "
                   "ink. Where nothing stands out from the paper and its grain, it is still `no digit`.")  # fmt: skip
@options.threads
@options.as_json
@options.verbosity
def predict(files, models, invert, top, max_error, show_input, reject, threads, as_json) -> None:
    """Read the digit in each FILE: a line of file, digit and confidence, apart by tabs.

    FILE is a picture (PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM), a folder of pictures, - for a picture on standard
    input, or @LIST for a text file with a name in each line. A picture with nothing on it, or with something
    else than a digit, gives `no digit`, and with --max-error one that could be misread gives `unsure`; both are
    answers, exit code 0. Of animations and books the first page is read, and a note says so; with --json, "pages" is
    how many there are, if more than one.

    \b
    Examples:
      lenet5 predict digit.png
      lenet5 predict scans/ --top 3
      lenet5 predict scans/ --max-error 0.5%
      lenet5 predict digit.png --show-input stages.png
      cat digit.png | lenet5 predict - --json
    """
    names = expand(files)
    if show_input:
        names = only_one(names, "--show-input")
        check_png(show_input, *names)
    network, model = load_models(models)
    least = 0.0 if max_error is None else network.calibration.confidence_for(max_error)
    answer_all = functools.partial(
        _answer_all, network=network, top=min(top, network.n_classes), least=least, threads=threads, reject=reject
    )
    found = _answers(names, invert, not reject, threads, answer_all)
    answers = ({**answer, "model": model} for answer in found)
    if show_input:
        answers = list(answers)
    alone = len(files) == 1 and not os.path.isdir(files[0]) and not files[0].startswith("@")
    has_bars = alone and sys.stdout.isatty()
    bad = output.result_array(answers) if as_json else _print_lines(answers, network.labels if has_bars else None)
    if show_input and not bad:
        _draw_stages(names[0], show_input, answers[0], invert=invert, any_ink=not reject)
    sys.exit(3 if bad else 0)


def expand(files: Iterable[str]) -> Iterator[str]:
    """The names of pictures that arguments stand for: themselves, a folder's pictures, the lines of @LIST.

    Lists are opened at once, so that one that is missing is told before any answer, and read line by line.
    """
    lists = {name: _open_list(name[1:]) for name in files if name.startswith("@")}
    return _expanded(files, lists)


def _expanded(files: Iterable[str], lists: dict) -> Iterator[str]:
    for name in files:
        if name.startswith("@"):
            yield from _names_in(name[1:], lists.pop(name, None) or _open_list(name[1:]))
        elif os.path.isdir(name):
            yield from _expanded_folder(name)
        else:
            yield name


def _expanded_folder(name: str) -> Iterator[str]:
    """A folder's pictures, or itself where there are none or it may not be read, which `reason` then tells."""
    try:
        pictures = _pictures_in(name)  # sorted, so these names alone are kept
    except OSError:
        pictures = []
    return iter([str(Path(name, picture)) for picture in pictures] or [name])


def _open_list(path: str) -> BufferedReader:
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:
        raise _bad_list(path, getattr(error, "strerror", None) or error) from None


def _bad_list(path: str, why: object) -> click.UsageError:
    return click.UsageError(f"{output.one_line(f'@{path}')}: list of names cannot be read: {why}")


def _names_in(path: str, stream: BufferedReader) -> Iterator[str]:
    """The names in the lines of an open file that are not blank."""
    n = 0
    try:
        with stream:
            for line in _lines(path, stream):
                if line.strip():
                    n += 1
                    yield os.fsdecode(line.rstrip(b"\r\n"))
    except OSError as error:
        raise _bad_list(path, error.strerror or error) from None
    if not n:
        output.note(f"{output.one_line(path)}: list of names is empty")


def _lines(path: str, stream: BufferedReader) -> Iterator[bytes]:
    """The lines of a list, in constant memory: what of a line is longer than any name is passed over.

    Of such a line so much is given that no system opens it. UsageError for one that does not end, as of /dev/zero.
    """
    if stream.peek(3).startswith(codecs.BOM_UTF8):
        stream.read(3)
    while line := stream.readline(_MAX_NAME + 1):
        yield line
        passed = 0
        while line and not line.endswith(b"\n"):
            line = stream.readline(_BLOCK)
            passed += len(line)
            if passed > _MAX_PASSED:
                raise _bad_list(path, f"a line of more than {_MAX_PASSED >> 20} MB")


def _pictures_in(folder: str) -> list[str]:
    """The names of a folder's pictures by their endings, in order; OSError where it may not be read."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in _ENDINGS)


def reason(name: str, error: Exception) -> str:
    """Why there is no answer to a name that `expand` gave."""
    if not name:
        return "'': is no name of a picture"
    if not os.path.isdir(name):
        return " ".join(str(error).split())
    shown = output.one_line(name)
    try:
        if _pictures_in(name):  # among the arguments these would stand in its place
            return f"{shown}: is a folder; a list names pictures only"
    except OSError as problem:
        return f"{shown}: folder cannot be read ({problem.strerror}); check its permissions"
    return f"{shown}: no pictures directly in this folder"


def only_one(names: Iterator[str], option: str) -> list[str]:
    """The only one of these names; UsageError for an option that draws one picture where there are others."""
    first = list(itertools.islice(names, 2))
    if len(first) != 1 or first[0] == "-":
        raise click.UsageError(f"{option} draws one picture from a file")
    return first


def _draw_stages(name: str, path: Path, answer: dict, **settings) -> None:
    from lenet5.preprocessing.show import show_input

    show_input(name, path, verdict=_verdict(answer), **settings)
    output.note(f"stages drawn: {output.one_line(path)}")


def _verdict(answer: dict) -> str:
    """What was answered, and why not a digit, below the stages; nothing where no ink came so far."""
    if answer["probabilities"] is None:
        return ""
    if answer["digit"] is not None:
        text = f"answered: {answer['digit']}, confidence {answer['confidence']:.4f}"
    elif answer["note"] == "unsure":
        text = f"answered: unsure, as the confidence, {answer['confidence']:.4f}, is too low for --max-error"
    else:
        text = "answered: no digit, as it looks like something else than one digit (--no-reject answers all the same)"
    return f"{text}; {answer['hint']}" if "hint" in answer else text


def note_pages(name: str, pages: int) -> None:
    """Say what was not read."""
    if pages > 1:
        output.note(f"{output.one_line(name)}: the first of {pages} pages or frames is read")


def _answers(names: Iterable[str], invert: str, any_ink: bool, threads: int | None, answer_all) -> Iterator[dict]:
    """A JSON document for each name, in order; ``answer_all`` adds what prepared pictures (N, 1, 32, 32) show."""
    from lenet5.preprocessing import batch

    sources = (source(name) for name in names)
    readings = batch.read_many(sources, invert=invert, any_ink=any_ink, threads=threads)
    while chunk := list(itertools.islice(readings, _CHUNK)):
        answers = [_empty_answer(reading) for reading in chunk]
        prepared = [(answer, reading) for answer, reading in zip(answers, chunk, strict=True) if not reading.error]
        if prepared:
            answer_all(prepared)
        yield from answers


def _empty_answer(reading) -> dict:
    """What there is to say before the network has seen the picture."""
    from lenet5.errors import NoDigitError

    name = getattr(reading.source, "name", reading.source)
    answer = {"file": output.shortened(name), "digit": None, "confidence": None}
    if isinstance(reading.error, NoDigitError):
        answer |= {"probabilities": None, "note": "no digit"}
    elif reading.error:
        output.trace(reading.error)
        answer["error"] = reason(name, reading.error)
    if reading.pages > 1:
        note_pages(name, reading.pages)
        answer["pages"] = reading.pages
    return answer


def _answer_all(prepared: list[tuple], network, top: int, least: float, threads: int | None, reject: bool) -> None:
    """Add what the network says of pictures, and whether they show a digit at all, to (answer, reading)."""
    import numpy as np

    from lenet5.models import ood
    from lenet5.models.lenet import DIGITS

    X = np.stack([reading.input for _, reading in prepared])
    probabilities = network.predict_proba(X, threads)
    accepted, several = np.ones(len(X), bool), np.zeros(len(X), bool)
    if reject and tuple(network.labels) == DIGITS:
        accepted, several = ood.decide(X, threads)
    for k, (answer, reading) in enumerate(prepared):
        answer |= _named(probabilities[k], network.labels, top, least)
        if not accepted[k]:
            answer |= {"digit": None, "confidence": None, "note": "no digit"}
        if several[k] or (reject and reading.beside):
            answer["hint"] = "several digits? try `lenet5 read`"


def _named(probabilities, labels: list[str], top: int, least: float) -> dict:
    """The answer that probabilities (classes,) give; a digit is a number, any other class its name.

    Below the confidence ``least`` there is no digit, and a note says `unsure`.
    """
    values = [int(label) if label.isdecimal() and str(int(label)) == label else label for label in labels]
    order = (-probabilities).argsort(kind="stable")
    best = [{"digit": values[k], "confidence": round(float(probabilities[k]), 6)} for k in order[:top]]
    answer = {**best[0], "probabilities": [round(float(p), 6) for p in probabilities]}
    if probabilities.max() < least:
        answer |= {"digit": None, "note": "unsure"}
    return answer | ({"top": best} if top > 1 else {})


def _print_lines(answers: Iterable[dict], labels: list[str] | None) -> bool:
    """A line for each picture, errors to standard error, bars if there are labels; whether any picture was bad."""
    bad = False
    for answer in answers:
        name = output.one_line(answer["file"])
        if "error" in answer:
            bad = True
            output.error(answer["error"])
        elif answer["digit"] is None:
            confidence = "-" if answer["confidence"] is None else f"{answer['confidence']:.4f}"
            output.result(f"{name}\t{answer['note']}\t{confidence}")
        else:
            best = answer.get("top", [answer])
            cells = [f"{row['digit']}\t{row['confidence']:.4f}" for row in best]
            output.result("\t".join([name, *cells]))
        if "hint" in answer:
            output.note(f"{name}: {answer['hint']}")
        if labels and answer.get("probabilities"):
            output.result(_bars(answer["probabilities"], labels))
    return bad


def _bars(probabilities: list[float], labels: list[str]) -> str:
    """The probabilities of all classes as bars."""
    labels = [output.shown(label) for label in labels]
    width = max(map(len, labels))
    block = "█" if output.shown("█") == "█" else "#"
    rows = zip(labels, probabilities, strict=True)
    return "\n".join(f"  {label:<{width}}  {block * round(40 * p):<40}  {100 * p:6.2f} %" for label, p in rows)
