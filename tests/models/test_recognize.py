"""An answer to each image: what it says, where there is none and why, one after the other."""

import io
import itertools
import json

import numpy as np
import pytest
from commandline import digits, draw_digit, model_path
from PIL import Image, ImageDraw, ImageFont

from lenet5 import Cascade, Committee, LeNet5, load, read_image
from lenet5.datasets.synthetic import strokes
from lenet5.errors import NoDigitError, PictureError
from lenet5.evaluation.calibration import Calibration, Threshold
from lenet5.models import recognize as module
from lenet5.models.recognize import document, recognize


@pytest.fixture(scope="module")
def model():
    return load(model_path())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """0.png ... 9.png, blank.png, bad.png, letter.png, and 3.png as the first of two pages."""
    folder = tmp_path_factory.mktemp("pictures")
    for digit in range(10):
        draw_digit(folder / f"{digit}.png", digit)
    Image.new("L", (60, 60), 255).save(folder / "blank.png")
    (folder / "bad.png").write_bytes((folder / "3.png").read_bytes()[:60])
    page = Image.new("L", (160, 160), 255)
    ImageDraw.Draw(page).text((80, 80), "W", font=ImageFont.load_default(110), fill=0, anchor="mm")
    page.save(folder / "letter.png")
    first, second = (Image.open(folder / f"{k}.png") for k in (3, 4))
    first.save(folder / "book.tif", save_all=True, append_images=[second])
    return folder


def test_a_label_with_its_confidence(model, folder):
    [answer] = model.recognize(folder / "7.png")
    assert (answer.source, answer.file) == (folder / "7.png", str(folder / "7.png"))
    assert (answer.label, answer.reason, answer.error, answer.hint, answer.pages) == (7, None, None, None, 1)
    assert answer.confidence == answer.probabilities.max() == answer.probabilities[7]
    assert answer.top == ((7, answer.confidence),)
    np.testing.assert_array_equal(answer.probabilities, model.predict_proba(read_image(folder / "7.png")[None])[0])


def test_anything_that_is_an_image(model, folder):
    data = (folder / "7.png").read_bytes()
    sources = [str(folder / "7.png"), data, io.BytesIO(data), Image.open(folder / "7.png"), 255 - digits()[7]]
    answers = model.recognize(sources)
    assert [answer.label for answer in answers] == [7] * 5
    assert [answer.source for answer in answers] == sources
    assert [bool(answer.file) for answer in answers] == [True, False, False, True, False]
    assert [model.recognize(source)[0].label for source in (data, 255 - digits()[7])] == [7, 7]
    assert model.recognize([]) == []


def test_reasons(model, folder):
    """A blank image was not seen by the network, a letter was."""
    blank, letter, bad = model.recognize([folder / name for name in ("blank.png", "letter.png", "bad.png")])
    assert [answer.label for answer in (blank, letter, bad)] == [None] * 3
    assert [answer.confidence for answer in (blank, letter, bad)] == [None] * 3
    assert (blank.reason, letter.reason, bad.reason) == ("no digit", "no digit", None)
    assert blank.probabilities is bad.probabilities is None
    assert letter.probabilities.shape == (10,)
    assert (blank.error, letter.error) == (None, None)
    assert isinstance(bad.error, PictureError)
    [letter] = model.recognize(folder / "letter.png", reject=False)
    assert letter.label in range(10)


def test_unsure_below_the_confidence_of_an_error(folder):
    model = load(model_path())
    model.calibration = Calibration(1.0, (Threshold(0.01, 1.0, 0.5),), 1000)
    [answer] = model.recognize(folder / "7.png", max_error=0.01)
    assert (answer.label, answer.reason) == (None, "unsure")
    assert answer.confidence == answer.top[0][1] < 1
    assert document(answer)["note"] == document(answer)["reason"] == "unsure"
    with pytest.raises(ValueError, match=r"0\.001|0\.1"):
        recognize([], model, max_error=0.001)


@pytest.mark.parametrize(("top", "n"), [(1, 1), (3, 3), (99, 10)])
def test_the_likeliest_classes(model, folder, top, n):
    [answer] = model.recognize(folder / "5.png", top=top)
    labels, confidences = zip(*answer.top, strict=True)
    assert (len(set(labels)), labels[0]) == (n, 5)
    assert list(confidences) == sorted(confidences, reverse=True)


def test_named_classes_are_not_refused(folder):
    model = LeNet5(labels=["nil", "07", *"23456789"], seed=1)
    [answer] = model.recognize(folder / "letter.png", top=10)
    assert answer.reason is None
    assert {label for label, _ in answer.top} == {"nil", "07", *range(2, 10)}


def test_pages_and_hint(model, folder):
    row = np.concatenate([255 - digits()[k][:, 4:24] for k in (1, 2, 3, 4)], axis=1)
    book, several = model.recognize([folder / "book.tif", np.pad(row, 12, constant_values=255)])
    assert (book.label, book.pages) == (3, 2)
    assert (several.label, several.reason) == (None, "several digits")
    assert "lenet5 read" in several.hint


def test_every_kind_of_model_recognizes(model, folder):
    for kind in (Committee([model, model]), Cascade(model, model, 0.5)):
        assert [answer.label for answer in kind.recognize([folder / "1.png", folder / "2.png"])] == [1, 2]


def test_answers_flow(model, folder):
    """The first chunk is answered before more sources are asked for than are prepared at once."""
    asked = itertools.count()
    sources = (str(folder / "6.png") for _ in asked)
    answers = recognize(sources, model, threads=1)
    assert [next(answers).label for _ in range(3)] == [6] * 3
    assert next(asked) <= 300


