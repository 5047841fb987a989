"""Two models beside each other on the same images."""

from collections.abc import Sequence

import numpy as np

from ..evaluation.paired import Paired
from .loading import ModelOfClasses

#: Images and labels of a test.
Part = tuple[np.ndarray, np.ndarray]


def compare(models: Sequence[ModelOfClasses], parts: Sequence[Part], threads: int | None = None) -> Paired:
    """How two models answer the same images, prepared for each: its own (X, y).

    ValueError where labels differ or do not fit; DivergedError where scores are not finite.
    """
    if len(parts[0][1]) != len(parts[1][1]) or (parts[0][1] != parts[1][1]).any():
        raise ValueError("the labels of the images differ, expected the same images in the same order")
    right = [_right(model, part, threads) for model, part in zip(models, parts, strict=True)]
    return Paired.of(*right)


def _right(model: ModelOfClasses, part: Part, threads: int | None) -> np.ndarray:
    """Which images a model answers correctly, (N,) bool."""
    _, probabilities = model.evaluate(*part, threads)
    return probabilities.argmax(axis=1) == model.class_numbers(*part)
