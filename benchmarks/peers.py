"""The same network in other people's programs: each peer that is installed, as functions that can be timed.

Every prediction peer gets our weights, and its scores are compared with ours before it is timed.
"""

import importlib
import os
import warnings
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from lenet5 import LeNet5

INPUT = (1, 32, 32)


def installed(name: str):
    """The module, or None where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def prediction_peers(model: LeNet5, X: np.ndarray, threads: int) -> dict[str, Callable[[], np.ndarray]]:
    """name -> a function that gives the probabilities (N, 10) of X, float32 (N, 1, 32, 32)."""
    found: dict[str, Callable[[], np.ndarray]] = {}
    for name, maker in (
        ("torch", _torch_predict),
        ("onnxruntime", _onnxruntime_predict),
        ("openvino", _openvino_predict),
    ):
        module = installed(name)
        if module and (name == "torch" or installed("onnx")):
            label, function = maker(module, model, X, threads)
            difference = np.abs(function() - model.predict_proba(X)).max()
            assert difference < 1e-4, f"{label} is not the same network: probabilities differ by {difference}"
            found[label] = function
    return found


def training_peers(X: np.ndarray, y: np.ndarray, batch_size: int, threads: int) -> dict[str, Callable[[], None]]:
    """name -> a function that makes one pass over the pictures X, uint8 (N, 28, 28)."""
    found: dict[str, Callable[[], None]] = {}
    if torch := installed("torch"):
        label = f"PyTorch {torch.__version__.split('+')[0]}"
        found[f"{label} eager"] = _torch_pass(torch, torch_lenet5(), X, y, batch_size, threads)
        found[f"{label} compiled"] = _torch_pass(torch, torch.compile(torch_lenet5()), X, y, batch_size, threads)
    if sklearn := installed("sklearn"):
        found[f"scikit-learn {sklearn.__version__} MLP 1024-58-10, for scale"] = _sklearn_pass(X, y, batch_size)
    return found


def torch_lenet5(tensors: dict[str, np.ndarray] | None = None):
    """The modern LeNet-5 in PyTorch, 61,706 parameters, with our weights if given: the names and layouts are equal."""
    import torch
    from torch import nn

    model = nn.Sequential(
        OrderedDict(
            c1=nn.Conv2d(1, 6, 5), c1_activation=nn.ReLU(), s2=nn.MaxPool2d(2),
            c3=nn.Conv2d(6, 16, 5), c3_activation=nn.ReLU(), s4=nn.MaxPool2d(2),
            c5=nn.Conv2d(16, 120, 5), c5_activation=nn.ReLU(), flatten=nn.Flatten(),
            f6=nn.Linear(120, 84), f6_activation=nn.ReLU(), output=nn.Linear(84, 10),
        )
    )  # fmt: skip
    if tensors:
        model.load_state_dict({name: torch.from_numpy(tensor.copy()) for name, tensor in tensors.items()})
    return model


def onnx_lenet5(model: LeNet5) -> bytes:
    """The network with our weights as an ONNX file, softmax included, for any number of pictures."""
    import onnx
    from onnx import TensorProto, helper

    nodes, x = [], "X"
    for layer in ("c1", "s2", "c3", "s4", "c5", "f6", "output"):
        inputs = [x, f"{layer}.weight", f"{layer}.bias"]
        if layer.startswith("s"):
            nodes.append(helper.make_node("MaxPool", [x], [layer], kernel_shape=[2, 2], strides=[2, 2]))
        elif layer.startswith("c"):
            nodes.append(helper.make_node("Conv", inputs, [layer]))
        else:
            if layer == "f6":
                nodes.append(helper.make_node("Flatten", [x], ["flat"]))
                inputs[0] = "flat"
            nodes.append(helper.make_node("Gemm", inputs, [layer], transB=1))
        x = layer
        if layer not in ("s2", "s4", "output"):
            x = f"{layer}_activation"
            nodes.append(helper.make_node("Relu", [layer], [x]))
    nodes.append(helper.make_node("Softmax", [x], ["P"], axis=1))
    graph = helper.make_graph(
        nodes,
        "lenet5",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["N", *INPUT])],
        [helper.make_tensor_value_info("P", TensorProto.FLOAT, ["N", 10])],
        [onnx.numpy_helper.from_array(tensor.copy(), name) for name, tensor in model.state_dict().items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def _torch_predict(torch, model: LeNet5, X: np.ndarray, threads: int) -> tuple[str, Callable]:
    net, images = torch_lenet5(model.state_dict()).eval(), torch.from_numpy(X)

    def predict():
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return torch.softmax(net(images), 1).numpy()

    return f"PyTorch {torch.__version__.split('+')[0]}", predict


def _onnxruntime_predict(onnxruntime, model: LeNet5, X: np.ndarray, threads: int) -> tuple[str, Callable]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_lenet5(model), options, providers=["CPUExecutionProvider"])
    return f"ONNX Runtime {onnxruntime.__version__}", lambda: session.run(None, {"X": X})[0]


def _openvino_predict(openvino, model: LeNet5, X: np.ndarray, threads: int) -> tuple[str, Callable]:
    core = openvino.Core()
    network = core.read_model(model=onnx_lenet5(model))
    network.reshape([len(X), *INPUT])  # a fixed size is its fastest
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(network, "CPU", settings).create_infer_request()
    return f"OpenVINO {openvino.__version__.split('-')[0]}", lambda: request.infer({0: X})[0]


def _torch_pass(torch, model, X: np.ndarray, y: np.ndarray, batch_size: int, threads: int) -> Callable[[], None]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=2e-4)
    loss = torch.nn.CrossEntropyLoss()
    images = torch.from_numpy(np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255)
    labels = torch.from_numpy(y.astype(np.int64))

    def one_pass() -> None:
        torch.set_num_threads(threads)
        order = torch.randperm(len(labels))
        for start in range(0, len(labels), batch_size):
            index = order[start : start + batch_size]
            optimizer.zero_grad()
            loss(model(images[index]), labels[index]).backward()
            optimizer.step()

    return one_pass


def _sklearn_pass(X: np.ndarray, y: np.ndarray, batch_size: int) -> Callable[[], None]:
    """A network of about as many parameters without convolutions; it uses as many threads as its BLAS likes."""
    from sklearn.neural_network import MLPClassifier

    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    flat = np.pad(X, ((0, 0), (2, 2), (2, 2))).reshape(len(X), -1).astype(np.float32) / 255
    model = MLPClassifier(
        (58,), solver="sgd", batch_size=batch_size, max_iter=1, warm_start=True, n_iter_no_change=10**6
    )

    def one_pass() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that one pass has not converged
            model.fit(flat, y)

    return one_pass
