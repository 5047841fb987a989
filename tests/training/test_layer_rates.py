"""Learning rates layer by layer, beside freezing and doing without; against NumPy: kernels/test_training_kernel.py."""

import copy

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes
from lenet5.training.config import Config
from lenet5.training.layer_rates import factors

RATES = {"c1": 0.25, "c3": 0.5, "f6": 2.0}
#: Settings that reach each place where weights are updated.
WAYS = {
    "dense and convolutions": {},
    "several waves": {"batch_size": 150},
    "clipped": {"clip_norm": 0.1},
    "one image": {"batch_size": 1},
}
PLAIN = {"augment": "none", "schedule": "constant", "learning_rate": 1e-3, "weight_decay": 0.01, "epochs": 1}


@pytest.fixture(scope="module")
def data():
    return strokes.draw(150, seed=3)


def changes(data, rates, pool="avg", **settings):
    """How much one epoch changes each tensor."""
    model = LeNet5(seed=0, pool=pool)
    before = {name: t.copy() for name, t in model.state_dict().items()}
    model.fit(*data, layer_rates=rates, **{**PLAIN, **settings})
    return {name: tensor - before[name] for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("name", ["several waves", "clipped", "one image"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_the_first_update_is_the_factor_times_as_large(data, name, optimizer):
    """It is the same gradient, so each tensor moves as far as without factors, times its own."""
    some = (data[0][:1], data[1][:1]) if name == "one image" else data
    settings = {"batch_size": len(some[1]), "optimizer": optimizer, **WAYS[name]}
    if name == "one image":
        settings["clip_norm"] = 0.0
    plain, scaled = changes(some, "none", **settings), changes(some, RATES, **settings)
    for tensor, change in plain.items():
        expected = RATES.get(tensor.partition(".")[0], 1) * change
        np.testing.assert_allclose(scaled[tensor], expected, rtol=2e-3, atol=2e-7, err_msg=tensor)


@pytest.mark.parametrize("name", WAYS)
def test_factors_of_1_change_no_bit(data, name):
    ones = dict.fromkeys(("c1", "c3", "c5", "f6", "output"), 1.0)
    plain, given = (
        LeNet5(seed=0, pool="avg").fit(*data, layer_rates=rates, **{**PLAIN, **WAYS[name]}) for rates in ("none", ones)
    )
    assert plain.parameters.tobytes() == given.parameters.tobytes()


@pytest.mark.parametrize("settings", [{}, {"optimizer": "adamw"}, {"batch_norm": True}, {"augment": "affine"}], ids=str)
def test_a_factor_of_0_is_freezing(data, settings):
    frozen = LeNet5(seed=0).fit(*data, freeze=("c1", "c3"), **{**PLAIN, **settings})
    still = LeNet5(seed=0).fit(*data, layer_rates={"c1": 0, "c3": 0}, **{**PLAIN, **settings})
    assert still.parameters.tobytes() == frozen.parameters.tobytes()


def test_threads_and_normalisations(data):
    model = LeNet5(seed=0)
    settings = {**PLAIN, "layer_rates": RATES, "batch_norm": True}
    one, two = (copy.deepcopy(model).fit(*data, threads=k, **settings).parameters.tobytes() for k in (1, 2))
    assert one == two
    assert one != copy.deepcopy(model).fit(*data, **{**settings, "layer_rates": "none"}).parameters.tobytes()


def test_decay_falls_from_the_last_layer_down():
    network = LeNet5().network
    assert factors(network, Config(layer_decay=0.5)) == {"c1": 0.0625, "c3": 0.125, "c5": 0.25, "f6": 0.5, "output": 1}
    assert factors(network, Config(layer_decay=0.5, layer_rates="c1=0.3"))["c1"] == 0.3


def test_the_file_says_them(data):
    model = LeNet5().fit(*data, layer_rates=RATES, **PLAIN)
    assert model.training["config"]["layer_rates"] == "c1=0.25,c3=0.5,f6=2.0"


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"c9": 0.1}, "layer_rates names 'c9', expected some of c1, c3, c5, f6, output"),
        ("c1=0.1,c1=0.2", "each name once"),
        ("c1=-1", "expected none, or name=number, comma-separated, each at least 0"),
        ("c1=nan", "each at least 0"),
        ("c1", "name=number"),
        (0.5, "name=number"),
        (dict.fromkeys(("c1", "c3", "c5", "f6", "output"), 0), "nothing to train"),
    ],
)
def test_factors_that_cannot_be(data, rates, message):
    with pytest.raises(ValueError, match=message):
        LeNet5().fit(*data, layer_rates=rates, **PLAIN)
    with pytest.raises(ValueError, match=r"layer_decay is 0\.0, expected above 0 to 1"):
        Config(layer_decay=0.0)
