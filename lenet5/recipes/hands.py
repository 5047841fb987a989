"""Train the networks of digits that `lenet5 predict` asks (`lenet5/weights/hands.safetensors`); half an hour.

They learn MNIST's training digits, and digits of the pen model in usual, other and angular forms. They also learn
digits out of composed strings, and those that the segmenter cut out of drawn images. Half of the networks see them as
they are, half deslanted. Held-out digits give the temperature and the thresholds of `lenet5 predict --max-error`.
"""

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..datasets.synthetic import allographs, digit_strings, hands, strokes
from ..datasets.synthetic.segmentation import AS_IT_IS
from ..models.hands import HandNetworks, beside_strings
from ..nn.network import Network
from ..ocr import networks
from ..training.trainer import config_for
from . import command, cut, segments
from .command import setting
from .cut import Examples
from .data import held_out_digits
from .fitting import as_stored, fit
from .ocr import DIGITS, FLAGGED

log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class Settings:
    """How much is drawn, and how long is trained."""

    epochs: int = setting(12, "passes over all images")
    strokes: int = setting(40_000, "digits of the pen model, in usual and again in angular forms")
    forms: int = setting(55_000, "in forms that MNIST's writers hardly use")
    strings: int = setting(9_000, "composed strings, of whose digits each is one image")
    drawn: int = setting(30_000, "images that are drawn for the segmenter to cut")
    photographs: int = setting(1_500, "and composed photos")
    coarse: int = setting(30_000, "images of any of the digits as they are, many of few pixels, also to be cut")
    networks: int = setting(2, "trained for each of both views")
    average: float = setting(0.9995, "how much of the running average of the weights stays at each update")
    seed: int = setting(0, "of the weights, and of all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """A run of seconds."""
        return cls(
            epochs=1, strokes=500, forms=500, strings=10, drawn=60, photographs=2, coarse=20, networks=1, average=0.9
        )


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> HandNetworks:
    """Train the networks, and calibrate them beside those of strings.

    DataError where MNIST cannot be had; ValueError for settings that cannot be; DivergedError where nothing is learnt.
    """
    used, held_out = held_out_digits(data_dir)
    X, y = training_images(used, settings, threads)
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


def training_images(mnist: Examples, settings: Settings, threads: int | None = None) -> Examples:
    """All images (N, 28, 28) uint8 and their classes; ``mnist`` are the training digits."""
    seed = 100 * (settings.seed + 1)
    parts = [
        mnist,
        strokes.draw(settings.strokes, seed=seed),
        strokes.draw(settings.strokes, seed=seed + 1, ways=hands.FORMS),
        allographs.draw(settings.forms, seed=seed + 2),
        of_strings(mnist, settings.strings, seed + 3),
        cut.digits(settings.drawn, mnist, seed=seed + 4, threads=threads),
        cut.photographed(settings.photographs, seed=seed + 5, threads=threads),
    ]
    pool = cut.joined(parts[:4])
    parts.append(cut.digits(settings.coarse, pool, seed=seed + 6, layouts=AS_IT_IS, threads=threads))
    return cut.joined(parts)


def of_strings(mnist: Examples, n: int, seed: int) -> Examples:
    """The digits of ``n`` strings as they are read: thick and thin, touching, with flags and bars."""
    forms = allographs.draw(len(mnist[1]), seed=seed)
    X, y = cut.joined((mnist, forms))
    composed = digit_strings.compose(X, y, n, style=FLAGGED, seed=seed)
    segment, label = segments.examples(composed, seed=seed, rubbish=0)
    is_digit = label < networks.N_DIGITS
    return segment[is_digit, 0], label[is_digit]


def main(arguments: Sequence[str] | None = None) -> int:
    """The recipe as a command; the exit code."""
    return command.run("hands", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
