"""Strings of digits, composed: what they show is what they say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.datasets.synthetic import allographs, digit_strings, marks, strokes
from lenet5.ocr.networks import SEPARATORS, SIGNS
from lenet5.preprocessing.components import Components

X, Y = strokes.draw(300, seed=2)
GLYPHS = [[x[np.ix_((x > 5).any(1).nonzero()[0], (x > 5).any(0).nonzero()[0])] for x in X[k == Y]] for k in range(10)]


def test_plain_strings_are_the_digits_themselves_with_the_gaps_asked_for():
    gaps = []
    for string in digit_strings.compose(X, Y, 60, seed=5):
        assert len(string.text) == len(string.boxes) == len(string.layers) == 5
        np.testing.assert_array_equal(string.ink, np.maximum.reduce(string.layers))
        for character, box, layer in zip(string.text, string.boxes, string.layers, strict=True):
            inside = layer[box.top : box.bottom, box.left : box.right]
            assert np.count_nonzero(layer) == np.count_nonzero(inside)
            assert any(np.array_equal(np.rint(inside * 255), glyph) for glyph in GLYPHS[int(character)])
        gaps += [b.left - a.right for a, b in zip(string.boxes, string.boxes[1:], strict=False)]
    assert set(gaps) == {-1, 0, 1, 2, 3, 4}
    counts = np.bincount(np.array(gaps) + 1)
    assert counts.min() > 0.5 * counts.mean()  # each as often


def test_a_string_is_a_function_of_seed_and_number():
    one = list(digit_strings.compose(X, Y, 6, style="varied", seed=3))
    again = list(digit_strings.compose(X, Y, 4, style="varied", seed=3, first=2))
    for a, b in zip(one[2:], again, strict=True):
        assert a.text == b.text
        np.testing.assert_array_equal(a.ink, b.ink)
    assert [s.text for s in digit_strings.compose(X, Y, 6, style="varied", seed=4)] != [s.text for s in one]


@pytest.mark.parametrize("style", ["varied", "amounts", "signs"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_strings_hold_what_they_say(style, seed):
    (string,) = digit_strings.compose(X, Y, 1, style=style, seed=seed)
    assert string.ink.dtype == np.float32
    assert 0 <= string.ink.min() <= string.ink.max() <= 1
    assert 1 <= len(string.digits) <= 10
    assert set(string.text) <= set("0123456789" + SEPARATORS + SIGNS)
    assert len(string.layers) == len(string.boxes) == len(string.text)
    for layer in string.layers:
        assert layer.shape == string.ink.shape
        assert layer.max() > 0.2


def test_separators_come_as_often_as_asked():
    style = replace(digit_strings.STYLES["plain"], separators=1.0)
    (string,) = digit_strings.compose(X, Y, 1, style=style)
    assert [c in SEPARATORS for c in string.text] == [False, True] * 5


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_is_drawn_in_its_own_way(sign):
    hand = marks.Hand(slant=0.0, zoom=1.0, pen=0.0, strength=1.0)
    glyphs = [marks.sign(sign, hand, 1.0, np.random.default_rng(seed)) for seed in range(20)]
    assert {glyph.text for glyph in glyphs} == {sign}
    heights = [glyph.ink.shape[0] for glyph in glyphs]
    assert 8 <= np.median(heights) <= 32
    assert len({glyph.ink.tobytes() for glyph in glyphs}) == 20


def test_all_signs_are_used():
    strings = digit_strings.compose(X, Y, 200, style="signs", seed=4)
    assert set("".join(string.text for string in strings)) == set("0123456789" + SEPARATORS + SIGNS)


def test_ones_are_as_many_as_asked():
    strings = list(digit_strings.compose(X, Y, 200, style=digit_strings.Style(ones=0.6), seed=4))
    share = np.mean([character == "1" for string in strings for character in string.text])
    assert share == pytest.approx(0.6 + 0.4 * (Y == 1).mean(), abs=0.05)  # those and the ones that come by chance
    others = Y != 1
    assert "1" not in next(digit_strings.compose(X[others], Y[others], 1, style=digit_strings.Style(ones=1.0))).text


def test_strings_end_in_zeros_as_often_as_asked():
    style = digit_strings.Style(length=(5, 5), zeros=1.0)
    assert all(s.text.endswith("00") for s in digit_strings.compose(X, Y, 10, style=style))


def test_noughts_that_are_not_closed_have_no_hole():
    def has_hole(picture):
        paper = Components(np.pad(picture < 100, 1, constant_values=True))
        return len(paper.areas[paper.areas > 8]) > 1

    noughts = [picture for picture in X[Y == 0] if has_hole(picture)]
    rng = np.random.default_rng(0)
    assert np.mean([has_hole(marks.opened(picture, rng)) for picture in noughts]) < 0.25
    style = digit_strings.Style(opened=1.0)
    opened = list(digit_strings.compose(X[Y == 0], Y[Y == 0], 5, style=style, seed=1))
    closed = list(digit_strings.compose(X[Y == 0], Y[Y == 0], 5, style="plain", seed=1))
    assert all(a.ink.sum() < b.ink.sum() for a, b in zip(opened, closed, strict=True))


def test_ends_are_in_the_text():
    style = digit_strings.Style(length=(2, 2), gap=(4, 4), ends=1.0)
    strings = list(digit_strings.compose(X, Y, 60, style=style))
    tails = {s.text.lstrip("-=#")[2:] for s in strings}
    assert tails == {"-", ".-", ",-", "=", ".=", ".", "--", ","}
    for s in strings:
        assert len(s.boxes) == len(s.text)
        assert (s.ink - np.maximum.reduce(s.layers)).max() < 0.3


def test_stretched_digits_are_wider():
    plain, wide = (
        next(digit_strings.compose(X, Y, 1, style=digit_strings.Style(stretch=span), seed=2))
        for span in ((1, 1), (1.9, 2))
    )
    ratios = [
        (b.right - b.left) / (a.right - a.left) for a, b in zip(plain.boxes, wide.boxes, strict=True) if a[3] - a[1] > 9
    ]
    assert 1.5 < np.mean(ratios) < 2.5


def test_waves_are_scraps_and_leave_most_of_the_paper_bare():
    rng = np.random.default_rng(0)
    planes = [marks.waves((40, 120), 1.5, rng) for _ in range(10)]
    assert all(plane.shape == (40, 120) and 0 <= plane.min() <= plane.max() <= 1 for plane in planes)
    assert all((plane > 0.1).mean() < 0.5 for plane in planes)
    assert np.mean([(plane > 0.1).mean() for plane in planes]) > 0.02


def test_a_joint_joins():
    left, right = np.zeros((20, 30), np.float32), np.zeros((20, 30), np.float32)
    left[4:16, 4:7], right[4:16, 14:17] = 1, 1
    hand = marks.Hand(0, 1, 0, 1)
    for seed in range(10):
        ink = np.maximum(left + right, marks.joint(left, right, hand, np.random.default_rng(seed)))
        assert len(Components(ink > 0.3).areas) == 1


def test_forms_are_digits_of_all_ten_classes():
    pictures, labels = allographs.draw(40, seed=1)
    assert (pictures.shape, pictures.dtype) == ((40, 28, 28), np.uint8)
    assert (np.bincount(labels) == 4).all()
    again, _ = allographs.draw(40, seed=1)
    np.testing.assert_array_equal(pictures, again)
    usual, _ = strokes.draw(40, seed=1)
    same = [np.array_equal(a, b) for a, b in zip(pictures, usual, strict=True)]
    assert not any(s for s, label in zip(same, labels, strict=True) if label in (0, 1, 4, 5, 7, 8, 9))


@pytest.mark.parametrize(("digits", "labels"), [(X[:0], Y[:0]), (X[:3], Y[:2])])
def test_no_digits_are_an_error(digits, labels):
    with pytest.raises(ValueError, match="expected one label per image"):
        next(digit_strings.compose(digits, labels, 1))
