"""The table of sets, what a load checks, and what `auto` does without a network."""

import dataclasses
import gzip
import hashlib
import importlib
import sys
import time
import types

import numpy as np
import pytest
from faultserver import deaf, serving

from lenet5 import datasets
from lenet5.datasets import idx
from lenet5.datasets.download import RemoteFile
from lenet5.datasets.http import Limits
from lenet5.errors import ChecksumError, DataError

RNG = np.random.default_rng(0)
X, y = RNG.integers(0, 256, (30, 28, 28), np.uint8), RNG.integers(0, 10, 30, np.uint8)


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy between the tests and their server, no setting from outside."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("LENET5_OFFLINE", raising=False)


@pytest.fixture
def pen(monkeypatch):
    """A pen that draws at once: what is asked of it is noted."""
    asked = []

    def draw(n, *, seed=0, first=0):
        asked.append((n, seed, first))
        return np.full((n, 28, 28), seed, np.uint8), (np.arange(n) % 10).astype(np.uint8)

    module = types.SimpleNamespace(draw=draw)
    monkeypatch.setitem(sys.modules, "lenet5.datasets.synthetic.strokes", module)
    monkeypatch.setattr(importlib.import_module("lenet5.datasets.synthetic"), "strokes", module, raising=False)
    return asked


def made(tmp_path, *arrays, mirrors=()) -> tuple[datasets.Dataset, dict[str, bytes]]:
    """A set named mnist of these four arrays, and its files' bytes."""
    rows, bodies = [], {}
    for file, array in zip(datasets.MNIST.files, arrays, strict=True):
        path = tmp_path / "making.gz"
        idx.write_idx(path, array)
        body = bodies[file.name] = path.read_bytes()
        rows.append(RemoteFile(file.name, len(body), hashlib.sha256(body).hexdigest()))
    path.unlink()
    contents = tuple(hashlib.sha256(array).hexdigest() for array in arrays)
    return dataclasses.replace(datasets.MNIST, mirrors=tuple(mirrors), files=tuple(rows), contents=contents), bodies


def small(tmp_path, monkeypatch, *arrays, mirrors=()) -> dict[str, bytes]:
    """Put a small set into the table in the place of MNIST."""
    dataset, bodies = made(tmp_path, *arrays, mirrors=mirrors)
    monkeypatch.setitem(datasets.TABLE, "mnist", dataset)
    return bodies


def put(folder, bodies: dict[str, bytes]):
    """Write the files where a load looks for them."""
    (folder / "mnist").mkdir(parents=True)
    for name, body in bodies.items():
        (folder / "mnist" / name).write_bytes(body)
    return folder


def test_the_table_is_complete():
    for name, dataset in datasets.TABLE.items():
        assert dataset.name == name
        assert len(dataset.mirrors) >= 2
        assert all(mirror.endswith("/") for mirror in dataset.mirrors)
        assert len(dataset.classes) == 10
        assert [file.name.rsplit("-", 1)[0] for file in dataset.files] == [
            "train-images-idx3",
            "train-labels-idx1",
            "t10k-images-idx3",
            "t10k-labels-idx1",
        ]
        assert all(len(bytes.fromhex(file.sha256)) == 32 for file in dataset.files)
    assert all(mirror.startswith("https://") for mirror in datasets.MNIST.mirrors)


def test_load_reads_the_four_files(tmp_path, monkeypatch):
    put(tmp_path, small(tmp_path, monkeypatch, X, y, X[:7], y[:7]))
    for given in (tmp_path, str(tmp_path), None):
        monkeypatch.setenv("LENET5_DATA_DIR", str(tmp_path if given is None else "/nowhere"))
        (X_train, y_train), (X_test, y_test) = datasets.load("mnist", given)
        for found, right in ((X_train, X), (y_train, y), (X_test, X[:7]), (y_test, y[:7])):
            assert found.dtype == np.uint8
            np.testing.assert_array_equal(found, right)


def test_load_fetches_what_is_missing(tmp_path, monkeypatch):
    with serving({}) as server:
        server.files.update(small(tmp_path, monkeypatch, X, y, X, y, mirrors=[server.mirror("ok")]))
        calls = []
        loaded = datasets.obtain("mnist", tmp_path, progress=lambda *call: calls.append(call))
        datasets.load("mnist", tmp_path, offline=True)
    assert loaded.name == "mnist"
    assert loaded.notes == ()
    assert loaded.classes == tuple("0123456789")
    assert {name for name, _, _ in calls} == set(server.files)
    assert sorted(path.name for path in (tmp_path / "mnist").iterdir()) == sorted(server.files)


