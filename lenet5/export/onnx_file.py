"""A trained model as one ONNX file: the operators of opset 17 that every runtime has, weights under our names."""

import json
from collections.abc import Callable
from functools import partial

import numpy as np

from .. import __version__
from ..nn.extras import require_onnx
from ..nn.layers import RBF, AvgPool2d, Conv2d, MaxPool2d, ScaledTanh, Sigmoid, SubSample2d, Tanh
from ..nn.operations import Angles
from .graph import MISSING, Description, Exportable, Graph, Op, describe

#: Versions of ONNX's operators that can be written; the oldest one is read by most programs.
OPSETS = range(17, 22)
LEAST = float(np.finfo(np.float32).tiny)  # keeps the logarithm of a probability finite


class Builder:
    """Collects nodes and constants. `add` returns the name of what a node gives."""

    def __init__(self):
        from onnx import helper, numpy_helper

        self.nodes, self.constants = [], {}
        self._helper, self._numpy_helper = helper, numpy_helper

    def add(self, operator: str, output: str, *inputs: str, **attributes) -> str:
        self.nodes.append(self._helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values) -> str:
        """A constant tensor; Python numbers are float32."""
        array = np.ascontiguousarray(np.asarray(values, None if isinstance(values, np.ndarray) else np.float32))
        self.constants[name] = self._numpy_helper.from_array(array, name)
        return name


def contents(model: Exportable, opset: int = OPSETS[0]) -> dict[str, bytes]:
    """The file, for any number of images. ValueError in one line where the model cannot be exported."""
    return document(describe(model), _answer, opset)


def document(description: Description, answer: Callable[[Builder, Description], None], opset: int) -> dict[str, bytes]:
    """The file of the nodes that ``answer`` adds, from ``input`` to ``logits``."""
    if opset not in OPSETS:
        raise ValueError(f"opset is {opset!r}, expected {OPSETS[0]} to {OPSETS[-1]}")
    require_onnx()
    import onnx
    from onnx import TensorProto, helper

    builder = Builder()
    answer(builder, description)
    shape = ["N", description.channels, description.size, description.size]
    graph = helper.make_graph(
        builder.nodes,
        "lenet5",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(description.labels)])],
        list(builder.constants.values()),
        doc_string=f"Input: images (N, C, H, W), 0 for background and 1 for full ink. {MISSING}",
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        graph, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="lenet5", producer_version=__version__,
    )  # fmt: skip
    helper.set_model_props(model, metadata(description))
    onnx.checker.check_model(model, full_check=True)
    return {"": model.SerializeToString()}


def metadata(description: Description) -> dict[str, str]:
    """What travels along, as text; what is not text is JSON."""
    return {
        **_meaning(description),
        "preparation": json.dumps(description.preparation),
        "not_included": MISSING,
    }


def _meaning(description: Description) -> dict[str, str]:
    """What the scores are."""
    if description.quantities:
        targets = json.dumps(description.quantities.as_dict())
        return {"task": "regression", "targets": targets, "values": "logits, in the unit of the targets"}
    return {
        "classes": json.dumps(description.labels, ensure_ascii=False),
        "temperature": repr(description.temperature),
        "probabilities": "softmax(logits / temperature)",
    }


def _answer(builder: Builder, description: Description) -> None:
    together(builder, description, partial(_network, builder, description))


def together(builder: Builder, description: Description, network: Callable[[int, str], str]) -> None:
    """The network, or the logarithm of the mean probability of a committee's networks.

    ``network`` adds the nodes of a member, by its number, and returns the name of its logits, which it is given.
    """
    if not description.is_committee:
        network(0, "logits")
        return
    shares = []
    for number, graph in enumerate(description.graphs):
        prefix = description.prefix(number)
        logits = network(number, f"{prefix}logits")
        temperature = builder.constant(f"{prefix}temperature", graph.temperature)
        scaled = builder.add("Div", f"{prefix}scaled", logits, temperature)
        shares.append(builder.add("Softmax", f"{prefix}probabilities", scaled, axis=1))
    mean = builder.add("Mean", "mean", *shares)
    builder.add("Log", "logits", builder.add("Max", "finite", mean, builder.constant("least", LEAST)))


def _network(builder: Builder, description: Description, number: int, output: str) -> str:
    graph, prefix = description.graphs[number], description.prefix(number)
    x = _input(builder, description, graph, prefix)
    maps = [op for op in graph.ops if op.in_shape[1:] != (1, 1)]
    features = graph.ops[len(maps) :]
    for op in maps:
        x = _operation(builder, op, x, prefix, f"{prefix}{op.name}")
    x = builder.add("Flatten", f"{prefix}flat" if features else output, x)
    for op in features:
        x = _operation(builder, op, x, prefix, output if op is features[-1] else f"{prefix}{op.name}")
    return x


def seen(builder: Builder, description: Description, graph: Graph, prefix: str) -> str:
    """The part of the images that the network sees."""
    x, padding = "input", description.padding(graph, description.size)
    if padding > 0:
        pads = np.array([0, 0, padding, padding] * 2, np.int64)
        x = builder.add("Pad", f"{prefix}padded", x, builder.constant(f"{prefix}pads", pads))
    elif padding < 0:
        ends = {"starts": -padding, "ends": description.size + padding}
        places = {name: np.array([value] * 2, np.int64) for name, value in ends.items()} | {"axes": np.array([2, 3])}
        names = [builder.constant(f"{prefix}{name}", values) for name, values in places.items()]
        x = builder.add("Slice", f"{prefix}inside", x, *names)
    return x


