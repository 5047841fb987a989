"""Metrics of quantities and their intervals, by worked examples and by their promise."""

import math

import numpy as np
import pytest

from lenet5.evaluation import quantities
from lenet5.evaluation.quantities import Intervals


def column(*values):
    return np.array(values, float)[:, None]


def test_a_worked_example():
    """Errors 1, -1, 0 and 2 of truths whose mean is 3 and whose squares around it sum to 10."""
    found = quantities.report(column(2, 1, 3, 7), column(1, 2, 3, 5) + 0, None)
    assert found["mae"] == 1
    assert found["rmse"] == pytest.approx(math.sqrt(6 / 4))
    assert found["r2"] == pytest.approx(1 - 6 / 8.75)
    assert found["n"] == 4


@pytest.mark.parametrize("period", [None, 360])
@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1])
def test_truths_that_are_all_alike_have_an_r2_of_0(value, period):
    y = np.full((7, 1), value)
    for answers in (y, y + 1):
        assert quantities.report(answers, y, period)["r2"] == 0


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e149])
def test_r2_does_not_depend_on_the_unit(unit):
    found = quantities.report(unit * column(2, 1, 3, 7), unit * column(1, 2, 3, 5))
    assert found["r2"] == pytest.approx(1 - 6 / 8.75)
    assert np.isfinite(found["rmse"])


def test_no_images():
    assert quantities.report(np.empty((0, 1)), np.empty((0, 1))) == {"mae": None, "rmse": None, "r2": None, "n": 0}


def test_angles_go_the_shorter_way_round():
    y, answers = column(359, 1, 10, 180), column(1, 359, 10, 181)
    assert quantities.errors(answers, y, 360).ravel().tolist() == [2, -2, 0, 1]
    assert quantities.report(answers, y, 360)["mae"] == pytest.approx(5 / 4)


def test_turning_all_angles_changes_no_metric():
    rng = np.random.default_rng(0)
    y = rng.uniform(0, 360, (50, 1))
    answers = y + rng.normal(0, 5, y.shape)
    plain = quantities.report(answers, y, 360)
    turned = quantities.report((answers + 77) % 360, (y + 77) % 360, 360)
    assert turned == pytest.approx(plain)


def test_several_targets_have_their_own_rows_and_the_mean():
    y, answers = np.array([[0.0, 0], [1, 10]]), np.array([[0.0, 4], [1, 14]])
    found = quantities.report(answers, y)
    assert [row["mae"] for row in found["targets"]] == [0, 4]
    assert found["mae"] == 2


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_intervals_hold_new_errors_as_often_as_they_say(level):
    rng = np.random.default_rng(1)
    shares = [
        (np.abs(rng.normal(size=200)) <= Intervals.fitted(rng.normal(size=(200, 1))).width(level)).mean()
        for _ in range(300)
    ]
    assert level - 0.005 <= np.mean(shares) <= level + 0.012


def test_too_few_images_promise_no_high_level():
    found = Intervals.fitted(np.arange(9.0)[:, None])
    assert found.width(0.9).tolist() == [8]
    assert found.width(0.95) is None
    assert Intervals().width(0.5) is None
    with pytest.raises(ValueError, match=r"level is 0\.7, expected one of 0\.5"):
        found.width(0.7)


def test_intervals_in_a_file():
    found = Intervals.fitted(np.random.default_rng(0).normal(size=(300, 2)))
    assert Intervals.from_dict(found.as_dict(), 2) == found
    faults = (None, {"n": 1}, {"n": -1, "widths": []}, {"n": 1, "widths": [[0.5, [1.0]]]},
              {"n": 9, "widths": [[0.5, [1.0, float("nan")]]]}, {"n": 9, "widths": [[0.4, [1.0, 1.0]]]})  # fmt: skip
    for faulty in faults:
        with pytest.raises((KeyError, TypeError, ValueError)):
            Intervals.from_dict(faulty, 2)
