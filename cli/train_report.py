"""What `lenet5 train` tells while it trains, and at the end; and that it stops at a signal."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from lenet5.errors import one_line
from lenet5.models.info import origin
from lenet5.runs import Listener, TrainingResult, report
from lenet5.runs.result import document

from . import output, signals
from .train_progress import reporter


class Report(Listener):
    """Notes, lines and bars on standard error; ``received`` are the signals that came."""

    def __init__(self, ctx: click.Context):
        self._ctx = ctx
        self.received: list[int] = []

    def replaces(self, out, model) -> None:
        output.note(f"note: {one_line(out)} will be replaced{origin(model)}")

    def rate_found(self, curve) -> None:
        output.note(f"learning rate {curve.best:g}, found in {curve.n_updates} updates")

    def ready(self) -> None:
        self.received = self._ctx.with_resource(signals.collected())

    def stop(self) -> bool:
        return bool(self.received)

    def begins(self, run, trainer, data, number, n_members) -> None:
        output.note("\n".join(report.introduction(run, trainer, data, number, n_members)))

    @contextmanager
    def following(self, run, trainer) -> Iterator[None]:
        try:
            with reporter(trainer) as (self.epoch, self.progress):  # type: ignore[method-assign]  # for this training
                yield
        except Exception:
            output.note(f"what was reached is kept in {one_line(run.folder)}")
            raise


def conclude(result: TrainingResult, as_json: bool) -> None:
    """Where the weights are, to standard error; the test result, to standard output."""
    output.note("\n".join(report.weights_lines(result)))
    if as_json:
        output.result_json(document(result))
    else:
        output.result(report.result_line(result))
