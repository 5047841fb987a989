"""The learning rate over the steps of a training."""

import numpy as np
import pytest

from lenet5.training.schedules import SCHEDULES, learning_rates


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_rates_are_finite_within_0_and_the_peak(schedule):
    rates = learning_rates(schedule, 0.3, 0, 1000, 1000)
    assert rates.shape == (1000,)
    assert rates.dtype == np.float64
    assert (rates > 0).all()
    assert (rates <= 0.3).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_run_in_parts_has_the_same_rates(schedule):
    whole = learning_rates(schedule, 0.3, 0, 100, 100)
    parts = [learning_rates(schedule, 0.3, first, 25, 100) for first in (0, 25, 50, 75)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_constant():
    assert set(learning_rates("constant", 0.3, 0, 10, 10)) == {0.3}


def test_cosine_goes_from_the_peak_to_nearly_0():
    rates = learning_rates("cosine", 2.0, 0, 100, 100)
    assert rates[0] == 2
    assert rates[50] == pytest.approx(1)
    assert rates[-1] < 0.001
    assert (np.diff(rates) < 0).all()


def test_onecycle_rises_for_a_fifth_and_then_falls():
    rates = learning_rates("onecycle", 2.0, 0, 100, 100)
    assert rates[0] == pytest.approx(0.2)
    assert rates[10] == pytest.approx(1.1)
    assert rates[20] == rates.max() == 2
    assert rates[60] == pytest.approx(1)
    assert rates[-1] < 0.001
    assert (np.diff(rates[:21]) > 0).all()
    assert (np.diff(rates[20:]) < 0).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_steps_no_rates(schedule):
    assert learning_rates(schedule, 0.3, 0, 0, 10).shape == (0,)


def test_an_unknown_schedule_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="schedule is 'steps', expected one of constant, step, cosine"):
        learning_rates("steps", 0.3, 0, 1, 1)


def test_step_falls_twice():
    rates = learning_rates("step", 1.0, 0, 100, 100)
    assert list(rates[[0, 49, 50, 74, 75, 99]]) == [1.0, 1.0, 0.1, 0.1, 0.01, 0.01]


def test_paper_is_the_table_of_1998():
    """P98, section III-C: 0.0005 for 2 passes, 0.0002 for 3, 0.0001 for 3, 0.00005 for 4, then 0.00001."""
    rates = learning_rates("paper", 5e-4, 0, 20 * 7, 20 * 7, epochs=20)
    expected = np.repeat([5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8, 7)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warmup_rises_to_the_schedule_and_then_leaves_it_alone(schedule):
    plain = learning_rates(schedule, 0.3, 0, 100, 100, epochs=10)
    warm = learning_rates(schedule, 0.3, 0, 100, 100, epochs=10, warmup=0.1)
    np.testing.assert_allclose(warm[:10], plain[:10] * np.arange(1, 11) / 10)
    np.testing.assert_array_equal(warm[10:], plain[10:])
