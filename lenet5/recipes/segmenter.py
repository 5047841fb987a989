"""Train the network that sees paper, ink and other marks (`lenet5/weights/segmenter.safetensors`): a small U-Net.

Its truth is drawn (datasets/synthetic/segmentation.py): digits of MNIST's training images and of the pen model on pages
of all kinds. It is trained with PyTorch, which only this recipe needs: `pip install torch`.
"""

import functools
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from ..datasets.synthetic import segmentation, segmentation_scenes
from ..errors import LeNet5Error
from ..preprocessing.segmenter import Segmenter
from ..utils.threads import default_threads
from . import command
from .command import setting
from .data import held_out_digits

log = logging.getLogger("lenet5")
SHARD = 512  # samples that a process draws at a time


@dataclass(frozen=True)
class Settings:
    """How much is drawn, and how long is trained."""

    samples: int = setting(110_000, "drawn images")
    scenes: int = setting(8_000, "composed photos; each is seen twice, whole and zoomed")
    steps: int = setting(12_000, "batches of 64 images")
    learning_rate: float = setting(0.004, "of AdamW; constant, then down a cosine")
    seed: int = setting(0, "of the weights, and of all that is drawn")

    @classmethod
    def small(cls) -> "Settings":
        """A run of seconds."""
        return cls(samples=256, scenes=8, steps=4)


def make(settings: Settings, data_dir: str | None = None, threads: int | None = None) -> Segmenter:
    """Draw the truth, train on it and measure it on other digits.

    DataError where MNIST cannot be had; LeNet5Error without PyTorch.
    """
    train = trainer()
    (X, y), held_out = held_out_digits(data_dir)
    n_threads = threads or default_threads()
    truth = Truth.joined(
        [*_drawn("samples", settings.samples, settings.seed + 1, (X, y), n_threads),
         *_drawn("scenes", settings.scenes, settings.seed + 2, (X, y), n_threads)]
    )  # fmt: skip
    judged = Truth.joined(list(_drawn("samples", min(settings.samples, 4096), settings.seed + 99, held_out, n_threads)))
    log.info("%s images", f"{len(truth.shapes):,}")
    tensors, dice = train(truth, judged, settings, n_threads)
    facts = {**command.facts("segmenter", settings, data_dir), "dice": dice}
    return Segmenter(tensors, facts)


def trainer() -> Callable:
    """`segmenter_torch.train`; LeNet5Error without PyTorch."""
    try:
        from .segmenter_torch import train
    except ImportError as error:
        raise LeNet5Error(f"this recipe needs PyTorch ({error}); pip install torch") from None
    return train


class Truth:
    """Samples as arrays: images (N, S, S) and truth (N, 2, S / 2, S / 2), uint8; shapes (N, 2) int16."""

    def __init__(self, images: np.ndarray, truth: np.ndarray, shapes: np.ndarray):
        self.images, self.truth, self.shapes = images, truth, shapes

    @classmethod
    def joined(cls, parts: Sequence[tuple[np.ndarray, ...]]) -> "Truth":
        """Of several parts."""
        return cls(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _drawn(kind: str, n: int, seed: int, digits: tuple, n_threads: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Parts of ``n`` samples or scenes, drawn by as many processes as threads."""
    draw = functools.partial(_part, kind, n, seed, digits)
    starts = range(0, n, SHARD)
    if n_threads < 2 or len(starts) < 2:
        yield from map(draw, starts)
        return
    with ProcessPoolExecutor(n_threads) as pool:
        yield from pool.map(draw, starts)


def _part(kind: str, n: int, seed: int, digits: tuple, first: int) -> tuple[np.ndarray, ...]:
    n = min(SHARD, n - first)
    if kind == "scenes":
        samples = segmentation_scenes.draw(n, seed=seed, first=first)
    else:
        samples = segmentation.draw(n, seed=seed, first=first, X=digits[0], y=digits[1])
    return arrays(samples)


def arrays(samples: Sequence[segmentation.Sample]) -> tuple[np.ndarray, ...]:
    """What `Truth` takes, of samples."""
    images, truth = (np.stack([getattr(sample, name) for sample in samples]) for name in ("image", "truth"))
    return images, truth, np.array([sample.shape for sample in samples], np.int16)


def main(arguments: Sequence[str] | None = None) -> int:
    """The recipe as a command; the exit code."""
    return command.run("segmenter", __doc__, Settings, make, arguments)


if __name__ == "__main__":
    sys.exit(main())
