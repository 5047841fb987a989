"""The settings of a training that are not given: they depend on the network and on the number of images."""

from dataclasses import replace
from typing import Any

from ..nn.layers import RBF, Sigmoid, Targets
from ..nn.network import Network
from .config import Config

#: Sets of fewer images than these are small: what their defaults are, see `config_for`.
FEW_IMAGES, FEWEST_UPDATES, FEW_CLIPPED = 5000, 100, 1.0


def config_for(network: Network, *, n_images: int | None = None, is_taught: bool = False, **settings) -> Config:
    """A `Config` for this network, with a learning rate that suits it where none is given.

    The optimizer's own is divided by ten where gradients are steep, since scores are squared distances of many
    features. It is 4 times as high with sigmoids, whose first weights are as much larger, and for sgd with teachers
    2 / temperature of it.

    Fewer than `FEW_IMAGES` get at least `FEWEST_UPDATES` unless ``epochs`` are given. For sgd they have gradients
    shortened to `FEW_CLIPPED`: otherwise some first weights die in the first updates, and training stays at chance.
    """
    config = Config(**settings)
    if n_images is not None and n_images < FEW_IMAGES and settings.get("learning_rate") is None:
        config = _for_few_images(config, n_images, settings)
    if settings.get("learning_rate") is not None or config.optimizer == "sdlm":
        return config
    layers = network.layers.values()
    rate = peak_rate(config)
    if any(isinstance(layer, RBF) and not isinstance(layer, Targets) for layer in layers):
        rate /= 10
    if any(isinstance(layer, Sigmoid) for layer in layers):
        rate *= 4
    if config.optimizer == "sgd" and is_taught:
        rate *= min(1, 2 / config.distillation_temperature)
    return replace(config, learning_rate=rate)


def _for_few_images(config: Config, n_images: int, settings: dict) -> Config:
    changes: dict[str, Any] = {}
    if "epochs" not in settings:
        changes["epochs"] = max(config.epochs, -(-FEWEST_UPDATES // -(-n_images // config.batch_size)))
    if "clip_norm" not in settings and config.optimizer == "sgd" and config.batch_size > 1:
        changes["clip_norm"] = FEW_CLIPPED
    return replace(config, **changes)


def peak_rate(config: Config) -> float:
    """The learning rate, which every `Config` has: one that is not given is its optimizer's."""
    assert config.learning_rate is not None
    return config.learning_rate
