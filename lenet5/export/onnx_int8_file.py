"""A model in 8 bits as ONNX: pairs of QuantizeLinear and DequantizeLinear, which runtimes turn into whole numbers."""

from functools import partial

import numpy as np

from ..models.quantized import Quantized
from ..nn.integer import MOST_ACTIVATION, SHIFT, IntegerLayer
from .c_stages import Stage, stages
from .graph import Description, Exportable, describe_int8, in_8_bits
from .onnx_file import OPSETS, Builder, document, seen

#: Of the pixels, 0 to 255 for 0 to 1, and of the bytes between layers. The numbers in 8 bits fix only ratios of scales,
#: and of a power of two they are exact in float32.
PIXEL_SCALE, BYTE_SCALE = 1 / MOST_ACTIVATION, 1 / 256


def contents(model: Exportable, opset: int = OPSETS[0]) -> dict[str, bytes]:
    """The file, for any number of images. ValueError in one line where the model cannot be exported."""
    return document(describe_int8(model), partial(_answer, in_8_bits(model)), opset)


def _answer(model: Quantized, builder: Builder, description: Description) -> None:
    """Bytes from layer to layer, and logits from the last one."""
    [graph] = description.graphs
    x = _rounded(builder, "pixels", seen(builder, description, graph, ""), PIXEL_SCALE)
    scale = PIXEL_SCALE
    for stage in stages(graph):
        layer, name = model.network.layers[stage.op.name], stage.op.name
        if layer.multiplier is None:
            _last(builder, stage, layer, x, scale, model.network.scale)
            return
        unit = layer.multiplier * (BYTE_SCALE / (1 << SHIFT) / scale)
        sums = _sums(builder, stage, layer, x, scale, unit, f"{name}.sums")
        x, scale = _rounded(builder, name, builder.add("Relu", f"{name}.relu", sums), BYTE_SCALE), BYTE_SCALE
        if stage.pool:
            pooled = builder.add("MaxPool", f"{stage.pool.name}.largest", x, kernel_shape=[2, 2], strides=[2, 2])
            x = _rounded(builder, stage.pool.name, pooled, BYTE_SCALE)
        if stage.out_shape[1:] == (1, 1) and stage.op.in_shape[1:] != (1, 1):
            x = _rounded(builder, "features", builder.add("Flatten", "flat", x), BYTE_SCALE)


def _last(builder: Builder, stage: Stage, layer: IntegerLayer, x: str, scale: float, scale_out: float) -> None:
    unit = np.full(len(layer.weight), scale_out / scale)
    if _is_flat(stage):
        _sums(builder, stage, layer, x, scale, unit, "logits")
    else:
        builder.add("Flatten", "logits", _sums(builder, stage, layer, x, scale, unit, f"{stage.op.name}.sums"))


def _sums(
    builder: Builder, stage: Stage, layer: IntegerLayer, x: str, scale: float, unit: np.ndarray, output: str
) -> str:
    """A Conv, or a Gemm where there is one pixel. ``unit`` (O,) is what a weight of 1 is worth."""
    name, weight = stage.op.name, layer.weight
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
