"""lenet5 train: train a network, with a run folder that nothing is lost from."""

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from . import options, output
from .common import check_model, load_data
from .training_options import GROUPS, training_options

#: Options that belong to how the machine is used and not to what is trained: allowed beside --resume.
_FREE = {"resume", "threads", "data_dir", "offline", "as_json", "out"}


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
def train(ctx: click.Context, resume: Path | None, as_json: bool, threads: int | None, **settings) -> None:
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
    from lenet5.runs.run import Run

    run, out = None, settings["out"]
    if resume:
        run = _reopened(ctx, resume)
        out = out if options.was_given(ctx, "out") else Path(run.plan.out)
    else:
        how = _how(ctx, settings)  # refuses what cannot be, before the data is read
    check_model(out)
    if run:
        plan, data, teachers = run.plan, _data_of(run.plan, settings), run.teachers()
    else:
        data = load_data(settings["dataset"], settings["data_dir"], settings["offline"])
        teachers = _teachers(settings["teachers"], data.classes)
        plan, curve = _plan(how, data, settings, teachers, threads)
    first = _trainer(plan.member(1), data, threads, teachers)  # refuses what cannot be, before there is a folder
    with _signals() as received:
        if not run:
            run = Run.create(settings["runs"], plan, teachers)
            ctx.with_resource(run.claim())
            run.draw_rates(curve)
        document = _train_all(run, first, data, teachers, received, out)
    _conclude({"run": str(run.folder), "model": str(out), "dataset": data.name, **document}, as_json)


def _train_all(run, first, data, teachers: list, received: list[int], out: Path) -> dict:
    """Train each member from where it stands, the ``first`` with this trainer; the document of --json."""
    finished, n = [], run.plan.members
    for number, member in enumerate(run.members(), 1):
        trainer = first if number == 1 else _trainer(member.plan, data, first.threads, teachers)
        member.restore(trainer)
        _introduce(member, trainer, data, number, n)
        _follow(member, trainer, run, received)
        finished.append(_finish(member, trainer, data, Path(member.plan.out) if n > 1 else out))
    if n > 1:
        return _finish_committee(run, finished, trainer, data, out)
    chosen = "best epoch on validation" if trainer.validation else "last epoch"
    output.note(f"{chosen}: {trainer.best_epoch}; weights: {output.one_line(out)}")
    return finished[0][1]


def _how(ctx: click.Context, settings: dict) -> dict:
    """The recipe's settings with those that were given; ValueError where no `Config` can be made of them."""
    from lenet5.training.config import RECIPES, Config

    given = {name: settings[name] for name in Config.__dataclass_fields__ if options.was_given(ctx, name)}
    if not settings["teachers"] and {"teacher_weight", "distillation_temperature"} & given.keys():
        raise click.UsageError("--teacher-weight and --distillation-temperature are of a --teacher; none is given")
    if given.get("learning_rate") == "auto":
        given["learning_rate"] = None
    how = {**RECIPES[settings["recipe"]], **given}
    Config(**how)
    return how


def _trainer(plan, data, threads: int | None, teachers: list):
    from lenet5.training.trainer import Trainer

    return Trainer(plan.model(), *data.train, plan.config, threads, teachers)


def _teachers(paths: tuple[Path, ...], classes: list[str]) -> list:
    """The networks in these files, those of committees one by one."""
    from lenet5.models import ensemble

    teachers = [teacher for path in paths for teacher in ensemble.members_of(ensemble.load(path))]
    if any(teacher.labels != list(classes) for teacher in teachers):
        raise click.UsageError("--teacher: its classes are not those of the pictures to train on")
    return teachers


def _follow(run, trainer, whole, received: list[int]) -> None:
    """Train to the end, or save and leave at a signal; ``whole`` is what to resume, this run or its committee's."""
    try:
        with _reporter(trainer) as (show_epoch, show_progress):
            for epoch in run.follow(trainer, stop=lambda: bool(received), progress=show_progress):
                show_epoch(epoch)
        run.draw(trainer)
    except Exception:
        output.note(f"what was reached is kept in {output.one_line(run.folder)}")
        raise
    if not trainer.done:
        output.note(f"stopped; go on with: lenet5 train --resume {shlex.quote(str(whole.folder))}")
        sys.exit(128 + received[0])


