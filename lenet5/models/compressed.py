"""Model files of few bytes: weights that are mostly 0, or share few values, entropy-coded; read as any other model."""

import json
import os

import numpy as np

from ..nn import entropy_coding, serialization
from ..utils.files import parse_json
from . import documents
from .lenet import LeNet5

KIND, TENSOR = "compressed", "data"
#: Of a document; that of a model with 256 long names of classes takes a tenth.
MOST_DOCUMENT = 2**20


def save(model: LeNet5, path: str | os.PathLike) -> None:
    """Write a model file, completely or not at all. The weights are kept exactly.

    ValueError where a tensor has more values than `entropy_coding.encode` takes; OSError where it cannot be written.
    """
    said = {name: value for name, value in model.info().items() if name not in ("shapes", "input_shape")}
    document = json.dumps(said, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    data = entropy_coding.pack(document) + entropy_coding.encode(model.state_dict())
    serialization.save(path, {TENSOR: np.frombuffer(data, np.uint8)}, KIND, {})


def from_tensors(tensors: dict[str, np.ndarray], info: dict) -> LeNet5:
    """The model that `save` wrote; KeyError, TypeError or ValueError where the data are damaged."""
    if list(tensors) != [TENSOR]:
        raise ValueError(f"it holds tensors {', '.join(tensors)[:40]}, expected {TENSOR}")
    document, data = entropy_coding.unpack(tensors[TENSOR].tobytes(), MOST_DOCUMENT)
    said = parse_json(document.decode())
    if not isinstance(said, dict):
        raise ValueError("its document is not an object")
    shapes = {name: tensor.shape for name, tensor in documents.described(said).state_dict().items()}
    return documents.from_document(entropy_coding.decode(data, shapes), said)
