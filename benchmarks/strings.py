"""Accuracy on numbers of several digits: composed strings, images, cheque amounts; with Tesseract and RapidOCR.

Tesseract and RapidOCR take part if they are installed (readers.py). A string is right if its digits are, all of them
and no others; dots, dashes and spaces do not count. All contestants get the same PNG files, dark on light. The others
also get each image enlarged to 96 pixels of height, and the better size counts over a whole set.
"""

import csv
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from unittest import mock

import numpy as np
import readers
from common import machine, parser, save
from PIL import Image

from lenet5 import datasets, pretrained
from lenet5.datasets.synthetic import digit_strings
from lenet5.ocr import evaluation, layout, lines, reader, sdnn
from lenet5.preprocessing.decode import decode
from lenet5.preprocessing.normalization import to_grey
from lenet5.recipes.data import held_out_digits


def composed(style: str, n: int, data_dir: str | None, test: bool) -> list[tuple[np.ndarray, str]]:
    """Compose strings of MNIST's test digits, or of training digits that no shipped weights have seen."""
    X, y = datasets.load("mnist", data_dir)[1] if test else held_out_digits(data_dir)[1]
    return list(evaluation.pictures(digit_strings.compose(X, y, n, style=style, seed=1 if test else 77)))


def photographed(folder: Path, half: int | None) -> list[tuple[np.ndarray, str]]:
    """Return the images of a folder with labels.csv (path, text); half 0 or 1: a fixed random half."""
    with open(folder / "labels.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    if half is not None and len(rows) >= 100:
        random.Random(0).shuffle(rows)
        rows = rows[half * (len(rows) // 2) :][: len(rows) // 2]
    return [(folder / row["path"], row["text"]) for row in rows]


def as_files(pictures, folder: Path) -> list[tuple[Path, Path]]:
    """Write each image as a PNG file, as it is and enlarged to at least 96 pixels of height, with a margin."""
    files = []
    for i, (picture, _) in enumerate(pictures):
        image = Image.open(picture).convert("L") if isinstance(picture, Path) else Image.fromarray(picture)
        k = max(96 / image.height, 1)
        large = image.resize((round(image.width * k), round(image.height * k)), Image.Resampling.BICUBIC)
        names = folder / f"{i}.png", folder / f"{i}-large.png"
        for name, version in zip(names, (image, large), strict=True):
            version.save(name)
        files.append(names)
    return files


def ours(network) -> Callable[[list[Path]], list[str]]:
    return lambda files: [str(reader.read(file, network=network)) for file in files]


def lattice_alone(files: list[Path]) -> list[str]:
    """Read by over-segmentation and the graph search, without the sliding network."""
    with mock.patch.multiple(lines, SLIDING_SHARE=0.0, MOST_SLIDING=0.0):
        return ours(None)(files)


def sliding_alone(files: list[Path]) -> list[str]:
    """Read by the sliding network and its own search, on the lines found."""
    net = reader.shipped_once().sliding
    found = (layout.find(to_grey(decode(file))).numbers for file in files)
    return [" ".join(sdnn.read_line(number.ink, net) for number in numbers) for numbers in found]


def contestants(python: str) -> dict[str, Callable]:
    """Return contestants by name: this program, its two methods alone, and other installed programs."""
    return {
        "lenet5": ours(pretrained()),
        "lenet5: its lattice alone": lattice_alone,
        "lenet5: its sliding network alone": sliding_alone,
        **readers.others(python, readers.LINE),
    }


def measure(name: str, read: Callable, files: list[tuple[Path, Path]], rights: list[str]) -> dict:
    """Report on one contestant and set; for other programs the better of both sizes."""
    reports = []
    for size in (0,) if name.startswith("lenet5") else (0, 1):
        started = perf_counter()
        texts = read([pair[size] for pair in files])
        seconds = perf_counter() - started
        report = evaluation.evaluation(zip(texts, rights, strict=True))
        reports.append(report | {"enlarged": bool(size), "seconds_a_picture": seconds / max(len(files), 1)})
    return max(reports, key=lambda report: report["accuracy"])


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--n", type=int, default=1000, help="composed strings of each style")
    arguments.add_argument("--n-peers", type=int, default=200, help="images for the other programs, at most")
    arguments.add_argument("--test", action="store_true", help="digits of the test set; else of the validation part")
    arguments.add_argument("--n-pictures", type=int, default=100, help="of a folder, for the others, at most")
    arguments.add_argument("--pictures", type=Path, nargs="*", default=[], help="folders of images with labels.csv")
    arguments.add_argument("--half", type=int, choices=(0, 1), help="only a fixed half of each folder's images")
    arguments.add_argument("--rapidocr", default=sys.executable, help="a Python that has rapidocr and onnxruntime")
    options = arguments.parse_args()
    found = contestants(options.rapidocr)
    sets = {style: composed(style, options.n, options.data_dir, options.test) for style in digit_strings.STYLES}
    sets |= {folder.name: photographed(folder, options.half) for folder in options.pictures}
    rows = []
    for set_name, pictures in sets.items():
        with tempfile.TemporaryDirectory() as folder:
            files, rights = as_files(pictures, Path(folder)), [right for _, right in pictures]
            for name, read in found.items():
                most = options.n_peers if set_name in digit_strings.STYLES else options.n_pictures
                n = len(files) if name == "lenet5" else most
                if not files[:n]:
                    continue
                report = measure(name, read, files[:n], rights[:n])
                rows.append({"set": set_name, "contestant": name, **report})
                print(f"{set_name:<10} {name:<34} {report['n']:>5} strings  {100 * report['accuracy']:6.2f} % right  "
                      f"digits {100 * report['digit_accuracy']:6.2f} %", flush=True)  # fmt: skip
    save("strings", {"machine": machine(), "test": options.test, "half": options.half, "rows": rows}, options.out)


if __name__ == "__main__":
    main()
