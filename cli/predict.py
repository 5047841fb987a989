"""lenet5 predict: read the digit in each picture."""

import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from . import options, output
from .common import check_png, load_models

#: Pictures that are prepared before they go through the network together: memory stays constant, answers flow.
_CHUNK = 64
_ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"}


class Error(click.ParamType):
    """A part of the answers that may be wrong, as "0.5%" or "0.005"; a plain number above 0.1 is a slip more often."""

    name = "error"

    def convert(self, value, param, ctx) -> float:
        text = str(value).strip()
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            self.fail(f"{text[:40]!r} is no error: write 0.5% or 0.005", param, ctx)
        if percent and 0 < number <= 100:
            return number / 100
        if not percent and 0 < number <= 0.1:
            return number
        if not percent and 0.1 < number <= 100:
            self.fail(f"{text[:40]} of all answers wrong? Write {number:g}% or {number / 100:g}", param, ctx)
        self.fail(f"{text[:40]!r} is out of range: more than 0%, at most 100%", param, ctx)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
@options.models
@click.option("--invert", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
              help="yes: dark ink on light paper, to be inverted; no: bright ink on dark.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, help="How many answers to give.")
@click.option("--max-error", type=Error(), metavar="ERROR",
              help="Answer `unsure` where needed so that at most this part of the answers is wrong (0.5% or 0.005), on "
                   "pictures like those of the model's validation.")  # fmt: skip
@click.option("--show-input", type=click.Path(dir_okay=False, path_type=Path), metavar="PNG",
              help="Draw how the picture is prepared, stage by stage (one picture only).")  # fmt: skip
@options.threads
@options.as_json
@options.verbosity
def predict(files, models, invert, top, max_error, show_input, threads, as_json) -> None:
    """Read the digit in each FILE: a line of file, digit and confidence, apart by tabs.

    FILE is a picture (PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM), a folder of pictures, - for a picture on standard
    input, or @LIST for a text file with a name in each line. A picture with nothing on it gives `no digit`,
    and with --max-error one that could be misread gives `unsure`; both are answers, exit code 0.

    \b
    Examples:
      lenet5 predict digit.png
      lenet5 predict scans/ --top 3
      lenet5 predict scans/ --max-error 0.5%
      lenet5 predict digit.png --show-input stages.png
      cat digit.png | lenet5 predict - --json
    """
    names = list(expand(files))
    if show_input:
        _check_one(names)
        check_png(show_input, *names)
    network = load_models(models)
    least = 0.0 if max_error is None else network.calibration.confidence_for(max_error)
    answers = _answers(names, network, invert, min(top, network.n_classes), least, threads)
    alone = len(files) == 1 and not os.path.isdir(files[0]) and not files[0].startswith("@")
    has_bars = alone and sys.stdout is not None and sys.stdout.isatty()
    bad = _print_json(answers) if as_json else _print_lines(answers, network.labels if has_bars else None)
    if show_input and not bad:
        _draw_stages(names[0], show_input, invert)
    sys.exit(3 if bad else 0)


def expand(files: Iterable[str]) -> Iterator[str]:
    """The names of pictures that arguments stand for: themselves, a folder's pictures, the lines of @LIST."""
    for name in files:
        if name.startswith("@"):
            yield from _names_in(name[1:])
        elif os.path.isdir(name):
            yield from map(str, _pictures_in(Path(name)) or [name])
        else:
            yield name


def _names_in(path: str) -> list[str]:
    """The lines of a text file that are not blank."""
    what = f"{output.one_line(path)}: list of names"
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
            names = [line.rstrip("\r\n") for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{what} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not names:
        output.note(f"{what} is empty")
    return names


def _pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder by their endings; none where it may not be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
    except OSError:
        return []


def _check_one(names: list[str]) -> None:
    if len(names) != 1 or names[0] == "-":
        raise click.UsageError("--show-input draws one picture from a file")


def _source(name: str):
    """What `images.read_image` reads; PictureError where standard input is closed."""
    if name != "-":
        return name
    if sys.stdin is None:
        from lenet5.errors import PictureError

        raise PictureError("-: standard input is closed")
    return sys.stdin.buffer


def _draw_stages(name: str, path: Path, invert: str) -> None:
    from lenet5 import errors, images

    try:
        images.show_input(name, path, invert=invert)
    except errors.NoDigitError:
        output.note("no digit: nothing to draw")
    else:
        output.note(f"stages drawn: {output.one_line(path)}")


def _answers(names: Iterable[str], network, invert: str, top: int, least: float, threads: int | None) -> Iterator[dict]:
    """A JSON document for each name, in order."""
    names = iter(names)
    while chunk := list(itertools.islice(names, _CHUNK)):
        yield from _chunk_answers(chunk, network, invert, top, least, threads)


def _chunk_answers(names: list[str], network, invert: str, top: int, least: float, threads: int | None) -> list[dict]:
    import numpy as np

    from lenet5 import errors, images

    answers, prepared = [], []
    for name in names:
        answer = {"file": name, "digit": None, "confidence": None}
        try:
            prepared.append(images.read_image(_source(name), invert=invert))
            answer["row"] = len(prepared) - 1
        except errors.NoDigitError:
            answer |= {"probabilities": None, "note": "no digit"}
        except errors.PictureError as error:
            output.trace(error)
            folder = f"{name}: no pictures directly in this folder"
            answer["error"] = folder if os.path.isdir(name) else " ".join(str(error).split())
        answers.append(answer)
    if prepared:
        probabilities = network.predict_proba(np.stack(prepared), threads)
        for answer in answers:
            if "row" in answer:
                answer |= _named(probabilities[answer.pop("row")], network.labels, top, least)
    return answers


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


def _print_json(answers: Iterable[dict]) -> bool:
    """One JSON array, written as answers come; whether any picture was bad."""
    bad = False
    separator = "["
    for answer in answers:
        bad |= "error" in answer
        click.echo(separator + output.strict_json(answer), nl=False)
        separator = ",\n "
    click.echo("]" if separator != "[" else "[]")
    return bad


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
        if labels and answer.get("probabilities"):
            output.result(_bars(answer["probabilities"], labels))
    return bad


def _bars(probabilities: list[float], labels: list[str]) -> str:
    """The probabilities of all classes as bars."""
    width = max(map(len, labels))
    rows = zip(labels, probabilities, strict=True)
    return "\n".join(f"  {label:<{width}}  {'█' * round(40 * p):<40}  {100 * p:6.2f} %" for label, p in rows)
