"""lenet5 predict with a model of quantities: a value and its interval for each image."""

from collections.abc import Iterable

import click

from lenet5.errors import one_line

from . import output
from .inputs import answered
from .rows import print_each
from .sources import source
from .usage import refuse


def answer_all(names: Iterable[str], network, model: str | list[str], as_json: bool) -> int:
    """Print a row or a document for each image; the exit code."""
    from lenet5.models.measure import document, measure

    ctx = click.get_current_context()
    refuse(ctx, ("top", "max_error", "show_input", "reject"), "is about classes, and this model has none")
    settings = {name: ctx.params[name] for name in ("invert", "threads")}
    measured = measure(map(source, names), network, **settings)
    answers = (answered(answer, document) | {"model": model} for answer in measured)
    return 3 if (output.result_array(answers) if as_json else print_each(answers, _print_line)) else 0


def _print_line(answer: dict) -> None:
    """File, and for each target its value and the ends of its interval, tab-separated."""
    output.result("\t".join([one_line(answer["file"]), *quantity_cells(answer)]))


def quantity_cells(answer: dict) -> list[str]:
    """For each target its value and the ends of its interval, or - where there is none."""
    value, interval = answer["value"], answer["interval"]
    values, intervals = (value, interval) if isinstance(value, list) else ([value], interval and [interval])
    rows = zip(values, intervals or [["-", "-"]] * len(values), strict=True)
    return [_shown(cell) for value, ends in rows for cell in (value, *ends)]


def _shown(cell: float | str) -> str:
    return cell if isinstance(cell, str) else f"{cell:.6g}"
