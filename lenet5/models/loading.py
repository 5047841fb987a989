"""The one `load`: the kind that a model's file names decides the class."""

import os
from collections.abc import Callable

from ..errors import ModelFileError, one_line
from ..nn import serialization
from . import documents, ensemble
from .ensemble import Committee
from .lenet import LeNet5

#: By kind: the function that makes a model of tensors and a document.
MAKERS: dict[str, Callable[..., LeNet5 | Committee]] = {
    "model": documents.from_document,
    "committee": ensemble.from_document,
}


def load(path: str | os.PathLike) -> LeNet5 | Committee:
    """Load the model or committee that ``save`` wrote.

    Its weights are read-only (`Network.freeze`) until it is trained on or thawed.

    Raises
    ------
    ModelFileError
        One line, for any other file.

    Examples
    --------
    >>> from lenet5 import LeNet5, load
    >>> LeNet5("lenet1").save("small.safetensors")
    >>> load("small.safetensors").n_parameters
    2578
    """
    tensors, info = serialization.load(path, *MAKERS)
    try:
        return MAKERS[info["kind"]](tensors, info)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{one_line(path)}: does not describe a model: {what[:200]}") from None
