"""The ONNX file in 8 bits: valid by the checker's full check, and answered as the model does by every runtime here."""

import numpy as np
import pytest
from networks import IN_8_BITS, images, in_8_bits, network

from lenet5 import Committee, LeNet5, datasets, export, pretrained
from lenet5.errors import ModelFileError
from lenet5.evaluation.calibration import Calibration
from lenet5.export import onnx_run
from lenet5.export.check import network_input

onnx = pytest.importorskip("onnx")
#: Answers of 10,000 that may differ: where a runtime rounds a half the other way, which moves a byte by one.
MOST_DIFFERENT = 2


def written(model, tmp_path, **settings):
    [path] = export.write(model, tmp_path / "m.onnx", "onnx-int8", **settings)
    return path


def document(path):
    return onnx.load_model_from_string(path.read_bytes())


def inputs(X):
    return network_input(X[:, None], 2)


def assert_alike(found, model, X):
    """The same answers; and most images have the same bytes everywhere, so that only float32 rounds their logits."""
    expected = model.logits(inputs(X))
    assert (found.argmax(axis=1) != expected.argmax(axis=1)).sum() <= MOST_DIFFERENT * len(X) // 10_000
    same = np.abs(found - expected).max(axis=1) <= 1e-5 * np.abs(expected).max(axis=1)
    assert same.mean() > 0.95


@pytest.mark.parametrize("name", IN_8_BITS)
def test_it_answers_as_the_model_does(name, tmp_path):
    path = written(in_8_bits(name), tmp_path)
    onnx.checker.check_model(document(path), full_check=True)
    X = images()[0][:30]
    assert_alike(onnx_run.run(path, inputs(X))[0], in_8_bits(name), X)


def test_a_committee_is_one_graph(tmp_path):
    """Its networks see 28 x 28 and 32 x 32 pixels; each has its own temperature, and the committee another."""
    members = [network(name).quantize(images()[0][:100]) for name in IN_8_BITS]
    committee = Committee(members)
    for model, temperature in zip((*members, committee), (0.5, 2.0, 1.5), strict=True):
        model.calibration = Calibration(temperature)
    path = written(committee, tmp_path)
    assert {item.key: item.value for item in document(path).metadata_props}["temperature"] == "1.5"
    X = images()[0][:60]
    found = onnx_run.run(path, inputs(X))[0]
    assert_alike(found, committee, X)
    with pytest.raises(ValueError, match="is in float32: quantize it first"):
        written(Committee([network("modern"), members[0]]), tmp_path)
    with pytest.raises(ValueError, match="a committee has no scores in whole numbers; take onnx-int8"):
        export.write(committee, tmp_path / "c", "c-int8")


@pytest.mark.parametrize("opset", [17, 21])
def test_the_reference_of_onnx_agrees(opset, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_run, "is_installed", lambda module: False)
    monkeypatch.setattr(onnx_run, "require_onnx", lambda: None)
    X = images()[0][:4]
    found, run_by = onnx_run.run(written(in_8_bits("modern"), tmp_path, opset=opset), inputs(X))
    assert run_by.startswith("onnx.reference ")
    assert_alike(found, in_8_bits("modern"), X)


@pytest.fixture(scope="module")
def shipped(mnist_dir):
    """(the model that ships, in 8 bits; all test images)"""
    (X_train, _), (X, _) = datasets.load("mnist", mnist_dir)
    return pretrained().quantize(X_train[:1000]), X


@pytest.mark.mnist
@pytest.mark.slow
def test_all_test_images_in_onnx_runtime(tmp_path, shipped):
    pytest.importorskip("onnxruntime")
    model, X = shipped
    assert_alike(onnx_run.run(written(model, tmp_path), inputs(X))[0], model, X)


@pytest.mark.mnist
@pytest.mark.slow
def test_all_test_images_in_openvino(tmp_path, shipped):
    openvino = pytest.importorskip("openvino")
    model, X = shipped
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(written(model, tmp_path)), "CPU")
    found = np.concatenate([compiled({"input": part})[0] for part in np.split(inputs(X), 10)])
    assert_alike(found, model, X)


def test_onnx_runtime_computes_in_whole_numbers(tmp_path):
    """It keeps no layer in float32."""
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    path = str(written(in_8_bits("modern"), tmp_path))
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node}
    assert {"QLinearConv", "QGemm"} <= kinds
    assert not {"Conv", "Gemm", "FusedConv", "Relu"} & kinds


def test_weights_scales_names_and_metadata(tmp_path):
    model = in_8_bits("modern")
    found = document(written(model, tmp_path))
    [given], [gives] = found.graph.input, found.graph.output
    shape = [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim]
    assert (given.name, gives.name, shape) == ("input", "logits", ["N", 1, 32, 32])
    assert {item.key: item.value for item in found.metadata_props}["temperature"] == repr(model.temperature)
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in found.graph.initializer}
    for name, tensor in model.tensors().items():
        if not name.endswith("multiplier"):
            np.testing.assert_array_equal(constants[name].reshape(tensor.shape), tensor)
    ratios = constants["c3.weight.scale"] * constants["s2.scale"] / constants["c3.scale"]
    np.testing.assert_allclose(ratios * 2**23, model.network.layers["c3"].multiplier, rtol=1e-6)


@pytest.mark.parametrize("form", [{"in_channels": 3, "size": 48, "labels": ["a", "b", "c"]}, {"c3": "table"}])
def test_own_sizes_colours_and_classes(form, tmp_path):
    model, X = LeNet5(seed=1, **form), np.random.default_rng(0).random((20, 3, 60, 60), np.float32)
    small = model.quantize(X[:, : model.in_channels, : model.size, : model.size])
    report = export.check(small, written(small, tmp_path), "onnx-int8", images()[0][:30])
    assert report.differing == 0


def test_a_float_model_is_refused_and_the_file_is_not_imported(tmp_path):
    with pytest.raises(ValueError, match="is in float32: quantize it first"):
        written(network("modern"), tmp_path)
    with pytest.raises(ModelFileError, match=r"QuantizeLinear 'pixels\.byte' is not a layer of a LeNet"):
        export.read(written(in_8_bits("modern"), tmp_path))
