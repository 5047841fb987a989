"""A model in 8 bits as ONNX: pairs of QuantizeLinear and DequantizeLinear, which runtimes turn into whole numbers."""

from functools import partial

import numpy as np

from ..models.quantized import Quantized
from ..nn.integer import MOST_ACTIVATION, SHIFT, IntegerLayer, IntegerNetwork
from .c_stages import Stage, stages
from .graph import Description, Exportable, describe_int8, members_in_8_bits
from .onnx_file import OPSETS, Builder, document, seen, together

#: Of the pixels, 0 to 255 for 0 to 1, and of the bytes between layers. The numbers in 8 bits fix only ratios of scales,
#: and of a power of two they are exact in float32.
PIXEL_SCALE, BYTE_SCALE = 1 / MOST_ACTIVATION, 1 / 256


def contents(model: Exportable, opset: int = OPSETS[0]) -> dict[str, bytes]:
    """The file, for any number of images. ValueError in one line where the model cannot be exported."""
    return document(describe_int8(model), partial(_answer, members_in_8_bits(model)), opset)


def _answer(members: list[Quantized], builder: Builder, description: Description) -> None:
    together(builder, description, lambda number, output: _network(builder, description, members, number, output))


def _network(
    builder: Builder, description: Description, members: list[Quantized], number: int, output: str
) -> str:  # fmt: skip
    """Bytes from layer to layer, and logits from the last one."""
    graph, network, prefix = description.graphs[number], members[number].network, description.prefix(number)
    x = _rounded(builder, f"{prefix}pixels", seen(builder, description, graph, prefix), PIXEL_SCALE)
    scale = PIXEL_SCALE
    *hidden, last = stages(graph)
    for stage in hidden:
        layer, name = network.layers[stage.op.name], prefix + stage.op.name
        assert layer.multiplier is not None
        unit = layer.multiplier * (BYTE_SCALE / (1 << SHIFT) / scale)
        sums = _sums(builder, stage, layer, x, scale, unit, name, f"{name}.sums")
        x, scale = _rounded(builder, name, builder.add("Relu", f"{name}.relu", sums), BYTE_SCALE), BYTE_SCALE
        if stage.pool:
            pool = prefix + stage.pool.name
            pooled = builder.add("MaxPool", f"{pool}.largest", x, kernel_shape=[2, 2], strides=[2, 2])
            x = _rounded(builder, pool, pooled, BYTE_SCALE)
        if stage.out_shape[1:] == (1, 1) and stage.op.in_shape[1:] != (1, 1):
            x = _rounded(builder, f"{prefix}features", builder.add("Flatten", f"{prefix}flat", x), BYTE_SCALE)
    return _last(builder, last, network, x, scale, prefix, output)


def _last(
    builder: Builder, stage: Stage, network: IntegerNetwork, x: str, scale: float, prefix: str, output: str
) -> str:  # fmt: skip
    layer, name = network.layers[stage.op.name], prefix + stage.op.name
    unit = np.full(len(layer.weight), network.scale / scale)
    if _is_flat(stage):
        return _sums(builder, stage, layer, x, scale, unit, name, output)
    return builder.add("Flatten", output, _sums(builder, stage, layer, x, scale, unit, name, f"{name}.sums"))


def _sums(
    builder: Builder, stage: Stage, layer: IntegerLayer, x: str, scale: float, unit: np.ndarray, name: str, output: str
) -> str:  # fmt: skip
    """A Conv, or a Gemm where there is one pixel. ``unit`` (O,) is what a weight of 1 is worth."""
    weight = layer.weight
    if _is_flat(stage):
        weight = weight.reshape(len(weight), -1)
    inputs = [x, *(_constant(builder, f"{name}.{kind}", values, units) for kind, values, units in
                   (("weight", weight, unit), ("bias", layer.bias, unit * scale)))]  # fmt: skip
    return builder.add("Gemm", output, *inputs, transB=1) if _is_flat(stage) else builder.add("Conv", output, *inputs)


def _is_flat(stage: Stage) -> bool:
    return stage.op.in_shape[1:] == (1, 1)


def _constant(builder: Builder, name: str, values: np.ndarray, units: np.ndarray) -> str:
    """Whole numbers times the unit of each output channel."""
    inputs = (builder.constant(name, values), builder.constant(f"{name}.scale", units.astype(np.float32)))
    zero = builder.constant(f"{name}.zero", np.zeros(len(units), values.dtype))
    return builder.add("DequantizeLinear", f"{name}.value", *inputs, zero, axis=0)


def _rounded(builder: Builder, name: str, x: str, scale: float) -> str:
    """The numbers rounded to bytes, from 0 on, times their scale."""
    inputs = builder.constant(f"{name}.scale", scale), builder.constant(f"{name}.zero", np.zeros((), np.uint8))
    whole = builder.add("QuantizeLinear", f"{name}.byte", x, *inputs)
    return builder.add("DequantizeLinear", name, whole, *inputs)
