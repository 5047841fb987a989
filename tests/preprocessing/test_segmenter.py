"""Where the segmenter finds ink: cut to it or small, of any polarity, in any part; its file."""

import numpy as np
import pytest
from pictures import drawn

from lenet5.errors import ModelFileError
from lenet5.preprocessing import segmenter
from lenet5.preprocessing.segmenter import INK, PAPER


def grey(image) -> np.ndarray:
    return np.asarray(image, np.float32) / 255


@pytest.fixture(scope="module")
def net():
    return segmenter.shipped()


def overlap(found, image) -> float:
    """The Dice coefficient of what was found and of what is dark, in the window."""
    window = found.window
    part = 1 - image[window.top : window.bottom, window.left : window.right]
    wanted = segmenter.resized(np.ascontiguousarray(part), found.ink.shape) > 0.5
    got = found.ink > 0.5
    return 2 * float((got & wanted).sum()) / float(got.sum() + wanted.sum())


def test_probabilities_are_of_three_classes(net):
    classes = net.classes(grey(drawn(300)))
    assert classes.shape == (3, 64, 64)
    np.testing.assert_allclose(classes.sum(axis=0), 1, atol=1e-5)
    assert classes[PAPER].mean() > 0.7


@pytest.mark.parametrize("side", [40, 128, 700])
def test_ink_is_found(net, side):
    image = grey(drawn(side, pen=side / 14))
    assert overlap(net.segment(image), image) > 0.85


@pytest.mark.parametrize("margin", [0, 1, 8])
def test_ink_may_fill_the_image(net, margin):
    image = grey(drawn(200, pen=16))
    rows, columns = np.flatnonzero((image < 0.5).any(1)), np.flatnonzero((image < 0.5).any(0))
    cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    image = np.pad(cut, margin, constant_values=1)
    assert overlap(net.segment(image), image) > 0.85


def test_polarity_changes_little(net):
    image = grey(drawn(200, pen=12))
    dark, bright = net.segment(image), net.segment(1 - image)
    assert np.mean((dark.ink > 0.5) != (bright.ink > 0.5)) < 0.01


def test_small_ink_is_looked_at_closer(net):
    image = np.ones((600, 800), np.float32)
    image[420:460, 640:680] = grey(drawn(40, pen=4))
    found = net.segment(image)
    assert 400 < found.window.top < 440
    assert found.window.bottom - found.window.top < 80
    assert overlap(found, image) > 0.7


class Simple(segmenter.Segmenter):
    """Sees dark pixels as ink; in the whole image, only those right of ``first``."""

    def __init__(self, first: int):
        self.first = first

    def classes(self, grey, side=segmenter.SIDE):
        seen = 1 - grey
        if grey.shape == (400, 400):
            seen[:, : self.first] = 0
        seen = segmenter.resized(np.ascontiguousarray(seen), (side // 2, side // 2))
        return np.stack([1 - seen, seen, 0 * seen])


def test_the_window_grows_until_the_ink_is_whole():
    image = np.ones((400, 400), np.float32)
    image[190:210, 150:260] = 0
    found = Simple(205).segment(image)
    assert not found.goes_on
    assert found.window.left < 150
    assert found.certainty > 0.9


def test_a_line_through_the_image_is_no_digit():
    image = np.ones((400, 400), np.float32)
    image[180:200] = 0
    found = Simple(380).segment(image)
    assert found.goes_on
    assert found.certainty == 0


def test_a_blank_image_has_no_ink(net):
    assert net.segment(np.full((90, 120), 0.8, np.float32)).certainty < segmenter.LEAST_CERTAINTY


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 200), (5, 5)])
def test_any_shape(net, shape):
    found = net.segment(np.random.default_rng(0).random(shape, np.float32))
    assert found.classes.shape[0] == 3
    assert np.isfinite(found.classes).all()
    assert found.ink.shape == found.classes[INK].shape


def test_a_file_keeps_eight_bits(net, tmp_path):
    net.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").stat().st_size < 200_000
    again = segmenter.loaded(tmp_path / "again.safetensors")
    image = grey(drawn(150))
    np.testing.assert_allclose(again.classes(image), net.classes(image), atol=1e-4)
    assert again.training == net.training
    assert net.training["command"].startswith("python -m lenet5.recipes.segmenter")


def test_other_files_are_refused(tmp_path):
    from lenet5 import pretrained

    pretrained().save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="segmenter"):
        segmenter.loaded(tmp_path / "model.safetensors")


def test_parts_of_neighbours_and_dots_may_be_left_out():
    """The main component, a full stop, and a part of a neighbour that the edge cuts off."""
    amounts, counted = np.array([100.0, 20, 40]), np.array([100.0, 20, 12])
    found = segmenter._fewer(np.ones(3, bool), amounts, counted)
    assert [chosen.tolist() for chosen in found] == [[True, True, False], [True, False, True], [True, False, False]]


@pytest.mark.parametrize("amounts", [[100.0], [100.0, 80.0], [100.0, 60.0, 60.0]])
def test_whole_components_of_some_size_are_not_left_out(amounts):
    amounts = np.array(amounts)
    assert segmenter._fewer(np.ones(len(amounts), bool), amounts, amounts) == []
