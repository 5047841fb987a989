"""The options of `lenet5 train` that are fields of `config.Config`: how to train."""

from dataclasses import Field, fields
from typing import Any

import click

from lenet5.training.config import RECIPES, Choice, Config, Distortions, Factors, Flag, Layers

from . import options
from .types import Augment, Rate

_LARGEST_SHOWN = 2**31  # a bound above it is one of memory, which nobody reaches, and is not shown

#: How `lenet5 train --help` lists the options of the command, those that most people want first.
GROUPS = {
    "Most used": ("recipe", "epochs", "dataset", "out", "resume"),
    "One's own images": ("own", "size", "channels", "task", "period"),
    "Network": ("variant", "activation", "pool", "c3", "head", "initializer", "widths"),
    "Updates": (
        "batch_size", "optimizer", "learning_rate", "momentum", "nesterov", "schedule", "warmup", "weight_decay", "l1",
        "clip_norm", "start_from", "freeze", "layer_rates", "layer_decay",
    ),
    "Loss": (
        "loss", "label_smoothing", "class_weight", "logit_adjustment", "quantity_weight", "rubbish_penalty", "teachers",
        "teacher_weight", "distillation_temperature",
    ),
    "Training images": ("augment", "finetune", "finetune_augment", "mixup", "adversarial"),
    "Regularisation": ("dropout", "batch_norm", "average", "quantize"),
    "Validation, seeds, committees": ("validation", "patience", "seed", "members"),
}  # fmt: skip


def _type(entry: Field) -> click.ParamType | type | None:
    """What an option takes, by the kind of its setting."""
    kind = entry.metadata["kind"]
    if isinstance(kind, Choice):
        return click.Choice(kind.names)
    if isinstance(kind, Distortions):
        return Augment()
    if isinstance(kind, Layers | Factors):
        return str
    if entry.type is int:
        return click.IntRange(int(kind.low), int(kind.high) if kind.high < _LARGEST_SHOWN else None)
    return Rate() if entry.name == "learning_rate" else float


def _option(entry: Field):
    name = entry.name.replace("_", "-")
    default: dict[str, Any] = {} if entry.default is None else {"default": entry.default, "show_default": True}
    if isinstance(entry.metadata["kind"], Flag):
        return click.option(f"--{name}/--no-{name}", help=entry.metadata["help"], **default)
    return click.option(f"--{name}", type=_type(entry), help=entry.metadata["help"], **default)


_RECIPE = click.option("--recipe", type=click.Choice(tuple(RECIPES)), default="standard", show_default=True,
                       help="Settings for a purpose, which the options given beside it change: quick, 99 % in some "
                            "seconds; best, some minutes and no validation.")  # fmt: skip


#: --recipe and an option for each setting of `Config`, in this order.
training_options = options.together(_RECIPE, *map(_option, fields(Config)))
