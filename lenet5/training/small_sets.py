"""Defaults for few images.

They get at least `FEWEST_UPDATES`. For sgd their gradients are shortened to `CLIPPED`: otherwise some first weights die
in the first updates, and training stays at chance.
"""

from dataclasses import replace
from typing import Any

from .config import Config

FEW_IMAGES, FEWEST_UPDATES, CLIPPED = 5000, 100, 1.0


def suited(config: Config, n_images: int, settings: dict) -> Config:
    """``config`` with the defaults of a set of this size; what ``settings`` say stays."""
    if n_images >= FEW_IMAGES:
        return config
    changes: dict[str, Any] = {}
    if "epochs" not in settings:
        changes["epochs"] = max(config.epochs, -(-FEWEST_UPDATES // -(-n_images // config.batch_size)))
    if "clip_norm" not in settings and config.optimizer == "sgd" and config.batch_size > 1:
        changes["clip_norm"] = CLIPPED
    return replace(config, **changes)
