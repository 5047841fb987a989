"""Training settings: every choice that decides the weights, declared once.

A setting is a field of `Config` with its type, default, kind (its allowed values) and help. The check, the docstring
and the option of `lenet5 train` are made from it. So this module must not import NumPy.
"""

import math
import operator
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

#: By name: the default learning rate, for batches of 64.
OPTIMIZERS = {
    "sgd": 0.05,
    "adam": 2e-3,
    "adamw": 2e-3,
    "rmsprop": 1e-3,
    "sdlm": 5e-5,  # for any batch size; P98 begins with 5e-4, at which training diverges here from its first weights
}
SCHEDULES = ("constant", "step", "cosine", "onecycle", "paper")  # see schedules.py
LOSSES = ("cross-entropy", "map", "mse", "mae", "huber")
QUANTITY_LOSSES = ("mse", "mae", "huber")


@dataclass(frozen=True)
class Choice:
    """One of several names."""

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
    """Comma-separated names of `augment.AUGMENTATIONS`, or "none"."""

    expected = "none, or comma-separated names"

    def checked(self, name: str, value) -> str:
        from .augment import canonical

        return canonical(value, name)


@dataclass(frozen=True)
class Layers:
    """Comma-separated names of layers, or "none"; which there are, the network decides."""

    expected = "none, or comma-separated names"

    def checked(self, name: str, value) -> str:
        if not isinstance(value, str) or not value or len(set(names := value.split(","))) < len(names):
            raise ValueError(f"{name} is {value!r}, expected {self.expected}, each once")
        return value


@dataclass(frozen=True)
class Factors:
    """Numbers by name, as "c1=0.1,c3=0.3" or a dict; or "none"."""

    expected = "none, or name=number, comma-separated"

    def checked(self, name: str, value) -> str:
        """The text, which `factors_in` takes apart."""
        if isinstance(value, Mapping):
            value = ",".join(f"{key}={factor}" for key, factor in value.items()) or "none"
        try:
            valid = all(0 <= factor < math.inf for factor in factors_in(value).values())
        except (AttributeError, ValueError):
            valid = False
        if not valid:
            raise ValueError(f"{name} is {value!r}, expected {self.expected}, each at least 0 and each name once")
        return value


def factors_in(text: str) -> dict[str, float]:
    """The numbers by name in a text of `Factors`; ValueError for any other text."""
    pairs = [pair.split("=") for pair in text.split(",")] if text != "none" else []
    found = {name: float(number) for name, number in pairs}
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


@dataclass(frozen=True)
class Range:
    """Finite numbers from ``low`` to ``high``, integers if ``kind`` is int; ``expected`` is the text for errors."""

    kind: type
    low: float
    high: float
    expected: str
    has_low: bool = True
    has_high: bool = True

    def checked(self, name: str, value) -> int | float:
        """Return ``value``, which may be one of NumPy's numbers, as int or float."""
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


FLAG, DISTORTIONS, LAYERS, FACTORS = Flag(), Distortions(), Layers(), Factors()
PART = Range(float, 0, 1, "0 to below 1", has_high=False)
WHOLE_PART = Range(float, 0, 1, "0 to 1")
ABOVE_0 = Range(float, 0, math.inf, "a number above 0", has_low=False, has_high=False)
AT_LEAST_0 = Range(float, 0, math.inf, "a number of at least 0", has_high=False)
FINITE = Range(float, -math.inf, math.inf, "a finite number", has_low=False, has_high=False)
COUNT, COUNT_FROM_0 = Range(int, 1, math.inf, "at least 1"), Range(int, 0, math.inf, "at least 0")


def setting(default, kind: Choice | Flag | Distortions | Layers | Factors | Range, text: str):
    """Declare a field of `Config`; ``text`` is the help of its option."""
    return field(default=default, metadata={"kind": kind, "help": text})


