"""A web server on this machine that misbehaves on request.

``server.mirror("403")`` is a base URL whose every file is answered so; see the methods of `Faults`.
"""

import gzip
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!DOCTYPE html><html><body>Please sign in to this network.</body></html>"

#: The Content-Range of each of these, where a range is asked for; they give all where it is not.
RANGES = {
    "range": "bytes {start}-{last}/{size}",
    "rangeoftotalunknown": "bytes {start}-{last}/*",
    "rangeelsewhere": "bytes 7-{last}/{size}",
    "rangeofanother": "bytes {start}-{size}/{more}",
    "rangeinpart": "bytes {start}-{start}/{size}",
    "rangeunnamed": "none",
}


class Faults(BaseHTTPRequestHandler):
    """Each method named ``fault_...`` answers one GET its own way; ``self.body`` holds the right bytes."""

    def do_GET(self):
        _, fault, name = self.path.split("/", 2)
        self.server.asked.append((fault, name, dict(self.headers)))
        self.body = self.server.files[name]
        self.close_connection = True
        with suppress(OSError):  # the client may have had enough
            if fault in RANGES:
                self.answer_rest(RANGES[fault])
            elif fault.isdigit():
                self.answer(PAGE, int(fault), {"Content-Type": "text/html"})
            else:
                getattr(self, f"fault_{fault}")()

    def answer(self, body: bytes, status: int = 200, headers: dict | None = None, length: int | None = None):
        """Send a whole answer; ``length`` is what it claims, -1 for no claim."""
        self.send_response(status)
        length = len(body) if length is None else length
        fields = {"Content-Type": "application/octet-stream", **(headers or {})}
        if length >= 0:
            fields["Content-Length"] = str(length)
        for key, value in fields.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def wait(self, seconds: float = 30) -> bool:
        """Sit there until the server closes; True if it does."""
        return self.server.closing.wait(seconds)

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))

    def answer_rest(self, content_range: str = RANGES["range"], body: bytes | None = None, length: int | None = None):
        """Send what was asked for, or all; of a range the Content-Range, and the body, may be said to be others."""
        if not self.start:
            return self.answer(self.body, length=length)
        size = len(self.body)
        headers = {"Content-Range": content_range.format(start=self.start, last=size - 1, size=size, more=size + 1)}
        self.answer(self.body[self.start :] if body is None else body, 206, headers, length)

    def fault_rangelies(self):
        """Bytes of another place than it says."""
        self.answer_rest(body=self.body[: len(self.body) - self.start])

    def fault_rangeflip(self):
        """Another file, as a whole and in ranges."""
        self.body = bytes(len(self.body))
        self.answer_rest()

    def fault_rangetoolong(self):
        self.answer_rest(body=self.body[self.start :] + b"more", length=-1)

    def fault_rangestops(self):
        self.answer_rest(body=self.body[self.start :][:1000], length=-1)

    def fault_unsatisfiable(self):
        self.answer(PAGE, 416, {"Content-Type": "text/html"}) if self.start else self.answer(self.body)

    def fault_slow(self):
        """In pieces, some half a second for 300,000 bytes; ranges, too."""
        rest = self.body[self.start :]
        self.answer_rest(body=b"", length=-1) if self.start else self.answer(b"", length=-1)
        for place in range(0, len(rest), 10_000):
            self.wfile.write(rest[place : place + 10_000])
            if self.wait(0.015):
                return

    def fault_ok(self):
        self.answer(self.body)

    def fault_nolength(self):
        self.answer(self.body, length=-1)

    def fault_chunked(self):
        self.protocol_version = "HTTP/1.1"
        half = len(self.body) // 2
        parts = [self.body[:half], self.body[half:], b""]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
        self.answer(body, headers={"Transfer-Encoding": "chunked"}, length=-1)

    def fault_html(self):
        self.answer(PAGE, headers={"Content-Type": "text/html; charset=utf-8"})

    def fault_htmlunnamed(self):
        self.answer(PAGE, length=-1)

    def fault_short(self):
        self.answer(self.body[:1234], length=len(self.body))

    def fault_shortnolength(self):
        self.answer(self.body[:1234], length=-1)

    def fault_shortlength(self):
        self.answer(self.body[:1234])

    def fault_empty(self):
        self.answer(b"", length=-1)

    def fault_flip(self):
        body = bytearray(self.body)
        body[len(body) // 2] ^= 1
        self.answer(bytes(body))

    def fault_longer(self):
        self.answer(self.body + b"!", length=-1)

    def fault_endless(self):
        self.answer(self.body, length=-1)
        while not self.server.closing.is_set():
            self.wfile.write(bytes(1 << 16))
            self.server.sent_endless += 1 << 16

    def fault_stall(self):
        self.answer(self.body[:1234], length=len(self.body))
        self.wait()

    def fault_silent(self):
        self.wait()

    def fault_drip(self):
        self.answer(b"", length=len(self.body))
        for byte in self.body:
            self.wfile.write(bytes([byte]))
            if self.wait(0.02):
                return

    def fault_headerdrip(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.wait(0.02):
            self.wfile.write(b"x")

    def fault_reset(self):
        self.answer(self.body[:1234], length=len(self.body))
        self.wait(0.1)  # let the client have what was sent
        self.reset()

    def fault_resetatonce(self):
        self.reset()

    def reset(self):
        """Close with RST: lingering for no time at all."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.rfile.close()
        self.wfile.close()
        self.connection.close()

    def fault_garbage(self):
        self.wfile.write(b"220 ftp.example.org ready\r\n")

    def fault_encoded(self):
        """The right bytes, labelled as an encoding: many servers do so for files named .gz."""
        self.answer(self.body, headers={"Content-Encoding": "gzip"})

    def fault_gzipped(self):
        """Compressed once more for the way, though not asked to."""
        self.answer(gzip.compress(self.body), headers={"Content-Encoding": "gzip"})

    def redirect(self, url: str):
        self.answer(b"", 302, {"Location": url})

    def fault_redirect(self):
        self.redirect(self.path.replace("redirect", "ok"))

    def fault_toother(self):
        self.redirect(self.server.other.mirror("ok") + self.path.rpartition("/")[2])

    def fault_tofile(self):
        self.redirect("file:///etc/hostname")

    def fault_toftp(self):
        self.redirect("ftp://127.0.0.1/x")

    def fault_loop(self):
        self.redirect(self.path)

    def log_message(self, *args):
        pass


class FaultServer(ThreadingHTTPServer):
    """Serves ``files`` (name to bytes) below one folder a fault."""

    daemon_threads = False  # joined at the end, so that no socket is left open
    request_queue_size = 64

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Faults)
        self.files, self.asked, self.closing = files, [], threading.Event()
        self.sent_endless, self.other = 0, self

    def mirror(self, fault: str) -> str:
        """Base URL of the files, answered with ``fault``."""
        return f"http://127.0.0.1:{self.server_address[1]}/{fault}/"

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[FaultServer]:
    """Run a fault server in the background."""
    with FaultServer(files) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


@contextmanager
def deaf() -> Iterator[str]:
    """Base URL of a port where the connection is made and nothing ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@contextmanager
def unreachable() -> Iterator[str]:
    """Base URL of a port whose handshake is never answered: its queue is full, and nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        callers = []
        try:
            for _ in range(4):
                callers.append(socket.socket())
                callers[-1].setblocking(False)
                callers[-1].connect_ex(server.getsockname())
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            for caller in callers:
                caller.close()
