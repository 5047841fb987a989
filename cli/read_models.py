"""Which networks and which model `lenet5 read` uses: those of --model, else the ones that ship."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from lenet5.errors import one_line

from .models import load_models


def load_reader(paths: Sequence[Path]) -> tuple:
    """(the networks that read strings, the model of digits beside them, a dict of their names for JSON).

    Networks are those among ``paths`` that `lenet5 teach` wrote, else the ones that ship.
    """
    from lenet5.ocr import networks, reader

    taught = [path for path in paths if networks.is_file_of_networks(path)]
    if len(taught) > 1:
        raise click.UsageError(f"{one_line(taught[1])}: networks of one file read strings; give --model once for them")
    found = networks.load(taught[0]) if taught else reader.shipped_once()
    network, name = load_models([path for path in paths if path not in taught])
    return found, network, {"model": name} | ({"networks": os.fspath(taught[0])} if taught else {})
