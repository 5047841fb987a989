"""How good answers are: published values, values worked by hand, and edges."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.evaluation.metrics import (
    beats_chance,
    confusion_matrix,
    error_at,
    evaluation,
    expected_calibration_error,
    rejection_curve,
    rejection_for,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("n_correct", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(n_correct, n, low, high):
    assert wilson_interval(n_correct, n) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_nothing():
    assert wilson_interval(0, 0) == (0, 1)


@given(st.integers(1, 10**6), st.data())
@settings(deadline=None)
def test_the_interval_holds_the_proportion(n, data):
    n_correct = data.draw(st.integers(0, n))
    low, high = wilson_interval(n_correct, n)
    assert 0 <= low <= n_correct / n <= high <= 1
    assert wilson_interval(n - n_correct, n) == pytest.approx((1 - high, 1 - low))


def test_confusion_by_hand():
    y, predicted = np.array([0, 0, 1, 2, 2, 2], np.uint8), np.array([0, 1, 1, 0, 2, 2])
    matrix = confusion_matrix(y, predicted, 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]
    assert matrix.dtype == np.int64


def test_confusion_of_many_classes_and_of_nothing():
    y = np.arange(256, dtype=np.uint8)
    assert (confusion_matrix(y, np.arange(256), 256) == np.eye(256)).all()
    assert not confusion_matrix(y[:0], np.zeros(0, int), 4).any()


def test_a_report_by_hand():
    y, predicted = np.array([0, 0, 1, 1], np.uint8), np.array([0, 1, 1, 1])
    report = evaluation(y, predicted, np.array([0.1, 0.9, 0.2, 0.4]), ["no", "yes", "never"])
    assert {name: report[name] for name in ("accuracy", "n", "errors")} == {"accuracy": 0.75, "n": 4, "errors": 1}
    assert report["loss"] == pytest.approx(0.4)
    assert report["accuracy_95"] == list(wilson_interval(3, 4))
    assert report["classes"] == [
        {"label": "no", "n": 2, "precision": 1.0, "recall": 0.5},
        {"label": "yes", "n": 2, "precision": pytest.approx(2 / 3), "recall": 1.0},
        {"label": "never", "n": 0, "precision": None, "recall": None},
    ]
    assert report["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]


@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_report_is_plain_json(n):
    rng = np.random.default_rng(n)
    y, predicted = rng.integers(0, 3, n).astype(np.uint8), rng.integers(0, 3, n)
    report = evaluation(y, predicted, rng.random(n), list("abc"))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert sum(map(sum, report["confusion"])) == n == sum(row["n"] for row in report["classes"])


# ---- confidence ----------------------------------------------------------------------------------------------------


def test_calibration_error_by_hand():
    confidence = np.array([0.9, 0.5, 0.6, 0.8])
    correct = np.array([True, False, True, True])
    # Bins {0.5, 0.6} and {0.8, 0.9}: means 0.55 and 0.85, right 0.5 and 1.
    assert expected_calibration_error(confidence, correct, 2) == pytest.approx((0.05 + 0.15) / 2)
    assert expected_calibration_error(confidence, correct, 1) == pytest.approx(0.05)
    assert expected_calibration_error(confidence, correct) == pytest.approx((0.1 + 0.5 + 0.4 + 0.2) / 4)
    assert expected_calibration_error(confidence[:0], correct[:0]) is None


def test_calibration_error_of_honest_and_of_boasting_answers():
    rng = np.random.default_rng(0)
    confidence = rng.random(100_000)
    assert expected_calibration_error(confidence, rng.random(100_000) < confidence) < 0.01
    assert expected_calibration_error(confidence, rng.random(100_000) < confidence / 2) == pytest.approx(0.25, abs=0.01)


def test_rejection_by_hand():
    curve = rejection_curve(np.array([0.9, 0.5, 0.5, 0.8, 0.7]), np.array([True, False, True, False, True]))
    np.testing.assert_allclose(curve[0], [0, 0.4, 0.6, 0.8])  # the two of 0.5 go together
    np.testing.assert_allclose(curve[1], [2 / 5, 1 / 3, 1 / 2, 0])
    assert rejection_for(0.4, curve) == 0
    assert rejection_for(0.35, curve) == pytest.approx(0.4)
    assert rejection_for(0.1, curve) == pytest.approx(0.8)
    assert error_at(0, curve) == error_at(0.39, curve) == pytest.approx(0.4)
    assert error_at(0.7, curve) == pytest.approx(0.5)
    assert rejection_for(0.1, rejection_curve(np.ones(2), np.zeros(2, bool))) == 1


def test_rejection_of_no_answers():
    curve = rejection_curve(np.zeros(0), np.zeros(0, bool))
    assert (curve[0].size, curve[1].size, error_at(0, curve), rejection_for(0.1, curve)) == (0, 0, None, 1.0)


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_rejection_against_counting(n, seed):
    rng = np.random.default_rng(seed)
    confidence, correct = rng.integers(0, 12, n) / 12, rng.random(n) < 0.7
    rejected, error = rejection_curve(confidence, correct)
    assert len(rejected) == len(set(confidence.tolist()))
    for threshold, r, e in zip(np.unique(confidence), rejected, error, strict=True):
        assert r == pytest.approx((confidence < threshold).mean())
        assert e == pytest.approx((~correct[confidence >= threshold]).mean())


@pytest.mark.parametrize(
    ("y", "predicted", "better"),
    [
        ([0, 1] * 50, [0, 1] * 50, True),
        ([0, 1] * 50, [0, 0] * 50, False),
        ([0, 1] * 50, [1, 0] * 50, False),
        ([0] * 90 + [1] * 10, [0] * 100, False),
        ([0] * 90 + [1] * 10, [0] * 90 + [1] * 10, True),
        ([0, 1], [0, 1], False),  # two right answers may be luck
        ([], [], False),
    ],
)
def test_what_beats_chance(y, predicted, better):
    y, predicted = np.array(y, np.uint8), np.array(predicted, np.uint8)
    assert beats_chance(evaluation(y, predicted, np.zeros(len(y)), ["a", "b"])) is better


def test_balanced_accuracy_and_macro_f1():
    """By hand: classes of 8, 2 and 1 images, one that never occurs, and one that only was answered."""
    y = np.array([0] * 8 + [1] * 2 + [2])
    predicted = np.array([0] * 6 + [1, 4] + [1, 0] + [0])
    report = evaluation(y, predicted, np.zeros(11), list("abcde"))
    assert report["balanced_accuracy"] == pytest.approx((6 / 8 + 1 / 2 + 0) / 3)
    assert report["macro_f1"] == pytest.approx((2 * 6 / 16 + 2 * 1 / 4 + 0 + 0) / 4)
    none = evaluation(y[:0], y[:0], np.zeros(0), list("ab"))
    assert none["balanced_accuracy"] is None
    assert none["macro_f1"] is None
