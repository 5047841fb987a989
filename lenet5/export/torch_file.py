"""A trained model for PyTorch: a module as source and its state dict as safetensors. Nothing is pickled."""

import re
from collections.abc import Iterator
from string import Template

import numpy as np

from .. import __version__
from ..nn.torch_modules import Part, own_sources, parts, tensors
from .graph import MISSING, Description, Exportable, Graph, describe

MODULE, WEIGHTS = "lenet5_torch.py", "lenet5_torch.safetensors"
SOURCE = Template('''\
"""Written by lenet5 $version: a trained network for PyTorch.

    model = load()
    $use

Images are ($channels, $size, $size), float32: 0 for background and 1 for full ink, prepared as PREPARATION says.
$missing
"""

from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

$facts
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
    """From images (N, $channels, $size, $size) to $scores (N, $classes)."""

    def __init__(self):
        super().__init__(OrderedDict([
$layers
        ]))
''')
COMMITTEE = Template('''\
class LeNet5(Committee):
    """From images (N, $channels, $size, $size) to the logarithms of the mean probabilities of the members."""

    def __init__(self):
        super().__init__([$members], $temperatures)
''')


def contents(model: Exportable) -> dict[str, bytes | str]:
    """The two files by name, for a folder. ValueError in one line where the model cannot be exported."""
    from safetensors.numpy import save

    description = describe(model)
    state = {
        f"members.{number}.{name}" if description.is_committee else name: np.ascontiguousarray(tensor)
        for number, graph in enumerate(description.graphs)
        for op in graph.ops
        for name, tensor in tensors(op).items()
    }
    return {MODULE: _source(description), WEIGHTS: save(state, {"format": "pt", "written_by": "lenet5"})}


def _source(description: Description) -> str:
    of_quantities = description.quantities is not None
    sizes = {"channels": description.channels, "size": description.size, "classes": len(description.labels),
             "scores": "values in the unit of the targets" if of_quantities else "logits"}  # fmt: skip
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
    modules = [text for name, text in own_sources().items() if re.search(rf"[ (]{name}[()]", used)] + modules
    return SOURCE.substitute(
        sizes,
        version=__version__,
        missing=MISSING.replace(": decoding an image file, ", ": decoding an image file,\n"),
        use="values = model(images)"
        if of_quantities
        else "probabilities = torch.softmax(model(images) / TEMPERATURE, 1)",
        facts=f"VALUES = {len(description.labels)}"
        if of_quantities
        else f"CLASSES = {description.labels!a}\nTEMPERATURE = {description.temperature}",
        preparation=ascii(description.preparation),
        modules="\n\n".join(modules) + "\n",
        weights=WEIGHTS,
    )


def _layers(description: Description, graph: Graph) -> Iterator[str]:
    """The entries of the sequence, one a line."""
    side = description.field - 2 * graph.margin
    if (side, graph.background, graph.ink) != (description.size, 0, 1):
        yield _line("input", ("Input", (side, graph.background, graph.ink)))
    for name, part in parts(graph.ops):
        yield _line(name, part)


def _line(name: str, part: Part) -> str:
    kind, arguments = part
    home = "" if kind in own_sources() else "nn."
    return f"            ({name!a}, {home}{kind}({', '.join(map(repr, arguments))})),"
