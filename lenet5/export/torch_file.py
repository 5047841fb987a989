"""A trained model for PyTorch: a module as source and its state dict as safetensors. Nothing is pickled."""

from collections.abc import Iterator
from string import Template

import numpy as np

from .. import __version__
from ..models.base import Classifier
from ..nn.layers import RBF, AvgPool2d, Conv2d, MaxPool2d, ScaledTanh, Sigmoid, SubSample2d, Tanh
from .graph import MISSING, Description, Graph, Op, describe

MODULE, WEIGHTS = "lenet5_torch.py", "lenet5_torch.safetensors"
SOURCE = Template('''\
"""Written by lenet5 $version: a trained network for PyTorch.

    model = load()
    probabilities = torch.softmax(model(images) / TEMPERATURE, 1)

Images are ($channels, $size, $size), float32: 0 for background and 1 for full ink, prepared as PREPARATION says.
$missing
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

CLASSES = $classes
TEMPERATURE = $temperature
PREPARATION = $preparation

$modules
def load(path=Path(__file__).with_name("$weights")):
    """The network with its trained weights."""
    from safetensors.torch import load_file

    model = LeNet5()
    model.load_state_dict(load_file(path))
    return model.eval()
''')
NETWORK = Template('''\
class $name(nn.Sequential):
    """From images (N, $channels, $size, $size) to logits (N, $classes)."""

    def __init__(self):
        super().__init__(OrderedDict([
$layers
        ]))
''')
COMMITTEE = Template('''\
class LeNet5(nn.Module):
    """From images (N, $channels, $size, $size) to the logarithms of the mean probabilities of the members."""

    TEMPERATURES = $temperatures

    def __init__(self):
        super().__init__()
        self.members = nn.ModuleList([$members])

    def forward(self, x):
        shares = [torch.softmax(member(x) / t, 1) for member, t in zip(self.members, self.TEMPERATURES)]
        return torch.stack(shares).mean(0).clamp_min(torch.finfo(torch.float32).tiny).log()
''')
#: Modules that PyTorch does not have, each written where it is used.
OWN = {
    "Input": '''\
class Input(nn.Module):
    """An image, padded (or cut, where that is negative), between the network's values of background and ink."""

    def __init__(self, padding, background, ink):
        super().__init__()
        self.padding, self.background, self.ink = padding, background, ink

    def forward(self, x):
        return nn.functional.pad(x, [self.padding] * 4) * (self.ink - self.background) + self.background
''',
    "ScaledTanh": '''\
class ScaledTanh(nn.Module):
    """1.7159 tanh(2 x / 3)"""

    def forward(self, x):
        return 1.7159 * torch.tanh(x * (2 / 3))
''',
    "SubSample2d": '''\
class SubSample2d(nn.Module):
    """The mean of each window times a coefficient, plus a bias; neighbouring outputs may share a channel."""

    def __init__(self, in_channels, out_channels, kernel_size):
        super().__init__()
        self.pool, self.shared = nn.AvgPool2d(kernel_size), out_channels // in_channels
        self.weight = nn.Parameter(torch.ones(out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        mean = self.pool(x).repeat_interleave(self.shared, 1)
        return mean * self.weight[:, None, None] + self.bias[:, None, None]
''',
    "RBF": '''\
class RBF(nn.Module):
    """Minus the squared distance to the fixed centre of each class."""

    def __init__(self, features, classes):
        super().__init__()
        self.register_buffer("centres", torch.zeros(classes, features))

    def forward(self, x):
        return -(x[:, None] - self.centres).square().sum(2)
''',
}


def contents(model: Classifier) -> dict[str, bytes | str]:
    """The two files by name, for a folder. ValueError in one line where the model cannot be exported."""
    from safetensors.numpy import save

    description = describe(model)
    tensors = {
        f"members.{number}.{name}" if description.is_committee else name: np.ascontiguousarray(tensor)
        for number, graph in enumerate(description.graphs)
        for op in graph.ops
        for name, tensor in _tensors(op).items()
    }
    return {MODULE: _source(description), WEIGHTS: save(tensors, {"format": "pt", "written_by": "lenet5"})}


def _tensors(op: Op) -> dict[str, np.ndarray]:
    """The entries of a layer in the state dict."""
    if isinstance(op.layer, RBF):
        return {f"{op.name}.centres": np.array(op.layer.centres, np.float32)}
    if op.weight is None or op.bias is None:
        return {}
    weight = op.weight
    if isinstance(op.layer, Conv2d):
        weight = op.dense_weight()
        weight = weight.reshape(len(weight), -1) if _is_flat(op) else weight
    return {f"{op.name}.weight": weight, f"{op.name}.bias": op.bias}


def _is_flat(op: Op) -> bool:
    """Whether a layer takes features, not maps."""
    return op.in_shape[1:] == (1, 1)


def _source(description: Description) -> str:
    sizes = {"channels": description.channels, "size": description.size, "classes": len(description.labels)}
    names = [f"Member{k}" for k, _ in enumerate(description.graphs, 1)] if description.is_committee else ["LeNet5"]
    modules = [
        NETWORK.substitute(sizes, name=name, layers="\n".join(_layers(description, graph)))
        for name, graph in zip(names, description.graphs, strict=True)
    ]
    if description.is_committee:
        members = ", ".join(f"{name}()" for name in names)
        temperatures = tuple(graph.temperature for graph in description.graphs)
        modules.append(COMMITTEE.substitute(sizes, members=members, temperatures=temperatures))
    used = "".join(modules)
    modules = [text for name, text in OWN.items() if f" {name}(" in used] + modules
    return SOURCE.substitute(
        sizes,
        version=__version__,
        missing=MISSING.replace(": decoding an image file, ", ": decoding an image file,\n"),
        classes=ascii(description.labels),
        temperature=description.temperature,
        preparation=ascii(description.preparation),
        modules="\n\n".join(modules) + "\n",
        weights=WEIGHTS,
    )


def _layers(description: Description, graph: Graph) -> Iterator[str]:
    """The entries of the sequence, one a line."""
    padding = description.padding(graph, description.size)
    if (padding, graph.background, graph.ink) != (0, 0, 1):
        yield _line("input", f"Input({padding}, {graph.background}, {graph.ink})")
    maps = [op for op in graph.ops if not _is_flat(op)]
    for op in maps:
        yield _line(op.name, _module(op))
    yield _line("flatten", "nn.Flatten()")
    for op in graph.ops[len(maps) :]:
        yield _line(op.name, _module(op))


def _line(name: str, module: str) -> str:
    return f"            ({name!a}, {module}),"


def _module(op: Op) -> str:
    layer = op.layer
    if isinstance(layer, RBF):
        return f"RBF({layer.in_channels}, {layer.out_channels})"
    if isinstance(layer, SubSample2d):
        return f"SubSample2d({layer.in_channels}, {layer.out_channels}, {layer.kernel_size})"
    if isinstance(layer, Conv2d):
        sizes = f"{layer.in_channels}, {layer.out_channels}"
        return f"nn.Linear({sizes})" if _is_flat(op) else f"nn.Conv2d({sizes}, {layer.kernel_size})"
    if isinstance(layer, AvgPool2d):
        return f"nn.{'MaxPool2d' if isinstance(layer, MaxPool2d) else 'AvgPool2d'}({layer.kernel_size})"
    if isinstance(layer, ScaledTanh):
        return "ScaledTanh()"
    return f"nn.{'Sigmoid' if isinstance(layer, Sigmoid) else 'Tanh' if isinstance(layer, Tanh) else 'ReLU'}()"
