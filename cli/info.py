"""lenet5 info: what a model is, what it costs, how it was trained."""

from pathlib import Path

import click

from . import options, output
from .models import SHIPPED, load_model

#: Of the weights that ship, as of all that does.
LICENCE = "MIT"


@options.command()
@click.argument("model", required=False, type=options.path())
@options.as_json
@options.verbosity
def info(model: Path | None, as_json: bool) -> None:
    """Show what MODEL is, and what it is known for.

    Layers, size, training, preparation of images, measured limits and licence, as far as its file says them. A licence
    is the text of training["licence"] there.

    \b
    Examples:
      lenet5 info                      the model that predict would use
      lenet5 info runs/train-001/best.safetensors --json
    """
    from lenet5.models import info as library

    network, name = load_model(model, quantities=True)
    licence = LICENCE if name == SHIPPED else None
    if as_json:
        output.result_json({"model": name} | library.document(network, licence))
    else:
        output.result_lines(library.lines(network, licence))
