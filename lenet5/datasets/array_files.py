"""Sets that lie in one file as arrays: Keras' mnist.npz and its like, and Kaggle's train.csv of pixels."""

import os
from typing import Any

import numpy as np

from ..errors import DataError, one_line
from ..nn.foreign_arrays import plain_images
from ..preprocessing.whole import MARGIN, read_whole
from .listing import TEST, TRAIN, VALIDATION, Found, Listing
from .pixels import Facts

MAX_BYTES = 2**32  # unpacked
#: Of images and their labels, by the part of the set: Keras', MedMNIST's, and a pair without parts.
_NAMES = {
    TRAIN: (("x_train", "y_train"), ("X_train", "y_train"), ("train_images", "train_labels"), ("x", "y"), ("X", "y")),
    VALIDATION: (("x_val", "y_val"), ("X_val", "y_val"), ("val_images", "val_labels")),
    TEST: (("x_test", "y_test"), ("X_test", "y_test"), ("test_images", "test_labels")),
}
_PIXEL = ("pixel0", "pixel1", "1x1", "0")  # first columns of pixels behind the label


def is_array_file(path: str) -> bool:
    """Whether a file holds arrays: an .npz by its name, a CSV by its header."""
    if path.lower().endswith(".npz"):
        return True
    if not path.lower().endswith(".csv"):
        return False
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as stream:
            header = stream.readline(2**20).strip().lower().split(",")
    except OSError:
        return False
    return len(header) > 4 and ((header[0] == "label" and header[1] in _PIXEL) or header[0] in _PIXEL)


def read_array_file(path: str, size: int, channels: int | None) -> tuple[Listing, np.ndarray, Facts]:
    """What `pixels.read_pixels` gives of a listing; DataError where it is not clear what the arrays are."""
    shown = one_line(path)
    try:
        parts = _npz(path) if path.lower().endswith(".npz") else {TRAIN: _pixel_table(path)}
        images = {part: plain_images(X) for part, (X, _) in parts.items()}
        labels = {part: _label_names(y) for part, (_, y) in parts.items()}
        X = np.concatenate([_at_size(X, size, channels) for X in images.values()])
    except (ValueError, OSError, EOFError, KeyError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{shown}: {reason}") from None
    listing = Listing(os.path.dirname(path) or ".")
    for part, names in labels.items():
        if len(names) != len(images[part]):
            raise DataError(f"{shown}: {len(images[part]):,} {part} images, but {len(names):,} labels")
        split = part if len(parts) > 1 else None
        listing.images += [Found(f"{part} #{k}", name, split, (0, 0)) for k, name in enumerate(names)]
    return listing, X, Facts(len(X), 3 if X.ndim == 4 else 1)


def _npz(path: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    with np.load(path, allow_pickle=False) as file:
        if not hasattr(file, "files"):
            raise ValueError("is not a file of several arrays")
        held = {name.removesuffix(".npy"): info.file_size for name in file.zip.namelist()
                for info in [file.zip.getinfo(name)]}  # fmt: skip
        if sum(held.values()) > MAX_BYTES:
            raise ValueError(f"its arrays take {sum(held.values()):,} bytes, at most {MAX_BYTES:,} are read")
        pairs = {part: next((pair for pair in known if {*pair} <= held.keys()), None) for part, known in _NAMES.items()}
        found: dict[str, Any] = {part: (file[pair[0]], file[pair[1]]) for part, pair in pairs.items() if pair}
    if TRAIN not in found and TEST not in found:
        raise ValueError(f"its arrays are {', '.join(held)[:80]}; expected x_train and y_train, as Keras names them")
    return found


def _pixel_table(path: str) -> tuple[np.ndarray, np.ndarray]:
    with open(path, encoding="utf-8-sig") as stream:
        if not stream.readline().lower().startswith("label"):
            raise ValueError("has no column label before those of the pixels, so it cannot be trained on, nor judged")
        numbers = np.loadtxt(stream, np.int16, delimiter=",", ndmin=2)
    return numbers[:, 1:], numbers[:, 0]


def _label_names(y: np.ndarray) -> list[str]:
    """Labels as names: whole numbers, or text."""
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or y.dtype.kind not in "iufUS" or (y.dtype.kind == "f" and not (y == np.floor(y)).all()):
        raise ValueError(f"labels have shape {y.shape} and dtype {y.dtype}, expected (N,), whole numbers or names")
    return [str(name) for name in (y.astype(np.int64) if y.dtype.kind in "iuf" else y.astype(str)).tolist()]


def _at_size(X: np.ndarray, size: int, channels: int | None) -> np.ndarray:
    """Images at the network's size, uint8; those of its field, such as 28 x 28 for 32 x 32, as they are."""
    if X.dtype != np.uint8:
        X = np.rint(X * 255).astype(np.uint8)
    colours = 3 if X.ndim == 4 else 1
    if X.shape[-1] == X.shape[-2] and X.shape[-1] in (size, size - MARGIN) and channels in (None, colours):
        return np.ascontiguousarray(X)
    last = X.transpose(0, 2, 3, 1) if X.ndim == 4 else X
    return np.stack([read_whole(np.ascontiguousarray(x), size, channels or colours).pixels for x in last])
