"""lenet5 evaluate: how good a model is on a data set's test images, and how well it knows that."""

from collections.abc import Callable
from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output, progress
from .evaluate_data import check_targets, data_for, write_suspects
from .evaluate_options import WITHOUT_PNG, check_together, evaluate_options
from .models import load_model, load_models


@options.command()
@evaluate_options
@options.as_json
@options.verbosity
@click.pass_context
def evaluate(ctx, models, own, suspects, dataset, data_dir, offline, errors_png, reject_curve, small, cascade_png,
             strings, n_strings, threads, as_json) -> None:  # fmt: skip
    """Measure how good a model is on test images.

    The report has accuracy, loss, precision and recall, calibration and the confusion matrix.

    \b
    Examples:
      lenet5 evaluate
      lenet5 evaluate --model runs/train-001/last.safetensors --errors mistakes.png
      lenet5 evaluate --model animals.safetensors --data animals --suspects suspects.csv
      lenet5 evaluate --model a.safetensors --model b.safetensors --json
      lenet5 evaluate --reject-curve curve.png
      lenet5 evaluate --cascade small.safetensors --cascade-curve cost.png
      lenet5 evaluate --strings plain --errors misread.png
    """
    from lenet5.models import judgement

    reject_png = reject_curve if reject_curve and str(reject_curve) != WITHOUT_PNG else None
    check_together(ctx, small, cascade_png, reject_curve, strings, n_strings)
    check_targets(suspects, errors_png, reject_png, cascade_png)
    network, model = load_models(models, digits=bool(strings))
    small = load_model(small)[0] if small else None
    data = data_for([network, *([small] if small else [])], own, dataset, data_dir, offline, threads)
    if strings:
        _evaluate_strings(network, data, strings, n_strings or 2000, threads, errors_png, as_json)
        return
    with progress.log_notes():
        found = judgement.judge(network, data, rejection=bool(reject_curve), small=small, threads=threads)
    _draw(errors_png, found.draw_mistakes, "mistakes")
    _draw(reject_png, found.draw_rejection, "rejection curve")
    if found.cascade and not found.cascade.chosen:
        output.note("note: no threshold is chosen: the models have no validation images of this set in common")
    _draw(cascade_png, found.draw_cascade, "cascade")
    if suspects:
        write_suspects(suspects, found)
    if as_json:
        output.result_json({"dataset": data.name, "model": model, **found.as_dict()})
    else:
        output.result_lines(found.lines())


def _evaluate_strings(network, data, style: str, n: int, threads: int, errors_png: Path | None, as_json: bool) -> None:
    from lenet5.recipes.composed import evaluate_strings

    found = evaluate_strings(network, data.name, *data.test, style=style, n=n, threads=threads)
    if as_json:
        output.result_json(found.as_dict())
    else:
        output.result_lines(found.lines())
    _draw(errors_png, found.draw, "misread strings")


def _draw(path: Path | None, draw: Callable, what: str) -> None:
    from lenet5.evaluation import contact_sheet

    if path:
        contact_sheet.save_png(draw(), path)
        output.note(f"{what} drawn: {one_line(path)}")
