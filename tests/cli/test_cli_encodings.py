"""Standard output that cannot hold every character: all is written, with escapes, and JSON stays JSON."""

import json
import os

import pytest
from commandline import draw_digit, lenet5, model_path, quick

from lenet5 import LeNet5
from lenet5.cli.main import cli

ENCODINGS = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "utf-8": {"PYTHONIOENCODING": "utf-8"},
    "the C locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
ENCODED = ["ascii", *(pytest.param(name, marks=pytest.mark.slow) for name in ENCODINGS if name != "ascii")]
NAMES = ["7.png", "größe.png", "四.png", "missing 四.png", "7.png"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        if not name.startswith("missing"):
            draw_digit(tmp_path / name, 7)
    return tmp_path


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("command", ["predict", "read"])
def test_no_answer_is_lost(folder, command, encoding):
    env = ENCODINGS[encoding]
    result = lenet5(command, "-q", "--model", model_path(), *NAMES, cwd=folder, **env)
    assert result.code == 3
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == ["7"] * 4
    assert "missing" in result.error
    if encoding == "ascii":
        assert [line.split("\t")[0] for line in result.stdout.splitlines()] == [
            "7.png", r"gr\xf6\xdfe.png", r"\u56db.png", "7.png",
        ]  # fmt: skip
    documents = json.loads(lenet5(command, "-q", "--json", "--model", model_path(), *NAMES, cwd=folder, **env).stdout)
    assert [os.fsencode(document["file"]) for document in documents] == [name.encode() for name in NAMES]
    assert [name for name, document in zip(NAMES, documents, strict=True) if "error" in document] == [NAMES[3]]


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_list(folder, encoding):
    """Its names are bytes for the system, as those of arguments are, whatever the locale."""
    (folder / "list").write_text("\n".join(NAMES), encoding="utf-8-sig")
    result = lenet5("predict", "-q", "--model", model_path(), "@list", cwd=folder, **ENCODINGS[encoding])
    assert (result.code, len(result.stdout.splitlines())) == (3, 4)
    assert "missing" in result.error


@pytest.mark.parametrize("encoding", ENCODED)
def test_names_of_classes(folder, encoding):
    model = LeNet5(labels=["Größe", "四"])
    model.parameters[:] = LeNet5(labels=["a", "b"], seed=1).parameters
    model.save(folder / "named")
    for args in (["info", "named"], ["predict", "7.png", "--model", "named"]):
        result = lenet5(*args, cwd=folder, **ENCODINGS[encoding])
        assert (result.code, bool(result.stdout), "Error" in result.stderr) == (0, True, False)


@pytest.mark.parametrize("name", cli.list_commands(None))
def test_help_is_ascii(tmp_path, name):
    assert quick(name, "--help", cwd=tmp_path).stdout.isascii()


def test_a_model_says_how_it_was_trained_though_the_names_were_no_text(tmp_path):
    strange = os.fsdecode(b"m\xe9.safetensors")
    args = ("train", "--dataset", "strokes", "--epochs", "1", "--validation", "0", "--out", strange)
    result = quick(*args, cwd=tmp_path, few=True)
    assert (result.code, "Error" in result.stderr) == (0, False)
    assert quick("train", "-q", "--resume", "runs/train-001", cwd=tmp_path, few=True).stdout == result.stdout
    assert r"m\udce9.safetensors" in quick("info", strange, cwd=tmp_path).stdout
