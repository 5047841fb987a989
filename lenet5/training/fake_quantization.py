"""Quantization-aware training: gradients are taken at weights that 8 bits hold, and update the others.

That is finetuning. Most of the training is that of a network in float32, and its end, at a low learning rate, goes on
from there. Jacob and others ("Quantization and training of neural networks", 2018) delay it for the same reason.

`nn.quantization` makes whole numbers of the weights when training ends, with the same scales, so it rounds no more.
Activations are as they are meanwhile: 8 bits without sign hold them well enough (docs/quantization.md).
"""

import numpy as np

from ..nn.integer import MOST_WEIGHT, blocks
from ..nn.layers import Conv2d
from ..nn.network import Network

#: Of the updates: those from which on weights are rounded, as it was chosen on validation images.
START = 0.75


class FakeQuantization:
    """The constraint of a training for 8 bits.

    Parameters
    ----------
    network : Network
        ValueError where it does not become whole numbers.
    n_steps : int
        Updates in all.
    """

    def __init__(self, network: Network, n_steps: int):
        names = [block.name for block in blocks(network)]
        self._hidden, self._last = names[:-1], names[-1]
        self._start = START * n_steps

    def project(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Every weight is allowed."""

    def round(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Round the weights near the end of the training."""
        if step >= self._start:
            self.settle(network, parameters, step)

    def settle(self, network: Network, parameters: np.ndarray, step: int) -> None:
        """Round weights as `nn.quantization` does: with one scale per output channel, or one for the last layer."""
        tensors = network.state_dict(parameters)
        for name in self._hidden:
            _round(tensors[f"{name}.weight"], _first_pairs(network.layers[name]))
        _round(tensors[f"{self._last}.weight"], [0])


def _first_pairs(layer) -> list[int]:
    """Where the weights of each output channel begin, along the first axis."""
    assert isinstance(layer, Conv2d)
    if layer.table is None:
        return list(range(layer.out_channels))
    return np.cumsum([0, *map(len, layer.table[:-1])]).tolist()


def _round(weight: np.ndarray, first: list[int]) -> None:
    """Round to 255 values between minus and plus the largest of each group of rows, in place."""
    rows = weight.reshape(len(weight), -1)
    largest = np.maximum.reduceat(np.abs(rows).max(axis=1), first)
    scale = np.repeat(largest / MOST_WEIGHT, np.diff([*first, len(weight)]))[:, None]
    whole = np.rint(np.divide(rows, scale, out=np.zeros_like(rows), where=scale > 0))
    rows[...] = whole * scale
