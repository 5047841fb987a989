"""What `lenet5 evaluate` judges a model on, and the files that it writes beside the report."""

from collections.abc import Callable
from pathlib import Path

import click

from lenet5.errors import one_line

from . import output
from .sources import load_data_for, load_own_for
from .targets import check_csv, check_png


def data_for(models: list, own: Path | None, dataset: str, data_dir: Path | None, offline: bool | None, threads: int):
    """The data set to judge models on; a usage error where their classes are others."""
    from lenet5.models import judgement

    if own:
        return judgement.only_judged(load_own_for(models, own, threads, validation=0))
    return load_data_for(models, dataset, data_dir, offline)


def check_targets(suspects: Path | None, *pngs: Path | None) -> None:
    """Refuse, before the work, files that cannot be written or would replace something else."""
    drawn = [path for path in pngs if path]
    for path in drawn:
        check_png(path)
    if suspects:
        check_csv(suspects)
    if len({path.resolve() for path in drawn}) < len(drawn):
        raise click.UsageError("two images cannot go to the same file")


def write_suspects(path: Path, found) -> None:
    """The table of images that are perhaps labelled wrongly, and one line about it."""
    from lenet5.evaluation.suspects import write_csv

    suspected = found.suspects()
    write_csv(suspected, found.data.files["test"], path)
    output.note(f"{len(suspected):,} of {len(found.data.test[1]):,} labels are perhaps wrong: {one_line(path)}")


def draw(path: Path | None, image: Callable, what: str) -> None:
    """Write what ``image`` draws as PNG, and a line about it; nothing without a path."""
    from lenet5.evaluation import contact_sheet

    if path:
        contact_sheet.save_png(image(), path)
        output.note(f"{what} drawn: {one_line(path)}")
