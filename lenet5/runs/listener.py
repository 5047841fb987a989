"""What a training tells its caller while it runs, and how the caller stops it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import datasets
from ..models.loading import Model
from ..training.lr_finder import RateCurve
from ..training.records import AnyEpoch, Progress
from ..training.trainer import Trainer
from .run import Run


class Listener:
    """What a training tells its caller while it runs, and when it is to stop. A subclass has what it wants to know."""

    def replaces(self, out: Path, model: Model) -> None:
        """The ``model`` in the file ``out`` will be replaced at the end."""

    def rate_found(self, curve: RateCurve) -> None:
        """A learning rate was looked for."""

    def ready(self) -> None:
        """Nothing speaks against the training; from now on `stop` is asked."""

    def stop(self) -> bool:
        """Whether to save and leave, asked some twenty times a second."""
        return False

    def begins(self, run: Run, trainer: Trainer, data: datasets.Loaded, number: int, n_members: int) -> None:
        """A network, the ``number``-th from 1, is about to be trained, from where its run stands."""

    @contextmanager
    def following(self, run: Run, trainer: Trainer) -> Iterator[None]:
        """Entered for the time in which a network is trained."""
        yield

    def progress(self, progress: Progress) -> None:
        """Some batches are done."""

    def epoch(self, epoch: AnyEpoch) -> None:
        """A pass over the images is done."""
