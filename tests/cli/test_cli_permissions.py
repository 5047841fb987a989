"""What may not be read is a bad picture, model or data set, and no wrong call: the others are answered."""

import click
import pytest
from commandline import WITH_FEW_STROKES, bound_by_permissions, draw_digit, finish, model_path, start

from lenet5.cli.main import cli


@pytest.fixture
def folder(tmp_path):
    """7.png and strokes.safetensors; a picture, a model and a folder that may not be read."""
    draw_digit(tmp_path / "7.png", 7)
    (tmp_path / "strokes.safetensors").write_bytes(model_path().read_bytes())
    for name in ("closed.png", "closed.safetensors"):
        (tmp_path / name).write_bytes(model_path().read_bytes())
        (tmp_path / name).chmod(0)
    (tmp_path / "closed").mkdir(mode=0)
    yield tmp_path
    (tmp_path / "closed").chmod(0o700)


def run(folder, *args):
    return finish(start(*args, cwd=folder, command=WITH_FEW_STROKES, **bound_by_permissions()))


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_picture_among_others(folder, command):
    result = run(folder, command, "--model", "strokes.safetensors", "closed.png", "7.png")
    assert (result.code, result.stdout.split("\t")[:2]) == (3, ["7.png", "7"])
    assert result.error == "Error: closed.png: cannot be opened (Permission denied); check its permissions"


def test_a_folder_of_pictures(folder):
    result = run(folder, "predict", "--model", "strokes.safetensors", "closed", "7.png")
    assert (result.code, result.stdout.split("\t")[:2]) == (3, ["7.png", "7"])
    assert result.error == "Error: closed: folder cannot be read (Permission denied); check its permissions"


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["predict", "7.png", "--model", "closed.safetensors"], 3),
        (["read", "7.png", "--model", "closed.safetensors"], 3),
        (["info", "closed.safetensors"], 3),
        (["evaluate", "--model", "closed.safetensors"], 3),
        (["evaluate", "--dataset", "strokes", "--cascade", "closed.safetensors"], 3),
        (["train", "--dataset", "strokes", "--teacher", "closed.safetensors"], 3),
        (["evaluate", "--dataset", "mnist", "--data-dir", "closed"], 4),
        (["train", "--dataset", "mnist", "--data-dir", "closed"], 4),
        (["train", "--resume", "closed"], 4),
        (["download", "--data-dir", "closed"], 4),
        (["benchmark", "--from", "closed.safetensors"], 4),
        (["benchmark", "--compare", "closed.safetensors", "closed.safetensors"], 4),
    ],
)
def test_a_model_or_data(folder, args, code):
    result = run(folder, *args)
    assert (result.code, result.stdout) == (code, "")
    assert "closed" in result.error
    assert "Permission denied" in result.error


def paths(command):
    """The types of all paths among a command's parameters."""
    for param in command.params:
        yield from (kind for kind in getattr(param.type, "types", [param.type]) if isinstance(kind, click.Path))


@pytest.mark.parametrize("name", cli.list_commands(None))
def test_no_path_is_read_before_the_work(name):
    """That is click's default, and a wrong call to it."""
    assert not any(kind.readable for kind in paths(cli.get_command(None, name)))
