"""A published file, and what has come of it so far: accepted only if every byte is the published one."""

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from .http import HTML_PAGE, TransferError


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name below every mirror, its length, the SHA-256 of its bytes in hexadecimal."""

    name: str
    size: int
    sha256: str


class WrongBytes(TransferError):
    """The mirror gave a whole file, and it is another one."""


class PartialFile:
    """What has come so far of ``file``: an open file, the number of its bytes, and their digest."""

    def __init__(self, stream: BinaryIO, file: RemoteFile):
        self.stream, self.file = stream, file
        self.digest = hashlib.file_digest(stream, "sha256")  # type: ignore[arg-type]  # BinaryIO lacks readinto
        self.n_bytes = stream.tell()
        if self.n_bytes > file.size:
            self.restart()

    def restart(self) -> None:
        """Begin anew."""
        self.stream.seek(0)
        self.stream.truncate()
        self.digest, self.n_bytes = hashlib.sha256(), 0

    def add(self, place: int, block: bytes) -> None:
        """Take the bytes at ``place``, where the ones before end, or at 0, where all of them come again."""
        if place != self.n_bytes:
            self.restart()
        if self.n_bytes + len(block) > self.file.size:
            self.restart()
            raise TransferError(f"sends more than {self.file.size:,} bytes")
        rest = memoryview(block)
        while rest:
            rest = rest[self.stream.write(rest) :]
        self.digest.update(block)
        self.n_bytes += len(block)

    def check(self) -> None:
        """TransferError, with nothing kept of what cannot become the file, unless this is all of it."""
        if self.n_bytes < self.file.size:
            raise TransferError(self._what_came())
        if (got := self.digest.hexdigest()) != self.file.sha256:
            self.restart()
            raise WrongBytes(f"wrong SHA-256: got {got}")

    def _what_came(self) -> str:
        self.stream.seek(0)
        if self.stream.read(256).lstrip()[:1] == b"<":
            self.restart()
            return HTML_PAGE
        self.stream.seek(self.n_bytes)
        return f"stopped after {self.n_bytes:,} of {self.file.size:,} bytes"
