"""lenet5 quantize, and the other commands with what it writes."""

import json

import numpy as np
import pytest
from commandline import digits, model_path, quick
from folders import COLOURS, write_classes
from PIL import Image

from lenet5 import LeNet5, load
from lenet5.models.quantized import Quantized


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With q.safetensors and an image of a seven."""
    folder = tmp_path_factory.mktemp("quantize")
    result = quick("quantize", model_path(), "--out", "q.safetensors", "--dataset", "strokes", cwd=folder, few=True)
    assert result.code == 0, result.stderr
    assert "written: q.safetensors" in result.stderr
    assert "validation accuracy: " in result.stdout
    Image.fromarray(255 - digits()[7]).resize((140, 140)).save(folder / "seven.png")
    return folder


def test_json(tmp_path):
    result = quick("quantize", model_path(), "--dataset", "strokes", "--json", cwd=tmp_path, few=True)
    document = json.loads(result.stdout)
    assert (document["bytes_before"], document["bytes_after"]) == (246_824, 63_318)
    assert document["accuracy_after"] > document["accuracy_before"] - 0.01
    assert (tmp_path / "lenet5-int8.safetensors").exists()


def test_every_command_takes_it(folder):
    assert quick("predict", "--model", "q.safetensors", "seven.png", cwd=folder).stdout.split()[:2] == [
        "seven.png",
        "7",
    ]
    assert "63,318 bytes" in quick("info", "q.safetensors", cwd=folder).stdout
    assert json.loads(quick("info", "q.safetensors", "--json", cwd=folder).stdout)["scale"] > 0
    evaluated = quick("evaluate", "--model", "q.safetensors", "--dataset", "strokes", "--json", cwd=folder, few=True)
    assert json.loads(evaluated.stdout)["accuracy"] > 0.95
    assert quick("read", "--model", "q.safetensors", "seven.png", cwd=folder).code == 0
    several = ("--model", "q.safetensors", "--model", model_path())
    assert quick("predict", *several, "seven.png", cwd=folder).stdout.split()[1] == "7"


def test_training_refuses_it(folder):
    result = quick("train", "--teacher", "q.safetensors", "--dataset", "strokes", cwd=folder, few=True)
    assert result.code == 2
    assert "a teacher is in 8 bits" in result.error


def test_what_cannot_be_quantized(folder):
    assert "in 8 bits already" in quick("quantize", "q.safetensors", "--dataset", "strokes", cwd=folder, few=True).error
    LeNet5("1998").save(folder / "1998.safetensors")
    result = quick("quantize", "1998.safetensors", "--dataset", "strokes", cwd=folder, few=True)
    assert (result.code, "c1_activation (ScaledTanh)" in result.error) == (2, True)


def test_no_other_file_is_replaced(folder):
    (folder / "notes.txt").write_text("notes")
    result = quick("quantize", model_path(), "--out", "notes.txt", "--dataset", "strokes", cwd=folder, few=True)
    assert result.code == 2
    assert "exists and is not a model" in result.error
    assert (folder / "notes.txt").read_text() == "notes"


@pytest.mark.mnist
@pytest.mark.slow
def test_the_shipped_model_loses_nothing(tmp_path):
    """On its validation images."""
    document = json.loads(quick("quantize", "--json", cwd=tmp_path).stdout)
    assert (document["held_out"], document["n_validation"]) == (True, 5000)
    assert abs(document["accuracy_after"] - document["accuracy_before"]) <= 2 / 5000
    assert document["n_different"] <= 5
    assert np.isclose(document["accuracy_before"], 0.996)


def test_own_images(tmp_path):
    """Calibrated and judged on the parts that training makes of the same folder."""
    write_classes(tmp_path / "set", 30)
    result = quick("train", "--data", "set", "--epochs", "8", "--out", "m.safetensors", "-q", cwd=tmp_path)
    assert result.code == 0, result.stderr
    result = quick("quantize", "m.safetensors", "--data", "set", "--json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert (document["n_calibration"], document["n_validation"]) == (24 * len(COLOURS), 6 * len(COLOURS))
    assert document["held_out"]
    assert document["accuracy_before"] > 0.5
    assert document["accuracy_after"] > document["accuracy_before"] - 0.1
    assert quick("quantize", "m.safetensors", "--data", "set", "--dataset", "mnist", cwd=tmp_path).code == 2


def test_training_for_8_bits(tmp_path):
    options = ("--dataset", "strokes", "--epochs", "1", "--quantize", "--threads", "1")
    result = quick("train", *options, "--out", "q.safetensors", cwd=tmp_path, few=True)
    assert result.code == 0, result.stderr
    small, large = load(tmp_path / "q.safetensors"), load(tmp_path / "runs" / "train-001" / "best.safetensors")
    assert isinstance(small, Quantized)
    assert isinstance(large, LeNet5)
    assert small.training["config"]["quantize"] is True
    X = digits()
    assert (small.predict(X) == large.predict(X)).mean() > 0.9
    resumed = quick("train", "--resume", "runs/train-001", "--out", "again.safetensors", cwd=tmp_path, few=True)
    assert resumed.code == 0, resumed.stderr
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "q.safetensors").read_bytes()
    refused = quick("train", *options, "--members", "2", cwd=tmp_path, few=True)
    assert (refused.code, "a single model in 8 bits" in refused.error) == (2, True)
    refused = quick("train", *options, "--activation", "tanh", cwd=tmp_path, few=True)
    assert (refused.code, "does not become whole numbers" in refused.error) == (2, True)
    assert not (tmp_path / "runs" / "train-002").exists()