def test_a_folder_may_be_read_only(tmp_path, monkeypatch):
    put(tmp_path, small(tmp_path, monkeypatch, X, y, X, y))
    (tmp_path / "mnist").chmod(0o500)
    try:
        datasets.load("mnist", tmp_path)
    finally:
        (tmp_path / "mnist").chmod(0o700)


def test_wrong_bytes_on_disk_are_seen_offline(tmp_path, monkeypatch):
    bodies = small(tmp_path, monkeypatch, X, y, X, y)
    first = next(iter(bodies))
    put(tmp_path, bodies | {first: bodies[first][:-1] + b"x"})
    with pytest.raises(ChecksumError, match=f"{first}: wrong SHA-256"):
        datasets.load("mnist", tmp_path, offline=True)
    monkeypatch.setenv("LENET5_OFFLINE", "1")
    with pytest.raises(ChecksumError, match=f"{first}: wrong SHA-256"):
        datasets.load("mnist", tmp_path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ((X, y[:-1], X, y), "30 images, but .* holds 29 labels"),
        ((X, y, X, np.full(30, 10, np.uint8)), "label 10, but there are 10 classes"),
        ((y, y, X, y), "holds labels"),
        ((X, X, X, y), r"holds images \(3 axes\), not labels"),
    ],
)
def test_files_must_belong_together(tmp_path, monkeypatch, arrays, words):
    put(tmp_path, small(tmp_path, monkeypatch, *arrays))
    with pytest.raises(DataError, match=words):
        datasets.load("mnist", tmp_path)


def test_no_such_set():
    with pytest.raises(ValueError, match="no data set 'cifar'; there are mnist, fashion-mnist"):
        datasets.load("cifar")


def test_strokes_are_drawn_from_two_seeds(pen):
    (X_train, _), (X_test, _) = datasets.load("strokes")
    assert pen == [(60_000, 0, 0), (10_000, 1, 0)]
    assert (len(X_train), len(X_test)) == (60_000, 10_000)


def test_auto_takes_mnist_from_disk(tmp_path, monkeypatch, pen):
    put(tmp_path, small(tmp_path, monkeypatch, X, y, X, y))
    loaded = datasets.obtain("auto", tmp_path)
    assert (loaded.name, loaded.notes, pen) == ("mnist", (), [])


def test_auto_fetches_mnist(tmp_path, monkeypatch, pen):
    with serving({}) as server:
        mirrors = [server.mirror("503"), server.mirror("ok")]
        server.files.update(small(tmp_path, monkeypatch, X, y, X, y, mirrors=mirrors))
        loaded = datasets.obtain(data_dir=tmp_path)
    assert (loaded.name, loaded.notes, pen) == ("mnist", (), [])


def test_auto_without_a_network_takes_strokes_and_says_so(tmp_path, monkeypatch, pen):
    with deaf() as one, deaf() as other:
        small(tmp_path, monkeypatch, X, y, X, y, mirrors=[one, other])
        began = time.perf_counter()
        monkeypatch.setenv("LENET5_DATA_DIR", str(tmp_path))
        loaded = datasets.obtain("auto", limits=Limits(patience=0.6))
    assert time.perf_counter() - began < 4
    assert loaded.name == "strokes"
    assert "MNIST cannot be had" in loaded.notes[0]
    assert "strokes" in loaded.notes[1]


def test_auto_waits_five_seconds_at_most():
    assert datasets.PATIENCE <= 5


def test_auto_offline_and_empty_takes_strokes(tmp_path, monkeypatch, pen):
    monkeypatch.setenv("LENET5_DATA_DIR", str(tmp_path))
    loaded = datasets.obtain("auto", offline=True)
    assert loaded.name == "strokes"
    assert "offline" in loaded.notes[0]
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_named_is_used_or_refused(tmp_path, pen):
    with pytest.raises(DataError, match=r"missing; offline.*looked in .*/mnist, .*/MNIST/raw, .*train-images.idx3-"):
        datasets.obtain("auto", tmp_path, offline=True)
    assert pen == []


LAYOUTS = {
    "unpacked": ("mnist", "{}"),
    "dotted": ("mnist", "{dotted}"),
    "dotted and packed": ("mnist", "{dotted}.gz"),
    "torchvision": ("MNIST/raw", "{}"),
    "torchvision's folder": ("raw", "{}"),
    "flat": (".", "{}"),
    "flat, as published": (".", "{}.gz"),
}


def put_otherwise(folder, bodies: dict[str, bytes], layout: str) -> list:
    """The files of a set in another layout; their paths."""
    place, form = LAYOUTS[layout]
    (folder / place).mkdir(parents=True, exist_ok=True)
    paths = []
    for name, body in bodies.items():
        plain = name.removesuffix(".gz")
        paths.append(folder / place / form.format(plain, dotted=plain.replace("-idx", ".idx")))
        paths[-1].write_bytes(body if form.endswith(".gz") else gzip.decompress(body))
    return paths


