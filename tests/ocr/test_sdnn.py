"""The network that slides: its map against single windows, its search against every way written out."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import networks, sdnn
from lenet5.ocr.oversegmentation import cut
from lenet5.recipes import segments

X, Y = strokes.draw(200, seed=3)


@pytest.fixture(scope="module")
def strings():
    return list(digit_strings.compose(X, Y, 6, seed=2)) + list(digit_strings.compose(X, Y, 6, style="varied", seed=2))


def test_the_map_is_what_each_window_gives(strings):
    net = networks.sliding_network(seed=1)
    for string in strings[:4]:
        line, scale = sdnn.normalized(string.ink)
        scores = sdnn.score_map(line, net)
        width = round(string.ink.shape[1] * scale)
        assert scores.shape == (width + 1, 11)
        for x in range(0, width + 1, 7):
            window = line[:, x : x + 32]
            window = np.pad(window, ((0, 0), (0, 32 - window.shape[1])))
            expected = networks.log_softmax(net.logits(window[None, None]))[0]
            np.testing.assert_allclose(scores[x], expected, atol=1e-4)


def test_lines_are_brought_to_one_size(strings):
    for string in strings:
        line, scale = sdnn.normalized(string.ink)
        assert line.dtype == np.uint8
        assert line.shape == (32, round(string.ink.shape[1] * scale) + 32)
        assert not line[:, :16].any()
        assert not line[:, -16:].any()
    plain, scale = sdnn.normalized(strings[0].ink)
    assert scale == 1  # and not resampled
    rows = np.flatnonzero(plain.any(1))
    assert abs(rows[0] + rows[-1] + 1 - 32) <= 1


def test_an_empty_line():
    line, _ = sdnn.normalized(np.zeros((20, 30), np.float32))
    assert line.shape == (32, 62)
    assert sdnn.read_line(np.zeros((20, 30), np.float32), networks.sliding_network()) is not None


def slow_decode(scores):
    def weight(states):
        total = sum(scores[x, s] for x, s in enumerate(states))
        for a, b in itertools.pairwise([sdnn.BLANK, *states]):
            total += sdnn.CHANGE * (a != b and (a == b or sdnn.BLANK not in (a, b)))
        return total + sdnn.CHANGE * (states[0] != sdnn.BLANK)

    best = max(itertools.product((0, 1, sdnn.BLANK), repeat=len(scores)), key=weight)
    return "".join(str(s) for s, _ in itertools.groupby(best) if s != sdnn.BLANK)


@given(st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_the_search_is_the_best_of_all_ways(n, seed):
    scores = np.full((n, 11), -50.0)
    scores[:, (0, 1, sdnn.BLANK)] = np.random.default_rng(seed).normal(-2, 2, (n, 3))
    assert sdnn.decode(scores) == slow_decode(scores)


def test_runs_are_one_digit_and_blanks_part_them():
    rows = np.log(np.full((9, 11), 1e-3))
    for x, label in enumerate([10, 7, 7, 10, 7, 10, 10, 3, 3]):
        rows[x, label] = 0
    assert sdnn.decode(rows) == "773"


def test_opinions_are_those_in_the_middle_of_boxes(strings):
    net = networks.sliding_network(seed=2)
    string = strings[0]
    boxes = np.array(string.boxes)
    (said,) = sdnn.opinions([(cut(string.ink), boxes)], net)
    np.testing.assert_allclose(np.exp(said).sum(1), 1, atol=1e-9)
    scores = sdnn.score_map(sdnn.normalized(string.ink)[0], net)
    middle = round((boxes[2, 1] + boxes[2, 3]) / 2)
    np.testing.assert_allclose(np.exp(said[2]), np.exp(scores[middle - 1 : middle + 2]).mean(0), atol=1e-9)


def test_windows_have_their_digit_in_the_middle(strings):
    pictures, labels = segments.windows(strings)
    assert pictures.shape == (len(labels), 1, 32, 32)
    assert set(labels) <= set(range(11))
    assert 0.3 < (labels == sdnn.BLANK).mean() < 0.7
    assert (pictures[labels != sdnn.BLANK].max(axis=(1, 2, 3)) > 100).all()
