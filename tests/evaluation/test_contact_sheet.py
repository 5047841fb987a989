"""Pictures for people: they can be opened, and hold what they say."""

import numpy as np
import pytest
from PIL import Image

from lenet5.evaluation import contact_sheet


def answers(n, n_wrong, n_classes=10):
    """Pictures, labels, and probabilities of which the first ``n_wrong`` are wrong."""
    y = np.arange(n, dtype=np.uint8) % n_classes
    probabilities = np.full((n, n_classes), 0.01, np.float32)
    predicted = np.where(np.arange(n) < n_wrong, (y + 1) % n_classes, y)
    probabilities[np.arange(n), predicted] = np.linspace(0.5, 0.9, n)
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8), y, probabilities


@pytest.mark.parametrize(
    ("n_wrong", "columns", "rows"), [(1, 2.5, 1), (3, 3, 1), (10, 10, 1), (11, 10, 2), (100, 10, 10), (150, 10, 10)]
)
def test_the_size_of_the_sheet_of_mistakes(n_wrong, columns, rows):
    sheet = contact_sheet.mistakes(*answers(200, n_wrong), list("0123456789"))
    assert sheet.size == (max(420, columns * 96), 26 + rows * 124)


def test_the_surest_mistake_is_the_first():
    X, y, probabilities = answers(20, 5)
    sheet = np.asarray(contact_sheet.mistakes(X, y, probabilities, list("0123456789")).convert("L"))
    for place, number in enumerate([4, 3, 2, 1, 0]):
        left = place * 96 + 6
        assert (sheet[28:112:3, left : left + 84 : 3] == 255 - X[number]).all()


@pytest.mark.parametrize("n", [0, 5])
def test_no_mistakes(n):
    sheet = contact_sheet.mistakes(*answers(n, 0), list("0123456789"))
    assert np.asarray(sheet).min() < 100  # the words that say so
    assert sheet.width == 420


def test_labels_of_any_script():
    contact_sheet.mistakes(*answers(6, 6, 3), ["Größe", "四", "ankle boot" * 10])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "noending", "ü \n.x"])
def test_the_file_is_a_png_whatever_its_name(tmp_path, name):
    contact_sheet.save_png(Image.new("RGB", (3, 2)), tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.size) == ("PNG", (3, 2))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_sheet_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError):
        contact_sheet.save_png(Image.new("RGB", (3, 2)), tmp_path / "missing" / "a.png")
    with pytest.raises(OSError):
        contact_sheet.save_png(Image.new("RGB", (3, 2)), tmp_path)
    assert list(tmp_path.iterdir()) == []
