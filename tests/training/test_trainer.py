"""Training: its settings, its repeatability, its stops and resumes, the best epoch, and how it fails."""

import dataclasses
import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5 import LeNet5
from lenet5.errors import DivergedError, NothingLearnedError
from lenet5.nn.architectures import modern
from lenet5.nn.network import Network
from lenet5.training import sampler, stuck, trainer
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer

SMALL = {"epochs": 3, "batch_size": 32, "validation": 100, "seed": 3}


def squares(n, seed=0, side=28):
    """A task that is soon learnt: the class says where a bright square lies on the noise."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 100, (n, side, side), dtype=np.uint8), rng.integers(0, 10, n, dtype=np.uint8)
    for picture, label in zip(X, y, strict=True):
        top, left = 2 + side // 2 * (label // 5), 1 + side // 5 * (label % 5)
        picture[top : top + 8, left : left + 4] = 255
    return X, y


@pytest.fixture(autouse=True, scope="module")
def short_stretches():
    """Four stretches an epoch, so that there are several places to stop at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "PICTURES_PER_RUN", 128)
        yield


@pytest.fixture(scope="module")
def data():
    return squares(600)


def trainer_of(data, threads=2, network_seed=0, **changes):
    return Trainer(LeNet5(seed=network_seed).network, *data, Config(**{**SMALL, **changes}), threads)


def finished(trainer):
    for _ in trainer.run():
        pass
    return trainer


def without_time(history):
    return [dataclasses.replace(epoch, seconds=0, images_per_second=0) for epoch in history]


def assert_same_end(a, b):
    """Two trainings ended with the same bits and the same records."""
    assert a.done
    assert b.done
    for name, tensor in a.state()[0].items():
        np.testing.assert_array_equal(tensor, b.state()[0][name], err_msg=name)
    assert without_time(a.history) == without_time(b.history)
    assert a.best_epoch == b.best_epoch


