"""Settings are declared once: the check, the docstring and the tables of other modules agree with the declaration."""

import math
import subprocess
import sys
from dataclasses import fields

import pytest

from lenet5 import _kernels
from lenet5.training import augment, schedules
from lenet5.training.config import (
    OPTIMIZERS,
    RECIPES,
    SCHEDULES,
    Choice,
    Config,
    Distortions,
    Factors,
    Flag,
    Layers,
    Range,
)
from lenet5.training.updates import KINDS

FIELDS = fields(Config)


@pytest.mark.parametrize("entry", FIELDS, ids=lambda entry: entry.name)
def test_every_setting_has_a_kind_and_a_help_and_allows_its_default(entry):
    kind = entry.metadata["kind"]
    assert isinstance(kind, Choice | Distortions | Factors | Flag | Layers | Range)
    assert entry.metadata["help"]
    assert entry.default is None or kind.checked(entry.name, entry.default) == entry.default
    assert f"    {entry.name} : {kind.expected}. " in Config.__doc__.replace("\n        ", " ")


@pytest.mark.parametrize("entry", [e for e in FIELDS if isinstance(e.metadata["kind"], Range)], ids=lambda e: e.name)
def test_ranges_are_finite_and_of_the_type_of_their_setting(entry):
    kind = entry.metadata["kind"]
    assert kind.kind in (entry.type, *getattr(entry.type, "__args__", ()))
    for value in (math.inf, -math.inf, math.nan):
        with pytest.raises(ValueError, match=rf"^{entry.name} is {value}, expected "):
            kind.checked(entry.name, value)
    for end, has_end in ((kind.low, kind.has_low), (kind.high, kind.has_high)):
        if not math.isinf(end) and has_end:
            assert kind.checked(entry.name, end) == end
        elif not math.isinf(end):
            with pytest.raises(ValueError, match=kind.expected):
                kind.checked(entry.name, end)


def test_the_docstring_names_settings_as_python_does():
    assert "--" not in Config.__doc__.replace("----------", "")
    assert "with finetune_augment" in Config.__doc__


def test_names_are_those_of_the_modules_that_know_them():
    assert tuple(schedules.SCHEDULES) == SCHEDULES
    assert {name: getattr(_kernels, name.upper()) for name in ("sgd", "adam", "adamw", "rmsprop", "sdlm")} == KINDS
    assert KINDS.keys() == OPTIMIZERS.keys()
    text = next(entry for entry in FIELDS if entry.name == "augment").metadata["help"]
    assert all(name in text for name in ("none", *augment.AUGMENTATIONS))


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_are_settings(recipe):
    config = Config.of_recipe(recipe, seed=5)
    assert config.seed == 5
    assert {name: getattr(config, name) for name in RECIPES[recipe]} == RECIPES[recipe]


def test_a_recipe_that_is_none_of_ours():
    with pytest.raises(ValueError, match=r"^recipe is 'slow', expected one of quick, standard, best$"):
        Config.of_recipe("slow")


def test_settings_are_listed_without_numpy():
    """The options of `lenet5 train` are made of them, and `lenet5 --help` is to be quick."""
    code = "import sys, lenet5.training.config; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
