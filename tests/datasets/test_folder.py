"""Own images from folders, tables and arrays."""

import os

import numpy as np
import pytest
from folders import shape, write_classes, write_splits, write_table
from PIL import Image

from lenet5 import datasets
from lenet5.datasets import pixels
from lenet5.datasets.listing import in_order
from lenet5.errors import DataError

CLASSES = ("circle", "square", "stripes")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """Each test has a cache folder of its own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "lenet5" / "folders"


def sizes(data) -> tuple[int, ...]:
    return tuple(len(y) for _, y in (data.train, data.validation, data.test))


# ---- layouts -------------------------------------------------------------------------------------------------------


def test_folders_of_classes_are_split_alike_for_each_class(tmp_path):
    data = datasets.from_folder(write_classes(tmp_path, 10))
    assert data.classes == CLASSES
    assert sizes(data) == (24, 6, 0)
    assert data.train[0].shape == (24, 3, 32, 32)
    assert data.train[0].dtype == data.train[1].dtype == np.uint8
    assert np.bincount(data.validation[1]).tolist() == [2, 2, 2]
    assert [CLASSES.index(name.split(os.sep)[0]) for name in data.files["train"]] == data.train[1].tolist()
    assert not {*data.files["train"]} & {*data.files["validation"]}


def test_the_seed_decides_the_split(tmp_path):
    write_classes(tmp_path, 10)
    first, same, other = (datasets.from_folder(tmp_path, seed=seed).files["validation"] for seed in (0, 0, 1))
    assert first == same != other


@pytest.mark.parametrize(("validation", "n"), [(0, 0), (0.5, 15), (3, 3), (12, 12)])
def test_the_share_of_validation_images(tmp_path, validation, n):
    assert sizes(datasets.from_folder(write_classes(tmp_path, 10), validation=validation)) == (30 - n, n, 0)


def test_of_fewer_than_ten_images_a_class_none_are_set_apart(tmp_path):
    write_classes(tmp_path, 9)
    few, asked = datasets.from_folder(tmp_path), datasets.from_folder(tmp_path, validation=0.2)
    assert (sizes(few), sizes(asked)) == ((27, 0, 0), (21, 6, 0))
    assert [note for note in few.notes if "fewer than ten images a class" in note]
    assert not asked.notes


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "Testing")])
def test_splits_that_are_given(tmp_path, names):
    write_splits(tmp_path, 8)
    for old, new in zip(("train", "val", "test"), names, strict=True):
        (tmp_path / old).rename(tmp_path / new)
    data = datasets.from_folder(tmp_path)
    assert sizes(data) == (24, 6, 6)
    assert all(name.startswith(names[2]) for name in data.files["test"])


def test_without_validation_folder_training_images_give_some(tmp_path):
    write_splits(tmp_path, 8)
    (tmp_path / "val").rename(tmp_path.parent / f"{tmp_path.name}-val")
    assert sizes(datasets.from_folder(tmp_path, validation=0.25)) == (18, 6, 6)


def test_a_table(tmp_path):
    data = datasets.from_folder(write_table(tmp_path, 10))
    assert data.classes == CLASSES
    assert sizes(data) == (24, 6, 0)


@pytest.mark.parametrize(("delimiter", "header"), [(";", "Filename;Class;Split"), ("\t", "image\tlabel\tsplit")])
def test_a_table_with_splits_and_other_names(tmp_path, delimiter, header):
    write_classes(tmp_path, 4)
    rows = [delimiter.join((f"{label}/{k:03}.png", label, split)) for label in CLASSES
            for k, split in enumerate(("train", "train", "val", "test"))]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]), encoding="utf-8-sig")
    assert sizes(datasets.from_folder(tmp_path / "t.csv")) == (6, 3, 3)


def test_a_table_of_numbers(tmp_path):
    write_classes(tmp_path, 4)
    rows = [f"{label}/{k:03}.png,{k / 2}" for label in CLASSES for k in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["path,target", *rows, "circle/000.png,much"]))
    data = datasets.from_folder(tmp_path / "t.csv", validation=0.25)
    assert sizes(data) == (9, 3, 0)
    assert data.classes == ()
    assert data.train[1].dtype == np.float64
    assert [str(one) for one in data.left_out] == [f"{tmp_path / 't.csv'}, row 14: not a number up to 1e+150"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2", "path,label,target\nx,y,1", "path\nx", b"path,label\n\xff\xfe,a"])
def test_what_is_not_such_a_table(tmp_path, text):
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=r"t\.csv: "):
        datasets.from_folder(tmp_path / "t.csv")


def test_a_class_may_be_called_train(tmp_path):
    write_classes(tmp_path, 3)
    (tmp_path / "circle").rename(tmp_path / "train")
    assert datasets.from_folder(tmp_path).classes == ("square", "stripes", "train")


def test_images_of_a_class_lie_at_any_depth(tmp_path):
    write_classes(tmp_path, 3)
    write_classes(tmp_path / "circle" / "more" / "of", 3, seed=5, labels=["circle"])
    assert np.bincount(datasets.from_folder(tmp_path, validation=0).train[1]).tolist() == [6, 3, 3]


# ---- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (("b", "a", "B"), ("B", "a", "b")),
        (("10", "9", "1"), ("1", "9", "10")),
        (("10", "9", "x"), ("10", "9", "x")),
        (("é", "z", "猫", "ج"), ("z", "é", "ج", "猫")),
    ],
)
def test_the_order_of_classes(names, ordered):
    assert in_order(names) == ordered


def test_names_in_any_script(tmp_path):
    names = ["猫", "кот", "قط", "🐈", "a b"]
    for label, name in zip([*CLASSES, "circle", "square"], names, strict=True):
        write_classes(tmp_path / "made", 2, labels=[label], seed=len(name))
        (tmp_path / "made" / label).rename(tmp_path / name)
    (tmp_path / "made").rmdir()
    assert datasets.from_folder(tmp_path).classes == tuple(sorted(names))


def test_classes_of_a_model_keep_its_order(tmp_path):
    data = datasets.from_folder(write_classes(tmp_path, 3), classes=("stripes", "circle"), validation=0)
    assert data.classes == ("stripes", "circle")
    assert data.train[1].tolist() == [1, 1, 1, 0, 0, 0]
    assert [str(one) for one in data.left_out] == ["square: is not a class of the model; 3 images"]


def test_hidden_files_and_litter_are_passed_over(tmp_path):
    write_classes(tmp_path, 3)
    for name in (".DS_Store", "Thumbs.db", "circle/.hidden", "circle/desktop.ini"):
        (tmp_path / name).write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    assert datasets.from_folder(tmp_path).left_out == ()


# ---- pixels and the cache ------------------------------------------------------------------------------------------


def test_colour_if_any_image_has_colours(tmp_path):
    write_classes(tmp_path, 3, colour=False)
    assert datasets.from_folder(tmp_path).train[0].shape[1:] == (32, 32)
    shape("stripes", np.random.default_rng(0)).save(tmp_path / "stripes" / "zzz.png")
    grey = datasets.from_folder(tmp_path, channels=1, validation=0)
    found = datasets.from_folder(tmp_path, validation=0)
    assert (grey.channels, found.channels) == (1, 3)
    assert (found.train[0][:-1] == grey.train[0][:-1, None]).all()
    assert (found.train[0] == datasets.from_folder(tmp_path, channels=3, validation=0).train[0]).all()


def test_the_size(tmp_path):
    assert datasets.from_folder(write_classes(tmp_path, 3), size=64).train[0].shape[2:] == (64, 64)


@pytest.fixture
def kept(monkeypatch):
    """Sets of any size are kept, and mapped."""
    monkeypatch.setattr(pixels, "MIN_KEPT", 1)
    monkeypatch.setattr(pixels, "MAX_IN_MEMORY", 0)


def test_a_large_set_is_kept_and_mapped(tmp_path, cache, kept, monkeypatch):
    write_classes(tmp_path, 5, colour=False)
    shape("stripes", np.random.default_rng(0)).save(tmp_path / "stripes" / "zzz.png")
    (tmp_path / "circle" / "bad.png").write_bytes(b"x")
    monkeypatch.setattr(pixels, "CHUNK", 4)
    first = datasets.from_folder(tmp_path)
    assert isinstance(first.train[0], np.memmap)
    monkeypatch.setattr(pixels, "_decode", None)
    again = datasets.from_folder(tmp_path)
    assert again.sha256 == first.sha256
    assert again.left_out == first.left_out
    assert again.files == first.files
    monkeypatch.undo()
    monkeypatch.setattr(pixels, "_place", lambda *_: None)
    assert datasets.from_folder(tmp_path).sha256 == first.sha256


def test_what_changed_is_decoded_anew_and_replaces_the_old(tmp_path, cache, kept):
    write_classes(tmp_path, 5)
    before = datasets.from_folder(tmp_path, validation=0)
    names = {path.name for path in cache.iterdir()}
    path = tmp_path / "circle" / "000.png"
    shape("stripes", np.random.default_rng(3)).save(path)
    os.utime(path, ns=(1, 1))
    after = datasets.from_folder(tmp_path, validation=0)
    assert (before.train[0][0] != after.train[0][0]).any()
    assert not names & {path.name for path in cache.iterdir()}


def test_a_damaged_cache_is_made_anew(tmp_path, cache, kept):
    write_classes(tmp_path, 5)
    sha256 = datasets.from_folder(tmp_path).sha256
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:7])
    assert datasets.from_folder(tmp_path).sha256 == sha256


def test_without_a_cache_folder_all_is_in_memory(tmp_path, kept, monkeypatch):
    write_classes(tmp_path / "set", 5)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert not isinstance(datasets.from_folder(tmp_path / "set").train[0], np.memmap)


def test_threads_do_not_change_what_is_read(tmp_path):
    write_classes(tmp_path, 60, labels=CLASSES)
    assert len({datasets.from_folder(tmp_path, threads=threads).sha256 for threads in (1, 2)}) == 1


# ---- what is odd ---------------------------------------------------------------------------------------------------


def test_near_duplicates_stay_on_one_side(tmp_path):
    """Each image is there three times: as it is, recompressed, and resized."""
    write_classes(tmp_path, 10, sides=(90, 130), labels=CLASSES[:2])
    for path in sorted(tmp_path.rglob("*.png")):
        image = Image.open(path)
        image.save(path.with_suffix(".jpg"), quality=80)
        image.resize((70, 70)).save(path.with_suffix(".bmp"))
    data = datasets.from_folder(tmp_path)
    stems = [{name.rsplit(".")[0] for name in data.files[part]} for part in ("train", "validation")]
    assert not stems[0] & stems[1]
    assert sizes(data) == (48, 12, 0)
    assert data.notes == ()


def test_near_duplicates_across_given_splits_are_told(tmp_path):
    write_splits(tmp_path, 8)
    Image.open(tmp_path / "train/circle/001.png").save(tmp_path / "test/circle/zzz.jpg", quality=85)
    [note] = datasets.from_folder(tmp_path).notes
    assert f"test{os.sep}circle{os.sep}zzz.jpg = train{os.sep}circle{os.sep}001.png" in note
    assert "near duplicates" in note


def test_an_array_as_a_set(tmp_path):
    """Keras' file of MNIST."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8), np.arange(30) % 10
    np.savez(tmp_path / "mnist.npz", x_train=X, y_train=y, x_test=X[:5] // 2, y_test=y[:5])
    data = datasets.from_folder(tmp_path / "mnist.npz", validation=0)
    assert data.classes == tuple("0123456789")
    assert (data.train[0] == X).all()
    assert data.test[1].tolist() == [0, 1, 2, 3, 4]


def test_a_table_of_pixels(tmp_path):
    """Kaggle's train.csv."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (12, 784)), np.arange(12) % 3
    header = ",".join(["label", *(f"pixel{k}" for k in range(784))])
    np.savetxt(tmp_path / "train.csv", np.hstack([y[:, None], X]), "%d", ",", header=header, comments="")
    data = datasets.from_folder(tmp_path / "train.csv", validation=0)
    assert (data.train[0] == X.reshape(-1, 28, 28)).all()
    assert data.train[1].tolist() == y.tolist()
    test = (tmp_path / "train.csv").read_text().replace("label,", "", 1)
    (tmp_path / "test.csv").write_text(test)
    with pytest.raises(DataError, match="no column label"):
        datasets.from_folder(tmp_path / "test.csv")


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"a": np.zeros(3)}, "its arrays are a; expected x_train"),
        ({"x": np.zeros((4, 7)), "y": np.zeros(4)}, "shape"),
        ({"x": np.zeros((4, 3, 28, 3)), "y": np.zeros(4)}, "shape"),
        ({"x": np.full((4, 28, 28), -1.0), "y": np.arange(4)}, "reach from -1"),
        ({"x": np.zeros((4, 28, 28)), "y": np.arange(3)}, "4 train images, but 3 labels"),
        ({"x": np.zeros((4, 28, 28)), "y": np.array([None] * 4)}, "pickle"),
    ],
)
def test_arrays_of_which_it_is_not_clear_what_they_are(tmp_path, arrays, told):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=told):
        datasets.from_folder(tmp_path / "x.npz")
