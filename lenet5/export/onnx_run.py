"""Runs an ONNX file: by ONNX Runtime where it is installed, else by the slow reference of onnx itself."""

from pathlib import Path

import numpy as np

from ..nn.extras import is_installed, require_onnx

#: Images in one call: what they need in memory stays small.
BATCH = 256
#: The reference of onnx knows the operators of 8 bits only in later versions, which give the same numbers.
REFERENCE_OPSET = 21


def run(path: Path, X: np.ndarray) -> tuple[np.ndarray, str]:
    """The logits (N, classes) of inputs, float32 (N, C, size, size) in 0..1, and what gave them."""
    require_onnx()
    session, name = _onnxruntime(path) if is_installed("onnxruntime") else _reference(path)
    parts = [X[start : start + BATCH] for start in range(0, len(X), BATCH)]
    return np.concatenate([session.run(None, {"input": part})[0] for part in parts]), name


def _onnxruntime(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return session, f"ONNX Runtime {onnxruntime.__version__}"


def _reference(path: Path):
    import onnx
    from onnx.reference import ReferenceEvaluator

    document = onnx.load_model_from_string(path.read_bytes())
    if any(node.op_type == "QuantizeLinear" for node in document.graph.node):
        from onnx.version_converter import convert_version

        document = convert_version(document, REFERENCE_OPSET)
    return ReferenceEvaluator(document), f"onnx.reference {onnx.__version__}"
