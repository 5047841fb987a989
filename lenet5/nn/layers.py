"""The kinds of layers: shapes, parameters and costs. A layer holds no weights and no activations.

A shape is (channels, height, width) of one image. ``connections`` counts as the 1998 paper does: every use of a weight
or bias, and the inputs of plain pooling units. ``macs`` counts only the multiply-accumulates of weights.

Each dataclass takes half a millisecond to import, so a layer without a field of its own inherits the methods.
"""

import math
from dataclasses import dataclass

import numpy as np

from .. import _kernels

Shape = tuple[int, int, int]
#: For each output channel, the input channels it sees, in ascending order.
Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Conv2d:
    """Convolution, valid, stride 1: (C, H, W) to (O, H-K+1, W-K+1).

    With a connection ``table``, only the connected pairs of channels have a kernel and are computed.
    """

    in_channels: int
    out_channels: int
    kernel_size: int
    table: Table | None = None

    def __post_init__(self):
        if min(self.in_channels, self.out_channels, self.kernel_size) < 1:
            raise ValueError(f"{self.in_channels} to {self.out_channels} channels by kernels of {self.kernel_size}, "
                             "expected at least 1 of each")  # fmt: skip
        if self.table is None:
            return
        rows = [list(row) for row in self.table]
        if len(rows) != self.out_channels or not all(
            row and row == sorted(set(row)) and row[0] >= 0 and row[-1] < self.in_channels for row in rows
        ):
            raise ValueError(
                f"table has {len(rows)} rows, expected {self.out_channels}, each some of the input channels "
                f"0..{self.in_channels - 1} in rising order"
            )

    @property
    def kind(self) -> int:
        return _kernels.CONV2D if self.table is None else _kernels.TABLE_CONV2D

    def constants(self) -> np.ndarray | None:
        """Return each pair's kernel number, (O, C) int32, -1 for pairs that are not connected; None without a table."""
        if self.table is None:
            return None
        kernels = np.full((self.out_channels, self.in_channels), -1, np.int32)
        pairs = [(o, c) for o, row in enumerate(self.table) for c in row]
        kernels[tuple(zip(*pairs, strict=True))] = range(len(pairs))
        return kernels

    @property
    def n_pairs(self) -> int:
        """Number of connected pairs of channels."""
        return self.in_channels * self.out_channels if self.table is None else sum(map(len, self.table))

    def fan_in(self) -> np.ndarray:
        """Return the number of inputs of a unit of each output channel, (O,)."""
        n_maps = [self.in_channels] * self.out_channels if self.table is None else list(map(len, self.table))
        return np.array(n_maps) * self.kernel_size**2

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        k = self.kernel_size
        if channels != self.in_channels or min(height, width) < k:
            raise ValueError(f"{self} cannot take an input of shape {shape}")
        return self.out_channels, height - k + 1, width - k + 1

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        k = self.kernel_size
        pairs = (self.out_channels, self.in_channels) if self.table is None else (self.n_pairs,)
        return {"weight": (*pairs, k, k), "bias": (self.out_channels,)}

    def connections(self, shape: Shape) -> int:
        return self.macs(shape) + math.prod(self.output_shape(shape))

    def macs(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)[1:]) * self.n_pairs * self.kernel_size**2


@dataclass(frozen=True)
class Linear(Conv2d):
    """Dense layer: a convolution with kernels of size 1, so a larger field gives an answer at every position."""

    kernel_size: int = 1

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_channels, self.in_channels), "bias": (self.out_channels,)}


