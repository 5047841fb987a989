"""--data: one's own images, from a folder or a table, with a line for each that is not used."""

from collections.abc import Sequence
from pathlib import Path

import click

from lenet5.errors import with_short_words

from . import bars, options, output

MOST_TOLD = 20  # images that are left out: more are counted only
data = click.option(
    "--data",
    "own",
    type=options.path(),
    metavar="DIR|CSV",
    help="One's own images instead of --dataset: a folder of a folder for each class (or of train, val and test with "
    "such folders), or a CSV with the columns path and label, or target, or both.",
)
size = click.option(
    "--size",
    type=click.IntRange(28, 128),
    default=32,
    show_default=True,
    help="Side to which images of --data are resized; a larger one adds convolutions and pooling.",
)
channels = click.option(
    "--channels",
    type=click.Choice(["1", "3"]),
    help="Grey or colour images of --data.  [default: colour if any image has colours]",
)
task = click.option(
    "--task",
    type=click.Choice(["classification", "regression", "both"]),
    default="classification",
    show_default=True,
    help="regression: learn the numbers of a CSV with the columns path and target (or target_1, target_2, ...); both: "
    "learn these and the classes of its column label at once.",
)
period = click.option(
    "--period",
    type=float,
    metavar="NUMBER",
    help="Of the targets: 360 for angles in degrees, so that 359 and 1 are 2 apart.",
)


def refuse_both(ctx: click.Context, own: Path | None) -> None:
    """UsageError for options that have no meaning beside, or without, --data."""
    if own and options.was_given(ctx, "dataset"):
        raise click.UsageError("--data and --dataset both name the images; give one of them")
    for name in ("size", "channels", "suspects", "residuals"):
        if not own and options.was_given(ctx, name):
            raise click.UsageError(f"--{name} is about one's own images: name them with --data")


def load_own(path: str, **settings):
    """`datasets.from_folder` with a bar; what is odd or left out is told on standard error."""
    from lenet5 import datasets

    with bars.of_images() as report:
        loaded = datasets.from_folder(path, report=report, **settings)
    for line in loaded.notes:
        output.note(f"note: {line}")
    tell_left_out(loaded.left_out)
    return loaded


def tell_left_out(left_out: Sequence) -> None:
    """A line for each image that is not used, and for many one with the number of the others."""
    for one in left_out[:MOST_TOLD]:
        output.note(with_short_words(f"left out: {one}"))
    if len(left_out) > MOST_TOLD:
        output.note(f"left out: {len(left_out) - MOST_TOLD:,} more")
