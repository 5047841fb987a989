"""Records of a training: its position and the result of each epoch, and how they are read back from a file."""

import math
from dataclasses import dataclass, field, fields
from typing import ClassVar


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch. Losses in nats, accuracies in 0..1 (None: no validation)."""

    has_classes: ClassVar[bool] = True
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    learning_rate: float
    seconds: float
    images_per_second: float

    def __str__(self) -> str:
        validation = "" if self.validation_accuracy is None else f"  val {100 * self.validation_accuracy:.2f}%"
        return (
            f"loss {self.train_loss:.4f}  acc {100 * self.train_accuracy:.2f}%{validation}  {self.seconds:.1f} s  "
            f"{self.images_per_second:,.0f}/s"
        )

    def validated(self) -> dict[str, float | None]:
        """What validation came to, as models tell it."""
        return {"validation_accuracy": self.validation_accuracy, "validation_loss": self.validation_loss}

    def beats(self, other: "Epoch") -> bool:
        """Whether it is better on validation: more right answers, or as many at a lower loss. True where none is."""
        if self.validation_accuracy is None or self.validation_loss is None:
            return True
        ours = self.validation_accuracy, -self.validation_loss
        return ours > (other.validation_accuracy, -(other.validation_loss or 0.0))

    @staticmethod
    def panels(history: "list[Epoch]") -> dict[str, dict[str, list[float | None]]]:
        """Curves over epochs, see `plots.curves`."""
        return {"loss (nats)": _losses(history), "error (%)": _errors(history)}


@dataclass(frozen=True)
class QuantityEpoch:
    """The result of one epoch on quantities. Losses of scaled targets; the mean absolute error in the targets' unit."""

    has_classes: ClassVar[bool] = False
    epoch: int
    train_loss: float
    validation_loss: float | None
    validation_mae: float | None
    validation_r2: float | None
    learning_rate: float
    seconds: float
    images_per_second: float

    def __str__(self) -> str:
        known = self.validation_mae is not None
        validation = f"  val MAE {self.validation_mae:.4g}  R2 {self.validation_r2:.4f}" if known else ""
        return f"loss {self.train_loss:.4f}{validation}  {self.seconds:.1f} s  {self.images_per_second:,.0f}/s"

    def validated(self) -> dict[str, float | None]:
        """What validation came to, as models tell it."""
        return {name: getattr(self, name) for name in ("validation_mae", "validation_r2", "validation_loss")}

    def beats(self, other: "QuantityEpoch") -> bool:
        """Whether its validation loss is lower; True where there is none."""
        return _has_lower_loss(self, other)

    @staticmethod
    def panels(history: "list[QuantityEpoch]") -> dict[str, dict[str, list[float | None]]]:
        """Curves over epochs, see `plots.curves`."""
        return {"loss": _losses(history), "mean absolute error": _mean_errors(history)}


@dataclass(frozen=True)
class MultiTaskEpoch:
    """The result of one epoch on classes and quantities; losses are the sum of both, else as of the other two."""

    has_classes: ClassVar[bool] = True
    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    validation_mae: float | None
    validation_r2: float | None
    learning_rate: float
    seconds: float
    images_per_second: float

    def __str__(self) -> str:
        validation = ""
        if self.validation_accuracy is not None:
            right = f"{100 * self.validation_accuracy:.2f}%"
            validation = f"  val {right}  MAE {self.validation_mae:.4g}  R2 {self.validation_r2:.4f}"
        return (
            f"loss {self.train_loss:.4f}  acc {100 * self.train_accuracy:.2f}%{validation}  {self.seconds:.1f} s  "
            f"{self.images_per_second:,.0f}/s"
        )

    def validated(self) -> dict[str, float | None]:
        """What validation came to, as models tell it."""
        names = ("validation_accuracy", "validation_mae", "validation_r2", "validation_loss")
        return {name: getattr(self, name) for name in names}

    def beats(self, other: "MultiTaskEpoch") -> bool:
        """Whether its validation loss is lower; True where there is none."""
        return _has_lower_loss(self, other)

    @staticmethod
    def panels(history: "list[MultiTaskEpoch]") -> dict[str, dict[str, list[float | None]]]:
        """Curves over epochs, see `plots.curves`."""
        return {"loss": _losses(history), "error (%)": _errors(history), "mean absolute error": _mean_errors(history)}


AnyEpoch = Epoch | QuantityEpoch | MultiTaskEpoch


def _losses(history: list) -> dict[str, list[float | None]]:
    return {"training": [e.train_loss for e in history], "validation": [e.validation_loss for e in history]}


def _errors(history: list) -> dict[str, list[float | None]]:
    accuracies = [e.validation_accuracy for e in history]
    return {
        "training": [100 * (1 - e.train_accuracy) for e in history],
        "validation": [None if accuracy is None else 100 * (1 - accuracy) for accuracy in accuracies],
    }


def _mean_errors(history: list) -> dict[str, list[float | None]]:
    return {"validation": [e.validation_mae for e in history]}


def _has_lower_loss(epoch: QuantityEpoch | MultiTaskEpoch, other: QuantityEpoch | MultiTaskEpoch) -> bool:
    if epoch.validation_loss is None:
        return True
    assert other.validation_loss is not None
    return epoch.validation_loss < other.validation_loss


@dataclass
class Progress:
    """The position of training within an epoch."""

    epoch: int
    n_done: int
    n: int
    loss: float
    accuracy: float | None
    seconds: float


@dataclass
class Position:
    """The position of training between two runs of steps, as a checkpoint keeps it."""

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    n_correct: int = 0
    seconds: float = 0.0
    best_epoch: int = 0
    history: list[dict] = field(default_factory=list)


def saved_position(
    document: dict,
    origin: dict,
    epochs: int,
    steps_per_epoch: int,
    *,
    is_validated: bool,
    record: type[AnyEpoch] = Epoch,
) -> Position:
    """Read the position in a saved document; ValueError unless every field is sound.

    ``origin`` holds the values that the document must share with the training that resumes.
    """
    try:
        document = dict(document)
        found = {name: document.pop(name) for name in origin}
        at = Position(**document)
        history = [record(**one) for one in at.history]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the saved position is malformed: {error}") from None
    if found != origin:
        raise ValueError("the saved state belongs to another training: its settings or images differ")
    records: list[Position | AnyEpoch] = [at, *history]
    if not all(_is_sound(one, is_validated) for one in records):
        raise ValueError("the saved position is malformed: a number is missing or not a number")
    if not (0 <= at.epoch <= epochs and 0 <= at.step <= steps_per_epoch):
        raise ValueError(f"the saved position, epoch {at.epoch} batch {at.step}, is not in this run")
    if [one.epoch for one in history] != list(range(1, at.epoch + 1)):
        raise ValueError(f"the saved history lacks some of the epochs 1 to {at.epoch}")
    if not min(1, at.epoch) <= at.best_epoch <= at.epoch or not 0 <= at.n_correct <= origin["n_pictures"]:
        raise ValueError("the saved position is malformed: a count is out of range")
    return at


def _is_sound(record: Position | AnyEpoch, is_validated: bool) -> bool:
    """Whether every number of a record is finite and of its type; None is allowed only where nothing was measured."""
    for entry in fields(record):
        value = getattr(record, entry.name)
        if entry.name.startswith("validation_") and not is_validated:
            if value is not None:
                return False
        elif entry.name != "history":
            kinds = (int,) if entry.type is int else (int, float)
            if type(value) not in kinds or not -math.inf < value < math.inf:
                return False
    return True
