"""Lines cut into pieces, runs of pieces as the network sees them; against slow, obvious references."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import _oversegmentation
from lenet5.ocr.oversegmentation import LEVEL, WIDEST, cut, hypotheses, line_height
from lenet5.preprocessing.components import Components


@pytest.fixture(scope="module")
def strings():
    X, y = strokes.draw(200, seed=4)
    return list(digit_strings.compose(X, y, 12, style="varied", seed=1)) + list(digit_strings.compose(X, y, 12, seed=1))


def slow_seams(ink, diagonal):
    h, w = ink.shape
    costs = np.zeros((2, h, w))
    for side, rows in enumerate((range(h), range(h - 1, -1, -1))):
        for i, y in enumerate(rows):
            for x in range(w):
                before = [0.0]
                if i:
                    outer = rows[i - 1]
                    before = [costs[side, outer, x + d] + diagonal * abs(d) for d in (-1, 0, 1) if 0 <= x + d < w]
                costs[side, y, x] = ink[y, x] + min(before)
    return costs


@given(ink=hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=16)))
@settings(max_examples=60, deadline=None)
def test_seams_cost_what_the_reference_says(ink):
    costs, steps = _oversegmentation.seams(ink, 0.25)
    np.testing.assert_allclose(costs, slow_seams(ink, 0.25), atol=1e-4)
    h, w = ink.shape
    for side, outer in ((0, -1), (1, 1)):
        for y in range(h):
            for x in range(w):
                if 0 <= y + outer < h:  # the step leads to where the cost comes from
                    d = int(steps[side, y, x])
                    came = costs[side, y + outer, x + d] + 0.25 * abs(d)
                    assert costs[side, y, x] == pytest.approx(ink[y, x] + came, abs=1e-5)


def test_empty_seams():
    assert _oversegmentation.seams(np.zeros((0, 3), np.float32), 1)[0].shape == (2, 0, 3)


def closed(part, price):
    """Paper that ink encloses, at its price: components of paper that do not touch the edge."""
    paper = np.pad(part == 0, 1, constant_values=True)
    reached = np.zeros_like(paper)
    reached[0, 0] = True
    while True:
        spread = reached.copy()
        spread[1:] |= reached[:-1]
        spread[:-1] |= reached[1:]
        spread[:, 1:] |= reached[:, :-1]
        spread[:, :-1] |= reached[:, 1:]
        spread &= paper
        if (spread == reached).all():
            return np.where((part == 0) & ~reached[1:-1, 1:-1], np.float32(price), part)
        reached = spread


def slow_split(ink, labels, mark, box, n, *, most, reach, diagonal, enclosed):
    """The pieces of one mark, and the next number: every step as it is described."""
    top, left, bottom, right = box
    own = labels == mark
    part = np.ascontiguousarray(np.where(own, ink, 0)[top:bottom, left:right])
    h, w = part.shape
    sides = np.zeros((h, w), int)
    priced = closed(part, enclosed)
    costs, steps = _oversegmentation.seams(priced, diagonal)
    through = costs[0][h // 2] + costs[1][h // 2] - priced[h // 2]
    low = [x for x in range(w) if through[x] <= through[max(x - reach, 0) : x + reach + 1].min()]
    low = [x for x in low if x - 1 not in low]
    for x in sorted(sorted(low, key=lambda x: through[x])[:most]):
        path = np.full(h, x)
        for y in range(h // 2, 0, -1):
            path[y - 1] = path[y] + steps[0][y, path[y]]
        for y in range(h // 2, h - 1):
            path[y + 1] = path[y] + steps[1][y, path[y]]
        beyond = np.arange(w) >= path[:, None]
        if part[beyond].sum() > 1.5 and part[~beyond].sum() > 1.5:
            sides += beyond
    parts = np.full(ink.shape, -1)
    for side in np.unique(sides[own[top:bottom, left:right]]):
        parts[top:bottom, left:right][own[top:bottom, left:right] & (sides == side)] = n
        n += 1
    return parts, n


# Steps of 1 / 16 have exact sums, whatever their order.
inks = hnp.arrays(np.int8, st.tuples(st.integers(3, 12), st.integers(3, 30)), elements=st.integers(-8, 16))


@given(ink=inks, most=st.integers(0, 6), reach=st.integers(1, 3), enclosed=st.sampled_from([0.0, 0.5, 2.0]))
@settings(max_examples=200, deadline=None)
def test_a_mark_is_split_as_the_reference_says(ink, most, reach, enclosed):
    ink = np.maximum(ink, 0).astype(np.float32) / 16
    marks = Components(ink > LEVEL)
    labels = marks.labels()
    parts, n, expected = np.full(ink.shape, -1, np.int32), 5, np.full(ink.shape, -1)
    how = {"most": most, "reach": reach, "diagonal": 0.125, "enclosed": enclosed}
    for mark, box in enumerate(marks.boxes):
        slow, after = slow_split(ink, labels, mark, box, n, **how)
        expected = np.where(slow >= 0, slow, expected)
        assert _oversegmentation.split(ink, labels, mark, box, parts, n, **how) == after
        n = after
    np.testing.assert_array_equal(parts, expected)


@given(ink=inks)
@settings(max_examples=60, deadline=None)
def test_labels_spread_over_soft_edges(ink):
    ink = np.maximum(ink, 0).astype(np.float32) / 16
    labels = Components(ink > LEVEL).labels().astype(np.int32)
    padded = np.pad(labels, 1, constant_values=-1)
    greatest = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).max((2, 3))
    expected = np.where((labels < 0) & (ink > 0.2), greatest, labels)
    np.testing.assert_array_equal(_oversegmentation.soften(ink, labels, 0.2), expected)


def test_planes_of_other_shapes_are_refused():
    ink, labels, parts = np.ones((4, 5), np.float32), np.zeros((4, 5), np.int64), np.zeros((4, 5), np.int32)
    how = {"most": 1, "reach": 1, "diagonal": 0.1, "enclosed": 1}
    box = np.array((0, 0, 4, 5))
    for wrong in ((ink, labels[1:], 0, box, parts), (ink, labels, 0, box, parts[:, 1:].copy())):
        with pytest.raises(ValueError, match="another one"):
            _oversegmentation.split(*wrong, 0, **how)
    with pytest.raises(ValueError, match="does not lie in"):
        _oversegmentation.split(ink, labels, 0, box + 1, parts, 0, **how)
    with pytest.raises(ValueError, match="labels of shape"):
        _oversegmentation.soften(ink, parts[1:], 0.1)


def slow_picture(levels, labels, first, stop, box, least):
    """One run, pixel by pixel."""
    top, left, bottom, right = (int(edge) for edge in box)
    own = np.where((labels >= first) & (labels < stop), levels, 0).astype(float)
    part = own[top:bottom, left:right]
    h, w = part.shape
    scale = 20 / max(h, w, least)
    mass = part.sum()
    corner = []
    for size, sums, start in ((h, part.sum(1), top), (w, part.sum(0), left)):
        centre = (sums @ (np.arange(size) + 0.5)) / mass if mass else size / 2
        at = min(max(np.rint(14.5 - centre * scale), 0), 28 - math.ceil(size * scale - 1e-9))
        corner.append(start - at / scale)
    reach = max(1, 1 / scale)

    def weights(start, size):
        rows = np.zeros((28, size))
        for o in range(28):
            centre = start + (o + 0.5) / scale - 0.5
            around = np.arange(math.ceil(centre - reach), math.floor(centre + reach) + 1)
            each = np.maximum(0, 1 - abs(around - centre) / reach)
            for i, value in zip(around, each / each.sum(), strict=True):
                if 0 <= i < size:
                    rows[o, i] = value
        return rows

    rows, columns = weights(corner[0], levels.shape[0]), weights(corner[1], levels.shape[1])
    return np.stack([rows @ plane @ columns.T for plane in (own, levels.astype(float))])


def test_pictures_are_what_the_reference_says(strings):
    for string in strings[:6] + strings[-3:]:
        pieces = cut(string.ink)
        runs = hypotheses(pieces)
        levels = np.rint(pieces.ink * 255).astype(np.uint8)
        for k in range(0, len(runs.first), 7):
            expected = slow_picture(
                levels, pieces.labels, runs.first[k], runs.stop[k], runs.boxes[k], 0.4 * pieces.height
            )
            assert abs(runs.pictures[k].astype(float) - expected).max() <= 0.51


def test_a_digit_of_mnists_size_comes_through_unchanged():
    """A digit of MNIST's size is not resampled: all of its pieces give its pixels again, in the place of MNIST's."""
    X, _ = strokes.draw(40, seed=9)
    for picture in X:
        pieces = cut(np.pad(picture.astype(np.float32) / 255, 5))
        runs = hypotheses(pieces)
        whole = np.flatnonzero((runs.first == 0) & (runs.stop == len(pieces)))
        own = runs.pictures[whole[0], 0].astype(int)
        centre = [own.sum(1 - axis) @ (np.arange(28) + 0.5) / own.sum() for axis in (0, 1)]
        assert np.abs(np.subtract(centre, 14.5)).max() <= 0.6
        moved = [np.roll(picture, (y, x), (0, 1)).astype(int) for y in (0, 1) for x in (0, 1)]  # theirs is the middle
        # Specks and what is too faint belong to no piece.
        assert min(abs(own - each)[each >= 0.1 * 255].max() for each in moved) <= 1


def test_pieces_are_apart_and_hold_all_strong_ink(strings):
    for string in strings:
        pieces = cut(string.ink)
        lost = (string.ink > LEVEL) & (pieces.labels < 0)
        assert lost.sum() <= 2 * 12  # specks of one or two pixels only
        for k, (top, left, bottom, right) in enumerate(pieces.boxes):
            rows, columns = np.nonzero(pieces.labels == k)
            assert (rows.min(), columns.min(), rows.max() + 1, columns.max() + 1) == (top, left, bottom, right)
        middles = pieces.boxes[:, 1] + pieces.boxes[:, 3]
        assert (np.diff(middles) >= 0).all()


def test_hypotheses_are_consecutive_and_not_too_wide(strings):
    for string in strings:
        pieces = cut(string.ink)
        runs = hypotheses(pieces)
        assert (runs.first < runs.stop).all()
        assert runs.stop.max() <= len(pieces)
        assert {(k, k + 1) for k in range(len(pieces))} <= set(zip(runs.first, runs.stop, strict=True))
        several = runs.stop - runs.first > 1
        assert (runs.boxes[several, 3] - runs.boxes[several, 1] <= WIDEST * pieces.height).all()


def test_touching_digits_are_cut():
    """Two rings that overlap by a column are more than one piece, and each ring is a run."""
    y, x = np.mgrid[:24, :36]
    ink = np.zeros((24, 36), np.float32)
    for middle in (10, 25):
        ink[abs(np.hypot(y - 12, x - middle) - 7) < 1.3] = 1
    runs = hypotheses(cut(ink))
    widths = runs.boxes[:, 3] - runs.boxes[:, 1]
    lefts = runs.boxes[:, 1]
    assert ((abs(widths - 16) <= 2) & (abs(lefts - 2) <= 1)).any()
    assert ((abs(widths - 16) <= 2) & (abs(lefts - 17) <= 2)).any()


@pytest.mark.parametrize(("slant", "apart"), [(0.0, 18), (0.3, 17), (0.3, 18), (0.5, 18)])
def test_noughts_with_a_common_wall_are_cut_along_it(slant, apart):
    """Through the holes of slanted ones cuts would cross less ink."""
    y, x = np.mgrid[:30, :90]
    middles = [18, 18 + apart, 18 + 2 * apart]
    rings = [abs(np.hypot((y - 15) / 1.2, x + slant * (y - 15) - middle) - 9) < 1.6 for middle in middles]
    pieces = cut(np.any(rings, 0).astype(np.float32))
    runs = hypotheses(pieces)
    shared = np.sum(rings, 0) > 1
    for ring in rings:
        segments = [np.isin(pieces.labels, range(*ends)) & ~shared for ends in zip(runs.first, runs.stop, strict=True)]
        own = ring & ~shared
        assert max((own & segment).sum() / (own | segment).sum() for segment in segments) > 0.85


def test_a_stroke_along_a_bow_is_cut_off_whole():
    """A 1 that touches a 0 over a third of their height: a cut through the 0's hole would cross less ink."""
    y, x = np.mgrid[:24, :36] + 0.5
    ring = (np.hypot((x - 20) / 7, (y - 12) / 10) < 1) & (np.hypot((x - 20) / 4, (y - 12) / 7) > 1)
    bar = (abs(x - 12) < 1.5) & (abs(y - 12) < 10)
    ink = (ring | bar).astype(np.float32)
    pieces = cut(ink)
    runs = hypotheses(pieces)

    def closest(of):  # the run that has the most in common with a part
        within = [(pieces.labels >= a) & (pieces.labels < b) for a, b in zip(runs.first, runs.stop, strict=True)]
        return max((run & of).sum() / (run | of).sum() for run in within)

    assert closest(bar & ~ring) > 0.9
    assert closest(ring) > 0.9


def test_nothing_on_a_line():
    pieces = cut(np.zeros((20, 30), np.float32))
    assert len(pieces) == 0
    assert hypotheses(pieces).pictures.shape == (0, 2, 28, 28)
    assert line_height(np.zeros((0, 4), int)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros((5, 5), np.int32)}, "with labels of shape"),
        ({"stop": np.ones(2, np.int64)}, "with 2 ends"),
        ({"boxes": np.array([[0, 0, 9, 4]], np.int64)}, "does not lie in a line"),
        ({"boxes": np.array([[2, 0, 2, 4]], np.int64)}, "does not lie in a line"),
        ({"least": 0.0}, "expected a number above 0"),
        ({"least": math.nan}, "expected a number above 0"),
    ],
)
def test_bad_shapes_are_refused(change, message):
    arguments = {
        "levels": np.zeros((4, 5), np.uint8), "labels": np.zeros((4, 5), np.int32), "first": np.zeros(1, np.int64),
        "stop": np.ones(1, np.int64), "boxes": np.array([[0, 0, 4, 5]], np.int64), "least": 1.0,
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        _oversegmentation.pictures(**{**arguments, **change})
