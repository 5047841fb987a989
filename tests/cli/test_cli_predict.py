"""lenet5 predict: one line a picture, in order, whatever the others are."""

import base64
import json
import os
import signal
import tracemalloc

import click
import numpy as np
import pytest
from commandline import draw_digit, finish, has_escape_codes, model_path, quick, start
from PIL import Image, ImageDraw, ImageFont
from safetensors.numpy import save

from lenet5 import LeNet5
from lenet5.cli import inputs, lists, output, predict_text


def predict(folder, *args, stdin=None, **env):
    return quick("predict", *args, cwd=folder, stdin=stdin, **{"LENET5_MODEL": str(model_path())} | env)


def answers(result):
    """The rows of the text output."""
    return [line.split("\t") for line in result.stdout.splitlines()]


def documents(result):
    """The JSON output, strict."""
    return json.loads(result.stdout, parse_constant=pytest.fail)


@pytest.fixture
def folder(tmp_path):
    """0.png ... 9.png, each a picture of its digit; blank.png, bad.png and a text."""
    for digit in range(10):
        draw_digit(tmp_path / f"{digit}.png", digit)
    Image.new("L", (60, 60), 255).save(tmp_path / "blank.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "3.png").read_bytes()[:60])
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_one(folder):
    result = predict(folder, "7.png")
    [[name, digit, confidence]] = answers(result)
    assert (result.code, name, digit) == (0, "7.png", "7")
    assert 0.5 < float(confidence) <= 1
    assert len(confidence.split(".")[1]) == 4


def test_many_in_the_order_given(folder):
    names = [f"{digit}.png" for digit in (3, 1, 4, 1, 5, 9, 2, 6)]
    result = predict(folder, *names)
    assert [row[:2] for row in answers(result)] == [[name, name[0]] for name in names]
    assert result.code == 0


def test_more_than_one_chunk(folder):
    names = [f"{k % 10}.png" for k in range(150)]
    rows = answers(predict(folder, *names))
    assert [row[0] for row in rows] == names
    assert len({tuple(row) for row in rows}) == 10


def test_an_answer_does_not_depend_on_the_others(folder):
    alone = answers(predict(folder, "5.png"))[0]
    among = answers(predict(folder, "1.png", "bad.png", "blank.png", "5.png", "2.png", "--threads", "2"))
    assert alone in among


def test_standard_input(folder):
    result = predict(folder, "-", stdin=(folder / "4.png").read_bytes())
    assert answers(result)[0][:2] == ["-", "4"]
    result = predict(folder, "2.png", "-", "3.png", "--json", stdin=(folder / "4.png").read_bytes())
    assert [row["digit"] for row in documents(result)] == [2, 4, 3]


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
def test_standard_input_that_is_no_picture(folder, data):
    result = predict(folder, "-", stdin=data)
    assert (result.code, result.stdout) == (3, "")
    assert result.error


def test_a_list(folder):
    (folder / "list.txt").write_text("3.png\r\n\n  \n./8.png\n1.png")
    rows = answers(predict(folder, "@list.txt"))
    assert [row[:2] for row in rows] == [["3.png", "3"], ["./8.png", "8"], ["1.png", "1"]]


def test_a_list_with_a_byte_order_mark_and_strange_names(folder):
    os.rename(folder / "3.png", os.fsencode(folder) + b"/d\xe9j\xe0.png")
    (folder / "list.txt").write_bytes(b"\xef\xbb\xbf4.png\nd\xe9j\xe0.png\n")
    result = predict(folder, "@list.txt")
    assert [row[1] for row in answers(result)] == ["4", "3"]


def test_an_empty_list(folder):
    (folder / "list.txt").write_text("\n")
    for flags, expected in (([], ""), (["--json"], "[]\n")):
        result = predict(folder, "@list.txt", *flags)
        assert (result.code, result.stdout) == (0, expected)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_list_that_is_missing_is_said_before_any_answer(folder, flags):
    result = predict(folder, *["1.png"] * 70, "@missing.txt", *flags)
    assert (result.code, result.stdout) == (2, "")
    assert "missing.txt" in result.error


@pytest.mark.parametrize("command", ["predict", "read"])
def test_names_without_a_letter(folder, command):
    """Errors tell what was given, even if that is next to nothing."""
    result = quick(command, "-q", "", cwd=folder)
    assert (result.code, result.error) == (3, "Error: '': is not the name of an image")
    result = quick(command, "-q", "@", cwd=folder)
    assert result.code == 2
    assert result.error.startswith("Error: @: list of names cannot be read")


def test_a_list_of_bad_names(folder):
    names = [b"1.png", b"nul\0in.png", b".", b"missing.png", b"x" * 5000, b"2.png", b"@list.txt", b"-"]
    (folder / "list.txt").write_bytes(b"\n".join(names))
    result = predict(folder, "@list.txt", "--json")
    assert result.code == 3
    rows = documents(result)
    assert [row["digit"] for row in rows] == [1, None, None, None, None, 2, None, None]
    assert [("error" in row) for row in rows] == [False, True, True, True, True, False, True, True]


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_line_that_is_too_long_for_a_name(folder, command):
    """It costs one short error, and the others are answered."""
    url = "data:image/png;base64," + base64.b64encode((folder / "7.png").read_bytes()).decode()
    lines = ["1.png", "x" * 3_000_000, "./" * 2045 + "2.png", url, "3.png"]
    (folder / "list.txt").write_text("\n".join(lines))
    result = quick(command, "-q", "@list.txt", "--json", cwd=folder, LENET5_MODEL=str(model_path()))
    assert (result.code, len(result.stdout) < 10_000) == (3, True)
    names = [row["file"] for row in documents(result)]
    assert [name for name, row in zip(names, documents(result), strict=True) if "error" not in row] == lines[::2]
    assert "a data URL, not a file" in documents(result)[3]["error"]
    text = quick(command, "-q", "@list.txt", cwd=folder, LENET5_MODEL=str(model_path()))
    assert [len(line) < 200 for line in text.stderr.splitlines()] == [True, True]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no /dev/zero")
def test_a_list_without_an_end(folder, monkeypatch):
    """A device is read in constant memory, and only so far."""
    monkeypatch.setattr(lists, "_MAX_PASSED", 2**24)
    names = inputs.expand(["7.png", "@/dev/zero"])
    assert next(names) == "7.png"
    tracemalloc.start()
    try:
        assert len(next(names)) == 4097
        with pytest.raises(click.UsageError, match=r"@/dev/zero: .* a line of more than 16 MB"):
            next(names)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_answers_before_an_exception_are_a_whole_document(capsys):
    def answers():
        yield {"file": "7.png"}
        raise click.UsageError("a list that breaks off")

    with pytest.raises(click.UsageError):
        output.result_array(answers())
    assert json.loads(capsys.readouterr().out) == [{"file": "7.png"}]


@pytest.mark.parametrize(
    "address", ["https://host/7.png", "HTTP://host/7.png", "file:///7.png", "data:image/png;base64,"]
)
def test_an_address_is_no_file(folder, address):
    result = predict(folder, "-q", address, "7.png")
    assert (result.code, result.stdout.split("\t")[1]) == (3, "7")
    assert "cannot be opened" not in result.error
    assert "give" in result.error


@pytest.mark.parametrize("args", [["--invert"], ["--model"], ["--top"], ["--max-error"], ["--show-input"], []])
def test_arguments_as_long_as_files_are_not_given_back(folder, args):
    result = predict(folder, *args, "data:image/png;base64," + "iVBORw0KGgo/" * 8000, "7.png")
    assert result.code != 0
    assert len(result.stderr) < 1000


@pytest.mark.parametrize("command", ["predict", "read"])
def test_a_folder_in_a_list(folder, command):
    """It is not read, as a list names pictures; but nothing false is said of it."""
    (folder / "empty").mkdir()
    (folder / "list.txt").write_text(".\nempty\n")
    result = quick(command, "-q", "@list.txt", cwd=folder)
    assert (result.code, result.stdout) == (3, "")
    assert result.stderr.splitlines() == [
        "Error: .: is a folder; a list names images only",
        "Error: empty: no images in this folder",
    ]


def test_a_folder(folder):
    result = predict(folder, ".")
    rows = {row[0]: row[1] for row in answers(result)}
    assert rows == {f"{digit}.png": str(digit) for digit in range(10)} | {"blank.png": "no digit"}
    assert result.code == 3
    assert "bad.png" in result.error
    (folder / "bad.png").unlink()
    assert predict(folder, ".").code == 0


def test_a_folder_of_folders(folder):
    for name in ("b/c/7.png", "a/2.png", ".hidden/1.png"):
        (folder / "more" / name).parent.mkdir(parents=True)
        (folder / "more" / name).write_bytes((folder / os.path.basename(name)).read_bytes())
    (folder / "more" / "a" / "loop").symlink_to(folder / "more")
    assert [row[:2] for row in answers(predict(folder, "more"))] == [
        [os.path.join("more", "a", "2.png"), "2"],
        [os.path.join("more", "b", "c", "7.png"), "7"],
    ]


def test_show_input_replaces_nothing_but_a_png(folder):
    before = (folder / "1.png").read_bytes()
    (folder / "list.txt").write_text("mine")
    for target in ("1.png", "list.txt", "stages.jpg"):
        assert predict(folder, "1.png", "--show-input", target).code == 2
    assert (folder / "1.png").read_bytes() == before
    assert (folder / "list.txt").read_text() == "mine"


def test_a_folder_without_pictures(folder):
    (folder / "empty").mkdir()
    result = predict(folder, "empty")
    assert (result.code, result.stdout) == (3, "")
    assert "empty" in result.error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(folder):
    (folder / "closed").mkdir(mode=0)
    result = predict(folder, "1.png", "closed", "2.png")
    assert result.code == 3
    assert [row[1] for row in answers(result)] == ["1", "2"]
    assert "closed" in result.error


def test_bad_ones_among_good_ones(folder):
    result = predict(folder, "1.png", "bad.png", "missing.png", "notes.txt", "2.png")
    assert result.code == 3
    assert [row[:2] for row in answers(result)] == [["1.png", "1"], ["2.png", "2"]]
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert [line.split()[1].rstrip(":") for line in errors] == ["bad.png", "missing.png", "notes.txt"]
    rows = documents(predict(folder, "1.png", "bad.png", "2.png", "--json"))
    assert [row["file"] for row in rows] == ["1.png", "bad.png", "2.png"]
    assert rows[1]["digit"] is rows[1]["confidence"] is None
    assert "damaged" in rows[1]["error"]


def test_a_blank_picture_is_no_digit(folder):
    result = predict(folder, "blank.png")
    assert (result.code, answers(result)) == (0, [["blank.png", "no digit", "-"]])
    [row] = documents(predict(folder, "blank.png", "--json"))
    assert row["digit"] is row["label"] is row["confidence"] is row["probabilities"] is None
    assert row["reason"] == row["note"] == "no digit"
    assert "error" not in row


def test_the_shape_of_the_json(folder):
    [row] = documents(predict(folder, "7.png", "--json"))
    assert set(row) == {"file", "digit", "label", "confidence", "probabilities", "model"}
    assert (row["file"], row["digit"], row["label"], row["model"]) == ("7.png", 7, 7, str(model_path()))
    assert len(row["probabilities"]) == 10
    assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert row["confidence"] == max(row["probabilities"]) == row["probabilities"][7]
    assert all(0 <= p <= 1 for p in row["probabilities"])


@pytest.mark.parametrize(("top", "given"), [("2", 2), ("3", 3), ("10", 10), ("99", 10)])
def test_top(folder, top, given):
    [[_, *cells]] = answers(predict(folder, "7.png", "--top", top))
    assert (len(cells), cells[0]) == (2 * given, "7")
    confidences = [float(cell) for cell in cells[1::2]]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(cells[::2])) == given
    [row] = documents(predict(folder, "7.png", "--top", top, "--json"))
    assert [entry["digit"] for entry in row["top"]] == [int(cell) for cell in cells[::2]]


