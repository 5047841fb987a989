"""The bytes of one URL, over http or https only, with a bound on every wait."""

import queue
import re
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

BLOCK = 1 << 16
REDIRECTS = 5
HTML_PAGE = "HTML page instead of the file"


class TransferError(Exception):
    """The reason why a URL did not give its file, in a few words."""


class CannotResume(TransferError):
    """The server cannot send only the rest of the file; the whole file may still be available."""


@dataclass(frozen=True)
class Limits:
    """How long to wait, in seconds, and how slow is too slow, in bytes per second.

    ``patience`` bounds the time until the first useful byte arrives, over all mirrors together. So a missing
    network is noticed in that time, however it fails.
    """

    connect: float = 3.0
    stall: float = 10.0
    slowest: float = 4096.0
    patience: float | None = None


def blocks(
    url: str, size: int, limits: Limits, wait: float, start: int = 0
) -> Generator[tuple[int, bytes], None, None]:
    """Yield the bytes of a file as they arrive, each block with its position; the first within ``wait`` seconds.

    Parameters
    ----------
    url : str
    size : int
        Bytes of the whole file. Without a stated length the server may send more or fewer all the same.
    limits : Limits
    wait : float
        Seconds.
    start : int
        Position of the first byte wanted; a server that gives whole files only begins at 0.

    Raises
    ------
    TransferError
        Nothing arrives, or too slowly, or the answer cannot be the file.

    Notes
    -----
    The connection lives in a thread of its own. No time limit of a socket covers the look-up of a name, or a server
    that sends single bytes now and then. A thread that hangs is left behind.
    """
    import requests  # noqa: F401  here and not in the thread, so that a broken installation is noticed

    box: queue.Queue[tuple[int, bytes] | TransferError | None] = queue.Queue(maxsize=64)
    stop = threading.Event()
    arguments = url, size, start, limits, box, stop
    try:
        threading.Thread(target=_pump, args=arguments, name="lenet5-fetch", daemon=True).start()
    except RuntimeError as error:  # the system gives no more threads
        raise TransferError(str(error)) from None
    came, seconds, since = None, wait, time.monotonic()  # bytes in the current period
    try:
        while True:
            try:
                item = box.get(timeout=max(0.0, since + seconds - time.monotonic()))
            except queue.Empty:
                what = f"only {came:,} bytes" if came else "no answer" if came is None else "no bytes"
                raise TransferError(f"{what} in {seconds:.1f} s") from None
            if isinstance(item, TransferError):
                raise item
            if item is None:
                return
            came = None if came is None else came + len(item[1])
            if came is None or came >= limits.slowest * limits.stall:
                came, seconds, since = 0, limits.stall, time.monotonic()
            yield item
    finally:
        stop.set()


def _pump(url: str, size: int, start: int, limits: Limits, box: queue.Queue, stop: threading.Event) -> None:
    """Put the items of `blocks` into ``box``, then None or a TransferError; end soon after ``stop`` is set."""

    def put(item) -> bool:
        while not stop.is_set():
            try:
                box.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    import requests

    try:
        with requests.Session() as session, closing(_answer(session, url, start, limits)) as response:
            place = _check_answer(response, size, start)
            # read1 gives what has arrived; raw, because a Content-Encoding would be part of the file
            while (block := response.raw.read1(BLOCK, decode_content=False)) and put((place, block)):
                place += len(block)
        put(None)
    except Exception as error:
        put(error if isinstance(error, TransferError) else TransferError(_reason(error)))


def _answer(session, url: str, start: int, limits: Limits):
    """Follow redirects, over http and https only, to an answer."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "lenet5"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = limits.connect, 2 * limits.stall  # only ends the thread: `blocks` gives up long before
    for hop in range(REDIRECTS + 1):
        scheme = urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise TransferError(f"{'redirect to ' if hop else ''}{scheme or 'no scheme'}: refused")
        answer = session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout)
        if not answer.is_redirect:
            return answer
        url = urljoin(url, answer.headers["location"])
        answer.close()
    raise TransferError(f"more than {REDIRECTS} redirects")


def _check_answer(response, size: int, start: int) -> int:
    """Refuse an answer that cannot be the file; return the position of its first byte in the file."""
    place = start if start and response.status_code == 206 else 0
    if place:
        _check_range(response.headers.get("content-range", ""), size, start)
    elif start and response.status_code == 416:
        raise CannotResume("HTTP 416")
    elif response.status_code != 200:
        raise TransferError(f"HTTP {response.status_code}")
    if "html" in response.headers.get("content-type", ""):
        raise TransferError(HTML_PAGE)
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) != size - place:
        raise TransferError(f"offers {int(length):,} bytes instead of {size - place:,}")
    return place


def _check_range(content_range: str, size: int, start: int) -> None:
    """Refuse any part of the file but the one from ``start`` to its end."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range.strip(), re.ASCII)
    if not found or found[1] != str(start) or found[2] != str(size - 1) or found[3] not in (str(size), "*"):
        raise CannotResume(f"gives another range than the one from {start:,} on")


def _reason(error: BaseException) -> str:
    """Find the plain cause in the nested exceptions of a network library."""
    import http.client
    import socket
    import ssl

    words = {
        socket.gaierror: "host name not found",
        ConnectionRefusedError: "connection refused",
        ConnectionError: "connection reset",
        ssl.SSLError: "no secure connection (TLS)",
        http.client.IncompleteRead: "connection closed",
        TimeoutError: "no answer in time",
        http.client.HTTPException: "malformed HTTP",
        ValueError: "no valid address",
    }
    layers = list(_layers(error))
    for kind, text in words.items():
        if any(isinstance(layer, kind) for layer in layers):
            return text
    return next((e.strerror for e in layers if isinstance(e, OSError) and e.strerror), type(error).__name__)


def _layers(error: object) -> Iterator[BaseException]:
    """Yield an exception and all that it wraps, as cause, context or argument."""
    todo, seen = [error], set()
    while todo:
        if isinstance(layer := todo.pop(), BaseException) and id(layer) not in seen:
            seen.add(id(layer))
            todo += [layer.__cause__, layer.__context__, getattr(layer, "reason", None), *layer.args]
            yield layer
