"""How far a training is: a bar on a terminal, else one line an epoch."""

from collections.abc import Iterator
from contextlib import contextmanager

from lenet5.utils.text import duration

from . import bars, output


@contextmanager
def reporter(trainer) -> Iterator[tuple]:
    """(epoch callback, progress callback): a bar on a terminal, else one line an epoch, both on standard error."""
    n_epochs = trainer.config.epochs

    def line(epoch) -> str:
        left = (n_epochs - epoch.epoch) * epoch.seconds
        return f"epoch {epoch.epoch:>{len(str(n_epochs))}}/{n_epochs}  {epoch}  {duration(left)} left"

    if not bars.are_shown():
        yield lambda epoch: output.note(line(epoch)), lambda progress: None
        return
    with bars.bar(bars.TRAINING, desc="epoch 1", total=1, leave=False) as bar:

        def show(progress) -> None:
            speed = (progress.n_done - first.setdefault(progress.epoch, 0)) / max(progress.seconds, 1e-9)
            left = (progress.n - progress.n_done + (n_epochs - progress.epoch) * progress.n) / speed
            accuracy = "" if progress.accuracy is None else f"acc {100 * progress.accuracy:.2f}%  "
            bar.text = f"loss {progress.loss:.4f}  {accuracy}{speed:,.0f}/s  {duration(left)} left"
            bar.set_description_str(f"epoch {progress.epoch}/{n_epochs}", refresh=False)
            bar.total = progress.n
            bar.update(progress.n_done - bar.n)
            if progress.n_done == progress.n:
                bar.refresh()

        first: dict[int, int] = {}
        yield lambda epoch: output.note(line(epoch)), show
