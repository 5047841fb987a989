"""What `lenet5 compress` does: a model with fewer weights, trained on, and what that costs on validation images."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..models import compressed
from ..models.ensemble import check_classes, members_of
from ..models.lenet import LeNet5
from ..models.loading import Model
from ..models.quantized import Quantized
from ..training.config import Config
from ..training.trainer import Trainer
from ..utils.tables import Lines
from ..utils.text import percent
from . import images, structured
from .constraints import Compression
from .quantize import N_CALIBRATION

if TYPE_CHECKING:
    from ..datasets import Loaded

#: Settings of the training that follows, as they were chosen on validation images.
SETTINGS: dict[str, Any] = {
    "augment": "affine-wide,elastic",
    "average": 0.999,
    "schedule": "cosine",
    "learning_rate": 0.02,
}
#: Where weights share values: with a lower rate.
SHARING: dict[str, Any] = {"learning_rate": 0.012}
#: Where channels are removed: the gradients of what is left are steep at first, so the rate rises from a low one. The
#: last epochs lack distortions, which take some of what a small network can hold.
NARROW: dict[str, Any] = {"schedule": "onecycle", "finetune": 0.1, "finetune_augment": "crop"}


@dataclass(frozen=True, eq=False)
class CompressionReport:
    """A compressed model beside the one that it was made of.

    Attributes
    ----------
    model : LeNet5, or Quantized
    dataset : name of the set whose training images were used
    n_validation : number of images
    held_out : whether the model was not trained on the validation images
    accuracy_before, accuracy_after : fractions of the validation images
    n_weights_before, n_weights_after : weights and biases that are not 0
    macs_before, macs_after : multiply-adds of one image
    is_coded : whether weights share values, so that the file is entropy-coded
    """

    model: LeNet5 | Quantized
    dataset: str
    n_validation: int
    held_out: bool
    accuracy_before: float
    accuracy_after: float
    n_weights_before: int
    n_weights_after: int
    macs_before: int
    macs_after: int
    is_coded: bool

    def save(self, path: str | os.PathLike) -> None:
        """Write the model's file, completely or not at all; OSError where it cannot be written."""
        if self.is_coded and isinstance(self.model, LeNet5):
            compressed.save(self.model, path)
        else:
            self.model.save(path)

    def as_dict(self) -> dict:
        """As JSON."""
        return {name: value for name, value in self.__dict__.items() if name != "model"}

    def lines(self) -> Lines:
        """For people."""
        return [
            f"{self.dataset}: {self.n_validation:,} validation images{images.whose(self.held_out)}",
            f"validation accuracy: {percent(self.accuracy_before)} before, {percent(self.accuracy_after)} after",
            f"weights that are not 0: {self.n_weights_before:,} before, {self.n_weights_after:,} after",
            f"multiply-adds: {self.macs_before:,} before, {self.macs_after:,} after",
        ]


def compress(
    model: Model,
    data: "Loaded",
    *,
    sparsity: float = 0.0,
    codebook: int = 0,
    macs: float = 1.0,
    widths: Sequence[int] = (),
    quantize: bool = False,
    epochs: int = 40,
    teachers: Sequence[Model] = (),
    seed: int = 0,
    threads: int | None = None,
    command: str = "lenet5.compress.compress",
    follow: Callable[[Trainer], None] = lambda trainer: trainer.finish(False, None),
) -> CompressionReport:
    """Remove channels and weights of a model, let weights share values, and train on meanwhile.

    Parameters
    ----------
    model : LeNet5
    data : Loaded
    sparsity : 0 to below 1, the fraction of the weights that become 0 (magnitude pruning)
    codebook : 2 to 255, the number of distinct values of each tensor besides 0; 0 leaves them as they are
    macs : above 0 to 1, the fraction of the multiply-adds that stay (structured pruning)
    widths : channels that stay in each hidden layer, instead of ``macs``
    quantize : whether to train for 8 bits, and give a model in 8 bits; not with ``sparsity`` and ``codebook``
    epochs : of training
    teachers : models to learn from, by default the model itself
    threads : changes the time only
    command : how the model says it was made
    follow : runs the trainer to its end

    Raises
    ------
    ValueError
        The model or a setting is not as above.
    DivergedError
        The loss is not finite any more.
    """
    model = images.float_network(model, "compress")
    _check(sparsity, codebook, macs, quantize)
    parts = images.split(model, data)
    if macs < 1 and not widths:
        widths = structured.widths_for(model, macs)
    small = structured.without_channels(model, tuple(widths)) if widths else _copy(model)
    taught_by = [member for teacher in teachers or [model] for member in members_of(teacher)]
    check_classes(taught_by, model.labels)
    networks = [member.network for member in taught_by]
    settings = SETTINGS | (NARROW if widths else {}) | (SHARING if codebook else {})
    config = Config(**settings, epochs=epochs, seed=seed, validation=len(parts.validation[1]), quantize=quantize)
    n_weights = sum(tensor.size for name, tensor in small.state_dict().items() if name.endswith(".weight"))
    n_steps = epochs * -(-len(parts.train[1]) // config.batch_size)
    constraint = Compression(round((1 - sparsity) * n_weights), codebook, n_steps) if sparsity or codebook else None
    trainer = Trainer(small.network, *parts.train, config, threads, networks, parts.validation, constraint=constraint)
    follow(trainer)
    small.training = _training(config, command, data)
    small.calibrate(*parts.validation, threads)
    made = small.quantize(trainer.some_images(N_CALIBRATION)[0]) if quantize else small
    return _report(model, small, made, parts, data, bool(codebook), threads)


def _check(sparsity: float, codebook: int, macs: float, quantize: bool) -> None:
    if not 0 <= sparsity < 1:
        raise ValueError(f"sparsity is {sparsity!r}, expected 0 to below 1")
    if codebook != 0 and not 2 <= codebook <= 255:
        raise ValueError(f"codebook is {codebook!r}, expected 2 to 255 values, or 0")
    if not 0 < macs <= 1:
        raise ValueError(f"macs is {macs!r}, expected a fraction above 0, at most 1")
    if quantize and (sparsity or codebook):
        raise ValueError("quantize makes weights of 8 bits, which does not go together with sparsity and codebook")


def _copy(model: LeNet5) -> LeNet5:
    """A model of the same weights, which may be trained."""
    small = structured.resized(model, model.widths)
    small.load_state_dict(model.state_dict())
    return small


def _training(config: Config, command: str, data: "Loaded") -> dict:
    """What the model says of its training: little, since its file is to be small."""
    chosen = {name: getattr(config, name) for name in ("epochs", "seed", "validation")}
    return {"command": command, "dataset": data.name, "data_sha256": data.sha256, "config": chosen}


def _report(
    model: LeNet5, small: LeNet5, made: LeNet5 | Quantized, parts: images.Images, data: "Loaded", is_coded: bool,
    threads: int | None,
) -> CompressionReport:  # fmt: skip
    """``made`` is what becomes of ``small``."""
    X, y = parts.validation
    before, after = (float((m.logits(X, threads).argmax(axis=1) == y).mean()) for m in (model, made))
    assert made.training is not None
    made.training["metrics"] = {"validation_accuracy": after}
    n_before, n_after = (sum(int((t != 0).sum()) for t in m.state_dict().values()) for m in (model, small))
    return CompressionReport(
        made, data.name, len(y), parts.held_out, before, after, n_before, n_after, model.macs, small.macs, is_coded
    )
