"""Which images of a data set a smaller model is made with, and which it is judged by."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..models.ensemble import common_validation
from ..models.lenet import LeNet5
from ..models.multi_task import MultiTask
from ..models.regressor import Regressor
from ..training.sampler import validation_numbers

if TYPE_CHECKING:
    from ..datasets import Loaded

#: Validation images of models that do not name theirs, at most a tenth of the set.
N_VALIDATION = 5000


@dataclass(frozen=True, eq=False)
class Images:
    """Training images of a set, split in two; its test images are not looked at.

    Attributes
    ----------
    train, validation : (X, y)
    held_out : whether the validation images are those of the model's training, on which it was not trained
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    held_out: bool


def whose(held_out: bool) -> str:
    """What is to be known of validation images, as the end of a sentence."""
    return "" if held_out else ", on which the model may have been trained"


def split(model: LeNet5, data: "Loaded") -> Images:
    """The validation images of the model where they are known, or the set's own, or some; and the rest."""
    X, y = data.train
    own = getattr(data, "validation", None)
    if own is not None and len(own[1]):
        return Images((X, y), own, (model.training or {}).get("data_sha256") == data.sha256)
    known = common_validation([model], data.sha256, len(X))
    chosen = validation_numbers(len(X), max(1, min(N_VALIDATION, len(X) // 10))) if known is None else known
    rest = np.setdiff1d(np.arange(len(X)), chosen)
    return Images((X[rest], y[rest]), (X[chosen], y[chosen]), known is not None)


def float_network(model, what: str) -> LeNet5:
    """The model, if it is a single network in float32; ValueError with ``what`` is done to such."""
    if isinstance(model, LeNet5):
        return model
    if isinstance(model, Regressor | MultiTask):
        raise ValueError(f"the model is one of quantities, expected one of classes to {what}")
    kind = f"a committee: {what} its members one by one" if hasattr(model, "models") else "in 8 bits already"
    raise ValueError(f"the model is {kind}")
