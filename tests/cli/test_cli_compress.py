"""lenet5 compress, and the other commands with what it writes."""

import json

import pytest
from commandline import digits, model_path, quick
from folders import COLOURS, write_classes
from PIL import Image

from lenet5 import LeNet5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With c.safetensors, what the command said, and an image of a seven."""
    folder = tmp_path_factory.mktemp("compress")
    options = ("--dataset", "strokes", "--epochs", "1", "--threads", "1", "--json")
    result = quick("compress", model_path(), "--out", "c.safetensors", *options, cwd=folder, few=True)
    assert result.code == 0, result.stderr
    assert "epoch 1/1" in result.stderr
    (folder / "c.json").write_text(result.stdout)
    Image.fromarray(255 - digits()[7]).resize((140, 140)).save(folder / "seven.png")
    return folder


def test_json(folder):
    document = json.loads((folder / "c.json").read_text())
    assert document["n_weights_after"] < 0.12 * document["n_weights_before"]
    assert document["bytes"] == (folder / "c.safetensors").stat().st_size <= 6400
    assert document["macs_after"] == document["macs_before"]


def test_every_command_takes_it(folder):
    assert quick("predict", "--model", "c.safetensors", "seven.png", cwd=folder).stdout.split()[1] == "7"
    assert "trained by: lenet5 compress" in quick("info", "c.safetensors", cwd=folder).stdout
    evaluated = quick("evaluate", "--model", "c.safetensors", "--dataset", "strokes", "--json", cwd=folder, few=True)
    assert json.loads(evaluated.stdout)["accuracy"] > 0.8
    assert quick("export", "c.safetensors", "--to", "c", "--out", "c", cwd=folder).code == 0
    assert quick("read", "--model", "c.safetensors", "seven.png", cwd=folder).code == 0


def test_own_images_and_channels(tmp_path):
    write_classes(tmp_path / "animals", n=12)
    LeNet5(labels=sorted(COLOURS), in_channels=3, seed=0).save(tmp_path / "m.safetensors")
    options = ("--data", "animals", "--widths", "4,8,30,20", "--epochs", "1", "--threads", "1")
    result = quick("compress", "m.safetensors", *options, cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert "multiply-adds: 651," in result.stdout
    assert "written: lenet5-compressed.safetensors" in result.stderr


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (("--widths", "4,8"), "expected 4 numbers from 1 to 1024"),
        (("--widths", "4,8,x"), "expected whole numbers with commas"),
        (("--widths", "7,8,20,20"), "c1 has 6 channels"),
        (("--macs", "0"), "--macs"),
        (("--codebook", "1"), "codebook is 1, expected 2 to 255"),
        (("--sparsity", "1"), "--sparsity"),
        (("--macs", "0.000001"), "no network of this kind"),
    ],
)
def test_what_cannot_be(options, error, tmp_path):
    result = quick("compress", model_path(), "--dataset", "strokes", *options, cwd=tmp_path, few=True)
    assert (result.code, error in result.error) == (2, True), result.stderr
    assert not list(tmp_path.iterdir())


def test_other_models(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    assert quick("compress", "bad.safetensors", "--dataset", "strokes", cwd=tmp_path, few=True).code == 3
    taught = ("--dataset", "strokes", "--teacher", "bad.safetensors")
    assert quick("compress", model_path(), *taught, cwd=tmp_path, few=True).code == 3
    result = quick("compress", model_path(), "--dataset", "strokes", "--out", "bad.safetensors", cwd=tmp_path, few=True)
    assert (result.code, "exists and is not a model" in result.error) == (2, True)
