"""LeNet-5 for the CPU: train it in seconds, read digits from real images, without a deep-learning framework.

>>> from lenet5 import pretrained, read_image
>>> pretrained().predict(read_image("examples/seven.jpg")[None])
array([7])
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING

if importlib.util.find_spec(f"{__name__}._kernels") is None:
    raise ImportError(
        f"the compiled part of lenet5 is missing in {__path__[0]}: in a source tree run `pip install -e .` first, "
        "or leave the folder to use an installed lenet5"
    )

__version__ = "0.1.0"

# The module of each public name. It is imported at first use, so that `lenet5 --help` needs no NumPy.
_HOME = {
    "Cascade": "models.ensemble",
    "Committee": "models.ensemble",
    "LeNet5": "models.lenet",
    "MultiTask": "models.multi_task",
    "Regressor": "models.regressor",
    "from_torch": "models.torch_models",
    "load": "models.loading",
    "pretrained": "models.documents",
    "read_image": "preprocessing.normalization",
}
_MODULES = ("datasets", "export")

__all__ = [
    "Cascade",
    "Committee",
    "LeNet5",
    "MultiTask",
    "Regressor",
    "datasets",
    "export",
    "from_torch",
    "load",
    "pretrained",
    "read_image",
]


if TYPE_CHECKING:
    from . import datasets, export
    from .models.documents import pretrained
    from .models.ensemble import Cascade, Committee
    from .models.lenet import LeNet5
    from .models.loading import load
    from .models.multi_task import MultiTask
    from .models.regressor import Regressor
    from .models.torch_models import from_torch
    from .preprocessing.normalization import read_image
else:  # so that an unknown name is an error for a type checker, too

    def __getattr__(name):
        if name in _MODULES:
            return importlib.import_module(f".{name}", __name__)
        if name in _HOME:
            return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
