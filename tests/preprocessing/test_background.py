"""What lies under the ink and is none: shadows."""

import numpy as np

from lenet5.preprocessing import background


def page(height=200, width=240) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.01, (height, width)).astype(np.float32)


def test_flattened_takes_out_what_is_wide():
    relief = page()
    relief[:, 120:] -= 0.4  # a shadow
    relief[80:120, 60:64] -= 0.4  # a stroke in the light, and one in the shadow
    relief[80:120, 180:184] -= 0.4
    flat = background.flattened(relief, True, 6)
    assert flat[80:120, [61, 181]].max() < -0.3
    flat[80:120, [*range(60, 64), *range(180, 184)]] = 0
    assert abs(flat).max() < 0.1
