"""What a training says to people: what is about to happen, and what it came to."""

from .. import _kernels
from ..datasets import Loaded
from ..errors import one_line
from ..evaluation.report import errors_line
from ..training.trainer import Trainer
from ..utils.text import percent
from .result import TrainingResult
from .run import Run


def introduction(run: Run, trainer: Trainer, data: Loaded, number: int, n_members: int) -> list[str]:
    """The layer table, before the ``number``-th network only if that is the first; and from where it is trained."""
    config = run.plan.config
    lines = _overview(trainer, data) if number == 1 else []
    if n_members > 1:
        lines.append(f"member {number} of {n_members}")
    lines += [
        f"{config.epochs} epochs, batches of {config.batch_size}, seed {config.seed}; {trainer.threads} threads, "
        f"{_kernels.ISA} kernels",
        f"run folder {one_line(run.folder)}",
    ]
    epoch, step = trainer.position
    if trainer.done:
        return [*lines, "this run is complete; its result again"]
    if epoch or step:
        return [*lines, f"resumed after epoch {epoch}, batch {step} of {trainer.steps_per_epoch}"]
    return lines


def _overview(trainer: Trainer, data: Loaded) -> list[str]:
    n_validation = len(trainer.validation[1]) if trainer.validation else 0
    n_training, n_test = len(data.train[1]) - (n_validation if data.validation is None else 0), len(data.test[1])
    return [
        str(trainer.network.summary()),
        "",
        f"{data.name}: {n_training:,} training, {n_validation:,} validation, {n_test:,} test images",
    ]


def weights_lines(result: TrainingResult) -> list[str]:
    """Which weights were kept, and where they are."""
    out = one_line(result.out)
    if len(result.networks) > 1:
        members = (
            f"member {number}: test accuracy {percent(network.test['accuracy'])}"
            for number, network in enumerate(result.networks, 1)
        )
        return [*members, f"committee: the mean of their probabilities; weights: {out}"]
    [network] = result.networks
    chosen = "best epoch on validation" if network.config.validation else "last epoch"
    return [f"{chosen}: {network.best_epoch}; weights: {out}"]


def result_line(result: TrainingResult) -> str:
    """The test result."""
    test, judged_on = result.test, result.judged_on
    if "accuracy" not in test:
        return f"{judged_on} {errors_line(test)}, {test['n']:,} images of {result.dataset}"
    low, high = test["accuracy_95"]
    return (
        f"{judged_on} accuracy {percent(test['accuracy'])} (95 % CI {100 * low:.2f}-{100 * high:.2f}), "
        f"{test['errors']:,} errors in {test['n']:,} {result.dataset}"
    ) + (f"; {errors_line(test)}" if "r2" in test else "")
