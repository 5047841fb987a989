"""lenet5 compare: which of two models is better on the same images, and how surely."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output, own_data, progress
from .evaluate_data import data_for
from .models import SHIPPED, load_model


@options.command()
@click.argument("a", type=options.path())
@click.argument("b", type=options.path())
@own_data.data
@options.dataset("the set that A was trained on, else MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@options.threads
@options.as_json
@options.verbosity
@click.pass_context
def compare(ctx, a: Path, b: Path, own, dataset, data_dir, offline, threads: int, as_json: bool) -> None:
    """Say which of the models A and B is better.

    Both answer the same test images. Only those that one gets right and the other wrong tell them apart: the exact
    McNemar test says how likely such a split is by chance. A or B may be pretrained, the one that ships.

    \b
    Examples:
      lenet5 compare a.safetensors b.safetensors --dataset mnist
      lenet5 compare a.safetensors pretrained --data digits --json
    """
    from lenet5.models import comparison, judgement

    own_data.refuse_both(ctx, own)
    (model_a, name_a), (model_b, name_b) = map(_load, (a, b))
    data = data_for([model_a, model_b], own, dataset, data_dir, offline, threads)
    data = data.of_task("classification")
    part = data.test
    if own and judgement.wanted_by(model_a) != judgement.wanted_by(model_b):  # the same images, prepared otherwise
        part = data_for([model_b], own, dataset, data_dir, offline, threads).of_task("classification").test
    with progress.log_notes():
        found = comparison.compare((model_a, model_b), (data.test, part), threads)
    if as_json:
        output.result_json({"dataset": data.name, "a": name_a, "b": name_b, **found.as_dict()})
    else:
        output.result_lines(found.lines(one_line(name_a), one_line(name_b), data.name))


def _load(path: Path) -> tuple:
    """A model and its name."""
    from lenet5.models import documents

    return (documents.pretrained(), SHIPPED) if str(path) == SHIPPED else load_model(path)
