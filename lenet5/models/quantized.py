"""A model in 8 bits: whole numbers from the pixels to the scores, and so the same answers on every machine."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ..nn import quantization, serialization
from ..nn.integer import IntegerLayer, IntegerNetwork
from ..nn.summary import Summary
from ..preprocessing.preparation import Preparation
from .base import Classifier
from .images import as_array

if TYPE_CHECKING:
    from .lenet import LeNet5

KIND = "quantized"
RETRAIN = "a model in 8 bits is not trained on: train the float32 model that it was made of, and quantize that again"


class Quantized(Classifier):
    """What `LeNet5.quantize` gives: it answers as that model does, from weights of one byte.

    Parameters
    ----------
    shape : LeNet5
        What the model is, but for its weights, which are not used.
    network : IntegerNetwork

    Attributes
    ----------
    training : dict or None
        How the model was trained that was quantized.
    """

    def __init__(self, shape: "LeNet5", network: IntegerNetwork):
        self.shape, self.network = shape, network
        self.labels, self.n_classes, self.in_channels = shape.labels, shape.n_classes, shape.in_channels
        self.size = shape.size
        self.n_parameters, self.training, self.calibration = network.n_parameters, shape.training, shape.calibration

    def _kind(self) -> str:
        return f"{self.shape.variant} in 8 bits"

    @property
    def preparation(self) -> Preparation:
        """That of the model that was quantized."""
        return self.shape.preparation

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        """``X`` as a contiguous array; ValueError where it does not fit."""
        return self.shape.check_pictures(X)

    def scores(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """The whole numbers before the softmax, (N, classes) int32: the same on every machine."""
        return self.network.scores(X, threads)

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """`scores` in the unit of the model that was quantized, (N, classes) float32."""
        return self.network.logits(X, threads)

    def predict_proba(self, X, threads: int | None = None) -> np.ndarray:
        """Probabilities of the classes, (N, classes) float32; X as `predict` takes it."""
        return self.network.probabilities(as_array(X, self, threads), threads, self.temperature)

    def fit(self, *args, **settings) -> NoReturn:
        """Refuse: ValueError says what to train instead."""
        raise ValueError(RETRAIN)

    def summary(self) -> Summary:
        """The layer table."""
        return self.shape.summary()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return self.shape.macs

    def tensors(self) -> dict[str, np.ndarray]:
        """What a file holds: ``c1.weight`` int8, ``c1.bias`` and ``c1.multiplier`` int32, and so on."""
        found = {}
        for name, layer in self.network.layers.items():
            found[f"{name}.weight"], found[f"{name}.bias"] = layer.weight, layer.bias
            if layer.multiplier is not None:
                found[f"{name}.multiplier"] = layer.multiplier
        return found

    @property
    def n_bytes(self) -> int:
        """Of its tensors."""
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def info(self) -> dict:
        """What a model file says about itself."""
        said = self.shape.info() | {"scale": self.network.scale, "calibration": self.calibration.as_dict()}
        return {name: value for name, value in said.items() if name != "shapes"}

    def save(self, path: str | os.PathLike) -> None:
        """Write a model file (safetensors), completely or not at all. OSError where that cannot be."""
        serialization.save(path, self.tensors(), KIND, self.info())


def quantized(model: "LeNet5", shape: "LeNet5", X: np.ndarray) -> Quantized:
    """The model in 8 bits, see `LeNet5.quantize`; ``shape`` is one like it, of which the result keeps the shapes."""
    return Quantized(shape, quantization.quantize(model.network, shape.network, X))


def from_tensors(tensors: dict[str, np.ndarray], scale: float, shape: "LeNet5") -> Quantized:
    """The model that `Quantized.save` wrote; KeyError or ValueError where tensors are missing or do not fit."""
    rest = dict(tensors)
    names = _layer_names(list(shape.state_dict()))
    layers = {
        name: IntegerLayer(rest.pop(f"{name}.weight"), rest.pop(f"{name}.bias"), rest.pop(f"{name}.multiplier", None))
        for name in names
    }
    if rest:
        raise ValueError(f"tensor {min(rest)[:40]!r} is not one of this network")
    return Quantized(shape, IntegerNetwork(shape.network, layers, scale))


def _layer_names(tensors: Sequence[str]) -> list[str]:
    return [name.removesuffix(".weight") for name in tensors if name.endswith(".weight")]
