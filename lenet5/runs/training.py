"""A whole training: what `lenet5 train` does, from the data to the model that is written."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from .. import datasets
from ..errors import DataError, StoppedError, one_line
from ..models import transfer
from ..models.ensemble import Committee, check_classes, members_of
from ..models.lenet import LeNet5
from ..models.loading import check_replaceable, load, single
from ..models.multi_task import MultiTask
from ..models.quantized import Quantized
from ..models.regressor import Regressor
from ..nn.architectures import CHOICES, VARIANTS
from ..training import lr_finder
from ..training.config import COUNT, Config
from ..training.trainer import Trainer
from . import tasks
from .listener import Listener
from .plan import Plan, fingerprint, sides
from .result import TrainedModel, TrainedNetwork, TrainingResult
from .run import Run

#: Own images to be judged by, below which the training images say whether anything was learnt.
FEWEST = 200
#: Training images that decide the scales of a model in 8 bits.
N_CALIBRATION = 1000


def train_run(
    data: str | Mapping | datasets.Loaded = "auto",
    *,
    out: str | os.PathLike = "lenet5.safetensors",
    runs: str | os.PathLike = "runs",
    recipe: str = "standard",
    variant: str = "modern",
    task: str = "classification",
    period: float | None = None,
    members: int = 1,
    teachers: Sequence[LeNet5 | Committee | str | os.PathLike] = (),
    start_from: LeNet5 | str | os.PathLike | None = None,
    threads: int | None = None,
    command: str = "lenet5.runs.train_run",
    load_data: Callable[[str | Mapping], datasets.Loaded] = datasets.obtain,
    listener: Listener | None = None,
    **settings,
) -> TrainingResult:
    """Train a network in a run folder of its own, test it once, and write its best weights to ``out``.

    Parameters
    ----------
    data : name of a data set or arguments of `from_folder`, for ``load_data``; or a set in memory
    out : the model's file; it may replace an older model, but no other file
    runs : the folder of run folders
    recipe : one of `config.RECIPES`, which ``settings`` change
    task : "classification", "regression" for a table of numbers, or "both" for one of labels and numbers
    period : of all targets, see `Regressor`
    members : how many networks of this variant to train as one committee, with the seeds from ``seed`` on
    teachers : models, or their files, to learn from
    start_from : model, its file, or "pretrained", whose weights are taken first, see `LeNet5.fit`
    threads : changes the time, not the weights
    command : how the model says it was made
    **settings : fields of `config.Config`, where learning_rate may be "auto"; and activation, pool, c3, head,
        initializer and widths as `LeNet5` takes them

    Raises
    ------
    ValueError, TypeError : an argument is of another kind, or ``out`` is a file that is not a model
    DataError, ModelFileError : the data or a teacher cannot be had
    DivergedError : the loss is not finite, or the model no better than chance; ``out`` is as it was
    StoppedError : the listener asked for it; `resume_run` goes on
    """
    listener, out = listener or Listener(), Path(out)
    choices = {name: settings.pop(name, None) for name in (*CHOICES, "initializer", "widths")}
    finds_rate = settings.get("learning_rate") == "auto"
    how = settings | ({"learning_rate": None} if finds_rate else {})
    config = tasks.with_known_layers(Config.of_recipe(recipe, **how), variant, choices, data)  # before data is read
    _check_out(out, listener)
    data = (data if isinstance(data, datasets.Loaded) else load_data(data)).of_task(task)
    tasks.check(data, task, period, choices, members=members, teachers=teachers, finds_rate=finds_rate)
    teachers = _networks_in(teachers, data.classes)
    start = None if start_from is None else single(start_from)
    plan = _plan(config, data, teachers, variant, choices, members=members, command=command, out=str(out),
                 start=start and fingerprint(start), targets=tasks.scaling(data, task, period))  # fmt: skip
    curve = _found_rate(plan, data, threads, listener) if finds_rate else None
    how = {**tasks.recipe(recipe, task), **how, **({"learning_rate": curve.best} if curve else {})}
    plan = replace(plan, config=tasks.config(plan.model().network, task, data, is_taught=bool(teachers), **how))
    job = _Job(data, teachers, threads, listener, start)
    first = job.trainer(plan)  # refuses what cannot be, before there is a folder
    listener.ready()
    run = Run.create(runs, plan, teachers, start)
    with run.claim():
        run.draw_rates(curve)
        return job.train(run, first, out)


def resume_run(
    folder: str | os.PathLike,
    *,
    epochs: int | None = None,
    out: str | os.PathLike | None = None,
    threads: int | None = None,
    load_data: Callable[[str | Mapping], datasets.Loaded] = datasets.obtain,
    listener: Listener | None = None,
) -> TrainingResult:
    """Go on with a run exactly where it stands; arguments and errors as of `train_run`.

    epochs : the number in all, if the run is to be longer than it was made for. The learning rate goes on as the
    schedule of that number has it.

    The model goes to the run's own file unless ``out`` is given. DataError where the images are not those that the run
    was begun with; InUseError where another process is training it.
    """
    listener, run = listener or Listener(), Run.open(folder)
    if epochs is not None:
        with run.claim():
            run.prolong(int(COUNT.checked("epochs", epochs)))
    with run.claim():
        plan, out = run.plan, Path(run.plan.out if out is None else out)
        _check_out(out, listener)
        data = load_data(plan.source or plan.dataset).of_task(plan.task)
        if data.sha256 != plan.data_sha256:
            raise DataError(f"{plan.dataset}: not the images that this run was trained on (SHA-256 differs)")
        job = _Job(data, run.teachers(), threads, listener, run.start())
        first = job.trainer(plan)
        listener.ready()
        return job.train(run, first, out)


@dataclass(frozen=True)
class _Job:
    """What all networks of a run are trained with."""

    data: datasets.Loaded
    teachers: list[LeNet5]
    threads: int | None
    listener: Listener
    start: LeNet5 | None = None

    def trainer(self, plan: Plan) -> Trainer:
        """That of a plan's network, or of the first one."""
        plan = plan.member(1)
        model = plan.model()
        if self.start:
            transfer.start_from(model.network, self.start)
        if isinstance(model, Regressor | MultiTask):
            return model.trainer(*self.data.train, plan.config, self.threads, self.data.held_out)
        teachers = [teacher.network for teacher in self.teachers]
        return Trainer(model.network, *self.data.train, plan.config, self.threads, teachers, self.data.held_out)

    def train(self, run: Run, first: Trainer, out: Path) -> TrainingResult:
        """Train each member from where it stands, the ``first`` with this trainer, and write the model."""
        networks, n = [], run.plan.members
        for number, member in enumerate(run.members(), 1):
            trainer = first if number == 1 else self.trainer(member.plan)
            member.restore(trainer)
            self.listener.begins(member, trainer, self.data, number, n)
            self._follow(member, trainer, run)
            networks.append(self._finish(member, trainer, Path(member.plan.out) if n > 1 else out))
        if n > 1:
            model, test = self._finish_committee(run, networks, trainer, out)
        else:
            model, test = networks[0].model, networks[0].test
        return TrainingResult(run.folder, out, self.data.name, model, networks, test, self.data.judged[0])

    def _follow(self, run: Run, trainer: Trainer, whole: Run) -> None:
        """Train to the end, or save and leave; ``whole`` is what to resume, this run or its committee's."""
        listener = self.listener
        with listener.following(run, trainer):
            for epoch in run.follow(trainer, stop=listener.stop, progress=listener.progress):
                listener.epoch(epoch)
            run.draw(trainer)
        if not trainer.done:
            raise StoppedError(f"{one_line(whole.folder)}: stopped, and saved; resume it to go on", whole.folder)

    def _finish(self, run: Run, trainer: Trainer, out: Path) -> TrainedNetwork:
        """Look at the test images, once, and write the best weights with what came out.

        NothingLearnedError, and ``out`` stays as it is, where they are not better than chance. Of fewer than FEWEST own
        images chance cannot be told, so the training images say it.
        """
        untested = _as_trained_for(run.finished_model(trainer), trainer)
        report, _ = untested.evaluate(*self.data.judged[1], trainer.threads)
        network = run.finished_model(trainer, test=self._test(report))
        model = _as_trained_for(network, trainer)
        is_sure = report["n"] >= FEWEST or self.data.source is None
        tasks.check_learned(run, report if is_sure else untested.evaluate(*self.data.train, trainer.threads)[0])
        network.save(run.folder / "best.safetensors")
        model.save(out)
        return TrainedNetwork(run.folder, model, run.plan.config, trainer.best_epoch, trainer.history, report)

    def _test(self, report: dict) -> dict | None:
        """The report, if it is of test images, as only such are to be called so."""
        return report if self.data.judged[0] == "test" else None

    def _finish_committee(self, run: Run, networks: list[TrainedNetwork], trainer: Trainer, out: Path) -> tuple:
        """The same for the committee of all: (model, report)."""
        models = [network.model for network in networks if isinstance(network.model, LeNet5 | Quantized)]  # of classes
        untested = run.finished_committee(models, trainer.validation, threads=trainer.threads)
        report, _ = untested.evaluate(*self.data.judged[1], trainer.threads)
        test = self._test(report)
        committee = run.finished_committee(models, trainer.validation, threads=trainer.threads, test=test)
        for path in (run.folder / "best.safetensors", out):
            committee.save(path)
        return committee, report


