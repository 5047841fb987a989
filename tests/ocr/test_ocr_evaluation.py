"""How well strings are read: the least changes, and what is counted."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import evaluation

X, Y = strokes.draw(300, seed=2)


def slow_changes(a, b):
    if not a or not b:
        return len(a) + len(b)
    same = slow_changes(a[1:], b[1:]) + (a[0] != b[0])
    return min(same, 1 + slow_changes(a[1:], b), 1 + slow_changes(a, b[1:]))


@given(st.text("01", max_size=5), st.text("01", max_size=5))
@settings(deadline=None)
def test_changes_are_the_least(a, b):
    assert evaluation.changes(a, b) == slow_changes(a, b)


@given(st.text("012", max_size=6), st.text("012", max_size=6))
@settings(deadline=None)
def test_matches_are_those_of_a_way_of_least_changes(read, right):
    found = evaluation.matches(read, right)
    assert len(found) == len(read)
    kept = "".join(c for c, is_right in zip(read, found, strict=True) if is_right)
    rest = iter(right)
    assert all(c in rest for c in kept)  # a subsequence
    wrong = len(read) - len(kept)
    changes = evaluation.changes(read, right)
    assert wrong <= changes <= wrong + len(right)
    if len(read) == len(right) == len(kept):
        assert changes == 0


def test_matches_by_hand():
    assert evaluation.matches("1234", "124") == [True, True, False, True]
    assert evaluation.matches("194", "1234") == [True, False, True]
    assert evaluation.matches("", "12") == []


def test_what_is_counted():
    report = evaluation.evaluation([("12.3", "123"), ("45", "455"), ("?7\n8", "978")])
    assert report["n"], report["errors"] == (3, 2)
    assert report["accuracy"] == 1 / 3
    assert report["digit_accuracy"] == 1 - 2 / 9
    assert report["wrong_length"] == 1
    assert evaluation.evaluation([])["accuracy"] is None


def test_measure_gives_dark_ink_on_light_paper():
    seen = []
    evaluation.measure(digit_strings.compose(X, Y, 2), lambda picture: seen.append(picture) or "1")
    assert all(picture.dtype == np.uint8 and picture[0, 0] == 255 for picture in seen)
