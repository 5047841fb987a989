"""Photos that are hard for one reason each, read by the model that ships."""

import numpy as np
import pytest

from lenet5 import pretrained
from lenet5.datasets.synthetic.photographs import CAUSES, SURROUNDINGS, photograph
from lenet5.errors import NoDigitError
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
