"""How to train: every choice that decides the weights, declared once.

A setting is a field of `Config` with its type, default, kind (what it may be) and help. The check, the docstring, and
the option of `lenet5 train` come from there; so this module is imported without NumPy.
"""

import math
import operator
import re
import textwrap
from dataclasses import dataclass, field, fields

#: By name: the learning rate that suits batches of 64.
OPTIMIZERS = {
    "sgd": 0.05,
    "adam": 2e-3,
    "adamw": 2e-3,
    "rmsprop": 1e-3,
    "sdlm": 5e-5,  # whatever the batch; P98 begins with 5e-4, at which training from its first weights diverges here
}
SCHEDULES = ("constant", "step", "cosine", "onecycle", "paper")  # see schedules.py
LOSSES = ("cross-entropy", "map", "mse")


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.names)}"

    def checked(self, name: str, value) -> str:
        if not isinstance(value, str) or value not in self.names:
            raise ValueError(f"{name} is {value!r}, expected {self.expected}")
        return value


@dataclass(frozen=True)
class Flag:
    """True or False."""

    expected = "True or False"

    def checked(self, name: str, value) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}, expected {self.expected}")
        return value


@dataclass(frozen=True)
class Distortions:
    """Names of `augment.AUGMENTATIONS` with commas between, or "none"."""

    expected = "none, or names with commas between"

    def checked(self, name: str, value) -> str:
        from .augment import canonical

        return canonical(value, name)


@dataclass(frozen=True)
class Range:
    """Finite numbers from ``low`` to ``high``, whole ones only where these are; ``expected`` says which."""

    kind: type
    low: float
    high: float
    expected: str
    has_low: bool = True
    has_high: bool = True

    def checked(self, name: str, value) -> int | float:
        """``value``, NumPy's numbers too, as int or float."""
        number = _plain_number(name, value, self.kind)
        above = self.low <= number if self.has_low else self.low < number
        below = number <= self.high if self.has_high else number < self.high
        if not (above and below):
            raise ValueError(f"{name} is {number!r}, expected {self.expected}")
        return number


def _plain_number(name: str, value, kind: type) -> int | float:
    try:
        if isinstance(value, bool | str):
            raise TypeError
        return operator.index(value) if kind is int else float(value)
    except (TypeError, ValueError, OverflowError):
        what = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is {value!r}, expected {what}") from None


FLAG, DISTORTIONS = Flag(), Distortions()
PART = Range(float, 0, 1, "0 to below 1", has_high=False)
WHOLE_PART = Range(float, 0, 1, "0 to 1")
ABOVE_0 = Range(float, 0, math.inf, "a number above 0", has_low=False, has_high=False)
AT_LEAST_0 = Range(float, 0, math.inf, "a number of at least 0", has_high=False)
FINITE = Range(float, -math.inf, math.inf, "a finite number", has_low=False, has_high=False)
COUNT, COUNT_FROM_0 = Range(int, 1, math.inf, "at least 1"), Range(int, 0, math.inf, "at least 0")


def setting(default, kind: Choice | Flag | Distortions | Range, text: str):
    """A field of `Config`; ``text`` is the help of its option."""
    return field(default=default, metadata={"kind": kind, "help": text})


def _documented(kind: type) -> type:
    """Add the settings to the docstring, in the names of Python."""
    rows = []
    for entry in fields(kind):
        text = re.sub(r"--([a-z0-9-]+)", lambda option: option[1].replace("-", "_"), entry.metadata["help"])
        row = f"{entry.name} : {entry.metadata['kind'].expected}. {text}"
        rows.append(textwrap.fill(row, 118, initial_indent="    ", subsequent_indent=" " * 8))
    kind.__doc__ = (kind.__doc__ or "") + "\n\n    Parameters\n    ----------\n" + "\n".join(rows) + "\n    "
    return kind


