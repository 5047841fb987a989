"""lenet5 download: the folder on standard output, all else on standard error."""

import dataclasses
import hashlib
import json
import logging

import pytest
from click.testing import CliRunner
from faultserver import serving

from lenet5 import datasets
from lenet5.cli.download import download
from lenet5.datasets.download import RemoteFile
from lenet5.errors import ChecksumError, DataError

NAMES = [file.name for file in datasets.MNIST.files]


@pytest.fixture
def server(monkeypatch):
    """Four small files in the place of MNIST's; the test sets the mirrors."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("LENET5_OFFLINE", raising=False)
    with serving({name: name.encode() * 100 for name in NAMES}) as server:
        use(monkeypatch, server, "ok")
        yield server


def use(monkeypatch, server, *faults: str) -> None:
    files = tuple(RemoteFile(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in server.files.items())
    mirrors = tuple(server.mirror(fault) for fault in faults)
    small = dataclasses.replace(datasets.MNIST, files=files, mirrors=mirrors)
    monkeypatch.setitem(datasets.TABLE, "mnist", small)


def run(*args):
    return CliRunner().invoke(download, [str(arg) for arg in args])


def test_prints_the_folder_and_a_line_a_file(server, tmp_path):
    result = run("--data-dir", tmp_path)
    assert result.exit_code == 0
    assert result.stdout == f"{tmp_path / 'mnist'}\n"
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(tmp_path / "mnist" / name) for name in NAMES]
    assert "\x1b" not in result.stderr
    again = run("mnist", "--data-dir", tmp_path, "--offline")
    assert (again.exit_code, again.stdout, again.stderr) == (0, result.stdout, "")


def test_json_is_one_document(server, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / NAMES[0]).write_bytes(server.files[NAMES[0]])
    found = json.loads(run("--data-dir", tmp_path, "--json").stdout)
    assert found["dataset"] == "mnist"
    assert found["folder"] == str(tmp_path / "mnist")
    assert [row["file"] for row in found["files"]] == NAMES
    assert [row["bytes"] for row in found["files"]] == [len(body) for body in server.files.values()]
    assert [row["source"] for row in found["files"]] == [None] + [server.mirror("ok") + n for n in NAMES[1:]]


def test_mirrors_that_fail_are_named_unless_quiet(server, tmp_path, monkeypatch):
    use(monkeypatch, server, "403", "ok")
    result = run("--data-dir", tmp_path / "a")
    assert result.exit_code == 0
    assert f"{server.mirror('403')}{NAMES[0]}: HTTP 403\n" in result.stderr
    result = run("--data-dir", tmp_path / "b", "-q")
    assert (result.stdout, result.stderr) == (f"{tmp_path / 'b' / 'mnist'}\n", "")


def test_failures_reach_the_error_boundary(server, tmp_path, monkeypatch):
    for fault, kind in (("404", DataError), ("flip", ChecksumError)):
        use(monkeypatch, server, fault)
        result = run("--data-dir", tmp_path)
        assert type(result.exception) is kind
        assert result.stdout == ""


def test_environment_sets_folder_and_offline(server, tmp_path, monkeypatch):
    monkeypatch.setenv("LENET5_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LENET5_OFFLINE", "1")
    assert "missing; offline" in str(run().exception)
    assert run("--online").stdout == f"{tmp_path / 'mnist'}\n"


def test_unknown_set_is_a_usage_error():
    result = run("cifar")
    assert result.exit_code == 2
    assert "mnist" in result.stderr


def test_help_has_examples():
    assert "lenet5 download fashion-mnist" in run("--help").stdout


def test_logging_is_left_as_it_was(server, tmp_path):
    log = logging.getLogger("lenet5")
    before = log.level, log.propagate, list(log.handlers)
    run("--data-dir", tmp_path)
    assert (log.level, log.propagate, list(log.handlers)) == before
