"""A whole training by one call: what it gives and writes, how it is stopped and resumed, what it refuses."""

import contextlib
import json

import numpy as np
import pytest

from lenet5 import Committee, LeNet5, load, runs
from lenet5.datasets import Loaded
from lenet5.datasets.synthetic import strokes
from lenet5.errors import DataError, InUseError, ModelFileError, NothingLearnedError, StoppedError
from lenet5.models.lenet import DIGITS
from lenet5.runs import Listener, resume_run, train_run
from lenet5.runs.result import document
from lenet5.runs.run import Run

QUICK = {"epochs": 2, "batch_size": 16, "validation": 100, "augment": "none", "threads": 1, "seed": 3}


@pytest.fixture(scope="module")
def data():
    return Loaded("strokes", strokes.draw(1000, seed=1), strokes.draw(200, seed=2), DIGITS)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Told(Listener):
    """Remembers what it is told; wishes to stop after ``patience`` looks."""

    def __init__(self, patience=None):
        self.events, self.epochs, self.patience = [], [], patience

    def replaces(self, out, model):
        self.events.append(("replaces", str(out)))

    def rate_found(self, curve):
        self.events.append(("rate", curve.best))

    def ready(self):
        self.events.append("ready")

    def stop(self):
        if self.patience is not None:
            self.patience -= 1
            return self.patience < 0
        return False

    def begins(self, run, trainer, data, number, n_members):
        self.events.append(("begins", number, n_members, trainer.position))

    @contextlib.contextmanager
    def following(self, run, trainer):
        self.events.append("in")
        yield
        self.events.append("out")

    def epoch(self, epoch):
        self.epochs.append(epoch)


def test_what_it_gives_and_writes(data, here):
    told = Told()
    result = train_run(data, listener=told, **QUICK)
    assert (str(result.run), str(result.out), result.dataset) == ("runs/train-001", "lenet5.safetensors", "strokes")
    [network] = result.networks
    assert network.model is result.model
    assert network.test is result.test
    assert (network.config.epochs, network.config.seed) == (2, 3)
    assert network.history == told.epochs
    assert network.best_epoch in (1, 2)
    assert result.test["n"] == 200
    assert told.events == ["ready", ("begins", 1, 1, (0, 0)), "in", "out"]
    for path in (result.out, result.run / "best.safetensors"):
        np.testing.assert_array_equal(load(path).parameters, result.model.parameters)
    assert result.model.training["command"] == "lenet5.runs.train_run"
    assert result.model.training["metrics"]["test_accuracy"] == result.test["accuracy"]
    assert result.model.evaluate(*data.test)[0] == result.test


def test_it_is_what_fit_gives(data, here):
    """The same weights, whichever way they are asked for."""
    fitted = LeNet5(seed=3).fit(*data.train, **QUICK)
    np.testing.assert_array_equal(train_run(data, **QUICK).model.parameters, fitted.parameters)


def test_choices_and_recipe(data, here):
    result = train_run(data, recipe="quick", variant="lenet4", activation="relu", head="softmax", **QUICK)
    assert (result.model.variant, result.model.activation, result.model.head) == ("lenet4", "relu", "softmax")
    assert result.networks[0].config.learning_rate == 0.1


def test_a_learning_rate_that_is_found(data, here):
    told = Told()
    result = train_run(data, learning_rate="auto", listener=told, **QUICK)
    assert told.events[0] == ("rate", result.networks[0].config.learning_rate)
    assert (result.run / "learning-rate.png").exists()


def test_members_are_one_committee(data, here):
    told = Told()
    result = train_run(data, members=2, listener=told, **QUICK)
    assert isinstance(result.model, Committee)
    assert [network.config.seed for network in result.networks] == [3, 4]
    assert [event[1:3] for event in told.events if event[0] == "begins"] == [(1, 2), (2, 2)]
    assert [network.run.name for network in result.networks] == ["member-1", "member-2"]
    assert result.model.calibration.n == 100
    written = document(result)
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written.keys() == {"run", "model", "dataset", "members", "test"}


def test_json_of_one_network(data, here):
    written = document(train_run(data, **QUICK))
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert written.keys() == {"run", "model", "dataset", "seed", "best_epoch", "history", "test"}
    assert [epoch["epoch"] for epoch in written["history"]] == [1, 2]


def test_teachers_are_models_or_files(data, here):
    teacher = LeNet5(seed=1).fit(*data.train, **QUICK)
    teacher.save("teacher.safetensors")
    result = train_run(data, teachers=["teacher.safetensors", Committee([teacher, teacher])], **QUICK)
    assert len(result.model.training["teachers"]) == 3
    np.testing.assert_array_equal(
        resume_run(result.run, load_data=lambda name: data).model.parameters, result.model.parameters
    )


