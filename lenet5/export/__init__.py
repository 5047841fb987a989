"""A trained network for other programs: ONNX, one C file, PyTorch, NumPy, checked against the model."""

from .check import Report, check
from .formats import FORMATS, write
from .onnx_import import read

__all__ = ["FORMATS", "Report", "check", "read", "write"]
