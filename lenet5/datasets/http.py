"""The bytes of one URL, over http or https and nothing else, with every wait bounded."""

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
    """Why a URL did not give its file, in a few words."""


class CannotResume(TransferError):
    """The server does not give the rest of the file alone; all of it may be had."""


@dataclass(frozen=True)
class Limits:
    """How long to wait, in seconds, and how slow is too slow, in bytes a second.

    ``patience`` bounds the time until the first byte of use arrives, over all mirrors together: with it, that
    there is no network is known in that time, however the network fails.
    """

    connect: float = 3.0
    stall: float = 10.0
    slowest: float = 4096.0
    patience: float | None = None


def blocks(
    url: str, size: int, limits: Limits, wait: float, start: int = 0
) -> Generator[tuple[int, bytes], None, None]:
    """Yield bytes of ``url``, a file of ``size``, as they come, each with its place; the first within ``wait`` seconds.

    They begin at ``start``, or at 0 where the server gives whole files only. TransferError where none come, too
    slowly, or where the answer cannot be the file. More or fewer bytes than ``size`` may come all the same where the
    server states no length.

    The connection lives in a thread of its own: no time limit of a socket covers the look-up of a name, or
    a server that sends a byte now and then. Whatever hangs there is left behind.
    """
    import requests  # noqa: F401  here and not in the thread, so that a broken installation is seen

    box: queue.Queue[tuple[int, bytes] | TransferError | None] = queue.Queue(maxsize=64)
    stop = threading.Event()
    arguments = url, size, start, limits, box, stop
    try:
        threading.Thread(target=_pump, args=arguments, name="lenet5-fetch", daemon=True).start()
    except RuntimeError as error:  # the system gives no more
        raise TransferError(str(error)) from None
    came, seconds, since = None, wait, time.monotonic()  # bytes of the present stretch of time
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
    """Put what `blocks` yields into ``box``, then None, or a TransferError; end soon after ``stop`` is set."""

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
            # read1: what has come, as it comes; raw: a Content-Encoding is none of our business
            while (block := response.raw.read1(BLOCK, decode_content=False)) and put((place, block)):
                place += len(block)
        put(None)
    except Exception as error:
        put(error if isinstance(error, TransferError) else TransferError(_reason(error)))


def _answer(session, url: str, start: int, limits: Limits):
    """Follow redirects over http and https, and nothing else, to an answer."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "lenet5"}
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = limits.connect, 2 * limits.stall  # only to end the thread: `blocks` has judged long before
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
    """Refuse what cannot be the file before its first byte; the place in the file of the first byte."""
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
    """Refuse any other part of the file than the one from ``start`` to its end."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", content_range.strip(), re.ASCII)
    if not found or found[1] != str(start) or found[2] != str(size - 1) or found[3] not in (str(size), "*"):
        raise CannotResume(f"gives another range than the one from {start:,} on")


def _reason(error: BaseException) -> str:
    """Find the plain cause in the layers of a network library's exception."""
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
    """Yield an exception and all that it wraps, as its cause, its context or an argument."""
    todo, seen = [error], set()
    while todo:
        if isinstance(layer := todo.pop(), BaseException) and id(layer) not in seen:
            seen.add(id(layer))
            todo += [layer.__cause__, layer.__context__, getattr(layer, "reason", None), *layer.args]
            yield layer
