"""The pixels of a user's images: decoded by several processes, in bounded memory, and kept for the next time.

Large sets are kept in the user's cache folder as one file, which is memory-mapped. It is named after the names, sizes
and times of the images, so it is found again only while none of them has changed. Each set has one such file.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import PIL

from ..errors import PictureError, one_line
from ..preprocessing.batch import mapped
from ..preprocessing.normalization import no_digit, stages
from ..preprocessing.preparation import IMAGE, Preparation
from ..preprocessing.whole import read_whole
from ..utils.files import atomic_path, atomic_write, parse_json
from ..utils.memmap import Pages
from .listing import Listing

VERSION = 1  # of how images are prepared: another one makes all anew
MIN_KEPT = 1000  # images: fewer are decoded as quickly as they are looked up
MAX_IN_MEMORY = 2**25  # bytes: of larger sets the pages that are needed are read
CHUNK = 256  # images: taken in any order, each brings some 64 KB of the file into memory
_KINDS = {
    ".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".gif": "GIF", ".bmp": "BMP", ".webp": "WEBP", ".tif": "TIFF",
    ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM",
}  # fmt: skip
Report = Callable[[int, int], None]


class Wanted(NamedTuple):
    """What images are to become: their side, 1 or 3 channels (None: 3 if any has colours), and a `Preparation.kind`."""

    size: int
    channels: int | None
    preparation: str


@dataclass
class Facts:
    """What is known of a set beside its pixels.

    Attributes
    ----------
    n : int, images that could be read
    channels : 1 or 3
    bad : why an image cannot be read, by its place in the listing
    remarks : names of images that could be read although something is odd, by what it is
    """

    n: int = 0
    channels: int = 1
    bad: dict[int, str] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)


def read_pixels(listing: Listing, wanted: Wanted, threads: int | None, report: Report) -> tuple[np.ndarray, Facts]:
    """The images of a listing as they are wanted: uint8 (N, S, S); (N, 3, S, S) if channels is 3 or any has colours.

    ``report`` is called with how many are done, and how many there are.
    """
    base = _place(listing, wanted) if len(listing.images) >= MIN_KEPT else None
    if base and (kept := _kept(base, wanted.size)):
        return kept
    if base is None:
        stream = io.BytesIO()
        facts = _decode(listing, wanted, threads, report, stream)
        return np.frombuffer(stream.getbuffer(), np.uint8).reshape(_shape(facts, wanted.size)), facts
    with atomic_path(base.with_suffix(".pixels")) as part, open(part, "w+b") as file:
        facts = _decode(listing, wanted, threads, report, file)
    atomic_write(base.with_suffix(".json"), json.dumps(asdict(facts)))
    _remove_older(base)
    return _mapped_file(base, facts, wanted.size), facts


def arranged(X: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Images in another order: of a memory map a second one, beside its file, else a copy."""
    if not isinstance(X, np.memmap) or X.filename is None:
        return X[order]
    path = Path(X.filename)
    path = path.with_name(f"{path.stem}.{hashlib.sha256(order.tobytes()).hexdigest()[:16]}.arranged")
    if not path.exists() or path.stat().st_size != X.nbytes // len(X) * len(order):
        for other in path.parent.glob(f"{path.name.split('.')[0]}.*.arranged"):
            other.unlink(missing_ok=True)
        with atomic_path(path) as part, open(part, "wb") as file:
            for start in range(0, len(order), CHUNK):
                file.write(np.ascontiguousarray(X[order[start : start + CHUNK]]).data)
                Pages(X).release()
    return np.memmap(path, np.uint8, "r", shape=(len(order), *X.shape[1:]))


def _place(listing: Listing, wanted: Wanted) -> Path | None:
    """Where the set is kept, without an ending; None where there is no such folder."""
    import platformdirs

    digest = hashlib.sha256(f"{VERSION} {PIL.__version__}".encode())
    for image in listing.images:
        digest.update(f"{image.name}\0{image.stamp}\0".encode(errors="surrogateescape"))
    whose = hashlib.sha256(f"{os.path.abspath(listing.root)}\0{wanted}".encode(errors="surrogateescape"))
    try:
        folder = platformdirs.user_cache_path("lenet5", appauthor=False) / "folders"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    name = f"{whose.hexdigest()[:16]}-{digest.hexdigest()[:32]}"
    return folder / name if folder.is_absolute() and os.access(folder, os.W_OK) else None


