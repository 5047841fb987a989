"""Which pixels of an image are paper, the digit's ink, or something else: a small U-Net says so.

The network sees an image at 128 pixels, however large it is, and knows neither dark nor bright ink. Where the ink that
it finds is small, it looks once more, closer. What it was trained on is drawn: recipes/segmenter.py.
"""

import functools
import os
from typing import NamedTuple

import numpy as np

from ..errors import ModelFileError, one_line
from ..nn import serialization
from ..nn.unet import UNet
from ..utils.geometry import Box, box_of
from ..utils.shipped import WEIGHTS
from .components import Components
from .morphology import grown
from .scaling import resized

PAPER, INK, OTHER = range(3)
SIDE = 128  # pixels of the long side that the network sees, as in its training
STRIDE = 2  # pixels that it sees for each one that it answers
#: What is found with less certainty is not ink. In 99 of 100 images noise is below this, and digits are above.
LEAST_CERTAINTY = 0.77
#: The least ink of a digit's part, as a fraction of its main component's. The largest gap to the rest, as a fraction of
#: its long side.
LEAST_PART, REACH = 0.08, 0.3
CUT_OFF = 0.3  # what the ink of a component that the image's edge cuts off counts for
#: The fraction of the window's long side that ink takes, if it need not be looked at closer, and the margin around it.
CLOSE_ENOUGH, MARGIN = 0.72, 0.22
MOST_LOOKS = 4
#: Where nothing is found at SIDE, an image larger than this is searched at this long side: its digit may be small.
SEARCHED = 512


class Segmentation(NamedTuple):
    """What was seen in the ``window`` of an image that was looked at last.

    classes : (3, h, w) float32, the probabilities of PAPER, INK and OTHER; h x w covers the window
    ink : (h, w) float32, INK where it belongs to the digit's components, elsewhere 0
    fewer : the same of fewer components; each may be the digit if ``ink`` is not one
    certainty : the mean probability of ink where that is above a half; 0 where it is so nowhere
    beside : components of the whole image that are not the digit's, with at least a third of the largest one's ink
    goes_on : whether the main component reaches beyond the window, as a line does but a digit does not
    """

    window: Box
    classes: np.ndarray
    ink: np.ndarray
    fewer: tuple[np.ndarray, ...]
    certainty: float
    beside: int
    goes_on: bool


