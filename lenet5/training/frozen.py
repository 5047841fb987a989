"""Frozen layers at the beginning of a network: what they make of undistorted images is computed once, not per epoch."""

from collections.abc import Sequence

import numpy as np

from .. import _kernels
from ..nn.network import Network, execution_steps
from ..utils.threads import in_shares
from .config import Config

#: Of all features in memory, in bytes: larger ones are computed anew for each epoch.
MOST_BYTES = 1 << 28


def frozen_steps(network: Network, names: Sequence[str]) -> list[int]:
    """The numbers of the steps that compute these layers; ValueError unless each has weights, and some are left."""
    own = trainable(network)
    for name in names:
        if name not in own:
            raise ValueError(f"freeze names {name!r}, expected some of {', '.join(own)}")
    if set(own) <= set(names):
        raise ValueError("freeze names every layer with weights, so there is nothing to train")
    return [number for number, (_, layers) in enumerate(_steps(network)) if layers[0] in names]


def trainable(network: Network) -> list[str]:
    """The names of the layers that have weights, in the order of computation, without normalisations."""
    return [name for name, layer in network.layers.items() if layer.parameter_shapes() and not name.endswith("_norm")]


def _steps(network: Network) -> list[tuple[int, tuple[str, ...]]]:
    return execution_steps(network.layers, network.is_fused)


def steps_done_once(network: Network, config: Config) -> int:
    """How many steps give an image the same features in every epoch: those before the first that changes or draws."""
    if config.batch_size == 1 or config.mixup or config.adversarial:
        return 0
    if any(config.distortions(epoch) != "none" for epoch in (0, config.epochs - 1)):
        return 0
    for number, (kind, names) in enumerate(_steps(network)):
        learns = network.layers[names[0]].parameter_shapes() and names[0] not in config.frozen
        if learns or kind == _kernels.DROPOUT:
            return number
    return 0


def features(
    network: Network, pictures: _kernels.Pictures, n_steps: int, threads: int
) -> tuple[_kernels.Program, _kernels.Pictures] | None:
    """The steps after the first ``n_steps``, and what those make of all images; None where that is too much memory."""
    before, after = network.split(pictures.shape, n_steps)
    shape = (pictures.n, *before.out_shape)
    if np.prod(shape, dtype=np.int64) * 4 > MOST_BYTES:
        return None
    found = np.empty(shape, np.float32)
    in_shares(threads, pictures.n, lambda first, last: before.forward(network.parameters, pictures, found, first, last))
    return after, _kernels.Pictures(found)
