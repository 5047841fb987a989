"""Own images as people have them: folders of classes, or a table of paths, to arrays for training."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..errors import DataError, one_line
from ..nn.targets import joined
from ..preprocessing.preparation import IMAGE
from . import remarks
from .array_files import is_array_file, read_array_file
from .listing import TEST, TRAIN, VALIDATION, Found, LeftOut, Listing, in_order, list_folder
from .loaded import Loaded
from .near_duplicates import groups_of, near_duplicates
from .pixels import Facts, Report, Wanted, arranged, read_pixels
from .splitting import split_off
from .table import list_table

SHARE = 0.2  # of the images without a split of their own
FEWEST = 10  # images a class: of sets with fewer, all are trained on, since two a class judge nothing
MAX_CLASSES, MAX_LABEL = 256, 100  # of a model, and characters
PARTS = (TRAIN, VALIDATION, TEST)


@dataclass(frozen=True)
class Folder(Loaded):
    """A set of own images.

    Attributes
    ----------
    train, validation, test : images and what they show
        Images are uint8, (N, size, size) if grey or (N, 3, size, size) if colour. Labels are uint8 (N,), indices
        into ``classes``; see `Loaded` for numbers. A part may be empty.
    classes : names in the order of `listing.in_order`; none of a table of numbers
    files : the names of the images of "train", "validation" and "test"
    left_out : what is not used, and why
    size, channels : of the images
    notes : lines for the user: what is odd
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    size: int = 32
    channels: int = 1


def from_folder(
    path: str | os.PathLike,
    size: int = 32,
    channels: int | None = None,
    *,
    validation: float | None = None,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    preparation: str = IMAGE.kind,
    threads: int | None = None,
    report: Report = lambda done, total: None,
) -> Folder:
    """Read images whose folders, or a table, say what they show.

    Parameters
    ----------
    path : folder or CSV
        ``train|val|test/<class>/...``, or ``<class>/...``; or a CSV whose paths start from its folder. Its columns are
        path and label, path and target (for numbers), or all three, and perhaps split.
    size : int
        The side of the images, whatever their own: see `lenet5.preprocessing.whole`.
    channels : 1, 3 or None
        Grey or colour; None: colour if any image has colours.
    validation : float, optional
        Where there are no validation images, the share of the others that become such, 0..1, of each class alike; a
        whole number from 1 on is how many. Near duplicates stay on one side. Unless given, a fifth, and none of a set
        with fewer than ten images a class.
    seed : int
        Of that choice.
    classes : names, optional
        The classes to look for, in this order, as of a model; images of others are left out.
    preparation : "image", or "digit" for models of digits, which are cut out and centred
    threads : int, optional
        Processes that decode.
    report : callable, optional
        Called with how many images are done, and how many there are.

    Raises
    ------
    DataError
        There is no such folder or table, or it has fewer than two classes with images that can be read.
    """
    if validation is not None and validation < 0:
        raise ValueError(f"validation is {validation!r}, expected a share below 1, or a number of images")
    prepared = None if is_array_file(os.fspath(path)) else preparation
    if prepared is None:  # as its maker prepared it
        listing, X, facts = read_array_file(os.fspath(path), size, channels)
    else:
        listing = _listing(os.fspath(path))
        if classes and any(isinstance(image.label, tuple) for image in listing.images):
            raise DataError(f"{one_line(path)}: a table of numbers, and the model is of classes; give a column label")
        _keep_known(listing, classes)
        X, facts = read_pixels(listing, Wanted(size, channels, preparation), threads, report)
    images = _readable(listing, facts)
    names = tuple(classes or in_order(image.label for image in images if isinstance(image.label, str)))
    y = _labels(images, names)
    _check_enough(path, listing, names, y, is_given=classes is not None)
    pairs = near_duplicates(X)
    parts = _parts(images, y, pairs, validation, seed)
    notes = remarks.all_of(images, facts, names, y, parts, pairs) + remarks.none_apart(parts, validation)
    order = np.argsort(parts, kind="stable")
    X = X if (order[1:] > order[:-1]).all() else arranged(X, order)
    cuts = np.searchsorted(parts[order], range(1, len(PARTS)))
    train, held_out, test = zip(np.split(X, cuts), np.split(_with_targets(y, images)[order], cuts), strict=True)
    files = [[images[place].name for place in some] for some in np.split(order, cuts)]
    source = {"path": os.path.abspath(path), "size": size, "channels": channels, "validation": validation, "seed": seed}
    return Folder(
        one_line(path), train, test, names, tuple(notes), prepared, held_out, source,
        dict(zip(PARTS, files, strict=True)), tuple(listing.left_out), size, facts.channels,
    )  # fmt: skip


