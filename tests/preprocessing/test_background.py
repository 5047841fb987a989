"""What lies under the ink and is none: printed lines, shadows."""

import numpy as np
import pytest

from lenet5.preprocessing import background, binarization


def page(height=200, width=240) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.01, (height, width)).astype(np.float32)


@pytest.mark.parametrize("slope", [0, 0.03, -0.06])
@pytest.mark.parametrize("turned", [False, True])
def test_rules_finds_printed_lines(slope, turned):
    plane = page(240, 240)
    y, x = np.mgrid[:240, :240]
    printed = abs((y - slope * (x - 120)) % 30 - 15) < 1.2
    plane[printed] += 0.2
    if turned:
        plane, printed = plane.T.copy(), printed.T
    found = background.rules(plane)
    assert (found[printed] > 0.15).mean() > 0.95
    assert (found > 0).mean() < 4 * printed.mean()


def test_rules_leaves_strokes_alone():
    plane = page()
    plane[10:190, 118:122] += 0.6  # a 1 of nine tenths of the height
    plane[98:102, 30:200] += 0.6
    assert not background.rules(plane).any()
    assert not background.rules(np.ones((20, 20), np.float32)).any()


def test_flattened_takes_out_what_is_wide():
    relief = page()
    relief[:, 120:] -= 0.4  # a shadow
    relief[80:120, 60:64] -= 0.4  # a stroke in the light, and one in the shadow
    relief[80:120, 180:184] -= 0.4
    flat = background.flattened(relief, True, 6)
    assert flat[80:120, [61, 181]].max() < -0.3
    flat[80:120, [*range(60, 64), *range(180, 184)]] = 0
    assert abs(flat).max() < 0.1
    assert binarization.ink_is_dark(relief)
    assert not binarization.ink_is_dark(-relief)
