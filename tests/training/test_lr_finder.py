"""The learning rate range test: where it begins and ends, what it leaves alone, what it suggests on known curves."""

import json

import numpy as np
import pytest
from commandline import quick
from PIL import Image

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes
from lenet5.training import lr_finder
from lenet5.training.config import OPTIMIZERS, Config
from lenet5.training.lr_finder import RateCurve, find


@pytest.fixture(scope="module")
def data():
    return strokes.draw(3000, seed=1)


def test_the_rate_grows_by_one_factor_and_the_network_stays(data):
    network = LeNet5(seed=1).network
    before = network.parameters.copy()
    curve = find(network, *data, Config(), 1)
    np.testing.assert_array_equal(network.parameters, before)
    assert curve.rates.shape == curve.losses.shape
    assert curve.rates[0] < 0.05 * lr_finder.LOWEST * 1.2
    growth = np.log(curve.rates[1:] / curve.rates[:-1])
    # A pass of 3,000 pictures ends with a part of a point; over many points the rate grows as it should.
    expected = np.log(lr_finder.HIGHEST / lr_finder.LOWEST) / lr_finder.UPDATES * lr_finder.PER_POINT
    assert growth.min() > 0
    assert np.median(growth) == pytest.approx(expected, rel=0.15)
    assert curve.losses[0] == pytest.approx(np.log(10), abs=0.5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
def test_it_is_within_a_factor_of_ten_of_what_suits_the_optimizer(data, optimizer):
    curve = find(LeNet5(seed=1).network, *data, Config(optimizer=optimizer), 1)
    assert 0.1 < curve.best / OPTIMIZERS[optimizer] < 10


def test_the_same_for_any_number_of_threads_and_pass_by_pass(data):
    curves = [find(LeNet5(seed=1).network, *data, Config(seed=4, batch_size=32, validation=100), k) for k in (1, 3)]
    np.testing.assert_array_equal(curves[0].losses, curves[1].losses)
    assert curves[0].best == curves[1].best


@pytest.mark.parametrize("n", [1, 7, 100])
def test_few_pictures(data, n):
    """A pass of fewer updates than make a point: the rate still grows as in one of many."""
    X, y = (array[:n] for array in data)
    curve = find(LeNet5(seed=1).network, X, y, Config(batch_size=4), 1)
    assert curve.rates[-1] <= OPTIMIZERS["sgd"] * lr_finder.HIGHEST * 1.1
    assert (np.diff(curve.rates) > 0).all()
    assert np.isfinite(curve.losses).all()


def test_curves_whose_answer_is_known():
    rates = 10.0 ** np.linspace(-5, 1, 61)
    valley = np.where(rates < 1e-3, 2.3, np.where(rates < 0.11, 0.3, 5.0))
    assert lr_finder._best(rates, valley) == pytest.approx(0.05, rel=0.4)
    for hopeless in (np.full(61, 2.3), np.linspace(2.3, 9, 61)):
        with pytest.raises(ValueError, match="the loss fell at no learning rate"):
            lr_finder._best(rates, hopeless)


def test_sdlm_has_a_rate_for_each_weight(data):
    with pytest.raises(ValueError, match="there is none to be found"):
        find(LeNet5(seed=1).network, *data, Config(optimizer="sdlm"), 1)


def test_the_picture():
    curve = RateCurve(10.0 ** np.linspace(-5, 0, 20), np.linspace(2.3, 0.4, 20), 0.1)
    assert curve.draw().size == (760, 460)


def test_train_finds_its_rate_and_keeps_it(tmp_path):
    arguments = ["train", "--dataset", "strokes", "--epochs", "1", "--learning-rate"]
    result = quick(*arguments, "auto", cwd=tmp_path, few=True)
    assert result.code == 0, result.stderr
    rate = json.loads((tmp_path / "runs/train-001/config.json").read_text())["config"]["learning_rate"]
    assert f"learning rate {rate:g}, found in" in result.stderr
    assert 0.005 < rate < 0.3
    with Image.open(tmp_path / "runs/train-001/learning-rate.png") as picture:
        assert picture.size == (760, 460)
    again = quick(*arguments, str(rate), cwd=tmp_path, few=True)
    assert again.stdout == result.stdout
    assert "found in" not in again.stderr


def test_neither_a_number_nor_auto(tmp_path):
    result = quick("train", "--learning-rate", "fast", cwd=tmp_path)
    assert result.code == 2
    assert "'fast' is neither a number nor auto" in result.error
