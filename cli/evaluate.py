"""lenet5 evaluate: how good a model is on a data set's test images, and how well it knows that."""

import click

from . import options, output, progress
from .evaluate_data import check_targets, data_for, draw, write_suspects
from .evaluate_options import WITHOUT_PNG, check_together, evaluate_options
from .evaluate_quantity import check_residuals, draw_both, evaluate_quantities
from .evaluate_strings import check_strings, evaluate_strings
from .models import is_of_quantities, load_model, load_models


@options.command()
@evaluate_options
@options.as_json
@options.verbosity
@click.pass_context
def evaluate(ctx, models, own, suspects, residuals, dataset, data_dir, offline, errors_png, reject_curve, small,
             cascade_png, strings, n_strings, mistakes, threads, as_json) -> None:  # fmt: skip
    """Measure how good a model is on test images.

    The report has accuracy, loss, precision and recall, calibration and the confusion matrix. That of a model of
    quantities has MAE, RMSE and R2, and of one of both all of them.

    \b
    Examples:
      lenet5 evaluate
      lenet5 evaluate --model runs/train-001/last.safetensors --errors mistakes.png
      lenet5 evaluate --model animals.safetensors --data animals --suspects suspects.csv
      lenet5 evaluate --model a.safetensors --model b.safetensors --json
      lenet5 evaluate --reject-curve curve.png
      lenet5 evaluate --cascade small.safetensors --cascade-curve cost.png
      lenet5 evaluate --strings plain --errors misread.png
      lenet5 evaluate --strings amounts.csv --mistakes misread.csv
    """
    from lenet5.models import judgement

    reject_png = reject_curve if reject_curve and str(reject_curve) != WITHOUT_PNG else None
    check_together(ctx, small, cascade_png, reject_curve, strings)
    check_strings(ctx, strings, n_strings, mistakes)
    check_targets(suspects, errors_png, reject_png, cascade_png)
    if strings:
        evaluate_strings(ctx.params)
        return
    network, model = load_models(models, digits=False, quantities=True)
    if is_of_quantities(network):
        evaluate_quantities(ctx, network, model, own, residuals, as_json)
        return
    if residuals:
        check_residuals(network, own, residuals)
    small = load_model(small)[0] if small else None
    data = data_for([network, *([small] if small else [])], own, dataset, data_dir, offline, threads)
    with progress.log_notes():
        found = judgement.judge(network, data, rejection=bool(reject_curve), small=small, threads=threads)
    if residuals:
        draw_both(network, data, residuals, threads)
    draw(errors_png, found.draw_mistakes, "mistakes")
    draw(reject_png, found.draw_rejection, "rejection curve")
    if found.cascade and not found.cascade.chosen:
        output.note("note: no threshold is chosen: the models have no validation images of this set in common")
    draw(cascade_png, found.draw_cascade, "cascade")
    if suspects:
        write_suspects(suspects, found)
    if as_json:
        output.result_json({"dataset": data.name, "model": model, **found.as_dict()})
    else:
        output.result_lines(found.lines())
