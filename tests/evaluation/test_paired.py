"""The paired test of two models, beside scipy's where that is installed, and by hand."""

import math

import numpy as np
import pytest

from lenet5.evaluation.paired import Paired


def test_counts_are_those_of_the_answers():
    a, b = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 1], bool)
    assert Paired.of(a, b) == Paired(5, 2, 1, 1)
    assert Paired.of(a, b).accuracies() == (0.6, 0.6)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1), (1, 0, 1), (0, 5, 2 / 32), (0, 6, 2 / 64), (3, 3, 1), (1, 9, 2 * 11 / 1024), (9, 1, 2 * 11 / 1024)],
)
def test_the_exact_test_by_hand(only_a, only_b, p):
    assert Paired(100, 50, only_a, only_b).p_value == p


@pytest.mark.parametrize(("only_a", "only_b"), [(61, 39), (5000, 4801), (0, 3000)])
def test_as_scipy_has_it(only_a, only_b):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(only_a, only_a + only_b).pvalue
    assert math.isclose(Paired(20_000, 0, only_a, only_b).p_value, expected, rel_tol=1e-6, abs_tol=1e-300)


def test_the_better_one_is_named_if_it_can_be_told():
    assert Paired(100, 90, 0, 6).better == "b"
    assert Paired(100, 90, 6, 0).better == "a"
    assert Paired(100, 90, 0, 5).better is None


def test_the_interval_holds_the_difference_and_is_symmetric():
    low, high = Paired(1000, 900, 20, 50).difference_95
    assert 0.01 < low < 0.03 < high < 0.05
    assert np.allclose(Paired(1000, 900, 50, 20).difference_95, (-high, -low))
    assert Paired(0, 0, 0, 0).difference_95 == (-1, 1)


def test_report():
    found = Paired(1000, 900, 20, 50)
    document = found.as_dict()
    assert document["better"] == "b"
    assert (document["accuracy_a"], document["accuracy_b"]) == (0.92, 0.95)
    lines = "\n".join(map(str, found.lines("x", "y", "mnist")))
    assert "b is better: p = 0.000" in lines
    assert "no difference can be told" in "\n".join(map(str, Paired(0, 0, 0, 0).lines("x", "y", "mnist")))