def test_invert(folder):
    with Image.open(folder / "7.png") as picture:
        Image.eval(picture, lambda value: 255 - value).save(folder / "negative.png")
    assert [row[1] for row in answers(predict(folder, "7.png", "negative.png"))] == ["7", "7"]
    assert answers(predict(folder, "7.png", "--invert", "yes"))[0][1] == "7"
    assert answers(predict(folder, "negative.png", "--invert", "no"))[0][1] == "7"


def test_show_input(folder):
    result = predict(folder, "7.png", "--show-input", "stages.png")
    assert answers(result)[0][:2] == ["7.png", "7"]
    assert "stages drawn: stages.png" in result.stderr
    with Image.open(folder / "stages.png") as stages:
        assert stages.format == "PNG"
        assert stages.width > 1000


@pytest.mark.parametrize("names", [["1.png", "2.png"], ["."], ["-"]])
def test_show_input_is_for_one_file(folder, names):
    result = predict(folder, *names, "--show-input", "stages.png", stdin=b"")
    assert (result.code, result.stdout) == (2, "")
    assert "--show-input draws one image" in result.error


def width_of(path):
    with Image.open(path) as sheet:
        return sheet.width


def test_show_input_of_a_blank_and_of_a_bad_picture(folder):
    """The stages of a blank picture are drawn, to where the ink was lost; a bad one has none."""
    result = predict(folder, "blank.png", "--show-input", "stages.png")
    assert (result.code, answers(result)) == (0, [["blank.png", "no digit", "-"]])
    assert "stages drawn: stages.png" in result.stderr
    assert 0 < width_of(folder / "stages.png") < 1000
    (folder / "stages.png").unlink()
    result = predict(folder, "bad.png", "--show-input", "stages.png")
    assert result.code == 3
    assert result.error
    assert not (folder / "stages.png").exists()


