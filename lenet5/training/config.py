"""How to train: every choice that decides the weights."""

import math
import operator
from dataclasses import dataclass, fields

from .. import _kernels
from . import augment
from .schedules import SCHEDULES

#: By name: the kernels' kind, and the learning rate that suits batches of 64.
OPTIMIZERS = {
    "sgd": (_kernels.SGD, 0.05),
    "adam": (_kernels.ADAM, 2e-3),
    "adamw": (_kernels.ADAMW, 2e-3),
    "rmsprop": (_kernels.RMSPROP, 1e-3),
    # Whatever the batch. P98 begins with 5e-4, at which training from its first weights diverges here.
    "sdlm": (_kernels.SDLM, 5e-5),
}
LOSSES = ("cross-entropy", "map", "mse")


@dataclass(frozen=True)
class Config:
    """How to train. All of it, and nothing else, decides the weights (with the data and the machine).

    epochs, batch_size : at least 1
    optimizer : one of `OPTIMIZERS`; momentum, and nesterov's kind of it, are of sgd only
    learning_rate : the schedule's peak, above 0; None: what suits the optimizer
    schedule : one of `schedules.SCHEDULES`; warmup is the part of the training, 0 to 1, over which the rate first rises
    finetune : 0 to below 1, the part of the epochs, behind the schedule, that see the pictures distorted by
        finetune_augment only; the rate falls from a tenth of learning_rate along half a cosine
    weight_decay : added to the gradient, in adamw decoupled from it; l1 times the sign of each weight is added too
    clip_norm : the largest Euclidean norm of a batch's gradient, longer ones are shortened; 0: any
    loss : "cross-entropy"; "mse", eq. 8 of the 1998 paper, and "map", its eq. 9, for scores that are minus penalties
    label_smoothing : 0 to below 1, the part of each target that goes to all classes alike
    rubbish_penalty : eq. 9's j
    teacher_weight : 0 to 1, the part of each target that is the mean of the teachers' answers, where there are any
    distillation_temperature : by which their logits and the network's are divided then, above 0
    augment, finetune_augment : "none" or names of `augment.AUGMENTATIONS` with commas between
    mixup : alpha of the Beta distribution, 0 to 1, of the shares in which two pictures are mixed; 0: none
    adversarial : how far, 0 to 1, every pixel of every second picture is moved against the network; 0: none
    dropout : 0 to below 1, of the units of C5 and F6
    batch_norm : behind every convolution and dense layer but the last, folded into the weights after each epoch
    average : 0 to below 1, how much of the running average of the weights stays at each update; 0: none. Validation,
        and what training gives, are then the average's
    patience : epochs without a better one on validation after which training ends, finetuned or not; 0: any
    validation : training pictures set apart to choose the best epoch
    seed : 0 to 2^63 - 1
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float | None = None
    optimizer: str = "sgd"
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 2e-4
    l1: float = 0.0
    clip_norm: float = 0.0
    schedule: str = "onecycle"
    warmup: float = 0.0
    finetune: float = 0.0
    loss: str = "cross-entropy"
    label_smoothing: float = 0.0
    rubbish_penalty: float = 1.0
    teacher_weight: float = 1.0
    distillation_temperature: float = 4.0
    augment: str = "affine"
    finetune_augment: str = "none"
    mixup: float = 0.0
    adversarial: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = False
    average: float = 0.0
    patience: int = 0
    validation: int = 5000
    seed: int = 0

    def __post_init__(self):
        for name, table in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES), ("loss", LOSSES)):
            value = getattr(self, name)
            if not isinstance(value, str) or value not in table:
                raise ValueError(f"{name} is {value!r}, expected one of {', '.join(table)}")
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", OPTIMIZERS[self.optimizer][1])
        kinds = {entry.name: entry.type for entry in fields(self)}
        for name, (holds, expected) in _RULES.items():
            value = _plain_number(name, getattr(self, name), kinds[name])
            if not holds(value):
                raise ValueError(f"{name} is {value!r}, expected {expected}")
            object.__setattr__(self, name, value)
        for name in ("nesterov", "batch_norm"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected True or False")
        if self.optimizer == "sdlm" and (self.dropout or self.batch_norm):
            raise ValueError("sdlm takes the curvature of the network as it is, without dropout and batch_norm")
        if self.patience and not self.validation:
            raise ValueError("patience needs validation pictures to tell a better epoch by, and validation is 0")
        for name in ("augment", "finetune_augment"):
            object.__setattr__(self, name, augment.canonical(getattr(self, name), name))

    @property
    def finetune_epochs(self) -> int:
        """How many of the epochs `finetune` is."""
        return round(self.finetune * self.epochs)

    def distortions(self, epoch: int) -> str:
        """Names of those of an epoch, counted from 0."""
        return self.augment if epoch < self.epochs - self.finetune_epochs else self.finetune_augment

    @classmethod
    def of_recipe(cls, name: str, **changes) -> "Config":
        """The settings of one of `RECIPES`, with changes; ValueError for another name."""
        if name not in RECIPES:
            raise ValueError(f"recipe is {name!r}, expected one of {', '.join(RECIPES)}")
        return cls(**{**RECIPES[name], **changes})


#: By name: how to train for a purpose, where it differs from the defaults. Chosen on validation pictures.
RECIPES: dict[str, dict] = {
    "quick": {"epochs": 4, "learning_rate": 0.1, "augment": "none", "validation": 0},
    "standard": {},
    "best": {
        "epochs": 200,
        "augment": "affine-wide,elastic",
        "finetune": 0.025,
        "finetune_augment": "crop",
        "average": 0.9995,
        "validation": 0,
    },
}

_PART = (lambda x: 0 <= x < 1, "0 to below 1")
_WHOLE_PART = (lambda x: 0 <= x <= 1, "0 to 1")
_AT_LEAST_0 = (lambda x: 0 <= x < math.inf, "a number of at least 0")
_RULES = {
    "epochs": (lambda n: n >= 1, "at least 1"),
    "batch_size": (lambda n: 1 <= n <= 65536, "1 to 65536"),
    "learning_rate": (lambda x: 0 < x < math.inf, "a number above 0"),
    "momentum": _PART,
    "weight_decay": _PART,
    "l1": _PART,
    "clip_norm": _AT_LEAST_0,
    "warmup": _WHOLE_PART,
    "label_smoothing": _PART,
    "rubbish_penalty": (lambda x: -math.inf < x < math.inf, "a finite number"),
    "teacher_weight": _WHOLE_PART,
    "distillation_temperature": (lambda x: 0 < x < math.inf, "a number above 0"),
    "finetune": _PART,
    "mixup": _WHOLE_PART,
    "adversarial": _WHOLE_PART,
    "dropout": _PART,
    "average": _PART,
    "patience": (lambda n: n >= 0, "at least 0"),
    "validation": (lambda n: n >= 0, "at least 0"),
    "seed": (lambda n: 0 <= n < 2**63, "0 to 2^63 - 1"),
}


def _plain_number(name: str, value, kind: type) -> int | float:
    """``value``, NumPy's numbers too, as int or float; ValueError where it is none."""
    try:
        if isinstance(value, bool | str):
            raise TypeError
        return operator.index(value) if kind is int else float(value)
    except (TypeError, ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is {value!r}, expected {what}") from None