def _documented(kind: type) -> type:
    """Add the settings to the docstring, with their Python names."""
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
    """Training settings. They alone decide the weights, together with the data and the machine."""

    # fmt: off
    epochs: int = setting(20, COUNT, "Passes over the images; 30 where a regression is not told.")
    batch_size: int = setting(64, Range(int, 1, 65536, "1 to 65536"), "Images per update.")
    learning_rate: float | None = setting(None, ABOVE_0,
        "The schedule's peak; auto: found by a range test of some hundred updates.  [default: 0.05 for sgd, 0.002 for "
        "adam and adamw, 0.001 for rmsprop; a tenth of that for --head rbf, four times that for --activation "
        "sigmoid, twice that for a regression by sgd; 0.00005 for sdlm]")
    optimizer: str = setting("sgd", Choice(tuple(OPTIMIZERS)),
        "How the weights follow the gradient; sdlm is that of the 1998 paper, scaled by the curvature of each weight.")
    momentum: float = setting(0.9, PART, "Momentum of sgd.")
    nesterov: bool = setting(True, FLAG, "Use Nesterov's momentum with sgd.")
    weight_decay: float = setting(2e-4, PART, "Added to the gradient, decoupled from it in adamw.")
    l1: float = setting(0.0, PART, "Added to the gradient, times the sign of each weight.")
    clip_norm: float = setting(0.0, AT_LEAST_0, "Shorten longer gradients to this norm; 0: never.")
    schedule: str = setting("onecycle", Choice(SCHEDULES), "How the learning rate changes during training.")
    warmup: float = setting(0.0, WHOLE_PART, "Fraction of the training over which the learning rate first rises.")
    finetune: float = setting(0.0, PART,
        "Fraction of the epochs, at the end, with --finetune-augment and a learning rate that falls from a tenth; "
        "0.025 in recipe best.")
    loss: str = setting("cross-entropy", Choice(LOSSES),
        "What is minimised; mse and map are eq. 8 and 9 of the 1998 paper, for --head rbf. Of quantities: huber (their "
        "default), mse or mae, of targets scaled to deviation 1.")
    label_smoothing: float = setting(0.0, PART, "Fraction of each target that is spread over all classes.")
    class_weight: str = setting("none", Choice(("none", "balanced")),
        "Balanced: all classes count alike in the loss, however many images each has.")
    logit_adjustment: float = setting(0.0, AT_LEAST_0,
        "Add this times the logarithm of each class's share to its score in the loss (Menon et al., 2021): with 1, "
        "rare classes are answered as readily as common ones.")
    quantity_weight: float = setting(10.0, ABOVE_0, "Of --task both: the factor of the loss of quantities.")
    freeze: str = setting("none", LAYERS,
        "Layers whose weights stay as they are, such as c1,c3; what lies before them costs no gradients.")
    layer_rates: str = setting("none", FACTORS,
        "Factors of the learning rate for some layers, such as c1=0.1,c3=0.3; 0 freezes.")
    layer_decay: float = setting(1.0, Range(float, 0, 1, "above 0 to 1", has_low=False),
        "Factor of the learning rate from each layer to the one before it; the last layer has the whole rate.")
    rubbish_penalty: float = setting(1.0, FINITE, "The j of eq. 9.")
    teacher_weight: float = setting(1.0, WHOLE_PART, "Fraction of each target that is the answer of a --teacher.")
    distillation_temperature: float = setting(4.0, ABOVE_0,
        "Divides the scores of teacher and network; above 2, the default rate of sgd is lowered in proportion.")
    augment: str = setting("affine", DISTORTIONS,
        "Random distortions, anew for each epoch: none, or some of affine (or of its parts rotation, scale, shear, "
        "shift, or half as wide again: affine-wide), crop (whole pixels), flip, elastic, photo (pens, blur, grain), "
        "cutout, invert, colour (another light and background, which few colour images get by default) and paper (that "
        "of 1998: affine without rotation), comma-separated.")
    finetune_augment: str = setting("none", DISTORTIONS,
        "Distortions in the epochs of --finetune; crop in recipe best.")
    mixup: float = setting(0.0, WHOLE_PART, "Mix two images in shares of a Beta distribution with this alpha.")
    adversarial: float = setting(0.0, WHOLE_PART,
        "Change every pixel of every second image by this much, against the network.")
    dropout: float = setting(0.0, PART, "Probability that a unit of C5 or F6 is left out.")
    batch_norm: bool = setting(False, FLAG, "Normalise each layer's sums; folded into the weights at the end.")
    quantize: bool = setting(False, FLAG,
        "Train for 8 bits: near the end, gradients are taken at weights that 8 bits hold; --out gets a model in 8 "
        "bits.")
    average: float = setting(0.0, PART,
        "Use the exponential moving average of the weights, of which each update keeps this fraction.")
    patience: int = setting(0, COUNT_FROM_0,
        "Stop after this many epochs without a better one on validation; 0: never.")
    validation: int = setting(5000, COUNT_FROM_0, "Training images set apart to choose the best epoch.")
    seed: int = setting(0, Range(int, 0, 2**63 - 1, "0 to 2^63 - 1"),
        "Decides the first weights, the order of images and the distortions.")
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
        if self.optimizer == "sdlm" and self.quantize:
            raise ValueError("sdlm takes the curvature of the network as it is, not of weights in 8 bits: quantize")
        if self.logit_adjustment and self.loss == "mse":
            raise ValueError("logit_adjustment is of losses with a softmax: cross-entropy and map")
        if self.patience and not self.validation:
            raise ValueError("patience needs validation images, by which a better epoch is recognised: validation is 0")

    @property
    def frozen(self) -> tuple[str, ...]:
        """Names of the layers whose weights stay as they are."""
        named = [] if self.freeze == "none" else self.freeze.split(",")
        still = [name for name, factor in self.rate_factors.items() if factor == 0]
        return tuple(dict.fromkeys([*named, *still]))

    @property
    def rate_factors(self) -> dict[str, float]:
        """Factors of the learning rate by the names of layers."""
        return factors_in(self.layer_rates)

    @property
    def finetune_epochs(self) -> int:
        """Number of epochs with `finetune_augment`."""
        return round(self.finetune * self.epochs)

    def distortions(self, epoch: int) -> str:
        """Return the names of the distortions of an epoch, counted from 0."""
        return self.augment if epoch < self.epochs - self.finetune_epochs else self.finetune_augment

    @classmethod
    def of_recipe(cls, name: str, **changes) -> "Config":
        """Return the settings of one of `RECIPES`, with changes; ValueError for another name."""
        if name not in RECIPES:
            raise ValueError(f"recipe is {name!r}, expected one of {', '.join(RECIPES)}")
        return cls(**{**RECIPES[name], **changes})


#: By name: settings for a purpose, where they differ from the defaults. Chosen on validation images.
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


def check_names(settings: Mapping) -> None:
    """TypeError for a setting that there is not."""
    if unknown := set(settings) - set(Config.__dataclass_fields__):
        raise TypeError(f"fit() has no setting {min(unknown)!r}; there are {', '.join(Config.__dataclass_fields__)}")
