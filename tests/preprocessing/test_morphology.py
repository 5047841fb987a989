"""Windows, in which least and greatest values are found, against every one of them."""

import numpy as np
import pytest

from lenet5.preprocessing import morphology


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 21])
@pytest.mark.parametrize("extreme", [np.minimum, np.maximum])
def test_slide_against_every_window(width, extreme):
    plane = np.random.default_rng(1).random((23, 31))
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(plane, width, axis)
        np.testing.assert_array_equal(morphology.slide(plane, width, axis, extreme), extreme.reduce(windows, axis=-1))
