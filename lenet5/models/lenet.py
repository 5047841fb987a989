"""LeNet-5 as people use it: fit, predict, save, load; scikit-learn's words and meanings."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple
from typing import TYPE_CHECKING, Self

import numpy as np

from ..errors import DivergedError
from ..evaluation.calibration import Calibration
from ..nn import serialization
from ..nn.architectures import CHOICES, VARIANTS
from ..nn.layers import RBF, ScaledTanh, Sigmoid, Tanh
from ..nn.network import Network
from ..nn.summary import Summary
from ..utils.characters import DIGITS
from ..utils.shipped import WEIGHTS
from . import quantized
from .base import Classifier, as_array
from .quantized import Quantized

if TYPE_CHECKING:
    from ..training.records import Epoch

MAX_LABEL = 100  # characters
_TOO_LARGE = float(np.finfo(np.float32).max) / 2  # for a sum in float32
#: How an image becomes an input (normalization.py), by `Classifier.preparation`; written to every model file.
PREPARATIONS: dict[str, dict] = {
    "digit": {"ink_box": 20, "centred_by": "mass", "field": 28, "input": 32, "ink": "bright"},
    "image": {"resized": 28, "input": 32},
}


class LeNet5(Classifier):
    """LeNet-5, 61,706 parameters in its modern form, and its family.

    Parameters
    ----------
    variant : "modern", "1998", "lenet1" or "lenet4"
        See `architectures.VARIANTS`. It decides the layers, the first weights and the values of paper and ink.
    seed : int or None
        Of the initial weights (None: all 0) and, unless `fit` is told another, of training.
    activation : "relu", "tanh", "sigmoid" or "scaled-tanh", optional
    pool : "max", "avg" or "trainable", optional
    c3 : "dense" or "table", optional
    head : "softmax" or "rbf", optional
        See `architectures.Choices`; where they are not given they are the variant's.
    labels : sequence of str
        Names of the classes: printable, at most 100 characters each.
    initializer : one of `initializers.INITIALIZERS`, optional
        Of the first weights; unless given, the variant's, or "he" with ReLU.

    Attributes
    ----------
    network : Network
        Its layers and weights.
    training : dict or None
        How it was trained, as `lenet5 info` shows it. JSON values only.
    history_ : list of Epoch
        What each pass of the last `fit` came to; only there after it.
    """

    def __init__(
        self,
        variant: str = "modern",
        *,
        seed: int | None = 0,
        activation: str | None = None,
        pool: str | None = None,
        c3: str | None = None,
        head: str | None = None,
        labels: Sequence[str] = DIGITS,
        initializer: str | None = None,
    ):
        if variant not in VARIANTS:
            raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
        kind = VARIANTS[variant]
        choices = kind.choose(activation=activation, pool=pool, c3=c3, head=head)
        self.activation, self.pool, self.c3, self.head = astuple(choices)
        self.variant, self.seed = variant, seed
        self.labels = [str(label) for label in labels]
        if not 2 <= len(self.labels) <= 256:
            raise ValueError(f"{len(self.labels)} labels, expected 2 to 256")
        for label in self.labels:
            if not (label.isprintable() and 1 <= len(label) <= MAX_LABEL):
                raise ValueError(f"label {label[:40]!r} is not 1 to {MAX_LABEL} characters that can be printed")
        self.training: dict | None = None
        initializer = initializer or kind.initializer_for(choices)
        self.network = Network(kind.layers(choices, len(self.labels)), seed=seed, background=kind.background,
                               ink=kind.ink, initializer=initializer, margin=kind.margin)  # fmt: skip
        self.layers, self.n_parameters = self.network.layers, self.network.n_parameters
        self.n_classes, self.in_channels = self.network.n_classes, self.network.in_channels

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        threads: int | None = None,
        teachers: "Sequence[LeNet5]" = (),
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        callback: "Callable[[Epoch], None] | None" = None,
        verbose: bool = False,
        **settings,
    ) -> "LeNet5":
        """Train quietly, on from the present weights; returns self. For a fresh start make a new LeNet5.

        Parameters
        ----------
        X : (N, 28, 28) or (N, 1, 32, 32), uint8 or float32 in 0..1, ink bright
        y : (N,), labels from 0
        threads : int, optional
            Changes the time, not the weights.
        teachers : models, optional
            The mean of their answers is learnt instead of the labels, or as the part ``teacher_weight`` of them.
        validation_data : (X, y), optional
            Images to validate on, instead of ``validation`` of the training images.
        callback : callable, optional
            Is called with an `Epoch` after each pass.
        verbose : bool
            Print a line after each pass.
        **settings
            Fields of `config.Config`: epochs=20, batch_size=64, learning_rate=..., seed=...; ``augment`` is "none" or
            some of "affine,elastic,photo,cutout,invert" (default "affine"). ``validation`` (default 0 here) sets
            images apart, keeps the epoch that is best on them, and calibrates the confidence on them.

        Raises
        ------
        ValueError
            Shapes, dtypes, values or settings are not as above.
        DivergedError
            The loss became NaN or infinite.
        """
        from ..training.config import Config
        from ..training.trainer import Trainer, config_for

        if unknown := set(settings) - set(Config.__dataclass_fields__):
            raise TypeError(
                f"fit() has no setting {min(unknown)!r}; there are {', '.join(Config.__dataclass_fields__)}"
            )
        settings = {"validation": 0, "seed": self.seed or 0, **settings}
        config = config_for(self.network, is_taught=bool(teachers), **settings)
        networks = [teacher.network for teacher in teachers]
        trainer = Trainer(self.network, X, y, config, threads, networks, validation_data)
        self.training, self.calibration = None, Calibration()  # what it said before is not true any more
        for epoch in trainer.run():
            if verbose:
                print(f"epoch {epoch.epoch}/{config.epochs}  {epoch}")
            if callback:
                callback(epoch)
        self.history_ = trainer.history
        self.parameters[:] = trainer.best
        if not _largest_sum(self.network) < _TOO_LARGE:
            raise DivergedError("the weights grew so large that answers would not be finite; lower the learning rate")
        if trainer.validation:
            self.calibrate(*trainer.validation, trainer.threads)
        self.training = {"command": "LeNet5.fit", "config": asdict(config)}
        return self

    def _kind(self) -> str:
        return self.variant

    def __getstate__(self) -> dict:
        """A copy has a network of its own, which it may freeze or thaw."""
        return {**self.__dict__, "network": copy.copy(self.network)}

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """`Network.logits`: scores (N, classes), float32."""
        return self.network.logits(X, threads)

    def predict_proba(self, X, threads: int | None = None) -> np.ndarray:
        """Probabilities of the classes, (N, classes) float32; X as `predict` takes it.

        For images over 32 x 32 it is a map (N, classes, h, w).
        """
        return self.network.probabilities(as_array(X, self, threads), threads, self.temperature)

    @property
    def parameters(self) -> np.ndarray:
        """All weights and biases of the network in one buffer, (n,) float32."""
        return self.network.parameters

    def state_dict(self, parameters: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """`Network.state_dict`: views of each tensor by name."""
        return self.network.state_dict(parameters)

    def load_state_dict(self, tensors: Mapping[str, np.ndarray]) -> None:
        """`Network.load_state_dict`; ValueError where a name or a shape differs, or the weights are read-only."""
        self.network.load_state_dict(tensors)

    @property
    def is_frozen(self) -> bool:
        """Whether the weights are read-only."""
        return self.network.is_frozen

    def freeze(self) -> Self:
        """Make the weights read-only, so that single images are answered more quickly; returns self."""
        self.network.freeze()
        return self

    def thaw(self) -> Self:
        """Undo `freeze`, as training does by itself; returns self."""
        self.network.thaw()
        return self

    def summary(self, height: int = 32, width: int = 32) -> Summary:
        """The layer table for images of this size."""
        return self.network.summary(height, width)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image of 32 x 32."""
        return sum(row.macs for row in self.summary())

    def info(self) -> dict:
        """What a model file says about itself."""
        return {
            "variant": self.variant,
            **{name: getattr(self, name) for name in CHOICES},
            "labels": self.labels,
            "input_shape": [self.in_channels, 32, 32],
            "shapes": {name: list(tensor.shape) for name, tensor in self.state_dict().items()},
            "preparation": {"kind": self.preparation, **PREPARATIONS[self.preparation]},
            "training": self.training,
            "calibration": self.calibration.as_dict(),
        }

    def quantize(self, X: np.ndarray) -> Quantized:
        """The model in 8 bits: a file a quarter as large, answered faster, and the same scores on every machine.

        X : images as `predict` takes them in an array; some hundred of those that the model was trained on, or that
        it was validated on, never those that it is to be tested on. They decide the scales of the activations.

        ValueError unless the network has ReLU, max-pooling and a softmax head.
        """
        return quantized.quantized(self, described(self.info()), X)

    def save(self, path: str | os.PathLike) -> None:
        """Write a model file (safetensors), wholly or not at all. OSError where that cannot be."""
        serialization.save(path, self.state_dict(), "model", self.info())


