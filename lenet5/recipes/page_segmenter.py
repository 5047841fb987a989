"""Train the network that sees numbers on pages (`lenet5/weights/page-segmenter.safetensors`): the segmenter's U-Net.

Its truth is drawn (datasets/synthetic/page_tiles.py): tiles of pages with numbers in lines, boxes, combs and tables.
It is trained with PyTorch, which only the segmenters' recipes need: `pip install torch`.
"""

import functools
import logging
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..datasets.synthetic import page_tiles
from ..datasets.synthetic.page_writing import Writer
from ..preprocessing.segmenter import Segmenter
from ..utils.threads import default_threads
from . import command
from .command import setting
from .data import held_out_digits
from .segmenter import Truth, arrays, trainer

log = logging.getLogger("lenet5")
#: What an error costs on paper, ink and other marks: ink is rare.
CLASS_WEIGHTS = (1.0, 2.5, 1.0)
#: Channels, as of `segmenter_torch.WIDTHS`: more than the digit's segmenter has where it sees far.
WIDTHS = (16, 32, 48, 64, 48, 16, 16)
MARKS_WEIGHT = 3.0  # of the loss of ink against other marks
JUDGED = 1_500, 800  # tiles, and strings, of held-out digits by which it is measured


@dataclass(frozen=True)
class Settings:
    """How much is drawn, and how long is trained."""

    parts: int = setting(8, "sets of tiles, each with strings of its own")
    tiles: int = setting(10_000, "drawn tiles of each")
    strings: int = setting(6_000, "composed strings of each")
    steps: int = setting(14_000, "batches of 64 tiles")
    learning_rate: float = setting(0.004, "of AdamW; constant, then down a cosine")
    seed: int = setting(0, "of the weights, and of all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """A run of seconds."""
        return cls(parts=1, tiles=100, strings=8, steps=4)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> Segmenter:
    """Draw the truth, train on it and measure it on other digits.

    DataError where MNIST cannot be had; LeNet5Error without PyTorch.
    """
    train = trainer()
    digits, held_out = held_out_digits(data_dir)
    n_threads = threads or default_threads()
    draw = functools.partial(_part, settings.tiles, settings.strings, settings.seed + 1, digits)
    with ProcessPoolExecutor(min(n_threads, settings.parts)) as pool:
        truth = Truth.joined(list(pool.map(draw, range(settings.parts))))
    n_tiles, n_strings = (min(n, most) for n, most in zip((settings.tiles, settings.strings), JUDGED, strict=True))
    judged = Truth(*_part(n_tiles, n_strings, settings.seed + 99, held_out, 0))
    log.info("%s tiles", f"{len(truth.shapes):,}")
    tensors, dice = train(
        truth, judged, settings, n_threads, class_weights=CLASS_WEIGHTS, widths=WIDTHS, marks_weight=MARKS_WEIGHT
    )
    return Segmenter(tensors, {**command.facts("page_segmenter", settings, data_dir), "dice": dice})


def _part(
    n_tiles: int, n_strings: int, seed: int, digits: tuple[np.ndarray, np.ndarray], part: int
) -> tuple[np.ndarray, ...]:
    X, y = digits
    writer = Writer(X, y, n_strings, seed + part)
    return arrays(page_tiles.draw(n_tiles, seed=seed, writer=writer, first=part * n_tiles))


def main(arguments: Sequence[str] | None = None) -> int:
    """The recipe as a command; the exit code."""
    return command.run("page_segmenter", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
