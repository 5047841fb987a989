"""Curves in a plane: where points fall, what is cut off, and curves of nothing."""

import math

import numpy as np
import pytest

from lenet5.evaluation import plots
from lenet5.evaluation.plots import Curve, draw, round_step

BLUE, RED = "blue", "red"


def pixels(picture, colour):
    """(rows, columns) of the plane, without the legend, that are rather blue, or red; text is grey."""
    image = np.asarray(picture).astype(int)
    image[:200, 480:] = 255
    blueness = image[..., 2] - image[..., 0]
    return np.nonzero(blueness > 60 if colour == BLUE else blueness < -60)


def test_a_point_is_where_it_belongs():
    picture = draw("title", [Curve("a", [5], [2])], "x", "y", x_max=10, y_max=4)
    assert picture.size == (plots.WIDTH, plots.HEIGHT)
    rows, columns = pixels(picture, BLUE)
    assert columns.mean() == pytest.approx((70 + plots.WIDTH - 24) / 2, abs=1)
    assert rows.mean() == pytest.approx((60 + plots.HEIGHT - 56) / 2, abs=1)


def test_a_line_goes_from_end_to_end_and_a_broken_one_has_gaps():
    def length(broken):
        return len(set(pixels(draw("t", [Curve("a", [0, 10], [1, 1], broken)], "x", "y", y_max=4), BLUE)[1].tolist()))

    assert length(False) > 660
    assert 300 < length(True) < 500


def test_what_lies_beyond_is_cut_off():
    curves = [Curve("in", [1, 2], [1, 1]), Curve("out", [20, 3], [1, 9])]
    assert not pixels(draw("t", curves, "x", "y", x_max=10, y_max=4), RED)[0].size


def test_each_curve_has_its_colour_also_if_there_are_many():
    curves = [Curve(f"curve {k}", [0, 1], [k, k]) for k in range(9)]
    picture = draw("t", curves, "x", "y")
    assert pixels(picture, RED)[0].size
    assert pixels(picture, BLUE)[0].size


@pytest.mark.parametrize("curves", [[], [Curve("empty", [], [])], [Curve("zero", [0], [0])]])
def test_nothing_to_draw_is_a_plane(curves):
    draw("t", curves, "x", "y")


@pytest.mark.parametrize(
    ("about", "step"),
    [(0, 1), (-1, 1), (float("inf"), 1), (float("nan"), 1), (0.03, 0.05), (1, 1), (1.2, 2), (7e5, 1e6)],
)
def test_round_steps(about, step):
    assert round_step(about) == pytest.approx(step)


@pytest.mark.parametrize(
    "values",
    [[0.5], [0.5, 0.4, 0.3], [0.0, 0.0], [1e-30, 1e30], [math.nan, 0.5], [None, None], [math.inf, 1.0, None], [-1, 1]],
)
def test_curves_of_any_values(values):
    epochs = list(range(1, len(values) + 1))
    sheet = plots.curves(epochs, {"loss": {"training": values, "validation": values[::-1]}, "error": {"x": values}})
    assert sheet.size == (920, 320)


def test_a_curve_is_drawn():
    def blue(values):
        return pixels(plots.curves([1, 2, 3], {"loss": {"training": values}}), BLUE)[0].size

    assert blue([3.0, 2.0, 1.0]) > blue([None, None, None]) + 100


def test_curves_of_thousands_of_epochs():
    n = 5000
    plots.curves(list(range(1, n + 1)), {"loss": {"training": [1 / k for k in range(1, n + 1)]}})
