"""Downloads from a server that misbehaves: the right bytes or none, a line a fault, no wait without end."""

import errno
import hashlib
import logging
import os
import random
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import platformdirs
import pytest
from faultserver import deaf, serving, unreachable

from lenet5 import datasets
from lenet5.datasets import http
from lenet5.datasets.download import LocalFile, RemoteFile, default_data_dir, ensure, fault, is_offline
from lenet5.datasets.http import Limits, TransferError
from lenet5.errors import ChecksumError, DataError
from lenet5.utils.files import publish, resumable_part

BODY = hashlib.shake_256(b"seed").digest(300_000)
LABELS = b"\0\1\2" * 100
SHORT = Limits(connect=0.5, stall=0.4, slowest=1000)
#: For mirrors that are not waited for: a busy machine may let the server wait longer than `SHORT`.
AMPLE = Limits(connect=20, stall=20, slowest=1)


def remote(name: str, body: bytes) -> RemoteFile:
    return RemoteFile(name, len(body), hashlib.sha256(body).hexdigest())


FILES = remote("images.gz", BODY), remote("labels.gz", LABELS)


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy between the tests and their server, no setting from outside."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("LENET5_OFFLINE", raising=False)
    monkeypatch.delenv("LENET5_DATA_DIR", raising=False)


@pytest.fixture(scope="module")
def server():
    with serving({"images.gz": BODY, "labels.gz": LABELS}) as one, serving(one.files) as other:
        one.other = other
        yield one


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data" / "set"


def names(folder: Path) -> list[str]:
    """All that is in the folder, hidden files too."""
    return sorted(os.listdir(folder)) if folder.exists() else []


def complete(folder: Path) -> bool:
    return names(folder) == ["images.gz", "labels.gz"] and not any(fault(folder / f.name, f) for f in FILES)


def fails(kind: type, folder: Path, mirrors: list[str], limits: Limits = SHORT, left: int | range = 0) -> str:
    """Fetch, expect exactly this error in one line, with so many bytes kept for next time, return the line."""
    before = [name for name in names(folder) if name != ".images.gz.part"]
    with pytest.raises(DataError) as caught:
        ensure(folder, FILES, mirrors, limits=limits)
    assert type(caught.value) is kind
    assert_left(folder, left, before)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def assert_left(folder: Path, n_bytes: int | range, others: list[str] | None = None) -> None:
    """The first ``n_bytes`` of images.gz are kept to go on with, and nothing else beside ``others``."""
    kept = folder / ".images.gz.part"
    assert names(folder) == sorted([*(others or []), *([kept.name] if n_bytes else [])])
    if n_bytes:
        assert kept.stat().st_size in (n_bytes if isinstance(n_bytes, range) else [n_bytes])
        assert BODY.startswith(kept.read_bytes())


def ranges_asked(server, since: int) -> list[str | None]:
    """The Range of each request of images.gz since."""
    return [headers.get("Range") for _, name, headers in server.asked[since:] if name == "images.gz"]


# --- what works --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["ok", "nolength", "chunked", "encoded", "redirect", "toother"])
def test_right_bytes_arrive_however_they_are_sent(server, folder, way):
    found = ensure(folder, FILES, [server.mirror(way)], limits=AMPLE)
    assert complete(folder)
    assert found == [LocalFile(folder / file.name, server.mirror(way) + file.name) for file in FILES]


def test_progress_is_reported_to_the_last_byte(server, folder):
    calls = []
    ensure(folder, FILES, [server.mirror("ok")], progress=lambda *call: calls.append(call))
    assert calls[-1] == ("labels.gz", 300, 300)
    sizes = [done for name, done, total in calls if name == "images.gz"]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == len(BODY)


def test_files_that_are_there_are_not_asked_for(server, folder):
    ensure(folder, FILES, [server.mirror("ok")])
    asked = len(server.asked)
    assert [file.source for file in ensure(folder, FILES, [server.mirror("ok")])] == [None, None]
    assert [file.source for file in ensure(folder, FILES, [], offline=True)] == [None, None]
    assert len(server.asked) == asked


