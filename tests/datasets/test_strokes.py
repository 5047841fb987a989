"""The pen model: the same series from anywhere, pictures prepared as MNIST's, and variety."""

import numpy as np
import pytest

from lenet5 import _kernels
from lenet5.datasets.synthetic import strokes

N = 1000


@pytest.fixture(scope="module")
def series():
    return strokes.draw(N, seed=1)


def centre_of_mass(images):
    mass = images.sum(axis=(1, 2), dtype=float)
    position = np.arange(28) + 0.5
    return (images.sum(axis=1) @ position / mass, images.sum(axis=2) @ position / mass)


def boxes(images):
    """Height and width of the ink of each picture."""
    rows, columns = images.any(axis=2), images.any(axis=1)
    return tuple(28 - lines.argmax(axis=1) - lines[:, ::-1].argmax(axis=1) for lines in (rows, columns))


def test_shapes_and_types(series):
    images, labels = series
    assert images.shape == (N, 28, 28)
    assert images.dtype == np.uint8
    assert labels.shape == (N,)
    assert labels.dtype == np.uint8


# One series ---------------------------------------------------------------------------------------


def test_a_series_may_be_drawn_in_parts(series):
    parts = [strokes.draw(n, seed=1, first=first) for first, n in ((0, 1), (1, 12), (13, 507), (520, 480))]
    for whole, part in zip(series, zip(*parts, strict=True), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), whole)


def test_chunks_leave_no_seam(series, monkeypatch):
    monkeypatch.setattr(strokes, "CHUNK", 7)
    for whole, part in zip(series, strokes.draw(100, seed=1), strict=True):
        np.testing.assert_array_equal(part, whole[:100])


def test_far_into_a_series():
    far = 10**15 + 3
    images, labels = strokes.draw(20, first=far)
    np.testing.assert_array_equal(strokes.draw(5, first=far + 15)[0], images[15:])
    np.testing.assert_array_equal(strokes.draw(5, first=far + 15)[1], labels[15:])


def test_seeds_are_different_series(series):
    images, labels = strokes.draw(N, seed=2)
    assert (labels != series[1]).mean() > 0.8
    same = labels == series[1]
    assert not (images[same] == series[0][same]).all(axis=(1, 2)).any()


def test_given_labels(series):
    images, labels = series
    drawn, given = strokes.draw(50, seed=1, labels=labels[:50].tolist())
    np.testing.assert_array_equal(given, labels[:50])
    np.testing.assert_array_equal(drawn, images[:50])
    assert strokes.draw(3, labels=[7, 7, 7])[1].tolist() == [7, 7, 7]


def test_nothing():
    images, labels = strokes.draw(0)
    assert images.shape == (0, 28, 28)
    assert labels.shape == (0,)


# The labels ---------------------------------------------------------------------------------------