def _kept(base: Path, size: int) -> tuple[np.ndarray, Facts] | None:
    """The set as it was kept; None where it was not, or not wholly."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        document = parse_json(base.with_suffix(".json").read_bytes())
        bad = {int(place): reason for place, reason in document.pop("bad").items()}
        facts = Facts(**document, bad=bad)
        return _mapped_file(base, facts, size), facts
    return None


def _mapped_file(base: Path, facts: Facts, size: int) -> np.ndarray:
    """The pixels in a file; ValueError where it has another size."""
    path, shape = base.with_suffix(".pixels"), _shape(facts, size)
    n_bytes = int(np.prod(shape))
    if path.stat().st_size != n_bytes:
        raise ValueError("not what was written")
    if n_bytes <= MAX_IN_MEMORY:
        return np.fromfile(path, np.uint8).reshape(shape)
    return np.memmap(path, np.uint8, "r", shape=shape)


def _remove_older(base: Path) -> None:
    """What was kept of the set as it was before."""
    for path in base.parent.glob(f"{base.name.split('-')[0]}-*"):
        if path.name.split(".")[0] != base.name:
            path.unlink(missing_ok=True)


def _shape(facts: Facts, size: int) -> tuple[int, ...]:
    return (facts.n, 3, size, size) if facts.channels == 3 else (facts.n, size, size)


def _decode(listing: Listing, wanted: Wanted, threads: int | None, report: Report, file: BinaryIO) -> Facts:
    """Write the pixels of each image that can be read."""
    facts, total = Facts(channels=wanted.channels or 1), len(listing.images)
    read = partial(_read, root=listing.root, wanted=wanted)
    names = (image.name for image in listing.images)
    for place, (name, (pixels, told)) in enumerate(mapped(read, names, threads)):
        if pixels is None:
            facts.bad[place] = told
        else:
            if pixels.ndim == 3 and facts.channels == 1:
                _colour(file, facts, wanted.size)
            file.write((pixels if facts.channels == 1 or pixels.ndim == 3 else np.repeat(pixels[None], 3, axis=0)).data)
            facts.n += 1
            if told:
                facts.remarks.setdefault(told, []).append(name)
        report(place + 1, total)
    return facts


def _read(name: str, root: str, wanted: Wanted) -> tuple[np.ndarray | None, str]:
    """The pixels of an image and what is odd about it; or None and why it cannot be read."""
    path = os.path.join(root, name)
    try:
        if wanted.preparation != IMAGE.kind:
            return _cut_out(path, Preparation(wanted.preparation)), ""
        image = read_whole(path, wanted.size, wanted.channels)
    except PictureError as error:
        return None, str(error).removeprefix(f"{one_line(path)}: ")
    if image.is_exif_damaged:
        return image.pixels, "damaged EXIF, so perhaps not upright"
    kind = "JPEG" if image.format == "MPO" else image.format
    told = _KINDS.get(os.path.splitext(name)[1].lower(), kind)
    return image.pixels, "" if told == kind else "another kind of file than the name says"


def _cut_out(path: str, preparation: Preparation) -> np.ndarray:
    """The input (S, S) that the pipeline of digits makes of an image; NoDigitError where it finds none."""
    found = stages(path, preparation=preparation)
    if found.input is None:
        raise no_digit(path, found)
    return np.rint(found.input[0] * 255).astype(np.uint8)


def _colour(file: BinaryIO, facts: Facts, size: int) -> None:
    """Give the grey images in a file three channels, in place: from the last to the first."""
    for start in reversed(range(0, facts.n, CHUNK)):
        file.seek(start * size * size)
        grey = np.frombuffer(file.read(min(CHUNK, facts.n - start) * size * size), np.uint8)
        file.seek(start * size * size * 3)
        file.write(np.repeat(grey.reshape(-1, 1, size * size), 3, axis=1).data)
    file.seek(facts.n * size * size * 3)
    facts.channels = 3
