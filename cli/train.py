"""lenet5 train: train a network, with a run folder that nothing is lost from."""

import functools
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from . import options, output, own_data
from .network_options import network_options
from .sources import load_data
from .train_request import arguments, data_for, refuse_changes
from .training_options import GROUPS, training_options


@options.command(groups=GROUPS)
@training_options
@network_options
@click.option("--members", type=click.IntRange(1, 64), default=1, show_default=True,
              help="Train this many networks in turn, with the seeds from --seed on, and write them as one "
                   "committee, which answers with the mean of their probabilities.")  # fmt: skip
@click.option("--teacher", "teachers", type=options.path(), multiple=True, metavar="MODEL",
              help="Learn from this model's answers to each image, or a committee's; may be repeated, to learn from "
                   "the mean of several.")  # fmt: skip
@click.option("--from", "start_from", type=options.path(), metavar="MODEL",
              help="Begin with the weights of this model, or of pretrained, the one that ships, where layers have the "
                   "same shape; a last layer for other classes begins anew.")  # fmt: skip
@own_data.data
@own_data.size
@own_data.channels
@own_data.task
@own_data.period
@options.dataset("MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@options.threads
@click.option("--out", type=options.path(dir_okay=False), default="lenet5.safetensors",
              show_default=True, help="Where the best weights go at the end; replaces an older model.")  # fmt: skip
@click.option("--runs", type=options.path(file_okay=False), default="runs", show_default=True,
              help="Folder of run folders.")  # fmt: skip
@click.option("--resume", type=options.path(file_okay=False), metavar="RUN",
              help="Go on with this run folder, exactly where it stands; with --epochs N, to N in all.")  # fmt: skip
@options.as_json
@options.verbosity
@click.pass_context
def train(
    ctx: click.Context, resume: Path | None, as_json: bool, threads: int | None, data_dir, offline, **settings
) -> None:
    """Train LeNet-5 and write its best weights.

    The same seed, data and options give the same weights, bit for bit, for any --threads. Everything is kept in
    a new folder runs/train-NNN; Ctrl-C saves there, and --resume goes on from it. With --members K each network has
    its own folder in it, member-1 to member-K. --out gets all of them in one file, which --model takes.

    \b
    Examples:
      lenet5 train --epochs 20
      lenet5 train --dataset strokes --epochs 5 --out strokes.safetensors
      lenet5 train --data animals --out animals.safetensors
      lenet5 train --data lengths.csv --task regression --out lengths.safetensors
      lenet5 train --data turned.csv --task both --out turned.safetensors
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
            refuse_changes(ctx, resume)
            changes = {name: settings[name] for name in ("out", "epochs") if options.was_given(ctx, name)}
            result = runs.resume_run(resume, **changes, **common)
        else:
            result = runs.train_run(data_for(ctx, settings, threads), **arguments(ctx, settings), **common)
    except errors.StoppedError as error:
        output.note(f"stopped; go on with: lenet5 train --resume {shlex.quote(str(error.run))}")
        sys.exit(128 + report.received[0])
    train_report.conclude(result, as_json)
