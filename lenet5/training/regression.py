"""Training on quantities: what differs from classes is how targets are learnt, and how an epoch is judged."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..evaluation import quantities
from ..nn.losses import mean_cost
from ..nn.network import Network
from ..nn.targets import TargetScaling, checked_targets
from .config import QUANTITY_LOSSES, Config
from .defaults import config_for, peak_rate
from .records import QuantityEpoch
from .small_sets import FEW_IMAGES
from .trainer import Trainer

#: Settings that have no meaning for quantities, with the value that says nothing.
_OF_CLASSES = {"label_smoothing": 0.0, "class_weight": "none", "logit_adjustment": 0.0, "quantize": False}

#: Epochs of quantities, and by how much their learning rate with sgd is above that of classes: chosen on validation
#: images, for areas and angles.
EPOCHS, RATE = 30, 2.0
#: Images of an update where there are few: chosen on validation images, for areas and angles from 1,000 images.
FEW_BATCH = 32
#: Gradients of sgd are shortened to this: errors of the first updates are large.
CLIPPED = 1.0


def regression_config(network: Network, *, n_images: int | None = None, **settings) -> Config:
    """A `Config` for quantities: images as they are, since distortions change what is measured, and see `_suited`.

    ValueError for settings that are about classes.
    """
    config = config_for(network, n_images=n_images, **{"loss": "huber", "augment": "none", **settings})
    if config.loss not in QUANTITY_LOSSES:
        raise ValueError(f"loss is {config.loss!r}, expected one of {', '.join(QUANTITY_LOSSES)} for quantities")
    for name, nothing in _OF_CLASSES.items():
        if getattr(config, name) != nothing:
            raise ValueError(f"{name} is about classes, and quantities have none; leave it out")
    if config.optimizer == "sdlm":
        raise ValueError("sdlm takes the curvature of losses of classes; quantities are learnt with another optimizer")
    return replace(config, **_suited(config, settings, n_images))


def _suited(config: Config, settings: dict, n_images: int | None) -> dict[str, Any]:
    """What is not given: more epochs, and for sgd a higher rate with gradients that are shortened.

    Few images are learnt by sgd in smaller batches, unless the rate is given, too.
    """
    is_steady = config.optimizer == "sgd" and config.batch_size > 1
    is_few = n_images is not None and n_images < FEW_IMAGES and settings.get("learning_rate") is None
    suited = {
        **({"batch_size": FEW_BATCH} if is_steady and is_few else {}),
        "epochs": max(EPOCHS, config.epochs),
        **({"clip_norm": CLIPPED, "learning_rate": RATE * peak_rate(config)} if is_steady else {}),
    }
    return {name: value for name, value in suited.items() if settings.get(name) is None}


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