def _finish(run, trainer, data, out: Path):
    """Look at the test pictures, once, and write the best weights with what came out; (model, document for --json).

    NothingLearnedError, and `out` stays as it is, where they are no better than chance.
    """
    report, _ = run.finished_model(trainer).evaluate(*data.test, trainer.threads)
    final = run.finished_model(trainer, test=report)
    _check_learned(run, report)
    for path in (run.folder / "best.safetensors", out):
        final.save(path)
    return final, _document(run, trainer, report)


def _check_learned(run, report: dict) -> None:
    from lenet5.errors import NothingLearnedError
    from lenet5.evaluation.metrics import beats_chance

    if not beats_chance(report):
        raise NothingLearnedError(
            f"nothing was learnt: test accuracy {output.percent(report['accuracy'])} is chance, so no model is "
            f"written; try another --learning-rate than {run.plan.config.learning_rate:g}, or more --epochs"
        )


def _finish_committee(run, finished: list, trainer, data, out: Path) -> dict:
    """The same for a committee, with a line for each member; the document of --json."""
    models = [model for model, _ in finished]
    settings = {"validation": trainer.validation, "threads": trainer.threads}
    report, _ = run.finished_committee(models, **settings).evaluate(*data.test, trainer.threads)
    ensemble = run.finished_committee(models, **settings, test=report)
    for path in (run.folder / "best.safetensors", out):
        ensemble.save(path)
    for number, (_, document) in enumerate(finished, 1):
        output.note(f"member {number}: test accuracy {output.percent(document['test']['accuracy'])}")
    output.note(f"committee: the mean of their probabilities; weights: {output.one_line(out)}")
    return {"members": [document for _, document in finished], "test": report}


def _reopened(ctx: click.Context, folder: Path):
    """The run to go on with; no option may ask for another training than it was."""
    from lenet5.runs.run import Run

    for param in ctx.command.params:
        if param.name not in _FREE and options.was_given(ctx, param.name) and param.expose_value:
            raise click.UsageError(f"{param.opts[0]} cannot be changed by --resume: the run in {folder} has its own")
    run = Run.open(folder)
    ctx.with_resource(run.claim())
    return run


def _plan(how: dict, data, settings: dict, teachers: list, threads: int | None) -> tuple:
    """(the plan, the curve on which its learning rate was found, or None)."""
    from dataclasses import asdict, replace

    from lenet5.nn.architectures import CHOICES, VARIANTS
    from lenet5.runs.run import Plan, fingerprint
    from lenet5.training.config import Config
    from lenet5.training.trainer import config_for

    command = output.plain(shlex.join(["lenet5", *_without_threads(sys.argv[1:])]))  # model files hold text only
    choices = VARIANTS[settings["variant"]].choose(**{name: settings[name] for name in CHOICES})
    plan = Plan(
        Config(**how),
        settings["variant"],
        labels=list(data.classes),
        dataset=data.name,
        data_sha256=data.sha256,
        command=command,
        out=str(settings["out"]),
        initializer=settings["initializer"],
        members=settings["members"],
        teachers=[fingerprint(teacher) for teacher in teachers],
        **asdict(choices),
    )
    try:
        plan.check()
    except ValueError as error:  # choices that cannot go together
        raise click.UsageError(str(error)) from None
    curve = _find_rate(plan, data, threads) if settings["learning_rate"] == "auto" else None
    how = how | ({"learning_rate": curve.best} if curve else {})
    return replace(plan, config=config_for(plan.model(), is_taught=bool(teachers), **how)), curve


def _find_rate(plan, data, threads: int | None):
    from lenet5.training import lr_finder

    curve = lr_finder.find(plan.model(), *data.train, plan.config, threads)
    output.note(f"learning rate {curve.best:g}, found in {len(curve.rates) * lr_finder.PER_POINT} updates")
    return curve


def _without_threads(arguments: list[str]) -> list[str]:
    """The arguments but --threads, on which nothing in a run depends: so that its files do not either."""
    kept, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith("--threads"):
            kept.append(argument)
        skip = argument == "--threads"
    return kept


