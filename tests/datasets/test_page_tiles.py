"""Tiles of pages: functions of a seed, of which every pixel is paper, ink or something else."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_strings, page_tiles, printed_forms, strokes
from lenet5.datasets.synthetic.page_writing import Writer, printed, word
from lenet5.datasets.synthetic.segmentation import SIDE, TRUTH
from lenet5.datasets.synthetic.segmentation_page import Page

X, Y = strokes.draw(200, seed=1)


@pytest.fixture(scope="module")
def writer():
    return Writer(X, Y, 40, 3)


def test_a_tile_is_a_function_of_its_seed_and_number(writer):
    some, later = (page_tiles.draw(n, seed=5, writer=writer, first=first) for n, first in ((6, 0), (2, 4)))
    for a, b in zip(some[4:], later, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.truth, b.truth)


@pytest.mark.parametrize("layout", page_tiles.LAYOUTS)
def test_tiles_of_each_layout(writer, monkeypatch, layout):
    monkeypatch.setattr(page_tiles, "LAYOUTS", {layout: 1.0})
    tiles = page_tiles.draw(12, seed=7, writer=writer)
    for tile in tiles:
        assert tile.image.shape == (SIDE, SIDE)
        assert tile.truth.shape == (2, TRUTH, TRUTH)
        assert not tile.image[tile.shape[0] :].any()
        assert not tile.image[:, tile.shape[1] :].any()
        assert tile.truth.sum(axis=0, dtype=int).max() <= 256  # ink and other share a pixel, and no more
    n_with_ink = sum(tile.truth[0].max() > 128 for tile in tiles)
    assert n_with_ink == 0 if layout in ("empty", "print") else n_with_ink >= 6
    if layout in ("ruled", "squared", "boxes", "combs", "print"):
        assert sum(tile.truth[1].max() > 60 for tile in tiles) >= 6


def test_numbers_that_are_cut_to_their_ink_fill_their_tile(writer, monkeypatch):
    monkeypatch.setattr(page_tiles, "LAYOUTS", {"close": 1.0})
    shares = []
    for tile in page_tiles.draw(30, seed=2, writer=writer):
        rows = np.flatnonzero((tile.truth[0] > 80).any(1))
        if len(rows):
            shares.append(2 * (rows[-1] - rows[0] + 1) / tile.shape[0])
    assert np.median(shares) > 0.75


def test_mattes_are_as_high_as_asked(writer):
    rng = np.random.default_rng(0)
    heights = []
    for _ in range(40):
        matte = writer.string(rng, 30)
        assert 0 <= matte.min() <= matte.max() <= 1
        rows = np.flatnonzero((matte > 0.3).any(1))
        heights.append(rows[-1] - rows[0] + 1)
    assert 24 < np.median(heights) < 50
    assert printed(rng, 20, "12").max() > 0.5 < word(rng, 20).max()


@pytest.mark.parametrize("mark", [printed_forms.waves, printed_forms.grain, printed_forms.large_oval])
def test_what_is_printed_is_no_ink(writer, mark):
    page = Page((SIDE, SIDE), np.random.default_rng(1))
    page.put_digit(np.ones((30, 10), np.float32), 40, 40)
    before = page.ink.copy()
    for _ in range(3):
        mark(page, writer.digits)
    assert page.other.max() > 0.5
    np.testing.assert_array_equal(page.ink, before)


def test_the_background_of_amounts_is_no_ink():
    """A composed amount may have waves around it; in a tile of the segmenter's truth they are another mark."""
    by_default = [string.ink for string in digit_strings.compose(X, Y, 60, style="amounts", seed=3002)]
    written = [ink for ink, _ in Writer(X, Y, 240, 3).strings[120:180]]
    assert np.median([(ink > 60).mean() for ink in written]) < np.median([(ink > 0.24).mean() for ink in by_default])
    edges = [max(ink[:3].max(), ink[-3:].max()) for ink in written]
    assert np.mean(np.array(edges) > 60) < 0.1
