"""Training on quantities: what differs from classes is how targets are learnt, and how an epoch is judged."""

from dataclasses import replace

import numpy as np

from ..evaluation import quantities
from ..nn.losses import mean_cost
from ..nn.network import Network
from ..nn.targets import TargetScaling, checked_targets
from .config import QUANTITY_LOSSES, Config
from .defaults import config_for
from .records import QuantityEpoch
from .trainer import Trainer

#: Settings that have no meaning for quantities, with the value that says nothing.
_OF_CLASSES = {"label_smoothing": 0.0, "class_weight": "none"}


def regression_config(network: Network, *, n_images: int | None = None, **settings) -> Config:
    """A `Config` for quantities: squared error, and images as they are, since distortions change what is measured.

    ValueError for settings that are about classes.
    """
    config = config_for(network, n_images=n_images, **{"loss": "mse", "augment": "none", **settings})
    if config.loss not in QUANTITY_LOSSES:
        raise ValueError(f"loss is {config.loss!r}, expected one of {', '.join(QUANTITY_LOSSES)} for quantities")
    for name, nothing in _OF_CLASSES.items():
        if getattr(config, name) != nothing:
            raise ValueError(f"{name} is about classes, and quantities have none; leave it out")
    if config.optimizer == "sdlm":
        raise ValueError("sdlm takes the curvature of losses of classes; quantities are learnt with another optimizer")
    return replace(config, clip_norm=CLIPPED) if _is_to_be_clipped(config, settings) else config


#: Gradients of sgd are shortened to this: squared errors of the first updates are large.
CLIPPED = 1.0


def _is_to_be_clipped(config: Config, settings: dict) -> bool:
    return "clip_norm" not in settings and config.optimizer == "sgd" and config.batch_size > 1


class RegressionTrainer(Trainer):
    """Trains a network on targets (N,) or (N, targets); ``validation`` holds them in their own unit.

    The best epoch is the one of the lowest validation loss.
    """

    record = QuantityEpoch

    def __init__(self, scaling: TargetScaling, network: Network, X: np.ndarray, y, config: Config, *others):
        self._scaling = scaling
        super().__init__(network, X, y, config, *others)

    def _checked(self, network: Network, X: np.ndarray, y) -> np.ndarray:
        targets = checked_targets(y, len(X))
        if targets.shape[1] != self._scaling.n_targets:
            raise ValueError(f"y has {targets.shape[1]} targets for each image, the model {self._scaling.n_targets}")
        return targets

    def _learnt(self, y: np.ndarray) -> np.ndarray:
        return self._scaling.encode(y)

    def _is_hopeless(self) -> bool:
        return False

    def _validate(self) -> tuple:
        if self.validation is None:
            return None, None, None
        X, y = self.validation
        outputs = self._validation_scores(X)
        found = quantities.report(self._scaling.decode(outputs), y, self._scaling.period)
        return mean_cost(self.config.loss, outputs, self._scaling.encode(y)), found["mae"], found["r2"]
