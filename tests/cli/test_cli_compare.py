"""lenet5 compare: two models on the same images, of a set or of one's own."""

import json

import pytest
from commandline import model_path, quick

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes


@pytest.fixture(scope="module")
def weaker(tmp_path_factory):
    path = tmp_path_factory.mktemp("weaker") / "lenet1.safetensors"
    LeNet5("lenet1").fit(*strokes.draw(1500, seed=3), epochs=2).save(path)
    return path


def test_the_better_model_is_told(tmp_path, weaker):
    result = quick("compare", weaker, model_path(), "--dataset", "strokes", "--json", few=True, cwd=tmp_path)
    found = json.loads(result.stdout)
    assert result.code == 0
    assert (found["dataset"], found["n"], found["better"]) == ("strokes", 1000, "b")
    assert found["accuracy_a"] == (found["both"] + found["only_a"]) / 1000 < found["accuracy_b"]
    assert found["p_value"] < 0.05
    text = quick("compare", weaker, model_path(), "--dataset", "strokes", few=True, cwd=tmp_path).stdout
    assert "b is better: p = " in text
    assert text.splitlines()[0].split() == ["model", "accuracy", "right", "alone"]


def test_a_model_beside_itself(tmp_path):
    result = quick("compare", model_path(), model_path(), "--dataset", "strokes", few=True, cwd=tmp_path)
    assert "no difference can be told on these images: p = 1 " in result.stdout


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["a.safetensors"], 2, "Missing argument 'B'"),
        (["none.safetensors", "pretrained"], 3, "none.safetensors"),
        (["pretrained", "other.safetensors", "--dataset", "strokes"], 2, "other classes"),
        (["pretrained", "pretrained", "--data", "x", "--dataset", "mnist"], 2, "give one of them"),
    ],
)
def test_faults(tmp_path, args, code, said):
    LeNet5(labels=["a", "b"]).save(tmp_path / "other.safetensors")
    result = quick("compare", *args, few=True, cwd=tmp_path)
    assert result.code == code
    assert said in result.error
