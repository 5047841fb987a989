"""Errors of usage that the library finds."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import click

from . import options


@contextmanager
def refusals_as_usage() -> Iterator[None]:
    """ValueErrors with which the library refuses what was asked for are errors of usage."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def refuse(ctx: click.Context, names: Iterable[str], reason: str) -> None:
    """UsageError for the first of the parameters ``names`` that was given."""
    for param in ctx.command.params:
        if param.name in names and options.was_given(ctx, param.name):
            raise click.UsageError(f"{param.opts[0]} {reason}")