@pytest.mark.parametrize("layout", LAYOUTS)
def test_usual_layouts_are_taken(tmp_path, monkeypatch, layout):
    paths = put_otherwise(tmp_path, small(tmp_path, monkeypatch, X, y, X[:7], y[:7]), layout)
    assert [file.path.resolve() for file in datasets.fetch("mnist", tmp_path)] == paths
    loaded = datasets.obtain("auto", tmp_path)
    np.testing.assert_array_equal(loaded.train[0], X)
    np.testing.assert_array_equal(loaded.test[1], y[:7])


def test_other_layouts_are_checked(tmp_path, monkeypatch):
    bodies = small(tmp_path, monkeypatch, X, y, X, y)
    monkeypatch.setitem(
        datasets.TABLE, "other", dataclasses.replace(made(tmp_path, X, y, X[:3], y[:3])[0], name="other")
    )
    paths = put_otherwise(tmp_path, bodies, "flat")
    idx.write_idx(paths[2], X[:5])
    with pytest.raises(ChecksumError, match="holds not the published values"):
        datasets.obtain("auto", tmp_path)
    idx.write_idx(paths[2], X[:3])
    with pytest.raises(ChecksumError, match="holds the values of other; name another data set or"):
        datasets.obtain("auto", tmp_path)
    paths[2].write_bytes(b"no IDX")
    with pytest.raises(DataError, match="not an IDX file"):
        datasets.obtain("auto", tmp_path)


def test_a_part_of_a_set_is_none(tmp_path, monkeypatch):
    put_otherwise(tmp_path, small(tmp_path, monkeypatch, X, y, X, y), "flat")[3].unlink()
    with pytest.raises(DataError, match="missing; offline"):
        datasets.obtain("auto", tmp_path, offline=True)


def test_the_hash_is_of_the_training_data_and_nothing_else(tmp_path, monkeypatch):
    def digest(*arrays) -> str:
        return datasets.Loaded("x", arrays[:2], arrays[2:], datasets.DIGITS).sha256

    one = digest(X, y, X, y)
    assert len(bytes.fromhex(one)) == 32
    assert digest(X, y, X[:3], y[:3]) == one
    assert digest(np.asfortranarray(X), y, X, y) == one
    assert digest(X[::-1], y, X, y) != one
    assert digest(X.reshape(60, 14, 28), y, X, y) != one


@pytest.mark.mnist
def test_mnist(mnist_dir):
    (X_train, y_train), (X_test, y_test) = datasets.load("mnist", mnist_dir, offline=True)
    assert (X_train.shape, X_test.shape) == ((60_000, 28, 28), (10_000, 28, 28))
    assert y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.mnist
def test_the_published_files_from_a_mirror_that_bends_them(mnist_dir, tmp_path, monkeypatch, caplog):
    bodies = {file.name: (mnist_dir / "mnist" / file.name).read_bytes() for file in datasets.MNIST.files}
    with serving(bodies) as server:
        mirrors = [server.mirror(fault) for fault in ("flip", "short", "encoded")]
        monkeypatch.setitem(datasets.TABLE, "mnist", dataclasses.replace(datasets.MNIST, mirrors=tuple(mirrors)))
        files = datasets.fetch("mnist", tmp_path)
    assert [file.path.read_bytes() == bodies[file.path.name] for file in files] == [True] * 4
    lines = " ".join(record.getMessage() for record in caplog.records)
    assert "wrong SHA-256: got" in lines
    assert "after 1,234 of 9,912,422 bytes" in lines


def test_fashion_mnist_where_it_is_on_disk(mnist_dir):
    folder = mnist_dir / "fashion-mnist"
    if not all((folder / file.name).exists() for file in datasets.FASHION_MNIST.files):
        pytest.skip(f"Fashion-MNIST is not in {folder}")
    (X_train, y_train), _ = datasets.load("fashion-mnist", mnist_dir, offline=True)
    assert X_train.shape == (60_000, 28, 28)
    assert datasets.FASHION_MNIST.classes[y_train[0]] == "ankle boot"


def test_gzip_is_not_demanded_of_files_named_gz(tmp_path, monkeypatch):
    bodies = {name: gzip.decompress(body) for name, body in made(tmp_path, X, y, X, y)[1].items()}
    files = tuple(RemoteFile(name, len(b), hashlib.sha256(b).hexdigest()) for name, b in bodies.items())
    monkeypatch.setitem(datasets.TABLE, "mnist", dataclasses.replace(datasets.MNIST, files=files))
    datasets.load("mnist", put(tmp_path, bodies))
