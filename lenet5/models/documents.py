"""The model that a document of a model file describes, and the one that ships."""

import numpy as np

from ..evaluation.calibration import Calibration
from ..evaluation.quantities import Intervals
from ..nn import serialization
from ..nn.architectures import CHOICES
from ..nn.bounds import is_bounded
from ..nn.network import Network
from ..nn.targets import TargetScaling
from ..preprocessing.preparation import kind_in
from ..utils.shipped import WEIGHTS
from . import quantized
from .lenet import LeNet5
from .multi_task import MultiTask
from .quantized import Quantized
from .regressor import Regressor


def from_document(tensors: dict[str, np.ndarray], info: dict) -> LeNet5:
    """The model that `LeNet5.info` describes; AttributeError, KeyError, TypeError, ValueError where it is malformed."""
    model = described(info)
    model.load_state_dict(tensors)
    if not is_bounded(model.network, model.temperature):
        raise ValueError("its weights are too large, answers would not be finite")
    return model.make_read_only()


def quantized_from_document(tensors: dict[str, np.ndarray], info: dict) -> Quantized:
    """The model that `Quantized.info` describes; errors as of `from_document`."""
    return quantized.from_tensors(tensors, info["scale"], described(info))


def described(info: dict) -> LeNet5:
    """The model that `LeNet5.info` describes, all weights 0; errors as of `from_document`."""
    labels = info["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels are not a list of names")
    # what files of older versions do not say is the variant's
    choices = {name: info[name] for name in CHOICES if name in info or name in ("activation", "pool")}
    if None in choices.values():
        raise ValueError("a choice of layers is null")
    prepared = info.get("preparation")
    model = LeNet5(info["variant"], seed=None, labels=labels, in_channels=info.get("in_channels", 1),
                   size=info.get("size", 32), preparation=kind_in(prepared),
                   widths=info.get("widths", ()), **choices)  # fmt: skip
    if isinstance(prepared, dict) and "resized" in prepared:
        model.resized = checked_side(prepared["resized"], model.network)
    model.calibration = Calibration.from_dict(info.get("calibration"))
    model.training = info.get("training") if isinstance(info.get("training"), dict) else None
    return model


def regressor_from_document(tensors: dict[str, np.ndarray], info: dict) -> Regressor:
    """The model that `Regressor.info` describes; errors as of `from_document`."""
    prepared = info["preparation"]
    choices = {name: info[name] for name in CHOICES if name != "head"}
    model = Regressor(info["variant"], seed=None, in_channels=info["in_channels"], size=info["size"],
                      preparation=kind_in(prepared), widths=info.get("widths", ()), **choices)  # fmt: skip
    model.take_scaling(TargetScaling.from_dict(info["targets"]))
    model.resized = checked_side(prepared["resized"], model.network)
    model.intervals = Intervals.from_dict(info["intervals"], model.n_targets)
    model.training = info.get("training") if isinstance(info.get("training"), dict) else None
    model.load_state_dict(tensors)
    if not is_bounded(model.network):
        raise ValueError("its weights are too large, answers would not be finite")
    return model.make_read_only()


def multi_task_from_document(tensors: dict[str, np.ndarray], info: dict) -> MultiTask:
    """The model that `MultiTask.info` describes; errors as of `from_document`."""
    prepared, labels = info["preparation"], info["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels are not a list of names")
    choices = {name: info[name] for name in CHOICES if name != "head"}
    model = MultiTask(info["variant"], seed=None, in_channels=info["in_channels"], size=info["size"], labels=labels,
                      preparation=kind_in(prepared), widths=info.get("widths", ()), **choices)  # fmt: skip
    model.take(labels, TargetScaling.from_dict(info["targets"]))
    model.resized = checked_side(prepared["resized"], model.network)
    model.intervals = Intervals.from_dict(info["intervals"], model.n_targets)
    model.calibration = Calibration.from_dict(info["calibration"])
    model.training = info.get("training") if isinstance(info.get("training"), dict) else None
    model.load_state_dict(tensors)
    if not is_bounded(model.network, model.temperature):
        raise ValueError("its weights are too large, answers would not be finite")
    return model.make_read_only()


def checked_side(side: object, network: Network) -> int:
    """The side that images are resized to; ValueError where the network takes no such images."""
    if side not in (network.size, network.field):
        raise ValueError(f"images are resized to {side!r}, expected {network.size} or {network.field}")
    return int(side)


def pretrained() -> LeNet5:
    """The model that ships with the package, trained on MNIST (`lenet5 info` says how)."""
    return from_document(*serialization.load(WEIGHTS / "mnist.safetensors", "model"))
