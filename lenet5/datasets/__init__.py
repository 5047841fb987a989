"""Sets of labelled images: MNIST and Fashion-MNIST from published files, strokes drawn by a pen model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ChecksumError, DataError
from ..utils.characters import DIGITS
from . import download, layouts
from .download import LocalFile, ProgressCallback, RemoteFile
from .http import Limits
from .loaded import Loaded

if TYPE_CHECKING:  # NumPy, like all heavy imports here, is imported when data is read
    import numpy as np

PATIENCE = 5.0
STROKES_TRAIN, STROKES_TEST = (60_000, 0), (10_000, 1)  # number of images, seed


@dataclass(frozen=True)
class Dataset:
    """A published set.

    Attributes
    ----------
    files : training images, their labels, test images, their labels
    contents : the SHA-256 of the values in each file, unpacked
    torchvision : torchvision's name of the set's folder
    """

    name: str
    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]
    contents: tuple[str, str, str, str]
    torchvision: str
    classes: tuple[str, ...] = DIGITS


def _files(*rows: tuple[int, str]) -> tuple[RemoteFile, ...]:
    """Make the set's files from their sizes and hashes; all sets of this family share the file names."""
    names = "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"
    return tuple(RemoteFile(f"{name}-ubyte.gz", *row) for name, row in zip(names, rows, strict=True))


MNIST = Dataset(
    "mnist",
    (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    _files(
        (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    (
        "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    ),
    "MNIST",
)
FASHION_MNIST = Dataset(
    "fashion-mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    _files(
        (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    (
        "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    ),
    "FashionMNIST",
    ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


def __getattr__(name: str):
    """`from_folder`, whose module imports NumPy and Pillow, at its first use."""
    if name in ("Folder", "from_folder"):
        from . import folder

        return getattr(folder, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


TABLE = {dataset.name: dataset for dataset in (MNIST, FASHION_MNIST)}
NAMES = (*TABLE, "strokes", "auto")


def load(
    name: str = "mnist", data_dir: str | os.PathLike | None = None, *, offline: bool | None = None
) -> "tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]":
    """Return the training and test images of a set with their labels, fetching missing files.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "strokes", "auto"}
    data_dir, offline : see `obtain`

    Returns
    -------
    (X_train, y_train), (X_test, y_test)
        Images are uint8 (N, 28, 28), 0 paper to 255 ink; labels are uint8 (N,).

    Raises
    ------
    DataError, ValueError
        See `obtain`.

    Examples
    --------
    >>> from lenet5 import datasets
    >>> (X_train, y_train), (X_test, y_test) = datasets.load("mnist")
    >>> X_train.shape, X_test.shape, X_test.dtype
    ((60000, 28, 28), (10000, 28, 28), dtype('uint8'))
    """
    loaded = obtain(name, data_dir, offline=offline)
    return loaded.train, loaded.test


def obtain(
    name: str | Mapping = "auto",
    data_dir: str | os.PathLike | None = None,
    *,
    offline: bool | None = None,
    limits: Limits | None = None,
    progress: ProgressCallback | None = None,
) -> Loaded:
    """Load a set, together with notes for the user.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "strokes", "auto"}, or arguments of `from_folder`
        "auto" is MNIST if it is on disk or a mirror answers within 5 seconds, else strokes with a note. With a
        ``data_dir`` it is MNIST and nothing else.
    data_dir : path, optional
        Holds ``<set name>/<file>``, or the files in a layout of `layouts`. The default is LENET5_DATA_DIR, else the
        platform's cache folder.
    offline : bool, optional
        Use no network; the default is LENET5_OFFLINE.
    limits, progress : see `lenet5.datasets.download.ensure`

    Raises
    ------
    DataError
        The set cannot be had, or is malformed. ChecksumError: its bytes are not the published ones.
    ValueError
        The name is unknown.
    """
    if isinstance(name, Mapping):
        from .folder import from_folder

        return from_folder(**name)
    if name == "auto":
        return _auto(data_dir, offline, limits or Limits(patience=PATIENCE), progress)
    if name == "strokes":
        return _strokes()
    train_X, train_y, test_X, test_y = (
        file.path for file in fetch(name, data_dir, offline=offline, limits=limits, progress=progress)
    )
    classes = TABLE[name].classes
    return Loaded(name, _read(train_X, train_y, len(classes)), _read(test_X, test_y, len(classes)), classes)


def fetch(
    name: str,
    data_dir: str | os.PathLike | None = None,
    *,
    offline: bool | None = None,
    limits: Limits | None = None,
    progress: ProgressCallback | None = None,
) -> list[LocalFile]:
    """Ensure that the files of a published set exist; return them in the order of the table. See `obtain`."""
    if name not in TABLE:
        raise ValueError(f"no data set {name!r}; there are {', '.join(TABLE)}")
    dataset = TABLE[name]
    folder = download.expanded(data_dir) if data_dir else download.default_data_dir()
    if found := _found(folder, dataset):
        return found
    try:
        return download.ensure(
            folder / name,
            dataset.files,
            dataset.mirrors,
            offline=offline,
            limits=limits,
            progress=progress,
        )
    except ChecksumError:
        raise
    except DataError as error:
        places = ", ".join(map(str, _places(folder, dataset)))
        raise DataError(f"{error}; looked in {places} for {layouts.FORMS}") from None


def _places(folder: Path, dataset: Dataset) -> list[Path]:
    return layouts.folders(folder, dataset.name, dataset.torchvision)


def _found(folder: Path, dataset: Dataset) -> list[LocalFile] | None:
    """Return the four files in another layout than ours; None without them, or if one of ours exists."""
    names = [file.name for file in dataset.files]
    if any(os.path.exists(folder / dataset.name / name) for name in names):  # also False without the right to look
        return None
    others = {sha256: other.name for other in TABLE.values() for sha256 in other.contents}
    found = layouts.find(_places(folder, dataset), names, dataset.contents, others)
    return [LocalFile(path, None) for path in found] if found else None


def _auto(data_dir, offline, limits: Limits, progress: ProgressCallback | None) -> Loaded:
    """Load MNIST if it can be had soon; else, unless a folder was named, strokes and a note with the reason."""
    try:
        return obtain("mnist", data_dir, offline=offline, limits=limits, progress=progress)
    except DataError as error:
        if data_dir:
            raise
        return _strokes(f"MNIST cannot be had: {error}", "instead: strokes, digits drawn by a pen model")


def _strokes(*notes: str) -> Loaded:
    """Draw the built-in digits: the same images every time."""
    from .synthetic import strokes

    (n_train, seed_train), (n_test, seed_test) = STROKES_TRAIN, STROKES_TEST
    train, test = strokes.draw(n_train, seed=seed_train), strokes.draw(n_test, seed=seed_test)
    return Loaded("strokes", train, test, DIGITS, notes)


def _read(images: os.PathLike, labels: os.PathLike, classes: int) -> "tuple[np.ndarray, np.ndarray]":
    """Read images and their labels, and check that they belong together."""
    from .idx import read_idx

    X, y = read_idx(images, ndim=3), read_idx(labels, ndim=1)
    if len(X) != len(y):
        raise DataError(f"{images}: {len(X):,} images, but {labels} holds {len(y):,} labels; fetch both anew")
    if len(y) and y.max() >= classes:
        raise DataError(f"{labels}: label {y.max()}, but there are {classes} classes; fetch it anew")
    return X, y
