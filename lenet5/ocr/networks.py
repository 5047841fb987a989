"""The networks that read strings, and their file.

A segment network says which character a segment is, or that it is rubbish. It has LeNet-5's layers with more maps, two
input channels (oversegmentation.py) and a rubbish class (P98 section VII-A). Digit networks see only the first channel,
and say which of the ten digits it is. Some of them see each segment after deslanting, and so make other mistakes. The
sliding network has one channel and a class for blank (sdnn.py).
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ModelFileError, one_line
from ..evaluation.calibration import Calibration
from ..nn import serialization
from ..nn.arrays import check_pictures
from ..nn.layers import Conv2d, Layer, Linear, MaxPool2d, ReLU
from ..nn.network import Network
from ..utils.characters import DIGITS, SEPARATORS, SIGNS
from ..utils.shipped import WEIGHTS

CLASSES = (*DIGITS, *SEPARATORS, *SIGNS, "rubbish")
RUBBISH = len(CLASSES) - 1
WIDTHS = (12, 32, 160, 84)  # maps of C1, C3, C5, units of F6
SMALL_WIDTHS = (6, 16, 120, 84)  # those of LeNet-5
N_DIGITS, N_SLIDING = 10, 11  # classes of the digit networks; of the sliding network: the digits and blank
MOST_NETWORKS = 8
MOST_SLANT = 1.0  # a tangent; it moves the rows of 28 pixels by at most that many
STORED = np.float16
KIND = "strings"


def layers(widths: tuple[int, ...] = WIDTHS, in_channels: int = 2, n_classes: int = len(CLASSES)) -> dict[str, Layer]:
    """Return LeNet-5's layers with other numbers of maps, by name in the order of computation."""
    c1, c3, c5, f6 = widths
    return {
        "c1": Conv2d(in_channels, c1, 5),
        "c1_activation": ReLU(),
        "s2": MaxPool2d(2),
        "c3": Conv2d(c1, c3, 5),
        "c3_activation": ReLU(),
        "s4": MaxPool2d(2),
        "c5": Conv2d(c3, c5, 5),
        "c5_activation": ReLU(),
        "f6": Linear(c5, f6),
        "f6_activation": ReLU(),
        "output": Linear(f6, n_classes),
    }


