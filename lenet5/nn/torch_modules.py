"""A network as a module of PyTorch: its parts, their arguments and tensors. PyTorch is imported when it is needed."""

import ast
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .extras import require
from .layers import RBF, AvgPool2d, Conv2d, MaxPool2d, ScaledTanh, Sigmoid, SubSample2d, Tanh
from .network import Network
from .operations import Angles, Op, operations, with_values
from .targets import TargetScaling

if TYPE_CHECKING:
    import torch

#: A class of `torch.nn` or of `torch_layers`, and what it is made with.
Part = tuple[str, tuple[Any, ...]]


def parts(ops: tuple[Op, ...]) -> Iterator[tuple[str, Part]]:
    """The modules of a network by name, in the order of computation."""
    n_maps = next((k for k, op in enumerate(ops) if op.is_flat), len(ops))
    yield from ((op.name, part(op)) for op in ops[:n_maps])
    yield "flatten", ("Flatten", ())
    yield from ((op.name, part(op)) for op in ops[n_maps:])


def part(op: Op) -> Part:
    """The module of a layer."""
    layer = op.layer
    if isinstance(layer, Angles):
        return "Angles", (layer.period,)
    if isinstance(layer, RBF):
        return "RBF", (layer.in_channels, layer.out_channels)
    if isinstance(layer, SubSample2d):
        return "SubSample2d", (layer.in_channels, layer.out_channels, layer.kernel_size)
    if isinstance(layer, Conv2d):
        sizes = layer.in_channels, layer.out_channels
        return ("Linear", sizes) if op.is_flat else ("Conv2d", (*sizes, layer.kernel_size))
    if isinstance(layer, AvgPool2d):
        return "MaxPool2d" if isinstance(layer, MaxPool2d) else "AvgPool2d", (layer.kernel_size,)
    if isinstance(layer, ScaledTanh):
        return "ScaledTanh", ()
    return "Sigmoid" if isinstance(layer, Sigmoid) else "Tanh" if isinstance(layer, Tanh) else "ReLU", ()


def tensors(op: Op) -> dict[str, np.ndarray]:
    """The entries of a layer in the state dict."""
    if isinstance(op.layer, RBF):
        return {f"{op.name}.centres": np.array(op.layer.centres, np.float32)}
    if op.weight is None or op.bias is None:
        return {}
    weight = op.weight
    if isinstance(op.layer, Conv2d):
        weight = op.dense_weight()
        weight = weight.reshape(len(weight), -1) if op.is_flat else weight
    return {f"{op.name}.weight": weight, f"{op.name}.bias": op.bias}


@functools.cache
def own_sources() -> dict[str, str]:
    """The text of each class in `torch_layers`, by name."""
    text = Path(__file__).with_name("torch_layers.py").read_text(encoding="utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    return {node.name: f"{ast.get_source_segment(text, node)}\n" for node in found}


def module(network: Network, temperature: float, labels: Sequence[str]) -> "torch.nn.Module":
    """From images (N, C, size, size) or padded ones, float32 in 0..1, to logits (N, classes), with its own weights.

    ``temperature``, by which logits are divided before the softmax, and ``labels`` become attributes.

    LeNet5Error where PyTorch is not installed.
    """
    require("torch", "torch")
    return _attributed(_sequence(network), temperature, labels)


def of_quantities(network: Network, scaling: TargetScaling) -> "torch.nn.Module":
    """From images to values (N, targets), float32, in the unit of the targets; else as `module`."""
    require("torch", "torch")
    return _sequence(network, scaling).eval()


def committee(members: Sequence[tuple[Network, float]], temperature: float, labels: Sequence[str]) -> "torch.nn.Module":
    """From images to the logarithms of the mean probabilities of networks with their temperatures; else as `module`."""
    require("torch", "torch")
    from . import torch_layers

    made = torch_layers.Committee([_sequence(network) for network, _ in members], tuple(t for _, t in members))
    return _attributed(made, temperature, labels)


def _sequence(network: Network, scaling: TargetScaling | None = None) -> "torch.nn.Sequential":
    """The layers of a network, which end in values where ``scaling`` says how."""
    import torch

    from . import torch_layers

    side = network.field - 2 * network.margin
    ops = tuple(operations(network, (network.in_channels, side, side)))
    ops = with_values(ops, scaling) if scaling else ops
    made = torch.nn.Sequential()
    made.add_module("input", torch_layers.Input(side, network.background, network.ink))
    for name, (kind, arguments) in parts(ops):
        home = torch_layers if hasattr(torch_layers, kind) else torch.nn
        made.add_module(name, getattr(home, kind)(*arguments))
    made.load_state_dict({key: torch.tensor(value) for op in ops for key, value in tensors(op).items()})
    return made


def _attributed(made, temperature: float, labels: Sequence[str]) -> "torch.nn.Module":
    made.temperature, made.labels = temperature, tuple(labels)
    return made.eval()
