"""What every writer starts from: the operations of a trained model with their constants."""

import math
from dataclasses import dataclass, replace

from ..models.base import Classifier
from ..models.ensemble import Committee
from ..models.lenet import LeNet5
from ..models.multi_task import MultiTask
from ..models.quantized import Quantized
from ..models.regressor import Regressor
from ..nn.layers import (
    RBF,
    AvgPool2d,
    Conv2d,
    Linear,
    MaxPool2d,
    ReLU,
    ScaledTanh,
    Shape,
    Sigmoid,
    SubSample2d,
    Tanh,
    Targets,
)
from ..nn.network import Network
from ..nn.operations import Op, operations, with_values
from ..nn.targets import TargetScaling

Exportable = Classifier | Regressor

#: What a writer knows. A layer of another type cannot be exported.
KNOWN = (Conv2d, Linear, MaxPool2d, AvgPool2d, SubSample2d, RBF, Targets, ReLU, Tanh, ScaledTanh, Sigmoid)
#: A sentence that every format carries.
MISSING = (
    "Not included: decoding an image file, finding the digit in a photo, scaling and centring it, "
    "and telling that an image shows no digit."
)


@dataclass(frozen=True)
class Graph:
    """One network: operations in a row, and what it makes of a pixel.

    Attributes
    ----------
    background, ink : float
        The network's input for a pixel of 0 and of 1.
    margin : int
        Pixels at each side of the input that it does not look at.
    temperature : float
        What its logits are divided by before the softmax.
    """

    ops: tuple[Op, ...]
    background: float
    ink: float
    margin: int
    temperature: float


@dataclass(frozen=True)
class Description:
    """A model: one network, or a committee that answers with the logarithm of the mean probabilities.

    Attributes
    ----------
    graphs : tuple of Graph
    is_committee : bool
    channels, size : int
        An input in 0..1 is (channels, size, size).
    image_size : int
        Side of a prepared image in bytes.
    field : int
        Side of what the networks see; smaller inputs are padded with background.
    labels : tuple of str
        Names of the scores: those of the classes, or of the values.
    temperature : float
        Of the model's logits.
    quantities : TargetScaling or None
        Of a model of quantities, whose scores are the values in their own unit.
    preparation : dict
        How an image becomes an input, as in a model file. JSON values only.
    macs : int
        Multiply-accumulates of one image.
    """

    graphs: tuple[Graph, ...]
    is_committee: bool
    channels: int
    size: int
    image_size: int
    field: int
    labels: tuple[str, ...]
    temperature: float
    preparation: dict
    macs: int
    quantities: TargetScaling | None = None

    def padding(self, graph: Graph, side: int) -> int:
        """Pixels of background at each side of an input of this side; if negative, pixels that are cut off there."""
        return (self.field - side) // 2 - graph.margin

    def prefix(self, number: int) -> str:
        """What the names of a member's tensors begin with; members count from 0."""
        return f"{number + 1}." if self.is_committee else ""


def describe(model: Exportable) -> Description:
    """The description of a trained model. ValueError in one line where it cannot be exported."""
    if isinstance(model, Regressor):
        return _describe_quantities(model)
    members = _members(model)
    channels, height, width = members[0].info()["input_shape"]
    if height != width:
        raise ValueError(f"inputs of {height} x {width} cannot be exported, only square ones")
    if any(member.info()["input_shape"] != [channels, height, width] for member in members):
        raise ValueError("the members of the committee take inputs of different sizes")
    return Description(
        graphs=tuple(_graph(member.network, member.temperature, (channels, height, width)) for member in members),
        is_committee=isinstance(model, Committee),
        channels=channels,
        size=members[0].size,
        image_size=members[0].network.size,
        field=height,
        labels=tuple(model.labels),
        temperature=model.temperature,
        preparation=members[0].info()["preparation"],
        macs=int(model.macs),
    )


def _describe_quantities(model: Regressor) -> Description:
    """That of a network whose last layer is scaled to the unit of the targets, or followed by angles."""
    shape, scaling = tuple(model.info()["input_shape"]), model.scaling
    graph, n = _graph(model.network, 1.0, shape), model.n_targets
    return Description(
        graphs=(replace(graph, ops=with_values(graph.ops, scaling)),),
        is_committee=False,
        channels=shape[0],
        size=model.size,
        image_size=model.network.size,
        field=shape[1],
        labels=("value",) if n == 1 else tuple(f"value {k}" for k in range(1, n + 1)),
        temperature=1.0,
        preparation=model.info()["preparation"],
        macs=int(model.macs),
        quantities=scaling,
    )


def describe_int8(model: Exportable) -> Description:
    """The description of a model in 8 bits, or of a committee of such; constants are those of each ``network``."""
    members = members_in_8_bits(model)
    assert isinstance(model, Classifier)
    shapes = [member.shape for member in members]
    found = describe(Committee(shapes) if isinstance(model, Committee) else shapes[0])
    graphs = zip(found.graphs, members, strict=True)
    own = tuple(replace(graph, temperature=member.temperature) for graph, member in graphs)
    return replace(found, graphs=own, temperature=model.temperature)


def members_in_8_bits(model: Exportable) -> list[Quantized]:
    """The networks of a model in 8 bits, or of a committee of such; ValueError says what to do with another."""
    return [in_8_bits(member) for member in model.models] if isinstance(model, Committee) else [in_8_bits(model)]


def in_8_bits(model: Exportable) -> Quantized:
    """The model; ValueError says what to do with one in float32, or with several that answer together."""
    if isinstance(model, Quantized):
        return model
    if isinstance(model, Regressor):
        raise ValueError("a model of quantities has no form in 8 bits; take a format in float32, such as onnx or c")
    if isinstance(model, LeNet5):
        raise ValueError("the model is in float32: quantize it first, with lenet5 quantize or model.quantize(X)")
    if isinstance(model, Committee):
        raise ValueError("a committee has no scores in whole numbers; take onnx-int8, or export each network")
    raise ValueError(f"a {type(model).__name__} has no scores in whole numbers; export its networks one by one")


def _members(model: Exportable) -> list[LeNet5]:
    if isinstance(model, LeNet5):
        return [model]
    if isinstance(model, Quantized):
        raise ValueError(
            "a model in 8 bits cannot be exported; export the float model that it was made of, "
            "or take a format in 8 bits: c-int8 or onnx-int8"
        )
    if isinstance(model, MultiTask):
        raise ValueError("a model of classes and quantities is not exported in one; export both parts: model.split()")
    if not isinstance(model, Committee):
        raise ValueError(f"a {type(model).__name__} cannot be exported; export its networks one by one")
    members = [member for member in model.models if isinstance(member, LeNet5)]
    if len(members) < len(model.models):
        raise ValueError("a committee can be exported if each of its members is a single network")
    return members


def _graph(network: Network, temperature: float, input_shape: Shape) -> Graph:
    channels, height, width = input_shape
    shape = (channels, height - 2 * network.margin, width - 2 * network.margin)
    for name, layer in network.layers.items():
        if type(layer) not in KNOWN:
            raise ValueError(f"layer {name} is a {type(layer).__name__}, which cannot be exported")
    ops = tuple(operations(network, shape))
    if ops[-1].out_shape[1:] != (1, 1):
        raise ValueError(f"the network gives a map of {ops[-1].out_shape}, only one answer per image can be exported")
    return Graph(ops, network.background, network.ink, network.margin, temperature)


def n_values(shape: Shape) -> int:
    """Numbers of one image of this shape."""
    return math.prod(shape)
