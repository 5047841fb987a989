"""lenet5 evaluate: the report as text and as JSON, the sheet of mistakes."""

import json

import pytest
from commandline import has_escape_codes, model_path, quick
from PIL import Image

from lenet5 import LeNet5


def evaluate(folder, *args, **env):
    env = {"LENET5_MODEL": str(model_path())} | env
    return quick("evaluate", "--dataset", "strokes", *args, cwd=folder, few=True, **env)


def test_text(tmp_path):
    result = evaluate(tmp_path)
    assert result.code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "strokes, 1,000 test images"
    assert lines[1].startswith("accuracy ")
    assert "95 % interval" in lines[1]
    assert sum(line.startswith(("0 ", "9 ")) for line in lines) == 4  # once in each table
    assert not has_escape_codes(result.stdout + result.stderr)


def test_json(tmp_path):
    result = evaluate(tmp_path, "--json", "-q")
    assert (result.code, result.stderr) == (0, "")
    document = json.loads(result.stdout, parse_constant=pytest.fail)
    assert document["dataset"] == "strokes"
    assert document["n"] == 1000
    assert document["accuracy"] == pytest.approx(1 - document["errors"] / 1000)
    assert document["accuracy"] > 0.8
    assert document["accuracy_95"][0] < document["accuracy"] < document["accuracy_95"][1]
    assert document["loss"] > 0
    assert [row["label"] for row in document["classes"]] == list("0123456789")
    assert sum(map(sum, document["confusion"])) == 1000
    assert {len(row) for row in document["confusion"]} == {10}


@pytest.mark.parametrize("threads", ["1", "3"])
def test_threads_change_nothing(tmp_path, threads):
    assert evaluate(tmp_path, "--threads", threads).stdout == evaluate(tmp_path).stdout


def test_a_number_of_strings_is_for_strings(tmp_path):
    result = evaluate(tmp_path, "--n", "5")
    assert (result.code, result.stdout) == (2, "")
    assert "--n is how many strings a style of --strings composes" in result.error


def test_the_sheet_of_mistakes(tmp_path):
    result = evaluate(tmp_path, "--errors", "mistakes.png")
    assert "mistakes drawn: mistakes.png" in result.stderr
    with Image.open(tmp_path / "mistakes.png") as sheet:
        assert sheet.format == "PNG"
        sheet.load()
    assert [path.name for path in tmp_path.iterdir()] == ["mistakes.png"]


def test_a_sheet_that_cannot_be_written_is_said_before_the_work(tmp_path):
    result = evaluate(tmp_path, "--errors", "missing/mistakes.png")
    assert (result.code, result.stdout) == (1, "")
    assert "missing/mistakes.png: No such file or directory" in result.error


def test_another_number_of_classes(tmp_path):
    LeNet5(labels="abc").save(tmp_path / "abc")
    result = evaluate(tmp_path, "--model", "abc")
    assert (result.code, result.stdout) == (2, "")
    assert "strokes has other classes (0, 1, 2, 3, 4, 5, 6, 7, 8, 9) than the model (a, b, c)" in result.error


def test_a_model_is_judged_on_the_set_it_was_trained_on(tmp_path):
    model = LeNet5()
    model.training = {"dataset": "strokes"}
    model.save(tmp_path / "m")
    result = quick("evaluate", "--model", "m", "--json", cwd=tmp_path)
    assert (result.code, json.loads(result.stdout)["dataset"]) == (0, "strokes")


def test_the_sheet_of_mistakes_replaces_nothing_but_a_png(tmp_path):
    LeNet5().save(tmp_path / "m.safetensors")
    (tmp_path / "text.png").write_text("mine")
    before = (tmp_path / "m.safetensors").read_bytes()
    for target in ("m.safetensors", "text.png", "sheet.jpg"):
        assert evaluate(tmp_path, "--model", "m.safetensors", "--errors", target).code == 2
    assert (tmp_path / "m.safetensors").read_bytes() == before
    assert (tmp_path / "text.png").read_text() == "mine"


def test_a_bad_model(tmp_path):
    (tmp_path / "bad").write_text("x")
    assert evaluate(tmp_path, "--model", "bad").code == 3


def test_no_data(tmp_path):
    result = evaluate(tmp_path, "--dataset", "mnist", "--data-dir", "empty", "--offline")
    assert (result.code, result.stdout) == (4, "")
    assert "offline" in result.error


def test_damaged_data(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (folder / f"{name}-ubyte.gz").write_bytes(b"<html>403</html>")
    result = evaluate(tmp_path, "--dataset", "mnist", "--data-dir", tmp_path, "--offline")
    assert (result.code, result.stdout) == (5, "")
    assert result.error


def test_auto_without_mnist_says_so(tmp_path):
    result = evaluate(tmp_path, "--dataset", "auto", "--offline", LENET5_DATA_DIR="empty")
    assert result.code == 0
    assert "strokes" in result.stderr
    assert result.stdout.startswith("strokes, ")


@pytest.mark.mnist
def test_mnist(tmp_path):
    document = json.loads(quick("evaluate", "--model", model_path(), "--json", cwd=tmp_path).stdout)
    assert (document["dataset"], document["n"]) == ("mnist", 10_000)
