"""lenet5 read, and lenet5 evaluate --strings: rows, JSON, boxes, exit codes."""

import json
import os

import numpy as np
import pytest
from commandline import digits, has_escape_codes, lenet5, model_path, quick
from PIL import Image

from lenet5 import Committee, LeNet5
from lenet5.datasets.synthetic import strokes
from lenet5.ocr import networks


def read(folder, *args, stdin=None, **env):
    return quick("read", "--model", model_path(), *args, cwd=folder, stdin=stdin, **env)


def rows(result):
    return [line.split("\t") for line in result.stdout.splitlines()]


def documents(result):
    return json.loads(result.stdout, parse_constant=pytest.fail)


def written(*lines):
    """Numbers, one below the other, dark on light, enlarged: (H, W) uint8."""
    planes = [np.concatenate([digits()[int(c)][:, 2:26] for c in line], axis=1) for line in lines]
    width = max(plane.shape[1] for plane in planes)
    page = np.concatenate([np.pad(p, ((8, 8), (12, 12 + width - p.shape[1]))) for p in planes])
    return Image.fromarray(255 - page).resize((page.shape[1] * 2, page.shape[0] * 2), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    """one.png 2718; page.png three lines; blank.png, bad.png and a text."""
    written("2718").save(tmp_path / "one.png")
    written("314", "1592", "65").save(tmp_path / "page.png")
    Image.new("L", (80, 60), 255).save(tmp_path / "blank.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "one.png").read_bytes()[:70])
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_a_number(folder):
    """Through the installed command itself."""
    result = lenet5("read", "--model", model_path(), "one.png", cwd=folder)
    [[name, text, confidence]] = rows(result)
    assert (result.code, name, text) == (0, "one.png", "2718")
    assert 0.3 < float(confidence) <= 1
    assert len(confidence.split(".")[1]) == 4
    assert not has_escape_codes(result.stdout + result.stderr)


def test_a_row_for_each_line_of_a_page(folder):
    result = read(folder, "page.png", "one.png")
    assert [row[:2] for row in rows(result)] == [
        ["page.png", "314"],
        ["page.png", "1592"],
        ["page.png", "65"],
        ["one.png", "2718"],
    ]


def test_json(folder):
    result = read(folder, "page.png", "bad.png", "blank.png", "--json", "-q")
    page, bad, blank = documents(result)
    assert result.code == 3
    assert page["text"] == "314\n1592\n65"
    assert [number["text"] for number in page["numbers"]] == page["text"].split()
    assert "".join(digit["digit"] for digit in page["digits"]) == "314159265"
    assert 0 < page["confidence"] <= min(digit["confidence"] for digit in page["digits"]) + 1e-5
    for number in page["numbers"]:
        left, top, width, height = number["box"]
        for digit in number["digits"]:
            x, y, w, h = digit["box"]
            assert left <= x < x + w <= left + width
            assert top <= y < y + h <= top + height
    assert (bad["text"], bad["file"]) == (None, "bad.png")
    assert "bad.png" in bad["error"]
    assert (blank["text"], blank["digits"], blank["numbers"]) == ("", [], [])


def test_a_bad_file_does_not_stop_the_others(folder):
    result = read(folder, "one.png", "bad.png", "blank.png", "missing.png")
    assert result.code == 3
    assert [row[:2] for row in rows(result)] == [["one.png", "2718"], ["blank.png", "no digits"]]
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 2


def test_standard_input_folder_and_list(folder):
    result = read(folder, "-", stdin=(folder / "one.png").read_bytes())
    assert rows(result)[0][:2] == ["-", "2718"]
    (folder / "list.txt").write_text("one.png\n\nblank.png\n")
    assert [row[0] for row in rows(read(folder, "@list.txt"))] == ["one.png", "blank.png"]
    (folder / "bad.png").unlink()
    found = rows(read(folder, "."))
    assert [os.path.basename(row[0]) for row in found] == ["blank.png", "one.png", "page.png", "page.png", "page.png"]


def test_an_empty_folder(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    result = read(folder, "empty")
    assert (result.code, result.stdout) == (3, "")
    assert "no images" in result.error


def test_boxes(folder):
    result = read(folder, "page.png", "--boxes", "boxes.png")
    assert result.code == 0
    with Image.open(folder / "boxes.png") as drawn, Image.open(folder / "page.png") as page:
        assert drawn.mode == "RGB"
        assert drawn.width >= page.width


@pytest.fixture
def book(folder):
    """book.tif: a number, nothing, three lines; with book.gif of the first and the last."""
    one, page = (Image.open(folder / name).convert("L") for name in ("one.png", "page.png"))
    one.save(folder / "book.tif", save_all=True, append_images=[Image.new("L", (80, 60), 255), page])
    one.resize(page.size).save(folder / "book.gif", save_all=True, append_images=[page], duration=100)
    return folder


PAGES = [("2718", "page 1"), ("no digits", "page 2"), *((line, "page 3") for line in ("314", "1592", "65"))]


def test_all_pages_are_read(book):
    result = read(book, "book.tif", "one.png")
    assert [(row[0], row[1], *row[3:]) for row in rows(result)] == [
        *(("book.tif", *row) for row in PAGES),
        ("one.png", "2718"),
    ]
    assert "first of" not in result.stderr
    found = documents(read(book, "-", "book.gif", "one.png", "--json", stdin=(book / "book.tif").read_bytes()))
    assert [(one["file"], one.get("page"), one.get("pages")) for one in found] == [
        ("-", 1, 3), ("-", 2, 3), ("-", 3, 3), ("book.gif", 1, 2), ("book.gif", 2, 2), ("one.png", None, None),
    ]  # fmt: skip
    assert [found[k]["text"] for k in (0, 1, 2, 4)] == ["2718", "", "314\n1592\n65", "314\n1592\n65"]


def test_a_damaged_page_does_not_stop_the_others(book):
    """Its strip lies beyond the end of the file; so does the list of entries of a page that comes after it."""
    data = (book / "book.tif").read_bytes()
    (book / "short.tif").write_bytes(data[:-100])
    (book / "cut.tif").write_bytes(data[: len(data) // 3])
    result = read(book, "short.tif", "one.png")
    assert result.code == 3
    assert [tuple(row[1:2] + row[3:]) for row in rows(result)][:2] == PAGES[:2]
    assert rows(result)[-1][:2] == ["one.png", "2718"]
    assert "short.tif, page 3 of 3: damaged image" in result.error
    result = read(book, "cut.tif", "--json")
    *good, bad = documents(result)
    assert (result.code, [one["text"] for one in good]) == (3, ["2718", ""][: len(good)])
    assert (bad["page"], bad["pages"], bad["text"]) == (len(good) + 1, len(good) + 1, None)
    assert f"cut.tif, page {bad['page']} of {bad['page']}: damaged image" in bad["error"]


def test_too_many_pages(folder):
    plane = Image.new("L", (8, 8), 255)
    plane.save(folder / "long.tif", save_all=True, append_images=[plane] * 100)
    result = read(folder, "long.tif")
    assert (result.code, result.stdout) == (3, "")
    assert "more than 100 pages" in result.error


def test_boxes_of_a_book(book):
    result = read(book, "book.tif", "--boxes", "boxes.png")
    assert result.code == 0
    assert "boxes of page 1 of 3 only" in result.stderr
    with Image.open(book / "boxes.png") as drawn, Image.open(book / "one.png") as page:
        assert drawn.width >= page.width


def test_boxes_of_many_images(book):
    """Names that are alike, by case and ending too, do not collide; what is there is no input, and is replaced."""
    (book / "more").mkdir()
    for name in ("more/one.png", "more/ONE.bmp"):
        Image.open(book / "one.png").save(book / name)
    (book / "bad.png").unlink()
    for _ in range(2):
        result = read(book, "one.png", "more", "book.tif", "--boxes", "found/")
        assert result.code == 0
        assert sorted(os.listdir(book / "found")) == sorted(
            ["one-boxes.png", "ONE-boxes-2.png", "one-boxes-3.png", *(f"book-page-{k}-boxes.png" for k in (1, 2, 3))]
        )
    with Image.open(book / "found" / "book-page-3-boxes.png") as drawn, Image.open(book / "page.png") as page:
        assert (drawn.width % page.width, drawn.height % page.height) == (0, 0)  # a small image is enlarged


def test_boxes_replace_nothing_else(folder):
    """Neither what a link names, nor a file that is no PNG, nor an image that is read."""
    (folder / "found").mkdir()
    (folder / "found" / "one-boxes.png").symlink_to("../page.png")
    (folder / "found" / "one-boxes-2.png").write_text("notes")
    before = (folder / "page.png").read_bytes()
    assert read(folder, "one.png", "--boxes", "found").code == 0
    assert (folder / "page.png").read_bytes() == before
    assert (folder / "found" / "one-boxes-2.png").read_text() == "notes"
    assert (folder / "found" / "one-boxes-3.png").read_bytes().startswith(b"\x89PNG")
    result = read(folder, "found/one-boxes-3.png", "--boxes", "found/")
    assert (result.code, result.stdout) == (2, "")
    assert "lies in the folder of --boxes" in result.error


def test_question_marks(folder):
    (row,) = rows(read(folder, "one.png", "--min-confidence", "1"))
    assert len(row[1]) == 4
    assert "?" in row[1]


def test_a_wanted_error(folder):
    """The larger of the confidence for that error and of --min-confidence counts; thresholds are those that ship."""
    documents_of = lambda *args: documents(read(folder, "page.png", "--json", "-q", *args))[0]["digits"]  # noqa: E731
    plain, strict = documents_of(), documents_of("--max-error", "0.5%")
    least = networks.shipped().calibration.confidence_for(0.005)
    assert [d["digit"] == "?" for d in strict] == [d["confidence"] < least for d in plain]
    assert [d["box"] for d in strict] == [d["box"] for d in plain]
    assert all(
        d["digit"] == "?" for d in documents_of("--max-error", "10%", "--min-confidence", "1") if d["confidence"] < 1
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("0", "out of range"),
        ("5", "Write 5%"),
        ("nothing", "is not an error rate"),
        ("0.0001%", "less than this model can vouch for"),
    ],
)
def test_errors_that_are_none(folder, error, expected):
    result = read(folder, "one.png", "--max-error", error)
    assert result.code in (1, 2)
    assert result.stdout == ""
    assert expected in result.error


def test_length(folder):
    (row,) = rows(read(folder, "one.png", "--length", "3"))
    assert len(row[1]) == 3


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["one.png", "--allow", "y"], "allow is 'y'"),
        (["one.png", "page.png", "--boxes", "b.png"], "one image"),
        (["-", "--boxes", "b.png"], "one image"),
        (["one.png", "--boxes", "b.jpg"], "neither a .png nor a folder"),
        (["one.png", "-", "--boxes", "b/"], "not from standard input"),
        (["one.png", "--boxes", "./"], "lies in the folder of --boxes"),
        (["one.png", "--boxes", "notes.txt/b/"], "notes.txt"),
        (["one.png", "--boxes", "one.png"], "is the image to be read"),
        (["one.png", "--boxes", "missing/b.png"], "missing"),
        (["one.png", "--length", "0"], "length"),
        (["one.png", "--min-confidence", "2"], "min-confidence"),
        ([], "FILE"),
    ],
)
def test_wrong_usage(folder, args, expected):
    before = sorted(os.listdir(folder))
    result = read(folder, *args)
    assert result.code in (1, 2)
    assert result.stdout == ""
    assert expected in result.error
    assert sorted(os.listdir(folder)) == before


def test_a_model_of_other_classes(folder):
    LeNet5(labels=["a", "b"]).save(folder / "ab.safetensors")
    result = quick("read", "--model", "ab.safetensors", "one.png", cwd=folder)
    assert result.code == 2
    assert "the ten digits" in result.error


def committee(folder):
    """The arguments for a committee of two, and the file of the same committee."""
    models = [LeNet5(seed=seed).fit(*strokes.draw(2000, seed=9), epochs=1) for seed in (1, 2)]
    for number, model in enumerate(models, 1):
        model.save(folder / f"{number}.safetensors")
    Committee(models).save(folder / "both.safetensors")
    return ["--model", "1.safetensors", "--model", "2.safetensors"], ["--model", "both.safetensors"]


def test_a_committee_reads(folder):
    """Also one that is made on the spot, and by `evaluate --strings`; each time with all of its members."""
    commands = (
        ["read", "one.png", "--json", "-q"],
        ["evaluate", "--dataset", "strokes", "--strings", "plain", "--n", "5", "--json", "-q"],
    )
    outputs = [[json.loads(quick(*command, *models, cwd=folder, few=True).stdout) for models in committee(folder)]
               for command in commands]  # fmt: skip
    ([one], [other]), (evaluated, again) = outputs
    assert (one.pop("model"), other.pop("model")) == (["1.safetensors", "2.safetensors"], "both.safetensors")
    assert one == other
    assert one["text"] == "2718"
    assert evaluated == again
    assert evaluated["n"] == 5


def test_evaluate_strings(tmp_path):
    args = ("evaluate", "--dataset", "strokes", "--model", model_path(), "--strings", "apart", "--n", "20")
    result = quick(*args, "--json", "-q", "--errors", "misread.png", cwd=tmp_path, few=True)
    document = json.loads(result.stdout, parse_constant=pytest.fail)
    assert (result.code, result.stderr) == (0, "")
    assert (document["style"], document["n"], document["n_digits"]) == ("apart", 20, 100)
    assert document["accuracy"] == 1 - document["errors"] / 20
    assert document["digit_accuracy"] > 0.9
    with Image.open(tmp_path / "misread.png") as sheet:
        assert sheet.mode == "RGB"
    text = quick(*args, cwd=tmp_path, few=True)
    assert "strings entirely right" in text.stdout


@pytest.mark.slow
def test_what_was_taught_is_read(folder):
    """A number whose last digit is to be called otherwise; then once more, from a table, to another file."""
    env = {"LENET5_MODEL": str(model_path())}
    result = quick("teach", "mine.safetensors", "one.png", "2713", "--json", cwd=folder, **env)
    document = documents(result)
    assert (result.code, document["n"], document["n_digits"], document["right_before"]) == (0, 1, 4, 0)
    assert [(one["file"], one["text"], one["before"]) for one in document["images"]] == [("one.png", "2713", "2718")]
    assert document["held_out_after"] >= document["held_out_before"] - 0.001
    answer = documents(read(folder, "one.png", "--model", "mine.safetensors", "--json", "-q"))[0]
    assert (answer["text"], answer["networks"]) == (document["images"][0]["after"], "mine.safetensors")
    (folder / "t.csv").write_text("one.png,2718\nbad.png,1\n")
    result = quick("teach", "mine.safetensors", "t.csv", "--out", "again.safetensors", cwd=folder, **env)
    assert result.code == 3
    assert "left out: bad.png: " in result.stderr
    assert "held-out digits" in result.stdout
    own = ("evaluate", "--strings", "t.csv", "--model", "again.safetensors", "--json")
    assert documents(quick(*own, cwd=folder, **env))["networks"] == "again.safetensors"


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        (["new.safetensors", "one.png"], 2, "one.png: has no text behind it"),
        (["new.safetensors", "one.png", "27y8"], 2, "its text has y;"),
        (["new.safetensors", "missing.png", "1"], 3, "missing.png: cannot be opened"),
        (["new.safetensors", "bad.png", "1"], 3, "bad.png: damaged image"),
        (["new.safetensors", "blank.png", "1"], 3, "its text has more digits than its ink"),
        (["new.safetensors", "missing.csv"], 4, "missing.csv: cannot be read"),
        (["new.bin", "one.png", "1"], 2, "ends in .safetensors"),
        (["one.png", "one.png", "1"], 2, "ends in .safetensors"),
        (["digits.safetensors", "one.png", "1"], 3, "this is a 'model'"),
        (["none/new.safetensors", "one.png", "1"], 1, "none"),
        (["new.safetensors", "one.png", "1", "--out", "digits.safetensors"], 3, "this is a 'model'"),
        (["new.safetensors"], 2, "IMAGE TEXT"),
    ],
)
def test_what_cannot_be_taught(folder, args, code, expected):
    (folder / "digits.safetensors").write_bytes(model_path().read_bytes())
    before = sorted(os.listdir(folder))
    result = quick("teach", *args, cwd=folder, LENET5_MODEL=str(model_path()))
    assert (result.code, result.stdout) == (code, "")
    assert expected in result.error
    assert sorted(os.listdir(folder)) == before