def resumed(trainer, data, **changes):
    """A trainer of a fresh network at the saved place of another, the document sent through JSON."""
    tensors, document = trainer.state()
    other = trainer_of(data, network_seed=77, **changes)
    other.restore(tensors, json.loads(json.dumps(document, allow_nan=False)))
    return other


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", -3), ("epochs", 1.5), ("epochs", "3"), ("epochs", None), ("epochs", True),
        ("batch_size", 0), ("batch_size", 65537), ("batch_size", 8.0), ("batch_size", math.nan),
        ("learning_rate", 0), ("learning_rate", -1), ("learning_rate", math.inf), ("learning_rate", math.nan),
        ("learning_rate", "0.1"), ("nesterov", 1), ("dropout", 1), ("average", 1.0), ("loss", "l"), ("patience", -1),
        ("momentum", -0.1), ("momentum", 1), ("momentum", math.nan),
        ("weight_decay", -1e-9), ("weight_decay", 1), ("weight_decay", math.nan), ("weight_decay", [0]),
        ("validation", -1), ("validation", 0.5), ("seed", -1), ("seed", 2**63), ("seed", 1.5),
        ("optimizer", "sgdm"), ("optimizer", None), ("optimizer", []), ("schedule", ""), ("augment", "mirror"),
        ("augment", "affine,affine"), ("augment", "none,affine"), ("augment", None), ("finetune_augment", "mirror"),
        ("finetune_augment", None),
        ("finetune", 1), ("finetune", -0.1), ("finetune", math.nan), ("finetune", "0.1"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_with_its_value(name, value):
    with pytest.raises(ValueError, match=rf"^{name} is ") as caught:
        Config(**{name: value})
    assert repr(value) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings_are_plain_numbers_whatever_they_came_as():
    config = Config(epochs=np.int64(3), batch_size=np.uint8(16), learning_rate=np.float32(0.5), seed=np.int32(4))
    document = json.loads(json.dumps(dataclasses.asdict(config)))
    assert Config(**document) == config
    assert (document["epochs"], document["learning_rate"]) == (3, 0.5)


def test_distortions_are_kept_in_one_order():
    assert Config(augment="elastic, affine") == Config(augment="affine,elastic")
    assert Config(finetune_augment="flip, crop") == Config(finetune_augment="crop,flip")
    assert Config(augment="none").augment == "none"


def test_edges_of_the_ranges_are_allowed():
    Config(epochs=1, batch_size=1, learning_rate=1e-300, momentum=0, weight_decay=0, validation=0, seed=2**63 - 1)
    Config(batch_size=65536, learning_rate=1e300, momentum=0.999999, weight_decay=0.999999)


def test_a_setting_that_is_none_of_ours():
    with pytest.raises(TypeError, match="stubbornness"):
        Config(stubbornness=3)


# ---- what it trains on ---------------------------------------------------------------------------------------------


def test_pictures_on_disk_are_not_copied(tmp_path, data):
    """A memory-mapped set, which may be larger than memory, gives the weights of the same set in memory."""
    X, y = data
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    a, b = (finished(trainer_of((pictures, y), epochs=1, validation=50)) for pictures in (X, mapped))
    np.testing.assert_array_equal(a.network.parameters, b.network.parameters)


def test_a_set_of_several_windows_in_memory_and_on_disk_and_stopped(tmp_path, data, monkeypatch):
    """The same weights wherever the pictures lie, and wherever the training was stopped."""
    monkeypatch.setattr(sampler, "WINDOW", 64)
    monkeypatch.setattr(sampler, "BLOCK", 4)
    X, y = data
    np.save(tmp_path / "X.npy", X)
    on_disk = np.load(tmp_path / "X.npy", mmap_mode="r"), y
    whole = finished(trainer_of(data, threads=1))
    assert_same_end(whole, finished(trainer_of(on_disk)))
    for k in (1, 3, 5, 9):
        trainer = trainer_of(on_disk)
        for _ in trainer.run(stop=stop_after(k)):
            pass
        assert_same_end(whole, finished(resumed(trainer, on_disk)))


def test_the_split_does_not_depend_on_the_seed(data):
    a, b = (trainer_of(data, seed=seed).validation[1] for seed in (1, 2))
    np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n_validation", [600, 601, 10**9])
def test_validation_leaves_at_least_one_picture(data, n_validation):
    with pytest.raises(ValueError, match="fewer than the 600 training images"):
        trainer_of(data, validation=n_validation)


def test_validation_of_all_pictures_but_one(data):
    assert finished(trainer_of(data, validation=599)).steps_per_epoch == 1


@pytest.mark.parametrize("n_validation", [0, 5])
def test_no_pictures_are_refused(n_validation):
    with pytest.raises(ValueError):
        trainer_of((np.zeros((0, 28, 28), np.uint8), []), validation=n_validation)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((3, 28, 28), np.uint8), [0, 1]),
        (np.zeros((3, 28, 28), np.uint8), [0, 1, 10]),
        (np.zeros((3, 28, 28), np.uint8), [0, 1, -1]),
        (np.zeros((3, 28, 28), np.uint8), [0, 1, 0.5]),
        (np.zeros((3, 27, 28), np.uint8), [0, 1, 2]),
        (np.full((3, 28, 28), np.nan), [0, 1, 2]),
        (np.full((3, 28, 28), 255.0), [0, 1, 2]),
        (np.zeros((3, 28, 28), np.int64), [0, 1, 2]),
        (np.zeros((3, 40, 40), np.uint8), [0, 1, 2]),
    ],
)
def test_wrong_data_is_a_value_error(X, y):
    with pytest.raises(ValueError, match=r"^(X|y|labels|images|pictures) "):
        finished(trainer_of((X, np.asarray(y)), validation=0))


def test_wrong_threads(data):
    for threads in (0, -1, 257):
        with pytest.raises(ValueError, match="threads"):
            trainer_of(data, threads=threads)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 31, 33])