def _check_out(out: Path, listener: Listener) -> None:
    """Refuse, before the work, to replace a file that is not a model, or one that cannot be written."""
    if replaced := check_replaceable(out):
        listener.replaces(out, replaced)


def _networks_in(teachers: Sequence, classes: Sequence[str]) -> list[LeNet5]:
    """The networks in models and files, those of committees one by one."""
    models = [load(teacher) if isinstance(teacher, str | os.PathLike) else teacher for teacher in teachers]
    networks = [network for model in models for network in members_of(model)]
    check_classes(networks, classes)
    return networks


def _plan(
    config: Config, data: datasets.Loaded, teachers: list[LeNet5], variant: str, choices: dict, **settings
) -> Plan:
    """What is to be done, before a learning rate is looked for; ValueError for choices that cannot go together."""
    if variant not in VARIANTS:
        raise ValueError(f"variant is {variant!r}, expected one of {', '.join(VARIANTS)}")
    initializer, widths = choices.pop("initializer"), list(choices.pop("widths") or ())
    plan = Plan(
        config,
        variant,
        labels=list(data.classes),
        dataset=data.name,
        data_sha256=data.sha256,
        initializer=initializer,
        widths=widths,
        teachers=[fingerprint(teacher) for teacher in teachers],
        preparation=data.preparation,
        source=data.source,
        **sides(data.train[0]),
        **asdict(VARIANTS[variant].choose(**choices)),
        **settings,
    )
    plan.check()
    return plan


def _found_rate(plan: Plan, data: datasets.Loaded, threads: int | None, listener: Listener) -> lr_finder.RateCurve:
    curve = lr_finder.find(plan.model().network, *data.train, plan.config, threads)
    listener.rate_found(curve)
    return curve


def _as_trained_for(model: LeNet5 | Regressor | MultiTask, trainer: Trainer) -> TrainedModel:
    """The model, in 8 bits if it was trained for them."""
    if isinstance(model, Regressor | MultiTask):
        return model
    return model.quantize(trainer.some_images(N_CALIBRATION)[0]) if trainer.config.quantize else model
