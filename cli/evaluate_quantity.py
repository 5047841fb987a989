"""lenet5 evaluate with a model of quantities: MAE, RMSE, R2, and a drawing of the errors."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import output
from .own_data import load_own
from .targets import check_png
from .usage import refuse

#: Options that are about classes, or about data sets of classes.
_OF_CLASSES = ("suspects", "dataset", "errors_png", "reject_curve", "small", "cascade_png", "strings", "n_strings",
               "mistakes")  # fmt: skip


def evaluate_quantities(ctx, network, model: str, own: Path | None, residuals: Path | None, as_json: bool) -> None:
    """The report on standard output; the errors drawn to ``residuals``."""
    from lenet5.evaluation import contact_sheet
    from lenet5.evaluation.report import quantity_lines
    from lenet5.evaluation.residuals import draw
    from lenet5.models.regressor import LEVEL

    refuse(ctx, _OF_CLASSES, "is about classes, and this model has none")
    if not own:
        raise click.UsageError("--data names the table that a model of quantities is judged on: a CSV with path,target")
    if residuals:
        check_png(residuals)
    data = _data_for(network, own, ctx.params["threads"])
    report, answers = network.evaluate(*data.test, ctx.params["threads"])
    if residuals:
        width = network.intervals.width(LEVEL)
        drawn = draw(answers, data.test[1].reshape(answers.shape), network.period, width)
        contact_sheet.save_png(drawn, residuals)
        output.note(f"errors drawn: {one_line(residuals)}")
    if as_json:
        output.result_json({"dataset": data.name, "model": model, **report})
    else:
        output.result_lines(quantity_lines(data.name, report))


def _data_for(network, own: Path, threads: int | None):
    from lenet5.models import judgement

    data = judgement.only_judged(load_own(str(own), threads=threads, validation=0, **judgement.wanted_by(network)))
    if data.classes:
        raise click.UsageError(f"{data.name}: has classes and no numbers, and the model is one of quantities")
    return data
