"""Whether a prepared image shows one digit at all.

A network that knows only digits is sure of a letter, too: of 1,000 other things only two thirds can be caught by its
confidence if one digit of a hundred may be refused. So a second network has two classes more, nothing and several
digits, and is asked only this: the rubbish class of LeCun et al., Proc. IEEE 86(11), 1998, eq. 9, but learnt from
images. recipes/ood.py trains it on MNIST, drawn digits and negatives.py.
"""

import functools
import os
from typing import NamedTuple

import numpy as np

from ..errors import ModelFileError, one_line
from ..nn import serialization
from ..nn.network import Network, softmax
from ..ocr import networks
from ..utils.characters import DIGITS
from ..utils.shipped import WEIGHTS

KIND = "detector"
CLASSES = (*DIGITS, "nothing", "several")
NOTHING, SEVERAL = 10, 11
WIDE, STROKES = 1.6, 3  # ink that is this many heights wide, and crossed by that many strokes, may be a row of digits

#: Fewer components of the ink than all are a digit if their score is above the least by this much. Without it three
#: more of a hundred fashion images would pass, and one more of a hundred old documents.
FEWER = 2.0


class Detector:
    """A network with LeNet-5's layers and the classes CLASSES.

    Parameters
    ----------
    network : Network
    training : dict, optional
        How it was trained, and the ``least_score`` of a digit. JSON values only.
    """

    def __init__(self, network: Network, training: dict | None = None):
        self.network, self.training = network, training

    def probabilities(self, X: np.ndarray, threads: int | None = None) -> np.ndarray:
        """Of images as `LeNet5.logits` takes them, 28 x 28 or with a margin around; (N, 12) float32."""
        return softmax(self.network.logits(networks.fields(X), threads))

    @property
    def least_score(self) -> float:
        """What the `score` of an image must reach to be a digit."""
        return self.training["least_score"] if self.training else 0.0

    def save(self, path: str | os.PathLike) -> None:
        """Write the network to a safetensors file, in half precision, completely or not at all."""
        tensors = {name: tensor.astype(networks.STORED) for name, tensor in self.network.state_dict().items()}
        info = {"classes": CLASSES, "widths": networks.widths_of(self.network), "training": self.training}
        serialization.save(path, tensors, KIND, info)


def loaded(path: str | os.PathLike) -> Detector:
    """Load what `Detector.save` wrote; ModelFileError, in one line, for any other file."""
    tensors, info = serialization.load(path, KIND, dtype=networks.STORED)
    try:
        if tuple(info["classes"]) != CLASSES:
            raise ValueError("other classes")
        network = made(None, networks.checked_widths(info["widths"]))
        network.load_state_dict(tensors)
        return Detector(network.make_read_only(), info.get("training"))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{one_line(path)}: does not describe a detector: {str(error)[:200]}") from None


def made(seed: int | None, widths: tuple[int, ...] = networks.WIDTHS) -> Network:
    """A network for `Detector`."""
    return Network(networks.layers(widths, 1, len(CLASSES)), seed=seed)


@functools.cache
def shipped() -> Detector:
    """The one that ships with the package."""
    return loaded(WEIGHTS / "judge.safetensors")


def score(probabilities: np.ndarray) -> np.ndarray:
    """How much likelier one digit is than anything else, as a logarithm; of probabilities (N, 12), (N,) float64."""
    digit = probabilities[:, :NOTHING].sum(axis=1, dtype=np.float64)
    other = probabilities[:, NOTHING:].sum(axis=1, dtype=np.float64)
    return np.log(digit + 1e-12) - np.log(other + 1e-12)


class Decision(NamedTuple):
    """Of N images: the ``scores`` of one digit, float64; which show one; and which show several, bool."""

    scores: np.ndarray
    is_digit: np.ndarray
    is_several: np.ndarray


def decide(X: np.ndarray, threads: int | None = None) -> Decision:
    """Whether images (N, 1, 32, 32) as `read_image` makes them show a digit."""
    detector = shipped()
    probabilities = detector.probabilities(X, threads)
    scores = score(probabilities)
    is_digit = scores >= detector.least_score
    is_several = ~is_digit & ((probabilities[:, SEVERAL] > probabilities[:, NOTHING]) | _are_rows(X))
    return Decision(scores, is_digit, is_several)


def _are_rows(X: np.ndarray) -> np.ndarray:
    """Whether the ink is wide and crossed by many strokes, (N,) bool: the network takes more than three digits, which
    are small in their common box, for nothing."""
    ink = X[:, 0] > 0.5
    width, height = (ink.any(axis=axis).sum(axis=1) for axis in (1, 2))
    strokes = (ink[:, :, 1:] & ~ink[:, :, :-1]).sum(axis=2).max(axis=1)
    return (width > WIDE * height) & (strokes >= STROKES)