def test_tiny_sets_are_learnt(n):
    X, y = squares(n, seed=n)
    model = LeNet5(seed=0).fit(X, y, epochs=80, batch_size=32, augment="none", learning_rate=0.02)
    assert model.score(X, y) == 1


def test_a_simple_task_is_learnt():
    model = LeNet5(seed=0).fit(*squares(1500, seed=1), epochs=5)
    assert model.score(*squares(500, seed=2)) > 0.95


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.03), ("adamw", 0.002)])
@pytest.mark.parametrize(("activation", "pool"), [("tanh", "avg"), ("relu", "avg"), ("tanh", "max")])
def test_every_optimizer_and_variant_learns(optimizer, rate, activation, pool):
    model = LeNet5(activation=activation, pool=pool)
    model.fit(*squares(800, seed=1), epochs=8, optimizer=optimizer, learning_rate=rate, augment="none")
    assert model.score(*squares(300, seed=2)) > 0.95


@pytest.mark.parametrize("finetune_augment", ["none", "crop"])
def test_finetuning_has_distortions_of_its_own(data, finetune_augment):
    """First as a shorter training, then on from it at a tenth of the rate with none of the distortions before."""
    last = {"epochs": 5, "finetune": 0.4, "finetune_augment": finetune_augment}
    short = finished(trainer_of(data, augment="affine", epochs=3))
    whole = trainer_of(data, augment="affine", **last)
    for epoch in whole.run():
        if epoch.epoch == 3:
            assert (whole.last == short.last).all()
    rates = [epoch.learning_rate for epoch in whole.history]
    assert rates[:3] == [epoch.learning_rate for epoch in short.history]
    steps = 2 * whole.steps_per_epoch
    assert rates[3:] == pytest.approx([0.0025 * (1 + math.cos(math.pi * (k - 1) / steps)) for k in (steps // 2, steps)])
    other = trainer_of(data, augment=finetune_augment, epochs=5, finetune=0.4, finetune_augment="invert")
    assert not (finished(other).last == whole.last).all()
    other = trainer_of(data, augment="invert", **last)
    other.restore(
        *(short.state()[0], other.state()[1] | {"epoch": 3, "best_epoch": 1, "history": short.state()[1]["history"]})
    )
    assert (finished(other).last == whole.last).all()


@pytest.mark.parametrize("augment", ["none", "affine", "elastic,cutout,invert"])
def test_bytes_and_floats_train_to_the_same_bits(data, augment):
    X, y = data
    as_float = X / np.float32(255)
    forms = X, as_float, as_float.astype(np.float64)
    a, b, c = (finished(trainer_of((form, y), augment=augment)) for form in forms)
    assert_same_end(a, b)
    assert_same_end(a, c)


def test_a_frame_of_our_own_is_no_difference(data):
    """Nor with distortions, but for rounding, which training lets grow: tests/test_augment.py compares the pictures."""
    X, y = data
    framed = np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None]
    a, b = (finished(trainer_of((form, y), augment="none")) for form in (X, framed))
    np.testing.assert_array_equal(a.network.parameters, b.network.parameters)


def test_the_pictures_given_are_not_changed(data):
    X, y = data[0].copy(), data[1].copy()
    X.flags.writeable = y.flags.writeable = False
    finished(trainer_of((X, y), epochs=1))


# ---- repeatability -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_same_bits_for_any_number_of_threads(data, optimizer):
    rate = {"sgd": 0.05, "adamw": 1e-3}[optimizer]
    first = finished(trainer_of(data, 1, optimizer=optimizer, learning_rate=rate))
    for threads in (1, 2, 3, 8):
        assert_same_end(first, finished(trainer_of(data, threads, optimizer=optimizer, learning_rate=rate)))


def test_another_seed_gives_other_weights(data):
    a, b = (finished(trainer_of(data, seed=seed, augment="none")) for seed in (3, 4))
    assert (a.network.parameters[:-16] != b.network.parameters[:-16]).mean() > 0.5


@pytest.mark.parametrize("pictures", [1, 64, 500, 4096])
def test_the_stretch_between_two_looks_is_no_difference(data, monkeypatch, pictures):
    whole = finished(trainer_of(data))
    monkeypatch.setattr(trainer, "PICTURES_PER_RUN", pictures)
    other = finished(trainer_of(data))
    np.testing.assert_array_equal(whole.network.parameters, other.network.parameters)
    np.testing.assert_array_equal(whole.best, other.best)
    for a, b in zip(whole.history, other.history, strict=True):
        assert (a.validation_loss, a.train_accuracy) == (b.validation_loss, b.train_accuracy)
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-12)  # sums of sums


# ---- stop and resume -----------------------------------------------------------------------------------------------


def stop_after(k):
    """A ``stop`` that lets k stretches pass."""
    count = itertools.count()
    return lambda: next(count) >= k


@pytest.fixture(scope="module")
def whole(data):
    return finished(trainer_of(data, threads=1))


@pytest.fixture(scope="module", params=[{}, {"optimizer": "adamw", "learning_rate": 1e-3, "validation": 0}])
def uninterrupted(request, data):
    return request.param, finished(trainer_of(data, **request.param))


@pytest.mark.parametrize("k", [*range(14), 15, 17])
def test_a_stopped_run_ends_with_the_same_bits(uninterrupted, data, k):
    changes, whole = uninterrupted
    trainer = trainer_of(data, threads=1 + k % 3, **changes)
    for _ in trainer.run(stop=stop_after(k)):
        pass
    assert trainer.done == (k >= 3 * math.ceil(trainer.steps_per_epoch / 4))
    assert_same_end(whole, finished(resumed(trainer, data, threads=1 + (k + 1) % 3, **changes)))


@given(stops=st.lists(st.integers(1, 6), max_size=6))
@settings(deadline=None, max_examples=8)
def test_a_run_stopped_again_and_again(data, whole, stops):
    trainer = trainer_of(data)
    for k in stops:
        for _ in trainer.run(stop=stop_after(k)):
            pass
        trainer = resumed(trainer, data)
    assert_same_end(whole, finished(trainer))


def test_a_state_taken_in_the_progress_callback_resumes_too(data):
    trainer, states = trainer_of(data), []
    for _ in trainer.run(progress=lambda _: states.append(trainer.state())):
        pass
    for tensors, document in states:
        other = trainer_of(data, network_seed=9)
        other.restore(tensors, document)
        assert_same_end(trainer, finished(other))


def test_run_goes_on_from_where_it_stands(data):
    trainer = trainer_of(data)
    next(iter(trainer.run()))
    assert trainer.position == (1, 0)
    assert_same_end(finished(trainer), finished(trainer_of(data)))
    assert list(trainer.run()) == []


def test_progress_counts_up_to_the_end_of_each_epoch(data):
    seen = []
    records = list(trainer_of(data).run(progress=seen.append))
    assert [p.n_done for p in seen if p.epoch == 1] == [128, 256, 384, 500]
    assert {p.n for p in seen} == {500}
    last = [p for p in seen if p.n_done == 500]
    assert [(p.loss, p.accuracy) for p in last] == [(r.train_loss, r.train_accuracy) for r in records]
    assert all(math.isfinite(p.loss) and 0 <= p.accuracy <= 1 and p.seconds > 0 for p in seen)


def test_records_of_the_epochs(data):
    trainer = trainer_of(data)
    records = list(trainer.run())
    assert trainer.history == records
    assert [r.epoch for r in records] == [1, 2, 3]
    assert records[-1].learning_rate < 0.05 * 0.02
    assert all(r.images_per_second == pytest.approx(500 / r.seconds) for r in records)
    assert all(0 <= r.validation_accuracy <= 1 for r in records)


def broken(**changes):
    """A change of a saved document that makes it malformed."""
    return lambda document: document | changes


def broken_records(**changes):
    """The same for every record of the history."""
    return lambda document: document | {"history": [record | changes for record in document["history"]]}


@pytest.mark.parametrize(
    "change",
    [
        broken(epoch="1"), broken(epoch=None), broken(epoch=-1), broken(epoch=4), broken(epoch=1.0),
        broken(step=-1), broken(step=10**6), broken(step="0"), broken(step=0.5),
        broken(best_epoch=0), broken(best_epoch=3), broken(best_epoch="1"),
        broken(loss_sum=None), broken(loss_sum=math.nan), broken(n_correct="x"), broken(n_correct=-5),
        broken(seconds=math.inf), broken(history=[]), broken(history=None), broken(history=[5, 5]),
        broken(history=[{}, {}]), broken(history={"0": 1, "1": 2}), broken(unknown=1),
        broken_records(validation_accuracy=None), broken_records(train_loss="x"), broken_records(epoch=1.0),
        lambda document: document | {"history": document["history"][::-1]},
        lambda document: [document], lambda document: {}, lambda document: None,
    ],
)  # fmt: skip
def test_a_malformed_position_is_refused_and_nothing_is_changed(data, change):
    trainer = trainer_of(data)
    for _ in itertools.islice(trainer.run(), 2):
        pass
    tensors, document = trainer.state()
    other = trainer_of(data, network_seed=5)
    before = other.state()
    with pytest.raises(ValueError, match=r"^the saved "):
        other.restore(tensors, change(document))
    assert other.state()[1] == before[1]
    for name, tensor in before[0].items():
        np.testing.assert_array_equal(tensor, other.state()[0][name])


@pytest.mark.parametrize("name", ["parameters", "best", "last", "moment1", "moment2"])
@pytest.mark.parametrize("value", [None, np.zeros(5, np.float32), "nan"])
def test_malformed_tensors_are_refused(data, name, value):
    tensors, document = trainer_of(data).state()
    if value is None:
        del tensors[name]
    elif isinstance(value, str):
        tensors[name][7] = np.nan
    else:
        tensors[name] = value
    with pytest.raises(ValueError, match=r"^the saved tensors"):
        trainer_of(data).restore(tensors, document)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 4}, {"epochs": 4}, {"batch_size": 31}, {"learning_rate": 0.04}, {"augment": "none"},
        {"finetune_augment": "crop"}, {"optimizer": "adamw"},
    ],
)  # fmt: skip
def test_the_state_of_another_training_is_refused(data, changes):
    with pytest.raises(ValueError, match=r"^the saved .*another"):
        trainer_of(data).restore(*trainer_of(data, **changes).state())