def test_show_input_of_what_is_no_digit_and_of_an_unsure_one(folder):
    """With all stages, and the reason below."""
    letter(folder / "letter.png")
    said = {
        ("letter.png",): "answered: no digit, as it looks like something else than one digit",
        ("letter.png", "--no-reject"): "answered: ",
        ("7.png",): "answered: 7, confidence 0.9",
    }
    for args, text in said.items():
        [answer] = documents(predict(folder, *args, "--show-input", "stages.png", "--json"))
        assert width_of(folder / "stages.png") > 1000
        assert predict_text.verdict(answer).startswith(text)
    unsure = {"digit": None, "confidence": 0.4, "probabilities": [0.1], "reason": "unsure", "hint": "several digits?"}
    assert predict_text.verdict(unsure) == (
        "answered: unsure, as the confidence, 0.4000, is too low for --max-error; several digits?"
    )


def test_show_input_that_cannot_be_written(folder):
    result = predict(folder, "7.png", "--show-input", "missing/stages.png")
    assert result.code == 1
    assert "No such file or directory" in result.error


STRANGE = {
    b"with space.png": "with space.png",
    b"tab\there.png": r"'tab\there.png'",
    b"two\nlines.png": r"'two\nlines.png'",
    b"carriage\rreturn.png": r"'carriage\rreturn.png'",
    b"\x1b[31mred.png": r"'\x1b[31mred.png'",
    "größe 四.png".encode(): "größe 四.png",
    b"latin \xe9.png": r"'latin \udce9.png'",
    b"back\\slash.png": "back\\slash.png",
    b"'quoted'.png": "'quoted'.png",
    b"no ending": "no ending",
    b"@at.png": None,
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_names_stay_on_one_line(folder, name):
    argument = os.fsdecode(name) if STRANGE[name] else "./" + os.fsdecode(name)
    (folder / os.fsdecode(name)).write_bytes((folder / "6.png").read_bytes())
    result = predict(folder, argument, "1.png")
    assert (result.code, len(result.stderr.splitlines())) == (0, 1)
    assert [row[:2] for row in answers(result)] == [[STRANGE[name] or argument, "6"], ["1.png", "1"]]
    rows = documents(predict(folder, argument, "1.png", "--json"))
    assert [row["file"] for row in rows] == [argument, "1.png"]


@pytest.mark.parametrize("name", [name for name in STRANGE if STRANGE[name]])
def test_strange_names_in_errors(folder, name):
    argument = os.fsdecode(name)
    (folder / argument).write_bytes(b"damaged")
    result = predict(folder, argument)
    assert (result.code, result.stdout, len(result.stderr.splitlines())) == (3, "", 2)
    assert STRANGE[name] in result.error
    assert not has_escape_codes(result.stderr)
    [row] = documents(predict(folder, argument, "--json"))
    assert row["file"] == argument
    assert row["error"]


def test_the_answers_flow_while_others_wait(folder):
    """The first chunk is answered before the last picture is looked at."""
    os.mkfifo(folder / "pipe")
    process = start("predict", "-q", "--model", model_path(), *["7.png"] * 64, "pipe", cwd=folder)
    assert process.stdout.readline().startswith(b"7.png\t7\t")
    assert finish(process).code == 3


def test_named_classes(folder):
    labels = ["naught", "007", "Größe", "x y", "4", "five", "six", "seven", "٣", "'"]
    model = LeNet5(labels=labels)
    model.parameters[:] = LeNet5(seed=1).parameters
    model.save(folder / "named")
    [row] = documents(predict(folder, "1.png", "--model", "named", "--json", "--top", "10"))
    assert {str(entry["digit"]) for entry in row["top"]} == {"naught", "007", "Größe", "x y", "4", *labels[5:]}


@pytest.mark.parametrize("scale", [1e7, 1e30])
def test_a_model_whose_answers_overflow(folder, scale):
    tensors = {name: np.float32(scale) * np.sign(t) for name, t in LeNet5().state_dict().items()}
    info = {"kind": "model", "format_version": 1, **LeNet5().info()}
    (folder / "huge").write_bytes(save(tensors, {"lenet5": json.dumps(info)}))
    for flags in ([], ["--json"]):
        result = predict(folder, "7.png", "--model", "huge", *flags)
        assert (result.code, result.stdout) == (3, "")
        assert "too large" in result.error


def test_a_bad_model(folder):
    for model in ("missing", "notes.txt", ".", "7.png"):
        result = predict(folder, "7.png", "--model", model)
        assert (result.code, result.stdout) == (3, "")
        assert f"Error: {model}: " in result.error


def letter(path, text="W"):
    page = Image.new("L", (160, 160), 255)
    ImageDraw.Draw(page).text((80, 80), text, font=ImageFont.load_default(110), fill=0, anchor="mm")
    page.save(path)


def test_a_letter_is_no_digit(folder):
    letter(folder / "letter.png")
    result = predict(folder, "letter.png", "7.png")
    assert (result.code, answers(result)[0]) == (0, ["letter.png", "no digit", "-"])
    assert answers(result)[1][:2] == ["7.png", "7"]
    [row] = documents(predict(folder, "letter.png", "--json"))
    assert row["digit"] is row["confidence"] is None
    assert row["reason"] == row["note"] == "no digit"
    assert len(row["probabilities"]) == 10
    [[_, digit, _]] = answers(predict(folder, "letter.png", "--no-reject"))
    assert digit in "0123456789"


def test_without_rejection_any_ink_is_a_digit(folder):
    """And a blank picture is still none."""
    slab = np.full((100, 100), 255, np.uint8)
    slab[2:-2, 2:-2] = 0
    specks = np.pad(np.zeros((2, 2), np.uint8), 99, constant_values=255)
    for name, plane in (("slab.png", slab), ("specks.png", specks)):
        Image.fromarray(plane).save(folder / name)
    names = ["slab.png", "specks.png", "blank.png", "7.png"]
    assert [row[1] for row in answers(predict(folder, *names))] == ["no digit"] * 3 + ["7"]
    found = [row[1] for row in answers(predict(folder, *names, "--no-reject"))]
    assert [digit in "0123456789" for digit in found] == [True, True, False, True]
    assert found[2:] == ["no digit", "7"]


def test_pages_that_are_not_read_are_told(folder):
    first, second, blank = (Image.open(folder / name).convert("L") for name in ("1.png", "2.png", "blank.png"))
    first.save(folder / "book.tif", save_all=True, append_images=[second, second])
    blank.save(folder / "blank.gif", save_all=True, append_images=[second])
    env = {"LENET5_MODEL": str(model_path())}
    result = quick("predict", "book.tif", "1.png", "blank.gif", cwd=folder, **env)
    assert [line.split("\t")[1][:2] for line in result.stdout.splitlines()] == ["1", "1", "no"]
    notes = [line for line in result.stderr.splitlines() if "first of" in line]
    assert notes == [
        f"{name} pages or frames is read" for name in ("book.tif: the first of 3", "blank.gif: the first of 2")
    ]
    rows = documents(quick("predict", "-q", "--json", "book.tif", "1.png", "blank.gif", cwd=folder, **env))
    assert [row.get("pages") for row in rows] == [3, None, 2]


def test_several_digits_are_not_one(folder):
    page = Image.new("L", (400, 200), 255)
    for k in (1, 7, 3):
        page.paste(Image.open(folder / f"{k}.png"), (20 + 125 * [1, 7, 3].index(k), 30))
    page.save(folder / "number.png")
    result = predict(folder, "number.png")
    assert result.code == 0
    assert result.stdout == "number.png\tseveral digits\t-\n"
    assert "number.png: try `lenet5 read`" in result.stderr
    [row] = documents(predict(folder, "number.png", "--json"))
    assert (row["label"], row["reason"], row["hint"]) == (None, "several digits", "try `lenet5 read`")
    close = [np.asarray(Image.open(folder / f"{k}.png"))[:, 20:120] for k in (1, 2, 3, 4, 5)]
    Image.fromarray(np.pad(np.concatenate(close, axis=1), 30, constant_values=255)).save(folder / "close.png")
    close = predict(folder, "close.png")
    assert close.stdout == "close.png\tseveral digits\t-\n"
    assert "close.png: try `lenet5 read`" in close.stderr
    assert "several" not in predict(folder, "7.png").stderr


@pytest.mark.parametrize("threads", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_folder_by_several_processes(folder, threads):
    (folder / "many").mkdir()
    for k in range(300):
        (folder / "many" / f"{k:03}.png").write_bytes(
            (folder / ("bad.png" if k == 170 else f"{k % 10}.png")).read_bytes()
        )
    result = predict(folder, "many", "--threads", threads)
    assert result.code == 3
    assert "170.png" in result.error
    expected = [[f"many/{k:03}.png", str(k % 10)] for k in range(300) if k != 170]
    assert [row[:2] for row in answers(result)] == expected


# More names than `preprocessing.batch` asks two processes about before it answers.
TWO, MANY = ["--threads", "2"], "7.png\n" * 250


def test_a_list_is_read_line_by_line(folder):
    os.mkfifo(folder / "names")
    process = start("predict", "-q", *TWO, "--model", model_path(), "@names", cwd=folder)
    with open(folder / "names", "w") as names:
        names.write(MANY)
        names.flush()
        assert process.stdout.readline().startswith(b"7.png\t7\t")  # though the list has no end yet
    assert finish(process).code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_processes_end_with_the_one_that_started_them(folder, number):
    """Else they would keep its streams open, and who reads these would wait for ever."""
    os.mkfifo(folder / "names")
    process = start("predict", "-q", *TWO, "--model", model_path(), "@names", cwd=folder)
    with open(folder / "names", "w") as names:
        names.write(MANY)
        names.flush()
        assert process.stdout.readline().startswith(b"7.png\t7\t")
        process.send_signal(number)
        assert finish(process).code == -number


def test_a_list_that_is_missing_is_told_before_any_answer(folder):
    result = predict(folder, "7.png", "@missing")
    assert (result.code, result.stdout) == (2, "")
