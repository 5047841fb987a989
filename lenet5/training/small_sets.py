"""Defaults for few images.

They get at least `FEWEST_UPDATES`. For sgd their gradients are shortened to `CLIPPED`: otherwise some first weights die
in the first updates, and training stays at chance. Very few colour images are distorted in their colours, too: the
light and the background of five images of a class say nothing about the sixth. Those of thirty do.
"""

from dataclasses import replace
from typing import Any

from .config import Config

FEW_IMAGES, FEWEST_UPDATES, CLIPPED = 5000, 300, 1.0
VERY_FEW = 60  # images


def suited(config: Config, n_images: int, settings: dict, *, is_coloured: bool = False) -> Config:
    """``config`` with the defaults of a set of this size; what ``settings`` say stays."""
    is_few = n_images < FEW_IMAGES
    changes: dict[str, Any] = {}
    if is_few and "epochs" not in settings:
        changes["epochs"] = max(config.epochs, -(-FEWEST_UPDATES // -(-n_images // config.batch_size)))
    if n_images < VERY_FEW and is_coloured and "augment" not in settings:
        changes["augment"] = f"{config.augment},colour"
    steep = is_few or config.class_weight == "balanced"  # an image of a rare class weighs as much as many others
    if steep and "clip_norm" not in settings and config.optimizer == "sgd" and config.batch_size > 1:
        changes["clip_norm"] = CLIPPED
    return replace(config, **changes)
