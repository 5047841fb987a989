"""A model in 8 bits as a TFLite file for LiteRT (`pip install ai-edge-litert`), with the same whole numbers.

Its activations are from -128 on, so ours less 128; channels are last.
"""

from collections.abc import Callable

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter

from lenet5.export.onnx_int8_file import BYTE_SCALE, PIXEL_SCALE
from lenet5.models.quantized import Quantized
from lenet5.nn.integer import SHIFT, IntegerLayer

TYPES = {"int8": tfl.TensorType.INT8, "int32": tfl.TensorType.INT32}
BuiltIn = tfl.BuiltinOperator
#: Of the scores, which become bytes: 0.25 of a logit.
SCORE_SCALE = 0.25


class Builder:
    """Collects tensors and operators of a graph."""

    def __init__(self):
        self.graph, self.model = tfl.SubGraphT(), tfl.ModelT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.version, self.model.subgraphs, self.model.operatorCodes = 3, [self.graph], []
        self.model.buffers = [tfl.BufferT()]

    def tensor(self, shape, scales, zero: int = 0, values: np.ndarray | None = None) -> int:
        """The number of a tensor, a constant one with values. Several scales are those of the first axis."""
        made, quantization, buffer = tfl.TensorT(), tfl.QuantizationParametersT(), tfl.BufferT()
        quantization.scale = np.atleast_1d(scales).astype(np.float32)
        quantization.zeroPoint = np.full(len(quantization.scale), zero, np.int64)
        made.name, made.shape, made.quantization = f"t{len(self.graph.tensors)}", list(shape), quantization
        made.type = TYPES["int8" if values is None else values.dtype.name]
        if values is not None:
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def add(self, code: int, kind: int, options, inputs: list[int], output: int) -> int:
        made, name = tfl.OperatorT(), tfl.OperatorCodeT()
        name.builtinCode = name.deprecatedBuiltinCode = code
        name.version = 3 if code == BuiltIn.CONV_2D else 2  # those that take int8
        self.model.operatorCodes.append(name)
        made.opcodeIndex, made.inputs, made.outputs = len(self.model.operatorCodes) - 1, inputs, [output]
        made.builtinOptionsType, made.builtinOptions = kind, options
        self.graph.operators.append(made)
        return output

    def file(self, first: int, last: int) -> bytes:
        self.graph.inputs, self.graph.outputs = [first], [last]
        builder = flatbuffers.Builder()
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def contents(model: Quantized) -> bytes:
    """The file, for one image a call or, resized, for more."""
    builder, scale = Builder(), PIXEL_SCALE
    x = first = builder.tensor((1, 32, 32, 1), scale, -128)
    side = 32
    for block, layer in zip(model.network.blocks, model.network.layers.values(), strict=True):
        out = SCORE_SCALE if layer.multiplier is None else BYTE_SCALE
        unit = model.network.scale / scale if layer.multiplier is None else layer.multiplier * (out / 2**SHIFT / scale)
        zero = 0 if layer.multiplier is None else -128
        side += 1 - layer.weight.shape[2]
        x, scale = _convolution(builder, layer, x, scale, unit, side, out, zero), out
        if block.is_pooled:
            side //= 2
            x = _pooling(builder, x, len(layer.weight), side)
    return builder.file(first, x)


def _convolution(
    builder: Builder, layer: IntegerLayer, x: int, scale: float, unit, side: int, out: float, zero: int
) -> int:  # fmt: skip
    n = len(layer.weight)
    units = np.broadcast_to(unit, n)
    weight = builder.tensor((n, *layer.weight.shape[2:], layer.weight.shape[1]), units,
                            values=layer.weight.transpose(0, 2, 3, 1))  # fmt: skip
    bias = builder.tensor((n,), units * scale, values=layer.bias)
    options = tfl.Conv2DOptionsT()
    options.padding, options.strideW, options.strideH = tfl.Padding.VALID, 1, 1
    options.dilationWFactor = options.dilationHFactor = 1
    options.fusedActivationFunction = tfl.ActivationFunctionType.RELU if zero else tfl.ActivationFunctionType.NONE
    y = builder.tensor((1, side, side, n), out, zero)
    return builder.add(BuiltIn.CONV_2D, tfl.BuiltinOptions.Conv2DOptions, options, [x, weight, bias], y)


def _pooling(builder: Builder, x: int, n: int, side: int) -> int:
    options = tfl.Pool2DOptionsT()
    options.padding = tfl.Padding.VALID
    options.strideW = options.strideH = options.filterWidth = options.filterHeight = 2
    y = builder.tensor((1, side, side, n), BYTE_SCALE, -128)
    return builder.add(BuiltIn.MAX_POOL_2D, tfl.BuiltinOptions.Pool2DOptions, options, [x], y)


def runner(document: bytes, X: np.ndarray) -> Callable[[], np.ndarray]:
    """What gives bytes of scores of the images, float32 (N, 1, 32, 32), on one thread; they are bytes beforehand."""
    interpreter, n = Interpreter(model_content=document, num_threads=1), len(X)
    given, gives = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    interpreter.resize_tensor_input(given, (n, 32, 32, 1))
    interpreter.allocate_tensors()
    images = (np.rint(X * 255).reshape(n, 32, 32, 1) - 128).astype(np.int8)

    def run() -> np.ndarray:
        interpreter.set_tensor(given, images)
        interpreter.invoke()
        return interpreter.get_tensor(gives).reshape(n, -1)

    return run
