"""Run folders: nothing is overwritten, nothing is lost, whatever moment the process ends at."""

import contextlib
import csv
import dataclasses
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenet5 import load
from lenet5.datasets.synthetic import strokes
from lenet5.errors import DataError, DivergedError, InUseError, ModelFileError
from lenet5.evaluation import contact_sheet, plots
from lenet5.models.lenet import DIGITS
from lenet5.nn import serialization
from lenet5.runs import run
from lenet5.runs.plan import Plan
from lenet5.runs.run import Run
from lenet5.training import trainer
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer
from lenet5.utils import files

CONFIG = Config(epochs=2, batch_size=32, validation=44, seed=5)
PLAN = Plan(CONFIG, "modern", "relu", "max", list(DIGITS), "strokes", "0" * 64, "lenet5 train", "out.safetensors")
FILES = {"config.json", "metrics.csv", "state.safetensors", "best.safetensors", "last.safetensors"}


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def data():
    return strokes.draw(300)


@pytest.fixture(autouse=True)
def frequent_saves(monkeypatch):
    """Two stretches an epoch, and the state saved after each."""
    monkeypatch.setattr(trainer, "PICTURES_PER_RUN", 128)
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", -1)
    monkeypatch.setattr(run, "JUST_BEFORE", -1)


def trainer_of(run, data):
    return Trainer(run.plan.model().network, *data, run.plan.config, 1)


def follow(run, data, **callbacks):
    """Train to the end from where the run stands."""
    trainer = trainer_of(run, data)
    run.restore(trainer)
    for _ in run.follow(trainer, **callbacks):
        pass
    return trainer


def metrics(folder):
    """The rows of metrics.csv."""
    return list(csv.DictReader((folder / "metrics.csv").read_text().splitlines()))


