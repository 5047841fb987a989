"""Model files of few bytes: weights that are mostly 0, or share few values, entropy-coded; read as any other model."""

import json
import os
import zlib

import numpy as np

from ..nn import entropy_coding, serialization
from ..utils.files import parse_json
from . import documents
from .lenet import LeNet5

KIND, TENSOR = "compressed", "data"
#: Of a document; that of a model with 256 long names of classes takes a tenth.
MOST_DOCUMENT = 2**20
#: What documents are packed with: they refer to the parts that they have in common with it. Files need it as it is.
TYPICAL = (
    b'{"variant":"modern","activation":"relu","pool":"max","c3":"dense","head":"softmax","labels":["0","1","2","3","4",'
    b'"5","6","7","8","9"],"in_channels":1,"size":32,"widths":[6,16,120,84],"preparation":{"kind":"digit","ink_box":20,'
    b'"centred_by":"mass","field":28,"input":32,"ink":"bright"},"training":{"command":"lenet5 compress --sparsity 0.9 '
    b'--codebook 8 --epochs 40 --out compressed.safetensors","dataset":"mnist","data_sha256":"'
    b'9585ddb17301fae7683e4a0102abfe4d204de640acd4dd7969a43d8b134b1c07","config":{"epochs":40,"seed":0,"validation":'
    b'5000},"metrics":{"validation_accuracy":0.99}},"calibration":{"temperature":1.1,"thresholds":[{"error":0.1,'
    b'"confidence":0.0,"rejected":0.0},{"error":0.05,"confidence":0.0,"rejected":0.0},{"error":0.02,"confidence":0.0,'
    b'"rejected":0.0},{"error":0.01,"confidence":0.0,"rejected":0.0},{"error":0.005,"confidence":0.0,"rejected":0.0},'
    b'{"error":0.002,"confidence":0.9,"rejected":0.0},{"error":0.001,"confidence":0.9,"rejected":0.0},{"error":0.0005,'
    b'"confidence":0.9,"rejected":0.0}],"n":5000}}'
)


def save(model: LeNet5, path: str | os.PathLike) -> None:
    """Write a model file, completely or not at all. The weights are kept exactly.

    ValueError where a tensor has more values than `entropy_coding.encode` takes; OSError where it cannot be written.
    """
    said = {name: value for name, value in model.info().items() if name not in ("shapes", "input_shape")}
    document = json.dumps(said, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
    data = pack(document) + entropy_coding.encode(model.state_dict())
    serialization.save(path, {TENSOR: np.frombuffer(data, np.uint8)}, KIND, {})


def from_tensors(tensors: dict[str, np.ndarray], info: dict) -> LeNet5:
    """The model that `save` wrote; KeyError, TypeError or ValueError where the data are damaged."""
    if list(tensors) != [TENSOR]:
        raise ValueError(f"it holds tensors {', '.join(tensors)[:40]}, expected {TENSOR}")
    document, data = unpack(tensors[TENSOR].tobytes())
    said = parse_json(document.decode())
    if not isinstance(said, dict):
        raise ValueError("its document is not an object")
    shapes = {name: tensor.shape for name, tensor in documents.described(said).state_dict().items()}
    return documents.from_document(entropy_coding.decode(data, shapes), said)


def pack(document: bytes) -> bytes:
    """A stream of zlib without header, which knows its own end."""
    stream = zlib.compressobj(9, wbits=-zlib.MAX_WBITS, zdict=TYPICAL)
    return stream.compress(document) + stream.flush()


def unpack(data: bytes) -> tuple[bytes, bytes]:
    """What `pack` packed, and what follows the stream. ValueError where it is damaged or too long."""
    stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=TYPICAL)
    try:
        document = stream.decompress(data, MOST_DOCUMENT)
    except zlib.error:
        raise ValueError("its document is damaged") from None
    if not stream.eof:
        raise ValueError("its document is damaged, or too long")
    return document, stream.unused_data
