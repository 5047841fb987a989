"""IDX: what is right is read as it is, what is wrong is one line."""

import gzip
import io
import os
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lenet5.datasets.idx import read_idx, write_idx
from lenet5.errors import DataError

PICTURES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
arrays = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def idx(array: np.ndarray = PICTURES) -> bytes:
    """The file's bytes, put together by hand."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def header(*sizes: int, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, len(sizes)]) + b"".join(n.to_bytes(4, "big") for n in sizes)


def refused(data, **options) -> str:
    """Read, expect one line of complaint, return it."""
    with pytest.raises(DataError) as caught:
        read_idx(io.BytesIO(data) if isinstance(data, bytes) else data, **options)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("stream: " if isinstance(data, bytes) else f"{data}: ")
    return line


class Trickle(io.RawIOBase):
    """A stream that cannot be sought in and gives few bytes at a time."""

    def __init__(self, data: bytes):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        block = self.data.read(min(len(buffer), 3))
        buffer[: len(block)] = block
        return len(block)


@pytest.mark.parametrize("pack", [bytes, packed], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", ["x.gz", "x"])
def test_format_is_told_by_content_not_by_name(tmp_path, pack, name):
    path = tmp_path / name
    path.write_bytes(pack(idx()))
    for source in (path, str(path), io.BytesIO(pack(idx())), Trickle(pack(idx()))):
        found = read_idx(source, ndim=3)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, PICTURES)
    found[:] = 0  # the reader's own memory


@settings(quick, max_examples=40)
@given(array=arrays, name=st.sampled_from(["a", "a.gz"]))
def test_round_trip(tmp_path, array, name):
    write_idx(tmp_path / name, array)
    found = read_idx(tmp_path / name)
    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


def test_written_files_are_plain_idx_and_always_the_same(tmp_path):
    write_idx(tmp_path / "a", PICTURES)
    write_idx(tmp_path / "a.gz", PICTURES[:, ::-1, ::-1])
    first = (tmp_path / "a.gz").read_bytes()
    write_idx(tmp_path / "a.gz", PICTURES[:, ::-1, ::-1])
    assert (tmp_path / "a").read_bytes() == idx()
    assert (tmp_path / "a.gz").read_bytes() == first
    assert gzip.decompress(first) == idx(np.ascontiguousarray(PICTURES[:, ::-1, ::-1]))


@pytest.mark.parametrize("array", [PICTURES.astype(float), np.uint8(3).reshape(()), np.zeros([1] * 9, np.uint8)])
def test_writer_refuses_what_idx_cannot_hold(tmp_path, array):
    with pytest.raises(ValueError, match="IDX takes uint8"):
        write_idx(tmp_path / "a", array)
    assert not list(tmp_path.iterdir())


@quick
@given(st.data())
def test_any_change_is_read_equal_or_refused(data):
    zipped = data.draw(st.booleans())
    whole = packed(idx()) if zipped else idx()
    at = data.draw(st.integers(0, len(whole) - 1))
    kind = data.draw(st.sampled_from(["cut", "flip", "insert", "drop", "append"]))
    some = data.draw(st.binary(min_size=1, max_size=9))
    changed = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ some[0]]) + whole[at + 1 :],
        "insert": whole[:at] + some + whole[at:],
        "drop": whole[:at] + whole[at + len(some) :],
        "append": whole + some,
    }[kind]
    try:
        found = read_idx(io.BytesIO(changed))
    except DataError:
        return
    if zipped:
        np.testing.assert_array_equal(found, PICTURES)
    else:  # a plain file has no checksum: other values are as good, but they are those of the file
        assert idx(found) == changed


@quick
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(noise, zipped):
    try:
        found = read_idx(io.BytesIO(packed(noise) if zipped else noise))
    except DataError:
        return
    assert idx(found) == noise


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\0\0", "not an IDX file"),
        (b"<!DOCTYPE html>", r"not an IDX file \(it starts with b'<!DO'\)"),
        (b"PK\x03\x04abcdefgh", "not an IDX file"),
        (bytes([0, 0, 7, 3]) + bytes(99), "not an IDX file"),
        (header(2, 2, kind=0x0D) + bytes(16), "holds float32 values; only unsigned bytes"),
        (header(2, 2, kind=0x0C) + bytes(16), "holds int32 values"),
        (bytes([0, 0, 8, 0, 1]), "claims 0 axes"),
        (header(*[1] * 9) + b"1", "claims 9 axes"),
        (header(1, 2, 3)[:-1], "within its header"),
        (header(60000, 28, 28), "ends after 0 of 47,040,000 values"),
        (idx()[:-1], "ends after 23 of 24 values"),
        (idx() + b"x", "goes on after the 24 values"),
        (header(1 << 31, 1 << 31, 1 << 31), "claims 2147483648 x 2147483648 x 2147483648 values"),
        (header(0, 1 << 31, 1 << 31), "claims 0 x 2147483648"),
        (packed(b""), "is empty"),
        (packed(idx())[:-9], "gzip data is cut short"),
        (packed(idx())[:-1], "gzip data is cut short"),
        (packed(idx())[:5], "gzip data is cut short"),
        (packed(idx()) + b"more", "more after the end"),
        (packed(idx()) + packed(b""), "more after the end"),
        (packed(idx()[:20]) + packed(idx()[20:]), "more after the end"),
        (packed(idx())[:-8] + bytes(8), r"damaged gzip data \(incorrect data check\)"),
        (packed(idx())[:10] + b"\xff" * 30, r"damaged gzip data \(invalid block type\)"),
        (b"\x1f\x8b\x07" + bytes(20), "damaged gzip data"),
    ],
    ids=str,
)
def test_each_fault_has_its_line(tmp_path, data, words):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_idx(io.BytesIO(data))
    if words.startswith(("ends after", "goes on")):
        words = r"[\d,]+ bytes, its header asks for [\d,]+"  # a plain file is known by its length
    with pytest.raises(DataError, match=words) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_labels_given_as_pictures_and_the_reverse():
    labels = np.array([7, 2, 1], np.uint8)
    assert "labels (1 axis), not images (3 axes)" in refused(idx(labels), ndim=3)
    assert "images (3 axes), not labels (1 axis); were two files swapped?" in refused(idx(), ndim=1)
    assert "holds 2 axes" in refused(idx(PICTURES[0]), ndim=3)


def test_the_limit_is_the_callers():
    assert len(read_idx(io.BytesIO(idx()), max_bytes=24)) == 2
    assert "23 are the most" in refused(idx(), max_bytes=23)


def test_what_is_no_file(tmp_path):
    assert "is a folder" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe")
    assert "is not a regular file" in refused(tmp_path / "pipe")
    assert "is not a regular file" in refused("/dev/zero")


def test_a_stream_that_fails_is_named(tmp_path):
    class Failing(io.RawIOBase):
        name = "tape"

        def read(self, n=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(DataError, match=r"^tape: cannot be read \(Input/output error\)"):
        read_idx(Failing())


@pytest.fixture(scope="module")
def ten_gigabytes() -> bytes:
    """Zeros, deflated to ten megabytes: one block that stands for itself, again and again."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)) * 10_000


@pytest.mark.parametrize("start", [header(1 << 20, 100, 100), header(4, 4), b"\0" * 4], ids=["large", "small", "none"])
def test_bombs_cost_no_memory_and_no_time(ten_gigabytes, start):
    deflate = zlib.compressobj(wbits=31)
    bomb = deflate.compress(start) + deflate.flush(zlib.Z_FULL_FLUSH) + ten_gigabytes
    tracemalloc.start()
    began = time.process_time()
    refused(bomb)
    seconds, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 3
    assert peak < len(bomb) + (4 << 20)


def test_a_claim_alone_allocates_nothing():
    claim = header(1 << 10, 1 << 10, 1 << 10)
    tracemalloc.start()
    refused(claim)
    refused(packed(claim + bytes(99)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


@pytest.mark.mnist
def test_mnist_is_what_the_paper_used(mnist_dir):
    X = read_idx(mnist_dir / "mnist/t10k-images-idx3-ubyte.gz", ndim=3)
    y = read_idx(mnist_dir / "mnist/t10k-labels-idx1-ubyte.gz", ndim=1)
    assert X.shape == (10_000, 28, 28)
    assert y.shape == (10_000,)
    assert y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert not X[:, :4, 0].any()  # a border of paper
    assert X.max() == 255
