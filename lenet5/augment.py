"""Random distortions of training pictures, a function of (seed, epoch, position) and of nothing else."""

from dataclasses import dataclass

import numpy as np

_DRAWS = 8  # random numbers a picture; a multiple of 4, since Philox makes four at a time


@dataclass(frozen=True)
class Affine:
    """Ranges of a random affine distortion, uniform and independent.

    rotation : degrees to either side
    scale : relative change of width and of height
    shear : horizontal, as a tangent
    shift : pixels to each side
    """

    rotation: float = 10.0
    scale: float = 0.1
    shear: float = 0.15
    shift: float = 1.5

    def warps(self, n: int, *, seed: int, epoch: int, first: int = 0) -> np.ndarray:
        """For positions first .. first + n of an epoch, maps from output to source pixels: (n, 6) float32.

        Rows (a, b, c, d, e, f): the output pixel (x, y), from the picture's centre, is read at
        (a x + b y + c, d x + e y + f), from the centre.
        """
        bits = np.random.Philox(key=np.array([seed % 2**64, epoch], np.uint64)).advance(first * _DRAWS // 4)
        u = 2 * np.random.Generator(bits).random((n, _DRAWS)) - 1
        angle = np.deg2rad(self.rotation) * u[:, 0]
        scale_x, scale_y = 1 + self.scale * u[:, 1], 1 + self.scale * u[:, 2]
        shear, shift_x, shift_y = self.shear * u[:, 3], self.shift * u[:, 4], self.shift * u[:, 5]
        cos, sin = np.cos(angle), np.sin(angle)
        rows = [cos / scale_x, (shear * cos - sin) / scale_y, shift_x]
        rows += [sin / scale_x, (shear * sin + cos) / scale_y, shift_y]
        return np.ascontiguousarray(np.stack(rows, axis=1), dtype=np.float32)


AUGMENTATIONS = {"none": None, "affine": Affine()}
