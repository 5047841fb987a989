"""Learning from teachers: their answers as targets, by the definition; the same bits however it is run."""

import json
import shutil

import numpy as np
import pytest
from commandline import model_path, quick
from gradcheck import with_biases
from pictures import strewn

from lenet5 import Committee, LeNet5, _kernels, load
from lenet5._kernels import CROSS_ENTROPY, SGD, Loss
from lenet5.nn.architectures import modern
from lenet5.nn.network import Network
from lenet5.training.config import Config
from lenet5.training.defaults import config_for
from lenet5.training.trainer import Trainer
from lenet5.utils.threads import parallel

N = 21


@pytest.fixture(scope="module")
def data():
    return strewn(np.random.default_rng(5), N, 28, 28)


def network_of(seed, activation="tanh", pool="avg"):
    network = with_biases(Network(modern(activation, pool), seed=seed), seed)
    network.state_dict()["output.weight"][...] *= 8  # answers that tell of more than that nothing is known
    return network


def one_step(data, network, teachers, weight, temperature, rate=0.05, n_threads=1):
    """(parameters after one plain step on all pictures, loss)."""
    X, y = data
    pictures = network.pictures(X)
    parameters = network.parameters.copy()
    training = _kernels.Training(
        network.program(pictures.shape), parameters, np.zeros_like(parameters), np.zeros_like(parameters), SGD,
        batch_size=N, n_threads=n_threads, momentum=0.0,
        loss=Loss(CROSS_ENTROPY, teacher_weight=weight, temperature=temperature),
        teachers=[(teacher.program(pictures.shape), teacher.parameters) for teacher in teachers],
    )  # fmt: skip
    training.prepare(pictures, y, np.arange(N), np.array([rate]), 0)
    parallel(training.run, n_threads)
    return parameters, training.result[0]


@pytest.mark.parametrize(("weight", "temperature"), [(1.0, 1.0), (0.7, 1.0), (1.0, 3.0), (0.4, 0.5), (0.0, 1.0)])
def test_a_step_by_its_definition(data, weight, temperature):
    """The loss is linear in the targets: its gradient is the mean of those for each class, weighted by them."""
    X, y = data
    network, teachers = network_of(1), [network_of(2), network_of(3, "relu", "max")]
    answers = 0
    for teacher in teachers:
        scores = np.exp(teacher.logits(X).astype(np.float64) / temperature)
        answers = answers + scores / scores.sum(axis=1, keepdims=True) / len(teachers)
    assert answers.max() > 0.2
    targets = weight * answers + (1 - weight) * np.eye(10)[y]
    expected, loss = np.zeros(len(network.parameters)), 0.0
    for i in range(N):
        pictures = network.pictures(X[i : i + 1])
        for k in range(10):
            gradients = np.zeros(len(network.parameters))
            label = np.array([k], np.uint8)
            of_class = network.program(pictures.shape).loss_and_gradients(
                network.parameters.astype(np.float64), pictures, label, gradients, Loss(temperature=temperature)
            )
            expected += gradients * targets[i, k] / N
            loss += of_class * targets[i, k]
    parameters, total = one_step(data, network, teachers, weight, temperature)
    moved = network.parameters - parameters
    assert np.abs(moved).max() > 1e-4
    np.testing.assert_allclose(moved, 0.05 * expected, atol=2e-6)
    assert total == pytest.approx(loss, rel=1e-4)


def test_who_answers_as_its_teacher_learns_nothing(data):
    network = network_of(1)
    for temperature in (1.0, 2.0):
        parameters, _ = one_step(data, network, [network, network], 1.0, temperature)
        np.testing.assert_allclose(parameters, network.parameters, atol=1e-7)


def test_teachers_that_see_other_pictures_are_refused(data):
    X, y = data
    config = Config(epochs=1, validation=0)
    with pytest.raises(ValueError, match="teacher's background"):
        Trainer(LeNet5().network, X, y, config, 1, [LeNet5("1998").network])
    with pytest.raises(ValueError, match="teacher's n_classes is 3"):
        Trainer(LeNet5().network, X, y, config, 1, [LeNet5(labels=["a", "b", "c"]).network])
    network, pictures = network_of(1), network_of(1).pictures(X)
    for program, parameters, message in (
        (network.program((1, 36, 36)), network.parameters, r"takes \(1, 36, 36\)"),
        (network.program(pictures.shape), network.parameters[:64], "has 64 parameters"),
    ):
        with pytest.raises(ValueError, match=message):
            _kernels.Training(
                network.program(pictures.shape), network.parameters, *[network.parameters.copy()] * 2, SGD,
                batch_size=4, n_threads=1, teachers=[(program, parameters)],
            )  # fmt: skip
    with pytest.raises(ValueError, match="65 teachers, expected up to 64"):
        Trainer(LeNet5().network, X, y, config, 1, [LeNet5().network] * 65)


def test_the_same_bits_for_any_number_of_threads_and_in_parts(data):
    X, y = data
    settings = {"epochs": 2, "batch_size": 5, "seed": 3, "validation": 4, "average": 0.9, "teacher_weight": 0.8}
    teachers = [LeNet5(seed=8).network, LeNet5("modern", activation="tanh", seed=9).network]

    def trainer(threads):
        return Trainer(LeNet5(seed=3).network, X, y, Config(**settings, augment="affine"), threads, teachers)

    whole = trainer(1)
    list(whole.run())
    parts = trainer(3)
    next(parts.run())
    resumed = trainer(2)
    resumed.restore(*parts.state())
    list(resumed.run())
    np.testing.assert_array_equal(whole.last, resumed.last)
    alone = Trainer(LeNet5(seed=3).network, X, y, Config(**settings, augment="affine"), 1)
    list(alone.run())
    assert not np.array_equal(whole.last, alone.last)


