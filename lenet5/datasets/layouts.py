"""Other layouts of a published set's files: unpacked, under dotted names, or in torchvision's folders."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..errors import ChecksumError

FORMS = "train-images-idx3-ubyte, train-images.idx3-ubyte and so on, with and without .gz"


def folders(data_dir: Path, name: str, torchvision: str) -> list[Path]:
    """Return the folders to search for the set ``name``, the usual one first."""
    kept = data_dir / torchvision
    return [data_dir / name, kept / "raw", data_dir, data_dir / "raw"]


def find(
    places: Sequence[Path], names: Sequence[str], contents: Sequence[str], others: Mapping[str, str]
) -> list[Path] | None:
    """Find the files in the first folder that has all of them in some form; None without such a folder.

    Parameters
    ----------
    places : folders to search
    names : the published names, with .gz
    contents : the SHA-256 of each file's values, unpacked and without the header
    others : the sets to which other such hashes belong, for the error message

    Raises
    ------
    DataError
        A file is malformed. ChecksumError: its values are not the published ones.
    """
    for folder in places:
        found = (next(filter(os.path.isfile, _forms(folder, name)), None) for name in names)
        paths = [path for path in found if path]
        if len(paths) == len(names):
            for path, sha256 in zip(paths, contents, strict=True):
                _check(path, sha256, others)
            return paths
    return None


def _forms(folder: Path, name: str) -> Iterator[Path]:
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return (folder / form for form in (name, plain, f"{dotted}.gz", dotted))


def _check(path: Path, sha256: str, others: Mapping[str, str]) -> None:
    from .idx import read_idx

    got = hashlib.sha256(read_idx(path).data).hexdigest()
    if got != sha256:
        what = f"the values of {others[got]}" if got in others else f"not the published values (SHA-256 {got})"
        raise ChecksumError(f"{path}: holds {what}; name another data set or data folder")
