"""Models out of ONNX files: ours come back with their bits, PyTorch's LeNet is known, and anything else is one line."""

import contextlib
import json

import numpy as np
import pytest
from commandline import quick
from networks import FORMS, images, network

from lenet5 import LeNet5, export, load
from lenet5.errors import ModelFileError

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnx.reference import ReferenceEvaluator  # noqa: E402


@pytest.mark.parametrize("name", FORMS)
def test_our_own_files_come_back_with_their_bits(name, tmp_path):
    model = network(name)
    export.write(model, tmp_path / "m.onnx", "onnx")
    back = export.read(tmp_path / "m.onnx")
    assert (back.labels, back.temperature, back.is_frozen) == (model.labels, model.temperature, True)
    np.testing.assert_array_equal(back.logits(images()[0]), model.logits(images()[0]))
    for key, tensor in model.state_dict().items():
        np.testing.assert_allclose(back.state_dict()[key], tensor, rtol=2e-7)


# ---- files of other programs ---------------------------------------------------------------------------------------

SHAPES = {"conv1": (6, 1, 5, 5), "conv2": (16, 6, 5, 5), "fc1": (120, 400), "fc2": (84, 120), "fc3": (10, 84)}


def pytorch(activation="Relu", pool="MaxPool", padding=2, shapes=SHAPES, side=28, last=()):
    """What torch.onnx.export writes for the LeNet of tutorials, with random weights."""
    rng = np.random.default_rng(0)
    tensors, nodes, x = [], [], "x"
    for k, (name, shape) in enumerate(shapes.items()):
        values = {"weight": rng.normal(0, 0.1, shape), "bias": rng.normal(0, 0.1, shape[:1])}
        tensors += [numpy_helper.from_array(v.astype(np.float32), f"{name}.{key}") for key, v in values.items()]
        inputs = [x, f"{name}.weight", f"{name}.bias"]
        if name.startswith("conv"):
            pads = [padding if k == 0 else 0] * 4
            nodes.append(helper.make_node("Conv", inputs, [f"{name}.out"], name, kernel_shape=shape[2:], pads=pads))
        else:
            nodes.append(helper.make_node("Gemm", inputs, [f"{name}.out"], name, transB=1))
        x = f"{name}.out"
        for operator in [activation, *([pool] if name.startswith("conv") else [])] * (name != "fc3"):
            pooling = {"kernel_shape": [2, 2], "strides": [2, 2]} if operator == pool else {}
            nodes.append(helper.make_node(operator, [x], [f"{x}.{operator}"], **pooling))
            x = nodes[-1].output[0]
        if name == "conv2":
            nodes.append(helper.make_node("Flatten", [x], ["flat"]))
            x = "flat"
    for operator in last:
        nodes.append(helper.make_node(operator, [x], [f"{x}.{operator}"]))
        x = nodes[-1].output[0]
    given, gives = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["b", 1, side, side]), (x, ["b", 10]))
    )
    return helper.make_model(helper.make_graph(nodes, "main_graph", [given], [gives], tensors), producer_name="pytorch")


def saved(document, tmp_path):
    path = tmp_path / "theirs.onnx"
    path.write_bytes(document if isinstance(document, bytes) else document.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("settings", "activation", "pool"),
    [
        ({}, "relu", "max"),
        ({"padding": 0, "side": 32}, "relu", "max"),
        ({"activation": "Tanh", "pool": "AveragePool", "last": ["Softmax"]}, "tanh", "avg"),
        ({"activation": "Sigmoid"}, "sigmoid", "max"),
    ],
)
def test_the_lenet_of_pytorch(settings, activation, pool, tmp_path):
    document = pytorch(**settings)
    model = export.read(saved(document, tmp_path))
    assert (model.variant, model.activation, model.pool) == ("modern", activation, pool)
    side = settings.get("side", 28)
    X = np.random.default_rng(1).random((5, 1, side, side)).astype(np.float32)
    expected = ReferenceEvaluator(document).run(None, {"x": X})[0]
    found = model.predict_proba(X) if settings.get("last") else model.logits(X)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_metadata_is_taken_if_it_fits(tmp_path):
    document = pytorch()
    helper.set_model_props(document, {"classes": json.dumps(list("abcdefghij")), "temperature": "2.5"})
    model = export.read(saved(document, tmp_path))
    assert (list(model.labels), model.temperature) == (list("abcdefghij"), 2.5)
    helper.set_model_props(document, {"classes": "[1, 2", "temperature": "nan"})
    model = export.read(saved(document, tmp_path))
    assert (list(model.labels), model.temperature) == (list("0123456789"), 1)


