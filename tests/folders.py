"""Folders of images for tests: three classes that differ in shape and colour, of mixed sizes."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"circle": (220, 60, 40), "square": (40, 90, 220), "stripes": (50, 180, 60)}


def shape(label: str, rng: np.random.Generator, side: int = 48, *, colour: bool = True) -> Image.Image:
    """An image of this class, no two alike."""
    noise = rng.integers(200, 256, (side, side, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    draw, (x, y) = ImageDraw.Draw(image), rng.integers(4, side // 3, 2)
    reach, ink = side // 2, COLOURS[label] if colour else (30, 30, 30)
    if label == "circle":
        draw.ellipse((x, y, x + reach, y + reach), fill=ink)
    elif label == "square":
        draw.rectangle((x, y, x + reach, y + reach), fill=ink)
    else:
        for k in range(0, side, 8):
            draw.line((k + x, 0, k + x, side), fill=ink, width=3)
    return image if colour else image.convert("L")


def write_classes(
    folder: Path, n: int, *, seed: int = 0, labels=tuple(COLOURS), colour: bool = True, sides=(28, 90)
) -> Path:
    """``<class>/<number>.png`` for each class."""
    rng = np.random.default_rng(seed)
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for k in range(n):
            side = int(rng.integers(*sides))
            shape(label, rng, side, colour=colour).save(folder / label / f"{k:03}.png")
    return folder


def write_splits(folder: Path, n: int, **settings) -> Path:
    """The same below train, val and test."""
    for seed, (split, share) in enumerate({"train": n, "val": max(1, n // 4), "test": max(1, n // 4)}.items()):
        write_classes(folder / split, share, seed=10 + seed, **settings)
    return folder


def write_table(folder: Path, n: int, **settings) -> Path:
    """The same files named by a table; its path."""
    write_classes(folder / "images", n, **settings)
    rows = [(path.relative_to(folder).as_posix(), path.parent.name) for path in sorted(folder.rglob("*.png"))]
    table = folder / "labels.csv"
    with open(table, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("path", "label"), *rows])
    return table
