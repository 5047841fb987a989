"""Run folders, runs/train-NNN/: all that a training leaves behind, and all that is needed to go on with it.

state.safetensors alone decides where a run stands; the other files are made from it, and made again on a resume.
teachers.safetensors is a copy of the teachers, if there are any, and start.safetensors of the model begun from. The
folder of a committee holds a whole run for each member, runs/train-NNN/member-K/.
"""

import csv
import io
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from ..errors import DataError, DivergedError, InUseError, ModelFileError, one_line
from ..evaluation import contact_sheet, plots
from ..models.ensemble import Committee, members_of
from ..models.lenet import LeNet5
from ..models.loading import load
from ..models.multi_task import MultiTask
from ..models.quantized import Quantized
from ..models.regressor import Regressor
from ..nn import serialization
from ..training.config import Config
from ..training.lr_finder import RateCurve
from ..training.records import AnyEpoch, Progress
from ..training.trainer import Trainer
from ..utils.files import atomic_write, claimed, fsync_folder, parse_json, read_bounded, remove_orphans
from .plan import Plan, fingerprint

#: Within a long epoch the state is saved this often; and after an epoch, unless it was just before.
SECONDS_BETWEEN_SAVES, JUST_BEFORE = 30.0, 1.0
MAX_PLAN = 2**20  # bytes
#: Of a report on test images, what a model tells: of classes, or of quantities.
TOLD = ("accuracy", "loss", "mae", "rmse", "r2")