def contents(folder):
    """All that a run left behind, without the times."""
    found = {}
    for name in ("best", "last"):
        model = load(folder / f"{name}.safetensors")
        found[name] = model.parameters.tobytes(), model.training
    tensors, document = serialization.load(folder / "state.safetensors", "checkpoint")
    for epoch in document["position"]["history"]:
        del epoch["seconds"], epoch["images_per_second"]
    found["state"] = {name: tensor.tobytes() for name, tensor in tensors.items()}, document
    found["metrics"] = [row | {"seconds": "", "images_per_second": ""} for row in metrics(folder)]
    return found


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """What an uninterrupted run leaves behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "PICTURES_PER_RUN", 128)
        run = Run.create(tmp_path_factory.mktemp("runs"), PLAN)
        follow(run, data)
        return contents(run.folder)


# ---- folders -------------------------------------------------------------------------------------------------------


def test_folders_are_numbered(tmp_path):
    root = tmp_path / "deep" / "runs"
    assert [Run.create(root, PLAN).folder for _ in range(3)] == [root / f"train-00{k}" for k in (1, 2, 3)]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["train-007"], "train-008"),
        (["train-999"], "train-1000"),
        (["train-1000", "train-002"], "train-1001"),
        (["train-x", "train-", "other-009", "train-5b", "train-²"], "train-001"),
        (["train-1", "train-02"], "train-003"),
    ],
)
def test_numbers_go_on_after_the_highest(tmp_path, there, expected):
    for name in there:
        (tmp_path / name).mkdir()
    assert Run.create(tmp_path, PLAN).folder.name == expected


def test_a_file_in_the_way_is_stepped_over(tmp_path):
    (tmp_path / "train-001").write_text("mine")
    assert Run.create(tmp_path, PLAN).folder.name == "train-002"
    assert (tmp_path / "train-001").read_text() == "mine"


def test_a_root_that_is_a_file(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="runs"):
        Run.create(tmp_path / "runs", PLAN)


def create_some(root):
    return [Run.create(root, PLAN).folder.name for _ in range(20)]


def test_two_processes_never_share_a_folder(tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        names = [name for some in pool.map(create_some, [tmp_path] * 2) for name in some]
    assert sorted(names) == [f"train-{k:03}" for k in range(1, 41)]
    assert all(Run.open(tmp_path / name).plan == PLAN for name in names)


def test_a_run_is_one_process_s_at_a_time(tmp_path):
    run = Run.create(tmp_path, PLAN)
    with run.claim():
        with pytest.raises(InUseError, match="train-001: another process is training this run"), run.claim():
            pass
        with Run.create(tmp_path, PLAN).claim():  # another run
            pass
    with Run.open(run.folder).claim():
        assert {path.name for path in run.folder.iterdir()} == {"config.json"}


def test_a_member_is_its_process_s_while_it_is_trained(tmp_path):
    run = Run.create(tmp_path, dataclasses.replace(PLAN, members=2))
    for member in run.members():
        with pytest.raises(InUseError, match=f"{member.folder.name}: another"), Run.open(member.folder).claim():
            pass
    with member.claim():
        pass


def test_what_killed_trainings_left_in_other_runs_is_removed(tmp_path):
    member = tmp_path / "train-001" / "member-1"
    member.mkdir(parents=True)
    live = Run.create(tmp_path, PLAN).folder / "state.safetensors"
    with files.atomic_path(live) as part:
        for folder in (member, member.parent, live.parent):
            (folder / ".state.safetensors.0123abcd.part").write_bytes(b"half")
        Run.create(tmp_path, PLAN)
        assert list(tmp_path.rglob("*.part")) == [part]


# ---- the plan ------------------------------------------------------------------------------------------------------


def test_open_gives_the_plan_again(tmp_path):
    run = Run.create(tmp_path, PLAN)
    assert Run.open(run.folder).plan == PLAN
    assert Run.open(str(run.folder)).folder == run.folder


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: [plan], lambda plan: None, lambda plan: 5, lambda plan: {}, lambda plan: plan | {"more": 1},
        lambda plan: plan | {"config": None}, lambda plan: plan | {"config": plan["config"] | {"epochs": 0}},
        lambda plan: plan | {"config": plan["config"] | {"epochs": "3"}},
        lambda plan: plan | {"config": plan["config"] | {"depth": 3}},
        lambda plan: plan | {"labels": 7}, lambda plan: plan | {"labels": [1, 2]}, lambda plan: plan | {"labels": []},
        lambda plan: plan | {"labels": ["x"] * 257}, lambda plan: plan | {"variant": "1889"},
        lambda plan: plan | {"variant": []}, lambda plan: plan | {"activation": None}, lambda plan: plan | {"pool": 3},
        lambda plan: plan | {"initializer": []}, lambda plan: plan | {"initializer": "xavier"},
        lambda plan: plan | {"out": 3}, lambda plan: plan | {"out": None}, lambda plan: plan | {"dataset": []},
        lambda plan: plan | {"data_sha256": 5},
        lambda plan: plan | {"command": {}},
    ],
)  # fmt: skip
def test_a_malformed_plan_is_one_line(tmp_path, change):
    (tmp_path / "config.json").write_text(json.dumps(change(dataclasses.asdict(PLAN))))
    with pytest.raises(DataError, match="not the plan of a run") as caught:
        Run.open(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"\x00", b"[" * 10**5, b"NaN", b"1" * 10**4])
def test_a_plan_that_is_no_json(tmp_path, content):
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(DataError, match="not the plan of a run"):
        Run.open(tmp_path)


def test_a_plan_is_read_within_bounds(tmp_path):
    """What says a thing twice or goes very deep is no plan; of gigabytes, and of a pipe, nothing is read."""
    text, path = json.dumps(dataclasses.asdict(PLAN)), tmp_path / "config.json"
    for changed in (text.replace('"seed": ', '"seed": 7, "seed": ', 1), text[:-1] + ', "out": "a"}'):
        path.write_text(changed)
        with pytest.raises(DataError, match="not the plan of a run: an object has a name twice"):
            Run.open(tmp_path)
    path.write_text(text.replace('"out": ', '"out": ' + "[" * 40 + "]" * 40 + ', "in": ', 1))
    with pytest.raises(DataError, match="nested deeper than 32"):
        Run.open(tmp_path)
    with open(path, "wb") as stream:
        stream.truncate(10**10)
    with pytest.raises(DataError, match="10,000,000,000 bytes, the plan of a run has at most"):
        Run.open(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="not a file"):
        Run.open(tmp_path)


def test_what_is_no_run(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(DataError, match=r"no run of lenet5 train \(config.json is missing\)"):
            Run.open(folder)
    (tmp_path / "config.json").mkdir()
    with pytest.raises(DataError, match=r"config.json: not a file"):
        Run.open(tmp_path)


def test_the_plan_makes_the_same_network_each_time():
    assert (PLAN.model().parameters == PLAN.model().parameters).all()
    assert PLAN.model().labels == DIGITS


# ---- what is left behind -------------------------------------------------------------------------------------------


def test_the_files_of_a_run(whole, data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    trainer = follow(run, data)
    run.draw(trainer)
    assert {path.name for path in run.folder.iterdir()} == FILES | {"curves.png"}
    assert contents(run.folder) == whole
    with Image.open(run.folder / "curves.png") as curves:
        assert curves.format == "PNG"
        assert curves.width > curves.height > 100


def test_metrics_are_the_history(data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    trainer = follow(run, data)
    for row, epoch in zip(metrics(run.folder), trainer.history, strict=True):
        assert {name: float(value) for name, value in row.items()} == dataclasses.asdict(epoch)


def test_without_validation_its_cells_are_empty(data, tmp_path):
    run = Run.create(tmp_path, dataclasses.replace(PLAN, config=dataclasses.replace(CONFIG, validation=0)))
    trainer = follow(run, data)
    run.draw(trainer)
    assert {(row["validation_loss"], row["validation_accuracy"]) for row in metrics(run.folder)} == {("", "")}
    assert load(run.folder / "best.safetensors").training["metrics"]["best_epoch"] == 2


def test_best_and_last_weights(data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    trainer = follow(run, data)
    np.testing.assert_array_equal(load(run.folder / "best.safetensors").parameters, trainer.best)
    np.testing.assert_array_equal(load(run.folder / "last.safetensors").parameters, trainer.network.parameters)


def test_a_model_says_how_it_was_trained(data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    trainer = follow(run, data)
    model = run.finished_model(trainer, test={"accuracy": 0.5, "loss": 1.5, "n": 10})
    assert model.training["config"] == dataclasses.asdict(CONFIG)
    assert model.training["command"] == "lenet5 train"
    assert (model.training["dataset"], model.training["data_sha256"]) == ("strokes", "0" * 64)
    best = trainer.history[trainer.best_epoch - 1]
    assert model.training["metrics"] == {
        "epochs_done": 2, "best_epoch": trainer.best_epoch, "validation_accuracy": best.validation_accuracy,
        "validation_loss": best.validation_loss, "test_accuracy": 0.5, "test_loss": 1.5, "test_n": 10,
    }  # fmt: skip


def test_the_curve_of_a_validation_that_is_all_wrong(data, tmp_path, monkeypatch):
    run = Run.create(tmp_path, PLAN)
    trainer = trainer_of(run, data)
    monkeypatch.setattr(trainer, "_validate", lambda: (2.5, 0.0))
    for _ in run.follow(trainer):
        pass
    monkeypatch.setattr(plots, "curves", lambda epochs, panels: panels["error (%)"]["validation"])
    monkeypatch.setattr(contact_sheet, "save_png", lambda curve, path: np.testing.assert_equal(curve, [100, 100]))
    run.draw(trainer)


def test_a_run_that_diverges_keeps_the_last_good_weights(data, tmp_path):
    config = dataclasses.replace(CONFIG, learning_rate=1e9)
    run = Run.create(tmp_path, dataclasses.replace(PLAN, config=config))
    with pytest.raises(DivergedError):
        follow(run, data)
    for name in ("best", "last"):
        np.testing.assert_array_equal(load(run.folder / f"{name}.safetensors").parameters, run.plan.model().parameters)
    with pytest.raises(DivergedError):
        follow(Run.open(run.folder), data)


def test_before_the_first_epoch_there_is_nothing_to_draw(data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    trainer = trainer_of(run, data)
    run.draw(trainer)
    assert {path.name for path in run.folder.iterdir()} == {"config.json"}
    assert run.finished_model(trainer).training["metrics"] == {"epochs_done": 0, "best_epoch": 0}


def test_a_run_that_is_done_stays_as_it_is(whole, data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    follow(run, data)
    follow(Run.open(run.folder), data)
    assert contents(run.folder) == whole


# ---- stops, and the end of the process at any write ----------------------------------------------------------------


@pytest.mark.parametrize("k", range(9))
def test_a_stop_saves_the_place(whole, data, tmp_path, k):
    run = Run.create(tmp_path, PLAN)
    left = iter(range(k))
    trainer = follow(run, data, stop=lambda: next(left, None) is None)
    assert (run.folder / "state.safetensors").exists()
    _, document = serialization.load(run.folder / "state.safetensors", "checkpoint")
    assert (document["position"]["epoch"], document["position"]["step"]) == trainer.position
    follow(Run.open(run.folder), data)
    assert contents(run.folder) == whole


def writes_of_a_run(data, root, monkeypatch, kill_at=None, after=False):
    """Train; the process ends before (or just after) the write with number ``kill_at``. The number of writes."""
    count, replace = 0, files.os.replace

    def counted(source, target):
        nonlocal count
        if count == kill_at and not after:
            shutil.copy(source, f"{source}.left")  # a process that is killed tidies nothing up
            raise Killed
        replace(source, target)
        count += 1
        if count - 1 == kill_at:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", counted)
        with contextlib.suppress(Killed):
            follow(Run.create(root, PLAN), data)
    return count


def test_the_end_at_any_write(whole, data, tmp_path, monkeypatch):
    n_writes = writes_of_a_run(data, tmp_path / "counted", monkeypatch)
    assert n_writes >= 10
    for k in range(n_writes):
        for after in (False, True):
            root = tmp_path / f"{k}-{after}"
            writes_of_a_run(data, root, monkeypatch, k, after)
            folder = root / "train-001"
            if (k, after) == (0, False):
                with pytest.raises(DataError, match=r"config\.json is missing"):
                    Run.open(folder)
            else:
                follow(Run.open(folder), data)
                assert contents(folder) == whole, (k, after)
            assert Run.create(root, PLAN).folder.name == "train-002"


# ---- states that do not belong -------------------------------------------------------------------------------------


@pytest.fixture
def stopped(data, tmp_path):
    """A run that stands at the end of its first epoch."""
    run = Run.create(tmp_path, PLAN)
    for _ in run.follow(trainer_of(run, data)):
        break
    return run


def refused(run, data):
    with pytest.raises(ModelFileError) as caught:
        run.restore(trainer_of(run, data))
    assert str(run.folder / "state.safetensors") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 100])
def test_a_damaged_state(stopped, data, content):
    (stopped.folder / "state.safetensors").write_bytes(content)
    refused(stopped, data)


def test_a_truncated_state(stopped, data):
    path = stopped.folder / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    refused(stopped, data)


def test_a_model_is_no_state(stopped, data):
    shutil.copy(stopped.folder / "best.safetensors", stopped.folder / "state.safetensors")
    refused(stopped, data)


def test_the_state_of_another_run(stopped, data, tmp_path):
    plan = dataclasses.replace(PLAN, config=dataclasses.replace(CONFIG, seed=6))
    other = Run.create(tmp_path, plan)
    shutil.copy(stopped.folder / "state.safetensors", other.folder)
    refused(other, data)


@pytest.mark.parametrize("position", [None, [], {}, 5, {"epoch": 1}])
def test_a_state_without_a_position(stopped, data, position):
    path = stopped.folder / "state.safetensors"
    tensors, _ = serialization.load(path, "checkpoint")
    serialization.save(path, tensors, "checkpoint", {"position": position})
    refused(stopped, data)


def test_a_state_that_is_not_finite(stopped, data):
    path = stopped.folder / "state.safetensors"
    tensors, document = serialization.load(path, "checkpoint")
    tensors["moment1"][3] = np.inf
    serialization.save(path, tensors, "checkpoint", {"position": document["position"]})
    refused(stopped, data)


def test_a_run_without_a_state_begins_anew(whole, data, tmp_path):
    run = Run.create(tmp_path, PLAN)
    follow(Run.open(run.folder), data)
    assert contents(run.folder) == whole
    assert isinstance(run.folder, Path)


def test_short_epochs_are_not_saved_each(data, tmp_path, monkeypatch):
    """The first one is, and the end; nothing is missing then."""
    monkeypatch.setattr(run, "SECONDS_BETWEEN_SAVES", 1e9)
    monkeypatch.setattr(run, "JUST_BEFORE", 1e9)
    saved = []
    save = Run.save
    monkeypatch.setattr(Run, "save", lambda self, trainer: (saved.append(len(trainer.history)), save(self, trainer)))
    plan = dataclasses.replace(PLAN, config=dataclasses.replace(CONFIG, epochs=5))
    started = Run.create(tmp_path, plan)
    follow(started, data)
    assert saved == [1, 5]
    assert len(metrics(started.folder)) == 5