def test_an_answer_does_not_depend_on_the_others(model, folder):
    names = [folder / f"{k % 10}.png" for k in range(70)]
    together = model.recognize(names)
    for k in (0, 9, 63, 64, 69):
        [alone] = model.recognize(names[k])
        np.testing.assert_array_equal(alone.probabilities, together[k].probabilities)


@pytest.mark.parametrize(("settings", "message"), [({"top": 0}, "top is 0"), ({"threads": 0}, "threads")])
def test_arguments_are_refused_at_once_or_with_the_first_answer(model, settings, message):
    with pytest.raises(ValueError, match=message):
        model.recognize([], **settings)


def test_what_is_no_image_at_all(model):
    with pytest.raises(TypeError, match="an image must be"):
        model.recognize([None])
    with pytest.raises(ValueError, match="shape"):
        model.recognize(np.zeros((3, 3, 3, 3), np.uint8))


def test_json(model, folder):
    """Each word of the command, the old ones included."""
    names = ["7.png", "blank.png", "letter.png", "bad.png", "book.tif"]
    rows = [document(answer) for answer in model.recognize([folder / name for name in names], top=2)]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [set(row) - {"file", "digit", "label", "confidence"} for row in rows] == [
        {"probabilities", "top"},
        {"probabilities", "reason", "note"},
        {"probabilities", "reason", "note", "top"},
        {"error"},
        {"probabilities", "top", "pages"},
    ]
    assert all(row["digit"] == row["label"] for row in [*rows, *rows[0]["top"]])
    assert rows[0]["top"][0] == {name: rows[0][name] for name in ("digit", "label", "confidence")}


# ---- predict takes images, too -------------------------------------------------------------------------------------


def test_predict_prepares_what_is_no_array(model, folder):
    paths = [folder / f"{k}.png" for k in (3, 1, 4)]
    expected = np.stack([read_image(path) for path in paths])
    np.testing.assert_array_equal(model.predict(paths), [3, 1, 4])
    np.testing.assert_array_equal(model.predict_proba(tuple(paths)), model.predict_proba(expected))
    for source in (str(paths[0]), paths[0].read_bytes(), Image.open(paths[0]), io.BytesIO(paths[0].read_bytes())):
        np.testing.assert_array_equal(model.predict(source), [3])
    for kind in (Committee([model, model]), Cascade(model, model, 0.5)):
        np.testing.assert_array_equal(kind.predict(paths), [3, 1, 4])


def test_predict_takes_arrays_as_before(model):
    """A list of arrays, or of lists, is one array: the network's input, ink bright."""
    X = digits()
    expected = model.predict(X)
    np.testing.assert_array_equal(model.predict(list(X)), expected)
    np.testing.assert_array_equal(model.predict((X / 255).tolist()), expected)
    np.testing.assert_array_equal(model.predict(memoryview(X)), expected)
    assert model.predict(X[:0]).shape == (0,)


def test_predict_says_which_image_cannot_be(model, folder):
    with pytest.raises(NoDigitError, match=r"blank\.png"):
        model.predict([folder / "7.png", folder / "blank.png"])
    with pytest.raises(PictureError, match=r"bad\.png"):
        model.predict_proba(folder / "bad.png")


def test_a_chunk_is_what_goes_through_the_network_together(model, folder, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 2)
    names = [folder / name for name in ("blank.png", "bad.png", "1.png", "letter.png", "2.png")]
    assert [answer.label for answer in model.recognize(names)] == [None, None, 1, None, 2]


def test_images_of_other_classes_are_seen_as_they_are(tmp_path):
    """PNG files give the answers of arrays: no digit is looked for in a shirt."""
    X, y = strokes.draw(600, seed=4)
    X = np.roll(
        np.rint(40 + 0.7 * X).astype(np.uint8), 5, axis=2
    )  # no digit of MNIST: a grey background, off the middle
    model = LeNet5(seed=0, labels=[f"class {k}" for k in range(10)]).fit(X, y, epochs=3)
    paths = []
    for i in range(40):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(X[i]).save(paths[-1])
    answers = list(recognize(paths, model))
    assert [answer.label for answer in answers] == model.predict(X[:40]).tolist()
    np.testing.assert_array_equal(model.predict(paths), model.predict(X[:40]))
    assert model.info()["preparation"]["kind"] == "image"


@pytest.mark.parametrize("reject", [True, False])
def test_fewer_components_are_tried_where_the_whole_is_not_a_digit(model, monkeypatch, reject):
    noise = np.random.default_rng(0).random((2, 1, 32, 32), np.float32)
    seven = np.pad(digits()[7], 2)[None].astype(np.float32) / 255
    readings = [
        module.batch.Outcome("whole", seven, 0, None, fewer=(noise[1],)),
        module.batch.Outcome("fewer", noise[0], 0, None, fewer=(noise[1], seven)),
        module.batch.Outcome("none", noise[0], 0, None, fewer=(noise[1],)),
        module.batch.Outcome("beside", seven, 1, None),
    ]
    monkeypatch.setattr(module.batch, "read_many", lambda *args, **settings: iter(readings))
    whole, fewer, none, beside = model.recognize(["", "", "", ""], reject=reject)
    assert (whole.label, whole.part) == (7, 0)
    assert (fewer.label, fewer.part) == (7, 2)
    assert (none.reason, none.part) == ("no digit" if reject else None, 0)
    assert beside.reason == ("several digits" if reject else None)
