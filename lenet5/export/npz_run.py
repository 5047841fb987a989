"""Answers to images by NumPy alone, from nothing but a written file: what such a file means, in a hundred lines."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..errors import ModelFileError, one_line
from ..utils.files import parse_json
from .npz_file import DOCUMENT

BATCH = 128  # images whose maps are in memory at once
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "scaled_tanh": lambda x: np.float32(1.7159) * np.tanh(x * np.float32(2 / 3)),
    "sigmoid": lambda x: np.tanh(x / 2) / 2 + np.float32(0.5),
}


def run(path: Path, X: np.ndarray) -> tuple[np.ndarray, str]:
    """The scores (N, classes) of inputs, float32 (N, C, size, size) in 0..1, and what gave them."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = dict(file)
        document = parse_json(str(arrays[DOCUMENT]))
    except Exception as error:  # of an archive, an array, or JSON
        raise ModelFileError(f"{one_line(path)}: not a file of lenet5 export: {one_line(str(error)[:100])}") from None
    parts = [_answers(document, arrays, X[start : start + BATCH]) for start in range(0, len(X), BATCH)]
    return np.concatenate(parts), f"NumPy {np.__version__}"


def _answers(document: dict, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The logits of the network, or the logarithm of the mean probability of a committee's."""
    networks = document["networks"]
    logits = [network_logits(network, arrays, x) for network in networks]
    if not document["committee"]:
        return logits[0]
    shares = [_softmax(scores / network["temperature"]) for scores, network in zip(logits, networks, strict=True)]
    return np.log(np.maximum(np.mean(shares, axis=0), np.finfo(np.float32).tiny))


def network_logits(network: dict, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """The logits of one network of the document."""
    x = _padded(x, network["padding"]) * np.float32(network["ink"] - network["background"]) + np.float32(
        network["background"]
    )
    for layer in network["layers"]:
        x = _layer(layer, f"{network['arrays']}{layer['name']}", arrays, x)
    return x[:, :, 0, 0]


def _padded(x: np.ndarray, padding: int) -> np.ndarray:
    """Images with background around them; a negative padding cuts them."""
    around, cut = (max(0, padding),) * 2, max(0, -padding)
    inside = slice(cut, x.shape[2] - cut)
    return np.pad(x[:, :, inside, inside], ((0, 0), (0, 0), around, around))


def _layer(layer: dict, name: str, arrays: Mapping[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    kind = layer["kind"]
    if kind in ACTIVATIONS:
        return ACTIVATIONS[kind](x)
    if kind == "conv":
        size = layer["size"]
        windows = sliding_window_view(x, (size, size), (2, 3))
        products = np.tensordot(windows, arrays[f"{name}.weight"], ([1, 4, 5], [1, 2, 3]))
        return products.transpose(0, 3, 1, 2) + arrays[f"{name}.bias"][:, None, None]
    if kind == "rbf":
        features = x[:, None, :, 0, 0]
        return -np.square(features - arrays[f"{name}.centres"]).sum(axis=2)[:, :, None, None]
    if kind == "angles":
        return angles(x, layer["period"])
    windows = _windows(x, layer["size"])
    if kind == "max_pool":
        return windows.max(axis=(3, 5))
    mean = windows.mean(axis=(3, 5))
    if kind == "avg_pool":
        return mean
    weight, bias = (arrays[f"{name}.{key}"] for key in ("weight", "bias"))
    mean = np.repeat(mean, len(weight) // mean.shape[1], axis=1)
    return mean * weight[:, None, None] + bias[:, None, None]


def angles(x: np.ndarray, period: float) -> np.ndarray:
    """Of sines and cosines in turn along the second axis, from 0 to below the period."""
    turned = np.arctan2(x[:, 0::2], x[:, 1::2]) / (2 * np.pi) * period % period
    return np.where(turned < period, turned, 0)


def _windows(x: np.ndarray, size: int) -> np.ndarray:
    """Windows of size x size, (N, C, h, size, w, size); incomplete ones are left out."""
    n, channels, height, width = x.shape
    h, w = height // size, width // size
    return x[:, :, : h * size, : w * size].reshape(n, channels, h, size, w, size)


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