@_documented
@dataclass(frozen=True)
class Config:
    """How to train. All of it, and nothing else, decides the weights (with the data and the machine)."""

    # fmt: off
    epochs: int = setting(20, COUNT, "Passes over the pictures.")
    batch_size: int = setting(64, Range(int, 1, 65536, "1 to 65536"), "Pictures in one update.")
    learning_rate: float | None = setting(None, ABOVE_0,
        "The schedule's peak; auto: found by some hundred updates of growing rate.  [default: 0.05 for sgd, 0.002 for "
        "adam and adamw, 0.001 for rmsprop, a tenth of these for --head rbf, four times these for --activation "
        "sigmoid; 0.00005 for sdlm]")
    optimizer: str = setting("sgd", Choice(tuple(OPTIMIZERS)),
        "How the weights follow the gradient; sdlm is the 1998 paper's, each weight by its curvature.")
    momentum: float = setting(0.9, PART, "Of sgd.")
    nesterov: bool = setting(True, FLAG, "Which momentum sgd has.")
    weight_decay: float = setting(2e-4, PART, "Added to the gradient, decoupled from it in adamw.")
    l1: float = setting(0.0, PART, "Added to the gradient, times the sign of each weight.")
    clip_norm: float = setting(0.0, AT_LEAST_0, "Shorten longer gradients to this norm; 0: never.")
    schedule: str = setting("onecycle", Choice(SCHEDULES), "How the learning rate runs.")
    warmup: float = setting(0.0, WHOLE_PART, "Part of the training over which the learning rate first rises.")
    finetune: float = setting(0.0, PART,
        "Part of the epochs, at the end, that see the pictures as --finetune-augment says, from a tenth of the "
        "learning rate down; 0.025 in recipe best.")
    loss: str = setting("cross-entropy", Choice(LOSSES),
        "What is minimised; mse and map are the 1998 paper's eq. 8 and 9, for --head rbf.")
    label_smoothing: float = setting(0.0, PART, "Part of each target that goes to all classes alike.")
    rubbish_penalty: float = setting(1.0, FINITE, "The j of eq. 9.")
    teacher_weight: float = setting(1.0, WHOLE_PART, "Part of each target that a --teacher's answer is.")
    distillation_temperature: float = setting(4.0, ABOVE_0,
        "By which the teacher's and the network's scores are divided; sgd's default rate is so much lower as this is "
        "above 2.")
    augment: str = setting("affine", DISTORTIONS,
        "Random distortions, anew for each pass: none, or some of affine (or of its parts rotation, scale, shear, "
        "shift, or half as wide again: affine-wide), crop (whole pixels), flip, elastic, photo (pens, blur, grain), "
        "cutout, invert and paper (that of 1998: affine without rotation), with commas between.")
    finetune_augment: str = setting("none", DISTORTIONS,
        "Those of the epochs of --finetune; crop in recipe best.")
    mixup: float = setting(0.0, WHOLE_PART, "Mix two pictures in shares of a Beta distribution with this alpha.")
    adversarial: float = setting(0.0, WHOLE_PART,
        "Move every pixel of every second picture this far against the network.")
    dropout: float = setting(0.0, PART, "Probability of a unit of C5 and F6 being left out.")
    batch_norm: bool = setting(False, FLAG, "Normalise each layer's sums; folded into the weights at the end.")
    average: float = setting(0.0, PART,
        "Take the running average of the weights, of which this part stays at each update.")
    patience: int = setting(0, COUNT_FROM_0,
        "Stop after so many epochs without a better one on validation; 0: never.")
    validation: int = setting(5000, COUNT_FROM_0, "Training pictures set apart to choose the best epoch.")
    seed: int = setting(0, Range(int, 0, 2**63 - 1, "0 to 2^63 - 1"),
        "Of the first weights, the order and the distortions.")
    # fmt: on

    def __post_init__(self):
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is not None or entry.default is not None:
                object.__setattr__(self, entry.name, entry.metadata["kind"].checked(entry.name, value))
        if self.learning_rate is None:
            object.__setattr__(self, "learning_rate", OPTIMIZERS[self.optimizer])
        if self.optimizer == "sdlm" and (self.dropout or self.batch_norm):
            raise ValueError("sdlm takes the curvature of the network as it is, without dropout and batch_norm")
        if self.patience and not self.validation:
            raise ValueError("patience needs validation pictures to tell a better epoch by, and validation is 0")

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
