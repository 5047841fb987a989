"""A network as other programs see it: its layers in a row, with shapes and constants."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .layers import Conv2d, Layer, Shape
from .network import Network
from .targets import TargetScaling


@dataclass(frozen=True)
class Angles:
    """The last step where there is a period: from the sine and cosine of each target to its angle."""

    period: float


@dataclass(frozen=True)
class Op:
    """One layer of a network, or what follows the last one, with the shapes of one image and its constants.

    Attributes
    ----------
    weight, bias : ndarray or None
        As in `Network.state_dict`, float32. With a connection table the weight is (pairs, K, K).
    """

    name: str
    layer: Layer | Angles
    in_shape: Shape
    out_shape: Shape
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None

    @property
    def conv(self) -> Conv2d:
        """The layer of an operation that is a convolution or dense."""
        assert isinstance(self.layer, Conv2d)
        return self.layer

    def dense_weight(self) -> np.ndarray:
        """The weight of a convolution as (O, C, K, K), with 0 for channels that are not connected."""
        assert self.weight is not None
        full = _dense_shape(self.conv)
        if self.conv.table is None:
            return self.weight.reshape(full)
        weight = np.zeros(full, np.float32)
        weight[_connected(self.conv)] = self.weight
        return weight

    @property
    def is_dense(self) -> bool:
        """Whether it is a dense layer: each output sees all pixels of all channels."""
        return isinstance(self.layer, Conv2d) and self.layer.table is None and self.out_shape[1:] == (1, 1)

    @property
    def is_flat(self) -> bool:
        """Whether it takes features, not maps."""
        return self.in_shape[1:] == (1, 1)


def operations(network: Network, shape: Shape) -> Iterator[Op]:
    """The layers of a network for inputs (channels, height, width), in the order of computation."""
    tensors = network.state_dict()
    for name, layer in network.layers.items():
        out = layer.output_shape(shape)
        weight, bias = (tensors.get(f"{name}.{kind}") for kind in ("weight", "bias"))
        yield Op(name, layer, shape, out, weight, bias)
        shape = out


def with_values(ops: Sequence[Op], scaling: TargetScaling) -> tuple[Op, ...]:
    """Operations that end in values: the last layer is scaled to the unit of the targets, or angles follow it.

    ValueError for targets beyond float32.
    """
    *before, last = ops
    if scaling.period is None:
        return (*before, _scaled(last, scaling))
    return (*ops, Op("angles", Angles(scaling.period), last.out_shape, (scaling.n_targets, 1, 1)))


def _scaled(op: Op, scaling: TargetScaling) -> Op:
    """The last layer with weights that give values instead of scaled outputs; ValueError beyond float32."""
    assert op.weight is not None
    assert op.bias is not None
    scale, mean = np.array(scaling.scale), np.array(scaling.mean)
    with np.errstate(over="ignore"):
        weight = (op.weight * scale.reshape(-1, *[1] * (op.weight.ndim - 1))).astype(np.float32)
        bias = (op.bias * scale + mean).astype(np.float32)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("the targets are too large for float32, in which exported models compute")
    return replace(op, weight=weight, bias=bias)


def own_weight(layer: Conv2d, weight: np.ndarray) -> np.ndarray | None:
    """The weight of a convolution or dense layer of another program as ours; None where it is of another layer.

    weight : (O, C, K, K) or, as a dense layer after maps has it, (O, C * K * K)
    """
    full = _dense_shape(layer)
    if weight.shape != full and weight.shape != (full[0], np.prod(full[1:])):
        return None
    weight = weight.reshape(full)
    if layer.table is not None:
        connected = np.zeros(full[:2], bool)
        connected[_connected(layer)] = True
        if weight[~connected].any():
            return None
        weight = weight[connected]
    return weight.reshape(layer.parameter_shapes()["weight"])


def _dense_shape(layer: Conv2d) -> tuple[int, int, int, int]:
    return layer.out_channels, layer.in_channels, layer.kernel_size, layer.kernel_size


def _connected(layer: Conv2d) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The output and the input channel of each pair of a connection table."""
    assert layer.table is not None
    outputs, inputs = zip(*((o, c) for o, row in enumerate(layer.table) for c in row), strict=True)
    return outputs, inputs
