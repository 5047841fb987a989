"""Which mark is a digit."""

import numpy as np

from lenet5.preprocessing import localization


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
