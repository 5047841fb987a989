"""How good answers are: published values, values worked by hand, and edges."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.metrics import confusion_matrix, evaluation, wilson_interval


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
