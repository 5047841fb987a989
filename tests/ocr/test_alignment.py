"""A known text aligned with the segments of an image."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.ocr import alignment, evaluation, lattice, networks
from lenet5.ocr.lines import lines_of
from lenet5.ocr.networks import RUBBISH
from lenet5.preprocessing.decode import decode
from lenet5.preprocessing.normalization import to_grey

X, Y = strokes.draw(400, seed=12)


def found_in(picture):
    return lines_of(to_grey(decode(picture)), "auto", networks.shipped(), threads=1).lines


@pytest.fixture(scope="module")
def number():
    style = digit_strings.Style(length=(4, 4), gap=(1, 3))
    return next(iter(evaluation.pictures(digit_strings.compose(X, Y, 1, style=style, seed=3))))


def test_the_digits_of_a_text_are_found(number):
    """Each of them holds about a quarter of the ink, from left to right; the rest is rubbish."""
    picture, text = number
    pictures, classes = alignment.align(found_in(picture), text)
    assert classes[:4].tolist() == [int(character) for character in text]
    assert set(classes[4:].tolist()) == {RUBBISH}
    assert len(classes) <= 4 + round(4 * alignment.RUBBISH_SHARE)
    assert pictures.shape == (len(classes), 2, 28, 28)
    assert networks.shipped().digit_log_probabilities(np.ascontiguousarray(pictures[:4, :1])).shape == (4, 10)


def test_another_text_has_the_same_segments(number):
    """What was misread is told apart as before, only called otherwise."""
    picture, text = number
    found = found_in(picture)
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
    one, other = alignment.align(found, text), alignment.align(found, wrong)
    assert (one.pictures[:4] == other.pictures[:4]).all()
    assert other.classes[3] == int(wrong[-1])


def test_separators_and_lines_of_a_text_do_not_matter(number):
    picture, text = number
    found = found_in(picture)
    plain, parted = alignment.align(found, text), alignment.align(found, f"{text[0]} {text[1]},\n{text[2:]}")
    assert (plain.classes == parted.classes).all()


@pytest.mark.parametrize("text", ["1" * 40, "", "-"])
def test_texts_that_cannot_be_there(number, text):
    assert alignment.align(found_in(number[0]), text) is None
    assert alignment.align([], "1") is None


def test_a_forced_path_by_hand():
    """Three pieces: two segments of one, one of both, and one mark between that is not in the text."""
    first, stop = np.array([0, 1, 2, 0]), np.array([1, 2, 3, 2])
    scores = np.log([[0.9, 0.1, 0.1], [0.1, 0.1, 0.9], [0.2, 0.8, 0.1], [0.1, 0.1, 0.1]])
    leave_out = np.full(3, -9.0)
    assert lattice.forced(first, stop, scores, leave_out, [0, 1], [2]) == [(0, 0), (1, -1), (2, 1)]
    assert lattice.forced(first, stop, scores, leave_out, [0, 1], []) == [(3, 0), (2, 1)]
    assert lattice.forced(first, stop, scores, leave_out, [1], []) == [(3, 1)]
    assert lattice.forced(first, stop, scores, leave_out, [1, 1, 1, 1], [2]) is None