def test_networks_of_one_file_read(folder):
    networks.shipped().save(folder / "mine.safetensors")
    models = ["--model", "mine.safetensors"]
    [answer] = documents(read(folder, "one.png", "--json", "-q", *models))
    assert (answer["text"], answer["networks"], answer["model"]) == ("2718", "mine.safetensors", str(model_path()))
    result = read(folder, "one.png", *models, *models)
    assert (result.code, result.stdout) == (2, "")
    assert "give --model once" in result.error
    assert "this is a 'strings'" in quick("predict", "one.png", *models, cwd=folder).error


@pytest.fixture
def labels(folder):
    """own.csv: two images that are read rightly, one that is labelled wrongly, and four that cannot be used."""
    rows = "path,text\none.png,2718\npage.png,314\\n1592\\n65\none.png,2719\n"
    (folder / "own.csv").write_text(rows + "bad.png,1\nmissing.png,1\nblank.png,\none.png,27a8\n")
    return folder


def test_evaluate_strings_of_ones_own(labels):
    args = ("evaluate", "--model", model_path(), "--strings", "own.csv")
    result = quick(*args, "--json", "--mistakes", "wrong.csv", "--errors", "wrong.png", cwd=labels)
    document = documents(result)
    assert result.code == 0
    assert (document["dataset"], document["n"], document["errors"], document["n_digits"]) == ("own.csv", 3, 1, 17)
    assert [(one["file"], one["text"], one["answer"]) for one in document["misread"]] == [("one.png", "2719", "2718")]
    assert len(document["left_out"]) == 4
    assert len([line for line in result.stderr.splitlines() if line.startswith("left out: ")]) == 4
    assert (labels / "wrong.csv").read_text().splitlines()[1].startswith("one.png,2719,2718,0.")
    with Image.open(labels / "wrong.png") as sheet:
        assert sheet.mode == "RGB"
    text = quick(*args, cwd=labels)
    assert "3 images with 5 numbers, 17 digits, 4 rows left out" in text.stdout
    assert "images entirely right 66.67 %" in text.stdout