class StringNetworks:
    """The networks that read strings: those for segments, and one that slides over the line.

    Attributes
    ----------
    segments, digits, upright : list of Network
        Log-probabilities are averaged, over digits and upright together; ``upright`` sees deslanted segments.
    sliding : Network, see sdnn.py
    training : dict, how they were trained; JSON values only
    calibration : Calibration, thresholds for the confidence of a digit
    """

    def __init__(
        self,
        segments: list[Network],
        digits: list[Network],
        sliding: Network,
        training: dict | None = None,
        calibration: Calibration | None = None,
        upright: Sequence[Network] = (),
    ):
        self.segments, self.digits, self.sliding, self.training = segments, digits, sliding, training
        self.upright = list(upright)
        self.calibration = calibration or Calibration()

    def log_probabilities(self, pictures: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Average the segment networks' log-probabilities, (n, classes) float64, of images (n, 2, 28, 28) uint8."""
        return np.mean([log_softmax(network.logits(pictures, threads)) for network in self.segments], axis=0)

    def digit_log_probabilities(self, ink: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Average the digit networks' log-probabilities, (n, 10) float64, of segments' ink (n, 1, 28, 28) uint8."""
        views = [(network, ink) for network in self.digits]
        if self.upright:
            turned = upright(ink)
            views += [(network, turned) for network in self.upright]
        return np.mean([log_softmax(network.logits(view, threads)) for network, view in views], axis=0)

    def copy(self) -> "StringNetworks":
        """Return networks that can be trained without a change to these; the sliding one and the rest are shared."""
        segments = [_filled(Network(layers(widths_of(one)), seed=None), one) for one in self.segments]
        digits, upright = (
            [_filled(digit_network(None, widths_of(one)), one) for one in networks]
            for networks in (self.digits, self.upright)
        )
        return StringNetworks(segments, digits, self.sliding, self.training, self.calibration, upright)

    def save(self, path: str | os.PathLike) -> None:
        """Write all networks to one safetensors file, completely or not at all.

        Weights are stored in half precision, which halves the file and changes no answer.
        """
        named = {f"segments.{i}": network for i, network in enumerate(self.segments)}
        named |= {f"digits.{i}": network for i, network in enumerate(self.digits + self.upright)}
        named |= {"sliding": self.sliding}
        tensors = {f"{name}.{k}": t.astype(STORED) for name, net in named.items() for k, t in net.state_dict().items()}
        info: dict[str, Any] = {"classes": CLASSES, "training": self.training}
        info |= {"sliding_widths": widths_of(self.sliding), "widths": list(map(widths_of, self.segments))}
        info |= {"digit_widths": list(map(widths_of, self.digits + self.upright)), "upright": len(self.upright)}
        serialization.save(path, tensors, KIND, info | {"calibration": self.calibration.as_dict()})


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log-probabilities (n, classes) float64 from logits (n, classes)."""
    logits = logits.astype(np.float64)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def fields(X: np.ndarray) -> np.ndarray:
    """Images (N, 1, 28, 28) uint8 of images as `LeNet5.logits` takes them; ValueError for other sizes and values."""
    X = check_pictures(X, 1)
    margin, rest = divmod(X.shape[2] - 28, 2)
    if X.shape[2] != X.shape[3] or rest or margin < 0 or margin > 2:
        raise ValueError(f"images of {X.shape[2]} x {X.shape[3]}, expected 28 x 28 or 32 x 32")
    inner = X[:, :, margin : margin + 28, margin : margin + 28]
    return np.ascontiguousarray(inner if X.dtype == np.uint8 else np.rint(inner * 255).astype(np.uint8))


def upright(ink: np.ndarray) -> np.ndarray:
    """Deslant segments (n, 1, 28, 28) uint8: rows are shifted sideways until their middles do not lean."""
    levels = ink[:, 0].astype(np.float32)
    _, h, w = levels.shape
    mass = np.maximum(levels.sum((1, 2)), 1)[:, None]
    y, x = np.arange(h, dtype=np.float32), np.arange(w, dtype=np.float32)
    rows = levels.sum(2)
    from_middle = y - (rows @ y)[:, None] / mass  # (n, h)
    aside = levels @ x - rows * ((levels @ x).sum(1)[:, None] / mass)  # ink of each row, times its offset to the side
    slant = (from_middle * aside).sum(1) / np.maximum((from_middle**2 * rows).sum(1), 1)
    moved = np.clip(slant, -MOST_SLANT, MOST_SLANT)[:, None] * from_middle
    whole = np.floor(moved).astype(int)
    part = (moved - whole)[..., None]
    padded = np.pad(levels, ((0, 0), (0, 0), (w, w + 1)))
    columns = np.arange(w, 2 * w) + whole[..., None]
    here, right = (np.take_along_axis(padded, columns + k, axis=2) for k in (0, 1))
    return np.rint(here + part * (right - here)).astype(np.uint8)[:, None]


def sliding_network(seed: int | None = 0, widths: tuple[int, ...] = SMALL_WIDTHS) -> Network:
    """Make the network that slides over a line."""
    return Network(layers(widths, 1, N_SLIDING), seed=seed)


def digit_network(seed: int | None = 0, widths: tuple[int, ...] = WIDTHS) -> Network:
    """Make a network that says which digit a segment is."""
    return Network(layers(widths, 1, N_DIGITS), seed=seed)


def widths_of(network: Network) -> tuple[int, ...]:
    """Return the ``widths`` that `layers` was given."""
    chosen = (network.layers[name] for name in ("c1", "c3", "c5", "f6"))
    return tuple(layer.out_channels for layer in chosen if isinstance(layer, Conv2d))


def load(path: str | os.PathLike) -> StringNetworks:
    """Load the networks that `StringNetworks.save` wrote; ModelFileError, one line, for any other file."""
    tensors, info = serialization.load(path, KIND, dtype=STORED)
    try:
        n_networks = len(info["widths"]), len(info["digit_widths"])
        if tuple(info["classes"]) != CLASSES or not 1 <= min(n_networks) <= max(n_networks) <= MOST_NETWORKS:
            raise ValueError("other classes, or an unexpected number of networks")
        sliding = sliding_network(None, checked_widths(info["sliding_widths"]))
        sliding.load_state_dict(_under("sliding.", tensors))
        segments = [Network(layers(checked_widths(widths)), seed=None) for widths in info["widths"]]
        digits = [digit_network(None, checked_widths(widths)) for widths in info["digit_widths"]]
        n_upright = info.get("upright", 0)
        if type(n_upright) is not int or not 0 <= n_upright <= len(digits):
            raise ValueError("an unexpected number of networks for deslanted segments")
        n_straight = len(digits) - n_upright
        for name, networks in (("segments", segments), ("digits", digits)):
            for i, network in enumerate(networks):
                network.load_state_dict(_under(f"{name}.{i}.", tensors))
        calibration = Calibration.from_dict(info.get("calibration"))
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{one_line(path)}: does not describe a reader of strings: {what[:200]}") from None
    training = info.get("training") if isinstance(info.get("training"), dict) else None
    return StringNetworks(segments, digits[:n_straight], sliding, training, calibration, digits[n_straight:])


def _filled(network: Network, other: Network) -> Network:
    """``network`` with the parameters of ``other``."""
    network.load_state_dict(other.state_dict())
    return network


def checked_widths(widths) -> tuple[int, ...]:
    """Return the widths of layers in a file; ValueError if malformed."""
    if len(widths) != 4 or not all(type(width) is int and 1 <= width <= 1024 for width in widths):
        raise ValueError(f"not the widths of layers: {str(widths)[:50]}")
    return tuple(widths)


def is_file_of_networks(path: str | os.PathLike) -> bool:
    """Whether `StringNetworks.save` wrote a file."""
    return serialization.kind_in(path) == KIND


def _under(prefix: str, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def shipped() -> StringNetworks:
    """Load the networks that ship with the package."""
    return load(WEIGHTS / "strings.safetensors")
