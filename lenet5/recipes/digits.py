"""Train the model that ships (`lenet5/weights/mnist.safetensors`): LeNet-5 on MNIST, the best epoch of 200.

5,000 training images are for choices: the best epoch, the temperature of the confidence, and its thresholds. The test
images are looked at once, at the end.
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .. import datasets
from ..models.lenet import LeNet5
from ..training.trainer import Trainer, config_for
from . import command
from .command import setting
from .data import HELD_OUT
from .fitting import fit


@dataclass(frozen=True)
class Settings:
    """Those of `training.config.Config` in which this recipe differs from the defaults."""

    epochs: int = setting(200, "passes over the training images")
    augment: str = setting("affine,elastic", "distortions of the training images")
    average: float = setting(0.9995, "how much of the running average of the weights stays at each update")
    validation: int = setting(HELD_OUT, "training images set apart for choices")
    seed: int = setting(2, "of the first weights, the order and the distortions")

    @classmethod
    def small(cls) -> "Settings":
        """A run of seconds."""
        return cls(epochs=1, augment="affine", average=0.9)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> LeNet5:
    """Train, calibrate and test the model of digits.

    DataError where MNIST cannot be had; ValueError for settings that cannot be; DivergedError where nothing is learnt.
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
    """What came out, as `lenet5 train` writes it."""
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
    """The recipe as a command; the exit code."""
    return command.run("digits", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
