"""Layers that are frozen at the beginning of a network: computed once, with the bits of computing them each time."""

import copy

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes
from lenet5.training import frozen
from lenet5.training.config import Config

SETTINGS = {
    "plain": {},
    "dropout, averaged": {"dropout": 0.2, "average": 0.9},
    "batch norm": {"batch_norm": True},
    "clipped, validated": {"clip_norm": 0.5, "validation": 50},
    "adamw": {"optimizer": "adamw"},
    "weighted": {"class_weight": "balanced"},
}


@pytest.fixture(scope="module")
def data():
    return strokes.draw(150, seed=3)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("names", [("c1",), ("c1", "c3"), ("c1", "c3", "c5"), ("c1", "c5"), ("c3",)], ids=str)
def test_the_same_bits_as_computed_in_each_epoch(data, monkeypatch, name, names):
    settings = {"epochs": 2, "augment": "none", "freeze": names, **SETTINGS[name]}
    once = [LeNet5(seed=1).fit(*data, threads=k, **settings).parameters.tobytes() for k in (1, 2)]
    monkeypatch.setattr(frozen, "MOST_BYTES", 0)
    each = LeNet5(seed=1).fit(*data, **settings).parameters.tobytes()
    assert once == [each, each]


@pytest.mark.parametrize("variant", ["1998", "lenet1", "lenet4"])
def test_the_same_bits_in_the_family(data, monkeypatch, variant):
    names = [name.partition(".")[0] for name in LeNet5(variant).state_dict()]
    settings = {"epochs": 1, "augment": "none", "freeze": tuple(dict.fromkeys(names))[:3]}
    once = LeNet5(variant, seed=1).fit(*data, **settings).parameters.tobytes()
    monkeypatch.setattr(frozen, "MOST_BYTES", 0)
    assert LeNet5(variant, seed=1).fit(*data, **settings).parameters.tobytes() == once


@pytest.mark.parametrize(
    ("settings", "n_steps"),
    [
        ({"freeze": "c1,c3"}, 4),
        ({"freeze": "c1"}, 1),
        ({"freeze": "c3"}, 0),
        ({"freeze": "none"}, 0),
        ({"freeze": "c1,c3", "augment": "affine"}, 0),
        ({"freeze": "c1,c3", "finetune": 0.5, "finetune_augment": "crop"}, 0),
        ({"freeze": "c1,c3", "mixup": 0.2}, 0),
        ({"freeze": "c1,c3", "adversarial": 0.1}, 0),
        ({"freeze": "c1,c3", "batch_size": 1}, 0),
    ],
)  # fmt: skip
def test_only_what_is_the_same_in_every_epoch_is_done_once(settings, n_steps):
    assert frozen.steps_done_once(LeNet5().network, Config(**{"augment": "none", **settings})) == n_steps


def test_features_are_those_of_the_layers(data):
    model = LeNet5(seed=2)
    network, (X, _) = model.network, data
    after, _ = frozen.features(network, network.pictures(X), 4, 2)
    before, again = network.split((1, 32, 32), 4)
    assert after.in_shape == before.out_shape == again.in_shape == (16, 5, 5)


def test_a_stopped_training_goes_on_with_the_same_bits(data):
    from lenet5.training.trainer import Trainer

    config = Config(epochs=3, validation=0, augment="none", freeze="c1,c3")
    whole, first = (Trainer(LeNet5(seed=0).network, *data, config) for _ in range(2))
    list(whole.run())
    next(first.run())
    rest = Trainer(copy.deepcopy(LeNet5(seed=0).network), *data, config)
    rest.restore(*first.state())
    list(rest.run())
    np.testing.assert_array_equal(rest.best, whole.best)
