"""What an ONNX file computes, as the steps of a LeNet in a row. Nothing in the file is executed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: More nodes than any LeNet has, even where an exporter takes ten for a layer.
MAX_NODES = 500
#: Nodes that change no number where they stand in a LeNet; a softmax at the end changes no answer.
SILENT = ("Identity", "Dropout", "Cast", "Softmax", "LogSoftmax")
FLAT = ("Flatten", "Reshape", "Squeeze")
SIMPLE = {"Relu": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid"}


@dataclass(frozen=True)
class ImportedStep:
    """One operation with its constants.

    kind : "conv", "dense", "max_pool", "avg_pool", "subsample", "rbf", "relu", "tanh", "sigmoid", "times", "plus",
        "pad" (pixels at each side in ``size``, negative where they are cut), or "flat"
    """

    kind: str
    weight: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    bias: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    size: int = 0


class Chain:
    """The nodes of a graph from its input to its output. ValueError where they are not in a row."""

    def __init__(self, graph: Any):
        if len(graph.node) > MAX_NODES:
            raise ValueError(f"{len(graph.node):,} nodes, a LeNet has at most {MAX_NODES}")
        self.constants = {tensor.name: array_of(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = array_of(attributes(node).get("value"))
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ValueError(f"{len(inputs)} inputs and {len(graph.output)} outputs, expected one of each")
        self.input, self.output = inputs[0], graph.output[0].name
        self._nodes = [node for node in graph.node if node.op_type not in ("Constant", "Shape")]

    def nodes(self) -> list[Any]:
        """The nodes in the order of computation."""
        found: list[Any] = []
        x = self.input.name
        while x != self.output:
            users = [node for node in self._nodes if x in node.input]
            if len(users) != 1 or len(found) >= MAX_NODES:
                raise ValueError(f"{len(users)} nodes use {x[:40]!r}, expected layers in a row")
            found.append(users[0])
            x = users[0].output[0]
        return found

    def constant(self, node: Any, k: int) -> np.ndarray:
        """The k-th input of a node, which must be a constant."""
        name = node.input[k] if k < len(node.input) else ""
        if name not in self.constants:
            raise ValueError(f"input {k} of {label(node)} is not a constant")
        return self.constants[name]

    def other(self, node: Any) -> np.ndarray:
        """The constant of a node with two inputs."""
        return self.constant(node, 0 if node.input[0] in self.constants else 1)


def array_of(tensor: Any) -> np.ndarray:
    """A tensor that lies in the file itself; ValueError for others."""
    from onnx import TensorProto, numpy_helper

    if not isinstance(tensor, TensorProto):
        raise ValueError("a constant without a value")
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise ValueError(
            f"tensor {tensor.name[:40]!r} lies in another file: torch.onnx.export(..., external_data=False) writes one"
        )
    array = numpy_helper.to_array(tensor)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node by name."""
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def label(node: Any) -> str:
    """How a message calls a node."""
    return f"{node.op_type[:40]} {node.name[:40]!r}" if node.name else node.op_type[:40]


def steps(chain: Chain) -> list[ImportedStep]:
    """The steps of a graph; ValueError names the first node that a LeNet does not have."""
    found: list[ImportedStep] = []
    nodes = chain.nodes()
    while nodes:
        node = nodes.pop(0)
        if node.op_type in SILENT:
            continue
        if node.op_type == "Unsqueeze":
            found.append(_rbf(chain, nodes))
        elif node.op_type in READERS:
            found += READERS[node.op_type](chain, node)
        else:
            raise ValueError(f"{label(node)} is not a layer of a LeNet")
    return found


def _conv(chain: Chain, node: Any) -> list[ImportedStep]:
    given, weight = attributes(node), chain.constant(node, 1)
    bias = chain.constant(node, 2) if len(node.input) > 2 else np.zeros(len(weight), np.float32)
    size = weight.shape[-1]
    pads = list(given.get("pads", [0, 0, 0, 0]))
    is_plain = given.get("auto_pad", b"NOTSET") in (b"NOTSET", b"VALID") and set(given.get("dilations", [1])) == {1}
    if weight.ndim != 4 or weight.shape[2] != size or not is_plain or len(set(pads)) != 1:
        raise ValueError(f"{label(node)}: expected a square kernel, equal padding and no dilation")
    padding = [ImportedStep("pad", size=pads[0])] if pads[0] else []
    strides = set(given.get("strides", [1]))
    if given.get("group", 1) == 1 and strides == {1}:
        return [*padding, ImportedStep("conv", weight, bias, size)]
    if weight.shape[1] != 1 or strides != {size} or padding or np.ptp(weight, axis=(1, 2, 3)).any():
        raise ValueError(f"{label(node)}: groups or strides that no LeNet has")
    return [ImportedStep("subsample", weight[:, 0, 0, 0] * np.float32(size**2), bias, size)]


