"""Networks that read strings, taught with corrected readings: what they learn, and that they do not forget."""

import numpy as np
import pytest
from PIL import Image

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.errors import PictureError
from lenet5.ocr import evaluation, networks, reader
from lenet5.recipes import teaching

X, Y = strokes.draw(400, seed=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """number.png, whose text is `right`."""
    folder = tmp_path_factory.mktemp("teaching")
    style = digit_strings.Style(length=(3, 3), gap=(2, 4))
    [(picture, _)] = evaluation.pictures(digit_strings.compose(X, Y, 1, style=style, seed=6))
    Image.fromarray(picture).save(folder / "number.png")
    return folder


@pytest.fixture
def few(monkeypatch):
    """Less is learnt beside the corrections, from strokes."""
    monkeypatch.setattr(teaching, "STRINGS", 3)
    monkeypatch.setattr(teaching, "SINGLE", 100)
    monkeypatch.setattr(teaching, "POOL", 300)
    monkeypatch.setattr(teaching, "SHARE", 1.0)


def test_a_misread_image_is_learnt(folder, few, monkeypatch, tmp_path):
    """Its last digit is called otherwise, which is what a form that the networks do not know comes to."""
    monkeypatch.setattr(teaching, "MOST_LOST", 1.0)
    monkeypatch.setattr(teaching, "TRAINING", {"epochs": 4, "learning_rate": 0.02, "validation": 0})
    old, file = networks.shipped(), str(folder / "number.png")
    before = [network.parameters.copy() for network in [*old.segments, *old.digits, *old.upright, old.sliding]]
    read = reader.read(file, networks=old).text
    text = read[:-1] + str((int(read[-1]) + 5) % 10)
    found = teaching.teach(old, [(file, text)], data_dir=tmp_path, threads=1)
    assert reader.read(file, networks=found.networks).text == text
    assert [(one.before, one.after) for one in found.corrections] == [(read, text)]
    assert (found.n_digits, found.replayed, found.n_right("before"), found.n_right("after")) == (3, "strokes", 0, 1)
    for network, parameters in zip([*old.segments, *old.digits, *old.upright, old.sliding], before, strict=True):
        assert (network.parameters == parameters).all()
    found.networks.save(tmp_path / "taught.safetensors")
    again = networks.load(tmp_path / "taught.safetensors")
    assert reader.document(reader.read(file, networks=again)) == reader.document(
        reader.read(file, networks=found.networks)
    )
    assert again.training["taught"] == {"images": 1, "digits": 3, "replayed": "strokes"}


def test_digits_are_not_forgotten(few, monkeypatch):
    """Whatever was learnt, the weights go back until nearly all held-out digits are known again."""
    old = networks.shipped()
    new, digits = old.copy(), strokes.draw(300, seed=3)
    for network in new.digits + new.upright:
        network.parameters[:] += np.random.default_rng(0).normal(0, 0.08, network.parameters.shape).astype(np.float32)
    lost = teaching._known(old, digits, 1) - teaching._known(new, digits, 1)
    assert lost > teaching.MOST_LOST
    teaching._go_part_way(old, new, digits, 1)
    assert teaching._known(old, digits, 1) - teaching._known(new, digits, 1) <= teaching.MOST_LOST
    assert any((one.parameters != other.parameters).any() for one, other in zip(old.digits, new.digits, strict=True))


@pytest.mark.slow
@pytest.mark.mnist
def test_mnist_is_kept(folder):
    """On digits that neither the networks nor teaching saw: the test images."""
    from lenet5 import datasets

    old, file = networks.shipped(), str(folder / "number.png")
    read = reader.read(file).text
    found = teaching.teach(old, [(file, read[:-1] + str((int(read[-1]) + 5) % 10))])
    test = datasets.load("mnist")[1]
    assert teaching._known(found.networks, test, None) >= teaching._known(old, test, None) - 0.002
    assert found.held_out[1] >= found.held_out[0] - teaching.MOST_LOST


def test_images_that_cannot_be_learnt_from(folder):
    file = str(folder / "number.png")
    for pair, reason in (
        ((str(folder / "missing.png"), "1"), "missing.png: cannot be opened"),
        ((file, "1" * 60), "its text has more digits than its ink"),
        ((file, ""), "has no text"),
    ):
        with pytest.raises(PictureError, match=reason):
            teaching.teach(networks.shipped(), [pair])
