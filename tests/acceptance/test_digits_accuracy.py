"""Digits as the model that ships reads them: the test images of MNIST, and photos that are hard for one reason each."""

import pytest

from lenet5 import datasets, pretrained
from lenet5.datasets.synthetic.photographs import CAUSES, SURROUNDINGS, photograph
from lenet5.errors import NoDigitError
from lenet5.preprocessing.normalization import prepare

pytestmark = pytest.mark.slow


@pytest.mark.mnist
def test_the_model_that_ships_is_as_good_as_it_says(mnist_dir):
    _, (X, y) = datasets.load("mnist", mnist_dir)
    model = pretrained()
    assert model.score(X, y) == pytest.approx(model.training["metrics"]["test_accuracy"], abs=3e-4)


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
