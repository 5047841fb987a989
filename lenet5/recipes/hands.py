"""Train the networks of digits that `lenet5 predict` asks (`lenet5/weights/hands.safetensors`); half an hour.

They learn the digits of pool.py. Half of the networks see them as they are, half deslanted. Held-out digits give the
temperature and the thresholds of `lenet5 predict --max-error`.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..models.hands import HandNetworks, beside_strings
from ..nn.network import Network
from ..ocr import networks
from ..training.defaults import config_for
from . import command, cut, pool
from .command import setting
from .data import held_out_digits
from .fitting import as_stored, fit
from .ocr import DIGITS
from .pool import SMALL, PoolSettings

log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class Settings(PoolSettings):
    """How much is drawn, and how long is trained."""

    epochs: int = setting(12, "passes over all images")
    networks: int = setting(2, "trained for each of both views")
    average: float = setting(0.9995, "how much of the running average of the weights stays at each update")
    seed: int = setting(0, "of the weights, and of all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """A run of seconds."""
        return cls(**SMALL, epochs=1, networks=1, average=0.9)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> HandNetworks:
    """Train the networks, and calibrate them beside those of strings.

    DataError where MNIST cannot be had; ValueError for settings that cannot be; DivergedError where nothing is learnt.
    """
    used, held_out = held_out_digits(data_dir)
    X, y = pool.draw(used, settings, settings.seed + 1, threads)
    views = X, networks.upright(X[:, None])[:, 0]
    straight, deslanted = (
        [_trained(seen, y, settings, settings.seed + 2 * k + i, threads) for k in range(settings.networks)]
        for i, seen in enumerate(views)
    )
    model = HandNetworks(straight, deslanted)
    photographed = cut.photographed(settings.photographs // 2, seed=settings.seed + 99, threads=threads)
    X, y = cut.joined((held_out, photographed))
    model.calibration = beside_strings(model).calibrate(X, y, threads).calibration
    model.training = {
        **command.facts("hands", settings, data_dir),
        "held_out_accuracy": beside_strings(model).score(*held_out, threads),
    }
    return model


def _trained(X: np.ndarray, y: np.ndarray, settings: Settings, seed: int, threads: int | None) -> Network:
    """A network as it will be stored."""
    network = networks.digit_network(seed)
    config = config_for(network, epochs=settings.epochs, seed=seed, average=settings.average, **DIGITS)
    fit(network, X, y.astype(np.int64), config, threads)
    return as_stored(network)


def main(arguments: Sequence[str] | None = None) -> int:
    """The recipe as a command; the exit code."""
    return command.run("hands", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
