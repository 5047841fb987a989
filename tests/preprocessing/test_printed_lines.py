"""Lines of paper and forms that are broken, and comb fields, are taken away; writing stays."""

import numpy as np
import pytest

from lenet5.preprocessing.combs import without_combs
from lenet5.preprocessing.ruled_lines import _closed, _straight, without_broken_rules, without_printed_lines


def written(shape=(200, 400)) -> np.ndarray:
    """Rings of 24 x 16 pixels with strokes of 3 pixels, in two rows."""
    mask = np.zeros(shape, bool)
    for top in (40, 120):
        for left in range(60, 200, 24):
            mask[top : top + 24, left : left + 16] = True
            mask[top + 3 : top + 21, left + 3 : left + 13] = False
    return mask


def dashes(length: int, mark: int, gap: int) -> np.ndarray:
    return np.arange(length) % (mark + gap) < mark


@pytest.mark.parametrize(("mark", "gap"), [(9, 6), (4, 4), (2, 4), (1, 3), (40, 5)])
@pytest.mark.parametrize("pitch", [26, 30, 55])
def test_squared_paper_of_any_line(mark, gap, pitch):
    ink = written()
    rules = np.zeros_like(ink)
    rules[5::pitch] = dashes(400, mark, gap)
    rules[:, 7::pitch] |= dashes(200, mark, gap)[:, None]
    left = without_printed_lines(ink | rules)
    beside = ~(np.pad(ink, 2)[4:, 2:-2] | ink)
    assert (left & rules & beside).sum() <= 0.1 * rules.sum()  # where lines cross, and beside writing
    assert (left & ink).sum() >= 0.6 * ink.sum()  # strokes along a line go with it


def test_writing_is_no_broken_line():
    ink = written()
    assert (without_broken_rules(ink) == ink).all()
    for strip in (ink[35:70, 50:210], ink[35:70, 50:210].T):
        assert (without_broken_rules(strip) == strip).all()
    assert not without_broken_rules(np.zeros((1, 1), bool)).any()


def test_closed_fills_narrow_gaps():
    assert _closed(np.array([[1, 0, 0, 1, 0, 0, 0, 1]], bool), 2)[0].tolist() == [True] * 4 + [False] * 3 + [True]


def comb(n: int = 5, side: int = 30, tall: int = 12, width: int = 2) -> np.ndarray:
    mask = np.zeros((60, (n + 2) * side), bool)
    mask[45 : 45 + width, side : (n + 1) * side + width] = True
    for i in range(n + 1):
        mask[45 - tall : 45, (i + 1) * side : (i + 1) * side + width] = True
    return mask


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("tall", [6, 12, 25])
def test_a_comb_goes_and_what_stands_in_it_stays(width, tall):
    form = comb(tall=tall, width=width)
    ink = np.zeros_like(form)
    ink[15:50, 42:46] = True  # a 1 that crosses the line
    left = without_combs(form | ink, _straight(form | ink, 24))
    assert not (left & form & ~ink).any()
    assert (left & ink).sum() >= 0.9 * ink.sum()


@pytest.mark.parametrize("places", [(35, 60, 99, 120), (35, 70, 105), (35, 65, 95, 125)])
def test_ones_on_a_line_are_no_comb(places):
    mask = np.zeros((60, 200), bool)
    mask[45:47, 20:180] = True
    for k, place in enumerate(places):
        mask[45 - (20, 24, 18, 22)[k] : 45, place : place + 2] = True
    assert (without_combs(mask, _straight(mask, 24)) == mask).all()