def _pool(chain: Chain, node: Any) -> list[ImportedStep]:
    given = attributes(node)
    size = next(iter(given.get("kernel_shape", [0])))
    plain = {"kernel_shape": {size}, "strides": {size}, "pads": {0}, "ceil_mode": {0}, "dilations": {1}}
    defaults = {"strides": [1], "pads": [0], "ceil_mode": 0, "dilations": [1]}
    if any(set(np.ravel(given.get(key, defaults.get(key)))) != value for key, value in plain.items()):
        raise ValueError(f"{label(node)}: expected windows side by side, without padding")
    return [ImportedStep("max_pool" if node.op_type == "MaxPool" else "avg_pool", size=size)]


def _gemm(chain: Chain, node: Any) -> list[ImportedStep]:
    given, weight = attributes(node), chain.constant(node, 1)
    weight = weight if given.get("transB", 0) else weight.T
    bias = chain.constant(node, 2) if len(node.input) > 2 else np.zeros(len(weight), np.float32)
    if weight.ndim != 2 or given.get("transA", 0) or given.get("alpha", 1.0) != 1 or given.get("beta", 1.0) != 1:
        raise ValueError(f"{label(node)}: expected the product of a matrix and features, plus a bias")
    return [ImportedStep("dense", weight, bias)]


def _matmul(chain: Chain, node: Any) -> list[ImportedStep]:
    weight = chain.constant(node, 1)
    if weight.ndim != 2:
        raise ValueError(f"{label(node)}: expected a matrix")
    return [ImportedStep("dense", weight.T, np.zeros(weight.shape[1], np.float32))]


def _pad(chain: Chain, node: Any) -> list[ImportedStep]:
    given = attributes(node)
    pads = chain.constant(node, 1).tolist()
    value = float(chain.constant(node, 2).ravel()[0]) if len(node.input) > 2 and node.input[2] else 0.0
    if given.get("mode", b"constant") != b"constant" or value or pads != [0, 0, pads[-1], pads[-1]] * 2:
        raise ValueError(f"{label(node)}: expected equal padding with 0")
    return [ImportedStep("pad", size=pads[-1])]


def _slice(chain: Chain, node: Any) -> list[ImportedStep]:
    starts, axes = (set(chain.constant(node, k).tolist()) for k in (1, 3))
    if axes != {2, 3} or len(starts) != 1 or len(node.input) > 4:
        raise ValueError(f"{label(node)}: expected equal cuts of height and width")
    return [ImportedStep("pad", size=-min(starts))]


def _scaling(chain: Chain, node: Any) -> list[ImportedStep]:
    value = chain.other(node)
    kind = {"Mul": "times", "Div": "times", "Add": "plus", "Sub": "plus"}[node.op_type]
    if node.op_type in ("Div", "Sub") and node.input[0] in chain.constants:
        raise ValueError(f"{label(node)}: a constant {node.op_type.lower()} x is not a layer of a LeNet")
    value = 1 / value if node.op_type == "Div" else -value if node.op_type == "Sub" else value
    return [ImportedStep(kind, value.ravel())]


def _rbf(chain: Chain, nodes: list[Any]) -> ImportedStep:
    """Minus the squared distance to constant centres, as `onnx_file` writes it."""
    those, nodes[:] = nodes[:5], nodes[5:]
    if [node.op_type for node in those] != ["Sub", "Mul", "ReduceSum", "Neg"][: len(those)]:
        raise ValueError("Unsqueeze is not a layer of a LeNet")
    return ImportedStep("rbf", chain.other(those[0]))


READERS: dict[str, Callable[[Chain, Any], list[ImportedStep]]] = {
    "Conv": _conv, "MaxPool": _pool, "AveragePool": _pool, "Gemm": _gemm, "MatMul": _matmul, "Pad": _pad,
    "Slice": _slice, "Mul": _scaling, "Div": _scaling, "Add": _scaling, "Sub": _scaling,
    **{name: lambda chain, node: [ImportedStep(SIMPLE[node.op_type])] for name in SIMPLE},
    **{name: lambda chain, node: [ImportedStep("flat")] for name in FLAT},
}  # fmt: skip
