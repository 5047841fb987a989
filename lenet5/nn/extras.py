"""Libraries that only some functions need."""

import importlib.util

from ..errors import LeNet5Error


def is_installed(module: str) -> bool:
    """Whether a module is there, without importing it; a folder of that name is not one."""
    spec = importlib.util.find_spec(module)
    return spec is not None and spec.origin is not None


def require(module: str, what: str) -> None:
    """LeNet5Error that says how to install a module that is missing: ``what`` is pip's name of what brings it."""
    if not is_installed(module):
        raise LeNet5Error(f"{module} is not installed: pip install {what}")


def require_onnx() -> None:
    """The same for the library that ONNX files are written and read with."""
    require("onnx", "'lenet5-cpu[onnx]'")
