"""benchmarks/reproduce.py: its figures on small numbers, and a run from end to end."""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def reproduce():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("reproduce", BENCHMARKS / "reproduce.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def test_rejection_keeps_the_surest(reproduce):
    # gaps 4, 3, 2, 1; the second surest is wrong
    scores = np.array([[0, 4], [3, 0], [0, 2], [1, 0]], float)
    y = np.array([1, 1, 1, 0])
    assert reproduce.rejection(scores, y, 0.25) == 0
    assert reproduce.rejection(scores, y, 0.24) == 0.75
    assert reproduce.rejection(scores, np.array([1, 0, 1, 0]), 0.0) == 0
    assert reproduce.rejection(scores, 1 - np.array([1, 0, 1, 0]), 0.5) == 1


def test_rejection_by_trying_every_share(reproduce):
    rng = np.random.default_rng(0)
    scores, y = rng.normal(size=(200, 10)), rng.integers(0, 10, 200)
    scores[np.arange(200), y] += 3
    best = np.sort(scores, axis=1)
    order = np.argsort(best[:, -2] - best[:, -1])
    right = scores.argmax(axis=1) == y
    expected = min(k / 200 for k in range(200) if (~right[order[: 200 - k]]).mean() <= 0.05)
    assert reproduce.rejection(scores, y, 0.05) == pytest.approx(expected)


def test_a_fixed_order_is_that_of_the_first_pass(reproduce):
    from lenet5.training.sampler import Order

    order = Order(100, 0, 3)
    fixed = reproduce.FixedOrder(Order(100, 0, 3))
    np.testing.assert_array_equal(fixed.numbers(5, 0, 100), order.numbers(0, 0, 100))
    assert (order.numbers(5, 0, 100) != order.numbers(0, 0, 100)).any()


@pytest.mark.parametrize(
    ("variant", "learning_rate", "j"), [("1998", 2e-4, 10), ("lenet1", 5e-4, 10), ("lenet4", 5e-4, 3)]
)
def test_rate_and_penalty_are_those_chosen_for_the_variant(reproduce, variant, learning_rate, j):
    options = argparse.Namespace(passes=20, learning_rate=None, loss="map", j=None, initializer="1998-root",
                                 fixed_order=False, pictures=60000, copies=None, validation=0)  # fmt: skip
    config = reproduce.settings_of(options, variant, 0, "none")["config"]
    assert (config["learning_rate"], config["rubbish_penalty"]) == (learning_rate, j)
    options.learning_rate, options.j = 1e-3, 1.0
    config = reproduce.settings_of(options, variant, 0, "none")["config"]
    assert (config["learning_rate"], config["rubbish_penalty"]) == (1e-3, 1.0)


def test_a_run_from_before_there_was_a_setting_is_not_made_again(reproduce):
    options = argparse.Namespace(passes=20, learning_rate=2e-4, loss="map", j=10.0,
                                 initializer="1998-root", fixed_order=False, pictures=60000, copies=None,
                                 validation=0)  # fmt: skip
    settings, other = (reproduce.settings_of(options, "lenet4", seed, "none") for seed in (1, 2))
    done = {**settings, "config": dict(settings["config"]), "test_error": 0.01}
    del done["config"]["finetune_augment"]
    assert reproduce.is_of(done, settings)
    assert not reproduce.is_of(done, other)
    done["config"]["finetune_augment"] = "crop"
    assert not reproduce.is_of(done, settings)


@pytest.mark.mnist
def test_a_run(tmp_path, mnist_dir):
    command = [sys.executable, BENCHMARKS / "reproduce.py", "--variant", "lenet1", "--passes", "2", "--pictures", "400"]
    command += ["--seeds", "7", "--augment", "none", "paper", "--out", tmp_path / "r.json", "--data-dir", mnist_dir]
    # The scripts import what lies beside them.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    first, again = (
        subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout for _ in range(2)
    )
    runs = json.loads((tmp_path / "r.json").read_text())["runs"]
    assert [run["config"]["augment"] for run in runs] == ["none", "paper"]
    for run in runs:
        assert [point["pass"] for point in run["curve"]] == [1, 2]
        assert run["test_error"] == run["curve"][-1]["test_error"] < 0.9
        assert 0 < run["rejection"] <= 1
    assert "pass  2" in first
    assert "pass  2" not in again  # what is there is not made again
    assert again.splitlines()[-1] == first.splitlines()[-1]
    assert (tmp_path / "r.png").stat().st_size > 1000
