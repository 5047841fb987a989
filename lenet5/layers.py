"""The layers of the network: what each one is, its shapes and its costs. They hold no numbers.

A shape is (channels, height, width) of one picture. ``connections`` counts as the 1998 paper does: every use of a
weight or bias, and for a plain pooling unit its inputs; ``macs`` counts multiply-accumulates of weights only.
"""

import math
from dataclasses import dataclass

from . import _kernels

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Conv2d:
    """Convolution, valid, stride 1: (C, H, W) to (O, H-K+1, W-K+1)."""

    in_channels: int
    out_channels: int
    kernel_size: int
    kind = _kernels.CONV2D

    def output_shape(self, shape: Shape) -> Shape:
        channels, height, width = shape
        k = self.kernel_size
        if channels != self.in_channels or min(height, width) < k:
            raise ValueError(f"{self} cannot take an input of shape {shape}")
        return self.out_channels, height - k + 1, width - k + 1

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        k = self.kernel_size
        return {"weight": (self.out_channels, self.in_channels, k, k), "bias": (self.out_channels,)}

    def connections(self, shape: Shape) -> int:
        return self.macs(shape) + math.prod(self.output_shape(shape))

    def macs(self, shape: Shape) -> int:
        return math.prod(self.output_shape(shape)) * self.in_channels * self.kernel_size**2


@dataclass(frozen=True)
class Linear(Conv2d):
    """A dense layer: a convolution of size 1, so that on a larger field it answers at every position."""

    kernel_size: int = 1

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_channels, self.in_channels), "bias": (self.out_channels,)}


@dataclass(frozen=True)
class AvgPool2d:
    """Mean over windows of K x K, stride K."""

    kernel_size: int = 2
    kind = _kernels.AVG_POOL2D

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


@dataclass(frozen=True)
class MaxPool2d(AvgPool2d):
    """Maximum over windows of K x K, stride K."""

    kind = _kernels.MAX_POOL2D


@dataclass(frozen=True)
class ReLU:
    """max(0, x), element by element."""

    kind = _kernels.RELU

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {}

    def connections(self, shape: Shape) -> int:
        return 0

    def macs(self, shape: Shape) -> int:
        return 0


@dataclass(frozen=True)
class Tanh(ReLU):
    """tanh(x), element by element."""

    kind = _kernels.TANH


@dataclass(frozen=True)
class Dropout(ReLU):
    """Each unit 0 with this probability, else divided by 1 - probability. For training only."""

    probability: float = 0.5
    kind = _kernels.DROPOUT


@dataclass(frozen=True)
class BatchNorm2d(ReLU):
    """(x - mean) / deviation of its channel over 16 pictures, times a weight, plus a bias. For training only.

    Running means and variances are taken along, in the places of parameters, for `regularization.fold`.
    """

    channels: int
    kind = _kernels.BATCH_NORM

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.channels,))


Layer = Conv2d | AvgPool2d | ReLU
ACTIVATIONS = {"relu": ReLU, "tanh": Tanh}
POOLS = {"avg": AvgPool2d, "max": MaxPool2d}


def modern(activation: str = "relu", pool: str = "max", n_classes: int = 10) -> dict[str, Layer]:
    """The usual modern LeNet-5, 61,706 parameters: C3 dense, plain pooling, linear head (FACTS: the 1998 network's
    topology without its connection table, trainable sub-sampling and RBF output).

    Layers by name in the order of computation; the names are the paper's.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation is {activation!r}, expected one of {', '.join(ACTIVATIONS)}")
    if pool not in POOLS:
        raise ValueError(f"pool is {pool!r}, expected one of {', '.join(POOLS)}")
    if not 1 <= n_classes <= 256:
        raise ValueError(f"n_classes is {n_classes}, expected 1 to 256")
    squash, subsample = ACTIVATIONS[activation], POOLS[pool]
    return {
        "c1": Conv2d(1, 6, 5),
        "c1_activation": squash(),
        "s2": subsample(2),
        "c3": Conv2d(6, 16, 5),
        "c3_activation": squash(),
        "s4": subsample(2),
        "c5": Conv2d(16, 120, 5),
        "c5_activation": squash(),
        "f6": Linear(120, 84),
        "f6_activation": squash(),
        "output": Linear(84, n_classes),
    }
