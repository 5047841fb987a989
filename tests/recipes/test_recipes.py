"""Each network that ships is made anew in small: the file loads, answers, and says how it was made."""

import shlex
import sys

import numpy as np
import pytest

from lenet5 import datasets, load, pretrained
from lenet5.datasets.synthetic import negatives, photo_scene, strokes
from lenet5.errors import DataError
from lenet5.models.hands import loaded as load_hands
from lenet5.models.ood import loaded as load_detector
from lenet5.models.ood import score
from lenet5.ocr import networks, reader
from lenet5.preprocessing.segmenter import loaded as load_segmenter
from lenet5.recipes import command, digits, hands, ocr, ood, page_segmenter, segmenter
from lenet5.recipes import data as recipe_data
from lenet5.utils.characters import DIGITS

RECIPES = {"digits": digits, "hands": hands, "ocr": ocr, "ood": ood}


HELD_OUT = 500


@pytest.fixture(scope="module")
def few():
    """A few strokes in the place of MNIST."""
    return datasets.Loaded("mnist", strokes.draw(1500, seed=0), strokes.draw(500, seed=1), DIGITS)


@pytest.fixture(autouse=True)
def data(monkeypatch, few):
    """The only data there are, of which fewer are held out."""
    monkeypatch.setattr(datasets, "obtain", lambda name, data_dir=None, **how: few)
    monkeypatch.setattr(photo_scene, "_mnist", lambda: few.train)
    for module in (recipe_data, ood):
        monkeypatch.setattr(module, "HELD_OUT", HELD_OUT)
    return few


def made(recipe, tmp_path, *arguments):
    """The path of the file that a run in small writes."""
    out = tmp_path / "made.safetensors"
    assert RECIPES[recipe].main(["--small", "--out", str(out), *arguments]) == 0
    return out


def test_digits(tmp_path, data):
    model = load(made("digits", tmp_path, "--epochs", "8", "--validation", "500", "--threads", "1"))
    assert model.score(*data.test) > 0.8
    assert model.training["metrics"]["test_accuracy"] == model.score(*data.test)
    assert model.training["config"]["epochs"] == 8
    assert model.training["config"]["seed"] == 2
    assert model.training["data_sha256"] == data.sha256
    assert model.calibration.n == 500


def test_hands(tmp_path, data):
    model = load_hands(made("hands", tmp_path, "--strokes", "2000"))
    assert [len(networks) for networks in (model.straight, model.deslanted)] == [1, 1]
    assert model.score(*data.test) > 0.8
    assert model.calibration.n > HELD_OUT
    assert model.training["held_out_accuracy"] > 0.8


@pytest.mark.parametrize("recipe", [segmenter, page_segmenter])
def test_segmenters(tmp_path, data, recipe):
    pytest.importorskip("torch")
    out = tmp_path / "segmenter.safetensors"
    assert recipe.main(["--small", "--threads", "1", "--out", str(out)]) == 0
    found = load_segmenter(out)
    assert found.classes(np.ones((40, 60), np.float32)).shape == (3, 43, 64)
    assert 0 <= found.training["dice"] <= 1


@pytest.mark.parametrize("recipe", [segmenter, page_segmenter])
def test_segmenters_say_what_they_need(tmp_path, data, monkeypatch, capsys, recipe):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "lenet5.recipes.segmenter_torch", raising=False)
    assert recipe.main(["--small", "--out", str(tmp_path / "none")]) == 1
    assert "pip install torch" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_ood(tmp_path, data):
    detector = load_detector(made("ood", tmp_path, "--epochs", "3", "--rubbish", "2000"))
    digit, other = (score(detector.probabilities(X)) for X in (data.test[0], negatives.draw(500, seed=3)[0]))
    assert np.mean(digit >= detector.least_score) > np.mean(other >= detector.least_score) + 0.3


def test_ocr(tmp_path, data):
    found = ocr.make(ocr.Settings.small())
    found.save(tmp_path / "ocr.safetensors")
    stored = networks.load(tmp_path / "ocr.safetensors")
    for kind in ("segments", "digits", "upright"):  # calibrated as they are stored
        for made, loaded in zip(getattr(found, kind), getattr(stored, kind), strict=True):
            np.testing.assert_array_equal(made.parameters, loaded.parameters)
    number = np.full((60, 130), 255, np.uint8)
    for k in range(3):
        number[16:44, 15 + 36 * k : 43 + 36 * k] -= data.test[0][k]
    assert reader.read(number, network=pretrained(), networks=stored).digits
    assert stored.training["validation_accuracy"].keys() == {"segments 0", "sliding 0"}
    assert stored.training["options"]["widths"] == list(networks.SMALL_WIDTHS)
    assert stored.calibration.n > 0


SMALLER = {
    "digits": ["--validation", "500"],
    "ood": ["--rubbish", "300", "--drawn", "20", "--others", "20", "--rubbish-cut", "20", "--coarse", "20"],
    "ocr": [],
}


@pytest.mark.parametrize("recipe", ["digits", "ood", pytest.param("ocr", marks=pytest.mark.slow)])
def test_the_same_command_makes_the_same_file(recipe, tmp_path):
    first = made(recipe, tmp_path, "--threads", "1", *SMALLER[recipe]).read_bytes()
    assert made(recipe, tmp_path, "--threads", "2", *SMALLER[recipe]).read_bytes() == first


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_command_in_a_file_gives_its_settings(recipe, monkeypatch):
    module, seen = RECIPES[recipe], []
    monkeypatch.setattr(command, "check_writable", lambda path: None)

    def make(settings, data_dir, threads):
        seen.append(settings)
        raise DataError("none here")

    for settings in (module.Settings(), module.Settings.small()):
        python, _, name, *arguments = shlex.split(command.command_of(recipe, settings))
        assert (python, name) == ("python", f"lenet5.recipes.{recipe}")
        assert command.run(recipe, "", module.Settings, make, arguments) == 4
        assert seen.pop() == settings
    assert not shlex.split(command.command_of(recipe, module.Settings()))[3:]


def test_progress_goes_to_standard_error(tmp_path, capfd):
    made("digits", tmp_path, "--validation", "500")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "1,500 images" in captured.err
    assert "epoch 1/1" in captured.err


@pytest.mark.parametrize(
    ("recipe", "arguments", "code", "says"),
    [
        ("digits", ["--epochs", "0"], 2, "Error: epochs is 0"),
        ("ocr", ["--digit-epochs", "0"], 2, "Error: epochs is 0"),
        ("ood", ["--seed", "-1"], 2, "Error: "),
        ("ood", ["--out", "/missing/folder/a"], 1, "Error: /missing/folder/a: No such file"),
    ],
)
def test_what_cannot_be_is_one_line(recipe, arguments, code, says, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert RECIPES[recipe].main(["--small", *arguments]) == code
    error = capfd.readouterr().err
    assert error.startswith(says)
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_digits_without_images_set_apart_are_not_calibrated():
    model = digits.make(digits.Settings(epochs=1, validation=0))
    assert model.calibration.n == 0
    assert model.training["metrics"]["validation_accuracy"] is None