def from_document(tensors: dict[str, np.ndarray], info: dict) -> LeNet5:
    """The model that `LeNet5.info` describes; AttributeError, KeyError, TypeError, ValueError where it is malformed."""
    model = described(info)
    model.load_state_dict(tensors)
    if not _largest_sum(model.network) * max(1, 1 / model.temperature) < _TOO_LARGE:
        raise ValueError("its weights are too large, answers would not be finite")
    return model.freeze()


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
    model = LeNet5(info["variant"], seed=None, labels=labels, **choices)
    model.calibration = Calibration.from_dict(info.get("calibration"))
    model.training = info.get("training") if isinstance(info.get("training"), dict) else None
    return model


def _largest_sum(network: Network) -> float:
    """No number inside the network exceeds this for any image in 0..1."""
    tensors = network.state_dict()
    bound = largest = max(abs(network.background), abs(network.ink), 1.0)
    for name, layer in network.layers.items():
        if isinstance(layer, RBF):
            bound = layer.in_channels * (bound + 1) ** 2
        elif f"{name}.weight" in tensors:
            weight, bias = (np.abs(tensors[f"{name}.{kind}"], dtype=np.float64) for kind in ("weight", "bias"))
            # the largest kernel times the most kernels that a unit has, or each unit's own sum
            sums = weight.reshape(len(weight), -1).sum(axis=1)
            table = getattr(layer, "table", None)
            n_kernels = 1 if table is None else max(map(len, table))
            bound = float((n_kernels * sums.max() if n_kernels > 1 else sums).max() * bound + bias.max())
        elif isinstance(layer, Sigmoid | Tanh | ScaledTanh):
            bound = min(bound, 2.0)
        largest = max(largest, bound)
    return largest


def pretrained() -> LeNet5:
    """The model that ships with the package, trained on MNIST (`lenet5 info` says how)."""
    return from_document(*serialization.load(WEIGHTS / "mnist.safetensors", "model"))
