"""Runs what was written on images, beside the model: do both give the same answers, and what does it cost?"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import LeNet5Error
from ..evaluation import quantities
from .formats import FORMATS
from .graph import Description, Exportable

#: Of a value: its difference as a fraction of the deviation of its training targets, or of the period.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes
    ----------
    to, run_by : str
        The format, and what ran the written file.
    n, differing : int
        Images, and answers that are not the model's. Of scores in whole numbers every one must be the same; values may
        be apart by `TOLERANCE`.
    difference : float
        The largest difference between scores of both.
    relative_difference : float
        The largest one, as a fraction of the largest score of its image. Of values it is one of the deviation of their
        training targets, or of the period.
    n_bytes : int
        Of the written files.
    constant_bytes, ram_bytes : int or None
        Of the written program's constants and buffers; None where another program decides.
    macs : int
        Multiply-adds per image.
    """

    to: str
    run_by: str
    n: int
    differing: int
    difference: float
    relative_difference: float
    n_bytes: int
    constant_bytes: int | None
    ram_bytes: int | None
    macs: int
    measure: str = "the largest"

    def as_dict(self) -> dict:
        """As JSON."""
        return {name: value for name, value in asdict(self).items() if name != "measure"}

    def lines(self) -> list[str]:
        """For people."""
        memory = [] if self.ram_bytes is None else [
            f"constants: {self.constant_bytes:,} bytes",
            f"RAM for buffers: {self.ram_bytes:,} bytes",
        ]  # fmt: skip
        return [
            f"run by {self.run_by} on {self.n:,} images",
            f"answers that differ: {self.differing:,}",
            f"largest difference of a score: {self.difference:.2g} ({self.relative_difference:.1g} of {self.measure})",
            f"size: {self.n_bytes:,} bytes",
            *memory,
            f"multiply-adds per image: {self.macs:,}",
        ]


def check(model: Exportable, path: str | os.PathLike, to: str, X: np.ndarray) -> Report:
    """Compare what `write` wrote with its model.

    Parameters
    ----------
    X : ndarray of shape (N, H, W), uint8, or as the model takes them
        Images, at least one; grey ones are brought to the model's size and channels.

    Raises
    ------
    LeNet5Error
        Nothing is installed that could run the file, or it fails.
    """
    description, path = FORMATS[to].describe(model), Path(path)
    images = fitted(X, description.channels, description.image_size)
    inputs = network_input(images, (description.size - description.image_size) // 2)
    found, run_by = FORMATS[to].run(path, images if FORMATS[to].takes_bytes else inputs)
    expected = FORMATS[to].scores(model, inputs)
    if found.shape != expected.shape or not np.isfinite(found).all():
        raise LeNet5Error(f"{run_by} gives scores of shape {found.shape}, expected finite ones of {expected.shape}")
    difference, relative, measure = _differences(found, expected, description)
    memory = FORMATS[to].memory
    constants, ram = memory(model) if memory else (None, None)
    return Report(
        to=to,
        run_by=run_by,
        n=len(images),
        differing=int(_differ(found, expected, relative, description).sum()),
        difference=float(difference.max()),
        relative_difference=float(relative.max()),
        n_bytes=sum(file.stat().st_size for file in FORMATS[to].files(path)),
        constant_bytes=constants,
        ram_bytes=ram,
        macs=description.macs,
        measure=measure,
    )


def _differences(
    found: np.ndarray, expected: np.ndarray, description: Description
) -> tuple[np.ndarray, np.ndarray, str]:
    """Differences of scores (N, scores), the same as fractions, and what they are fractions of."""
    scaling = description.quantities
    if scaling is None:
        difference = np.abs(found.astype(np.float64) - expected)
        return difference, difference / np.abs(expected).max(axis=1, keepdims=True), "the largest"
    difference = np.abs(quantities.errors(found, expected, scaling.period))
    if scaling.period is not None:
        return difference, difference / scaling.period, "the period"
    return difference, difference / np.array(scaling.scale), "the deviation of the targets"


def _differ(found: np.ndarray, expected: np.ndarray, relative: np.ndarray, description: Description) -> np.ndarray:
    """Which images (N,) are answered differently."""
    if description.quantities:
        return np.any(relative > TOLERANCE, axis=1)
    if expected.dtype.kind == "i":
        return np.any(found != expected, axis=1)
    return found.argmax(axis=1) != expected.argmax(axis=1)


def fitted(X: np.ndarray, channels: int, side: int) -> np.ndarray:
    """Images (N, H, W) or (N, C, H, W) as a network takes them in bytes, (N, channels, side, side)."""
    planes = X.reshape(-1, *X.shape[-2:])
    if planes.shape[1:] != (side, side):
        planes = np.stack([np.asarray(Image.fromarray(plane).resize((side, side))) for plane in planes])
    images = planes.reshape(len(X), -1, side, side)
    return images if images.shape[1] == channels else np.repeat(images, channels, axis=1)


def network_input(images: np.ndarray, padding: int) -> np.ndarray:
    """Bytes (N, C, H, W) as float32 in 0..1 with ``padding`` pixels of background at each side."""
    around = (padding, padding)
    return np.pad(images, ((0, 0), (0, 0), around, around)).astype(np.float32) / 255
