"""How far a training is: a bar on a terminal, else one line an epoch."""

from collections.abc import Iterator
from contextlib import contextmanager

from lenet5.utils.text import duration

from . import output
from .progress import has_bars


@contextmanager
def reporter(trainer) -> Iterator[tuple]:
    """(epoch callback, progress callback): a bar on a terminal, else one line an epoch, both on standard error."""
    n_epochs = trainer.config.epochs

    def line(epoch) -> str:
        left = (n_epochs - epoch.epoch) * epoch.seconds
        return f"epoch {epoch.epoch:>{len(str(n_epochs))}}/{n_epochs}  {epoch}  {duration(left)} left"

    if not has_bars():
        yield lambda epoch: output.note(line(epoch)), lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=16), TextColumn("{task.fields[text]}")
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bars:
        task = bars.add_task("epoch 1", total=1, text="")

        def show(progress) -> None:
            speed = (progress.n_done - first.setdefault(progress.epoch, 0)) / max(progress.seconds, 1e-9)
            left = (progress.n - progress.n_done + (n_epochs - progress.epoch) * progress.n) / speed
            text = (f"loss {progress.loss:.4f}  acc {100 * progress.accuracy:.2f}%  {speed:,.0f}/s  "
                    f"{duration(left)} left")  # fmt: skip
            bars.update(task, description=f"epoch {progress.epoch}/{n_epochs}", completed=progress.n_done,
                        total=progress.n, text=text)  # fmt: skip

        first: dict[int, int] = {}
        yield lambda epoch: bars.console.print(line(epoch)), show
