"""Train the out-of-distribution network (`lenet5/weights/judge.safetensors`): LeNet-5's layers, two more classes.

It learns from MNIST's training digits, digits of the pen model, and drawn images without a digit and with several
(negatives.py). It learns, too, from what the segmenter cuts out of images with a digit and without. Held-out digits
decide the least score of a digit.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.synthetic import allographs, hands, negatives, strokes
from ..datasets.synthetic.segmentation import AS_IT_IS
from ..models import ood
from ..training.trainer import config_for
from . import command, cut
from .command import setting
from .cut import Examples
from .data import HELD_OUT, held_out_digits
from .fitting import as_stored, fit
from .hands import of_strings

log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class Settings:
    """How much is drawn, and how long training takes."""

    epochs: int = setting(14, "passes over all images")
    strokes: int = setting(40_000, "digits of the pen model")
    forms: int = setting(40_000, "digits in forms that MNIST's writers hardly use, and as many angular ones")
    strings: int = setting(4_000, "composed strings, of whose digits each is one image")
    drawn: int = setting(40_000, "images of a digit that are drawn for the segmenter to cut")
    photographs: int = setting(1_500, "and composed photos")
    coarse: int = setting(30_000, "images of any of the digits as they are, many of few pixels, also to be cut")
    rubbish: int = setting(120_000, "drawn images without a digit and with several")
    others: int = setting(40_000, "images without a digit, or with several, that are drawn for the segmenter to cut")
    rubbish_cut: int = setting(30_000, "of the drawn images without a digit, again, as the segmenter cuts them")
    average: float = setting(0.9995, "how much of the running average of the weights stays at each update")
    refused: float = setting(0.005, "fraction of MNIST's held-out digits that may be rejected")
    seed: int = setting(0, "decides the weights, and all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """Return settings for a run of seconds."""
        return cls(epochs=1, strokes=500, forms=200, strings=10, drawn=60, photographs=2, coarse=40, rubbish=1_000,
                   others=60, rubbish_cut=60, average=0.9)  # fmt: skip


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
    digits = [
        mnist,
        strokes.draw(settings.strokes, seed=seed),
        allographs.draw(settings.forms, seed=seed + 1),
        strokes.draw(settings.forms, seed=seed + 2, ways=hands.FORMS),
        of_strings(mnist, settings.strings, seed + 3),
    ]
    rubbish, is_several = negatives.draw(settings.rubbish, seed=seed + 4)
    others = rubbish, (ood.NOTHING + is_several).astype(np.uint8)
    return cut.joined(
        [
            *digits,
            cut.digits(settings.drawn, mnist, seed=seed + 5, threads=threads),
            cut.photographed(settings.photographs, seed=seed + 6, threads=threads),
            cut.digits(settings.coarse, cut.joined(digits), seed=seed + 7, layouts=AS_IT_IS, threads=threads),
            others,
            cut.others(settings.others, mnist, seed=seed + 8, threads=threads),
            cut.digits(settings.rubbish_cut, others, seed=seed + 9, layouts=AS_IT_IS, threads=threads),
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
