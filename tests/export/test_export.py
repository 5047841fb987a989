"""The library call: where it writes, what it refuses, and what a check reports."""

import numpy as np
import pytest
from networks import images, network

from lenet5 import LeNet5, export
from lenet5.errors import LeNet5Error
from lenet5.export import c_run
from lenet5.export.check import fitted


def test_files_are_named_and_replaced(tmp_path):
    for _ in range(2):
        files = export.write(LeNet5("lenet1"), tmp_path / "firmware", "c")
        assert [file.name for file in files] == ["lenet5.c", "lenet5.h"]
    assert sorted(path.name for path in (tmp_path / "firmware").iterdir()) == ["lenet5.c", "lenet5.h"]


def test_other_files_are_not_replaced(tmp_path):
    (tmp_path / "lenet5.h").write_text("mine\n")
    with pytest.raises(ValueError, match=r"lenet5\.h: exists and was not written by lenet5 export"):
        export.write(LeNet5("lenet1"), tmp_path, "c")
    assert (tmp_path / "lenet5.h").read_text() == "mine\n"
    assert not (tmp_path / "lenet5.c").exists()


def test_files_and_folders_are_told_by_their_format(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ValueError, match="is a file; c is several files"):
        export.write(LeNet5("lenet1"), tmp_path / "file", "c")
    with pytest.raises(ValueError, match="to is 'tflite', expected one of"):
        export.write(LeNet5("lenet1"), tmp_path / "x", "tflite")
    with pytest.raises(FileNotFoundError):
        export.write(LeNet5("lenet1"), tmp_path / "no" / "such", "c")


def test_a_check_reports_differences_and_costs(tmp_path):
    export.write(network("lenet1"), tmp_path / "c", "c")
    report = export.check(network("lenet1"), tmp_path / "c", "c", images()[0])
    assert (report.n, report.differing, report.macs) == (300, 0, network("lenet1").macs)
    assert 0 < report.relative_difference < 1e-5
    assert report.constant_bytes > 4 * 2_578
    assert any("answers that differ: 0" in line for line in report.lines())
    assert report.as_dict()["to"] == "c"


@pytest.mark.parametrize(
    "form",
    [
        {"in_channels": 3, "size": 48, "labels": ["a", "b"]},
        {"size": 28},
        {"variant": "1998", "size": 40, "head": "softmax"},
    ],
    ids=["colour", "28", "1998"],
)
@pytest.mark.parametrize("to", ["c", "npz", "onnx"])
def test_own_sizes_colours_and_classes(form, to, tmp_path):
    if to == "onnx":
        pytest.importorskip("onnx")
    model, rng = LeNet5(seed=1, **form), np.random.default_rng(0)
    for name, tensor in model.state_dict().items():
        if name.endswith("bias"):
            tensor[...] = rng.normal(0, 0.1, tensor.shape)
    export.write(model, tmp_path / "out", to)
    report = export.check(model, tmp_path / "out", to, images()[0][:30])
    assert report.differing == 0
    assert report.relative_difference < 1e-5
    if to == "onnx":
        back = export.read(tmp_path / "out")
        assert (back.in_channels, back.network.size, back.labels) == (
            model.in_channels, model.network.size, model.labels
        )  # fmt: skip


def test_a_model_in_8_bits_is_refused_by_float_formats(tmp_path):
    with pytest.raises(ValueError, match="a model in 8 bits cannot be exported; export the float model"):
        export.write(network("modern").quantize(images()[0]), tmp_path / "c", "c")


def test_a_check_finds_another_model(tmp_path):
    export.write(network("lenet1"), tmp_path / "c", "c")
    report = export.check(network("1998"), tmp_path / "c", "c", images()[0])
    assert report.differing > 0


def test_a_check_without_a_compiler_says_what_to_do(tmp_path, monkeypatch):
    export.write(LeNet5("lenet1"), tmp_path / "c", "c")
    monkeypatch.setenv("CC", "no-such-compiler -x")
    with pytest.raises(LeNet5Error, match="no-such-compiler: cannot be run"):
        export.check(LeNet5("lenet1"), tmp_path / "c", "c", images()[0])
    monkeypatch.delenv("CC")
    monkeypatch.setattr(c_run.shutil, "which", lambda name: None)
    with pytest.raises(LeNet5Error, match="no C compiler to check with: install gcc or clang, or set CC"):
        export.check(LeNet5("lenet1"), tmp_path / "c", "c", images()[0])


def test_a_file_that_does_not_compile_is_an_error(tmp_path):
    [source, _] = export.write(LeNet5("lenet1"), tmp_path / "c", "c")
    source.write_text("#error broken\n")
    with pytest.raises(LeNet5Error, match=r"ended with code 1: .*broken"):
        export.check(LeNet5("lenet1"), tmp_path / "c", "c", images()[0])


def test_images_are_brought_to_the_size_of_the_network():
    X = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    assert fitted(X, 1, 28)[:, 0].tolist() == X.tolist()
    assert fitted(X, 3, 60).shape == (2, 3, 60, 60)
