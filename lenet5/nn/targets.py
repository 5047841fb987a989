"""Quantities as a network learns them: scaled to mean 0 and deviation 1, or as points on a circle."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

#: Of a target, either way: squares of such errors are finite.
LARGEST = 1e150


@dataclass(frozen=True)
class TargetScaling:
    """How targets become outputs of the network, and back.

    Attributes
    ----------
    mean, scale : of each target
        The outputs are (target - mean) / scale. A constant target has the scale 1.
    period : float or None
        Of all targets: they are angles. Each has two outputs, its sine and cosine. Mean and scale are not used.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    period: float | None = None

    def __post_init__(self):
        if self.period is not None and not (type(self.period) in (int, float) and 0 < self.period < math.inf):
            raise ValueError(f"period is {self.period!r}, expected a number above 0")
        numbers = (*self.mean, *self.scale)
        if not (1 <= len(self.mean) == len(self.scale) and all(type(x) in (int, float) for x in numbers)):
            raise ValueError("the scaling of targets is not a mean and a scale for each")
        if not all(map(math.isfinite, numbers)) or min(self.scale) <= 0:
            raise ValueError("the scaling of targets is not finite, or a deviation is not above 0")

    @classmethod
    def of(cls, y: np.ndarray, period: float | None = None) -> "TargetScaling":
        """That of the targets ``y`` (N, targets)."""
        spread = np.ptp(y, axis=0)
        unit = np.where(spread > 0, spread, 1.0)  # squares of tiny numbers would vanish
        deviation = np.where(spread > 0, (y / unit).std(axis=0) * unit, 1.0)
        return cls(tuple(y.mean(axis=0).tolist()), tuple(deviation.tolist()), period)

    @property
    def n_targets(self) -> int:
        return len(self.mean)

    @property
    def n_outputs(self) -> int:
        """Of the network."""
        return self.n_targets if self.period is None else 2 * self.n_targets

    def encode(self, y: np.ndarray) -> np.ndarray:
        """Outputs (N, n_outputs) float32 for targets (N, targets)."""
        if self.period is None:
            return ((y - np.array(self.mean)) / np.array(self.scale)).astype(np.float32)
        turns = 2 * np.pi * y / self.period
        return np.stack([np.sin(turns), np.cos(turns)], axis=2).reshape(len(y), -1).astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Targets (N, targets) float64 from outputs; angles from 0 to below the period."""
        outputs = outputs.astype(np.float64)
        if self.period is None:
            return outputs * np.array(self.scale) + np.array(self.mean)
        turns = np.arctan2(outputs[:, 0::2], outputs[:, 1::2]) / (2 * np.pi)
        angles = turns * self.period % self.period
        return np.where(angles < self.period, angles, 0.0)  # a tiny negative one is rounded up to the period

    def as_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, said: Any) -> "TargetScaling":
        """What `as_dict` gave; ValueError, KeyError or TypeError for anything else."""
        return cls(tuple(said["mean"]), tuple(said["scale"]), said["period"])


def joined(labels: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A class and targets of each image in one array (N,), with the fields "label", uint8, and "targets".

    labels : (N,), numbers of classes
    targets : (N, targets), float64 or float32, as the field is
    """
    both = np.empty(len(labels), [("label", np.uint8), ("targets", targets.dtype, targets.shape[1:])])
    both["label"], both["targets"] = labels, targets
    return both


def labels_in(y: np.ndarray) -> np.ndarray:
    """The labels of a `joined` array, contiguous; any other array as it is."""
    return np.ascontiguousarray(y["label"]) if y.dtype.names else y


def targets_in(y: np.ndarray) -> np.ndarray:
    """The targets of a `joined` array, contiguous; any other array as it is."""
    return np.ascontiguousarray(y["targets"]) if y.dtype.names else y


def checked_targets(y, n: int) -> np.ndarray:
    """Targets of ``n`` images as float64 (N, targets), from (N,) or (N, targets); ValueError names the fault."""
    try:
        found = np.asarray(y)
    except ValueError:
        raise ValueError("y holds rows of different lengths, expected as many targets for each image") from None
    if found.dtype.kind not in "iufb" or found.ndim not in (1, 2):
        raise ValueError(f"y has shape {found.shape} and dtype {found.dtype}, expected numbers, (N,) or (N, targets)")
    if len(found) != n or 0 in found.shape[1:]:
        raise ValueError(f"y has shape {found.shape}, expected {n} rows: targets for each image of X")
    if not (np.abs(found) <= LARGEST).all():
        bad = int(np.flatnonzero(~(np.abs(found.reshape(n, -1)) <= LARGEST).all(axis=1))[0])
        raise ValueError(f"y[{bad}] is not a number from -{LARGEST:g} to {LARGEST:g}; leave the image out")
    return found.reshape(n, -1).astype(np.float64)