def test_the_state_of_other_pictures_is_refused(data):
    fewer = data[0][:-1], data[1][:-1]
    with pytest.raises(ValueError, match=r"^the saved .*another"):
        trainer_of(data).restore(*trainer_of(fewer).state())


def test_the_state_of_another_network_is_refused(data):
    tensors, document = Trainer(Network(modern(n_classes=11)), *data, Config(**SMALL)).state()
    with pytest.raises(ValueError, match=r"^the saved tensors"):
        trainer_of(data).restore(tensors, document)


def test_a_state_is_a_copy(data):
    trainer = trainer_of(data)
    tensors, document = trainer.state()
    before = {name: tensor.copy() for name, tensor in tensors.items()}, json.dumps(document)
    finished(trainer)
    assert json.dumps(document) == before[1]
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(tensor, before[0][name])


# ---- the best epoch ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("validations", "best"),
    [
        ([(0.3, 0.5), (0.4, 0.6), (0.2, 0.55)], 2),  # the most accurate, whatever its loss
        ([(0.3, 0.6), (0.2, 0.6), (0.25, 0.6)], 2),  # equally accurate: the lower loss
        ([(0.3, 0.6), (0.3, 0.6), (0.3, 0.6)], 1),  # all the same: the first
        ([(0.3, 0.9), (0.2, 0.8), (0.1, 0.7)], 1),
        ([(0.3, 0.0), (0.2, 0.0), (0.1, 0.1)], 3),
    ],
)
def test_the_best_epoch(data, monkeypatch, validations, best):
    trainer = trainer_of(data)
    script = iter(validations)
    monkeypatch.setattr(trainer, "_validate", lambda: next(script))
    weights = [trainer.network.parameters.copy() for _ in trainer.run()]
    assert trainer.best_epoch == best
    np.testing.assert_array_equal(trainer.best, weights[best - 1])


