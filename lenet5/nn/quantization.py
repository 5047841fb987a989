"""From a network in float32 to one in whole numbers: scales, chosen on calibration images."""

from collections.abc import Iterator

import numpy as np

from .integer import (
    MOST_ACTIVATION,
    MOST_MULTIPLIER,
    MOST_WEIGHT,
    SHIFT,
    Block,
    IntegerLayer,
    IntegerNetwork,
    blocks,
    kernels_of,
)
from .layers import Conv2d
from .network import Network

#: Images whose activations are in memory together.
CHUNK = 500
#: Biases stay below these, so that sums have room: of a hidden layer, and of the last one.
MOST_BIAS, MOST_LAST_BIAS = 1 << 29, 1 << 22


def quantize(network: Network, shape: Network, X: np.ndarray) -> IntegerNetwork:
    """The network in whole numbers.

    Weights have one scale per output channel, and those of the last layer a common one. Activations have one scale
    per layer, by which the largest one on the calibration images becomes 255.

    Parameters
    ----------
    network : Network
        Of convolutions, ReLU and max-pooling 2 x 2; its last layer gives the scores.
    shape : Network
        One of the same layers, which the result keeps for its shapes.
    X : images as `Network.logits` takes them, one at least; none that the network is to be tested on

    Raises
    ------
    ValueError
        The network has other layers, or ``X`` is not as above.
    """
    if not len(X):
        raise ValueError("there are no calibration images; some hundred of those that were trained on will do")
    layers, scale, offset = {}, (network.ink - network.background) / MOST_ACTIVATION, network.background
    for block in blocks(network):
        weight, bias = _tensors(network, block.name)
        bias = bias + offset * weight.sum(axis=(1, 2, 3))
        if block.is_hidden:
            scale_out = _largest_output(network, block, X) / MOST_ACTIVATION
            layers[block.name] = _hidden(weight, bias, scale, scale_out)
            scale, offset = scale_out, 0.0
        else:
            layers[block.name], scale = _last(weight, bias, scale)
    return IntegerNetwork(shape, layers, scale)


def _tensors(network: Network, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights (O, C, K, K) and biases (O) of a layer, float64; those of pairs that are not connected are 0."""
    tensors, layer = network.state_dict(), network.layers[name]
    weight, bias = (tensors[f"{name}.{kind}"].astype(np.float64) for kind in ("weight", "bias"))
    numbers = layer.constants() if isinstance(layer, Conv2d) else None
    if numbers is not None:
        weight = np.where(numbers[:, :, None, None] >= 0, weight[numbers], 0)
    return weight.reshape(kernels_of(layer)), bias


def _largest_output(network: Network, block: Block, X: np.ndarray) -> float:
    """The largest activation behind a block on the images; 1 where all are 0."""
    names = list(network.layers)
    layers = {name: network.layers[name] for name in names[: names.index(block.last) + 1]}
    part, tensors = _part(network, layers), network.state_dict()
    part.load_state_dict({name: tensors[name] for name in part.state_dict()})
    return max(float(part.logits(piece).max()) for piece in _chunks(X)) or 1.0


def _part(network: Network, layers: dict) -> Network:
    return Network(layers, seed=None, background=network.background, ink=network.ink, margin=network.margin,
                   size=network.size, field=network.field)  # fmt: skip


def _chunks(X: np.ndarray) -> Iterator[np.ndarray]:
    return (X[i : i + CHUNK] for i in range(0, len(X), CHUNK))


def _hidden(weight: np.ndarray, bias: np.ndarray, scale: float, scale_out: float) -> IntegerLayer:
    """A layer of which bytes come out.

    The multipliers are rounded up, and the scales of the weights follow from them, so that rounding costs nothing.
    """
    least = np.maximum(scale * np.abs(weight).max(axis=(1, 2, 3)) / MOST_WEIGHT, np.abs(bias) / MOST_BIAS) / scale_out
    multiplier = np.clip(np.ceil(least * (1 << SHIFT)), 1, MOST_MULTIPLIER).astype(np.int32)
    return _rounded(weight, bias, multiplier * (scale_out / (1 << SHIFT) / scale), scale, multiplier)


def _last(weight: np.ndarray, bias: np.ndarray, scale: float) -> tuple[IntegerLayer, float]:
    """The layer whose sums are the scores, and their scale: one for all classes, so that scores can be compared."""
    unit = max(np.abs(weight).max() / MOST_WEIGHT, np.abs(bias).max() / scale / MOST_LAST_BIAS) or 1.0
    return _rounded(weight, bias, np.full(len(weight), unit), scale, None), float(unit * scale)


def _rounded(
    weight: np.ndarray, bias: np.ndarray, unit: np.ndarray, scale: float, multiplier: np.ndarray | None
) -> IntegerLayer:
    """Weights in whole ``unit``, one per channel, and biases in whole products of a weight's unit and an input's."""
    whole = np.rint(weight / unit[:, None, None, None])
    return IntegerLayer(whole.astype(np.int8), np.rint(bias / (unit * scale)).astype(np.int32), multiplier)
