"""Weights of one model as the beginning of another."""

from typing import TYPE_CHECKING

import numpy as np

from ..nn.network import Network

if TYPE_CHECKING:
    from .single import SingleNetwork


def start_from(network: Network, model: "SingleNetwork") -> list[str]:
    """Copy weights into ``network`` where a tensor has the same name and shape; return the names of those copied.

    Weights of a grey first layer are spread over the colours, a third each: grey images keep their answers. A last
    layer for other classes stays fresh.

    Raises
    ------
    ValueError
        No tensor fits, or the model is one of several networks.
    """
    if not hasattr(model, "state_dict"):
        raise ValueError("start_from is a model of several networks, expected a single one")
    own, given = network.make_writable().state_dict(), model.state_dict()
    copied = []
    for name, tensor in own.items():
        weights = given.get(name)
        if weights is not None and weights.ndim == tensor.ndim == 4 and weights.shape[1] == 1 < tensor.shape[1]:
            weights = np.repeat(weights / tensor.shape[1], tensor.shape[1], axis=1)
        if weights is not None and weights.shape == tensor.shape:
            tensor[...] = weights
            copied.append(name)
    if not any(name.endswith(".weight") for name in copied):
        raise ValueError("start_from: no layer has the name and the shape of one of this model")
    return copied
