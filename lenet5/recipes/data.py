"""MNIST's training digits, split into those for training and those for choices."""

import os

import numpy as np

from .. import datasets
from ..training.sampler import validation_numbers

HELD_OUT = 5_000


def held_out_digits(
    data_dir: str | os.PathLike | None = None,
    *,
    offline: bool | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Split MNIST's training images and labels: 55,000 for training, and 5,000 for choices.

    The latter are the validation images of `lenet5 train --validation 5000`. Neither the digit model nor the networks
    of `lenet5 read` were trained on them.
    """
    X, y = datasets.obtain("mnist", data_dir, offline=offline).train
    held_out = np.zeros(len(y), bool)
    held_out[validation_numbers(len(y), HELD_OUT)] = True
    return (X[~held_out], y[~held_out]), (X[held_out], y[held_out])
