"""The networks of digits that ship beside LeNet-5: their mean, their file, what they take."""

import numpy as np
import pytest

from lenet5.datasets.synthetic import strokes
from lenet5.errors import ModelFileError
from lenet5.models import hands
from lenet5.nn.network import softmax
from lenet5.ocr import networks

X, Y = strokes.draw(60, seed=3)


@pytest.fixture(scope="module")
def small():
    made = [networks.digit_network(seed, networks.SMALL_WIDTHS) for seed in (0, 1)]
    for network in made:  # as they are stored
        network.parameters[:] = network.parameters.astype(networks.STORED)
    return hands.HandNetworks(made[:1], made[1:], {"command": "by hand"})


def test_log_probabilities_are_averaged(small):
    seen = (X[:, None], networks.upright(X[:, None]))
    each = [np.log(softmax(n.logits(v)).astype(float)) for n, v in zip(small._networks, seen, strict=True)]
    np.testing.assert_allclose(small.logits(X), np.mean(each, axis=0), atol=1e-5)


def test_inputs_of_28_and_of_32_and_of_8_bits_are_one(small):
    wanted = small.logits(X)
    padded = np.pad(X / np.float32(255), ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32)
    np.testing.assert_array_equal(small.logits(padded), wanted)
    np.testing.assert_array_equal(small.logits((X / np.float32(255)).astype(np.float32)), wanted)
    with pytest.raises(ValueError, match="33 x 33"):
        small.logits(np.zeros((1, 1, 33, 33), np.uint8))


def test_an_answer_does_not_depend_on_the_others(small):
    together = small.logits(X)
    for i in (0, 17, 59):
        np.testing.assert_array_equal(small.logits(X[i : i + 1])[0], together[i])


def test_a_file_gives_the_same_answers(small, tmp_path):
    small.save(tmp_path / "hands.safetensors")
    loaded = hands.loaded(tmp_path / "hands.safetensors")
    np.testing.assert_array_equal(loaded.logits(X), small.logits(X))
    assert loaded.training == {"command": "by hand"}


def test_other_files_are_refused(tmp_path):
    from lenet5 import pretrained

    pretrained().save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="hands"):
        hands.loaded(tmp_path / "model.safetensors")


def test_no_networks_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        hands.HandNetworks([], [])


def test_what_ships_reads_digits_and_says_how_it_was_made():
    model = hands.shipped()
    assert model.score(X, Y) > 0.95
    assert len(model._networks) == 6
    assert model.training["command"].startswith("python -m lenet5.recipes.hands")
    assert repr(model).startswith("<HandNetworks of 6: 10 classes")