@pytest.mark.parametrize(
    ("args", "code", "expected"),
    [
        (["--strings", "missing.csv"], 4, "missing.csv: cannot be read"),
        (["--strings", "bad.csv"], 4, "bad.csv: no image that can be used"),
        (["--strings", "huge"], 2, "neither one of plain"),
        (["--strings", "own.csv", "--n", "5"], 2, "--n is how many"),
        (["--strings", "own.csv", "--dataset", "mnist"], 2, "--strings and --dataset"),
        (["--strings", "own.csv", "--data", "."], 2, "--data has images of its own"),
        (["--strings", "own.csv", "--mistakes", "own.csv"], 2, "is the table to be read"),
        (["--strings", "own.csv", "--mistakes", "wrong.txt"], 2, "must end in .csv"),
        (["--strings", "plain", "--mistakes", "wrong.csv"], 2, "name their CSV with --strings"),
    ],
)
def test_evaluate_strings_of_ones_own_that_cannot_be(labels, args, code, expected):
    (labels / "bad.csv").write_text("bad.png,1\n")
    result = quick("evaluate", "--model", model_path(), *args, cwd=labels)
    assert (result.code, result.stdout) == (code, "")
    assert expected in result.error


def test_a_table_is_csv(folder):
    result = read(folder, "page.png", "--table")
    (answer,) = documents(read(folder, "page.png", "--table", "--json"))
    assert (result.code, result.stdout) == (0, "".join(f"{','.join(row)}\n" for row in answer["table"]))
    assert [row[0] for row in answer["table"]] == ["314", "1592", "65"]


def test_tables_of_several_images(folder):
    result = read(folder, "one.png", "blank.png", "bad.png", "page.png", "--table")
    assert (result.code, result.stdout) == (3, "2718\n\n\n314\n1592\n65\n")
    assert "blank.png: no digits" in result.stderr
    assert "bad.png" in result.stderr
    assert "table" not in documents(read(folder, "one.png", "--json"))[0]
