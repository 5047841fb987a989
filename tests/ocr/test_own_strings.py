"""Images of one's own with their texts: the table, what counts as a text, and the report."""

import csv

import numpy as np
import pytest
from PIL import Image

from lenet5.datasets.synthetic import digit_strings, strokes
from lenet5.datasets.table import list_texts
from lenet5.errors import DataError
from lenet5.ocr import evaluation, own_strings

X, Y = strokes.draw(400, seed=12)


@pytest.fixture
def folder(tmp_path):
    """0.png ... 3.png of composed strings, with table.csv; and a file that is no image."""
    style = digit_strings.Style(length=(4, 4), gap=(2, 4))
    rows = []
    for k, (picture, text) in enumerate(evaluation.pictures(digit_strings.compose(X, Y, 4, style=style, seed=1))):
        Image.fromarray(picture).save(tmp_path / f"{k}.png")
        rows.append((f"{k}.png", text))
    (tmp_path / "bad.png").write_bytes(b"nothing")
    write(tmp_path / "table.csv", [("path", "text"), *rows])
    return tmp_path


def write(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def table(folder):
    with open(folder / "table.csv", encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))[1:]


def test_a_header_is_optional_and_may_have_more_columns(folder):
    rows = table(folder)
    plain = write(folder / "plain.csv", rows)
    more = write(folder / "more.csv", [("width", "label", "file"), *((9, text, name) for name, text in rows)])
    names = [[(image.name, image.label) for image in list_texts(str(path)).images] for path in (plain, more)]
    assert names == [[tuple(row) for row in rows]] * 2


@pytest.mark.parametrize("rows", [[("a.png", "1", "2")], [("path", "colour", "size")], []])
def test_other_columns_are_refused(tmp_path, rows):
    with pytest.raises(DataError, match="a CSV has path and text"):
        list_texts(str(write(tmp_path / "t.csv", rows)))


def test_rows_with_missing_cells_are_left_out(tmp_path):
    listing = list_texts(str(write(tmp_path / "t.csv", [("path", "text"), ("a.png",), (), ("b.png", "1")])))
    assert [image.name for image in listing.images] == ["b.png"]
    assert str(listing.left_out[0]).endswith("row 2: 1 cells, expected 2")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("12", "12"),
        (" 1,234.50 ", "1,234.50"),
        ("12  34", "12 34"),
        ("12\n34", "12\n34"),
        (r"12\n34", "12\n34"),
        ("12|34", "12\n34"),
    ],
)
def test_texts(cell, text):
    assert own_strings.transcript(cell) == text


@pytest.mark.parametrize(
    ("cell", "reason"), [("", "no text"), (" \n", "no text"), ("12a", "its text has a;"), ("-", "no digit"), ("٣", "٣")]
)
def test_texts_that_are_none(cell, reason):
    with pytest.raises(ValueError, match=reason):
        own_strings.transcript(cell)


def test_the_report_counts_what_is_right(folder):
    """Of four images one has a wrong text; rows that cannot be used are left out with their reasons."""
    rows = table(folder)
    answer = rows[0][1]
    wrong = answer[:-1] + str((int(answer[-1]) + 1) % 10)
    more = [("bad.png", "1"), ("missing.png", "1"), ("1.png", ""), ("2.png", "12y")]
    path = write(folder / "mixed.csv", [(rows[0][0], wrong), *rows[1:], *more])
    seen = []
    found = own_strings.evaluate(path, report=lambda done, total: seen.append((done, total)))
    assert (found.counts["n"], found.counts["n_digits"], found.counts["numbers"]) == (4, 16, 4)
    assert seen[-1] == (6, 8)
    missed = {one.file: one for one in found.misread}
    assert missed[str(folder / "0.png")].text == wrong
    assert found.counts["errors"] == len(missed)
    assert found.counts["accuracy"] == 1 - len(missed) / 4
    reasons = {one.name: one.reason for one in found.left_out}
    assert sorted(reasons) == ["1.png", "2.png", "bad.png", "missing.png"]
    assert reasons["missing.png"].startswith("cannot be opened")
    assert found.as_dict()["left_out"][0]["file"]
    assert "4 rows left out" in found.lines()[0]


def test_the_table_of_misread_images_can_be_read_from_its_folder(folder):
    path = write(folder / "wrong.csv", [("0.png", "5")])
    found = own_strings.evaluate(path)
    (folder / "below").mkdir()
    found.write_csv(folder / "below" / "misread.csv")
    [again] = list_texts(str(folder / "below" / "misread.csv")).images
    assert (again.name, again.label) == ("../0.png", "5")
    assert np.asarray(found.draw()).shape[2] == 3


def test_a_table_without_an_image_that_can_be_used(folder):
    with pytest.raises(DataError, match=r"no image that can be used \(bad.png"):
        own_strings.evaluate(write(folder / "t.csv", [("bad.png", "12")]))


def test_numbers_are_counted_one_by_one():
    counts = own_strings._counts([("12 3 45", "12 34\n45"), ("7", "7")])
    assert (counts["numbers"], counts["number_accuracy"]) == (4, 0.75)
    assert (counts["n"], counts["accuracy"], counts["n_digits"]) == (2, 0.5, 7)