class Segmenter:
    """The network with its weights, and how they were made.

    tensors : name -> weights or biases, float32, as `UNet.state_dict` has them
    training : dict of JSON values
    """

    def __init__(self, tensors: dict[str, np.ndarray], training: dict | None = None):
        self.network = _network_of(tensors)
        self.training = training

    def classes(self, grey: np.ndarray, side: int = SIDE) -> np.ndarray:
        """Probabilities (3, h, w) float32 of PAPER, INK and OTHER in an image (H, W) float32 in 0..1.

        The image is brought to a long side of ``side``; the answer has half as many pixels.
        """
        k = side / max(grey.shape)
        shape = tuple(max(6, round(n * k)) for n in grey.shape)
        probabilities = self.network.probabilities_of_grey(resized(grey, shape))
        return probabilities[:, : -(-shape[0] // STRIDE), : -(-shape[1] // STRIDE)]

    def segment(self, grey: np.ndarray) -> Segmentation:
        """Find the digit in an image (H, W) float32 in 0..1."""
        whole = Box(0, 0, *grey.shape)
        found = self._look(grey, whole, SIDE)
        if found.certainty < LEAST_CERTAINTY and max(grey.shape) > SEARCHED:
            found = max(found, self._look(grey, whole, SEARCHED), key=lambda look: look.certainty)
        is_reduced = max(grey.shape) > SIDE  # else the network sees all that there is to see, and may need to see less
        for _ in range(MOST_LOOKS - 1):
            window = _next_window(found, grey.shape)
            if window is None or (is_reduced and found.certainty < LEAST_CERTAINTY):
                break
            found = self._look(grey, window, SIDE)._replace(beside=found.beside)
        return found._replace(certainty=0.0) if found.goes_on and is_reduced else found

    def _look(self, grey: np.ndarray, window: Box, side: int) -> Segmentation:
        classes = self.classes(grey[window.top : window.bottom, window.left : window.right], side)
        ink = classes[INK]
        peak = float(ink.max())
        level = 0.5 if peak > 0.5 else 0.6 * peak
        marks = Components(ink > level)
        labels = marks.labels()
        amounts = np.bincount(labels[labels >= 0], ink[labels >= 0], len(marks.areas))
        counted = np.where(_are_cut_off(marks.boxes, ink.shape), CUT_OFF * amounts, amounts)
        digit = _digit(marks.boxes, amounts, counted)
        whole, *fewer = (
            np.where(grown(marks.mask(chosen), 1), ink, np.float32(0))
            for chosen in (digit, *_fewer(digit, amounts, counted))
        )
        beside = int((~digit & (amounts > amounts.max() / 3)).sum())
        goes_on = bool(_go_on(marks.boxes, ink.shape, window, grey.shape)[np.argmax(counted)])
        return Segmentation(window, classes, whole, tuple(fewer), certainty(ink), beside, goes_on)

    def save(self, path: str | os.PathLike) -> None:
        """Write the weights, in 8 bits, wholly or not at all (safetensors)."""
        tensors: dict[str, np.ndarray] = {}
        for name, tensor in self.network.state_dict().items():
            if tensor.ndim == 1:
                tensors[name] = tensor
                continue
            scale = abs(tensor).reshape(len(tensor), -1).max(axis=1) / 127
            tensors[name] = np.rint(tensor / np.maximum(scale, 1e-12)[:, None, None, None]).astype(np.int8)
            tensors[f"{name}.scale"] = scale.astype(np.float32)
        serialization.save(path, tensors, "segmenter", {"training": self.training})


def certainty(ink: np.ndarray) -> float:
    """The mean probability of ink (h, w) where it is above a half; 0 where it is so nowhere."""
    sure = ink > 0.5
    return float(ink[sure].mean()) if sure.any() else 0.0


def _are_cut_off(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which components the image's edge cuts off, (n,) bool."""
    top, left, bottom, right = boxes.T
    return (top == 0) | (left == 0) | (bottom == shape[0]) | (right == shape[1])


def _go_on(boxes: np.ndarray, shape: tuple[int, int], window: Box, whole: tuple[int, int]) -> np.ndarray:
    """Which components reach beyond a window of an image of shape ``whole``, (n,) bool: lines do, digits do not."""
    top, left, bottom, right = boxes.T
    return (
        ((top == 0) & (window.top > 0))
        | ((left == 0) & (window.left > 0))
        | ((bottom == shape[0]) & (window.bottom < whole[0]))
        | ((right == shape[1]) & (window.right < whole[1]))
    )


def _digit(boxes: np.ndarray, amounts: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The components that are the digit, (n,) bool: the main one and what is near it.

    A component that the edge cuts off is the main one only if it is much larger than others: ``counted`` is less than
    its amount of ink.
    """
    top, left, bottom, right = boxes.T
    chosen = np.arange(len(amounts)) == np.argmax(counted)
    large = amounts >= LEAST_PART * amounts[chosen]
    while True:
        (y, x), (y_end, x_end) = boxes[chosen, :2].min(axis=0), boxes[chosen, 2:].max(axis=0)
        gap = np.maximum(np.maximum(y - bottom, top - y_end), np.maximum(x - right, left - x_end))
        near = chosen | (large & (gap <= REACH * max(y_end - y, x_end - x)))
        if (near == chosen).all():
            return chosen
        chosen = near


def _fewer(digit: np.ndarray, amounts: np.ndarray, counted: np.ndarray) -> list[np.ndarray]:
    """Some of the digit's components, each (n,) bool: those that are whole, the large ones, and the main one.

    What is left out are parts of neighbours, dots and specks. A whole component of some size is never left out: with
    it there may be several digits.
    """
    if digit.sum() < 2:
        return []
    main = np.arange(len(digit)) == np.argmax(counted)
    whole = digit & (counted == amounts)
    found: list[np.ndarray] = []
    for chosen in (whole, digit & (amounts > amounts[main] / 3), main):
        most = amounts[whole & ~chosen].max(initial=0)
        is_new = not any((chosen == other).all() for other in (digit, *found))
        if is_new and chosen.any() and most <= amounts[chosen].sum() / 2:
            found.append(chosen)
    return found


def loaded(path: str | os.PathLike) -> Segmenter:
    """The segmenter that `Segmenter.save` wrote; ModelFileError, in one line, for any other file."""
    stored, info = serialization.load(path, "segmenter", dtype=(np.float32, np.int8))
    try:
        tensors = {name: _unpacked(name, stored) for name in stored if not name.endswith(".scale")}
        return Segmenter(tensors, info.get("training"))
    except (KeyError, ValueError) as error:
        raise ModelFileError(f"{one_line(path)}: does not describe a segmenter: {str(error)[:200]}") from None


def _unpacked(name: str, stored: dict[str, np.ndarray]) -> np.ndarray:
    tensor = stored[name]
    if tensor.dtype != np.int8:
        return tensor
    return tensor * stored[f"{name}.scale"].reshape(-1, *[1] * (tensor.ndim - 1))


def _network_of(tensors: dict[str, np.ndarray]) -> UNet:
    """A network as wide as its weights are."""
    encoder, decoder = [len(tensors["stem.bias"])], []
    while f"d{len(encoder)}b.bias" in tensors:
        encoder.append(len(tensors[f"d{len(encoder)}b.bias"]))
    for level in range(len(encoder) - 2, -1, -1):
        decoder.append(len(tensors[f"u{level}.bias"]))
    return UNet(encoder, decoder, tensors=tensors)


@functools.cache
def shipped() -> Segmenter:
    """The segmenter that ships with the package."""
    return loaded(WEIGHTS / "segmenter.safetensors")


def _next_window(found: Segmentation, shape: tuple[int, int]) -> Box | None:
    """The window of an image of ``shape`` in which the ink is large and whole; None where it is so already."""
    window = found.window
    height, width = window.bottom - window.top, window.right - window.left
    if not found.ink.any():
        return None
    box = box_of(found.ink > 0)
    ky, kx = height / found.ink.shape[0], width / found.ink.shape[1]
    top, bottom, left, right = box.top * ky, box.bottom * ky, box.left * kx, box.right * kx
    side = max(bottom - top, right - left)
    if side > CLOSE_ENOUGH * max(height, width) and not found.goes_on:
        return None
    margin = (2 if found.goes_on else 1) * MARGIN * side + 1
    closer = Box(
        max(0, int(window.top + top - margin)),
        max(0, int(window.left + left - margin)),
        min(shape[0], int(window.top + bottom + margin) + 1),
        min(shape[1], int(window.left + right + margin) + 1),
    )
    area = (closer.bottom - closer.top) * (closer.right - closer.left)
    return closer if area < 0.8 * height * width or found.goes_on else None
