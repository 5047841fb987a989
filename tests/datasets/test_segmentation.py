"""The segmenter's truth: functions of a seed, of which every pixel is what it says."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import hands, segmentation, segmentation_scenes, strokes
from lenet5.datasets.synthetic.segmentation import LAYOUTS, SIDE, TRUTH, WITHOUT_DIGIT

X, Y = strokes.draw(200, seed=1)


def samples(n: int, **settings) -> list:
    return segmentation.draw(n, seed=5, X=X, y=Y, **settings)


def test_a_sample_is_a_function_of_its_seed_and_number():
    some, later = samples(6), samples(2, first=4)
    for a, b in zip(some[4:], later, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.truth, b.truth)
        assert (a.shape, a.label) == (b.shape, b.label)


@pytest.mark.parametrize("layout", [*LAYOUTS, "sign"])
def test_layouts(layout):
    for sample in samples(12, layouts={layout: 1.0}):
        assert sample.image.shape == (SIDE, SIDE)
        assert sample.truth.shape == (2, TRUTH, TRUTH)
        assert max(sample.shape) == SIDE
        assert not sample.image[sample.shape[0] :].any()
        has_ink = sample.truth[0].max() > 0
        assert has_ink == (layout not in ("empty", "object"))
        may_be_a_sign = layout in ("loose", "small", "zoomed")
        assert (sample.label >= 0) == (layout not in WITHOUT_DIGIT) or may_be_a_sign
        assert sample.several == (layout == "number")
        cover = sample.truth.sum(axis=0, dtype=int)
        assert cover.max() <= 256  # ink and other share a pixel, and no more


def test_without_a_digit_there_is_none():
    assert all(sample.label == -1 for sample in samples(20, layouts=WITHOUT_DIGIT))


def test_ink_is_where_the_image_changes():
    """Of large digits on plain paper, under either polarity."""
    agree = []
    for sample in samples(40, layouts={"raw": 1.0}):
        h, w = (n // 2 for n in sample.shape)
        small = sample.image.reshape(TRUTH, 2, TRUTH, 2).mean((1, 3))[:h, :w]
        ink = sample.truth[0, :h, :w] > 128
        if 0.05 < ink.mean() < 0.95:
            agree.append(abs(np.corrcoef(small.ravel(), ink.ravel())[0, 1]))
    assert np.mean(agree) > 0.85


def test_scenes_are_seen_whole_and_from_close_by():
    whole, close = segmentation_scenes.draw(1, seed=3)
    assert whole.label == close.label
    assert (close.truth[0] > 128).mean() > (whole.truth[0] > 128).mean()


def test_hands_have_all_digits():
    images, labels = strokes.draw(40, seed=2, ways=hands.FORMS)
    assert set(labels) == set(range(10))
    assert (images.max(axis=(1, 2)) == 255).all()
