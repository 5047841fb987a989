"""The layer table: what each layer of a network gives, and what it costs for one image."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..utils.tables import table
from .layers import Conv2d, Layer, Shape


@dataclass(frozen=True)
class LayerSummary:
    """One row of the layer table, for one image of a given size."""

    name: str
    kind: str
    output_shape: Shape
    n_parameters: int
    connections: int
    macs: int


_COUNTED = ("n_parameters", "connections", "macs")


class Summary(list[LayerSummary]):
    """The layer table: its rows, which are printed with their totals."""

    def __str__(self) -> str:
        body = [
            (row.name, row.kind, "x".join(map(str, row.output_shape)), *(f"{getattr(row, n):,}" for n in _COUNTED))
            for row in self
        ]
        totals = (f"{sum(getattr(row, name) for row in self):,}" for name in _COUNTED)
        header = ("layer", "kind", "output", "parameters", "connections", "multiply-adds")
        return table([*body, ("total", "", "", *totals)], header, left=3)


def summarize(layers: Mapping[str, Layer], shape: Shape) -> Summary:
    """The layer table for inputs (channels, height, width); an activation is counted with the layer before it."""
    rows = Summary()
    for name, layer in layers.items():
        if layer.connections(shape):
            n_parameters = sum(math.prod(s) for s in layer.parameter_shapes().values())
            rows.append(
                LayerSummary(name, _kind(layer), layer.output_shape(shape), n_parameters,
                             layer.connections(shape), layer.macs(shape))
            )  # fmt: skip
        shape = layer.output_shape(shape)
    return rows


def _kind(layer: Layer) -> str:
    """What a layer is called in the table: with the number of connected pairs of channels where not all are."""
    if not isinstance(layer, Conv2d) or layer.table is None:
        return type(layer).__name__
    return f"{type(layer).__name__} {layer.n_pairs}/{layer.in_channels * layer.out_channels}"
