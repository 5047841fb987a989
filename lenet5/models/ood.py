"""Whether a prepared image shows one digit at all.

A network that knows only digits is sure of a letter, too: of 1,000 other things only two thirds can be told by its
confidence if one digit of a hundred may be refused. So a second LeNet-5 has two classes more, nothing and several
digits (the rubbish class of LeCun et al., Proc. IEEE 86(11), 1998, eq. 9, but learnt from images), and is asked
only this. recipes/ood.py trains it on MNIST, drawn digits and negatives.py.
"""

import functools
from importlib import resources

import numpy as np

from ..nn import serialization
from ..nn.architectures import modern
from ..nn.network import Network, softmax

NOTHING, SEVERAL = 10, 11
WIDE, STROKES = 1.6, 3  # ink this many heights wide, and crossed by this many strokes, may be a row of digits


@functools.cache
def network() -> tuple[Network, dict]:
    """The network, which ships with the package, and what its file says of it.

    It is not a `LeNet5`, so that every model can ask it.
    """
    with resources.as_file(resources.files("lenet5.weights") / "judge.safetensors") as path:
        tensors, info = serialization.load(path, "model")
    judge = Network(modern(n_classes=len(info["labels"])), seed=None)
    judge.load_state_dict(tensors)
    return judge.freeze(), info


def score(probabilities: np.ndarray) -> np.ndarray:
    """How much likelier one digit is than anything else, as a logarithm; of probabilities (N, 12), (N,) float64."""
    digit = probabilities[:, :NOTHING].sum(axis=1, dtype=np.float64)
    other = probabilities[:, NOTHING:].sum(axis=1, dtype=np.float64)
    return np.log(digit + 1e-12) - np.log(other + 1e-12)


def decide(X: np.ndarray, threads: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """For images (N, 1, 32, 32) as `read_image` makes them: which show a digit, and which several; (N,) bool each."""
    judge, info = network()
    probabilities = softmax(judge.logits(X, threads))
    is_digit = score(probabilities) >= info["training"]["least_score"]
    return is_digit, ~is_digit & ((probabilities[:, SEVERAL] > probabilities[:, NOTHING]) | _are_rows(X))


def _are_rows(X: np.ndarray) -> np.ndarray:
    """Whether the ink is wide and crossed by many strokes, (N,) bool: the network takes more than three digits, which
    are small in their common box, for nothing."""
    ink = X[:, 0] > 0.5
    width, height = (ink.any(axis=axis).sum(axis=1) for axis in (1, 2))
    strokes = (ink[:, :, 1:] & ~ink[:, :, :-1]).sum(axis=2).max(axis=1)
    return (width > WIDE * height) & (strokes >= STROKES)
