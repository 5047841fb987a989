"""lenet5 info: what a model is, what it costs, how it was trained."""

from pathlib import Path

import click

from . import options, output
from .models import load_model


@options.command()
@click.argument("model", required=False, type=options.path())
@options.as_json
@options.verbosity
def info(model: Path | None, as_json: bool) -> None:
    """Show the layers of MODEL, its size and how it was trained.

    \b
    Examples:
      lenet5 info                      the model that predict would use
      lenet5 info runs/train-001/best.safetensors --json
    """
    from lenet5.models import info as library

    network, name = load_model(model, quantities=True)
    if as_json:
        output.result_json({"model": name} | library.document(network))
    else:
        output.result_lines(library.lines(network))