def _data_of(plan, settings: dict):
    """The run's data set again; DataError where the pictures are not the same."""
    from lenet5.errors import DataError

    data = load_data(plan.dataset, settings["data_dir"], settings["offline"])
    if data.sha256 != plan.data_sha256:
        raise DataError(f"{plan.dataset}: not the pictures that this run was trained on (SHA-256 differs)")
    return data


def _introduce(run, trainer, data, number: int, n_members: int) -> None:
    """The layer table, once, and what is about to happen."""
    from lenet5 import _kernels

    config = run.plan.config
    n_validation = len(trainer.validation[1]) if trainer.validation else 0
    if number == 1:
        output.note(output.layer_table(trainer.network))
        output.note(
            f"\n{data.name}: {len(data.train[1]) - n_validation:,} training, {n_validation:,} validation, "
            f"{len(data.test[1]):,} test pictures"
        )
    if n_members > 1:
        output.note(f"member {number} of {n_members}")
    output.note(
        f"{config.epochs} epochs, batches of {config.batch_size}, seed {config.seed}; {trainer.threads} threads, "
        f"{_kernels.ISA} kernels\nrun folder {output.one_line(run.folder)}"
    )
    epoch, step = trainer.position
    if trainer.done:
        output.note("this run is complete; its result again")
    elif epoch or step:
        output.note(f"resumed after epoch {epoch}, batch {step} of {trainer.steps_per_epoch}")


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM; a second one ends at once, as it would have without us.

    One that comes after the last batch changes nothing: what is left takes less than a second.
    """
    received: list[int] = []

    def receive(number: int, frame) -> None:
        received.append(number)
        signal.signal(number, before[number])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _reporter(trainer) -> Iterator[tuple]:
    """(epoch callback, progress callback): a bar on a terminal, else one line an epoch, both on standard error."""
    n_epochs = trainer.config.epochs

    def line(epoch) -> str:
        validation = "" if epoch.validation_accuracy is None else f"  val {100 * epoch.validation_accuracy:.2f}%"
        left = (n_epochs - epoch.epoch) * epoch.seconds
        return (
            f"epoch {epoch.epoch:>{len(str(n_epochs))}}/{n_epochs}  loss {epoch.train_loss:.4f}  acc "
            f"{100 * epoch.train_accuracy:.2f}%{validation}  {epoch.seconds:.1f} s  "
            f"{epoch.images_per_second:,.0f}/s  {_duration(left)} left"
        )

    if not output.has_bars():
        yield lambda epoch: output.note(line(epoch)), lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(bar_width=16), TextColumn("{task.fields[text]}")
    with Progress(*columns, console=Console(stderr=True, highlight=False), transient=True) as bars:
        task = bars.add_task("epoch 1", total=1, text="")

        def show(progress) -> None:
            speed = (progress.n_done - first.setdefault(progress.epoch, 0)) / max(progress.seconds, 1e-9)
            left = (progress.n - progress.n_done + (n_epochs - progress.epoch) * progress.n) / speed
            text = (f"loss {progress.loss:.4f}  acc {100 * progress.accuracy:.2f}%  {speed:,.0f}/s  "
                    f"{_duration(left)} left")  # fmt: skip
            bars.update(task, description=f"epoch {progress.epoch}/{n_epochs}", completed=progress.n_done,
                        total=progress.n, text=text)  # fmt: skip

        first: dict[int, int] = {}
        yield lambda epoch: bars.console.print(line(epoch)), show


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02} h" if hours else f"{minutes}:{rest:02}"


def _document(run, trainer, report: dict) -> dict:
    """What --json says of one network."""
    from dataclasses import asdict

    history = [asdict(epoch) for epoch in trainer.history]
    return {"run": str(run.folder), "seed": run.plan.config.seed, "best_epoch": trainer.best_epoch, "history": history,
            "test": report}  # fmt: skip


def _conclude(document: dict, as_json: bool) -> None:
    """The test result, to standard output."""
    if as_json:
        output.result_json(document)
        return
    report = document["test"]
    low, high = report["accuracy_95"]
    output.result(
        f"test accuracy {output.percent(report['accuracy'])} (95 % CI {100 * low:.2f}-{100 * high:.2f}), "
        f"{report['errors']:,} errors in {report['n']:,} {document['dataset']}"
    )
