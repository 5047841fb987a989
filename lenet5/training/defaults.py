"""The settings of a training that are not given: they depend on the network and on the number of images."""

from dataclasses import replace

from ..nn.layers import RBF, Sigmoid, Targets
from ..nn.network import Network
from . import small_sets
from .config import Config


def config_for(network: Network, *, n_images: int | None = None, is_taught: bool = False, **settings) -> Config:
    """A `Config` for this network, with a learning rate that suits it where none is given.

    The optimizer's own is divided by ten where gradients are steep, since scores are squared distances of many
    features. It is 4 times as high with sigmoids, whose first weights are as much larger, and for sgd with teachers
    2 / temperature of it.

    Few images have further defaults, see `small_sets`.
    """
    config = Config(**settings)
    if n_images is not None and settings.get("learning_rate") is None:
        config = small_sets.suited(config, n_images, settings, is_coloured=network.in_channels == 3)
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


def peak_rate(config: Config) -> float:
    """The learning rate, which every `Config` has: one that is not given is its optimizer's."""
    assert config.learning_rate is not None
    return config.learning_rate
