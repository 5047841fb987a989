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
    from lenet5.evaluation.report import quantity_lines

    refuse(ctx, _OF_CLASSES, "is about classes, and this model has none")
    if not own:
        raise click.UsageError("--data names the table that a model of quantities is judged on: a CSV with path,target")
    if residuals:
        check_png(residuals)
    data = _data_for(network, own, ctx.params["threads"])
    report, answers = network.evaluate(*data.test, ctx.params["threads"])
    if residuals:
        draw_residuals(network, answers, data.test[1], residuals)
    if as_json:
        output.result_json({"dataset": data.name, "model": model, **report})
    else:
        output.result_lines(quantity_lines(data.name, report))


def draw_residuals(network, answers, truths, path: Path) -> None:
    """The errors of answers (N, targets) to a PNG, and a line about it."""
    from lenet5.evaluation import contact_sheet
    from lenet5.evaluation.residuals import draw
    from lenet5.models.quantity_answers import LEVEL

    answers = answers.reshape(len(truths), -1)
    drawn = draw(answers, truths.reshape(answers.shape), network.period, network.intervals.width(LEVEL))
    contact_sheet.save_png(drawn, path)
    output.note(f"errors drawn: {one_line(path)}")


def _data_for(network, own: Path, threads: int | None):
    from lenet5.models import judgement

    data = load_own(str(own), threads=threads, validation=0, **judgement.wanted_by(network)).of_task("regression")
    data = judgement.only_judged(data)
    if data.classes:
        raise click.UsageError(f"{data.name}: has classes and no numbers, and the model is one of quantities")
    return data


def check_residuals(network, own: Path | None, path: Path) -> None:
    """Refuse, before the work, to draw errors that a model of classes does not have."""
    from lenet5.models.quantity_answers import QuantityAnswers

    if not isinstance(network, QuantityAnswers) or not own:
        raise click.UsageError(
            "--residuals draws the errors of a model of quantities on --data; this one is of classes"
        )
    check_png(path)


def draw_both(network, data, path: Path, threads: int | None) -> None:
    """The errors of a model of classes and quantities, where the set has quantities; else a usage error."""
    X, y = data.test
    if not y.dtype.names:
        raise click.UsageError(f"{data.name}: has classes and no numbers, whose errors --residuals draws")
    draw_residuals(network, network.predict_quantities(X, threads), y["targets"], path)