def test_files_that_are_there_need_no_right_to_write(server, folder):
    ensure(folder, FILES, [server.mirror("ok")])
    folder.chmod(0o500)
    try:
        assert len(ensure(folder, FILES, [])) == 2
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("wrong", [b"", b"x", BODY[:-1], BODY[:-1] + b"x", BODY + b"x"], ids=len)
def test_a_wrong_file_is_replaced_and_said_so(server, folder, caplog, wrong):
    ensure(folder, FILES, [server.mirror("ok")])
    (folder / "images.gz").write_bytes(wrong)
    ensure(folder, FILES, [server.mirror("ok")])
    assert complete(folder)
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert re.search(r"images.gz: (wrong SHA-256: got \w{64}|[\d,]+ bytes instead of 300,000); fetching it anew", line)


def test_no_encoding_is_asked_for(server, folder):
    ensure(folder, FILES, [server.mirror("ok")])
    assert server.asked[-1][2]["Accept-Encoding"] == "identity"


def test_a_mirror_that_failed_comes_last_for_the_next_file(server, folder):
    del server.asked[:]
    ensure(folder, FILES, [server.mirror("403"), server.mirror("ok")])
    assert [asked[:2] for asked in server.asked] == [
        ("403", "images.gz"),
        ("ok", "images.gz"),
        ("ok", "labels.gz"),
    ]


# --- mirrors that fail -------------------------------------------------------------------------------------

FAULTS = {
    "403": "HTTP 403",
    "404": "HTTP 404",
    "503": "HTTP 503",
    "206": "HTTP 206",
    "html": "HTML page instead of the file",
    "htmlunnamed": "HTML page instead of the file",
    "short": "connection closed after 1,234 of 300,000 bytes",
    "shortnolength": "stopped after 1,234 of 300,000 bytes",
    "shortlength": "offers 1,234 bytes instead of 300,000",
    "empty": "stopped after 0 of 300,000 bytes",
    "longer": r"sends more than 300,000 bytes",
    "endless": "sends more than 300,000 bytes",
    "gzipped": r"offers [\d,]+ bytes instead of 300,000",
    "stall": r"(no|only \d+) bytes in 0.4 s after 1,234 of 300,000 bytes",
    "silent": "no answer in 0.4 s",
    "headerdrip": "no answer in 0.4 s",
    "drip": r"only \d+ bytes in 0.4 s after \d+ of 300,000 bytes",
    "reset": "connection reset after 1,234 of 300,000 bytes",
    "resetatonce": "connection reset",
    "garbage": "malformed HTTP|connection reset",
    "tofile": "redirect to file: refused",
    "toftp": "redirect to ftp: refused",
    "loop": "more than 5 redirects",
    "flip": r"wrong SHA-256: got \w{64}",
}


#: Those that end with one of the `Limits`.
WAITED_FOR = {"stall", "silent", "headerdrip", "drip"}
#: How much of images.gz is kept after them; 0 for the others.
LEFT = {"short": 1234, "shortnolength": 1234, "stall": 1234, "reset": 1234, "drip": range(1, 100)}


def limits_for(name: str) -> Limits:
    return SHORT if name in WAITED_FOR else AMPLE


@pytest.mark.parametrize("name", FAULTS)
def test_a_mirror_that_fails_is_named_and_the_next_is_tried(server, folder, caplog, name):
    ensure(folder, FILES, [server.mirror(name), server.mirror("ok")], limits=limits_for(name))
    assert complete(folder)
    [line] = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(re.escape(server.mirror(name)) + f"images.gz: ({FAULTS[name]})", line)


@pytest.mark.parametrize("name", FAULTS)
def test_where_all_mirrors_fail_the_line_says_why_and_what_to_do(server, folder, name):
    kind = ChecksumError if name == "flip" else DataError
    line = fails(kind, folder, [server.mirror(name)], limits_for(name), left=LEFT.get(name, 0))
    todo = f"; check the network, or put the file into {folder} by hand"
    pattern = (
        re.escape(f"no mirror gave images.gz ({server.mirror(name)[:-1]}: ")
        + f"({FAULTS[name]})"
        + re.escape(f"){todo}")
    )
    assert re.fullmatch(pattern, line)


