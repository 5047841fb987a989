"""Arrays as other programs hold them."""

import numpy as np
import pytest

from lenet5.nn.foreign_arrays import plain_images

X = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (5, 3, 40, 40), dtype=np.uint8)


@pytest.mark.parametrize(
    "given",
    [X, X.reshape(5, 784), X[..., None], X[:, None], X.astype(np.int64), X.reshape(5, 784).astype(float), X.tolist()],
)
def test_grey(given):
    found = plain_images(given)
    assert found.dtype == np.uint8
    assert (found == X).all()


@pytest.mark.parametrize("given", [COLOURS, COLOURS.transpose(0, 2, 3, 1), COLOURS.astype(np.float32)])
def test_colours(given):
    assert (plain_images(given) == COLOURS).all()


def test_fractions_stay():
    given = X / 255
    assert plain_images(given.reshape(5, 784)).dtype == given.dtype
    assert (plain_images(given.reshape(5, 784)) == given).all()


def test_black_and_white():
    assert (plain_images(X > 99) == (X > 99) * np.uint8(255)).all()


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((5, 785)), np.zeros(5), np.zeros((5, 3, 28, 3)), np.zeros((5, 28, 28, 4)), np.full((5, 28, 28), 1.5),
        np.full((5, 28, 28), -1), np.full((5, 28, 28), 256), np.full((5, 28, 28), np.nan), np.full((5, 28, 28), "x"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused(given):
    with pytest.raises(ValueError, match="expected"):
        plain_images(given)
