"""What `lenet5 predict` must see with the weights that ship: digits cut to their ink, of any size and polarity."""

import csv

import numpy as np
import pytest
from PIL import Image

from lenet5.datasets.idx import read_idx
from lenet5.datasets.synthetic import segmentation_digits as drawn
from lenet5.models import hands
from lenet5.recipes.data import held_out_digits


def answered(images, labels) -> float:
    """The fraction that is answered rightly; a refusal is wrong."""
    answers = hands.shipped().recognize(list(images), threads=1)
    return float(np.mean([answer.label == label for answer, label in zip(answers, labels, strict=True)]))


def tight(image: np.ndarray, margin: int, scale: int, *, squared: bool, dark: bool) -> np.ndarray:
    """An image of MNIST cut to its ink, with a margin, enlarged."""
    rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
    part = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if squared:
        side = max(part.shape)
        part = np.pad(part, [((side - n) // 2, side - n - (side - n) // 2) for n in part.shape])
    part = np.pad(part, margin)
    size = part.shape[1] * scale, part.shape[0] * scale
    large = np.asarray(Image.fromarray(part).resize(size, Image.Resampling.BICUBIC))
    return 255 - large if dark else large


@pytest.mark.mnist
@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 4, 16])
@pytest.mark.parametrize("margin", [0, 2, 40])
def test_digits_cut_to_their_ink(mnist_dir, margin, scale):
    _, (X, y) = held_out_digits(mnist_dir)
    images = [tight(X[i], margin, scale, squared=i % 2 == 0, dark=i % 4 < 2) for i in range(150)]
    assert answered(images, y[:150]) >= 0.96


@pytest.mark.mnist
@pytest.mark.slow
def test_small_digits_on_large_pages(mnist_dir):
    _, (X, y) = held_out_digits(mnist_dir)
    rng, pages = np.random.default_rng(0), []
    for image in X[:12]:
        page = np.full((1500, 2000), 245, np.uint8)
        digit = 245 - np.uint8(0.9 * tight(image, 0, 1, squared=True, dark=False))
        large = np.asarray(Image.fromarray(digit).resize((33, 33), Image.Resampling.BICUBIC))
        top, left = rng.integers(60, 1400), rng.integers(60, 1900)
        page[top : top + 33, left : left + 33] = large
        pages.append(page)
    assert answered(pages, y[:12]) >= 0.9  # pages are reduced to 1,024 pixels, on which a digit has 17


def test_other_hands():
    rng, images, labels = np.random.default_rng(7), [], []
    for digit in range(10):
        for k in range(8):
            matte = drawn.line(digit, rng, int(rng.integers(40, 160)), drawn._tables()["hands"])
            ink = np.pad(matte, int(rng.uniform(0.1, 0.5) * len(matte)))
            images.append(np.rint(255 * (1 - ink if k % 2 else ink)).astype(np.uint8))
            labels.append(digit)
    assert answered(images, labels) >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize(("name", "least"), [("usps", 0.97), ("photos", 0.98), ("photos2", 0.94)])
def test_sets_by_other_hands(mnist_dir, name, least):
    folder = mnist_dir / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in the data folder")
    if name == "usps":
        images, labels = (read_idx(next(folder.glob(f"*{kind}*idx*"))) for kind in ("images", "labels"))
    else:
        with open(folder / "labels.csv", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        images, labels = [folder / row["path"] for row in rows], [int(row["label"]) for row in rows]
    assert answered(images, labels) >= least