def test_an_endless_answer_is_cut_off_at_once(server, folder):
    server.sent_endless = 0
    fails(DataError, folder, [server.mirror("endless")])
    assert server.sent_endless < 32 << 20  # what fits in the system's buffers


def test_whole_wrong_bytes_from_one_mirror_are_a_matter_of_checksums(server, folder):
    line = fails(ChecksumError, folder, [server.mirror("404"), server.mirror("flip"), server.mirror("503")])
    assert [word in line for word in ("HTTP 404", "wrong SHA-256", "HTTP 503")] == [True] * 3


def test_addresses_that_lead_nowhere(server, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mirrors = [
        f"http://127.0.0.1:{port}/",
        "http://no-such-host.invalid/",
        "file:///etc/",
        "nonsense",
        "http://[",
    ]
    line = fails(DataError, folder, mirrors)
    for words in (
        "connection refused",
        "host name not found",
        "file: refused",
        "no scheme: refused",
        "no valid address",
    ):
        assert words in line


def test_a_certificate_is_checked(server, folder):
    line = fails(DataError, folder, [server.mirror("ok").replace("http:", "https:")])
    assert "no secure connection (TLS)" in line


def test_no_mirrors_at_all(folder):
    assert "no mirror gave images.gz" in fails(DataError, folder, [])


def test_a_wrong_file_stays_if_nothing_better_is_had(server, folder):
    folder.mkdir(parents=True)
    (folder / "images.gz").write_bytes(b"mine")
    fails(DataError, folder, [server.mirror("short")], left=1234)
    assert (folder / "images.gz").read_bytes() == b"mine"


# --- no network --------------------------------------------------------------------------------------------


def seconds_to_fail(folder: Path, mirrors: list[str], patience: float) -> float:
    began = time.perf_counter()
    fails(DataError, folder, mirrors, Limits(patience=patience))
    return time.perf_counter() - began


def test_patience_covers_all_mirrors_together(server, folder):
    with deaf() as mute, unreachable() as gone:
        mirrors = [mute, gone, server.mirror("silent"), server.mirror("headerdrip")]
        assert 0.7 < seconds_to_fail(folder, mirrors, 0.8) < 4


def test_patience_covers_a_name_server_that_hangs(folder, monkeypatch):
    release = threading.Event()

    def hang(*args, **kwargs):
        release.wait(20)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        assert 0.4 < seconds_to_fail(folder, ["http://a.example/", "https://b.example/"], 0.5) < 4
    finally:
        release.set()


def test_patience_leaves_each_mirror_its_share(server, folder):
    with deaf() as mute:
        ensure(folder, FILES, [mute, mute, server.mirror("ok")], limits=Limits(patience=2.7))
    assert complete(folder)


def test_patience_ends_with_the_first_byte(server, folder):
    began = time.perf_counter()
    line = fails(DataError, folder, [server.mirror("stall")], Limits(stall=0.6, patience=0.2), left=1234)
    assert "no bytes in 0.6 s after 1,234" in line
    assert time.perf_counter() - began < 4


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_asks_nobody(server, folder, monkeypatch, how):
    asked, offline = len(server.asked), True
    if how == "environment":
        monkeypatch.setenv("LENET5_OFFLINE", "yes")
        offline = None
    with pytest.raises(DataError, match=r"images.gz: missing; offline, so put it there by hand"):
        ensure(folder, FILES, [server.mirror("ok")], offline=offline)
    folder.mkdir(parents=True)
    (folder / "images.gz").write_bytes(BODY)
    (folder / "labels.gz").write_bytes(LABELS[::-1])
    with pytest.raises(ChecksumError, match=r"labels.gz: wrong SHA-256: got \w+; offline, so it cannot be"):
        ensure(folder, FILES, [server.mirror("ok")], offline=offline)
    assert len(server.asked) == asked


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("1", True),
        ("true", True),
        ("YES", True),
        ("on", True),
        ("0", False),
        ("No", False),
        ("false", False),
        ("", False),
    ],
)
def test_offline_from_the_environment(monkeypatch, value, meant):
    monkeypatch.setenv("LENET5_OFFLINE", value)
    assert is_offline() is meant
    assert is_offline(not meant) is not meant


