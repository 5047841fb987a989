"""Seconds of one training pass, beside the peers: all contestants do the same work in the same run, in turns.

The work: the 61,706-parameter network, SGD with momentum, the same images in memory, shuffled. The peers get images as
prepared float32 tensors. We start from uint8, so our time includes converting, shuffling and laying out.
"""

from collections.abc import Callable

import numpy as np

from ..models.lenet import LeNet5
from ..training.trainer import Config, Trainer
from . import kernels, peers
from .figures import OURS, figure
from .timing import REST, Rounds, alternate, spread

NAME, WITH_DISTORTIONS = "training pass", "training pass with affine distortions"


def one_pass(X: np.ndarray, y: np.ndarray, batch_size: int, threads: int, augment: str = "none") -> Callable:
    """Return a function that continues training by one pass over X, uint8 (N, 28, 28)."""
    config = Config(
        epochs=10**6, batch_size=batch_size, augment=augment, validation=0, schedule="constant",
        learning_rate=peers.LEARNING_RATE, momentum=peers.MOMENTUM, weight_decay=peers.WEIGHT_DECAY,
    )  # fmt: skip
    epochs = Trainer(LeNet5(seed=0).network, X, y, config, threads).run()
    return lambda: next(epochs)


def measure_training(
    X: np.ndarray, y: np.ndarray, batch_size: int, threads: int, rounds: Rounds, failed=None
) -> list[dict]:
    """Return figures (seconds) of a pass over X, uint8 (N, 28, 28); peers take part if ``failed`` is given."""
    contestants = {
        (NAME, OURS): one_pass(X, y, batch_size, threads),
        (WITH_DISTORTIONS, OURS): one_pass(X, y, batch_size, threads, "affine"),
    }
    if failed:
        found = peers.training_peers(X, y, batch_size, threads, failed)
        contestants |= {(NAME, peer): function for peer, function in found.items()}
    told = failed and (lambda who, error: failed(who[1], error))
    seconds = alternate(contestants, rounds, told, REST if failed else 0.0)
    operations = kernels.flops_per_picture(LeNet5(seed=None).network)[1] * len(y)
    sizes, rows = {"batch_size": batch_size, "threads": threads, "n_pictures": len(y)}, []
    for (name, contestant), values in seconds.items():
        row = figure("training", name, "s", spread(values), contestant, **sizes)
        if not contestant.startswith("scikit-learn"):  # another network, with other operations
            row["operations"] = operations
        rows.append(row)
    return rows
