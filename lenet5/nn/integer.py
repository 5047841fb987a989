"""A network in whole numbers: pixels of one byte in, scores of 32 bits out, the same on every machine.

docs/quantization.md has the arithmetic; `quantization` makes such a network of one in float32.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat

import numpy as np

from .. import _kernels
from ..utils.memmap import ROWS, pieces
from ..utils.threads import MAX_THREADS, in_shares
from .layers import Conv2d, Layer, MaxPool2d, ReLU, Shape
from .network import MAX_PROGRAMS, Network, softmax, useful_threads

#: Binary digits behind the point of a multiplier; the kernels have it, too.
SHIFT = 23
MOST_ACTIVATION, MOST_WEIGHT = 255, 127
MOST_MULTIPLIER = 1 << 30
#: Sums stay below this, so that kernels may compute twice a sum in 32 bits.
MOST_SUM = 1 << 30
#: Scores stay below this, so that no two of them are the same float32.
MOST_SCORE = 1 << 24
SMALLEST_SCALE, LARGEST_SCALE = 1e-30, 1e25
#: Channels of C1 and C3 of LeNet-5 and their input, for which the kernels of x86 have code of their own.
OWN_CHANNELS, OWN_INPUT, OWN_KERNEL = (6, 16), (1, 32, 32), 5
PLAIN_ISA = "baseline"


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
        Shapes, types or values are others, or a sum may reach 2^30.
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
        if self.largest_sum >= MOST_SUM:
            raise ValueError(f"a sum may not be below {MOST_SUM:,}, as expected")

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
    isa : one of `_kernels.INT8_ISAS`, by default the widest
        The kernels to use, which changes the time only.

    Raises
    ------
    ValueError
        There are layers that cannot be computed in whole numbers, or tensors that do not fit them.
    """

    def __init__(self, shape: Network, layers: Mapping[str, IntegerLayer], scale: float, isa: str | None = None):
        self.shape, self.layers, self.scale, self.isa = shape, dict(layers), scale, isa
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
        self._programs: dict[Shape, _kernels.IntegerProgram] = {}
        side = shape.field - 2 * shape.margin
        self._field = shape.in_channels, side, side
        self.program(self._field)  # refuses layers that do not take it

    def __getstate__(self) -> dict:
        """For copies and other processes: all but the compiled programs, which are made again."""
        return {**self.__dict__, "_programs": {}}

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

    def program(self, shape: Shape) -> _kernels.IntegerProgram:
        """The compiled layers with packed weights for inputs (channels, height, width), made once for each size."""
        program = self._programs.get(shape)
        if program is None:  # two threads may both make it, and another one may forget it again: each has its own
            program = _kernels.IntegerProgram(shape, list(self._steps(shape)), self.isa)
            if len(self._programs) >= MAX_PROGRAMS:
                self._programs.clear()
            self._programs[shape] = program
        return program

    def _steps(self, shape: Shape) -> Iterator[tuple]:
        """The layers as the kernels take them; C1 and C3 of a narrow LeNet-5 get channels of zeros, which is faster."""
        pools, n_in = [2 if block.is_pooled else 1 for block in self.blocks], shape[0]
        has_own = shape == OWN_INPUT and pools[:3] == [2, 2, 1] and (self.isa or _kernels.INT8_ISAS[0]) != PLAIN_ISA
        least = chain(OWN_CHANNELS if has_own else (), repeat(0))
        for layer, pool, fewest in zip(self.layers.values(), pools, least, strict=False):
            n_out = max(len(layer.weight), fewest if layer.weight.shape[2] == OWN_KERNEL else 0)
            yield *filled(layer, n_out, n_in), pool
            n_in = n_out

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """`scores` times `scale`, float32; their order is that of the scores."""
        one = self._answer_one(X, threads, False, 1.0)
        return self.scores(X, threads).astype(np.float32) * np.float32(self.scale) if one is None else one

    def probabilities(self, X: np.ndarray, threads: int | None = None, temperature: float = 1.0) -> np.ndarray:
        """Softmax of :meth:`logits` / temperature over the classes; same shape."""
        one = self._answer_one(X, threads, True, temperature)
        return softmax(self.logits(X, threads), temperature) if one is None else one

    def _answer_one(self, X, threads: int | None, probabilities: bool, temperature: float) -> np.ndarray | None:
        """The answer to a single image, with less ado; None for anything else."""
        if threads is not None and not (type(threads) is int and 1 <= threads <= MAX_THREADS):
            return None
        return self.program(self._field).answer_one(X, self.scale, probabilities, temperature)

    def scores(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Scores (N, classes), int32, of images as `Network.logits` takes them; larger ones get a map.

        Pixels in 0..1 become bytes first. The scores of an image do not depend on the others, on ``threads``, or on the
        machine.
        """
        if isinstance(X, np.memmap) and X.ndim and len(X) > ROWS:  # so that its pages do not pile up in memory
            return np.concatenate([self.scores(piece, threads) for piece in pieces(X, ROWS)])
        pictures = self.shape.pictures(X)
        program = self.program(pictures.shape)
        scores = np.empty((pictures.n, *program.out_shape), np.int32)
        in_shares(useful_threads(pictures, threads), pictures.n, partial(program.forward, pictures, scores))
        return scores[:, :, 0, 0] if program.out_shape[1:] == (1, 1) else scores


def filled(layer: IntegerLayer, n_out: int, n_in: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Weights, biases and multipliers of a layer with channels of zeros up to these numbers, if it has fewer."""
    further = n_out - len(layer.weight), n_in - layer.weight.shape[1]
    if not any(further):
        return layer.weight, layer.bias, layer.multiplier
    weight = np.pad(layer.weight, ((0, further[0]), (0, further[1]), (0, 0), (0, 0)))
    multiplier = layer.multiplier
    if multiplier is not None:
        multiplier = np.pad(multiplier, (0, further[0]), constant_values=1)
    return weight, np.pad(layer.bias, (0, further[0])), multiplier


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
