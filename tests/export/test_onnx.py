"""The ONNX file: valid by the checker's full check, and answered alike by whatever runtime is here."""

import json

import numpy as np
import pytest
from networks import ALL, assert_close, images, network

from lenet5 import datasets, export, pretrained
from lenet5.errors import LeNet5Error
from lenet5.export import onnx_run
from lenet5.export.check import network_input

onnx = pytest.importorskip("onnx")


def written(model, tmp_path, **settings):
    [path] = export.write(model, tmp_path / "m.onnx", "onnx", **settings)
    return path


def document(path):
    return onnx.load_model_from_string(path.read_bytes())


def inputs(X):
    return network_input(X[:, None], 2)


@pytest.mark.parametrize("name", ALL)
def test_every_network_answers_as_the_model_does(name, tmp_path):
    path = written(network(name), tmp_path)
    onnx.checker.check_model(document(path), full_check=True)
    found, _ = onnx_run.run(path, inputs(images()[0][:20]))
    assert_close(found, network(name), images()[0][:20])


@pytest.mark.parametrize("name", ALL)
def test_the_reference_of_onnx_agrees(name, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_run, "is_installed", lambda module: False)
    monkeypatch.setattr(onnx_run, "require_onnx", lambda: None)
    found, run_by = onnx_run.run(written(network(name), tmp_path), inputs(images()[0][:4]))
    assert run_by.startswith("onnx.reference ")
    assert_close(found, network(name), images()[0][:4])


@pytest.mark.mnist
@pytest.mark.slow
def test_all_test_images_in_onnx_runtime(tmp_path, mnist_dir):
    pytest.importorskip("onnxruntime")
    _, (X, _) = datasets.load("mnist", mnist_dir)
    found, _ = onnx_run.run(written(pretrained(), tmp_path), inputs(X))
    assert_close(found, pretrained(), X)


@pytest.mark.mnist
@pytest.mark.slow
def test_all_test_images_in_openvino(tmp_path, mnist_dir):
    openvino = pytest.importorskip("openvino")
    _, (X, _) = datasets.load("mnist", mnist_dir)
    core = openvino.Core()
    model = core.read_model(written(pretrained(), tmp_path))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.concatenate([compiled({"input": part})[0] for part in np.split(inputs(X), 10)])
    assert_close(found, pretrained(), X)


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21])
def test_each_opset(opset, tmp_path):
    path = written(network("committee"), tmp_path, opset=opset)
    assert [item.version for item in document(path).opset_import] == [opset]
    assert document(path).ir_version <= 10
    assert_close(onnx_run.run(path, inputs(images()[0][:9]))[0], network("committee"), images()[0][:9])


@pytest.mark.parametrize("opset", [16, 22, "17"])
def test_other_opsets_are_refused(opset, tmp_path):
    with pytest.raises(ValueError, match=f"opset is {opset!r}, expected 17 to 21"):
        written(network("lenet1"), tmp_path, opset=opset)


def test_names_shapes_and_metadata(tmp_path):
    model = network("modern")
    found = document(written(model, tmp_path))
    [given], [gives] = found.graph.input, found.graph.output
    shape = [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim]
    assert (given.name, gives.name, shape) == ("input", "logits", ["N", 1, 32, 32])
    facts = {item.key: item.value for item in found.metadata_props}
    assert json.loads(facts["classes"]) == list(model.labels)
    assert float(facts["temperature"]) == model.temperature != 1
    assert json.loads(facts["preparation"])["kind"] == "digit"
    assert "finding the digit in a photo" in facts["not_included"]
    weights = {item.name: onnx.numpy_helper.to_array(item) for item in found.graph.initializer}
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(weights[name].reshape(tensor.shape), tensor)
    assert not any(item.data_location for item in found.graph.initializer)  # nothing lies in another file


def test_without_onnx_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LeNet5Error, match=r"onnx is not installed: pip install 'lenet5-cpu\[onnx\]'"):
        written(network("lenet1"), tmp_path)
    assert not (tmp_path / "m.onnx").exists()


def test_a_folder_or_another_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is a folder; onnx is one file"):
        export.write(network("lenet1"), tmp_path, "onnx")
    (tmp_path / "m.onnx").write_bytes(b"\x08\x08\x12\x07pytorch")
    with pytest.raises(ValueError, match="exists and was not written by lenet5 export"):
        written(network("lenet1"), tmp_path)
    (tmp_path / "m.onnx").unlink()
    assert written(network("lenet1"), tmp_path) == written(network("lenet1"), tmp_path)


def test_a_check(tmp_path):
    report = export.check(network("1998"), written(network("1998"), tmp_path), "onnx", images()[0][:50])
    assert (report.differing, report.ram_bytes) == (0, None)
    assert report.relative_difference < 1e-5
