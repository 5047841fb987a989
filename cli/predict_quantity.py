"""lenet5 predict with a model of quantities: a value and its interval for each image."""

from collections.abc import Iterable

import click

from lenet5.errors import one_line

from . import output
from .inputs import note_pages, reason
from .sources import source
from .usage import refuse


def answer_all(names: Iterable[str], network, model: str | list[str], as_json: bool) -> int:
    """Print a row or a document for each image; the exit code."""
    from lenet5.models.measure import measure

    ctx = click.get_current_context()
    refuse(ctx, ("top", "max_error", "show_input", "reject"), "is about classes, and this model has none")
    settings = {name: ctx.params[name] for name in ("invert", "threads")}
    answers = (_document(answer) | {"model": model} for answer in measure(map(source, names), network, **settings))
    return 3 if (output.result_array(answers) if as_json else _print_lines(answers)) else 0


def _document(answer) -> dict:
    """An answer as JSON, with what is to be noted on standard error; errors in the words of the command line."""
    from lenet5.models import measure

    document, name = measure.document(answer), getattr(answer.source, "name", answer.source)
    note_pages(name, answer.pages)
    if answer.error:
        output.trace(answer.error)
        document["error"] = reason(name, answer.error)
    return document


def _print_lines(answers: Iterable[dict]) -> bool:
    """File, and for each target its value and the ends of its interval, tab-separated."""
    bad = False
    for answer in answers:
        if "error" in answer:
            bad = True
            output.error(answer["error"])
            continue
        value, interval = answer["value"], answer["interval"]
        values, intervals = (value, interval) if isinstance(value, list) else ([value], interval and [interval])
        rows = zip(values, intervals or [["-", "-"]] * len(values), strict=True)
        cells = [_shown(cell) for value, ends in rows for cell in (value, *ends)]
        output.result("\t".join([one_line(answer["file"]), *cells]))
    return bad


def _shown(cell: float | str) -> str:
    return cell if isinstance(cell, str) else f"{cell:.6g}"