@pytest.mark.parametrize("members", [1, 2])
def test_stopped_and_resumed_it_ends_with_the_same_bits(data, here, monkeypatch, members):
    monkeypatch.setattr("lenet5.training.trainer.PICTURES_PER_RUN", 320)
    settings = {**QUICK, "members": members, "validation": 40}
    whole = train_run(data, runs="whole", out="whole.safetensors", **settings)
    with pytest.raises(StoppedError, match=r"train-001: stopped.* resume") as stopped:
        train_run(data, out="model.safetensors", listener=Told(patience=1 + 6 * (members - 1)), **settings)
    assert not (here / "model.safetensors").exists()
    told = Told()
    result = resume_run(stopped.value.run, load_data=lambda name: data, threads=2, listener=told)
    assert str(result.out) == "model.safetensors"
    assert told.events[-3][3] != (0, 0)
    for resumed, other in zip(result.networks, whole.networks, strict=True):
        np.testing.assert_array_equal(resumed.model.parameters, other.model.parameters)
    assert result.test == whole.test


def test_a_run_that_is_done_gives_its_result_again(data, here):
    first = train_run(data, **QUICK)
    asked = []
    again = resume_run(first.run, out="again.safetensors", load_data=lambda name: asked.append(name) or data)
    assert asked == ["strokes"]
    assert (again.test, again.networks[0].history) == (first.test, first.networks[0].history)
    assert load("again.safetensors").training == load(first.out).training


@pytest.mark.parametrize("members", [1, 2])
def test_a_run_is_prolonged_to_more_epochs(data, here, members):
    """With a rate that does not depend on their number it ends as if all had been asked for at once."""
    settings = {**QUICK, "members": members, "schedule": "constant"}
    first = train_run(data, **settings)
    longer = resume_run(first.run, epochs=4, load_data=lambda name: data)
    whole = train_run(data, **settings | {"epochs": 4})
    for network, other in zip(longer.networks, whole.networks, strict=True):
        assert [epoch.epoch for epoch in network.history] == [1, 2, 3, 4]
        np.testing.assert_array_equal(network.model.parameters, other.model.parameters)
    assert resume_run(first.run, load_data=lambda name: data).test == longer.test


def test_a_prolonged_run_may_be_stopped_again(data, here, monkeypatch):
    monkeypatch.setattr("lenet5.training.trainer.PICTURES_PER_RUN", 320)
    first = train_run(data, **QUICK)
    with pytest.raises(StoppedError) as stopped:
        resume_run(first.run, epochs=4, load_data=lambda name: data, listener=Told(patience=2))
    assert Run.open(stopped.value.run).plan.config.epochs == 4
    assert len(resume_run(first.run, load_data=lambda name: data).networks[0].history) == 4


@pytest.mark.parametrize("epochs", [1, 0, True])
def test_a_run_cannot_be_shortened(data, here, epochs):
    first = train_run(data, **QUICK)
    with pytest.raises(ValueError, match="epochs is"):
        resume_run(first.run, epochs=epochs, load_data=lambda name: data)
    assert Run.open(first.run).plan.config.epochs == 2


def test_resume_refuses_other_images_and_a_run_in_use(data, here):
    result = train_run(data, **QUICK)
    other = Loaded("strokes", strokes.draw(1000, seed=9), data.test, DIGITS)
    with pytest.raises(DataError, match="not the images"):
        resume_run(result.run, load_data=lambda name: other)
    with Run.open(result.run).claim(), pytest.raises(InUseError):
        resume_run(result.run, load_data=lambda name: data)


def test_a_model_no_better_than_chance_is_not_written(data, here):
    LeNet5(seed=7).save("lenet5.safetensors")
    before = (here / "lenet5.safetensors").read_bytes()
    told = Told()
    with pytest.raises(NothingLearnedError, match="chance, so no model is written"):
        train_run(data, listener=told, **{**QUICK, "learning_rate": 1e-9})
    assert told.events[0] == ("replaces", "lenet5.safetensors")
    assert (here / "lenet5.safetensors").read_bytes() == before


def refused(name):
    raise AssertionError("the data is asked for before the settings are checked")


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"epochs": 0}, ValueError),
        ({"learning_rate": "fast"}, ValueError),
        ({"recipe": "slow"}, ValueError),
        ({"epoch": 3}, TypeError),
        ({"out": "notes.txt"}, ValueError),
        ({"out": "missing/model"}, OSError),
    ],
)
def test_what_cannot_be_is_refused_before_the_data_is_read(here, settings, error):
    (here / "notes.txt").write_text("mine")
    with pytest.raises(error):
        train_run("strokes", load_data=refused, **settings)
    assert [path.name for path in here.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"variant": "alexnet"}, ValueError),
        ({"head": "round"}, ValueError),
        ({"members": 0}, ValueError),
        ({"validation": 1000}, ValueError),
        ({"teachers": ["missing.safetensors"]}, ModelFileError),
        ({"teachers": [LeNet5(labels=list("abcdefghij"))]}, ValueError),
        ({"teachers": [LeNet5("1998")]}, ValueError),
    ],
)
def test_what_cannot_be_leaves_no_run(data, here, settings, error):
    with pytest.raises(error):
        train_run(data, **{**QUICK, **settings})
    assert list(here.iterdir()) == []


def test_the_names_of_the_room():
    assert runs.train_run is train_run
    assert set(runs.__all__) <= set(dir(runs))