def test_each_ten_pictures_hold_each_digit(series):
    tens = series[1].reshape(-1, 10)
    np.testing.assert_array_equal(np.sort(tens, axis=1), np.tile(np.arange(10), (N // 10, 1)))


def test_the_order_of_labels_is_shuffled(series):
    tens = series[1].reshape(-1, 10)
    assert len(np.unique(tens, axis=0)) > 95
    assert np.abs(tens.mean(axis=0) - 4.5).max() < 1.2


# Prepared as MNIST ----------------------------------------------------------------------------------


def test_ink_fills_a_box_of_20_pixels(series):
    height, width = boxes(series[0])
    long = np.maximum(height, width)
    assert long.max() <= 20
    assert long.min() >= 18
    assert (long == 20).mean() > 0.5


def test_centre_of_mass_is_in_the_middle(series):
    x, y = centre_of_mass(series[0])
    assert np.abs(x - 14).max() < 1
    assert np.abs(y - 14).max() < 1


def test_ink_is_bright_on_a_dark_border(series):
    images = series[0]
    assert (images.max(axis=(1, 2)) > 150).all()
    assert (images.max(axis=(1, 2)) == 255).mean() > 0.9
    border = np.ones((28, 28), bool)
    border[3:-3, 3:-3] = False
    assert (images[:, border] > 0).mean() < 0.02


def test_grey_edges_but_mostly_black_and_white(series):
    images = series[0]
    grey = (images > 20) & (images < 235)
    assert 0.04 < grey.mean() < 0.2


def test_as_much_ink_as_a_pen_leaves(series):
    """The mean of MNIST's training pictures is 33.3; a 1 has least ink and a 0 most, or nearly."""
    images, labels = series
    ink = np.array([images[labels == digit].mean() for digit in range(10)])
    assert 28 < ink.mean() < 40
    assert ink.argmin() == 1
    assert ink[0] > np.median(ink)


# Variety --------------------------------------------------------------------------------------------


def test_no_two_pictures_are_the_same(series):
    assert len({image.tobytes() for image in series[0]}) == N


def test_every_digit_is_written_in_several_ways():
    assert sorted(strokes.WAYS) == list(range(10))
    for ways in strokes.WAYS.values():
        assert len(ways) >= 3
        assert all(share > 0 and len(variants) >= 2 for share, variants in ways)


def test_classes_differ_more_than_they_spread(series):
    """The mean picture of a digit tells it, by nearest mean, far better than chance and far from always."""
    images, labels = series
    vectors = images.reshape(N, -1).astype(float)
    means = np.stack([vectors[labels == digit].mean(axis=0) for digit in range(10)])
    nearest = ((vectors[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.5 < (nearest == labels).mean() < 0.95


def test_pens_and_hands_differ(series):
    images, labels = series
    ones = images[labels == 1].mean(axis=(1, 2))
    assert np.percentile(ones, 90) > 1.8 * np.percentile(ones, 10)
    height, width = boxes(images[labels == 0])
    assert np.ptp(width / height) > 0.5


# The notation -----------------------------------------------------------------------------------------


def test_strokes_of_a_variant():
    points, kinds = strokes._strokes("0,0 55,2! 2,-98 | 15,50 50,50")
    assert points == [[0, 0], [55, 2], [2, -98], [15, 50], [50, 50]]
    assert kinds == [0, strokes.DRAWN | strokes.CORNER, strokes.DRAWN, 0, strokes.DRAWN]


def test_variants_of_a_way_have_the_same_strokes():
    for ways in strokes.WAYS.values():
        for _, variants in ways:
            assert len({bytes(strokes._strokes(text)[1]) for text in variants}) == 1, variants
            assert len(strokes._strokes(variants[0])[1]) <= strokes.POINTS


def test_ends_are_lengthened_away_from_their_neighbours():
    table = strokes._Table({0: [(1, ["0,0 1,1 2,2 | 3,3 4,4"])]})
    assert table.inner[0, :6].tolist() == [1, 1, 1, 4, 3, 5]


# The rasteriser -----------------------------------------------------------------------------------------


def line(points, radius=1.5, first_kind=0):
    """A picture of one stroke, drawn with a plain round pen."""
    pen = np.zeros((1, 17), np.float32)
    pen[0, :2] = radius, 1
    kinds = np.array([[first_kind] + [strokes.DRAWN] * (len(points) - 1)], np.uint8)
    out = np.full((1, 28, 28), 99, np.uint8)
    _kernels.draw_strokes(np.array([points], np.float32), kinds, pen, out)
    return out[0]


def test_a_bar_is_covered_exactly():
    expected = np.zeros((28, 28), bool)
    expected[4:24, 13:16] = True
    bar = line([(0, 0), (0, 50), (0, 100)]) > 0
    assert (bar & ~expected).sum() + (expected & ~bar).sum() <= 4  # the round ends
    assert (line([(0, 0), (0, 50), (0, 100)])[6:22, 13:16] == 255).all()


def test_size_and_place_of_the_glyph_do_not_matter():
    points = np.array([(0, 0), (30, 20), (10, 80), (60, 100)])
    np.testing.assert_array_equal(line(points), line(points * 4 + 256))


def test_a_turned_page_turns_the_picture():
    points = np.array([(0, 0), (30, 20), (10, 80), (60, 100)])
    np.testing.assert_allclose(line(points[:, ::-1]), line(points).T, atol=1)


def test_degenerate_glyphs_are_harmless():
    assert line([(5, 5), (5, 5)]).any()
    assert not line([(5, 5)]).any()
    line([(np.nan, 0), (np.inf, 5), (3, 4)])
    line([(3e38, 0), (-3e38, 5), (3, 4)])


def test_nothing_comes_before_the_first_point():
    points = [(0, 0), (30, 20), (10, 80), (60, 100)]
    np.testing.assert_array_equal(line(points), line(points, first_kind=strokes.DRAWN))


@pytest.mark.parametrize(
    ("control", "kinds", "pens", "out"),
    [
        ((2, 17, 2), (2, 17), (2, 17), (2, 28, 28)),
        ((2, 0, 2), (2, 0), (2, 17), (2, 28, 28)),
        ((2, 5, 3), (2, 5), (2, 17), (2, 28, 28)),
        ((2, 5, 2), (1, 5), (2, 17), (2, 28, 28)),
        ((2, 5, 2), (2, 4), (2, 17), (2, 28, 28)),
        ((2, 5, 2), (2, 5), (3, 17), (2, 28, 28)),
        ((2, 5, 2), (2, 5), (2, 16), (2, 28, 28)),
        ((2, 5, 2), (2, 5), (2, 17), (1, 28, 28)),
        ((2, 5, 2), (2, 5), (2, 17), (2, 28, 32)),
    ],
)
def test_the_rasteriser_compares_shapes(control, kinds, pens, out):
    arrays = (np.zeros(s, t) for s, t in ((control, "f4"), (kinds, "u1"), (pens, "f4"), (out, "u1")))
    with pytest.raises(ValueError, match=r"\(.*\).*\(.*\)"):
        _kernels.draw_strokes(*arrays)


# Errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "options"),
    [
        (-1, {}),
        (1, {"seed": -1}),
        (1, {"first": -1}),
        (2, {"labels": [1]}),
        (2, {"labels": [[1, 2]]}),
        (2, {"labels": [1, 10]}),
        (2, {"labels": [-1, 1]}),
        (2, {"labels": [0.5, 1]}),
    ],
)
def test_errors(n, options):
    with pytest.raises(ValueError):
        strokes.draw(n, **options)
