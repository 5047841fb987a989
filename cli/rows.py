"""Rows for people, of answers that come one after the other."""

from collections.abc import Callable, Iterable

from . import output


def print_each(answers: Iterable[dict], show: Callable[[dict], None]) -> bool:
    """Show each answer, errors on standard error; whether there was one."""
    bad = False
    for answer in answers:
        if "error" in answer:
            bad = True
            output.error(answer["error"])
        else:
            show(answer)
    return bad