def test_without_validation_the_last_epoch_is_the_best(data):
    trainer = finished(trainer_of(data, validation=0))
    assert trainer.best_epoch == 3
    np.testing.assert_array_equal(trainer.best, trainer.network.parameters)
    assert {(r.validation_loss, r.validation_accuracy) for r in trainer.history} == {(None, None)}


def test_before_the_first_epoch_the_best_are_the_initial_weights(data):
    trainer = trainer_of(data)
    np.testing.assert_array_equal(trainer.best, LeNet5(seed=0).parameters)
    assert (trainer.best_epoch, trainer.history, trainer.done) == (0, [], False)


def test_validation_figures_are_those_of_the_network(data):
    trainer = finished(trainer_of(data, epochs=1))
    X, y = trainer.validation
    model = LeNet5()
    model.load_state_dict(trainer.network.state_dict())
    report, _ = model.evaluate(X, y)
    record = trainer.history[0]
    assert (record.validation_accuracy, record.validation_loss) == (report["accuracy"], report["loss"])


# ---- divergence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1e9, 1e30, 1e300])
@pytest.mark.parametrize("threads", [1, 3])
def test_divergence_stops_within_a_batch(data, rate, threads):
    trainer = trainer_of(data, threads, learning_rate=rate)
    with pytest.raises(DivergedError, match=r"^the loss is not finite any more at epoch 1, batch [123];"):
        finished(trainer)
    np.testing.assert_array_equal(trainer.network.parameters, LeNet5(seed=0).parameters)


