"""Checks of arrays of images and labels: an error names every fault, and the expression that would mend them."""

from dataclasses import dataclass

import numpy as np

from .. import _kernels
from ..utils.memmap import pieces

#: Common normalisations of images: the lowest and highest value, and the expression that undoes it.
_NORMALISED = ((-1.0, 1.0, "({} + 1) / 2"), (-0.4242, 2.8215, "{} * 0.3081 + 0.1307"))


def check_pictures(X: np.ndarray, channels: int = 1, size: int = 28, field: int = 32) -> np.ndarray:
    """Return ``X`` as a contiguous array (N, channels, H, W), uint8 or float32.

    Parameters
    ----------
    X : array_like of shape (N, H, W) or (N, channels, H, W)
        H x W is size x size, or at least field x field; uint8, or floating point in 0..1; ink is bright.

    Raises
    ------
    ValueError
        Names all faults, and what would mend them.
    """
    X = np.asarray(X)
    expected = _Expected(channels, size, field)
    if not expected.fits(X.shape) or (X.dtype != np.uint8 and X.dtype.kind != "f"):
        raise ValueError(_picture_faults(X, expected))
    given = X
    if X.ndim == 3:
        X = X[:, None]
    if X.dtype == np.uint8:
        return np.ascontiguousarray(X)
    if X.dtype == np.float32 and X.flags.carray:
        pixels = X
    else:
        with np.errstate(over="ignore"):  # what overflows float32 is outside 0..1 anyway
            pixels = np.require(X, np.float32, ["C", "ALIGNED"])
    few = len(pixels) <= _kernels.N_LANES  # too few to look for a memory map
    for piece in (pixels,) if few else pieces(pixels):
        if not _kernels.within(piece.reshape(-1), -1e-3, 1 + 1e-3):
            raise ValueError(_picture_faults(given, expected))
    return pixels


def check_labels(y: np.ndarray, n: int, n_classes: int = 10) -> np.ndarray:
    """Return ``y`` as contiguous uint8 (n,) with values below ``n_classes``; ValueError names all faults."""
    y = np.asarray(y)
    if n_classes > 256:
        raise ValueError(f"n_classes is {n_classes}, labels are one byte: at most 256")
    is_whole = y.dtype.kind in "iu" or (y.dtype.kind == "f" and (y == np.floor(y)).all())
    if y.shape != (n,) or not is_whole or (y.size and not (y.min() >= 0 and y.max() < n_classes)):
        raise ValueError(_label_faults(y, n, n_classes))
    return np.ascontiguousarray(y, dtype=np.uint8)


