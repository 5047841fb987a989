"""What `lenet5 train` was asked for, as the library takes it."""

import shlex
import sys
from pathlib import Path

import click

from lenet5.utils.text import plain

from . import options, own_data
from .network_options import NETWORK

#: Options that belong to how the machine is used and not to what is trained, and how long: allowed beside --resume.
_FREE = {"resume", "epochs", "threads", "data_dir", "offline", "as_json", "out"}


def refuse_changes(ctx: click.Context, folder: Path) -> None:
    """No option may ask for another training than the run is."""
    for param in ctx.command.params:
        if param.name not in _FREE and options.was_given(ctx, param.name) and param.expose_value:
            raise click.UsageError(f"{param.opts[0]} cannot be changed by --resume: the run in {folder} has its own")


def arguments(ctx: click.Context, settings: dict) -> dict:
    """Arguments of `runs.train_run`: of what decides how to train, only what was given."""
    from lenet5.training.config import Config

    how = {name: settings[name] for name in Config.__dataclass_fields__ if options.was_given(ctx, name)}
    if not settings["teachers"] and {"teacher_weight", "distillation_temperature"} & how.keys():
        raise click.UsageError("--teacher-weight and --distillation-temperature are of a --teacher; none is given")
    command = command_line()
    named = ("out", "runs", "recipe", "variant", "widths", "members", "teachers", "start_from", "task", "period",
             *NETWORK)  # fmt: skip
    return {name: settings[name] for name in named} | how | {"command": command}


def data_for(ctx: click.Context, settings: dict, threads: int | None) -> str | dict:
    """The data set's name, or arguments of `datasets.from_folder`."""
    from lenet5.training.config import RECIPES

    own_data.refuse_both(ctx, settings["own"])
    if not settings["own"]:
        return settings["dataset"]
    share = settings["validation"] if options.was_given(ctx, "validation") else None
    if not options.was_given(ctx, "validation") and RECIPES[settings["recipe"]].get("validation") == 0:
        share = 0
    how = {"path": str(settings["own"]), "size": settings["size"], "validation": share, "threads": threads}
    return how | {"channels": int(settings["channels"]) if settings["channels"] else None}


def command_line() -> str:
    """What was typed, as model files keep it, which hold text only."""
    return plain(shlex.join(["lenet5", *_without_threads(sys.argv[1:])]))


def _without_threads(words: list[str]) -> list[str]:
    """The command line but --threads, on which nothing in a run depends: so that its files do not either."""
    kept, skip = [], False
    for word in words:
        if not skip and not word.startswith("--threads"):
            kept.append(word)
        skip = word == "--threads"
    return kept
