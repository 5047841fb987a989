"""Train the model that ships (`lenet5/weights/mnist.safetensors`): LeNet-5 on MNIST, the best epoch of 200.

5,000 training images are set apart for choices: the best epoch, the temperature of the confidence, and its thresholds.
The test images are used once, at the end.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .. import datasets
from ..models.lenet import LeNet5
from ..training.defaults import config_for
from ..training.trainer import Trainer
from . import command
from .command import setting
from .data import HELD_OUT
from .fitting import fit


@dataclass(frozen=True)
class Settings:
    """The settings of `training.config.Config` that differ from the defaults here."""

    epochs: int = setting(200, "passes over the training images")
    augment: str = setting("affine,elastic", "distortions of the training images")
    average: float = setting(0.9995, "fraction of the weights' exponential moving average that each update keeps")
    validation: int = setting(HELD_OUT, "training images set apart for choices")
    seed: int = setting(2, "decides the first weights, the order and the distortions")

    @classmethod
    def small(cls) -> "Settings":
        """Return settings for a run of seconds."""
        return cls(epochs=1, augment="affine", average=0.9)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> LeNet5:
    """Train, calibrate and test the digit model.

    Raises
    ------
    DataError
        MNIST cannot be had.
    ValueError
        The settings are not allowed.
    DivergedError
        Training diverged, or nothing was learnt.
    """
    data = datasets.obtain("mnist", data_dir)
    model = LeNet5(seed=settings.seed)
    config = config_for(model.network, **asdict(settings))
    trainer = fit(model.network, *data.train, config, threads)
    if trainer.validation:
        model.calibrate(*trainer.validation, trainer.threads)
    report, _ = model.evaluate(*data.test, trainer.threads)
    model.training = {
        "command": command.command_of("digits", settings),
        "dataset": data.name,
        "data_sha256": data.sha256,
        "config": asdict(config),
        "metrics": _metrics(trainer, report),
    }
    return model


def _metrics(trainer: Trainer, test: dict) -> dict:
    """Return the results, as `lenet5 train` records them."""
    best = trainer.history[trainer.best_epoch - 1]
    return {
        "epochs_done": len(trainer.history),
        "best_epoch": trainer.best_epoch,
        "validation_accuracy": best.validation_accuracy,
        "validation_loss": best.validation_loss,
        "test_accuracy": test["accuracy"],
        "test_loss": test["loss"],
        "test_n": test["n"],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe as a command; return the exit code."""
    return command.run("digits", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
