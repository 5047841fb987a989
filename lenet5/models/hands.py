"""The networks of digits that `lenet5 predict` asks if no model is named: they know hands that MNIST does not.

Each has LeNet-5's layers with more maps. Their log-probabilities are averaged; some see the digit deslanted, and so
make other mistakes. Two are made for this (recipes/hands.py), two are those that read strings: they learnt other forms.
"""

import functools
import os
from collections.abc import Sequence

import numpy as np

from ..errors import ModelFileError, one_line
from ..evaluation.calibration import Calibration
from ..nn import serialization
from ..nn.network import Network
from ..ocr import networks
from ..utils.characters import DIGITS
from ..utils.shipped import WEIGHTS
from .base import Classifier

KIND = "hands"


class HandNetworks(Classifier):
    """A classifier of the ten digits out of several networks.

    Parameters
    ----------
    straight, deslanted : sequences of Network
        Those that see the digit as it is, and those that see it deslanted; at least one in all.
    training : dict, optional
        How they were trained. JSON values only.
    """

    labels, n_classes, in_channels = DIGITS, len(DIGITS), 1

    def __init__(self, straight: Sequence[Network], deslanted: Sequence[Network], training: dict | None = None):
        self.straight, self.deslanted, self.training = list(straight), list(deslanted), training
        if not self._networks:
            raise ValueError("no networks, expected at least one")

    @property
    def _networks(self) -> list[Network]:
        return self.straight + self.deslanted

    @property
    def macs(self) -> float:
        """Multiply-accumulates of one image: those of all networks."""
        return sum(row.macs for network in self._networks for row in network.summary())

    @property
    def n_parameters(self) -> int:
        """Those of all networks."""
        return sum(network.n_parameters for network in self._networks)

    def _kind(self) -> str:
        return f"of {len(self._networks)}"

    def logits(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Mean log-probabilities, (N, 10) float32, of images as `LeNet5.logits` takes them.

        They are seen in 8 bits and 28 x 28; ValueError for other sizes.
        """
        ink = networks.fields(X)
        seen = [(network, ink) for network in self.straight]
        if self.deslanted:
            turned = networks.upright(ink)
            seen += [(network, turned) for network in self.deslanted]
        each = [networks.log_softmax(network.logits(view, threads)) for network, view in seen]
        return np.mean(each, axis=0).astype(np.float32)

    def save(self, path: str | os.PathLike) -> None:
        """Write all networks to one safetensors file, in half precision, completely or not at all."""
        tensors = {
            f"{i}.{name}": tensor.astype(networks.STORED)
            for i, network in enumerate(self._networks)
            for name, tensor in network.state_dict().items()
        }
        info = {
            "widths": list(map(networks.widths_of, self._networks)),
            "deslanted": len(self.deslanted),
            "training": self.training,
            "calibration": self.calibration.as_dict(),
        }
        serialization.save(path, tensors, KIND, info)


def loaded(path: str | os.PathLike) -> HandNetworks:
    """Load what `HandNetworks.save` wrote; ModelFileError, in one line, for any other file."""
    tensors, info = serialization.load(path, KIND, dtype=networks.STORED)
    try:
        made = [_network(i, widths, tensors) for i, widths in enumerate(info["widths"][: networks.MOST_NETWORKS])]
        n_straight = len(made) - info["deslanted"]
        model = HandNetworks(made[:n_straight], made[n_straight:], info.get("training"))
        model.calibration = Calibration.from_dict(info.get("calibration"))
        return model
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{one_line(path)}: does not describe networks of digits: {str(error)[:200]}") from None


def _network(i: int, widths: Sequence[int], tensors: dict[str, np.ndarray]) -> Network:
    network = networks.digit_network(None, networks.checked_widths(widths))
    own = f"{i}."
    network.load_state_dict({k.removeprefix(own): t for k, t in tensors.items() if k.startswith(own)})
    return network.make_read_only()


@functools.cache
def shipped() -> HandNetworks:
    """The networks that ship with the package, and the digit networks of strings beside them."""
    return beside_strings(loaded(WEIGHTS / "hands.safetensors"))


def beside_strings(own: HandNetworks) -> HandNetworks:
    """The networks of ``own``, which keeps its calibration, and those that read digits of strings."""
    others = networks.shipped()
    model = HandNetworks(own.straight + others.digits, own.deslanted + others.upright, own.training)
    model.calibration = own.calibration
    return model
