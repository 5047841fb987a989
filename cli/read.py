"""lenet5 read: the numbers of several digits in each image."""

import sys

import click

from . import options, output, read_text, types
from .boxes import boxes_for
from .inputs import expand
from .read_answers import answers
from .read_models import load_reader
from .usage import refusals_as_usage


@options.command()
@options.files
@options.models
@click.option("--invert", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True,
              help="yes: dark ink on light paper, to be inverted; no: bright ink on dark.")  # fmt: skip
@click.option("--allow", default="", metavar="CHARACTERS",
              help="What to keep in the text beside digits: some of .,-+/()[]%$x:=# and currency signs.")  # fmt: skip
@click.option("--length", type=click.IntRange(1, 100), help="How many digits each number has.")
@click.option("--min-confidence", type=click.FloatRange(0, 1), default=0.0, show_default=True,
              help="Answer ? for a digit of less confidence.")  # fmt: skip
@click.option("--max-error", type=types.Error(), metavar="ERROR",
              help="Answer ? for digits where needed so that at most this fraction of the others is wrong (0.5% or "
                   "0.005), on numbers like those of the networks' validation.")  # fmt: skip
@click.option("--table", is_flag=True, help="The numbers stand in the cells of a table: answer its rows as CSV.")
@click.option("--boxes", type=options.path(path_type=None), metavar="PNG|FOLDER",
              help="Draw what was read over the image, where it was read: one image to a PNG, or all images and pages "
                   "into a folder, one that exists or whose name ends in /.")  # fmt: skip
@options.threads
@options.as_json
@options.verbosity
def read(files, models, invert, allow, length, min_confidence, max_error, table, boxes, threads, as_json) -> None:
    """Read the numbers in each FILE. Each line of an image gives one row: file, text and confidence, tab-separated.

    FILE is an image (PNG, JPEG, BMP, GIF, WEBP, TIFF, PPM), a folder of images, - for standard input, or @LIST: a
    text file with a name in each line. An image without a number gives `no digits`. Signs such as / are left
    out unless --allow names them; letters are read as the digits that they look like.

    A page that is not upright is read after turning it, and a note says so. With --table, a number does not go on
    beyond a vertical rule, and tables of several images or pages have an empty line between them.

    All pages or frames of a file are read. If there are several, the page is the last column of each row. With --json
    each page is a document with "page", from 1, and "pages". Boxes are [left, top, width, height] in pixels of the
    file, turned upright.

    --model also takes the networks that `lenet5 teach` wrote.

    \b
    Examples:
      lenet5 read number.png
      lenet5 read page.jpg --json --boxes found.png
      lenet5 read amounts/ --allow .,- --max-error 0.5%
      lenet5 read scans/ book.tif --boxes found/
      lenet5 read ledger.png --table > ledger.csv
    """
    from lenet5.ocr import reader

    with refusals_as_usage():
        reader.check(allow, length, min_confidence)
    names, drawing = boxes_for(expand(files), boxes)
    networks, network, used = load_reader(models)
    if max_error is not None:
        networks.calibration.confidence_for(max_error)  # refuses what cannot be, before any answer
    with refusals_as_usage():
        reader.check_classes(network.labels)
    settings = {
        "invert": invert, "allow": allow, "length": length, "min_confidence": min_confidence, "max_error": max_error,
        "table": table, "threads": threads, "network": network, "networks": networks,
    }  # fmt: skip
    found = ({**answer, **used} for answer in answers(names, drawing, settings))
    write = output.result_array if as_json else read_text.print_tables if table else read_text.print_lines
    sys.exit(3 if write(found) else 0)
