"""Composed pages: of any kind, with their text, the same for the same seed."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import digit_pages, strokes

X, Y = strokes.draw(60, seed=2)


@pytest.mark.parametrize("kind", digit_pages.KINDS)
def test_pages_of_each_kind(kind):
    first, second = (list(digit_pages.compose(X, Y, 2, kind=kind, seed=4)) for _ in range(2))
    for page, again in zip(first, second, strict=True):
        assert page.pixels.dtype == np.uint8
        assert page.pixels.ndim == 2
        np.testing.assert_array_equal(page.pixels, again.pixels)
        assert page.text == again.text
        assert set(page.text) <= set("0123456789 \n")
        assert (page.pixels < page.pixels.max() - 10).mean() > 0.005
    assert first[0].text != first[1].text


@pytest.mark.parametrize(("look", "least", "most"), [("solid", 1, 1), ("dashed", 0.3, 0.8), ("dotted", 0.1, 0.6)])
def test_lines_have_the_share_of_ink_of_their_look(look, least, most):
    rng = np.random.default_rng(3)
    shares = [digit_pages._line(500, look, rng).mean() for _ in range(20)]
    assert least <= min(shares) <= max(shares) <= most
