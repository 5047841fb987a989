"""Which images a user's set has, what each shows and where it belongs: from folders, or from a table."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import one_line

TRAIN, VALIDATION, TEST = "train", "validation", "test"
#: Names of folders, and of the column `split` of a table.
SPLITS = {
    "train": TRAIN, "training": TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION,
    "test": TEST, "testing": TEST,
}  # fmt: skip
MAX_DEPTH = 32  # folders within folders
_LITTER = {"thumbs.db", "desktop.ini", "__macosx"}  # what systems leave in folders; names with a leading dot, too


class Found(NamedTuple):
    """An image of a set.

    Attributes
    ----------
    name : str, its path from the folder of the set
    label : str, the name of its class; of a table of numbers tuple of float
    split : "train", "validation", "test", or None where it is to be decided
    stamp : (bytes, nanoseconds), size and time of the file, (0, 0) where it cannot be looked at
    targets : numbers that a table has beside a label
    """

    name: str
    label: str | tuple[float, ...]
    split: str | None
    stamp: tuple[int, int]
    targets: tuple[float, ...] = ()


class LeftOut(NamedTuple):
    """A file or folder that is not used, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{one_line(self.name)}: {self.reason}" if self.name else self.reason


@dataclass
class Listing:
    """The images of a set in order, by their names from ``root``, and what was left out."""

    root: str
    images: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, name: str, reason: str) -> None:
        self.left_out.append(LeftOut(name, reason))


def list_folder(root: str) -> Listing:
    """The images below ``train|val|test/<class>/``, or below ``<class>/``; OSError where the folder cannot be read."""
    listing = Listing(root)
    folders, files = _entries(root)
    for name in files:
        listing.leave_out(name, "lies in no folder of a class")
    if not _has_splits(root, folders):
        _add_classes(listing, "", folders, None)
        return listing
    for folder in folders:
        split = SPLITS.get(folder.lower())
        if split is None:
            listing.leave_out(folder, "is not one of train, val and test, which lie beside it")
            continue
        classes, files = _entries(os.path.join(root, folder))
        for name in files:
            listing.leave_out(os.path.join(folder, name), "lies in no folder of a class")
        _add_classes(listing, folder, classes, split)
    return listing


def _has_splits(root: str, folders: list[str]) -> bool:
    """Whether folders are splits. A class may be called train, too, but holds images then and not folders."""
    splits = [name for name in folders if name.lower() in SPLITS and _entries(os.path.join(root, name))[0]]
    return bool(splits) and (len(splits) == len(folders) or any(SPLITS[name.lower()] == TRAIN for name in splits))


def _add_classes(listing: Listing, folder: str, classes: Iterable[str], split: str | None) -> None:
    above = frozenset(_key(os.path.join(listing.root, name)) for name in ("", folder))
    for label in classes:
        name, before = os.path.join(folder, label), len(listing.images)
        for path, stamp in _walk(listing, name, above):
            listing.images.append(Found(path, label, split, stamp))
        if len(listing.images) == before:
            listing.leave_out(name, "a class without files")


def _walk(listing: Listing, folder: str, above: frozenset) -> Iterator[tuple[str, tuple[int, int]]]:
    """Names and stamps of all files below a folder, links followed; what cannot be is left out."""
    path = os.path.join(listing.root, folder)
    try:
        key = _key(path)
        if key in above:
            listing.leave_out(folder, "a link to a folder that holds it; remove the link")
            return
        folders, files = _entries(path)
    except OSError as error:
        listing.leave_out(folder, f"cannot be read ({error.strerror})")
        return
    for name in files:
        yield os.path.join(folder, name), stamp_of(os.path.join(path, name))
    for name in folders:
        if len(above) == MAX_DEPTH:
            listing.leave_out(os.path.join(folder, name), f"lies below more than {MAX_DEPTH} folders")
        else:
            yield from _walk(listing, os.path.join(folder, name), above | {key})


def _key(path: str) -> tuple[int, int]:
    """What tells a folder from others, however it is reached."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _entries(path: str) -> tuple[list[str], list[str]]:
    """Names of folders and of other files in a folder, by code point; litter is passed over."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(path) as entries:
        for entry in entries:
            if not entry.name.startswith(".") and entry.name.lower() not in _LITTER:
                (folders if _is_folder(entry) else files).append(entry.name)
    return sorted(folders), sorted(files)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def stamp_of(path: str) -> tuple[int, int]:
    """Size and time of a file; (0, 0) where it cannot be looked at, which is told when it is to be read."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return 0, 0
    return status.st_size, status.st_mtime_ns


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Names of classes by code point, as other programs sort them; whole numbers, if all are, by their value."""
    names = set(labels)
    if all(name.isascii() and name.isdecimal() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