def test_divergence_keeps_the_weights_of_the_last_whole_epoch(data):
    trainer = trainer_of(data)
    run = trainer.run()
    next(run)
    good = trainer.network.parameters.copy()
    trainer.config = dataclasses.replace(trainer.config, learning_rate=1e9)
    with pytest.raises(DivergedError, match="at epoch 2"):
        next(run)
    np.testing.assert_array_equal(trainer.network.parameters, good)
    np.testing.assert_array_equal(trainer.best, good)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("power", range(-1, 39, 3))
def test_any_learning_rate_gives_finite_figures_or_diverges(data, optimizer, power):
    X, y = data
    trainer = trainer_of((X[:200], y[:200]), learning_rate=10.0**power, optimizer=optimizer, validation=50, epochs=2)
    try:
        finished(trainer)
    except DivergedError:
        pass
    else:
        figures = [value for epoch in trainer.history for value in dataclasses.astuple(epoch)]
        assert all(math.isfinite(value) for value in figures)
    assert np.isfinite(trainer.network.parameters).all()
    assert np.isfinite(trainer.best).all()


# ---- fit -----------------------------------------------------------------------------------------------------------


def test_fit_is_silent_and_returns_the_model(data, capfd):
    model = LeNet5()
    assert model.fit(*data, epochs=2) is model
    assert capfd.readouterr() == ("", "")


def test_fit_uses_the_seed_of_the_model_unless_told_another(data):
    a = LeNet5(seed=6).fit(*data, epochs=1)
    b = LeNet5(seed=6).fit(*data, epochs=1, seed=6)
    c = LeNet5(seed=6).fit(*data, epochs=1, seed=7)
    np.testing.assert_array_equal(a.parameters, b.parameters)
    assert (a.parameters != c.parameters).any()


