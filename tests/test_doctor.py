"""lenet5 doctor: a report that nothing can stop, and checks that fail where something is wrong."""

import json
import os
import sys

import numpy as np
import pytest
from commandline import has_escape_codes, model_path, quick
from commandline import lenet5 as command

import lenet5
from lenet5 import _kernels, datasets, doctor
from lenet5.models import documents

SECTIONS = ["versions", "platform", "kernels", "threads", "environment", "paths", "data", "model", "checks", "passed"]


def report(folder, code=0, **env):
    result = quick("doctor", "--json", cwd=folder, **env)
    assert (result.code, "Error" in result.stderr) == (code, bool(code)), result.stderr
    assert not list(folder.iterdir()) or "LENET5_DATA_DIR" in env or "lenet5.safetensors" in os.listdir(folder)
    return json.loads(result.stdout, parse_constant=lambda constant: pytest.fail(constant))


def test_the_report(tmp_path):
    document = report(tmp_path, LENET5_ISA="")
    assert list(document) == SECTIONS
    assert document["versions"]["lenet5"] == lenet5.__version__
    assert document["versions"]["numpy"] == np.__version__
    assert document["kernels"] == {"isa": _kernels.ISA, "available": list(_kernels.ISAS), "compiler": _kernels.COMPILER}
    assert document["threads"]["affinity"] >= 1
    assert document["environment"]["LENET5_OFFLINE"] == "1"
    assert document["model"]["file"] == "ships with lenet5"
    assert document["model"]["trained_on"] == "mnist"
    assert document["checks"] == {"kernel": "passed", "digits": "passed"}
    assert document["passed"] is True


def test_the_report_for_people(tmp_path):
    result = quick("doctor", cwd=tmp_path)
    assert (result.code, result.stderr) == (0, "")
    assert [line for line in result.stdout.splitlines() if line and line[0] != " "] == SECTIONS[:-1]
    assert "  digits: passed\n" in result.stdout
    assert "  LENET5_OFFLINE: 1\n" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines() if "/" not in line) <= 80
    assert not has_escape_codes(result.stdout)


def test_the_model_that_would_answer(tmp_path):
    (tmp_path / "lenet5.safetensors").write_bytes(model_path().read_bytes())
    assert report(tmp_path)["model"]["file"] == "lenet5.safetensors"
    assert report(tmp_path, LENET5_MODEL=str(model_path()))["model"]["file"] == str(model_path())
    lenet5.LeNet5(labels=["a", "b"]).save(tmp_path / "lenet5.safetensors")
    assert report(tmp_path)["model"]["file"] == "ships with lenet5"
    (tmp_path / "lenet5.safetensors").write_bytes(b"damaged")
    assert "lenet5.safetensors: not a safetensors file" in report(tmp_path)["model"]["error"]


@pytest.mark.parametrize(
    ("env", "section", "says"),
    [
        ({"LENET5_MODEL": "missing"}, "model", "missing: no such file"),
        ({"LENET5_THREADS": "many"}, "threads", "LENET5_THREADS is 'many'"),
        ({"LENET5_DATA_DIR": "/dev/null"}, "paths", '"data_writable": false'),
        ({"LENET5_DATA_DIR": "/proc/none"}, "data", '"mnist": "missing"'),
        ({"LENET5_MODEL": "a\x1b[31m\udcff"}, "model", "no such file"),
    ],
)
def test_what_is_wrong_is_reported_and_no_error(tmp_path, env, section, says):
    document = report(tmp_path, **env)
    assert says in json.dumps(document[section])
    assert document["passed"] is True
    assert not has_escape_codes(quick("doctor", cwd=tmp_path, **env).stdout)


def test_a_set_that_is_not_whole(tmp_path):
    (tmp_path / "mnist").mkdir()
    name = datasets.MNIST.files[0].name
    (tmp_path / "mnist" / name).write_bytes(b"abc")
    document = report(tmp_path, LENET5_DATA_DIR=str(tmp_path))
    assert document["data"] == {"mnist": f"{name}: 3 bytes instead of 9,912,422", "fashion-mnist": "missing"}
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mnist", name]


def test_a_folder_that_will_be_made(tmp_path):
    document = report(tmp_path, LENET5_DATA_DIR=str(tmp_path / "new" / "data"))
    assert document["paths"]["data_writable"] is True
    assert list(tmp_path.iterdir()) == []


@pytest.mark.mnist
def test_a_set_that_is_whole(mnist_dir, monkeypatch):
    monkeypatch.setenv("LENET5_DATA_DIR", str(mnist_dir))
    assert doctor.examine()["data"]["mnist"] == "complete"


def test_kernels_that_do_not_load(tmp_path):
    result = command("doctor", "--json", cwd=tmp_path, LENET5_ISA="foo")
    document = json.loads(result.stdout)
    assert (result.code, document["passed"]) == (1, False)
    assert "self-check failed" in result.error
    assert "LENET5_ISA is 'foo'" in document["kernels"]["error"]
    assert "LENET5_ISA is 'foo'" in document["checks"]["kernel"]
    assert document["platform"]["processor"]


def test_an_installation_without_numpy(tmp_path):
    code = "import sys; sys.modules['numpy'] = None; from lenet5.cli.main import main; main()"
    result = command("doctor", "--json", cwd=tmp_path, command=[sys.executable, "-c", code])
    document = json.loads(result.stdout)
    assert (result.code, document["passed"]) == (1, False)
    assert "numpy" in document["checks"]["kernel"]
    assert document["versions"]["numpy"]
    assert document["platform"]["processor"]
    assert document["paths"]["data_writable"] in (True, False)


@pytest.mark.parametrize("name", ["platformdirs", "safetensors.numpy", "lenet5.benchmark.machine"])
def test_a_package_that_cannot_be_imported(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delenv("LENET5_DATA_DIR", raising=False)
    assert list(doctor.examine()) == SECTIONS


def test_checks_see_what_is_wrong(monkeypatch):
    right = _kernels.conv2d_forward
    monkeypatch.setattr(_kernels, "conv2d_forward", lambda X, W, b: right(X, W, b) + np.float32(0.001))
    monkeypatch.setattr(documents, "pretrained", lambda: lenet5.LeNet5(seed=0))
    document = doctor.examine()
    assert "a convolution is 0.001" in document["checks"]["kernel"]
    assert "are read as" in document["checks"]["digits"]
    assert document["passed"] is False


def test_the_digits_that_are_checked_leave_room():
    """Other processors round otherwise."""
    from lenet5.datasets.synthetic import strokes

    X, y = strokes.draw(10, seed=doctor.SEED, labels=np.arange(10))
    assert lenet5.pretrained().predict_proba(X)[np.arange(10), y].min() > 0.99
