"""Many pictures: the same as one by one, in order, with few of them asked for ahead."""

import io
import multiprocessing
import os
import signal
import sys
import time

import numpy as np
import pytest
from pictures import drawn, saved

from lenet5 import bulk
from lenet5.errors import LeNet5Error, NoDigitError, PictureError
from lenet5.images import read_image

GOOD = saved(drawn(28))
BLANK = saved(drawn(28).point(lambda v: 255))


def sources(n: int) -> list:
    """Every seventh is damaged, every eleventh blank."""
    return [b"damaged" if k % 7 == 3 else BLANK if k % 11 == 5 else GOOD for k in range(n)]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, bulk.FEW - 1, bulk.FEW, 3 * bulk.FEW + 5])
def test_as_one_by_one_and_in_order(n, threads):
    readings = list(bulk.read_many(iter(sources(n)), threads=threads))
    assert [reading.source for reading in readings] == sources(n)
    expected = read_image(GOOD)
    for k, reading in enumerate(readings):
        if k % 7 == 3:
            assert isinstance(reading.error, PictureError)
            assert "no picture" in str(reading.error) or "picture" in str(reading.error)
        elif k % 11 == 5:
            assert isinstance(reading.error, NoDigitError)
        else:
            np.testing.assert_array_equal(reading.input, expected)
            assert reading.beside == 0
        assert (reading.input is None) == (reading.error is not None)


def test_few_are_asked_for_ahead():
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield GOOD

    readings = bulk.read_many(endless(), threads=2)
    for given in range(1, 400):
        next(readings)
        assert asked - given <= bulk.FEW + bulk.CHUNK * (bulk.AHEAD + 1) * 2
    readings.close()


def test_open_files_are_read_by_the_process_that_opened_them():
    files = [io.BytesIO(GOOD) if k % 3 else GOOD for k in range(200)]
    readings = list(bulk.read_many(files, threads=2))
    assert all(reading.error is None for reading in readings)
    assert [reading.source for reading in readings] == files


def test_an_error_of_the_caller_comes_through():
    with pytest.raises(TypeError, match="path, bytes, file, image or array"):
        list(bulk.read_many([GOOD] * 150 + [7], threads=2))
    with pytest.raises(ValueError, match="threads"):
        list(bulk.read_many([GOOD], threads=0))


def test_a_process_that_was_killed(monkeypatch):
    def suicidal(chunk, invert):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(bulk, "_read_chunk", suicidal)
    monkeypatch.setattr(suicidal, "__module__", "lenet5.bulk", raising=False)
    monkeypatch.setattr(suicidal, "__qualname__", "_read_chunk", raising=False)
    with pytest.raises(LeNet5Error, match="was killed"):
        list(bulk.read_many([GOOD] * 200, threads=2))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes do not inherit what is patched")
def test_once_nobody_wants_more_no_more_is_prepared(monkeypatch):
    def slow(source, invert):
        time.sleep(0.02)
        return None, 0, None

    monkeypatch.setattr(bulk, "_read", slow)
    readings = bulk.read_many(["picture.png"] * 1000, threads=2)
    next(readings)
    processes = multiprocessing.active_children()
    readings.close()
    began = time.monotonic()
    for process in processes:
        process.join()
    assert len(processes) == 2
    assert time.monotonic() - began < 0.5  # what is handed out already takes 1.3 s


def test_several_marks_are_counted():
    page = np.full((120, 300), 255, np.uint8)
    for left in (30, 120, 210):
        page[20:100, left : left + 12] = 0
        page[20:32, left - 20 : left + 12] = 0
    [reading] = bulk.read_many([page])
    assert reading.beside == 2
