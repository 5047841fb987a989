"""What the C file computes in one go: a convolution with activation and pooling, so that its map is never stored."""

from dataclasses import dataclass

from ..nn.layers import RBF, AvgPool2d, Conv2d, ReLU, SubSample2d
from ..nn.operations import Angles
from .graph import Graph, Op, n_values


@dataclass(frozen=True)
class Stage:
    """A convolution or dense layer, the RBF layer or angles, with what follows it until the next one.

    Attributes
    ----------
    op : Op
    activation : Op or None
        Of each unit of ``op``.
    pool : Op or None
        With windows of ``window`` x ``window``, 1 without pooling.
    after : Op or None
        The activation of each pooled unit.
    """

    op: Op
    activation: Op | None = None
    pool: Op | None = None
    after: Op | None = None

    @property
    def window(self) -> int:
        layer = self.pool.layer if self.pool else None
        return layer.kernel_size if isinstance(layer, AvgPool2d | SubSample2d) else 1

    @property
    def out_shape(self) -> tuple[int, int, int]:
        return self.pool.out_shape if self.pool else self.op.out_shape


def stages(graph: Graph) -> list[Stage]:
    """The stages of a network. ValueError where it does not have the form of a LeNet."""
    found, ops = [], list(graph.ops)
    while ops:
        op = ops.pop(0)
        if not isinstance(op.layer, Conv2d | RBF | Angles):
            raise ValueError(f"layer {op.name}: a {type(op.layer).__name__} that follows no convolution cannot be in C")
        activation, pool = _take(ops, ReLU), _take(ops, AvgPool2d | SubSample2d)
        found.append(Stage(op, activation, pool, _take(ops, ReLU) if pool else None))
    return found


def _take(ops: list[Op], kind) -> Op | None:
    return ops.pop(0) if ops and isinstance(ops[0].layer, kind) else None


def buffers(graphs: tuple[Graph, ...]) -> tuple[int, int]:
    """Values in the two buffers that take turns: stage after stage reads one and writes the other."""
    sizes = [[n_values(stage.out_shape) for stage in stages(graph)[:-1]] for graph in graphs]
    a, b = (max((size for row in sizes for size in row[first::2]), default=1) for first in (0, 1))
    return a, b


def strip(first: Stage) -> int:
    """Values of the rows of the image under one row of units of the first stage."""
    channels, _, width = first.op.in_shape
    return channels * (first.window + first.op.conv.kernel_size - 1) * width
