"""Files fetched from one of several mirrors, accepted only if every byte is the published one.

Size and SHA-256 are known before anything is asked for, so a mirror need not be trusted, only tried. A file appears
under its name whole and right, or not at all. What came before an interruption is kept beside it, and only the rest is
asked for next time. One process fetches a file; others wait for it.
"""

import errno
import hashlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ChecksumError, DataError, one_line
from ..utils.files import part_of, publish, remove_orphan, remove_orphans, resumable_part
from .http import CannotResume, Limits, TransferError, blocks
from .remote_file import PartialFile, RemoteFile, WrongBytes

MISSING = "missing"
NOTE = logging.INFO + 5  # of the log: what to say beside a progress bar, though nothing is wrong
SECONDS_BETWEEN_LOOKS = 0.1  # while another process fetches the file
ProgressCallback = Callable[[str, int, int], None]
log = logging.getLogger("lenet5")


@dataclass(frozen=True)
class LocalFile:
    """A file that is there and right; ``source`` is the URL that this process has just fetched it from, or None."""

    path: Path
    source: str | None


def default_data_dir() -> Path:
    """Where data sets are kept: LENET5_DATA_DIR, else the platform's cache folder; DataError without a home."""
    if path := os.environ.get("LENET5_DATA_DIR"):
        return expanded(path)
    import platformdirs

    try:
        folder = platformdirs.user_cache_path("lenet5", appauthor=False)
    except RuntimeError:
        folder = Path("~")
    if not folder.is_absolute():  # the user has no home folder
        raise DataError("there is no home folder to keep data in; name a data folder (--data-dir, LENET5_DATA_DIR)")
    return folder


def expanded(path: str | os.PathLike) -> Path:
    """A data folder with ~ and ~user expanded; DataError where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        name = one_line(path)
        raise DataError(
            f"{name}: no such home folder; name another data folder (--data-dir, LENET5_DATA_DIR)"
        ) from None


def is_offline(offline: bool | None = None) -> bool:
    """Whether the network is forbidden: ``offline``, else LENET5_OFFLINE, else not."""
    if offline is None:
        word = os.environ.get("LENET5_OFFLINE", "").strip().lower()
        if word not in {"", "0", "false", "no", "off", "1", "true", "yes", "on"}:
            raise ValueError(f"LENET5_OFFLINE is {word!r}, expected 1 or 0")
        return word in {"1", "true", "yes", "on"}
    return offline


def fault(path: Path, file: RemoteFile) -> str | None:
    """What is wrong at ``path``: None, ``MISSING``, or a few words. DataError if it cannot be read."""
    with _explained(path):
        try:
            status = path.stat()
        except FileNotFoundError:
            return MISSING
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a folder not replaced
            raise DataError(f"{path}: is not a regular file; remove it")
        if status.st_size != file.size:
            return f"{status.st_size:,} bytes instead of {file.size:,}"
        with open(path, "rb") as stream:
            got = hashlib.file_digest(stream, "sha256").hexdigest()
    return None if got == file.sha256 else f"wrong SHA-256: got {got}"


def ensure(
    folder: str | os.PathLike,
    files: Sequence[RemoteFile],
    mirrors: Sequence[str],
    *,
    offline: bool | None = None,
    limits: Limits | None = None,
    progress: ProgressCallback | None = None,
) -> list[LocalFile]:
    """Make ``folder`` hold ``files``: check those that are there, fetch those that are missing or wrong.

    Parameters
    ----------
    mirrors : sequence of str
        Base URLs, tried in turn; http or https. Each failure is logged as a warning to the logger "lenet5".
    offline : bool, optional
        Forbid the network; LENET5_OFFLINE if not given.
    progress : callable, optional
        Called as ``progress(file name, bytes so far, bytes in all)``.

    Raises
    ------
    ChecksumError
        Offline and a file is wrong, or mirrors answered and none had the right bytes.
    DataError
        Missing and not to be had, or the folder cannot be written to.
    """
    folder = Path(folder)
    faults = {file: fault(folder / file.name, file) for file in files}
    _tidy(folder, faults)
    if is_offline(offline):
        _refuse(folder, faults)
    fetcher = _Fetcher(mirrors, limits or Limits(), progress or (lambda name, done, total: None))
    found = []
    for file, wrong in faults.items():
        path = folder / file.name
        if wrong and wrong != MISSING:
            log.warning("%s: %s; fetching it anew", path, wrong)
        found.append(LocalFile(path, fetcher.fetch(path, file) if wrong else None))
    return found


def _tidy(folder: Path, faults: dict[RemoteFile, str | None]) -> None:
    """Remove what killed processes left and nobody can use any more."""
    for file, wrong in faults.items():
        remove_orphans(folder, file.name)
        if not wrong:
            remove_orphan(part_of(folder / file.name))


def _refuse(folder: Path, faults: dict[RemoteFile, str | None]) -> None:
    """Offline, what is not there and right is an error."""
    for file, wrong in faults.items():
        if wrong == MISSING:
            raise DataError(f"{folder / file.name}: missing; offline, so put it there by hand, or run lenet5 download")
        if wrong:
            raise ChecksumError(f"{folder / file.name}: {wrong}; offline, so it cannot be fetched anew")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the file system can raise into one line."""
    try:
        yield
    except OSError as error:
        why = "is not a folder" if isinstance(error, FileExistsError) else error.strerror or error
        room = "free some space, or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        todo = f"{room}name another data folder (--data-dir, LENET5_DATA_DIR)"
        raise DataError(f"{path}: {why}; {todo}") from error