# ---- what is refused -----------------------------------------------------------------------------------------------


def wrong_shapes(**changes):
    return pytorch(shapes=SHAPES | changes)


def external():
    document = pytorch()
    tensor = document.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return document


def infinite():
    document = pytorch()
    tensor = document.graph.initializer[1]
    tensor.CopyFrom(numpy_helper.from_array(np.full(6, np.inf, np.float32), tensor.name))
    return document


def untrue_shape():
    document = pytorch()
    document.graph.initializer[0].dims[0] = 2**40
    return document


def circle():
    document = pytorch()
    document.graph.node[1].output[0] = "x"
    return document


def many_nodes():
    document = pytorch()
    document.graph.node.extend([document.graph.node[1]] * 1000)
    return document


REFUSED = {
    "other kernels": (lambda: wrong_shapes(conv1=(20, 1, 5, 5)), "layer 1 is conv of 20x1x5x5, expected c1: Conv2d"),
    "other features": (lambda: wrong_shapes(fc1=(120, 256)), "layer 7 is dense of 120x256, expected c5: Conv2d"),
    "no padding": (lambda: pytorch(padding=0), "the first layer sees 28 x 28 pixels, expected 32 x 32"),
    "another file": (external, "'conv1.weight' lies in another file"),
    "infinite": (infinite, "not finite"),
    "untrue shape": (untrue_shape, "cannot be imported"),
    "circle": (circle, "cannot be imported"),
    "many nodes": (many_nodes, "nodes, a LeNet has at most 500"),
    "activation": (lambda: pytorch(activation="Elu"), "Elu is not a layer of a LeNet"),
    "a layer more": (lambda: pytorch(last=["Relu"]), "layer 12 is relu, expected"),
    "empty": (lambda: b"", "not an ONNX file"),
    "text": (lambda: b"hello, this is no protobuf \xff\xff", "cannot be imported"),
    "truncated": (lambda: pytorch().SerializeToString()[:1000], "cannot be imported"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name, tmp_path):
    make, words = REFUSED[name]
    with pytest.raises(ModelFileError) as caught:
        export.read(saved(make(), tmp_path))
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_committee_is_refused(tmp_path):
    export.write(network("committee"), tmp_path / "m.onnx", "onnx")
    with pytest.raises(ModelFileError, match="3 nodes use 'input', expected layers in a row"):
        export.read(tmp_path / "m.onnx")


def test_damaged_files_end_in_one_line(tmp_path):
    data = bytearray(pytorch(shapes=SHAPES).SerializeToString())
    rng = np.random.default_rng(2)
    structure = [k for k in range(len(data)) if k < 300 or k > len(data) - 1500]
    for _ in range(150):
        damaged = data.copy()
        for k in rng.choice(structure, 3):
            damaged[k] = rng.integers(256)
        with contextlib.suppress(ModelFileError):  # and nothing else
            export.read(saved(bytes(damaged), tmp_path))


# ---- the command ---------------------------------------------------------------------------------------------------


def test_the_command_writes_a_model(tmp_path):
    saved(pytorch(), tmp_path)
    result = quick("import", "theirs.onnx", "--out", "m.safetensors", cwd=tmp_path)
    assert result.code == 0, result.stderr
    assert result.stdout == "m.safetensors\tmodern\t61706 parameters\t10 classes\n"
    assert load(tmp_path / "m.safetensors").training == {"command": "lenet5 import"}
    document = json.loads(quick("import", "theirs.onnx", "--out", "m", "--json", cwd=tmp_path).stdout)
    assert (document["model"], document["variant"]) == ("m", "modern")


def test_the_command_refuses_in_one_line(tmp_path):
    LeNet5("lenet1").save(tmp_path / "m")
    for name, words in (("m", "cannot be imported"), ("nothing.onnx", "no such file")):
        result = quick("import", name, "--out", "out", cwd=tmp_path)
        assert result.code == 3
        assert words in result.error
    assert not (tmp_path / "out").exists()
