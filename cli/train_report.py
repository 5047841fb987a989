"""What `lenet5 train` tells while it trains, and at the end; and that it stops at a signal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from lenet5.runs import Listener, TrainingResult
from lenet5.runs.training import document

from . import bars, output
from .common import origin


class Report(Listener):
    """Notes, lines and bars on standard error; ``received`` are the signals that came."""

    def __init__(self, ctx: click.Context):
        self._ctx = ctx
        self.received: list[int] = []

    def replaces(self, out, model) -> None:
        output.note(f"note: {output.one_line(out)} will be replaced{origin(model)}")

    def rate_found(self, curve) -> None:
        from lenet5.training import lr_finder

        output.note(f"learning rate {curve.best:g}, found in {len(curve.rates) * lr_finder.PER_POINT} updates")

    def ready(self) -> None:
        self.received = self._ctx.with_resource(_signals())

    def stop(self) -> bool:
        return bool(self.received)

    def begins(self, run, trainer, data, number, n_members) -> None:
        _introduce(run, trainer, data, number, n_members)

    @contextmanager
    def following(self, run, trainer) -> Iterator[None]:
        try:
            with _reporter(trainer) as (self.epoch, self.progress):  # type: ignore[method-assign]  # for this training
                yield
        except Exception:
            output.note(f"what was reached is kept in {output.one_line(run.folder)}")
            raise


def _introduce(run, trainer, data, number: int, n_members: int) -> None:
    """The layer table, once, and what is about to happen."""
    from lenet5 import _kernels

    config = run.plan.config
    n_validation = len(trainer.validation[1]) if trainer.validation else 0
    if number == 1:
        output.note(str(trainer.network.summary()))
        output.note(
            f"\n{data.name}: {len(data.train[1]) - n_validation:,} training, {n_validation:,} validation, "
            f"{len(data.test[1]):,} test pictures"
        )
    if n_members > 1:
        output.note(f"member {number} of {n_members}")
    output.note(
        f"{config.epochs} epochs, batches of {config.batch_size}, seed {config.seed}; {trainer.threads} threads, "
        f"{_kernels.ISA} kernels\nrun folder {output.one_line(run.folder)}"
    )
    epoch, step = trainer.position
    if trainer.done:
        output.note("this run is complete; its result again")
    elif epoch or step:
        output.note(f"resumed after epoch {epoch}, batch {step} of {trainer.steps_per_epoch}")


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM; a second one ends at once, as it would have without us.

    One that comes after the last batch changes nothing: what is left takes less than a second.
    """
    received: list[int] = []

    def receive(number: int, frame) -> None:
        received.append(number)
        signal.signal(number, before[number])

    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _reporter(trainer) -> Iterator[tuple]:
    """(epoch callback, progress callback): a bar on a terminal, else one line an epoch, both on standard error."""
    n_epochs = trainer.config.epochs

    def line(epoch) -> str:
        left = (n_epochs - epoch.epoch) * epoch.seconds
        return f"epoch {epoch.epoch:>{len(str(n_epochs))}}/{n_epochs}  {epoch}  {_duration(left)} left"

    def note(epoch) -> None:
        output.note(line(epoch))

    if not bars.are_shown():
        yield note, lambda progress: None
        return
    with bars.bar(bars.TRAINING, desc="epoch 1", total=1, leave=False) as bar:

        def show(progress) -> None:
            speed = progress.n_done / max(progress.seconds, 1e-9)
            left = (progress.n - progress.n_done + (n_epochs - progress.epoch) * progress.n) / speed
            bar.text = (f"loss {progress.loss:.4f}  acc {100 * progress.accuracy:.2f}%  {speed:,.0f}/s  "
                        f"{_duration(left)} left")  # fmt: skip
            bar.set_description_str(f"epoch {progress.epoch}/{n_epochs}", refresh=False)
            bar.total = progress.n
            bar.update(progress.n_done - bar.n)
            if progress.n_done == progress.n:
                bar.refresh()

        yield note, show


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h" if hours else f"{minutes}:{rest:02}"


def conclude(result: TrainingResult, as_json: bool) -> None:
    """Where the weights are, to standard error; the test result, to standard output."""
    _tell_weights(result)
    if as_json:
        output.result_json(document(result))
        return
    low, high = result.test["accuracy_95"]
    output.result(
        f"test accuracy {output.percent(result.test['accuracy'])} (95 % CI {100 * low:.2f}-{100 * high:.2f}), "
        f"{result.test['errors']:,} errors in {result.test['n']:,} {result.dataset}"
    )


def _tell_weights(result: TrainingResult) -> None:
    out = output.one_line(result.out)
    if len(result.networks) > 1:
        for number, network in enumerate(result.networks, 1):
            output.note(f"member {number}: test accuracy {output.percent(network.test['accuracy'])}")
        output.note(f"committee: the mean of their probabilities; weights: {out}")
        return
    [network] = result.networks
    chosen = "best epoch on validation" if network.config.validation else "last epoch"
    output.note(f"{chosen}: {network.best_epoch}; weights: {out}")