def check_labels_of(network, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Check the labels of the images ``X`` for a network or model; a ValueError also names the faults of ``X``."""
    try:
        return check_labels(y, len(X), network.n_classes)
    except ValueError as error:
        try:
            network.check_pictures(X)
        except ValueError as other:
            raise ValueError(f"{other}; {error}") from None
        raise


@dataclass(frozen=True)
class _Expected:
    """What a network takes: images of (channels, size, size), or at least (channels, field, field)."""

    channels: int
    size: int
    field: int

    def fits(self, shape: tuple[int, ...]) -> bool:
        if len(shape) == 3 and self.channels == 1:
            shape = (shape[0], 1, *shape[1:])
        is_whole = len(shape) == 4 and shape[1] == self.channels
        return is_whole and (shape[2:] == (self.size, self.size) or min(shape[2:]) >= self.field)

    def __str__(self) -> str:
        C, S, F = self.channels, self.size, self.field
        small = f"(N, {S}, {S})" if C == 1 else f"(N, {C}, {S}, {S})"
        return (
            f"{small} or (N, {C}, H, W) with H and W at least {F}"
            if S != F
            else f"(N, {C}, H, W) with H and W at least {F}"
        )


def _picture_faults(X: np.ndarray, expected: _Expected) -> str:
    """Name all faults of an array of images, and what would mend them where that is known."""
    faults, reach = [], (X.min(), X.max()) if X.size and X.dtype.kind in "biuf" else (0, 0)
    if not expected.fits(X.shape):
        faults.append(f"X has shape {X.shape}, expected {expected}")
    if X.dtype != np.uint8 and X.dtype.kind != "f":
        faults.append(f"X has dtype {X.dtype}, expected uint8 (0..255) or float32 (0..1)")
    most, allowed = (1 + 1e-3, "0..1") if X.dtype.kind == "f" else (255, "0..255")
    if not -1e-3 <= reach[0] <= reach[1] <= most:
        faults.append(
            f"X reaches from {reach[0]} to {reach[1]}, expected finite numbers in {allowed} for dtype {X.dtype}"
        )
    shaped = _reshaped(X.shape, expected)
    cure = _revalued(shaped, X, *map(float, reach)) if shaped else None
    return "; ".join([*faults, *([f"{cure} would do"] if cure else [])])


def _reshaped(shape: tuple[int, ...], expected: _Expected) -> str | None:
    """Return the expression that gives ``X`` an accepted shape, "X" if it has one; None if none is known."""
    channels = expected.channels
    if expected.fits(shape):
        return "X"
    sides = {side * side: side for side in (expected.size, expected.field)}
    if channels == 1 and len(shape) < 3 and shape[-1:] and shape[-1] in sides:
        side = sides[shape[-1]]
        return f"X.reshape(-1, {side}, {side})"
    if len(shape) == 4 and shape[-1] == channels and expected.fits((shape[0], channels, *shape[1:3])):
        return "X[..., 0]" if channels == 1 else "X.transpose(0, 3, 1, 2)"
    return "X[None]" if expected.fits((1, *shape)) else None


def _revalued(shaped: str, X: np.ndarray, low: float, high: float) -> str | None:
    """Extend the expression ``shaped`` such that the values fit; None if that is not known."""
    if X.dtype == np.uint8 or (X.dtype.kind == "f" and -1e-3 <= low <= high <= 1 + 1e-3):
        return shaped
    if X.dtype.kind in "biu" and 0 <= low <= high <= 1:
        return f"{shaped}.astype('float32')"
    if X.dtype.kind in "biuf" and 0 <= low <= high <= 255:
        return f"{shaped}.astype('uint8')" if (np.floor(X) == X).all() else f"{shaped} / 255"
    near = (undo for least, most, undo in _NORMALISED if abs(low - least) < 1e-2 and abs(high - most) < 1e-2)
    undo = next(near, None) if X.dtype.kind in "if" else None
    return undo and undo.format(shaped)


def _label_faults(y: np.ndarray, n: int, n_classes: int) -> str:
    """Name all faults of an array of labels, and what would mend them where that is known."""
    faults, numbers = [], y.dtype.kind in "iuf" and y.size
    if y.shape != (n,):
        faults.append(f"y has shape {y.shape}, expected ({n},): one label for each image of X")
    if y.dtype.kind not in "iuf" or not (y == np.floor(y)).all():
        faults.append(f"y has dtype {y.dtype}, expected whole numbers 0..{n_classes - 1}")
    if numbers and not (y.min() >= 0 and y.max() < n_classes):
        faults.append(f"y reaches from {y.min()} to {y.max()}, expected labels in 0..{n_classes - 1}")
    cure, mended = _mended_labels(y, n_classes)
    return "; ".join([*faults, *([f"{cure} would do"] if _are_labels(mended, n, n_classes) else [])])


def _mended_labels(y: np.ndarray, n_classes: int) -> tuple[str, np.ndarray]:
    """Return the expression that often mends labels, and its result."""
    how = "y"
    if y.shape[1:] == (n_classes,) and y.dtype.kind in "biuf" and (np.sort(y) == _one_hot(n_classes)).all():
        how, y = "y.argmax(axis=1)", y.argmax(axis=1)
    elif y.shape[1:] == (1,):
        how, y = "y.ravel()", y.ravel()
    if y.dtype.kind in "OUSb":
        how, y = f"{how}.astype('uint8')", _whole(y)
    if y.size and y.dtype.kind in "iuf" and y.min() == 1 and y.max() == n_classes:
        how, y = f"{how} - 1", y - 1
    return how, y


def _one_hot(n_classes: int) -> np.ndarray:
    return np.arange(n_classes) == n_classes - 1


def _whole(y: np.ndarray) -> np.ndarray:
    """Convert names of numbers, or objects, to whole numbers; return ``y`` itself if that fails."""
    try:
        whole = y.astype(np.int64)
        return whole if (whole == y.astype(np.float64)).all() else y
    except (TypeError, ValueError, OverflowError):
        return y


def _are_labels(y: np.ndarray, n: int, n_classes: int) -> bool:
    whole = y.shape == (n,) and y.dtype.kind in "iuf" and (y == np.floor(y)).all()
    return bool(whole and (not y.size or 0 <= y.min() <= y.max() < n_classes))
