"""lenet5 predict: read the digit in each image."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output, predict_quantity, predict_text, types
from .inputs import answered, expand, only_one
from .models import is_of_quantities, load_models
from .sources import source
from .targets import check_png


@options.command()
@options.files
@options.models
@click.option("--invert", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
              help="yes: dark ink on light paper, to be inverted; no: bright ink on dark.")  # fmt: skip
@click.option("--top", type=click.IntRange(1), default=1, show_default=True, help="How many answers to give.")
@click.option("--max-error", type=types.Error(), metavar="ERROR",
              help="Answer `unsure` where needed so that at most this fraction of the answers is wrong (0.5% or "
                   "0.005), on images like those of the model's validation.")  # fmt: skip
@click.option("--show-input", type=options.path(dir_okay=False), metavar="PNG",
              help="Draw how the image is prepared, stage by stage, or why there is no digit (one "
                   "image only).")  # fmt: skip
@click.option("--reject/--no-reject", default=True, show_default=True,
              help="Answer `no digit` where an image shows something else, or the likeliest digit wherever there is "
                   "ink. An image of one colour is `no digit` in any case.")  # fmt: skip
@options.threads
@options.as_json
@options.verbosity
def predict(files, models, invert, top, max_error, show_input, reject, threads, as_json) -> None:
    """Read the digit in each FILE. There is one row for each: file, digit and confidence, tab-separated.

    FILE is an image (PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM), a folder of images, - for standard input, or @LIST: a
    text file with a name in each line. An image without ink, or with something other than a digit, gives `no digit`;
    one with several gives `several digits`. With --max-error, an image that could be misread gives `unsure`. All
    three are answers, exit code 0. A model of quantities gives values, with the ends of their 90 % intervals; one of
    both gives these after the confidence.

    Of animations and books the first page is read, and a note says so. With --json, "pages" is the number of pages, if
    there are several.

    \b
    Examples:
      lenet5 predict digit.png
      lenet5 predict scans/ --top 3
      lenet5 predict scans/ --max-error 0.5%
      lenet5 predict digit.png --show-input stages.png
      cat digit.png | lenet5 predict - --json
    """
    from lenet5.models import hands
    from lenet5.models.recognize import document, recognize

    names: Iterable[str] = expand(files)
    if show_input:
        names = only_one(names, "--show-input")
        check_png(show_input, *names)
    network, model = load_models(models, shipped=hands.shipped, quantities=True)
    if is_of_quantities(network):
        sys.exit(predict_quantity.answer_all(names, network, model, as_json))
    answers: Iterable = recognize(
        map(source, names), network, invert=invert, reject=reject, max_error=max_error, top=top, threads=threads
    )
    if show_input:
        answers = list(answers)
    documents: Iterable[dict] = ({**answered(answer, document), "model": model} for answer in answers)
    alone = len(files) == 1 and not os.path.isdir(files[0]) and not files[0].startswith("@")
    bars_of = network.labels if alone and sys.stdout.isatty() else None
    bad = output.result_array(documents) if as_json else predict_text.print_lines(documents, bars_of)
    if show_input and not bad:
        [name], [answer] = names, answers
        _draw_stages(name, show_input, answer, invert=invert, any_ink=not reject,
                     preparation=network.preparation)  # fmt: skip
    sys.exit(3 if bad else 0)


def _draw_stages(name: str, path: Path, answer, **settings) -> None:
    from lenet5.models.recognize import document
    from lenet5.preprocessing.show import show_input

    show_input(name, path, part=answer.part, verdict=predict_text.verdict(document(answer)), **settings)
    output.note(f"stages drawn: {one_line(path)}")
