"""Several models that answer together: a committee of equals, and a cascade of a small one and a large one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np

from ..evaluation.calibration import Calibration
from ..nn import serialization
from ..preprocessing.preparation import Preparation
from . import documents
from .base import Classifier
from .images import ImageModel
from .lenet import LeNet5
from .multi_task import MultiTask
from .quantized import Quantized

_Share = TypeVar("_Share", float, np.ndarray)
MAX_MEMBERS = 64
_LEAST = np.finfo(np.float32).tiny  # keeps the logarithm of a probability finite


class Committee(Classifier):
    """A model that answers with the mean of its members' probabilities.

    Its logits are the logarithms of that mean. `calibrate` fits a temperature of its own: confident members that
    disagree have a mean that is less confident than it should be.

    Parameters
    ----------
    models : sequence of 1 to 64 models with the same labels

    Attributes
    ----------
    models : list
    training : dict or None
        How it was trained; JSON values only.

    Examples
    --------
    >>> from lenet5 import Committee, LeNet5
    >>> from lenet5.datasets.synthetic import strokes
    >>> X, y = strokes.draw(100, seed=1)
    >>> committee = Committee([LeNet5(seed=seed).fit(X, y, epochs=1) for seed in (0, 1)])
    >>> committee.predict_proba(X).shape
    (100, 10)
    """

    def __init__(self, models: "Sequence[LeNet5 | Committee | Quantized]"):
        self.models = list(models)
        if not 1 <= len(self.models) <= MAX_MEMBERS:
            raise ValueError(f"{len(self.models)} models, a committee has 1 to {MAX_MEMBERS}")
        _check_same_labels(*self.models)
        self.labels, self.n_classes = self.models[0].labels, self.models[0].n_classes
        self.in_channels, self.size = self.models[0].in_channels, self.models[0].size
        self.training: dict | None = None

    def _kind(self) -> str:
        return f"of {len(self.models)}"

    @property
    def preparation(self) -> Preparation:
        """That of its first member."""
        return self.models[0].preparation

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        return self.models[0].check_pictures(X)

    @property
    def macs(self) -> float:
        """Multiply-accumulates per image, over all members."""
        return sum(model.macs for model in self.models)

    @property
    def n_parameters(self) -> int:
        return sum(model.n_parameters for model in self.models)

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return the logarithms of the mean probabilities, (N, classes) or (N, classes, h, w), float32."""
        total = self.models[0].predict_proba(X, threads).astype(np.float64)
        for model in self.models[1:]:
            total += model.predict_proba(X, threads)
        return _logarithms(total / len(self.models))

    def to_torch(self):
        """As `LeNet5.to_torch`: from images to what `logits` gives. ValueError unless each member is a LeNet5."""
        from ..nn.torch_modules import committee

        members = [(model.network, model.temperature) for model in self.models if isinstance(model, LeNet5)]
        if len(members) < len(self.models):
            raise ValueError("a committee becomes a PyTorch module if each of its members is a LeNet5")
        return committee(members, self.temperature, self.labels)

    def info(self) -> dict:
        """Return what a file says about the committee."""
        return {
            "labels": list(self.labels),
            "members": [model.info() for model in self.models],
            "training": self.training,
            "calibration": self.calibration.as_dict(),
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write all members to one safetensors file, completely or not at all; TypeError unless each is a LeNet5."""
        members = [model for model in self.models if isinstance(model, LeNet5)]
        if len(members) < len(self.models):
            raise TypeError("a committee can be saved if each of its members is a LeNet5")
        tensors = {
            f"{k}.{name}": tensor for k, model in enumerate(members, 1) for name, tensor in model.state_dict().items()
        }
        serialization.save(path, tensors, "committee", self.info())


class Cascade(Classifier):
    """A small model answers what it is sure of, a large one the rest.

    Parameters
    ----------
    small, large : models with the same labels
    threshold : float, at least 0
        The lowest confidence with which the small model answers: 0 answers every image, above 1 none.
        `choose_threshold` finds it.

    Examples
    --------
    >>> from lenet5 import Cascade, LeNet5
    >>> from lenet5.datasets.synthetic import strokes
    >>> X, y = strokes.draw(100, seed=1)
    >>> cascade = Cascade(LeNet5("lenet1"), LeNet5().fit(X, y, epochs=1), threshold=0.99)
    >>> cascade.predict(X).shape
    (100,)
    """

    def __init__(self, small: Classifier, large: Classifier, threshold: float):
        _check_same_labels(small, large)
        if not threshold >= 0:
            raise ValueError(f"threshold is {threshold!r}, expected a confidence, at least 0")
        self.small, self.large, self.threshold = small, large, float(threshold)
        self.labels, self.n_classes, self.in_channels = small.labels, small.n_classes, small.in_channels
        self.size = small.size

    def _kind(self) -> str:
        return f"up to confidence {self.threshold:g}"

    @property
    def preparation(self) -> Preparation:
        """That of the small model."""
        return self.small.preparation

    def check_pictures(self, X: np.ndarray) -> np.ndarray:
        return self.small.check_pictures(X)

    @property
    def macs(self) -> float:
        """Multiply-accumulates per image at most; `cost` gives the mean."""
        return self.small.macs + self.large.macs

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Return the log-probabilities of the model that answers each image, (N, classes), float32."""
        X = np.asanyarray(X)  # keeps a memory map, so that its pages do not pile up
        probabilities = _one_answer_each(self.small, X, threads)
        unsure = np.flatnonzero(probabilities.max(axis=1) < self.threshold)
        if len(unsure):
            probabilities[unsure] = self.large.predict_proba(X[unsure], threads)
        return _logarithms(probabilities)

    def cost(self, asked: _Share) -> _Share:
        """Return the mean multiply-accumulates per image, if the fraction ``asked`` goes to the large model."""
        return self.small.macs + asked * self.large.macs

    def curve(self, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> "CascadeCurve":
        """Return cost and error of every threshold on the images ``X`` with labels ``y``."""
        y = self.class_numbers(X, y)
        small, large = (_one_answer_each(model, X, threads) for model in (self.small, self.large))
        confidence = small.max(axis=1)
        order = np.argsort(confidence, kind="stable")
        wrong_small, wrong_large = ((p.argmax(axis=1) != y)[order] for p in (small, large))
        cuts = np.append(np.append(True, np.diff(confidence[order]) > 0)[: len(y)], True)  # ties stay together
        n_asked = np.flatnonzero(cuts)
        errors = np.append(0, np.cumsum(wrong_large)) + wrong_small.sum() - np.append(0, np.cumsum(wrong_small))
        n = max(len(y), 1)
        return CascadeCurve(np.append(confidence[order], 2.0)[n_asked], n_asked / n, errors[n_asked] / n)

    def choose_threshold(self, X: np.ndarray, y: np.ndarray, threads: int | None = None) -> "Cascade":
        """Take the lowest threshold with no more errors on validation images than the large model; return self."""
        curve = self.curve(X, y, threads)
        self.threshold = float(curve.threshold[np.flatnonzero(curve.error <= curve.error[-1])[0]])
        return self


@dataclass(frozen=True)
class CascadeCurve:
    """For each threshold, ascending: the fraction of images that go to the large model, and the error.

    At the first threshold the small model answers every image; at the last, 2, the large one does.
    """

    threshold: np.ndarray
    asked: np.ndarray
    error: np.ndarray

    def at(self, threshold: float) -> tuple[float, float]:
        """Return (asked, error) for any threshold."""
        k = int(np.searchsorted(self.threshold, min(threshold, 2.0)))
        return float(self.asked[k]), float(self.error[k])


def members_of(model: ImageModel) -> list[LeNet5]:
    """Return the networks of a committee that teaches, nested ones included, or the model itself as a list."""
    if isinstance(model, Committee):
        return [single for member in model.models for single in members_of(member)]
    if isinstance(model, Quantized):
        raise ValueError("a teacher is in 8 bits; name the float32 model that it was made of")
    return [cast(LeNet5, model)]  # or one of quantities, where what it starts from is asked for


def check_classes(teachers: Sequence[LeNet5], classes: Sequence[str]) -> None:
    """ValueError for a teacher of other classes than those that are learnt, or of quantities, which has none."""
    if any(teacher.labels != tuple(classes) for teacher in teachers):
        raise ValueError("a teacher does not fit: its classes are not those of the images to train on")


def from_document(tensors: dict[str, np.ndarray], info: dict) -> Committee:
    """Make the committee that `Committee.info` describes; KeyError, TypeError or ValueError if malformed."""
    members = info["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= MAX_MEMBERS:
        raise ValueError(f"members are not a list of 1 to {MAX_MEMBERS}")
    parts: list[dict[str, np.ndarray]] = [{} for _ in members]
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        if number not in map(str, range(1, len(parts) + 1)):
            raise ValueError(f"tensor {key!r} does not belong to a member")
        parts[int(number) - 1][name] = tensor
    committee = Committee(
        [documents.from_document(part, document) for part, document in zip(parts, members, strict=True)]
    )
    if info["labels"] != list(committee.labels):
        raise ValueError("its labels are not those of its members")
    committee.calibration = Calibration.from_dict(info.get("calibration"))
    committee.training = info.get("training") if isinstance(info.get("training"), dict) else None
    return committee


def _check_same_labels(first: Classifier, *others: Classifier) -> None:
    if any(not model.labels for model in (first, *others)):
        raise ValueError("a model of quantities has no classes, and several models decide together about classes only")
    for other in others:
        if tuple(other.labels) != tuple(first.labels):
            raise ValueError(
                f"models have other labels ({', '.join(other.labels)}) than the first one ({', '.join(first.labels)})"
            )
        if other.in_channels != first.in_channels:
            raise ValueError(f"a model takes {other.in_channels} channels, the first one {first.in_channels}")
        if other.size != first.size:
            raise ValueError(f"a model takes images of side {other.size}, the first one of {first.size}")


def _one_answer_each(model: Classifier, X: np.ndarray, threads: int | None) -> np.ndarray:
    """Return probabilities (N, classes); ValueError for images so large that they give maps."""
    probabilities = model.predict_proba(X, threads)
    if probabilities.ndim != 2:
        raise ValueError(f"images give maps of shape {probabilities.shape[2:]}, expected one answer each (32 x 32)")
    return probabilities


def _logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Return float32 logarithms, finite even for probability 0."""
    return np.log(np.maximum(probabilities.astype(np.float64), _LEAST)).astype(np.float32)


def common_validation(
    models: Sequence[LeNet5 | Committee | Quantized | MultiTask], data_sha256: str, n: int
) -> np.ndarray | None:
    """Return the indices of training images that all models had set apart for validation.

    ``n`` is the number of training images. None if a model does not name its validation images, or was trained on
    other data. A committee answers for its members.
    """
    from ..training.sampler import validation_numbers

    chosen = np.arange(n)
    for model in models:
        for member in model.models if isinstance(model, Committee) else [model]:
            training = member.training or {}
            config = training.get("config")
            n_validation = config.get("validation") if isinstance(config, dict) else None
            if training.get("data_sha256") != data_sha256 or type(n_validation) is not int or not 0 < n_validation < n:
                return None
            chosen = np.intersect1d(chosen, validation_numbers(n, n_validation))
    return chosen if len(chosen) else None
