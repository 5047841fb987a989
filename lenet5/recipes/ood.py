"""Train the out-of-distribution network (`lenet5/weights/judge.safetensors`): LeNet-5's layers, two more classes.

It learns the digits of pool.py, and drawn images without a digit and with several (negatives.py), also as the segmenter
cuts them. Held-out digits decide the least score of a digit.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.synthetic import negatives
from ..datasets.synthetic.segmentation import AS_IT_IS
from ..models import ood
from ..training.defaults import config_for
from . import command, cut, pool
from .command import setting
from .cut import Examples
from .data import HELD_OUT, held_out_digits
from .fitting import as_stored, fit
from .pool import SMALL, PoolSettings

log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class Settings(PoolSettings):
    """How much is drawn, and how long training takes."""

    epochs: int = setting(14, "passes over all images")
    rubbish: int = setting(120_000, "drawn images without a digit and with several")
    others: int = setting(40_000, "images without a digit, or with several, that are drawn for the segmenter to cut")
    rubbish_cut: int = setting(30_000, "of the drawn images without a digit, again, as the segmenter cuts them")
    average: float = setting(0.9995, "how much of the running average of the weights stays at each update")
    refused: float = setting(0.005, "fraction of MNIST's held-out digits that may be rejected")
    seed: int = setting(0, "decides the weights, and all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """Return settings for a run of seconds."""
        return cls(**SMALL, epochs=1, rubbish=1_000, others=60, rubbish_cut=60, average=0.9)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> ood.Detector:
    """Train the network and choose its least score.

    Raises
    ------
    DataError
        MNIST cannot be had.
    ValueError
        The settings are not allowed.
    DivergedError
        Training diverged, or nothing was learnt.
    """
    used, held_out = held_out_digits(data_dir)
    network = ood.made(settings.seed)
    config = config_for(
        network, epochs=settings.epochs, seed=settings.seed, validation=0, average=settings.average,
        augment="affine-wide,elastic",
    )  # fmt: skip
    X, y = training_images(used, settings, threads)
    fit(network, X, y.astype(np.int64), config, threads)
    detector = ood.Detector(as_stored(network))
    detector.training = {
        **command.facts("ood", settings, data_dir),
        "least_score": least_score(detector, held_out[0], settings, threads),
    }
    return detector


def training_images(mnist: Examples, settings: Settings, threads: int | None = None) -> Examples:
    """Images (N, 28, 28) uint8 and classes (N,) uint8; ``mnist`` are the training digits."""
    seed = 100 * (settings.seed + 2)
    rubbish, is_several = negatives.draw(settings.rubbish, seed=seed)
    others = rubbish, (ood.NOTHING + is_several).astype(np.uint8)
    return cut.joined(
        [
            pool.draw(mnist, settings, settings.seed + 1, threads),
            others,
            cut.others(settings.others, mnist, seed=seed + 1, threads=threads),
            cut.digits(settings.rubbish_cut, others, seed=seed + 2, layouts=AS_IT_IS, threads=threads),
        ]
    )


def least_score(detector: ood.Detector, digits: np.ndarray, settings: Settings, threads: int | None) -> float:
    """Return the score that all but the fraction ``refused`` of the digits (N, 28, 28) reach."""
    scores = ood.score(detector.probabilities(digits, threads))
    least = float(np.quantile(scores, settings.refused))
    other, _ = negatives.draw(HELD_OUT, seed=settings.seed + 9)
    caught = np.mean(ood.score(detector.probabilities(other, threads)) < least)
    rejected = 100 * settings.refused
    log.info("least score %.3f: %.1f %% of digits rejected, %.1f %% of negatives", least, rejected, 100 * caught)
    return least


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe as a command; return the exit code."""
    return command.run("ood", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