def test_fit_with_validation_keeps_the_best_epoch(data):
    trainer = finished(trainer_of(data, network_seed=3))
    model = LeNet5(seed=3).fit(*data, **SMALL, clip_norm=0.0)  # as the trainer has it, without defaults of small sets
    np.testing.assert_array_equal(model.parameters, trainer.best)


def test_fit_names_a_wrong_setting(data):
    with pytest.raises(ValueError, match="epochs"):
        LeNet5().fit(*data, epochs=0)
    with pytest.raises(TypeError, match="rate"):
        LeNet5().fit(*data, rate=0.1)


def test_fit_goes_on_from_the_weights_it_has(data):
    model = LeNet5().fit(*data, epochs=8, augment="none")
    before = model.evaluate(*data)[0]["loss"]
    model.fit(*data, epochs=1, learning_rate=1e-6, augment="none")
    assert model.evaluate(*data)[0]["loss"] == pytest.approx(before, abs=0.02)


@pytest.mark.mnist
def test_one_epoch_of_mnist(mnist_dir):
    from lenet5 import datasets

    (X, y), test = datasets.load("mnist", mnist_dir)
    assert LeNet5().fit(X[:20000], y[:20000], epochs=1).score(*test) > 0.96


# ---- clocks --------------------------------------------------------------------------------------------------------


def test_a_clock_that_stands_still(data, monkeypatch):
    monkeypatch.setattr(trainer, "perf_counter", lambda: 5.0)
    history = finished(trainer_of(data)).history
    assert {(epoch.seconds, epoch.images_per_second) for epoch in history} == {(0.0, 0.0)}


# ---- nothing learnt ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("activation", "settings"),
    [
        ("relu", {"learning_rate": 30.0}),
        ("relu", {"learning_rate": 5.0, "validation": 0, "average": 0.9}),
        ("relu", {"learning_rate": 1.0, "optimizer": "adam"}),
        ("tanh", {"learning_rate": 1.0, "optimizer": "rmsprop"}),
    ],
)
def test_a_hopeless_rate_ends_the_first_epoch(data, activation, settings):
    network = LeNet5(seed=0, activation=activation).network
    trainer = Trainer(network, *data, Config(**{**SMALL, "epochs": 20, "schedule": "constant", **settings}), 2)
    with pytest.raises(NothingLearnedError, match=r"first epoch.*lower learning rate than (30|5|1)$"):
        finished(trainer)
    assert trainer.history == []
    np.testing.assert_array_equal(network.parameters, LeNet5(seed=0, activation=activation).parameters)


@pytest.mark.parametrize("rate", [1e-9, 1e-3])
@pytest.mark.parametrize("initializer", ["he", "1998"])
def test_a_slow_start_is_not_hopeless(data, initializer, rate):
    network = LeNet5(seed=0, activation="sigmoid", initializer=initializer).network
    config = Config(**{**SMALL, "learning_rate": rate})
    assert len(finished(Trainer(network, *data, config, 2)).history) == SMALL["epochs"]


def test_one_class_alone_is_soon_learnt(data):
    X, y = data
    trainer = trainer_of((X, np.full_like(y, 3)), learning_rate=0.5)
    assert finished(trainer).history[-1].train_accuracy == 1


@pytest.mark.parametrize(
    ("logits", "y", "constant"),
    [
        ([[2, 0], [2, 0], [2, 0]], [0, 1, 1], True),
        ([[0.1, 0], [0, 0.1], [0, 0.1]], [1, 0, 0], False),  # wrong, but not one answer
        ([[0, 0.7], [0, 0.6], [0, 0.8]], [0, 1, 1], True),
        ([[0, 0.1], [0, 2], [0, 2]], [0, 1, 1], False),  # one answer, but surer where it is right
        ([[9, 0], [9, 0]], [0, 0], False),
    ],
)
def test_what_a_constant_guess_is(logits, y, constant):
    assert stuck.is_constant_guess(np.array(logits, np.float32), np.array(y, np.uint8)) is constant
