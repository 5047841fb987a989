"""lenet5 train: train a network, with a run folder that nothing is lost from."""

import functools
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from . import options, output
from .common import load_data
from .training_options import GROUPS, training_options

#: Options that belong to how the machine is used and not to what is trained: allowed beside --resume.
_FREE = {"resume", "threads", "data_dir", "offline", "as_json", "out"}
_NETWORK = ("activation", "pool", "c3", "head", "initializer")


@options.command(groups=GROUPS)
@training_options
@click.option("--variant", type=click.Choice(["modern", "1998", "lenet1", "lenet4"]), default="modern",
              show_default=True, help="Which network; what follows changes parts of it.")  # fmt: skip
@click.option("--activation", type=click.Choice(["relu", "tanh", "sigmoid", "scaled-tanh"]),
              help="After every layer with weights but the last.  [default: relu; the others scaled-tanh]")  # fmt: skip
@click.option("--pool", type=click.Choice(["max", "avg", "trainable"]),
              help="Of S2 and S4; trainable has a coefficient and a bias for each map.  [default: max; the others "
                   "trainable]")  # fmt: skip
@click.option("--c3", type=click.Choice(["dense", "table"]),
              help="Whether each map of C3 sees all of S2, or some by the paper's table.  [default: dense; the others "
                   "table]")  # fmt: skip
@click.option("--head", type=click.Choice(["softmax", "rbf"]),
              help="How scores are made: linear units, or distances to fixed targets.  [default: softmax; the others "
                   "rbf]")  # fmt: skip
@click.option("--initializer", type=click.Choice(["he", "1998", "1998-root"]),
              help="Of the first weights: he, uniform for ReLU; uniform within 2.4 / inputs, or / their root.  "
                   "[default: he with ReLU and for modern; the others 1998]")  # fmt: skip
@click.option("--members", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Train so many networks, with the seeds from --seed on, one after the other, and write them as one "
                   "committee, which answers with the mean of their probabilities.")  # fmt: skip
@click.option("--teacher", "teachers", type=options.path(), multiple=True, metavar="MODEL",
              help="Learn from this model's answers to each picture, or from the mean of several, each after its own "
                   "--teacher, or of a committee's.")  # fmt: skip
@options.dataset("MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@options.threads
@click.option("--out", type=options.path(dir_okay=False), default="lenet5.safetensors",
              show_default=True, help="Where the best weights go at the end; replaces an older model.")  # fmt: skip
@click.option("--runs", type=options.path(file_okay=False), default="runs", show_default=True,
              help="Folder of run folders.")  # fmt: skip
@click.option("--resume", type=options.path(file_okay=False), metavar="RUN",
              help="Go on with this run folder, exactly where it stands.")  # fmt: skip
@options.as_json
@options.verbosity
@click.pass_context
def train(
    ctx: click.Context, resume: Path | None, as_json: bool, threads: int | None, data_dir, offline, **settings
) -> None:
    """Train LeNet-5 and write its best weights.

    The same seed, data and options give the same weights, bit for bit, for any --threads. Everything is kept in
    a new folder runs/train-NNN; Ctrl-C saves there, and --resume goes on from it. With --members K every network has
    a folder of its own in there, member-1 to member-K, and --out gets all of them in one file, for --model.

    \b
    Examples:
      lenet5 train --epochs 20
      lenet5 train --dataset strokes --epochs 5 --out strokes.safetensors
      lenet5 train --members 5 --out five.safetensors
      lenet5 train --teacher five.safetensors
      lenet5 train --resume runs/train-001
    """
    from lenet5 import errors, runs

    from . import train_report

    report = train_report.Report(ctx)
    load = functools.partial(load_data, data_dir=data_dir, offline=offline)
    common: dict[str, Any] = {"threads": threads, "load_data": load, "listener": report}
    try:
        if resume:
            _refuse_changes(ctx, resume)
            out = settings["out"] if options.was_given(ctx, "out") else None
            result = runs.resume_run(resume, out=out, **common)
        else:
            result = runs.train_run(settings["dataset"], **_request(ctx, settings), **common)
    except errors.StoppedError as error:
        output.note(f"stopped; go on with: lenet5 train --resume {shlex.quote(str(error.run))}")
        sys.exit(128 + report.received[0])
    train_report.conclude(result, as_json)


def _refuse_changes(ctx: click.Context, folder: Path) -> None:
    """No option may ask for another training than the run is."""
    for param in ctx.command.params:
        if param.name not in _FREE and options.was_given(ctx, param.name) and param.expose_value:
            raise click.UsageError(f"{param.opts[0]} cannot be changed by --resume: the run in {folder} has its own")


def _request(ctx: click.Context, settings: dict) -> dict:
    """Arguments of `runs.train_run`: of what decides how to train, only what was given."""
    from lenet5.training.config import Config

    how = {name: settings[name] for name in Config.__dataclass_fields__ if options.was_given(ctx, name)}
    if not settings["teachers"] and {"teacher_weight", "distillation_temperature"} & how.keys():
        raise click.UsageError("--teacher-weight and --distillation-temperature are of a --teacher; none is given")
    command = output.plain(shlex.join(["lenet5", *_without_threads(sys.argv[1:])]))  # model files hold text only
    named = ("out", "runs", "recipe", "variant", "members", "teachers", *_NETWORK)
    return {name: settings[name] for name in named} | how | {"command": command}


def _without_threads(arguments: list[str]) -> list[str]:
    """The arguments but --threads, on which nothing in a run depends: so that its files do not either."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith("--threads"):
            kept.append(argument)
        skip = argument == "--threads"
    return kept
