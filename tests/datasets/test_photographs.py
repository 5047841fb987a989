"""Photos that are hard for one reason each, read by the model that ships; the parts that mend each reason."""

import numpy as np
import pytest

from lenet5 import pretrained
from lenet5.datasets.synthetic.photographs import CAUSES, SURROUNDINGS, photograph
from lenet5.errors import NoDigitError
from lenet5.preprocessing import background, binarization, localization
from lenet5.preprocessing.normalization import prepare


def answer(picture) -> int | None:
    try:
        return int(pretrained().predict(prepare(picture).input[None])[0])
    except NoDigitError:
        return None


@pytest.mark.parametrize("cause", CAUSES | SURROUNDINGS)
def test_most_photos_of_each_cause_are_read(cause):
    digits = [0, 2, 3, 8, 9]
    answers = [answer(photograph(cause, digit, seed=100 + digit)) for digit in digits]
    assert sum(a == d for a, d in zip(answers, digits, strict=True)) >= 4, answers


def test_photographs_are_functions_of_their_seed():
    one, same, other = (np.asarray(photograph("mixed", 3, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or (one != other).any()


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


@pytest.mark.parametrize("width", [1, 2, 3, 5, 8, 21])
@pytest.mark.parametrize("extreme", [np.minimum, np.maximum])
def test_slide_against_every_window(width, extreme):
    plane = np.random.default_rng(1).random((23, 31))
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(plane, width, axis)
        np.testing.assert_array_equal(binarization.slide(plane, width, axis, extreme), extreme.reduce(windows, axis=-1))


def test_a_digit_is_more_plausible_than_a_blob_or_what_is_cut_off():
    def plausible(mask):
        plane = mask.astype(np.float32)
        return localization._plausibility(mask, plane, 1 - plane)

    masks = np.zeros((4, 100, 100), bool)
    masks[0, 30:70, 50:54] = masks[0, 30:34, 40:54] = True  # a seven
    masks[1, 30:70, 30:70] = True  # a square
    masks[2, 30:70, 80:] = True  # a thumb
    masks[3, 50:54, 50:54] = True  # a speck
    scores = [plausible(mask) for mask in masks]
    assert scores[0] > 0.9
    assert max(scores[1:]) < 0.4
