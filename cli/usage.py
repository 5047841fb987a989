"""Errors of usage that the library finds."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def refusals_as_usage() -> Iterator[None]:
    """ValueErrors with which the library refuses what was asked for are errors of usage."""
    try:
        yield
    except ValueError as error:
        raise click.UsageError(str(error)) from None
