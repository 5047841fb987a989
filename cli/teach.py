"""lenet5 teach: the networks of `lenet5 read` learn from corrected readings."""

import os
import sys
from pathlib import Path

import click

from lenet5.errors import one_line

from . import bars, options, output, own_data
from .models import load_model


@options.command()
@click.argument("model", type=options.path(dir_okay=False))
@click.argument("corrections", nargs=-1, required=True, metavar="IMAGE TEXT...", type=options.path(path_type=None))
@click.option("--out", type=options.path(dir_okay=False),
              help="Where the taught networks go; replaces older ones.  [default: MODEL]")  # fmt: skip
@options.data_dir
@options.threads
@options.as_json
@options.verbosity
def teach(model: Path, corrections: tuple[str, ...], out: Path | None, data_dir, threads, as_json) -> None:
    """Teach MODEL what is written on each IMAGE.

    MODEL holds the networks of `lenet5 read`, in a file that this command wrote. A new file starts from the networks
    that ship. TEXT is all that is written on the IMAGE before it: numbers with spaces between, lines with | between. In
    place of both there may be a CSV with the columns path and text, as --mistakes of `lenet5 evaluate` writes it.

    Strings of MNIST's training digits, or of drawn ones without MNIST, are learnt beside them. The weights
    change only so far that at most one in a thousand held-out digits is forgotten.

    \b
    Examples:
      lenet5 teach mine.safetensors scan.jpg 2718
      lenet5 teach mine.safetensors a.png 31 b.png "4 159"
      lenet5 teach mine.safetensors misread.csv
      lenet5 read --model mine.safetensors scan.jpg
    """
    from lenet5.ocr import networks
    from lenet5.recipes import teaching
    from lenet5.utils.files import check_writable

    pairs = _pairs(corrections)
    out = out or model
    if out.suffix != ".safetensors":
        raise click.UsageError(f"{one_line(out)}: the networks go to a file whose name ends in .safetensors")
    if out != model and out.exists():
        networks.load(out)  # refuses to replace anything else
    old = networks.load(model) if model.exists() else networks.shipped()
    if not model.exists():
        output.note(f"note: {one_line(model)} is new; it starts from the networks that ship")
    check_writable(out)
    network, _ = load_model(None)
    with bars.of_images() as report:
        found = teaching.teach(old, pairs, network=network, data_dir=data_dir, threads=threads, report=report)
    found.networks.save(out)
    own_data.tell_left_out(found.left_out)
    if as_json:
        output.result_json({"model": os.fspath(model), "out": os.fspath(out), **found.as_dict()})
    else:
        output.result_lines(found.lines())
    output.note(f"written: {one_line(out)}; to use it: lenet5 read --model {one_line(out)}")
    sys.exit(3 if found.left_out else 0)


def _pairs(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """(path, text) of each image; UsageError for an image without a text, or with one that is not of numbers."""
    from lenet5.datasets.table import list_texts
    from lenet5.ocr.own_strings import transcript

    pairs, rest = [], iter(words)
    for word in rest:
        if word.lower().endswith(".csv"):
            listing = list_texts(word)
            own_data.tell_left_out(listing.left_out)
            pairs += [
                (os.path.normpath(os.path.join(listing.root, one.name)), str(one.label)) for one in listing.images
            ]
            continue
        text = next(rest, None)
        if text is None:
            raise click.UsageError(f"{one_line(word)}: has no text behind it; write what its image says")
        try:
            pairs.append((word, transcript(text)))
        except ValueError as error:
            raise click.UsageError(f"{one_line(word)}: {error}") from None
    return pairs
