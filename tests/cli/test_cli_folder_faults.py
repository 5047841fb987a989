"""Training on own images with faults among them: a model and a line about each, whatever the layout."""

import csv
import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from commandline import Result, bound_by_permissions, finish, quick, start
from folders import shape, write_classes
from PIL import Image

CLASSES = ("circle", "square", "stripes")


def bomb() -> bytes:
    """A PNG that says it is of 100,000 x 100,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunks = header, b"IDAT" + zlib.compress(bytes(10**6)), b"IEND"
    ends = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


def a_shape(label="circle", seed=99) -> Image.Image:
    return shape(label, np.random.default_rng(seed), 60)


# ---- faults: each makes one among the classes in a folder, and returns what its line names --------------------------


def empty_file(folder: Path) -> str:
    (folder / "circle" / "zero.png").write_bytes(b"")
    return "zero.png: the file is empty"


def truncated(folder: Path) -> str:
    path = folder / "circle" / "cut.jpg"
    a_shape().save(path)
    path.write_bytes(path.read_bytes()[:400])
    return "cut.jpg: damaged image"


def wrong_suffix(folder: Path) -> str:
    a_shape().save(folder / "circle" / "lies.jpg", "PNG")
    return "lies.jpg: another kind of file than the name says"


def decompression_bomb(folder: Path) -> str:
    (folder / "circle" / "bomb.png").write_bytes(bomb())
    return "bomb.png: too many pixels"


def heic(folder: Path) -> str:
    (folder / "circle" / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    return "phone.heic: HEIC is not read"


def broken_exif(folder: Path) -> str:
    a_shape().save(folder / "circle" / "turned.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    return "turned.jpg: damaged EXIF"


def symlink_loop(folder: Path) -> str:
    """Of folders; and of a file, as only that can stand in a table."""
    (folder / "circle" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "circle" / "self.png").symlink_to(folder / "circle" / "self.png")
    return "self.png: cannot be opened"


def unreadable(folder: Path) -> str:
    a_shape().save(folder / "circle" / "secret.png")
    (folder / "circle" / "secret.png").chmod(0)
    return "secret.png: cannot be opened (Permission denied)"


def empty_class(folder: Path) -> str:
    (folder / "nothing").mkdir()
    return "nothing"


def class_of_one(folder: Path) -> str:
    (folder / "lonely").mkdir()
    Image.new("RGB", (50, 50), (250, 250, 0)).save(folder / "lonely" / "only.png")
    return "class lonely has one image only"


def image_in_two_classes(folder: Path) -> str:
    shutil.copy(folder / "circle" / "000.png", folder / "square" / "zcopy.png")
    return "the same image in two classes"


def names_that_differ_by_case(folder: Path) -> str:
    (folder / "Circle").mkdir()
    for k in range(6):
        a_shape("stripes", k).save(folder / "Circle" / f"{k}.png")
    return "classes Circle and circle differ by case only"


FAULTS = (
    empty_file, truncated, wrong_suffix, decompression_bomb, heic, broken_exif, symlink_loop, unreadable, empty_class,
    class_of_one, image_in_two_classes, names_that_differ_by_case,
)  # fmt: skip

# ---- layouts: each puts classes, with a fault, where `train --data` is to find them ---------------------------------


def as_classes(folder: Path, fault) -> tuple[Path, str]:
    return write_classes(folder / "set", 12), fault(folder / "set")


def as_splits(folder: Path, fault) -> tuple[Path, str]:
    for seed, (split, n) in enumerate({"train": 12, "val": 4, "test": 4}.items()):
        write_classes(folder / "set" / split, n, seed=seed)
    return folder / "set", fault(folder / "set" / "train")


def as_table(folder: Path, fault) -> tuple[Path, str]:
    images = write_classes(folder / "images", 12)
    named = fault(images)
    files = [Path(place, name) for place, _, names in os.walk(images) for name in sorted(names)]
    rows = [(path.relative_to(folder).as_posix(), path.parent.name) for path in files]
    if named == "nothing":
        rows.append(("images/nothing/none.png", named))
    with open(folder / "set.csv", "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label"), *rows])
    return folder / "set.csv", named


LAYOUTS = (as_classes, as_splits, as_table)


def train(folder: Path, *args, **settings) -> Result:
    env = {"XDG_CACHE_HOME": str(folder / "cache")}
    args = ("train", "--epochs", "15", "--learning-rate", "0.01", "--batch-size", "8", *args)
    if settings:
        return finish(start(*args, cwd=folder, env=env, **settings))
    return quick(*args, cwd=folder, **env)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_model_and_one_line(tmp_path, layout, fault):
    data, named = layout(tmp_path, fault)
    result = train(tmp_path, "--data", data, **(bound_by_permissions() if fault is unreadable else {}))
    assert result.code == 0, result.stderr
    assert (tmp_path / "lenet5.safetensors").exists()
    assert len([line for line in result.stderr.splitlines() if named in line]) == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("fault", [empty_file, truncated, decompression_bomb, heic, empty_class])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_fewer_than_two_classes(tmp_path, layout, fault):
    """One class, and another of which nothing can be used."""

    def alone(folder: Path) -> str:
        for label in ("square", "stripes"):
            shutil.rmtree(folder / label)
        named = fault(folder)
        for path in list((folder / "circle").iterdir()):
            if fault is not empty_class and not path.name.startswith("0"):
                (folder / "bad").mkdir(exist_ok=True)
                path.rename(folder / "bad" / path.name)
        return named

    data, _ = layout(tmp_path, alone)
    result = train(tmp_path, "--data", data)
    assert result.code == 4
    assert "only one class" in result.error
    assert result.stdout == ""
    assert not (tmp_path / "lenet5.safetensors").exists()
