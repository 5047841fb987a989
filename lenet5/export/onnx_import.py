"""Makes a model of an ONNX file whose layers are those of a LeNet, such as PyTorch writes."""

import itertools
import os
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelFileError, one_line
from ..evaluation.calibration import Calibration
from ..models.documents import from_document
from ..models.lenet import LeNet5
from ..nn.architectures import C3_CONNECTIONS, HEADS, POOLS, VARIANTS
from ..nn.extras import require_onnx
from ..nn.layers import ACTIVATIONS, RBF, AvgPool2d, Conv2d, Layer, MaxPool2d, SubSample2d
from ..nn.network import Network
from ..nn.operations import own_weight
from ..nn.serialization import MAX_BYTES
from ..utils.characters import DIGITS
from ..utils.files import parse_json, read_bounded
from .onnx_steps import Chain, ImportedStep, steps

#: The scaled hyperbolic tangent as three steps.
SLOPE, GAIN = np.float32(2 / 3), np.float32(1.7159)


def read(path: str | os.PathLike) -> LeNet5:
    """The model in an ONNX file: one that `write` wrote, or another program's LeNet.

    Class names and temperature come from the file's metadata, as `write` has them; without them the classes are
    numbers.

    Raises
    ------
    ModelFileError
        The file cannot be read, or its layers are not those of a LeNet. One line says what is different.
    """
    name = one_line(path)
    require_onnx()
    import onnx

    data = read_bounded(Path(path), name, "a model", MAX_BYTES, ModelFileError)
    try:
        document = onnx.load_model_from_string(data)
        if not document.graph.node:
            raise ValueError("not an ONNX file, or one without layers")
        facts = {item.key: item.value for item in document.metadata_props}
        if facts.get("task") == "regression":
            raise ValueError("a model of quantities; load the model file that it was exported from")
        chain = Chain(document.graph)
        return _model(_merged(steps(chain)), chain, facts)
    except Exception as error:  # of protobuf, of NumPy, or ours: the file may hold anything
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelFileError(f"{name}: cannot be imported: {one_line(said)}") from None


def _merged(found: list[ImportedStep]) -> list[ImportedStep]:
    """The steps with those put together that are one layer; where maps become features is left out."""
    rest = [step for step in found if step.kind != "flat"]
    merged: list[ImportedStep] = []
    while rest:
        step = rest.pop(0)
        kinds = [step.kind, *(other.kind for other in rest[:2])]
        if kinds == ["times", "tanh", "times"] and _near(step, SLOPE) and _near(rest[1], GAIN):
            step, rest = ImportedStep("scaled-tanh"), rest[2:]
        elif kinds[:2] == ["dense", "plus"] and rest[0].weight.size == len(step.weight):
            step, rest = ImportedStep("dense", step.weight, step.bias + rest[0].weight), rest[1:]
        merged.append(step)
    return merged


def _near(step: ImportedStep, value: np.float32) -> bool:
    return step.weight.size == 1 and bool(np.isclose(step.weight[0], value, rtol=1e-6))


def _model(found: list[ImportedStep], chain: Chain, facts: dict[str, str]) -> LeNet5:
    """The first network of ours whose layers the steps are, with the weights of the file."""
    padding, scale, shift, layers = _head(found)
    n_classes = next((len(step.weight) for step in reversed(layers) if step.weight.size), 0)
    labels = _labels(facts.get("classes"), n_classes)
    reasons = []
    for candidate in _candidates(labels, _side(chain)):
        network = candidate.network
        if fault := _fault_of_input(network, _side(chain)[1] + 2 * padding, scale, shift):
            reasons.append((-1, fault))
            continue
        tensors, fault = _tensors(layers, network.layers)
        if not fault:
            return _checked(candidate, tensors, facts)
        reasons.append((len(tensors), fault))
    raise ValueError(max(reasons, key=itemgetter(0))[1] if reasons else "no network of ours has that many classes")


def _head(found: list[ImportedStep]) -> tuple[int, float, float, list[ImportedStep]]:
    """What is done to the image before the first layer: padding, scale and shift; and the layers."""
    padding, scale, shift = 0, 1.0, 0.0
    layers = list(found)
    while layers and layers[0].kind in ("pad", "times", "plus"):
        step = layers.pop(0)
        if step.kind != "pad" and step.weight.size != 1:
            raise ValueError("pixels of different channels are scaled differently")
        if step.kind == "pad":
            if shift and step.size > 0:
                raise ValueError("images are padded with another value than background")
            padding += step.size
        elif step.kind == "times":
            scale, shift = scale * float(step.weight[0]), shift * float(step.weight[0])
        else:
            shift += float(step.weight[0])
    return padding, scale, shift, layers


