"""Drawn images as the segmenter cuts them: what networks of digits, and the one that rejects, see of images."""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from ..datasets.synthetic import segmentation, segmentation_scenes
from ..datasets.synthetic.segmentation import LAYOUTS, WITHOUT_DIGIT, Sample
from ..models import ood
from ..preprocessing.normalization import prepare_grey
from ..utils.threads import default_threads

PART = 500  # images, or strings, that a process draws and cuts at a time

Examples = tuple[np.ndarray, np.ndarray]  # images (N, ...) and classes (N,), uint8


def digits(
    n: int, digits: Examples, *, seed: int, layouts: dict[str, float] = LAYOUTS, threads: int | None = None
) -> Examples:
    """Digits out of ``n`` drawn images, fewer by those in which no ink is found.

    ``digits`` are MNIST's; with the ``layouts`` AS_IT_IS also any other images like these, with their classes.
    """
    return in_parts(functools.partial(_digits, digits, seed, n, layouts), n, threads)


def photographed(n: int, *, seed: int, threads: int | None = None) -> Examples:
    """Digits out of ``n`` composed photos, each whole and once more from close by."""
    return in_parts(functools.partial(_photographed, seed, n), n, threads)


def others(n: int, digits: Examples, *, seed: int, threads: int | None = None) -> Examples:
    """What is taken for ink in ``n`` drawn images without a digit, class `ood.NOTHING`, or with several."""
    return in_parts(functools.partial(_others, digits, seed, n), n, threads)


def joined(parts: Sequence[Examples]) -> Examples:
    """All examples of several parts."""
    X, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return X, y


def in_parts(part: Callable[[int], Examples], n: int, threads: int | None) -> Examples:
    """What ``part`` makes of each PART of ``n`` images or strings, of which it is given the number of the first."""
    starts, threads = range(0, n, PART), threads or default_threads()
    if threads < 2 or len(starts) < 2:
        return joined(list(map(part, starts)))
    with ProcessPoolExecutor(threads) as pool:
        return joined(list(pool.map(part, starts)))


def _digits(digits: Examples, seed: int, n: int, layouts: dict[str, float], first: int) -> Examples:
    samples = segmentation.draw(min(PART, n - first), seed=seed, first=first, X=digits[0], y=digits[1], layouts=layouts)
    return _cut([(sample, sample.label) for sample in samples if sample.label >= 0], seed + first)


def _photographed(seed: int, n: int, first: int) -> Examples:
    samples = segmentation_scenes.draw(min(PART, n - first), seed=seed, first=first)
    return _cut([(sample, sample.label) for sample in samples], seed + first)


def _others(digits: Examples, seed: int, n: int, first: int) -> Examples:
    samples = segmentation.draw(
        min(PART, n - first), seed=seed, first=first, X=digits[0], y=digits[1], layouts=WITHOUT_DIGIT
    )
    return _cut([(sample, ood.SEVERAL if sample.several else ood.NOTHING) for sample in samples], seed + first)


def _cut(labelled: list[tuple[Sample, int]], seed: int) -> Examples:
    """The fields of images in which ink is found, half of them after a change of polarity."""
    rng, fields, labels = np.random.default_rng(seed), [np.empty((0, 28, 28), np.uint8)], []
    for sample, label in labelled:
        height, width = sample.shape
        grey = sample.image[:height, :width].astype(np.float32) / 255
        found = prepare_grey(1 - grey if rng.random() < 0.5 else grey)
        if found.field is not None:
            fields.append(np.rint(found.field * 255).astype(np.uint8)[None])
            labels.append(label)
    return np.concatenate(fields), np.array(labels, np.uint8)
