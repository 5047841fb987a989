"""How large the numbers inside a network can become."""

import numpy as np

from .layers import RBF, ScaledTanh, Sigmoid, Tanh
from .network import Network

_TOO_LARGE = float(np.finfo(np.float32).max) / 2  # for a sum in float32


def is_bounded(network: Network, temperature: float = 1.0) -> bool:
    """Whether all scores are finite for any image in 0..1, also divided by ``temperature``."""
    return largest_sum(network) * max(1, 1 / temperature) < _TOO_LARGE


def largest_sum(network: Network) -> float:
    """No number inside the network exceeds this for any image in 0..1."""
    tensors = network.state_dict()
    bound = largest = max(abs(network.background), abs(network.ink), 1.0)
    for name, layer in network.layers.items():
        if isinstance(layer, RBF):
            bound = layer.in_channels * (bound + 1) ** 2
        elif f"{name}.weight" in tensors:
            weight, bias = (np.abs(tensors[f"{name}.{kind}"], dtype=np.float64) for kind in ("weight", "bias"))
            # the largest kernel times the most kernels that a unit has, or each unit's own sum
            sums = weight.reshape(len(weight), -1).sum(axis=1)
            table = getattr(layer, "table", None)
            n_kernels = 1 if table is None else max(map(len, table))
            bound = float((n_kernels * sums.max() if n_kernels > 1 else sums).max() * bound + bias.max())
        elif isinstance(layer, Sigmoid | Tanh | ScaledTanh):
            bound = min(bound, 2.0)
        largest = max(largest, bound)
    return largest
