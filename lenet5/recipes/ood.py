"""Train the out-of-distribution network (`lenet5/weights/judge.safetensors`): LeNet-5 with two more classes.

It learns from MNIST's training digits, digits of the pen model, and drawn images without a digit and with several
(negatives.py). Held-out digits decide the least score of a digit.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from .. import datasets
from ..datasets.synthetic import allographs, hands, negatives, strokes
from ..models import ood
from ..models.lenet import LeNet5
from ..nn.network import softmax
from ..training.trainer import config_for
from ..utils.characters import DIGITS
from . import command, cut
from .command import setting
from .fitting import fit

log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class Settings:
    """How much is drawn, and how long training takes."""

    epochs: int = setting(30, "passes over all images")
    strokes: int = setting(20_000, "digits of the pen model")
    forms: int = setting(20_000, "digits in forms that MNIST's writers hardly use, and as many angular ones")
    drawn: int = setting(20_000, "images of a digit that are drawn for the segmenter to cut")
    rubbish: int = setting(80_000, "drawn images without a digit and with several")
    others: int = setting(20_000, "images without a digit, or with several, that are drawn for the segmenter to cut")
    held_out: int = setting(5_000, "MNIST's digits that decide the least score, not trained on")
    refused: float = setting(0.007, "fraction of MNIST's digits that may be rejected")
    seed: int = setting(0, "decides the weights, and all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """Return settings for a run of seconds."""
        return cls(epochs=1, strokes=500, forms=200, drawn=60, rubbish=1_000, others=60, held_out=500)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> LeNet5:
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
    data = datasets.obtain("mnist", data_dir)
    X, y = data.train
    order = np.random.default_rng(settings.seed).permutation(len(X))
    held_out, used = order[: settings.held_out], order[settings.held_out :]
    model = LeNet5(seed=settings.seed, labels=[*DIGITS, "nothing", "several"])
    config = config_for(model.network, epochs=settings.epochs, seed=settings.seed, validation=0)
    fit(model.network, *training_images(X[used], y[used], settings), config, threads)
    model.training = {
        "command": command.command_of("ood", settings),
        "config": asdict(settings),
        "dataset": data.name,
        "data_sha256": data.sha256,
        "least_score": least_score(model, X[held_out], settings, threads),
    }
    return model


def training_images(
    X: np.ndarray, y: np.ndarray, settings: Settings, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) uint8 and classes (N,): these digits, the pen model's, the negatives, and what is cut out."""
    seed = settings.seed
    other, is_several = negatives.draw(settings.rubbish, seed=seed + 5)
    parts = [
        (X, y),
        strokes.draw(settings.strokes, seed=seed + 3),
        allographs.draw(settings.forms, seed=seed + 6),
        strokes.draw(settings.forms, seed=seed + 7, ways=hands.FORMS),
        cut.digits(settings.drawn, (X, y), seed=seed + 8, threads=threads),
        (other, ood.NOTHING + is_several),
        cut.others(settings.others, (X, y), seed=seed + 9, threads=threads),
    ]
    images, classes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return images, classes.astype(np.int64)


def least_score(model: LeNet5, digits: np.ndarray, settings: Settings, threads: int | None) -> float:
    """Return the score that all but the fraction ``refused`` of the digits (N, 28, 28) reach."""
    scores = ood.score(softmax(model.logits(digits, threads)))
    least = float(np.quantile(scores, settings.refused))
    other, _ = negatives.draw(settings.held_out, seed=settings.seed + 9)
    caught = np.mean(ood.score(softmax(model.logits(other, threads))) < least)
    rejected = 100 * settings.refused
    log.info("least score %.3f: %.1f %% of digits rejected, %.1f %% of negatives", least, rejected, 100 * caught)
    return least


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe as a command; return the exit code."""
    return command.run("ood", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
