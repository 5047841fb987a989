"""MNIST's training digits, split into those to train on and those for choices."""

import os

import numpy as np

from .. import datasets
from ..training.sampler import validation_numbers

HELD_OUT = 5_000


def held_out_digits(
    data_dir: str | os.PathLike | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """MNIST's training images and labels in two parts: 55,000 to train on, and 5,000 for choices.

    The latter are the validation images of `lenet5 train --validation 5000`: neither the model of digits nor the
    networks of numbers were trained on them.
    """
    X, y = datasets.obtain("mnist", data_dir).train
    held_out = np.zeros(len(y), bool)
    held_out[validation_numbers(len(y), HELD_OUT)] = True
    return (X[~held_out], y[~held_out]), (X[held_out], y[held_out])