def test_the_default_rate_is_lower_where_gradients_are_steeper():
    """At temperature 6 and the rate of labels, networks died at the schedule's peak."""
    network = LeNet5().network
    assert config_for(network, is_taught=True).learning_rate == pytest.approx(0.025)
    assert config_for(network, is_taught=True, distillation_temperature=1.5).learning_rate == 0.05
    assert config_for(network, is_taught=True, learning_rate=0.3).learning_rate == 0.3
    assert config_for(network, is_taught=True, optimizer="adam").learning_rate == 2e-3
    assert config_for(network).learning_rate == 0.05


def test_fit_takes_teachers(data):
    X, y = data
    models = [LeNet5(seed=1).fit(X, y, epochs=1, threads=1, teachers=t) for t in ([], [LeNet5(seed=2)])]
    assert not np.array_equal(models[0].parameters, models[1].parameters)


# ---- the command line ------------------------------------------------------------------------------------------------

TRAIN = ["train", "--dataset", "strokes", "--epochs", "2", "--validation", "1000", "--threads", "1"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """(folder, result): trained by a model and a committee of two, all untrained."""
    folder = tmp_path_factory.mktemp("taught")
    LeNet5(seed=1).save(folder / "one.safetensors")
    Committee([LeNet5(seed=2), LeNet5(seed=3)]).save(folder / "two.safetensors")
    teachers = ["--teacher", "one.safetensors", "--teacher", "two.safetensors"]
    return folder, quick(*TRAIN, *teachers, "--teacher-weight", "0.5", cwd=folder, few=True)


def test_a_run_keeps_its_teachers(taught):
    folder, result = taught
    assert result.code == 0, result.stderr
    kept = load(folder / "runs/train-001/teachers.safetensors")
    assert [model.seed for model in kept.models] == [None] * 3
    for model, seed in zip(kept.models, (1, 2, 3), strict=True):
        np.testing.assert_array_equal(model.parameters, LeNet5(seed=seed).parameters)
    training = load(folder / "lenet5.safetensors").training
    assert len(training["teachers"]) == 3
    assert training["config"]["teacher_weight"] == 0.5


def test_a_run_is_resumed_by_the_teachers_that_it_kept(taught, tmp_path):
    folder, result = taught
    shutil.copytree(folder / "runs", tmp_path / "runs")
    (tmp_path / "runs/train-001/state.safetensors").unlink()  # from its beginning
    again = quick("train", "--resume", "runs/train-001", cwd=tmp_path, few=True)
    assert again.code == 0, again.stderr
    assert again.stdout == result.stdout
    first, second = (load(path / "lenet5.safetensors") for path in (folder, tmp_path))
    np.testing.assert_array_equal(first.parameters, second.parameters)


@pytest.mark.parametrize(("change", "code"), [("other", 4), ("gone", 3)])
def test_a_run_without_its_teachers_is_not_resumed(taught, tmp_path, change, code):
    shutil.copytree(taught[0] / "runs", tmp_path / "runs")
    path = tmp_path / "runs/train-001/teachers.safetensors"
    if change == "gone":
        path.unlink()
    else:
        LeNet5(seed=7).save(path)
    result = quick("train", "--resume", "runs/train-001", cwd=tmp_path, few=True)
    assert result.code == code
    assert "teachers.safetensors" in result.error


def test_each_member_is_taught(tmp_path):
    shutil.copy(model_path(), tmp_path / "one.safetensors")
    result = quick(*TRAIN, "--members", "2", "--teacher", "one.safetensors", cwd=tmp_path, few=True)
    assert result.code == 0, result.stderr
    again = quick("train", "--resume", "runs/train-001/member-2", cwd=tmp_path, few=True)
    assert again.code == 0, again.stderr
    plans = [json.loads((tmp_path / f"runs/train-001/member-{k}/config.json").read_text()) for k in (1, 2)]
    assert plans[0]["teachers"] == plans[1]["teachers"] != []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--teacher", "missing.safetensors"], 3, "missing.safetensors"),
        (["--teacher", "letters.safetensors"], 2, "its classes are not those of the images"),
        (["--teacher", "old.safetensors"], 2, "the teacher's background"),
        (["--teacher-weight", "0.5"], 2, "are of a --teacher; none is given"),
        (["--teacher", "one.safetensors", "--teacher-weight", "1.5"], 2, "teacher_weight is 1.5"),
        (["--teacher", "one.safetensors", "--distillation-temperature", "0"], 2, "distillation_temperature is 0"),
    ],
)
def test_what_cannot_teach(tmp_path, arguments, code, message):
    LeNet5(seed=1).save(tmp_path / "one.safetensors")
    LeNet5(labels=list("abcdefghij")).save(tmp_path / "letters.safetensors")
    LeNet5("1998").save(tmp_path / "old.safetensors")
    result = quick(*TRAIN, *arguments, cwd=tmp_path, few=True)
    assert result.code == code
    assert message in result.error
    assert not (tmp_path / "runs").exists()