@pytest.mark.parametrize("name", ["~no-such-user", "~no-such-user/data"])
def test_a_home_folder_that_there_is_not(monkeypatch, name):
    with pytest.raises(DataError, match=r"~no-such-user.*: no such home folder; name another data folder"):
        datasets.fetch("mnist", name, offline=True)
    monkeypatch.setenv("LENET5_DATA_DIR", name)
    with pytest.raises(DataError, match="no such home folder"):
        default_data_dir()


@pytest.mark.parametrize("found", [RuntimeError("no home"), Path("~/.cache/lenet5")])
def test_a_user_without_a_home_folder(monkeypatch, found):
    """Nothing goes to a folder called ~."""

    def user_cache_path(*args, **settings):
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.delenv("LENET5_DATA_DIR", raising=False)
    monkeypatch.setattr(platformdirs, "user_cache_path", user_cache_path)
    with pytest.raises(DataError, match="no home folder"):
        default_data_dir()


def test_no_thread_for_the_network(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(TransferError, match="can't start new thread"):
        list(http.blocks("http://localhost:9/x", 3, Limits(), 1))


def test_data_folder_is_from_the_environment_or_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_data_dir().name == "lenet5"
    monkeypatch.setenv("LENET5_DATA_DIR", "~/digits")
    assert default_data_dir() == Path.home() / "digits"


# --- the folder --------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 kB, where that may be mounted."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(server, small_disk):
    line = fails(DataError, small_disk / "set", [server.mirror("ok")])
    assert line.startswith(f"{small_disk}/set: No space left on device; free some space, or name another data folder")


def test_a_disk_that_fills_up_only_when_flushed(server, folder, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in fails(DataError, folder, [server.mirror("ok")])


def test_a_folder_that_cannot_be_written_to_fails_before_the_network(server, tmp_path):
    asked = len(server.asked)
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for bad, why in (("file", "Not a directory"), ("file/set", "Not a directory"), ("link", "is not a folder")):
        line = fails_to_write(server, tmp_path / bad)
        assert re.search(f"{tmp_path / bad}.*: {why}; name another data folder", line)
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert "Permission denied" in fails_to_write(server, tmp_path / "set")
        tmp_path.chmod(0o700)
    assert len(server.asked) == asked


def fails_to_write(server, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        ensure(folder, FILES, [server.mirror("ok")])
    return str(caught.value)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_not_replaced(server, folder, make):
    folder.mkdir(parents=True)
    make(folder / "images.gz")
    assert "is not a regular file; remove it" in fails(DataError, folder, [server.mirror("ok")])


# --- interrupted, and in company ---------------------------------------------------------------------------


def test_an_exception_on_the_way_leaves_what_came(server, folder):
    def interrupt(*call):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure(folder, FILES, [server.mirror("ok")], progress=interrupt)
    assert_left(folder, range(1, len(BODY) + 1))


SCRIPT = """
    from pathlib import Path
    from lenet5.datasets.download import RemoteFile, ensure
    files = {files!r}
    ensure(Path({folder!r}), files, [{mirror!r}], progress=lambda *call: print(*call, flush=True))
"""


def child(folder: Path, mirror: str) -> subprocess.Popen:
    """Fetch in another process."""
    script = textwrap.dedent(SCRIPT).format(files=FILES, folder=str(folder), mirror=mirror)
    path = os.pathsep.join(filter(None, sys.path))
    command, env = [sys.executable, "-c", script], {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_came_before_an_interruption_is_not_asked_for_again(server, folder, number):
    with child(folder, server.mirror("stall")) as process:
        assert process.stdout.readline() == "images.gz 1234 300000\n"
        assert len(names(folder)) == 1
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert_left(folder, 1234)
    asked = len(server.asked)
    ensure(folder, FILES, [server.mirror("range")])
    assert complete(folder)
    assert ranges_asked(server, asked) == ["bytes=1234-"]


def test_processes_at_once_do_not_disturb_each_other(server, folder):
    children = [child(folder, server.mirror("ok")) for _ in range(3)]
    for process in children:
        with process:
            _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    assert complete(folder)


def test_processes_at_once_fetch_each_file_once(server, folder):
    asked = len(server.asked)
    children = [child(folder, server.mirror("slow")) for _ in range(4)]
    for process in children:
        with process:
            _, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
    assert complete(folder)
    assert sorted(name for _, name, _ in server.asked[asked:]) == ["images.gz", "labels.gz"]


@pytest.mark.parametrize("n_kills", [3, pytest.param(60, marks=pytest.mark.slow)])
def test_kills_at_any_moment_leave_one_part_at_most(server, folder, n_kills):
    asked, rng = len(server.asked), random.Random(n_kills)
    for _ in range(n_kills):
        with child(folder, server.mirror("slow")) as process:
            time.sleep(rng.uniform(0.1, 0.45))
            process.kill()
        left = set(names(folder))
        assert left <= {"images.gz", "labels.gz", ".images.gz.part", ".labels.gz.part"}
        assert len([name for name in left if name.endswith(".part")]) <= 1
        if n_kills > 3 and complete(folder):
            (folder / "images.gz").unlink()
    ensure(folder, FILES, [server.mirror("range")])
    assert complete(folder)
    starts = [int(text[6:-1]) for text in ranges_asked(server, asked) if text]
    assert starts == sorted(starts) or n_kills > 3  # no byte twice


@pytest.fixture
def busy(folder) -> Iterator[BinaryIO]:
    """What another process, or thread, has of images.gz."""
    folder.mkdir(parents=True)
    with resumable_part(folder / "images.gz", lambda size: None) as part:
        yield part


def test_who_waits_says_so_once_and_takes_the_result(server, folder, busy, caplog):
    caplog.set_level(logging.INFO, "lenet5")

    def other_process():
        while not caplog.records:  # until it is waited for
            time.sleep(0.01)
        for block in (BODY[:1000], BODY[1000:]):
            busy.write(block)
            time.sleep(0.8)
        publish(busy, folder / "images.gz")
        busy.close()

    asked, thread = len(server.asked), threading.Thread(target=other_process)
    thread.start()
    found = ensure(folder, FILES, [server.mirror("ok")], limits=Limits(patience=1.2))
    thread.join()
    assert [file.source for file in found] == [None, server.mirror("ok") + "labels.gz"]
    assert ranges_asked(server, asked) == []
    lines = [record.getMessage() for record in caplog.records if "another process" in record.getMessage()]
    assert lines == [f"{folder / 'images.gz'}: another process is fetching it; waiting for that"]


def test_patience_covers_another_process_that_gets_nothing(server, folder, busy):
    began = time.monotonic()
    with pytest.raises(DataError, match=r"images.gz: another process is fetching it, and nothing comes"):
        ensure(folder, FILES, [server.mirror("ok")], limits=Limits(patience=0.3))
    assert 0.2 < time.monotonic() - began < 2


# --- going on ----------------------------------------------------------------------------------------------


@pytest.fixture
def part(folder) -> Path:
    """Where images.gz is collected, with its first 1,234 bytes there."""
    folder.mkdir(parents=True)
    path = folder / ".images.gz.part"
    path.write_bytes(BODY[:1234])
    return path


@pytest.mark.parametrize("way", ["range", "rangeoftotalunknown"])
def test_only_the_rest_is_asked_for(server, folder, part, caplog, way):
    asked, calls = len(server.asked), []
    ensure(folder, FILES, [server.mirror(way)], progress=lambda *call: calls.append(call))
    assert complete(folder)
    assert ranges_asked(server, asked) == ["bytes=1234-"]
    assert min(done for name, done, _ in calls if name == "images.gz") > 1234
    assert caplog.records == []


@pytest.mark.parametrize("way", ["ok", "nolength", "chunked", "redirect"])
def test_a_server_without_ranges_gives_all_of_it(server, folder, part, caplog, way):
    asked = len(server.asked)
    ensure(folder, FILES, [server.mirror(way)])
    assert complete(folder)
    assert set(ranges_asked(server, asked)) == {"bytes=1234-"}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("rangeelsewhere", "gives another range than the one from 1,234 on"),
        ("rangeofanother", "gives another range than the one from 1,234 on"),
        ("rangeinpart", "gives another range than the one from 1,234 on"),
        ("rangeunnamed", "gives another range than the one from 1,234 on"),
        ("unsatisfiable", "HTTP 416"),
        ("rangelies", r"wrong SHA-256: got \w{64}"),
        ("rangetoolong", "sends more than 300,000 bytes"),
    ],
)
def test_a_rest_that_is_not_the_right_one_makes_it_fetch_all(server, folder, part, caplog, way, why):
    asked = len(server.asked)
    found = ensure(folder, FILES, [server.mirror(way)])
    assert complete(folder)
    assert found[0].source == server.mirror(way) + "images.gz"
    assert ranges_asked(server, asked) == ["bytes=1234-", None]
    [line] = [record.getMessage() for record in caplog.records]
    assert re.fullmatch(f".*images.gz: {why}; fetching it from the start", line)


@pytest.mark.parametrize(
    ("wrong", "ranges"),
    [
        (b"x" * 1234, ["bytes=1234-", None]),
        (BODY[:-1], ["bytes=299999-"]),
        (BODY[:-2] + b"x", ["bytes=299999-", None]),
        (BODY[:-1] + b"x", [None]),
        (BODY + b"x", [None]),
        (b"  <html>", [None]),
        (b"", [None]),
    ],
    ids=range(7),
)
def test_whatever_was_left_the_right_bytes_arrive(server, folder, part, wrong, ranges):
    part.write_bytes(wrong)
    asked = len(server.asked)
    ensure(folder, FILES, [server.mirror("range")])
    assert complete(folder)
    assert ranges_asked(server, asked) == ranges


def test_what_is_complete_needs_no_network(server, folder, part):
    """The process was killed just before the name."""
    part.write_bytes(BODY)
    assert ensure(folder, FILES[:1], []) == [LocalFile(folder / "images.gz", None)]
    assert names(folder) == ["images.gz"]


def test_the_next_mirror_goes_on_where_one_failed(server, folder):
    asked = len(server.asked)
    ensure(folder, FILES, [server.mirror(way) for way in ("reset", "rangestops", "404", "range")], limits=AMPLE)
    assert complete(folder)
    assert ranges_asked(server, asked) == [None, "bytes=1234-", "bytes=2234-", "bytes=2234-"]


def test_another_file_is_fetched_twice_at_most(server, folder, part):
    asked = len(server.asked)
    line = fails(ChecksumError, folder, [server.mirror("rangeflip")])
    assert "wrong SHA-256" in line
    assert ranges_asked(server, asked) == ["bytes=1234-", None]


def test_a_mirror_that_gives_no_rest_takes_nothing_away(server, folder, part):
    for way in ("404", "html", "silent"):
        line = fails(DataError, folder, [server.mirror(way)], left=1234)
        assert "after" not in line


def test_what_killed_processes_left_is_removed(server, folder):
    """Of files that are complete, too, and of releases before this way of going on."""
    ensure(folder, FILES, [server.mirror("ok")])
    (folder / ".images.gz.0123abcd.part").write_bytes(BODY[:5])
    (folder / ".images.gz.part").write_bytes(BODY[:5])
    ensure(folder, FILES, [], offline=True)
    assert complete(folder)
