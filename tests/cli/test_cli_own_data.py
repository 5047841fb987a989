"""From a folder of images to answers: train --data, evaluate --data, predict."""

import csv
import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from commandline import draw_digit, lenet5, model_path, quick
from folders import shape, write_classes, write_splits
from PIL import Image

#: Settings with which few images are learnt in a moment.
FIT = ("--learning-rate", "0.01", "--batch-size", "8")
CLASSES = ["circle", "square", "stripes"]


def run(*args, cwd, **env):
    return quick(*args, cwd=cwd, XDG_CACHE_HOME=str(Path(cwd) / "cache"), **env)


@functools.cache
def trained() -> Path:
    """A folder with a set of three classes, and the model that was trained on it."""
    folder = Path(tempfile.mkdtemp(prefix="lenet5-own-"))
    write_splits(folder / "set", 24)
    result = run("train", "--data", "set", "--epochs", "15", *FIT, "--json", cwd=folder)
    assert result.code == 0, result.stderr
    (folder / "train.json").write_text(result.stdout)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _tidy():
    yield
    if trained.cache_info().currsize:
        shutil.rmtree(trained(), ignore_errors=True)


def test_train_tells_what_it_trained_on():
    found = json.loads((trained() / "train.json").read_text())
    assert found["dataset"] == "set"
    assert found["test"]["n"] == 18
    assert found["test"]["accuracy"] >= 0.9
    assert "judged_on" not in found


def test_the_model_says_what_it_takes():
    found = json.loads(run("info", "lenet5.safetensors", "--json", cwd=trained()).stdout)
    assert found["labels"] == CLASSES
    assert found["input_shape"] == [3, 32, 32]
    assert found["preparation"]["kind"] == "image"
    assert found["preparation"]["shape"] == "stretched"
    assert len(found["training"]["data_sha256"]) == 64


def test_predict_answers_with_names_in_folders_at_any_depth():
    result = run("predict", "--model", "lenet5.safetensors", "set/test", "--json", cwd=trained())
    found = json.loads(result.stdout)
    assert result.code == 0
    assert len(found) == 18
    assert {one["label"] for one in found} <= {*CLASSES}
    right = [one["label"] == Path(one["file"]).parent.name for one in found]
    assert np.mean(right) >= 0.9
    test = json.loads((trained() / "train.json").read_text())["test"]
    assert np.mean(right) == test["accuracy"]  # it sees what training saw


@pytest.mark.parametrize("data", ["set", "set/test", "table.csv"])
def test_evaluate(data):
    folder = trained()
    rows = [(path.relative_to(folder).as_posix(), path.parent.name) for path in (folder / "set/test").rglob("*.png")]
    (folder / "table.csv").write_text("\n".join(",".join(row) for row in [("path", "label"), *sorted(rows)]))
    result = run("evaluate", "--model", "lenet5.safetensors", "--data", data, "--json", cwd=folder)
    found = json.loads(result.stdout)
    expected = json.loads((folder / "train.json").read_text())["test"]
    assert {"accuracy", "balanced_accuracy", "macro_f1"} <= found.keys()
    assert found["accuracy"] == expected["accuracy"]
    assert found["n"] == 18


def test_evaluate_on_some_of_the_classes(tmp_path):
    write_classes(tmp_path / "two", 5, labels=["square", "circle"], seed=50)
    write_classes(tmp_path / "two", 2, labels=["stripes"], seed=51)
    (tmp_path / "two" / "stripes").rename(tmp_path / "two" / "zebra")
    model = trained() / "lenet5.safetensors"
    result = run("evaluate", "--model", model, "--data", "two", "--json", cwd=tmp_path)
    assert json.loads(result.stdout)["n"] == 10
    assert "left out: zebra: is not a class of the model; 2 images" in result.stderr


def test_suspects(tmp_path):
    """Two images lie in the wrong folder."""
    write_classes(tmp_path / "new", 10, seed=60)
    for name in ("wrong-1.png", "wrong-2.png"):
        shape("square", np.random.default_rng(len(name)), 60).save(tmp_path / "new" / "circle" / name)
    args = ("--model", trained() / "lenet5.safetensors", "--data", "new", "--suspects", "suspects.csv")
    result = run("evaluate", *args, cwd=tmp_path)
    assert result.code == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "suspects.csv").read_text().splitlines()))
    assert {"circle/wrong-1.png", "circle/wrong-2.png"} <= {row["path"] for row in rows}
    assert {row["answer"] for row in rows if "wrong" in row["path"]} == {"square"}
    assert [line for line in result.stderr.splitlines() if "suspects.csv" in line]