def _input(builder: Builder, description: Description, graph: Graph, prefix: str) -> str:
    """The part of the images that the network sees, between its values of background and ink."""
    x = seen(builder, description, graph, prefix)
    if (graph.background, graph.ink) != (0, 1):
        x = builder.add("Mul", f"{prefix}contrast", x, builder.constant(f"{prefix}range", graph.ink - graph.background))
        x = builder.add("Add", f"{prefix}brightness", x, builder.constant(f"{prefix}background", graph.background))
    return x


def _operation(builder: Builder, op: Op, x: str, prefix: str, output: str) -> str:
    """The nodes of one layer; those before the last are named after it."""
    layer, name = op.layer, f"{prefix}{op.name}"
    if isinstance(layer, Angles):
        return _angles(builder, op, layer.period, x, output)
    if isinstance(layer, RBF):
        return _rbf(builder, layer, x, name, output)
    if isinstance(layer, Conv2d):
        return _convolution(builder, op, x, name, output)
    if isinstance(layer, SubSample2d):
        return _subsampling(builder, op, x, name, output)
    if isinstance(layer, AvgPool2d):
        operator = "MaxPool" if isinstance(layer, MaxPool2d) else "AveragePool"
        return builder.add(operator, output, x, kernel_shape=[layer.kernel_size] * 2, strides=[layer.kernel_size] * 2)
    if isinstance(layer, ScaledTanh):
        scaled = builder.add("Mul", f"{name}.scaled", x, builder.constant(f"{name}.slope", 2 / 3))
        squashed = builder.add("Tanh", f"{name}.tanh", scaled)
        return builder.add("Mul", output, squashed, builder.constant(f"{name}.gain", 1.7159))
    operator = "Sigmoid" if isinstance(layer, Sigmoid) else "Tanh" if isinstance(layer, Tanh) else "Relu"
    return builder.add(operator, output, x)


def _convolution(builder: Builder, op: Op, x: str, name: str, output: str) -> str:
    """A Conv, or a Gemm where there is one pixel; channels that are not connected have weights of 0."""
    is_flat = op.in_shape[1:] == (1, 1)
    weight = op.dense_weight()
    inputs = [x, builder.constant(f"{name}.weight", weight.reshape(len(weight), -1) if is_flat else weight),
              builder.constant(f"{name}.bias", op.bias)]  # fmt: skip
    return builder.add("Gemm", output, *inputs, transB=1) if is_flat else builder.add("Conv", output, *inputs)


def _subsampling(builder: Builder, op: Op, x: str, name: str, output: str) -> str:
    """A Conv of each channel by itself, whose weights are a share of the coefficient."""
    assert isinstance(op.layer, SubSample2d)
    assert op.weight is not None
    size = op.layer.kernel_size
    share = np.repeat(op.weight / np.float32(size**2), size**2).reshape(-1, 1, size, size)
    inputs = x, builder.constant(f"{name}.weight", share), builder.constant(f"{name}.bias", op.bias)
    return builder.add("Conv", output, *inputs, group=op.layer.in_channels, strides=[size, size])


def _rbf(builder: Builder, layer: RBF, x: str, name: str, output: str) -> str:
    """Minus the squared distances: differences first, which lose nothing where they are small."""
    wide = builder.add("Unsqueeze", f"{name}.wide", x, builder.constant(f"{name}.axis", np.array([1])))
    centres = builder.constant(f"{name}.centres", np.array(layer.centres, np.float32))
    difference = builder.add("Sub", f"{name}.difference", wide, centres)
    squares = builder.add("Mul", f"{name}.squares", difference, difference)
    axes = builder.constant(f"{name}.axes", np.array([2]))
    return builder.add("Neg", output, builder.add("ReduceSum", f"{name}.distance", squares, axes, keepdims=0))


def _angles(builder: Builder, op: Op, period: float, x: str, output: str) -> str:
    """The arc tangent of sine / cosine, on the other side where the cosine is below 0; from 0 to below the period."""
    n, half, zero = op.out_shape[0], builder.constant("half", period / 2), builder.constant("zero", 0.0)
    sine, cosine = (
        builder.add("Gather", name, x, builder.constant(f"{name}.places", np.arange(n) * 2 + first), axis=1)
        for first, name in enumerate(("sine", "cosine"))
    )
    is_zero = builder.add("Equal", "cosine.is_zero", cosine, zero)
    divisor = builder.add("Where", "divisor", is_zero, builder.constant("least", LEAST), cosine)
    angle = builder.add("Atan", "angle", builder.add("Div", "tangent", sine, divisor))
    right = builder.add("Mul", "right", angle, builder.constant("per_radian", period / (2 * np.pi)))
    left = builder.add("Add", "left", right, half)
    either = builder.add("Where", "either", builder.add("Less", "cosine.is_below", cosine, zero), left, right)
    whole = builder.constant("period", period)
    raised = builder.add("Add", "raised", either, whole)
    risen = builder.add("Where", "risen", builder.add("Less", "either.is_below", either, zero), raised, either)
    return builder.add("Where", output, builder.add("Less", "is_within", risen, whole), risen, zero)
