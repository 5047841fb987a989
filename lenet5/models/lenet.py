"""LeNet-5 as people use it: fit, predict, save, load; scikit-learn's words and meanings."""

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.calibration import Calibration
from ..nn import serialization
from ..preprocessing.preparation import Preparation
from ..training.weights import of_classes
from ..utils.characters import DIGITS
from . import quantized, transfer
from .base import Classifier
from .batches import gathered
from .class_names import are_other_classes, checked_labels, class_numbers, names_in
from .quantized import Quantized
from .single import SingleNetwork, finish

if TYPE_CHECKING:
    from ..training.records import Epoch
    from ..training.trainer import Trainer


class LeNet5(SingleNetwork, Classifier):
    """LeNet-5, 61,706 parameters in its modern form, and its family.

    Parameters
    ----------
    variant : "modern", "1998", "lenet1" or "lenet4"
        See `architectures.VARIANTS`. It decides the layers, the first weights and the values of paper and ink.
    seed : int or None, of the initial weights (None: all 0) and, unless `fit` is told another, of training
    activation : "relu", "tanh", "sigmoid" or "scaled-tanh", optional
    pool : "max", "avg" or "trainable", optional
    c3 : "dense" or "table", optional
    head : "softmax" or "rbf", optional
        See `architectures.Choices`; where they are not given they are the variant's.
    labels : sequence of 2 to 256 str, optional
        Names of the classes: printable, at most 100 characters each, no two alike. Unless given, they are the ten
        digits, or what `fit` finds in ``y``.
    initializer : one of `initializers.INITIALIZERS`; unless given, the variant's, or "he" with ReLU
    in_channels : 1 for grey images, 3 for colour
    size : int, even, 28 to 128
        Side of the images: 32, and 28 padded to 32, is LeNet-5. Above 44 there is a third pair of convolution and
        pooling before C5, above 92 a fourth, see `architectures.stages_for`.
    preparation : "digit" or "image", optional
        How images of any kind are prepared: cut out and centred, or resized. Unless given, "digit" where the classes
        are the ten digits and the images grey and of 32 x 32.
    widths : sequence of int, optional, the output channels of the hidden layers: 6, 16, 120 and 84 in LeNet-5

    Attributes
    ----------
    labels : tuple of str
    network : Network, its layers and weights
    resized : int
        Side to which images of any kind are resized, before they are padded: as those that it was trained on.
    training : dict or None, how it was trained, as `lenet5 info` shows it; JSON values only
    history_ : list of Epoch, what each pass of the last `fit` came to; only there after it
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
        labels: Sequence[str] | None = None,
        initializer: str | None = None,
        in_channels: int = 1,
        size: int = 32,
        preparation: str | None = None,
        widths: Sequence[int] = (),
    ):
        self._choose(
            variant, seed, initializer, in_channels, size, widths, activation=activation, pool=pool, c3=c3, head=head
        )
        self._takes_labels = labels is None
        self._make_network(DIGITS if labels is None else labels)
        self._prepare(preparation)

    def _make_network(self, labels: Sequence[str]) -> None:
        """Take these names of classes, and first weights for as many."""
        self.labels = checked_labels(labels)
        self._build(len(self.labels))
        self.n_classes = self.network.n_classes

    @property
    def preparation(self) -> Preparation:
        """How images of any kind are prepared for it."""
        own = self.labels == DIGITS and self.in_channels == 1 and self.size == 32
        kind = self._preparation or ("digit" if own else "image")
        return Preparation(kind, self.resized, self.network.field, self.in_channels)

    def fit(
        self,
        X,
        y: np.ndarray | None = None,
        *,
        threads: int | None = None,
        teachers: "Sequence[LeNet5]" = (),
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        callback: "Callable[[Epoch], None] | None" = None,
        verbose: bool = False,
        class_weight: "str | Mapping | None" = None,
        sample_weight: np.ndarray | None = None,
        freeze: str | Sequence[str] = (),
        start_from: "LeNet5 | None" = None,
        **settings,
    ) -> "LeNet5":
        """Train quietly, on from the present weights; returns self. For a fresh start make a new LeNet5.

        Parameters
        ----------
        X : (N, 28, 28) or (N, channels, 32, 32), or of the model's size; uint8 or float32 in 0..1, ink bright
            Without y: batches (X, y) of such arrays, such as a DataLoader, read once before training.
        y : (N,), names of classes, or their numbers from 0
            A new model without ``labels`` takes them from here: the names, sorted; or "0", "1", ... for numbers
            above 9.
        threads : int, optional; changes the time, not the weights
        teachers : models, optional
            The mean of their answers is learnt instead of the labels, or as the part ``teacher_weight`` of them.
        validation_data : (X, y), or batches, optional
            Images to validate on, instead of ``validation`` of those to train on.
        callback, verbose : a callable that gets an `Epoch` after each pass, optional; whether to print a line there
        class_weight : "balanced" (all classes count alike in the loss), or a dict of class to weight, optional
        sample_weight : (N,), how much each image counts, optional
        freeze : names of layers whose weights stay as they are, to the byte, such as ("c1", "c3"); optional
        start_from : model, optional
            Its weights are taken first, where layers have the same shape. So a last layer for other classes is fresh.
        **settings
            Fields of `config.Config`: epochs=20, batch_size=64, learning_rate=..., seed=...; ``augment`` is "none" or
            some of "affine,elastic,photo,cutout,invert" (default "affine"). ``validation`` (default 0 here) sets
            images apart, keeps the epoch that is best on them, and calibrates the confidence on them.

        ValueError where shapes, dtypes, values or settings are not as above; DivergedError where the loss became NaN
        or infinite.
        """
        X, y = gathered(X if y is None else (X, y))
        y, X = self.class_numbers(X, self._taken_labels(y)), self._taken(X)
        if start_from is not None:
            transfer.start_from(self.network, start_from)
        settings |= {"freeze": freeze if isinstance(freeze, str) else ",".join(freeze)} if freeze else {}
        settings |= {"class_weight": class_weight} if isinstance(class_weight, str) else {}
        if isinstance(class_weight, Mapping):
            sample_weight = of_classes(self.class_numbers(X, y), self.labels, class_weight, sample_weight)
        if validation_data is not None:
            X_held, y_held = gathered(validation_data)
            validation_data = self._taken(X_held), class_numbers(y_held, self.labels)
        trainer = self._trainer(X, y, settings, threads, teachers, validation_data, sample_weight)
        self._takes_labels, self.resized = False, self.network.side_of(X)
        self.training, self.calibration = None, Calibration()  # what it said before is not true any more
        finish(self, trainer, "LeNet5.fit", verbose, callback)
        return self

    def _trainer(self, X, y, settings: dict, threads: int | None, teachers, *others) -> "Trainer":
        """The training that `fit` runs; TypeError for a setting that there is not."""
        from ..training.config import check_names
        from ..training.defaults import config_for
        from ..training.trainer import Trainer

        check_names(settings)
        settings = {"validation": 0, "seed": self.seed or 0, **settings}
        config = config_for(self.network, n_images=len(y), is_taught=bool(teachers), **settings)
        if not all(teacher.labels for teacher in teachers):
            raise ValueError("a teacher is a model of quantities, expected models of classes")
        networks = [teacher.network for teacher in teachers]
        return Trainer(self.network, X, y, config, threads, networks, *others)

    def _taken_labels(self, y: np.ndarray) -> np.ndarray:
        """The numbers of the classes ``y``, whose names a new model without any takes from there."""
        y = np.asarray(y)
        if self._takes_labels and y.ndim == 1 and are_other_classes(y):
            names = names_in(y)
            if names != self.labels:
                self._make_network(names)
        return class_numbers(y, self.labels)

    def _kind(self) -> str:
        return self.variant

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """`Network.logits`: scores (N, classes), float32."""
        return self.network.logits(X, threads)

    def predict_proba(self, X, threads: int | None = None) -> np.ndarray:
        """Probabilities (N, classes) float32, or a map (N, classes, h, w) for larger images; X as of `predict`."""
        return self._answered(lambda X: self.network.probabilities(X, threads, self.temperature), X, threads)

    def info(self) -> dict:
        """What a model file says about itself."""
        return {
            **self._choices(),
            "labels": list(self.labels),
            **self._shapes(),
            "training": self.training,
            "calibration": self.calibration.as_dict(),
        }

    def quantize(self, X: np.ndarray) -> Quantized:
        """The model in 8 bits: a quarter as large, faster, and with the same scores on every machine.

        X : array of some hundred images that it was trained or validated on, never those that it is to be tested on.
        ValueError unless the network has ReLU, max-pooling and a softmax head.
        """
        return quantized.quantized(self, copy.deepcopy(self), X)

    def to_torch(self):
        """A PyTorch module with the same answers, see docs/torch.md: from images, float32 in 0..1, to logits."""
        from ..nn.torch_modules import module

        return module(self.network, self.temperature, self.labels)

    def save(self, path: str | os.PathLike) -> None:
        """Write a model file (safetensors), wholly or not at all. OSError where that cannot be."""
        serialization.save(path, self.state_dict(), "model", self.info())