def _fault_of_input(network: Network, side: int, scale: float, shift: float) -> str:
    """What is different in that which the first layer sees, or nothing."""
    if not np.allclose((scale, shift), (network.ink - network.background, network.background), atol=1e-6):
        return "pixels are scaled as in no network of ours"
    expected = network.field - 2 * network.margin
    return "" if side == expected else f"the first layer sees {side} x {side} pixels, expected {expected} x {expected}"


def _side(chain: Chain) -> tuple[int, int]:
    """Channels and side of the images; what the file leaves open is that of LeNet-5."""
    sizes = [axis.dim_value for axis in chain.input.type.tensor_type.shape.dim]
    if len(sizes) != 4 or sizes[2] != sizes[3]:
        raise ValueError(f"the input has {len(sizes)} axes, expected square images (N, C, H, W)")
    return sizes[1] or 1, sizes[2] or 32


def _candidates(labels: list[str], image: tuple[int, int]) -> Iterator[LeNet5]:
    """All networks of ours for these images; those with a connection table come before those without."""
    channels, side = image
    sizes: dict[str, Any] = {} if channels == 1 and side in (28, 32) else {"in_channels": channels, "size": side}
    for variant, c3, head, pool, activation in itertools.product(
        VARIANTS, reversed(C3_CONNECTIONS), HEADS, POOLS, ACTIVATIONS
    ):
        try:
            yield LeNet5(variant, seed=None, labels=labels, activation=activation, pool=pool, c3=c3, head=head, **sizes)
        except (TypeError, ValueError):  # these choices do not go together
            continue


def _tensors(found: list[ImportedStep], layers: dict[str, Layer]) -> tuple[dict[str, np.ndarray], str]:
    """The weights of as many layers as agree with the steps, and what is different, or nothing."""
    tensors: dict[str, np.ndarray] = {}
    for k, (name, layer) in enumerate(layers.items()):
        if k >= len(found):
            return tensors, f"no layer {name} ({type(layer).__name__}) at the end"
        step = found[k]
        values = _values(step, layer)
        if values is None:
            shape = f" of {'x'.join(map(str, step.weight.shape))}" if step.weight.size else ""
            return tensors, f"layer {k + 1} is {step.kind}{shape}, expected {name}: {type(layer).__name__}"
        tensors |= {f"{name}.{key}": value for key, value in values.items()}
    rest = found[len(layers) :]
    return tensors, f"layer {len(layers) + 1} is {rest[0].kind}, expected no more layers" if rest else ""


def _values(step: ImportedStep, layer: Layer) -> dict[str, np.ndarray] | None:
    """The tensors of a layer; None where the step is another one."""
    if isinstance(layer, Conv2d):
        return _convolution(step, layer)
    if isinstance(layer, SubSample2d):
        same = step.kind == "subsample" and step.size == layer.kernel_size and len(step.weight) == layer.out_channels
        return {"weight": step.weight, "bias": step.bias} if same else None
    if isinstance(layer, RBF):
        same = step.kind == "rbf" and np.array_equal(step.weight, np.array(layer.centres))
    elif isinstance(layer, AvgPool2d):
        kind = "max_pool" if isinstance(layer, MaxPool2d) else "avg_pool"
        same = (step.kind, step.size) == (kind, layer.kernel_size)
    else:
        same = step.kind in ACTIVATIONS and type(layer) is ACTIVATIONS[step.kind]
    return {} if same else None


def _convolution(step: ImportedStep, layer: Conv2d) -> dict[str, np.ndarray] | None:
    """A dense layer after maps is a convolution of all that they hold."""
    weight = own_weight(layer, step.weight) if step.kind in ("conv", "dense") else None
    if weight is None or step.bias.shape != (layer.out_channels,):
        return None
    return {"weight": weight, "bias": step.bias}


def _labels(classes: str | None, n: int) -> list[str]:
    """Names of the file, else the digits for ten classes, else numbers."""
    try:
        names = parse_json(classes or "")
    except ValueError:
        names = None
    if isinstance(names, list) and len(names) == n and all(isinstance(name, str) for name in names):
        return names
    return list(DIGITS) if n == len(DIGITS) else [str(k) for k in range(n)]


def _checked(candidate: LeNet5, tensors: dict[str, np.ndarray], facts: dict[str, str]) -> LeNet5:
    """The model, as if it were loaded from a file of ours, with all checks of that."""
    try:
        candidate.calibration = Calibration(float(facts.get("temperature", 1)))
    except ValueError:
        candidate.calibration = Calibration()
    candidate.training = {"command": "lenet5 import"}
    return from_document(tensors, candidate.info())
