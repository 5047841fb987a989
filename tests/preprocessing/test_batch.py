"""Many pictures: the same as one by one, in order, with few of them asked for ahead."""

import concurrent.futures
import io
import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest
from pictures import drawn, saved

from lenet5.errors import LeNet5Error, NoDigitError, PictureError
from lenet5.preprocessing import batch
from lenet5.preprocessing.normalization import read_image

GOOD = saved(drawn(28))
BLANK = saved(drawn(28).point(lambda v: 255))


def sources(n: int) -> list:
    """Every seventh is damaged, every eleventh blank."""
    return [b"damaged" if k % 7 == 3 else BLANK if k % 11 == 5 else GOOD for k in range(n)]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, batch.FEW - 1, batch.FEW, 3 * batch.FEW + 5])
def test_as_one_by_one_and_in_order(n, threads):
    readings = list(batch.read_many(iter(sources(n)), threads=threads))
    assert [reading.source for reading in readings] == sources(n)
    expected = read_image(GOOD)
    for k, reading in enumerate(readings):
        if k % 7 == 3:
            assert isinstance(reading.error, PictureError)
            assert "image" in str(reading.error)
        elif k % 11 == 5:
            assert isinstance(reading.error, NoDigitError)
        else:
            np.testing.assert_array_equal(reading.input, expected)
            assert reading.beside == 0
        assert (reading.input is None) == (reading.error is not None)


def test_its_processes_and_threads_are_gone_when_all_is_answered():
    """Else the interpreter's end may meet theirs: "OSError: Bad file descriptor", after all answers were given."""
    before = set(threading.enumerate())
    list(batch.read_many([GOOD] * batch.FEW, threads=2))
    assert multiprocessing.active_children() == []
    assert set(threading.enumerate()) <= before


def test_few_are_asked_for_ahead():
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield GOOD

    readings = batch.read_many(endless(), threads=2)
    for given in range(1, 400):
        next(readings)
        assert asked - given <= batch.FEW + batch.CHUNK * (batch.AHEAD + 1) * 2
    readings.close()


def test_open_files_are_read_by_the_process_that_opened_them():
    files = [io.BytesIO(GOOD) if k % 3 else GOOD for k in range(200)]
    readings = list(batch.read_many(files, threads=2))
    assert all(reading.error is None for reading in readings)
    assert [reading.source for reading in readings] == files


def test_an_error_of_the_caller_comes_through():
    with pytest.raises(TypeError, match="path, bytes, file, Pillow image or array"):
        list(batch.read_many([GOOD] * 150 + [7], threads=2))
    with pytest.raises(ValueError, match="threads"):
        list(batch.read_many([GOOD], threads=0))


def test_a_process_that_was_killed(monkeypatch):
    def suicidal(chunk, invert):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(batch, "_read_chunk", suicidal)
    monkeypatch.setattr(suicidal, "__module__", "lenet5.preprocessing.batch", raising=False)
    monkeypatch.setattr(suicidal, "__qualname__", "_read_chunk", raising=False)
    with pytest.raises(LeNet5Error, match="was killed"):
        list(batch.read_many([GOOD] * 200, threads=2))


@pytest.mark.parametrize("n_available", [0, 3, 6])
def test_where_the_system_gives_no_more_processes(monkeypatch, n_available):
    """Each has a thread, and two more are started; what one process would do is not told apart from the answers."""
    expected = [reading.input for reading in batch.read_many(sources(200), threads=1)]
    monkeypatch.setattr(batch, "can_start", lambda n: n <= n_available)
    readings = list(batch.read_many(sources(200), threads=4))
    assert [reading.source for reading in readings] == sources(200)
    assert all(np.array_equal(reading.input, x) for reading, x in zip(readings, expected, strict=True))


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, ImportError, NotImplementedError])
def test_where_there_are_no_semaphores(monkeypatch, error):
    def pool(*args):
        raise error("no semaphores")

    monkeypatch.setattr(concurrent.futures, "ProcessPoolExecutor", pool)
    assert len(list(batch.read_many(sources(200), threads=2))) == 200


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes do not inherit what is patched")
def test_once_nobody_wants_more_no_more_is_prepared(monkeypatch):
    """Of some 190 that are handed out; the first chunks are prepared at once, then each process has one in hand."""
    n_prepared = multiprocessing.Value("i")

    def prepared(source, settings):
        with n_prepared.get_lock():
            n_prepared.value += 1
        while int(source) >= 2 * batch.CHUNK and not batch._is_over.value:
            time.sleep(0.001)
        return None, 0, None

    monkeypatch.setattr(batch, "_read", prepared)
    monkeypatch.setattr(prepared, "__module__", "lenet5.preprocessing.batch", raising=False)
    monkeypatch.setattr(prepared, "__qualname__", "_read", raising=False)
    readings = batch.read_many(map(str, range(1000)), threads=2)
    next(readings)
    assert len(multiprocessing.active_children()) == 2
    readings.close()
    assert multiprocessing.active_children() == []
    assert n_prepared.value <= 2 * batch.CHUNK + 2


def test_several_marks_are_counted():
    page = np.full((120, 300), 255, np.uint8)
    for left in (30, 120, 210):
        page[20:100, left : left + 12] = 0
        page[20:32, left - 20 : left + 12] = 0
    [reading] = batch.read_many([page])
    assert reading.beside == 2
