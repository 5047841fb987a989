"""How much ink there is on a pixel: the contrast with the paper around it."""

import numpy as np
import pytest

from lenet5.ocr import ink
from lenet5.preprocessing.segmenter import INK, OTHER, PAPER


def classes_of(written, other=None):
    """Certain classes (3, h, w) of a mask, at half of its size."""
    other = np.zeros_like(written) if other is None else other
    classes = np.zeros((3, written.shape[0] // 2, written.shape[1] // 2), np.float32)
    classes[INK], classes[OTHER] = written[::2, ::2], other[::2, ::2] & ~written[::2, ::2]
    classes[PAPER] = 1 - classes[INK] - classes[OTHER]
    return classes


@pytest.fixture
def written():
    mask = np.zeros((80, 120), bool)
    mask[20:60, 30:36] = mask[20:60, 80:86] = True
    return mask


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_ink_is_what_differs_from_the_paper_also_where_light_falls_off(written, dark, slope):
    paper = (np.linspace(1, 1 - slope, 120) * np.ones((80, 1))) * (0.9 if dark else 0.3)
    grey = np.where(written, paper * 0.3 if dark else paper + 0.5, paper).astype(np.float32)
    amounts = ink.amounts(grey, classes_of(written), "auto")
    expected = 0.7 if dark else 0.5
    np.testing.assert_allclose(amounts[written], expected, atol=0.1)
    assert amounts[~written].max() < 0.1


def test_polarity_may_be_given(written):
    grey = np.where(written, 0.2, 0.9).astype(np.float32)
    assert ink.amounts(grey, classes_of(written), "yes")[written].min() > 0.5
    assert ink.amounts(grey, classes_of(written), "no")[written].max() == 0


def test_other_marks_are_no_paper(written):
    """A black bar beside the digits changes nothing."""
    bar = np.zeros_like(written)
    bar[:, 44:72] = True
    grey = np.where(written, 0.2, np.where(bar, 0.05, 0.9)).astype(np.float32)
    amounts = ink.amounts(grey, classes_of(written, bar), "auto")
    assert amounts[written].min() > 0.7


def test_means_of_surroundings_against_every_square():
    plane = np.random.default_rng(0).random((9, 13)).astype(np.float32)
    expected = [[plane[max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean() for x in range(13)] for y in range(9)]
    np.testing.assert_allclose(ink._blurred(plane, 2), expected, rtol=1e-5)


def test_blank_paper_has_no_ink():
    seen = ink.found(np.full((60, 90), 0.8, np.float32), threads=1)
    assert not seen.mask.any()
    assert not seen.ink.any()
