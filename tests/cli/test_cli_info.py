"""lenet5 info: the layers, the costs, the training; also of models that lie about themselves."""

import json

import pytest
from commandline import has_escape_codes, model_path, quick
from safetensors.numpy import save

from lenet5 import LeNet5


@pytest.fixture
def written(tmp_path):
    """Writes m.safetensors with a training that says what it is told to."""

    def write(training, **changes):
        model = LeNet5()
        info = {"kind": "model", "format_version": 1, **model.info(), "training": training, **changes}
        data = save(dict(model.state_dict()), {"lenet5": json.dumps(info)})
        (tmp_path / "m.safetensors").write_bytes(data)

    return write


def test_text(tmp_path):
    result = quick("info", model_path(), cwd=tmp_path)
    assert result.code == 0
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert rows["c1"] == ["c1", "Conv2d", "6x28x28", "156", "122,304", "117,600"]
    assert rows["c5"] == ["c5", "Conv2d", "120x1x1", "48,120", "48,120", "48,000"]
    assert rows["f6"] == ["f6", "Linear", "84x1x1", "10,164", "10,164", "10,080"]
    assert rows["total"][1] == "61,706"
    assert "classes: 0 1 2 3 4 5 6 7 8 9" in result.stdout
    assert "246,824 bytes" in result.stdout
    assert "trained by: LeNet5.fit" in result.stdout


def test_a_model_that_was_never_trained(tmp_path):
    LeNet5().save(tmp_path / "m")
    assert "trained: unknown" in quick("info", "m", cwd=tmp_path).stdout


def test_json(tmp_path):
    document = json.loads(quick("info", model_path(), "--json", cwd=tmp_path).stdout)
    assert document["n_parameters"] == sum(row["n_parameters"] for row in document["layers"]) == 61_706
    assert document["layers"][0] == {
        "name": "c1", "kind": "Conv2d", "output_shape": [6, 28, 28], "n_parameters": 156, "connections": 122304,
        "macs": 117600,
    }  # fmt: skip
    assert (document["variant"], document["labels"]) == ("modern", list("0123456789"))
    assert document["threads"] >= 1
    assert document["isa"] in ("baseline", "avx2", "avx512")


def test_how_it_was_trained(tmp_path, written):
    written({"command": "lenet5 train --seed 3", "dataset": "mnist", "data_sha256": "ab" * 32, "config": {"seed": 3},
             "metrics": {"test_accuracy": 0.9912, "validation_accuracy": None}})  # fmt: skip
    text = quick("info", "m.safetensors", cwd=tmp_path).stdout
    for line in ("trained by: lenet5 train --seed 3", "data: mnist", "seed: 3", "test accuracy: 99.12 %"):
        assert line in text
    assert "validation accuracy" not in text


@pytest.mark.parametrize(
    "training",
    [
        {"config": 5}, {"config": [1]}, {"config": "x"}, {"metrics": 5}, {"metrics": [1]}, {"metrics": "x"},
        {"metrics": {"test_accuracy": "99"}}, {"metrics": {"test_accuracy": 10**400}},
        {"metrics": {"test_accuracy": True}}, {"metrics": {"test_accuracy": [1]}},
        {"command": "\x1b[31mred\x1b[0m\r\n\x07\x9b"}, {"command": ["x"]}, {"dataset": "\x1b]0;title\x07"},
        {"data_sha256": {"a": "\x1b"}}, {"config": {"seed": "\x1b[2J\n"}}, {"\x1b": "\x1b"},
    ],
)  # fmt: skip
def test_a_training_that_lies(tmp_path, written, training):
    written(training)
    for flags in ([], ["--json"]):
        result = quick("info", "m.safetensors", *flags, cwd=tmp_path)
        assert (result.code, has_escape_codes(result.stdout)) == (0, False)
        assert "Error" not in result.stderr


def test_a_long_training_is_cut(tmp_path, written):
    written({"command": "x" * 10**6})
    assert len(quick("info", "m.safetensors", cwd=tmp_path).stdout) < 10_000


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[31mred", "ü ä"])
def test_names_do_not_break_the_lines(tmp_path, written, name):
    (tmp_path / name).write_bytes(model_path().read_bytes())
    result = quick("info", name, cwd=tmp_path)
    assert result.code == 0
    assert len(result.stderr.splitlines()) == 1
    assert not has_escape_codes(result.stderr)
    result = quick("info", f"{name}-missing", cwd=tmp_path)
    assert result.code == 3
    assert not has_escape_codes(result.error)
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *((content, "not a safetensors file") for content in (b"", b"x", b"\xff" * 100)),
        (b"\x80\x04\x95pickle", "a pickle, not a model"),
    ],
)
def test_what_is_no_model(tmp_path, content, reason):
    (tmp_path / "m").write_bytes(content)
    result = quick("info", "m", cwd=tmp_path)
    assert (result.code, result.stdout) == (3, "")
    assert f"m: {reason}" in result.error


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/null", ".", "/proc/self/mem"])
def test_what_is_no_file(tmp_path, target):
    result = quick("info", target, cwd=tmp_path)
    assert (result.code, result.stdout) == (3, "")
    assert result.error


def test_the_card_tells_what_is_known(tmp_path, written):
    known = {"dataset": "mnist", "licence": "CC0-1.0", "metrics": {"test_accuracy": 0.99, "test_n": 10_000}}
    written(known)
    text = quick("info", "m.safetensors", cwd=tmp_path).stdout
    assert "licence: CC0-1.0" in text
    assert "limits: measured on 10,000 test images of mnist only: 98.79-99.18 % (95 % CI)" in text
    assert "images: one bright digit, cut out" in text
    found = json.loads(quick("info", "m.safetensors", "--json", cwd=tmp_path).stdout)
    assert (found["licence"], found["limits"]["test_n"]) == ("CC0-1.0", 10_000)


@pytest.mark.parametrize(
    "training",
    [None, {}, {"licence": 7}, {"licence": " ", "dataset": "x", "metrics": {"test_accuracy": 2, "test_n": 5}},
     {"dataset": "x", "metrics": {"test_accuracy": 0.5, "test_n": True}}],
)  # fmt: skip
def test_the_card_says_nothing_that_is_not_known(tmp_path, written, training):
    written(training)
    text = quick("info", "m.safetensors", cwd=tmp_path).stdout
    assert "licence: unknown" in text
    assert "limits: not measured on test images" in text


def test_the_weights_that_ship_have_a_licence(tmp_path):
    assert "licence: MIT" in quick("info", cwd=tmp_path).stdout
