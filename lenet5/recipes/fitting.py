"""The training that all recipes share: to the best epoch, with a line in the log for each."""

import logging

import numpy as np

from ..nn.network import Network
from ..ocr.networks import STORED
from ..training.config import Config
from ..training.records import Epoch
from ..training.trainer import Trainer

log = logging.getLogger("lenet5")


def fit(network: Network, X: np.ndarray, y: np.ndarray, config: Config, threads: int | None = None) -> Trainer:
    """Train ``network`` in place, and keep the best weights on the validation images, or the last without any."""
    trainer = Trainer(network, X, y, config, threads)
    log.info("%s images", f"{len(y):,}")
    for epoch in trainer.run():
        assert isinstance(epoch, Epoch)  # recipes learn classes
        accuracy = "" if epoch.validation_accuracy is None else f"  validation {100 * epoch.validation_accuracy:.2f} %"
        log.info(
            "epoch %d/%d  loss %.4f%s  %.1f s", epoch.epoch, config.epochs, epoch.train_loss, accuracy, epoch.seconds
        )
    network.parameters[:] = trainer.best
    return trainer


def as_stored(network: Network) -> Network:
    """Round the parameters of ``network`` as files hold them: what is measured now is what will be loaded."""
    network.parameters[:] = network.parameters.astype(STORED)
    return network
