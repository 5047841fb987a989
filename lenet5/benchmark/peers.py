"""The same network in other programs: each installed peer, as functions that can be timed.

Every prediction peer gets our weights, and must give our probabilities before it is timed. A peer that cannot be used
is left out, and `failed(name, error)` gets the reason.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import numpy as np

from ..models.lenet import LeNet5
from ..nn.extras import is_installed

INPUT = (1, 32, 32)
#: For SGD of the peers and ours: the time does not depend on it, and so low a rate diverges with no batch size.
LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.001, 0.9, 2e-4
#: Peers by the name of their distribution, with other distributions that each needs.
NEEDS = {"torch": (), "onnxruntime": ("onnx",), "openvino": ("onnx",), "scikit-learn": ()}
_MODULES = {"scikit-learn": "sklearn"}
TOLERANCE = 1e-4

Failed = Callable[[str, Exception], None]


def available() -> list[str]:
    """Return the distributions of the peers that can be used, without importing them."""
    return [
        name
        for name, others in NEEDS.items()
        if all(is_installed(_MODULES.get(each, each)) for each in (name, *others))
    ]


def prediction_peers(model: LeNet5, X: np.ndarray, threads: int, failed: Failed) -> dict[str, Callable[[], np.ndarray]]:
    """Return, by name, functions that give the probabilities (N, 10) of X, float32 (N, 1, 32, 32)."""
    makers: dict[str, tuple[str, Callable]] = {
        "PyTorch": ("torch", _torch_predict),
        "PyTorch compiled": ("torch", partial(_torch_predict, compiled=True)),
        "ONNX Runtime": ("onnxruntime", _onnxruntime_predict),
        "OpenVINO": ("openvino", _openvino_predict),
    }
    expected, there, found = model.predict_proba(X), available(), {}
    for name, (distribution, maker) in makers.items():
        if distribution in there:
            try:
                function = maker(model, X, threads)
                _compare(function(), expected)
            except Exception as error:  # of another program, on an unknown machine
                failed(name, error)
            else:
                found[name] = function
    return found


def _compare(theirs: np.ndarray, ours: np.ndarray) -> None:
    """Raise ValueError if the probabilities are not those of the same network."""
    difference = np.abs(theirs - ours).max() if np.shape(theirs) == ours.shape else np.inf
    if not difference < TOLERANCE:
        raise ValueError(f"it is not the same network: probabilities differ by {difference:.2g}")


def training_peers(
    X: np.ndarray, y: np.ndarray, batch_size: int, threads: int, failed: Failed
) -> dict[str, Callable[[], None]]:
    """Return, by name, functions that make one pass over the images X, uint8 (N, 28, 28)."""
    makers: dict[str, tuple[str, Callable]] = {
        "PyTorch": ("torch", _torch_pass),
        "PyTorch compiled": ("torch", partial(_torch_pass, compiled=True)),
        "scikit-learn MLP": ("scikit-learn", _sklearn_pass),
    }
    there, found = available(), {}
    for name, (distribution, maker) in makers.items():
        if distribution in there:
            try:
                found[name] = maker(X, y, batch_size, threads)
            except Exception as error:
                failed(name, error)
    return found


def torch_lenet5(tensors: dict[str, np.ndarray] | None = None):
    """Make the modern LeNet-5 in PyTorch, 61,706 parameters, with our weights if given; names and layouts agree."""
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


def _compiled(torch, module):
    """Compile the module anew; what was compiled for other sizes and threads would count against a limit."""
    torch.compiler.reset()
    # Each size of batch, also that of the last batch, gets its own code, which is faster than code for any size.
    return torch.compile(module, dynamic=False)


def onnx_lenet5(model: LeNet5) -> bytes:
    """Write the network with our weights as an ONNX file, softmax included, for any number of images."""
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


def _torch_predict(model: LeNet5, X: np.ndarray, threads: int, compiled: bool = False) -> Callable:
    import torch

    torch.set_num_threads(threads)
    net, images = torch_lenet5(model.state_dict()).eval(), torch.from_numpy(X)
    net = _compiled(torch, net) if compiled else net

    def predict():
        with torch.inference_mode():
            return torch.softmax(net(images), 1).numpy()

    return predict


def _onnxruntime_predict(model: LeNet5, X: np.ndarray, threads: int) -> Callable:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_lenet5(model), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"X": X})[0]


def _openvino_predict(model: LeNet5, X: np.ndarray, threads: int) -> Callable:
    import openvino

    core = openvino.Core()
    network = core.read_model(model=onnx_lenet5(model))
    network.reshape([len(X), *INPUT])  # a fixed size is its fastest
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(network, "CPU", settings).create_infer_request()
    return lambda: request.infer({0: X})[0]


def _torch_pass(X: np.ndarray, y: np.ndarray, batch_size: int, threads: int, compiled: bool = False) -> Callable:
    import torch

    torch.set_num_threads(threads)
    model = torch_lenet5()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    loss = torch.nn.CrossEntropyLoss()
    images = torch.from_numpy(np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255)
    labels = torch.from_numpy(y.astype(np.int64))
    net = _compiled(torch, model) if compiled else model

    def one_pass() -> None:
        order = torch.randperm(len(labels))
        for start in range(0, len(labels), batch_size):
            index = order[start : start + batch_size]
            optimizer.zero_grad()
            loss(net(images[index]), labels[index]).backward()
            optimizer.step()

    return one_pass


def _sklearn_pass(X: np.ndarray, y: np.ndarray, batch_size: int, threads: int) -> Callable[[], None]:
    """Time a network with about as many parameters, but without convolutions, for scale: 1024-58-10."""
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits  # scikit-learn's own dependency

    flat = np.pad(X, ((0, 0), (2, 2), (2, 2))).reshape(len(X), -1).astype(np.float32) / 255
    model = MLPClassifier(
        (58,), solver="sgd", batch_size=batch_size, learning_rate_init=LEARNING_RATE, max_iter=1, warm_start=True,
        n_iter_no_change=10**6,
    )  # fmt: skip

    def one_pass() -> None:
        with warnings.catch_warnings(), threadpool_limits(threads):
            warnings.simplefilter("ignore")  # one pass has not converged
            model.fit(flat, y)

    return one_pass
