"""Train the networks that read numbers (`lenet5/weights/strings.safetensors`); it takes some 70 minutes on one core.

Strings are composed of 55,000 of MNIST's training digits, of drawn strokes, and of allographs. The segment networks
learn from segments of such strings, characters and rubbish; the sliding network learns from windows of their lines.

The digit networks learn from segments that are digits, from segments of more strings, and from the 55,000 digits alone.
In those strings, allographs are as frequent as MNIST's forms. Some networks see all images after deslanting.

The other 5,000 digits are set apart for choices; the shipped digit model was not trained on them either. Strings of
them give the thresholds of `lenet5 read --max-error`.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .. import datasets
from ..datasets.synthetic import allographs, digit_strings, strokes
from ..datasets.synthetic.digit_strings import Style
from ..evaluation.calibration import Calibration, find_thresholds
from ..models.documents import pretrained
from ..nn.network import Network
from ..ocr import evaluation, networks, reader
from ..ocr.layout import evened
from ..training.config import Config
from . import command, segments
from .command import setting
from .cut import PART, Examples, in_parts, joined
from .data import HELD_OUT, held_out_digits
from .fitting import as_stored, fit

log = logging.getLogger("lenet5")

PLAIN = digit_strings.STYLES["plain"]
# Noughts at the end of amounts are often not closed.
AMOUNTS = replace(digit_strings.STYLES["amounts"], opened=0.25)
# Style, source of the digits, and share of all strings: MNIST's digits, with allographs ("forms"), and strokes.
SHARES = (
    (PLAIN, "mnist", 0.264),
    (digit_strings.STYLES["varied"], "mnist", 0.094),
    (AMOUNTS, "forms", 0.311),
    (digit_strings.STYLES["varied"], "strokes", 0.109),
    (digit_strings.STYLES["signs"], "forms", 0.222),
)
# More strings, for the segment networks alone, in the plain style: neighbouring ones are the hardest to separate.
ONES_SHARE, ONES = 0.125, replace(PLAIN, ones=0.6)

# For the digit networks more ones have a flag and more sevens a bar, since writers tend to use both.
FLAGGED = replace(AMOUNTS, flags=0.6)

# Training settings of the networks.
SEGMENTS: dict[str, Any] = {"augment": "affine,elastic", "finetune": 0.125}
DIGITS: dict[str, Any] = {
    "augment": "affine-wide,elastic",
    "finetune": 0.08,
    "finetune_augment": "crop",
    "validation": 0,
}
SLIDING: dict[str, Any] = {"augment": "rotation,scale,shear,elastic"}  # nothing may move a digit from the middle


@dataclass(frozen=True)
class Settings:
    """How much is composed, how long training takes, and how large the networks are."""

    strings: int = setting(36_000, "composed for segment and digit networks")
    plain_strings: int = setting(8_000, "more for digit networks")
    flagged_strings: int = setting(12_000, "more for digit networks, with allographs")
    sliding_strings: int = setting(40_000, "composed for the sliding network")
    epochs: int = setting(8, "of segment networks")
    digit_epochs: int = setting(15, "of digit networks")
    sliding_epochs: int = setting(16, "of the sliding network")
    rubbish: float = setting(1.5, "segments of rubbish, for each that is a character")
    widths: tuple[int, ...] = setting(networks.WIDTHS, "maps of C1, C3, C5, units of F6, of segment networks")
    digit_widths: tuple[int, ...] = setting(networks.WIDTHS, "those of digit networks")
    sliding_widths: tuple[int, ...] = setting(networks.SMALL_WIDTHS, "those of the sliding network")
    members: int = setting(1, "segment networks")
    digit_members: int = setting(1, "digit networks that see segments as they are")
    upright_members: int = setting(1, "digit networks that see them after deslanting")
    average: float = setting(0.9995, "fraction of the weights' exponential moving average that each update keeps")
    validation: int = setting(HELD_OUT, "segments, and windows, set apart to choose the best epoch")
    calibration: int = setting(2_000, "strings of each style for thresholds")
    seed: int = setting(0, "decides the weights, and all that is composed")

    @classmethod
    def small(cls) -> "Settings":
        """Return settings for a run of seconds."""
        return cls(
            strings=40, plain_strings=10, flagged_strings=10, sliding_strings=40, epochs=1, digit_epochs=1,
            sliding_epochs=1, widths=networks.SMALL_WIDTHS, digit_widths=networks.SMALL_WIDTHS, average=0.9,
            validation=100, calibration=5,
        )  # fmt: skip


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> networks.StringNetworks:
    """Train all networks, and calibrate them in the precision in which they are stored.

    Raises
    ------
    DataError
        MNIST cannot be had.
    ValueError
        The settings are not allowed.
    DivergedError
        Training diverged, or nothing was learnt.
    """
    found = Training(settings, data_dir, threads).train()
    for network in [*found.segments, *found.digits, *found.upright, found.sliding]:
        as_stored(network)
    found.calibration = calibrate(found, settings.calibration, data_dir, threads)
    found.training = (found.training or {}) | {
        "command": command.command_of("ocr", settings),
        "options": asdict(settings),
        "data_sha256": datasets.obtain("mnist", data_dir).sha256,
    }
    return found


class Training:
    """The trainings of one set of networks.

    Attributes
    ----------
    accuracies : dict
        By the name of a network, its accuracy on the validation images, 0..1.
    """

    def __init__(self, settings: Settings, data_dir: str | None, threads: int | None):
        self.settings, self.threads = settings, threads
        self.accuracies: dict[str, float | None] = {}
        self._configs = configs(settings)  # refuses wrong settings before anything is composed
        self._digits, _ = held_out_digits(data_dir)

    def train(self) -> networks.StringNetworks:
        """Train all networks, one after the other, with one set of examples in memory at a time."""
        X, y, n_runs = self.segment_examples()
        segment_networks = self._segment_networks(X, y)
        X, y = self.digit_examples(X[:n_runs], y[:n_runs])
        straight, upright = self._digit_networks(X, y)
        X, y = self.composed(_windows, self.settings.sliding_strings)
        sliding = self._sliding_network(X, y)
        training = {"validation_accuracy": self.accuracies}
        return networks.StringNetworks(segment_networks, straight, sliding, training, upright=upright)

    def composed(self, work: Callable[..., Examples], n: int, **options: Any) -> Examples:
        """Examples that ``work`` cuts out of about ``n`` strings in all, in the proportions of `SHARES`."""
        (X, y), seed = self._digits, self.settings.seed + 1
        drawn = allographs.draw(len(X) // 3, seed=seed)
        pools: dict[str, Examples] = {"mnist": (X, y), "strokes": strokes.draw(len(X), seed=seed)}
        pools["forms"] = joined([(X, y), drawn])
        return joined(
            [
                self._cut(work, pools[pool], style, round(n * share), 1000 * seed + k, **options)
                for k, (style, pool, share) in enumerate(SHARES)
            ]
        )

    def _cut(
        self, work: Callable[..., Examples], pool: Examples, style: Style, n: int, seed: int, **options: Any
    ) -> Examples:
        """Examples of ``n`` strings of the digits in a pool."""
        return in_parts(partial(work, pool, style, n, seed, **options), n, self.threads)

    def segment_examples(self) -> tuple[np.ndarray, np.ndarray, int]:
        """Return images and classes of segments, those of the strings of ones last, and the number of the others."""
        settings, seed = self.settings, self.settings.seed
        n_ones, rubbish = round(ONES_SHARE * settings.strings), settings.rubbish
        runs = self.composed(_segments, settings.strings, rubbish=rubbish)
        more = self._cut(_segments, self._digits, ONES, n_ones, 1000 * (seed + 1) + len(SHARES), rubbish=rubbish)
        return *joined([runs, more]), len(runs[0])

    def digit_examples(self, X: np.ndarray, y: np.ndarray) -> Examples:
        """Return the examples of the digit networks.

        They are the ink of segments that are digits, of those in (X, y) and of more strings, and the single digits.
        """
        (single, label), settings = self._digits, self.settings
        seed = 1000 * (settings.seed + 1)
        both = joined([(single, label), allographs.draw(len(single), seed=settings.seed + 1)])
        plain = self._cut(_segments, (single, label), PLAIN, settings.plain_strings, seed + 10, rubbish=0)
        flagged = self._cut(_segments, both, FLAGGED, settings.flagged_strings, seed + 11, rubbish=0)
        runs = [(X, y), plain, flagged]
        as_read = np.rint(255 * evened(single.astype(np.float32) / 255, 1.0)).astype(np.uint8)
        X = np.concatenate([*(X[y < 10, :1] for X, y in runs), as_read[:, None]])
        return X, np.concatenate([*(y[y < 10] for _, y in runs), label])

    def _segment_networks(self, X: np.ndarray, y: np.ndarray) -> list[Network]:
        settings = self.settings
        made = [Network(networks.layers(settings.widths), seed=settings.seed + k) for k in range(settings.members)]
        for member, network in enumerate(made):
            self._fit("segments", member, network, X, y)
        return made

    def _digit_networks(self, X: np.ndarray, y: np.ndarray) -> tuple[list[Network], list[Network]]:
        """Train the digit networks that see segments as they are, and those that see them after deslanting."""
        settings, n = self.settings, self.settings.digit_members
        made = []
        for member in range(n + settings.upright_members):
            made.append(networks.digit_network(settings.seed + member, settings.digit_widths))
            if member == n:
                X = networks.upright(X)
            self._fit("digits", member, made[-1], X, y)
        return made[:n], made[n:]

    def _sliding_network(self, X: np.ndarray, y: np.ndarray) -> Network:
        network = networks.sliding_network(self.settings.seed, self.settings.sliding_widths)
        self._fit("sliding", 0, network, X, y)
        return network

    def _fit(self, what: str, member: int, network: Network, X: np.ndarray, y: np.ndarray) -> None:
        """Train in place, and keep the accuracy if there are validation images."""
        name, config = f"{what} {member}", self._configs[what]
        log.info("%s", name)
        trainer = fit(network, X, y, replace(config, seed=config.seed + member), self.threads)
        if trainer.validation:
            self.accuracies[name] = trainer.history[trainer.best_epoch - 1].validation_accuracy


def configs(settings: Settings) -> dict[str, Config]:
    """Return the settings of each kind of network, for the first of each; ValueError if they are not allowed."""
    every: dict[str, Any] = {"average": settings.average, "seed": settings.seed}
    return {
        "segments": Config(epochs=settings.epochs, validation=settings.validation, **SEGMENTS, **every),
        "digits": Config(epochs=settings.digit_epochs, **DIGITS, **every),
        "sliding": Config(epochs=settings.sliding_epochs, validation=settings.validation, **SLIDING, **every),
    }


def _segments(pool: Examples, style: Style, n: int, seed: int, first: int, *, rubbish: float) -> Examples:
    strings = digit_strings.compose(*pool, min(PART, n - first), style=style, seed=seed, first=first)
    return segments.examples(strings, seed=seed + first, rubbish=rubbish)


def _windows(pool: Examples, style: Style, n: int, seed: int, first: int) -> Examples:
    strings = digit_strings.compose(*pool, min(PART, n - first), style=style, seed=seed, first=first)
    return segments.windows(strings, seed=seed + first)


def calibrate(found: networks.StringNetworks, n: int, data_dir: str | None, threads: int | None) -> Calibration:
    """Fit thresholds for digits to ``n`` strings of held-out digits in each style, read with the shipped model."""
    _, (X, y) = held_out_digits(data_dir)
    network = pretrained()
    confidence: list[float] = []
    matches: list[bool] = []
    for style in ("plain", "varied", "amounts"):
        for image, right in evaluation.pictures(digit_strings.compose(X, y, n, style=style, seed=9)):
            digits = reader.read(image, network=network, networks=found, threads=threads).digits
            confidence += [digit.confidence for digit in digits]
            matches += evaluation.matches("".join(digit.text for digit in digits), right)
    correct = np.array(matches, bool)
    repeats = max(len(correct) / len(X), 1.0)
    return Calibration(thresholds=find_thresholds(np.array(confidence), correct, repeats), n=len(correct))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe as a command; return the exit code."""
    return command.run("ocr", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