def _listing(path: str) -> Listing:
    shown = one_line(path)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise DataError(f"{shown}: no such folder or table; check the name")
        return list_table(path)
    try:
        return list_folder(path)
    except OSError as error:
        raise DataError(f"{shown}: cannot be read ({error.strerror}); check its permissions") from None


def _keep_known(listing: Listing, classes: Sequence[str] | None) -> None:
    """Leave out images whose class has no proper name, or is not to be learnt; one line for each class."""
    trained = {image.label for image in listing.images if image.split in (None, TRAIN)}
    known = set(classes) if classes is not None else trained
    unknown: dict[str, list[Found]] = {}
    for image in listing.images:
        if isinstance(image.label, str) and ((image.label not in known and known) or not _is_name(image.label)):
            unknown.setdefault(image.label, []).append(image)
    for label, images in unknown.items():
        reason = "has no training images" if classes is None else "is not a class of the model"
        reason = reason if _is_name(label) else f"is not a name of 1 to {MAX_LABEL} characters that can be printed"
        listing.leave_out(label, f"{reason}; {len(images):,} images")
    listing.images = [image for image in listing.images if image.label not in unknown]


def _is_name(label: str) -> bool:
    return label.isprintable() and 1 <= len(label) <= MAX_LABEL


def _readable(listing: Listing, facts: Facts) -> list[Found]:
    """The images that could be read; the others are left out."""
    for place, reason in facts.bad.items():
        listing.leave_out(listing.images[place].name, reason)
    return [image for place, image in enumerate(listing.images) if place not in facts.bad]


def _labels(images: list[Found], names: tuple[str, ...]) -> np.ndarray:
    """Indices of classes, uint8; or the numbers of a table, float64."""
    if not names:
        numbers = np.array([image.label for image in images], np.float64)
        return numbers[:, 0] if numbers.shape[1:] == (1,) else numbers
    if len(names) > MAX_CLASSES:
        raise DataError(f"{len(names):,} classes, a model has at most {MAX_CLASSES}; train on fewer")
    index = {name: k for k, name in enumerate(names)}
    if other := next((image for image in images if image.label not in index), None):
        raise DataError(f"{one_line(other.name)}: its class, {other.label}, is not a class of the model")
    return np.array([index[str(image.label)] for image in images], np.uint8)


def _with_targets(y: np.ndarray, images: list[Found]) -> np.ndarray:
    """Labels with the targets of a table that has both, see `targets.joined`; else ``y``."""
    return joined(y, np.array([image.targets for image in images])) if images[0].targets else y


def _check_enough(
    path: str | os.PathLike, listing: Listing, names: tuple[str, ...], y: np.ndarray, *, is_given: bool
) -> None:
    """DataError where nothing can be learnt, or judged, with the first reason."""
    shown = one_line(path)
    first = f" ({listing.left_out[0]})" if listing.left_out else ""
    if not len(y):
        needed = "each class needs a folder of its own, with images"
        if not os.path.isdir(path):
            needed = "a table needs a line for each image, with its path and label"
        raise DataError(f"{shown}: no image that can be used{first}; {needed}")
    if len(names) == 1 and not is_given:
        raise DataError(f"{shown}: only one class with images that can be read, {names[0]}{first}; two are needed")


def _parts(images: list[Found], y: np.ndarray, pairs: np.ndarray, validation: float | None, seed: int) -> np.ndarray:
    """The index in `PARTS` of each image; without validation images of its own, the set's training images give some."""
    parts = np.array([PARTS.index(image.split or TRAIN) for image in images])
    ours = np.flatnonzero(parts == 0)
    classes = y if y.dtype == np.uint8 else np.zeros(len(y), np.uint8)
    if validation is None:
        validation = SHARE if len(ours) >= FEWEST * len(np.unique(classes[ours])) else 0
    if (parts == 1).any() or not validation:
        return parts
    share = validation if validation < 1 else validation / max(1, len(ours))
    groups = groups_of(pairs, len(y))[ours]
    parts[ours[split_off(classes[ours], np.unique(groups, return_inverse=True)[1], share, seed)]] = 1
    return parts