class Run:
    """One run folder.

    Attributes
    ----------
    folder : Path
    plan : Plan
    """

    def __init__(self, folder: Path, plan: Plan):
        self.folder, self.plan = folder, plan

    @classmethod
    def create(
        cls, root: str | os.PathLike, plan: Plan, teachers: Sequence[LeNet5] = (), start: LeNet5 | None = None
    ) -> "Run":
        """A new folder ``root/train-NNN``, never one that exists; OSError where it cannot be made.

        What killed processes left half written in other runs is removed.
        """
        root = Path(root)
        root.mkdir(parents=True, exist_ok=True)
        numbers = [int(p.name[6:]) for p in root.iterdir() if re.fullmatch("train-[0-9]{1,9}", p.name)]
        number = max(numbers, default=0) + 1
        while True:
            folder = root / f"train-{number:03}"
            try:
                folder.mkdir()
                break
            except FileExistsError:  # another process was quicker
                number += 1
        for other in (*root.glob("train-*"), *root.glob("train-*/member-*")):
            remove_orphans(other)
        for parent in (root.parent, root):
            fsync_folder(parent)
        if teachers:
            Committee(teachers).save(folder / "teachers.safetensors")
        if start:
            start.save(folder / "start.safetensors")
        _write_plan(folder, plan)
        return cls(folder, plan)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Keep the run for this process, until it ends at the latest; InUseError where another process has it."""
        with claimed(self.folder / "config.json") as is_ours:
            if not is_ours:
                raise InUseError(f"{one_line(self.folder)}: another process is training this run; wait until it ends")
            yield

    def teachers(self) -> list[LeNet5]:
        """The teachers that the run was begun with; DataError where they are no longer there."""
        if not self.plan.teachers:
            return []
        paths = [folder / "teachers.safetensors" for folder in (self.folder, self.folder.parent)]  # a member's: above
        path = next(filter(Path.exists, paths), paths[0])
        teachers = members_of(load(path))
        if [fingerprint(teacher) for teacher in teachers] != self.plan.teachers:
            raise DataError(f"{path}: not the teachers of this run")
        return teachers

    def start(self) -> LeNet5 | None:
        """The model that the run was begun from, if there was one; DataError where it is no longer there."""
        if self.plan.start is None:
            return None
        path = self.folder / "start.safetensors"
        [start] = members_of(load(path))
        if fingerprint(start) != self.plan.start:
            raise DataError(f"{path}: not the model that this run was begun from")
        return start

    def members(self) -> Iterator["Run"]:
        """The run of each member in turn, resumed or begun; of a single network its own.

        DataError where a member's folder holds another run.
        """
        if self.plan.members == 1:
            yield self
            return
        for number in range(1, self.plan.members + 1):
            plan, folder = self.plan.member(number), self.folder / f"member-{number}"
            if not (folder / "config.json").exists():
                folder.mkdir(exist_ok=True)
                fsync_folder(self.folder)
                _write_plan(folder, replace(plan, out=str(folder / "best.safetensors")))
            member = Run.open(folder)
            if replace(member.plan, out=plan.out) != plan:
                raise DataError(f"{folder}: not member {number} of the run in {self.folder}")
            with member.claim():
                yield member

    @classmethod
    def open(cls, folder: str | os.PathLike) -> "Run":
        """The run in ``folder``; DataError where there is none."""
        folder = Path(folder)
        path = folder / "config.json"
        try:
            if not path.exists():
                raise DataError(f"{folder}: no run of lenet5 train (config.json is missing)")
            document = parse_json(read_bounded(path, one_line(path), "the plan of a run", MAX_PLAN, DataError))
            plan = Plan(**{**document, "config": Config(**document["config"])})
            plan.check()
            return cls(folder, plan)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: not the plan of a run: {error}") from None

    def prolong(self, epochs: int) -> None:
        """Make it a run of this many epochs in all, a committee's members, too; ValueError for fewer than it has.

        The plan of the whole is written last, so that whatever is interrupted can be repeated.
        """
        if epochs < self.plan.config.epochs:
            raise ValueError(
                f"epochs is {epochs}, the number in all; the run in {one_line(self.folder)} is one of "
                f"{self.plan.config.epochs}, and cannot be shortened"
            )
        self.plan = replace(self.plan, config=replace(self.plan.config, epochs=epochs))
        for folder in sorted(self.folder.glob("member-*")):
            Run.open(folder).prolong(epochs)
        _write_plan(self.folder, self.plan)

    def restore(self, trainer: Trainer) -> None:
        """Bring ``trainer`` to where the run stands; a run that never saved its state begins anew."""
        remove_orphans(self.folder)
        path = self.folder / "state.safetensors"
        if not path.exists():
            return
        tensors, document = serialization.load(path, "checkpoint")
        try:
            trainer.restore(tensors, _prolonged(document["position"], self.plan.config.epochs))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"{path}: not a state of this run: {error}") from None

    def follow(
        self,
        trainer: Trainer,
        *,
        stop: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Iterator[AnyEpoch]:
        """`Trainer.run`, with the state saved after each epoch, now and then within one, at a stop and at the end.

        Epochs of less than a second are saved once a second: on disk that takes longer than such an epoch.
        """
        if trainer.history:  # the process may have ended between the state and the files that are made from it
            self.save(trainer)
        saved = time.monotonic()

        def report(where: Progress) -> None:
            nonlocal saved
            progress(where)
            if time.monotonic() - saved > SECONDS_BETWEEN_SAVES:
                self._save_state(trainer)
                saved = time.monotonic()

        try:
            for epoch in trainer.run(stop=stop, progress=report):
                if len(trainer.history) == 1 or time.monotonic() - saved > JUST_BEFORE:
                    self.save(trainer)
                    saved = time.monotonic()
                yield epoch
        except DivergedError:  # no state: there is no way on from where it stands
            self._save_results(trainer)
            raise
        self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Write everything: the state first, then what is made from it."""
        self._save_state(trainer)
        self._save_results(trainer)

    def _save_results(self, trainer: Trainer) -> None:
        atomic_write(self.folder / "metrics.csv", _csv(trainer))
        for name, parameters in (("best", trainer.best), ("last", trainer.last)):
            self.finished_model(trainer, parameters).save(self.folder / f"{name}.safetensors")

    def _save_state(self, trainer: Trainer) -> None:
        tensors, position = trainer.state()
        serialization.save(self.folder / "state.safetensors", tensors, "checkpoint", {"position": position})

    def draw(self, trainer: Trainer) -> None:
        """The curves of the training so far, to curves.png; nothing before the first epoch is done."""
        history = trainer.history
        if not history:
            return
        contact_sheet.save_png(
            plots.curves([e.epoch for e in history], trainer.record.panels(history)),
            self.folder / "curves.png",
        )

    def draw_rates(self, curve: RateCurve | None) -> None:
        """How the learning rate was found, to learning-rate.png; nothing where it was given."""
        if curve:
            contact_sheet.save_png(curve.draw(), self.folder / "learning-rate.png")

    def finished_model(
        self, trainer: Trainer, parameters=None, test: dict | None = None
    ) -> LeNet5 | Regressor | MultiTask:
        """The model with the best (or given) parameters and how it was trained; calibrated once training is done."""
        model = self.plan.model()
        model.parameters[:] = trainer.best if parameters is None else parameters
        if trainer.done and trainer.validation:
            model.calibrate(*trainer.validation, trainer.threads)
        metrics: dict[str, float | None] = {"epochs_done": len(trainer.history), "best_epoch": trainer.best_epoch}
        if trainer.best_epoch:
            metrics |= trainer.history[trainer.best_epoch - 1].validated()
        model.training = self._training(metrics, test)
        return model

    def finished_committee(
        self,
        models: Sequence[LeNet5 | Quantized],
        validation: tuple[Any, Any] | None,
        *,
        threads: int | None = None,
        test: dict | None = None,
    ) -> Committee:
        """The committee of its members' models, calibrated on the validation images (X, y) that they have in common."""
        committee = Committee(models)
        metrics = {"members": len(models)}
        if validation:
            report, _ = committee.calibrate(*validation, threads).evaluate(*validation, threads)
            metrics |= {"validation_accuracy": report["accuracy"], "validation_loss": report["loss"]}
        committee.training = self._training(metrics, test)
        return committee

    def _training(self, metrics: dict, test: dict | None) -> dict:
        """What a finished model says of how it was trained."""
        if test:
            metrics |= {f"test_{name}": test[name] for name in (*TOLD, "n") if name in test}
        return {
            "command": self.plan.command,
            "dataset": self.plan.dataset,
            "data_sha256": self.plan.data_sha256,
            "config": asdict(self.plan.config),
            **({"teachers": self.plan.teachers} if self.plan.teachers else {}),
            "metrics": metrics,
        }


def _prolonged(position: dict, epochs: int) -> dict:
    """A saved position, of a run that may have been prolonged since."""
    config = position["config"]
    return position | {"config": config | {"epochs": epochs}} if config["epochs"] < epochs else position


def _write_plan(folder: Path, plan: Plan) -> None:
    atomic_write(folder / "config.json", json.dumps(asdict(plan), indent=2) + "\n")


def _csv(trainer: Trainer) -> str:
    """One row an epoch, with a header; empty cells where there was no validation."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[entry.name for entry in fields(trainer.record)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in trainer.history)
    return text.getvalue()
