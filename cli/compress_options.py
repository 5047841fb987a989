"""The options of `lenet5 compress` that say how much of a model is left."""

import click

from . import options
from .types import Widths

#: What is done where no option says what to do.
DEFAULTS = {"sparsity": 0.89, "codebook": 8}
compress_options = options.together(
    click.option("--sparsity", type=click.FloatRange(0, 1, max_open=True), metavar="PART",
                 help="Magnitude pruning: the fraction of the weights that become 0.  [default: 0.89; beside --macs, "
                      "--widths or --quantize 0]"),
    click.option("--codebook", type=click.IntRange(0, 255), metavar="N",
                 help="Weight sharing: the number of values of each tensor besides 0, which makes the file small; 0: "
                      "no sharing.  [default: 8; beside --macs, --widths or --quantize 0]"),
    click.option("--macs", type=click.FloatRange(0, 1, min_open=True), default=1.0, metavar="PART",
                 help="Structured pruning: the fraction of the multiply-adds that stays; channels are removed.  "
                      "[default: 1]"),
    click.option("--widths", type=Widths(), default=(), metavar="N,N,...",
                 help="The channels to keep in each hidden layer, instead of --macs."),
    click.option("--quantize", is_flag=True,
                 help="Train for 8 bits, and write a model in 8 bits; not beside --sparsity and --codebook."),
    click.option("--epochs", type=click.IntRange(1), default=40, show_default=True, help="Passes over the images."),
    click.option("--teacher", "teachers", type=options.path(), multiple=True, metavar="MODEL",
                 help="Learn from this model's answers, or a committee's; may be repeated.  [default: MODEL itself]"),
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                 help="Decides the order of images and the distortions."),
)  # fmt: skip


def chosen(settings: dict) -> dict:
    """Arguments of the library: what was given, and what is done where nothing was."""
    is_dense = bool(settings["widths"]) or settings["macs"] < 1 or settings["quantize"]
    left = {option: 0 if is_dense else value for option, value in DEFAULTS.items() if settings[option] is None}
    return settings | left
