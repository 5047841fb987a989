"""A network in whole numbers: pixels of one byte in, scores of 32 bits out, the same on every machine.

docs/quantization.md has the arithmetic; `quantization` makes such a network of one in float32.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .arrays import check_pictures
from .layers import Conv2d, Layer, MaxPool2d, ReLU
from .network import Network

#: Binary digits behind the point of a multiplier.
SHIFT = 23
MOST_ACTIVATION, MOST_WEIGHT = 255, 127
MOST_MULTIPLIER = 1 << 30
#: Scores stay below this, so that no two of them are the same float32.
MOST_SCORE = 1 << 24
SMALLEST_SCALE, LARGEST_SCALE = 1e-30, 1e25


@dataclass(frozen=True)
class Block:
    """A convolution with what follows it, by the names of the layers.

    ``last`` is the last of them; ``is_pooled`` and ``is_hidden`` say whether a max-pooling and a ReLU are among them.
    """

    name: str
    last: str
    is_pooled: bool
    is_hidden: bool


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """The numbers of one `Block`: a convolution, max-pooling where there is one, then ReLU and rounding to bytes.

    Parameters
    ----------
    weight : ndarray of shape (O, C, K, K), int8, -127 to 127
    bias : ndarray of shape (O,), int32
    multiplier : ndarray of shape (O,), int32, 1 to 2^30; None of the last layer, whose sums are the scores
        A sum times the multiplier times 2^-23, rounded, is the output.

    Raises
    ------
    ValueError
        Shapes, types or values are others, or a sum may leave 32 bits.
    """

    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray | None

    def __post_init__(self):
        if self.weight.ndim != 4 or not self.weight.size:
            raise ValueError(f"a layer has weights of shape {self.weight.shape}, expected (O, C, K, K)")
        vectors = [self.bias] if self.multiplier is None else [self.bias, self.multiplier]
        shape = (len(self.weight),)
        if self.weight.dtype != np.int8 or any(v.dtype != np.int32 or v.shape != shape for v in vectors):
            raise ValueError(f"expected int8 weights, and biases and multipliers of shape {shape}, int32")
        if self.weight.min() < -MOST_WEIGHT:
            raise ValueError(f"a weight is {self.weight.min()}, expected -{MOST_WEIGHT} to {MOST_WEIGHT}")
        if self.multiplier is not None and not 1 <= self.multiplier.min() <= self.multiplier.max() <= MOST_MULTIPLIER:
            raise ValueError(f"a multiplier is not in 1..{MOST_MULTIPLIER:,}")
        if self.largest_sum >= 1 << 31:
            raise ValueError("a sum of its products may not fit 32 bits")

    @property
    def largest_sum(self) -> int:
        """No sum exceeds this, for any input and in any order of its terms."""
        weights = np.abs(self.weight.astype(np.int64)).sum(axis=(1, 2, 3))
        return int((MOST_ACTIVATION * weights + np.abs(self.bias.astype(np.int64))).max())


class IntegerNetwork:
    """A network whose weights and activations are whole numbers.

    Parameters
    ----------
    shape : Network
        A network of the same layers, whose weights are not used.
    layers : dict of name to `IntegerLayer`, those of ``shape`` that have weights
    scale : float
        A score times this is a logit.

    Raises
    ------
    ValueError
        There are layers that cannot be computed in whole numbers, or tensors that do not fit them.
    """

    def __init__(self, shape: Network, layers: Mapping[str, IntegerLayer], scale: float):
        self.shape, self.layers, self.scale = shape, dict(layers), scale
        self.blocks = list(blocks(shape))
        if list(self.layers) != [block.name for block in self.blocks]:
            names = ", ".join(block.name for block in self.blocks)
            raise ValueError(f"layers {', '.join(self.layers)}, expected {names}")
        for block in self.blocks:
            self._check(block)
        if not (type(scale) is float and SMALLEST_SCALE <= scale <= LARGEST_SCALE):
            raise ValueError(f"scores have the scale {scale!r}, expected {SMALLEST_SCALE:g} to {LARGEST_SCALE:g}")
        if self.layers[self.blocks[-1].name].largest_sum >= MOST_SCORE:
            raise ValueError(f"scores may not be below {MOST_SCORE:,}, as expected")

    def _check(self, block: Block) -> None:
        layer, expected = self.layers[block.name], kernels_of(self.shape.layers[block.name])
        if layer.weight.shape != expected:
            raise ValueError(f"{block.name} has weights of shape {layer.weight.shape}, expected {expected}")
        if (layer.multiplier is not None) != block.is_hidden:
            raise ValueError(f"{block.name} has {'no ' if block.is_hidden else ''}multipliers")

    @property
    def n_parameters(self) -> int:
        """Weights and biases."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers.values())

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """`scores` times `scale`, float32; their order is that of the scores."""
        return self.scores(X, threads).astype(np.float32) * np.float32(self.scale)

    def scores(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Scores (N, classes), int32, of images as `Network.logits` takes them; larger ones get a map.

        Pixels in 0..1 become bytes first, see `to_bytes`.
        """
        Y = _with_border(to_bytes(check_pictures(X, self.shape.in_channels)), self.shape.margin)
        for block in self.blocks:
            Y = _forward(self.layers[block.name], Y, block.is_pooled)
        return Y[:, :, 0, 0] if Y.shape[2:] == (1, 1) else Y


def blocks(network: Network) -> Iterator[Block]:
    """The layers of a network in blocks; ValueError where one cannot be computed in whole numbers."""
    names = list(network.layers)
    while names:
        name = last = names.pop(0)
        if not isinstance(network.layers[name], Conv2d):
            raise _refused(name, network.layers[name])
        found: set[str] = set()
        while names and (kind := _kind(network.layers[names[0]])) and kind not in found:
            found.add(kind)
            last = names.pop(0)
        if ("ReLU" in found) != bool(names) or (not names and found):
            raise _refused(names[0] if names else last, network.layers[names[0] if names else last])
        yield Block(name, last, "MaxPool2d" in found, "ReLU" in found)


def _kind(layer: Layer) -> str | None:
    """The name of a layer that belongs to the convolution before it."""
    return type(layer).__name__ if layer in (MaxPool2d(2), ReLU()) and type(layer) in (MaxPool2d, ReLU) else None


def _refused(name: str, layer: Layer) -> ValueError:
    return ValueError(
        f"layer {name} ({type(layer).__name__}) does not become whole numbers: only networks of ReLU, max-pooling and "
        "a softmax head do, such as `lenet5 train` makes of itself"
    )


def kernels_of(layer: Layer) -> tuple[int, int, int, int]:
    """The shape (O, C, K, K) of a convolution's weights, pairs of channels that are not connected included."""
    assert isinstance(layer, Conv2d)
    return layer.out_channels, layer.in_channels, layer.kernel_size, layer.kernel_size


def to_bytes(X: np.ndarray) -> np.ndarray:
    """Pixels in 0..1 as 0..255: times 255 in float32, to the nearest whole number, halves to the even one."""
    if X.dtype == np.uint8:
        return X
    return np.clip(np.rint(X * np.float32(MOST_ACTIVATION)), 0, MOST_ACTIVATION).astype(np.uint8)


def _with_border(X: np.ndarray, margin: int) -> np.ndarray:
    inside = 2 - margin if X.shape[2:] == (28, 28) else -margin
    if inside < 0:
        return X[:, :, -inside:inside, -inside:inside]
    return np.pad(X, ((0, 0), (0, 0), (inside, inside), (inside, inside)))


def _forward(layer: IntegerLayer, X: np.ndarray, is_pooled: bool) -> np.ndarray:
    windows = sliding_window_view(X.astype(np.float64), layer.weight.shape[2:], axis=(2, 3))
    products = np.tensordot(windows, layer.weight.astype(np.float64), ((1, 4, 5), (1, 2, 3)))  # whole numbers: exact
    sums = products.transpose(0, 3, 1, 2).astype(np.int64) + layer.bias[:, None, None]
    if is_pooled:
        n, o, height, width = sums.shape
        sums = sums[:, :, : height // 2 * 2, : width // 2 * 2].reshape(n, o, height // 2, 2, width // 2, 2).max((3, 5))
    if layer.multiplier is None:
        return sums.astype(np.int32)
    rounded = (sums * layer.multiplier[:, None, None] + (1 << (SHIFT - 1))) >> SHIFT
    return np.clip(rounded, 0, MOST_ACTIVATION).astype(np.uint8)
