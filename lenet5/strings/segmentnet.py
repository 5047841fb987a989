"""The network that says which character a run of pieces is, or that it is none; and the file that it comes in.

It has LeNet-5's layers, with more maps, two channels of input (pieces.py) and a class for rubbish, as the paper's
(section VII-A).
"""

import os
from importlib import resources

import numpy as np

from .. import modelfile
from ..errors import ModelFileError, one_line
from ..layers import Conv2d, Layer, Linear, MaxPool2d, ReLU
from ..network import Network

SEPARATORS = ".,-+"
CLASSES = (*"0123456789", *SEPARATORS, "rubbish")
RUBBISH = len(CLASSES) - 1
WIDTHS = (16, 48, 192, 96)  # maps of C1, C3, C5, units of F6
MOST_NETWORKS = 8


def layers(widths: tuple[int, ...] = WIDTHS, in_channels: int = 2, n_classes: int = len(CLASSES)) -> dict[str, Layer]:
    """LeNet-5's layers with other numbers of maps, by name in the order of computation."""
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


class SegmentNetwork:
    """One or more networks of the same task; the mean of what they say counts.

    Attributes
    ----------
    networks : list of Network
    training : dict, how they were trained; JSON values only
    """

    def __init__(self, networks: list[Network], training: dict | None = None):
        self.networks, self.training = networks, training

    def log_probabilities(self, pictures: np.ndarray, threads: int | None = None) -> np.ndarray:
        """(n, classes) float64 of pictures (n, 2, 28, 28) uint8: the mean of the networks' logarithms."""
        total = np.zeros((len(pictures), len(CLASSES)))
        for network in self.networks:
            logits = network.logits(pictures, threads).astype(np.float64)
            total += logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return total / len(self.networks)

    def save(self, path: str | os.PathLike) -> None:
        """Write all networks to one file (safetensors), wholly or not at all."""
        tensors = {f"{i}.{k}": t for i, n in enumerate(self.networks) for k, t in n.state_dict().items()}
        widths = [list(widths_of(network)) for network in self.networks]
        modelfile.save(path, tensors, "segments", {"classes": CLASSES, "widths": widths, "training": self.training})


def widths_of(network: Network) -> tuple[int, ...]:
    """What `layers` was given."""
    return tuple(network.layers[name].out_channels for name in ("c1", "c3", "c5", "f6"))


def load(path: str | os.PathLike) -> SegmentNetwork:
    """The networks that `SegmentNetwork.save` wrote; ModelFileError, in one line, for any other file."""
    tensors, info = modelfile.load(path, "segments")
    try:
        if tuple(info["classes"]) != CLASSES or not 1 <= len(info["widths"]) <= MOST_NETWORKS:
            raise ValueError("other classes, or no number of networks that is read")
        networks = []
        for i, widths in enumerate(info["widths"]):
            if not all(type(width) is int and 1 <= width <= 1024 for width in widths):
                raise ValueError(f"no widths of layers: {str(widths)[:50]}")
            network = Network(layers(tuple(widths)), seed=None)
            own = {k.removeprefix(f"{i}."): t for k, t in tensors.items() if k.startswith(f"{i}.")}
            network.load_state_dict(own)
            networks.append(network)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{one_line(path)}: does not describe a reader of strings: {what[:200]}") from None
    return SegmentNetwork(networks, info.get("training") if isinstance(info.get("training"), dict) else None)


def shipped() -> SegmentNetwork:
    """The networks that ship with the package."""
    with resources.as_file(resources.files("lenet5.data") / "strings.safetensors") as path:
        return load(path)
