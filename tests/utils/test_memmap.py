"""Memory-mapped arrays: what they hold is never changed, and what was read does not stay in memory."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pytest

from lenet5 import LeNet5
from lenet5.utils.memmap import NO_PAGES, Pages, pieces


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "X.npy", np.arange(100_000, dtype=np.uint32).reshape(1000, 100))
    return tmp_path / "X.npy"


EXPECTED = np.arange(100_000, dtype=np.uint32).reshape(1000, 100)


def use(array):
    pages = Pages(array)
    n = len(array)
    pages.ask([(0, 1), (3, n - 3), (n - 1, n), (5, 5)])
    pages.release()
    return bool(pages)


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_map_reads_the_same_after_its_pages_were_given_back(file, mode):
    X = np.load(file, mmap_mode=mode)
    for view, expected in ((X, EXPECTED), (X[300:], EXPECTED[300:]), (np.asarray(X)[:, None], EXPECTED[:, None])):
        assert use(view)
        np.testing.assert_array_equal(view, expected)


def test_changes_that_are_not_written_yet_are_kept(file):
    X = np.load(file, mmap_mode="r+")
    X[500] = 7
    assert use(X)
    assert (X[500] == 7).all()
    assert (np.load(file)[500] == 7).all()


def test_a_private_copy_keeps_its_changes(file):
    """To give such pages back would be to lose what was written to them."""
    X = np.load(file, mmap_mode="c")
    X[500] = 7
    assert not use(X)
    assert (X[500] == 7).all()


@pytest.mark.parametrize(
    "array",
    [np.zeros((5, 3)), np.zeros((0, 3)), np.zeros((5, 3))[:, ::2], np.frombuffer(bytearray(12), np.uint8)],
)
def test_arrays_in_memory_are_left_alone(array):
    assert not use(array)
    assert not NO_PAGES


def test_views_with_gaps_are_left_alone(file):
    X = np.load(file, mmap_mode="r")
    assert not use(X[::2])
    assert not use(X[:, 1:])
    assert not use(X[:0])


@pytest.mark.parametrize("rows", [1, 7, 1000, 5000])
def test_pieces(file, rows):
    for X in (EXPECTED, np.load(file, mmap_mode="r")):
        parts = list(pieces(X, rows))
        assert {len(part) for part in parts[:-1]} <= {rows}
        np.testing.assert_array_equal(np.concatenate(parts), X)
    assert list(pieces(EXPECTED[:0], rows)) == []


# ---- streams -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    return LeNet5(seed=1)


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).integers(0, 256, (9000, 28, 28), dtype=np.uint8)


def test_a_stream_gives_the_bits_of_one_call(model, X):
    cuts = [0, 1, 5, 5, 100, 2000, 9000]
    batches = (X[a:b] for a, b in itertools.pairwise(cuts))
    answers = list(model.predict_proba_stream(batches, threads=2))
    assert [len(a) for a in answers] == np.diff(cuts).tolist()
    np.testing.assert_array_equal(np.concatenate(answers), model.predict_proba(X))


def test_a_stream_asks_for_no_batch_before_it_has_answered_the_last(model, X):
    asked = []
    answers = model.predict_proba_stream(asked.append(k) or X[k : k + 2] for k in range(3))
    for k in range(3):
        assert len(asked) == k
        next(answers)


def test_a_stream_of_one_array(model, X, tmp_path):
    np.save(tmp_path / "X.npy", X)
    expected = model.predict_proba(X)
    for array in (X, np.load(tmp_path / "X.npy", mmap_mode="r")):
        answers = list(model.predict_proba_stream(array))
        assert [len(a) for a in answers] == [4096, 4096, 808]
        np.testing.assert_array_equal(np.concatenate(answers), expected)


def test_a_wrong_batch_is_refused_when_it_comes(model, X):
    answers = model.predict_proba_stream([X[:2], X[0]])
    next(answers)
    with pytest.raises(ValueError, match=r"X has shape \(28, 28\)"):
        next(answers)


def test_a_large_map_gives_the_bits_of_the_array(model, tmp_path, monkeypatch):
    monkeypatch.setattr("lenet5.nn.network.ROWS", 1000)
    X = np.random.default_rng(1).integers(0, 256, (3001, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.testing.assert_array_equal(model.logits(mapped), model.logits(X))


# ---- memory --------------------------------------------------------------------------------------------------------

CHILD = """
import json, sys, threading
import numpy as np
from lenet5 import LeNet5
from lenet5.training import sampler
from lenet5.training.config import Config
from lenet5.training.trainer import Trainer

def resident():
    lines = open("/proc/self/status").read().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["RssAnon"].split()[0]) / 1024, int(fields["RssFile"].split()[0]) / 1024

sampler.WINDOW = 1 << 13
X, y = np.load("X.npy", mmap_mode="r"), np.load("y.npy")
if X.dtype == np.float32:
    X = X[:, None]
model, most = LeNet5(seed=0), []
for _ in range(2):  # what the libraries take is there after the first round
    seen = []
    if sys.argv[1] == "train":
        trainer = Trainer(model.network, X, y, Config(epochs=1, validation=500, augment="none"), 2)
        seen.append(resident())
        for _ in trainer.run(progress=lambda _: seen.append(resident())):
            pass
    else:
        for _ in model.predict_proba_stream(X):
            seen.append(resident())
    most.append([max(column) for column in zip(*seen)])
print(json.dumps(most))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("what", "dtype"),
    [
        ("train", np.uint8),
        ("stream", np.float32),
        pytest.param("train", np.float32, marks=pytest.mark.slow),
        pytest.param("stream", np.uint8, marks=pytest.mark.slow),
    ],
)
def test_memory_does_not_grow_with_the_set(tmp_path, what, dtype):
    """Six windows on disk, 38 MB of bytes or 154 MB of floats; never more than about two in memory."""
    n = 6 << 13
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", dtype, (n, 28, 28))
    X[:, 10:20, 10:20] = 1
    del X
    np.save(tmp_path / "y.npy", np.zeros(n, np.uint8))
    run = subprocess.run([sys.executable, "-c", CHILD, what], capture_output=True, text=True, cwd=tmp_path, check=True)
    (anonymous_1, files_1), (anonymous_2, files_2) = json.loads(run.stdout)
    size = n * 784 * np.dtype(dtype).itemsize / 2**20
    assert files_2 < 45 + size / 2  # the libraries' own files take about 25
    assert abs(files_2 - files_1) < size / 3
    assert anonymous_2 - anonymous_1 < size / 4