@dataclass(frozen=True)
class AvgPool2d:
    """Mean over windows of K x K, stride K."""

    kernel_size: int = 2
    kind = _kernels.OPS["AVG_POOL2D"]

    def constants(self) -> None:
        return None

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        if min(height, width) < self.kernel_size:
            raise ValueError(f"{self} cannot take an input of shape {shape}")
        return channels, height // self.kernel_size, width // self.kernel_size

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def connections(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * self.kernel_size**2

    def macs(self, shape: Shape) -> int:
        return 0


class MaxPool2d(AvgPool2d):
    """Maximum over windows of K x K, stride K."""

    kind = _kernels.OPS["MAX_POOL2D"]


@dataclass(frozen=True)
class SubSample2d:
    """Trainable sub-sampling: the mean of a K x K window, stride K, times a coefficient, plus a bias (P98 II-A).

    Each output channel has one coefficient and one bias; P98 II-B sums where we average. With a multiple of input
    channels as ``out_channels``, neighbouring output channels share an input channel.

    A unit has K x K + 1 connections. As for plain pooling, multiply-accumulates are not counted.
    """

    in_channels: int
    out_channels: int
    kernel_size: int = 2
    kind = _kernels.OPS["SUBSAMPLE"]

    def __post_init__(self):
        if self.in_channels < 1 or self.out_channels < 1 or self.out_channels % self.in_channels:
            raise ValueError(f"out_channels is {self.out_channels}, expected a multiple of {self.in_channels}")

    def constants(self) -> None:
        return None

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        if channels != self.in_channels or min(height, width) < self.kernel_size:
            raise ValueError(f"{self} cannot take an input of shape {shape}")
        return self.out_channels, height // self.kernel_size, width // self.kernel_size

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_channels,), "bias": (self.out_channels,)}

    def fan_in(self) -> np.ndarray:
        """Return the number of inputs of a unit of each output channel, (O,)."""
        return np.full(self.out_channels, self.kernel_size**2)

    def connections(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * (self.kernel_size**2 + 1)

    def macs(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True)
class RBF:
    """Euclidean radial basis functions: minus the squared distance of the features to the fixed centre of each class.

    So the best score is the largest, as with every other head.

    Parameters
    ----------
    centres : for each class, one +1 or -1 per input channel
    """

    centres: tuple[tuple[int, ...], ...]
    kind = _kernels.OPS["RBF"]

    @property
    def in_channels(self) -> int:
        return len(self.centres[0])

    @property
    def out_channels(self) -> int:
        return len(self.centres)

    def constants(self) -> np.ndarray:
        """Return the centres, (O, C) int32."""
        return np.array(self.centres, np.int32)

    def output_shape(self, shape: Shape) -> Shape:
        if shape[0] != self.in_channels:
            raise ValueError(
                f"{type(self).__name__} of {self.in_channels} features cannot take an input of shape {shape}"
            )
        return self.out_channels, *shape[1:]

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def connections(self, shape: Shape) -> int:
        return self.macs(shape)

    def macs(self, shape: Shape) -> int:
        return math.prod(shape) * self.out_channels


class Targets(RBF):
    """`RBF` as the last step of a network with one output per class: targets are +1 for its class, -1 for the others.

    The score of a class is minus the squared error (P98 III-C). The largest output still has the best score, so this
    step adds nothing to what the network computes, and its costs are not counted.
    """

    def connections(self, shape: Shape) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True)
class ReLU:
    """max(0, x), element by element."""

    kind = _kernels.OPS["RELU"]

    def constants(self) -> None:
        return None

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def connections(self, shape: Shape) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


class Tanh(ReLU):
    """tanh(x), element by element."""

    kind = _kernels.OPS["TANH"]


@dataclass(frozen=True)
class Dropout(ReLU):
    """Set each unit to 0 with ``probability``, else divide it by 1 - ``probability``. For training only."""

    probability: float = 0.5
    kind = _kernels.OPS["DROPOUT"]


@dataclass(frozen=True)
class BatchNorm2d(ReLU):
    """Normalise each channel over 16 images, then multiply by a weight and add a bias. For training only.

    Running means and variances stand among the parameters, for `regularization.fold`.
    """

    channels: int
    kind = _kernels.OPS["BATCH_NORM"]

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.channels,))


class ScaledTanh(ReLU):
    """1.7159 tanh(2 x / 3), element by element: f(1) = 1 and f(-1) = -1 (P98 appendix A)."""

    kind = _kernels.OPS["SCALED_TANH"]


class Sigmoid(ReLU):
    """1 / (1 + exp(-x)), element by element."""

    kind = _kernels.OPS["SIGMOID"]


Layer = Conv2d | AvgPool2d | SubSample2d | RBF | ReLU
ACTIVATIONS = {"relu": ReLU, "tanh": Tanh, "sigmoid": Sigmoid, "scaled-tanh": ScaledTanh}