def test_grey_in_another_size(tmp_path):
    write_classes(tmp_path / "set", 20)
    args = ("--data", "set", "--channels", "1", "--size", "48", "--epochs", "10", *FIT, "--out", "m.safetensors")
    result = run("train", *args, cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert "validation accuracy" in result.stdout
    found = json.loads(run("info", "m.safetensors", "--json", cwd=tmp_path).stdout)
    assert found["input_shape"][0] == 1
    assert found["size"] == 48
    assert run("predict", "--model", "m.safetensors", "set/circle/001.png", cwd=tmp_path).code == 0


def test_a_run_goes_on_from_another_folder(tmp_path):
    write_classes(tmp_path / "set", 20)
    (tmp_path / "elsewhere").mkdir()
    whole = run("train", "--data", "set", "--epochs", "8", *FIT, "--json", cwd=tmp_path)
    again = run("train", "--resume", tmp_path / "runs" / "train-001", "--json", cwd=tmp_path / "elsewhere")
    assert again.code == 0, again.stderr
    assert json.loads(whole.stdout)["judged_on"] == "validation"
    assert json.loads(again.stdout)["test"] == json.loads(whole.stdout)["test"]


def test_a_changed_set_is_not_gone_on_with(tmp_path):
    write_classes(tmp_path / "set", 20)
    run("train", "--data", "set", "--epochs", "8", *FIT, cwd=tmp_path)
    Image.new("RGB", (40, 40)).save(tmp_path / "set" / "circle" / "000.png")
    result = run("train", "--resume", "runs/train-001", cwd=tmp_path)
    assert result.code == 4
    assert "SHA-256" in result.error


@pytest.mark.parametrize("n", [2, 5])
def test_a_few_images_are_learnt(tmp_path, n):
    write_classes(tmp_path / "set", n)
    assert run("train", "--data", "set", *FIT, cwd=tmp_path).code == 0
    assert run("train", "--data", "set", *FIT, "--validation", "0", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("train", "--data", "none"), 4, "none: no such folder or table"),
        (("train", "--data", "set", "--dataset", "mnist"), 2, "--data and --dataset"),
        (("train", "--size", "64"), 2, "name them with --data"),
        (("train", "--data", "set", "--size", "27"), 2, "27"),
        (("evaluate", "--suspects", "s.csv"), 2, "name them with --data"),
        (("evaluate", "--data", "set", "--strings", "plain"), 2, "--strings"),
        (("train", "--data", "numbers.csv"), 2, "numbers"),
        (("train", "--data", "flat"), 4, "a folder of its own"),
    ],
)
def test_what_cannot_be(tmp_path, args, code, told):
    write_classes(tmp_path / "set", 3)
    (tmp_path / "numbers.csv").write_text("path,target\nset/circle/000.png,1\nset/circle/001.png,2\n")
    (tmp_path / "flat").mkdir()
    shape("circle", np.random.default_rng(0)).save(tmp_path / "flat" / "1.png")
    result = run(*args, cwd=tmp_path)
    assert (result.code, result.stdout) == (code, "")
    assert told in result.error


def test_from_any_start_the_three_commands_work(tmp_path):
    """In processes of their own, as a user calls them."""
    write_splits(tmp_path / "set", 16)
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    for args in (("train", "--data", "set", "--epochs", "12", *FIT),
                 ("evaluate", "--data", "set", "--model", "lenet5.safetensors"),
                 ("predict", "--model", "lenet5.safetensors", "set/test")):  # fmt: skip
        assert lenet5(*args, cwd=tmp_path, **env).code == 0


def test_a_model_of_digits_sees_digits(tmp_path):
    """They are cut out and centred, as `predict` does it; what shows none is left out."""
    for digit in (3, 7):
        (tmp_path / "set" / str(digit)).mkdir(parents=True)
        draw_digit(tmp_path / "set" / str(digit) / "0.png", digit)
    Image.new("L", (90, 90), 255).save(tmp_path / "set" / "7" / "blank.png")
    result = run("evaluate", "--model", model_path(), "--data", "set", "--json", cwd=tmp_path)
    found = json.loads(result.stdout)
    assert (found["n"], found["accuracy"]) == (2, 1)
    assert "blank.png: no digit found" in result.stderr
