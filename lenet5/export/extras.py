"""Libraries that only some commands need, by the name of the extra that installs them."""

import importlib.util

from ..errors import LeNet5Error


def is_installed(module: str) -> bool:
    """Whether a module is there, without importing it."""
    return importlib.util.find_spec(module) is not None


def require(module: str, extra: str) -> None:
    """LeNet5Error that says how to install a module that is missing."""
    if not is_installed(module):
        raise LeNet5Error(f"{module} is not installed: pip install 'lenet5-cpu[{extra}]'")
