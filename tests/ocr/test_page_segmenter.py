"""The network that sees pages: tiles cover them, and digits are seen at the size at which they are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import page_segmenter
from lenet5.ocr.page_segmenter import MARGIN, STRIDE, TILE
from lenet5.preprocessing.scaling import resized
from lenet5.preprocessing.segmenter import INK, OTHER

X, Y = strokes.draw(200, seed=6)


@given(st.integers(6, 3000))
def test_tiles_answer_for_each_part_of_a_side_once_and_away_from_their_edges(length):
    parts = page_segmenter._parts(length)
    answered = [k for _, _, first, last in parts for k in range(first, last)]
    assert answered == list(range(-(-length // STRIDE)))
    for i, (start, stop, first, last) in enumerate(parts):
        assert 0 <= start < stop <= length
        assert stop - start <= TILE
        assert start % STRIDE == 0
        assert i == 0 or STRIDE * first - start >= MARGIN - STRIDE
        assert i == len(parts) - 1 or stop - STRIDE * last >= MARGIN - STRIDE


def page(zoom=1.0, shape=(260, 420)):
    """Three numbers, dark on light, (H, W) float32; and how much ink there is, (H, W)."""
    ink = np.zeros(shape, np.float32)
    for k, string in enumerate(digit_strings.compose(X, Y, 3, style="plain", seed=4)):
        h, w = np.minimum(string.ink.shape, (shape[0] - 20 - 80 * k, shape[1] - 30))
        ink[20 + 80 * k : 20 + 80 * k + h, 30 : 30 + w] = string.ink[:h, :w]
    ink = resized(ink, tuple(round(n * zoom) for n in shape))
    return 0.9 - 0.7 * ink, ink


@pytest.mark.parametrize("zoom", [0.6, 1.0, 2.0, 4.0])
def test_ink_is_found_at_any_size(zoom):
    grey, ink = page(zoom)
    classes = page_segmenter.look(grey, 1)
    seen = resized(classes[INK], grey.shape) > 0.5
    share = (seen & (ink > 0.5)).sum() / (seen | (ink > 0.5)).sum()
    assert share > 0.6
    np.testing.assert_allclose(classes.sum(axis=0), 1, atol=1e-5)
    assert 36 / 2 < page_segmenter._height(classes[INK]) < 36 * 2


def test_classes_do_not_depend_on_threads():
    grey, _ = page(2.0)
    one, two = (page_segmenter.look(grey, threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_rules_are_something_else():
    grey, ink = page()
    ruled = grey.copy()
    ruled[15::40] = np.minimum(ruled[15::40], 0.4)
    classes = page_segmenter.look(ruled, 1)
    rules = np.zeros(grey.shape, bool)
    rules[15::40] = True
    beside = rules & (ink < 0.05)
    assert (resized(classes[INK], grey.shape)[beside] > 0.4).mean() < 0.15
    assert (resized(classes[OTHER], grey.shape)[beside] > 0.3).mean() > 0.9


def test_bad_numbers_of_threads_are_refused():
    with pytest.raises(ValueError, match="threads"):
        page_segmenter.look(page()[0], 0)