class _Fetcher:
    """Fetches file after file, remembering which mirrors failed and how much patience is left."""

    def __init__(self, mirrors: Sequence[str], limits: Limits, progress: ProgressCallback):
        self.mirrors, self.limits, self.progress = list(mirrors), limits, progress
        self.deadline = None if limits.patience is None else time.monotonic() + limits.patience
        self.n_seen: int | None = None  # bytes that another process had when we began to wait for it

    def fetch(self, path: Path, file: RemoteFile) -> str | None:
        """Put ``file`` at ``path``; the URL that gave it, or None if another process did."""
        with _explained(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            # before any network: a folder not to be written to fails at once
            with resumable_part(path, lambda n_bytes: self._wait_turn(path, n_bytes)) as part:
                if fault(path, file) is None:
                    return None
                url = self._from_any(PartialFile(part, file), path.parent)
                publish(part, path)
        if url:
            log.info("%s: %s bytes from %s", path, f"{file.size:,}", url)
        return url

    def _wait_turn(self, path: Path, n_bytes: int) -> None:
        """Wait a moment for another process that fetches ``path``, and has ``n_bytes`` of it."""
        if self.n_seen is None:
            log.log(NOTE, "%s: another process is fetching it; waiting for that", path)
            self.n_seen = n_bytes
        if n_bytes != self.n_seen:
            self.deadline = None  # there is a network
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise DataError(f"{path}: another process is fetching it, and nothing comes; check the network")
        time.sleep(SECONDS_BETWEEN_LOOKS)

    def _from_any(self, partial: PartialFile, folder: Path) -> str | None:
        """Try the mirrors in turn; those that fail go to the end of the list for the files to come.

        None where all had come before.
        """
        with suppress(TransferError):
            partial.check()
            return None
        failures: list[str] = []
        kind: type[DataError] = DataError
        name = partial.file.name
        for mirror in tuple(self.mirrors):
            url = f"{mirror.rstrip('/')}/{name}"
            try:
                self._receive(url, partial, self._wait(len(self.mirrors) - len(failures)))
                return url
            except TransferError as error:
                log.warning("%s: %s", url, error)
                failures.append(f"{mirror.rstrip('/')}: {error}")
                kind = ChecksumError if isinstance(error, WrongBytes) else kind
                self.mirrors.append(self.mirrors.pop(0))
        todo = f"check the network, or put the file into {folder} by hand"
        raise kind(f"no mirror gave {name} ({'; '.join(failures)}); {todo}")

    def _wait(self, mirrors_left: int) -> float:
        """Seconds to wait for this mirror's first byte."""
        if self.deadline is None:
            return self.limits.stall
        return max(0.0, self.deadline - time.monotonic()) / mirrors_left

    def _receive(self, url: str, partial: PartialFile, wait: float) -> None:
        """Collect the rest from ``url``, or all of it where the rest does not fit; TransferError unless it is right."""
        if partial.n_bytes:
            try:
                self._complete(url, partial, wait)
                return
            except TransferError as error:
                if isinstance(error, CannotResume):
                    partial.restart()
                if partial.n_bytes:  # right so far
                    raise
                log.warning("%s: %s; fetching it from the start", url, error)
        self._complete(url, partial, wait)

    def _complete(self, url: str, partial: PartialFile, wait: float) -> None:
        """Add what ``url`` gives; TransferError unless the file is complete and right then."""
        file, came = partial.file, False
        try:
            with closing(blocks(url, file.size, self.limits, wait, partial.n_bytes)) as got:
                for place, block in got:
                    self.deadline, came = None, True  # there is a network
                    partial.add(place, block)
                    self.progress(file.name, partial.n_bytes, file.size)
        except TransferError as error:
            so_far = f" after {partial.n_bytes:,} of {file.size:,} bytes" if came and partial.n_bytes else ""
            raise type(error)(f"{error}{so_far}") from error
        partial.check()
