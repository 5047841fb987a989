"""Numbers read by the networks that ship; the file they come in; JSON and pictures of what was read."""

import json

import numpy as np
import pytest
from PIL import Image

from lenet5 import Cascade, Committee, LeNet5, modelfile, pretrained, strokes
from lenet5.calibration import Calibration, Threshold
from lenet5.errors import ModelFileError, PictureError
from lenet5.network import Network
from lenet5.strings import compose, evaluation, networks, reader

X, Y = strokes.draw(400, seed=12)


def pictures(n, *, seed=0, **style):
    style = compose.Style(**{"length": (4, 4), "gap": (1, 4), **style})
    return list(evaluation.pictures(compose.compose(X, Y, n, style=style, seed=seed)))


@pytest.fixture(scope="module")
def model():
    return pretrained()


def test_most_strings_are_read(model):
    report = evaluation.evaluation((str(model.read(picture)), right) for picture, right in pictures(40))
    assert report["accuracy"] >= 0.85
    assert report["digit_accuracy"] >= 0.96


def test_bright_on_dark_reads_the_same(model):
    for picture, _ in pictures(5, seed=1):
        one, other = model.read(picture), model.read(255 - picture)
        assert one.text == other.text


def test_one_picture_one_answer(model, monkeypatch):
    """Whatever the threads, and whatever was read before."""
    shown = pictures(3, seed=2, zoom=(1.5, 1.5))
    first = [reader.document(model.read(picture, threads=1)) for picture, _ in shown]
    again = [reader.document(model.read(picture, threads=2)) for picture, _ in shown[::-1]][::-1]
    assert first == again


def test_asking_fewer_networks_about_unlikely_runs_changes_next_to_nothing(model, monkeypatch):
    shown = [picture for picture, _ in pictures(20, seed=8, gap=(-2, 2), slant=(0, 0.4))]
    some = [model.read(picture) for picture in shown]
    monkeypatch.setattr(reader, "UNLIKELY", -np.inf)
    for picture, reading in zip(shown, some, strict=True):
        every = model.read(picture)
        assert every.text == reading.text
        assert every.confidence == pytest.approx(reading.confidence, abs=0.02)
    monkeypatch.setattr(reader, "UNLIKELY", np.inf)  # nobody is asked
    assert len(model.read(shown[0]).text) == 4


def test_a_page_in_reading_order(model):
    rows = [pictures(3, seed=30 + row) for row in range(4)]
    page = np.full((240, 600), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, (picture, _) in enumerate(row):
            h, w = picture.shape
            page[10 + 55 * y : 10 + 55 * y + h, 20 + 190 * x : 20 + 190 * x + w] = picture
    reading = model.read(page)
    assert [number.line for number in reading.numbers] == [0] * 3 + [1] * 3 + [2] * 3 + [3] * 3
    right = [[digits for _, digits in row] for row in rows]
    assert [len(line.split()) for line in reading.text.split("\n")] == [3] * 4
    same = [a == b for a, b in zip(reading.text.split(), [digits for row in right for digits in row], strict=True)]
    assert sum(same) >= 9  # of strokes, some of which are hard to read
    for number, k in zip(reading.numbers, range(12), strict=True):
        top, left = 10 + 55 * (k // 3), 20 + 190 * (k % 3)
        assert top <= number.box.top < number.box.bottom <= top + 55
        assert left <= number.box.left < number.box.right <= left + 190
        for digit in number.digits:
            assert number.box.left <= digit.box.left < digit.box.right <= number.box.right


def test_unsure_digits_become_question_marks(model):
    picture, _ = pictures(1, seed=3)[0]
    sure = model.read(picture)
    least = min(digit.confidence for digit in sure.digits)
    assert "?" not in sure.text
    marked = model.read(picture, min_confidence=min(least + 1e-9, 1.0) if least < 1 else 1.0)
    assert len(marked.text) == len(sure.text)
    assert all(d.text == "?" or d.confidence >= least for d in marked.digits)
    assert set(model.read(picture, min_confidence=1.0).text) <= set("?0123456789")


def calibrated(*thresholds):
    """The networks that ship, with these thresholds (error, confidence)."""
    found = networks.shipped()
    rows = tuple(Threshold(error, confidence, 0.1) for error, confidence in thresholds)
    return networks.StringNetworks(
        found.segments, found.digits, found.sliding, calibration=Calibration(thresholds=rows, n=1000)
    )


def test_a_wanted_error_counts_as_its_confidence(model):
    picture, _ = pictures(1, seed=3)[0]
    middle = float(np.median([digit.confidence for digit in model.read(picture).digits]))
    found = calibrated((0.01, 0.0), (0.005, middle), (0.002, 1.0))
    by_confidence = model.read(picture, networks=found, min_confidence=middle)
    assert model.read(picture, networks=found, max_error=0.005) == by_confidence
    assert model.read(picture, networks=found, max_error=0.008, min_confidence=0.0) == by_confidence
    assert "?" not in model.read(picture, networks=found, max_error=0.01).text
    both = model.read(picture, networks=found, max_error=0.01, min_confidence=middle)  # the larger counts
    assert both == by_confidence
    with pytest.raises(ValueError, match="less than this model can vouch for"):
        model.read(picture, networks=found, max_error=0.001)
    with pytest.raises(ValueError, match="no thresholds"):
        model.read(picture, networks=calibrated(), max_error=0.01)


def test_thresholds_are_kept_in_the_file(tmp_path):
    found = calibrated((0.01, 0.25), (0.005, 0.5))
    found.save(tmp_path / "s.safetensors")
    assert networks.load(tmp_path / "s.safetensors").calibration == found.calibration
    tensors, info = modelfile.load(tmp_path / "s.safetensors", "strings", dtype=np.float16)
    modelfile.save(tmp_path / "old.safetensors", tensors, "strings", {**info, "calibration": None})
    assert networks.load(tmp_path / "old.safetensors").calibration == Calibration()
    modelfile.save(tmp_path / "bad.safetensors", tensors, "strings", {**info, "calibration": {"thresholds": 3}})
    with pytest.raises(ModelFileError, match="malformed calibration"):
        networks.load(tmp_path / "bad.safetensors")


def test_a_length_is_kept(model):
    picture, _ = pictures(1, seed=4, gap=(-1, -1))[0]
    for length in (3, 4, 5):
        assert len(model.read(picture, length=length).text) == length
    assert len(model.read(picture, length=100).text) == len(model.read(picture).text)


def test_numbers_of_numpy_are_numbers(model):
    picture, right = pictures(1, seed=6)[0]
    reading = model.read(picture, length=np.int64(len(right)), min_confidence=np.float32(0), max_error=np.float64(0.1))
    assert len(reading.text) == len(right)


def test_separators_are_kept_where_they_are_allowed(model):
    style = compose.Style(length=(4, 4), gap=(3, 5), separators=1.0)
    n_kept = n_all = 0
    for string in compose.compose(X, Y, 8, style=style, seed=1):
        ((picture, right),) = evaluation.pictures([string])
        plain, kept = model.read(picture), model.read(picture, allow=".,-+")
        assert not set(plain.text) & set(".,-+")
        n_all += len(string.text) - len(right)
        n_kept += sum(c in ".,-+" for c in kept.text)
        assert evaluation.digits_of(kept.text) == evaluation.digits_of(plain.text)
    assert n_kept >= 0.7 * n_all


def test_nothing_is_read_from_nothing(model):
    reading = model.read(np.full((40, 60), 255, np.uint8))
    assert (reading.text, reading.confidence, reading.numbers) == ("", 0.0, [])
    assert reader.document(reading) == {"text": "", "confidence": 0.0, "digits": [], "numbers": []}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"allow": "x"}, "allow is 'x'"),
        ({"length": 0}, "length is 0"),
        ({"min_confidence": 1.5}, "min_confidence is 1.5"),
        ({"min_confidence": float("nan")}, "min_confidence is nan"),
        ({"invert": "maybe"}, "invert must be"),
        ({"allow": None}, "allow is None"),
        ({"length": True}, "length is True, expected a whole number"),
        ({"length": 2.5}, "length is 2.5, expected a whole number"),
        ({"length": "5"}, "length is '5', expected a whole number"),
        ({"min_confidence": None}, "min_confidence is None"),
        ({"min_confidence": "1"}, "min_confidence is '1'"),
        ({"max_error": "0.5%"}, "max_error is '0.5%', expected more than 0"),
    ],
)
def test_bad_arguments(model, settings, message):
    with pytest.raises(ValueError, match=message):
        model.read(np.zeros((40, 40), np.uint8), **settings)


def test_a_model_of_other_classes_reads_no_strings():
    with pytest.raises(ValueError, match="the classes are a, b"):
        LeNet5(labels=["a", "b"]).read(np.zeros((40, 40), np.uint8))


def test_several_models_read(model):
    """The mean of one is itself, and a cascade whose small model is always sure is that model."""
    picture, _ = pictures(1, seed=6)[0]
    expected = str(model.read(picture))
    assert str(Committee([model]).read(picture)) == expected
    assert str(Cascade(model, model, threshold=0).read(picture)) == expected
    with pytest.raises(ValueError, match="the classes are a, b"):
        Committee([LeNet5(labels=["a", "b"])]).read(picture)


def test_a_file_that_is_no_picture(model, tmp_path):
    (tmp_path / "x.png").write_bytes(b"nothing")
    with pytest.raises(PictureError):
        model.read(tmp_path / "x.png")


def test_documents_are_strict_json(model):
    picture, _ = pictures(1, seed=6)[0]
    document = reader.document(model.read(picture))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert len(document["digits"]) == len(document["numbers"][0]["digits"])
    for digit in document["digits"]:
        left, top, width, height = digit["box"]
        assert 0 <= left < left + width <= picture.shape[1]
        assert 0 <= top < top + height <= picture.shape[0]


def test_boxes_are_drawn_over_the_picture(model, tmp_path):
    picture, _ = pictures(1, seed=7)[0]
    reader.draw_boxes(picture, model.read(picture), tmp_path / "boxes.png")
    drawn = np.asarray(Image.open(tmp_path / "boxes.png"))
    k = drawn.shape[0] // picture.shape[0]
    assert drawn.shape == (picture.shape[0] * k, picture.shape[1] * k, 3)
    assert (drawn[..., 0].astype(int) - drawn[..., 2] > 100).any()  # red boxes
    assert (drawn[..., 2].astype(int) - drawn[..., 0] > 100).any()  # blue ones


def test_networks_are_saved_and_loaded(tmp_path):
    segments = [Network(networks.layers(widths), seed=k) for k, widths in enumerate([(2, 3, 8, 5), (4, 4, 4, 4)])]
    digits = [networks.digit_network(k, (2, 3, 4, 5)) for k in range(2)]
    upright = [networks.digit_network(2, (2, 3, 4, 5))]
    saved = networks.StringNetworks(segments, digits, networks.sliding_network(3), {"seed": 1}, upright=upright)
    for network in (*segments, *digits, *upright, saved.sliding):
        network.parameters[:] = network.parameters.astype(np.float16)  # as they are kept
    saved.save(tmp_path / "s.safetensors")
    loaded = networks.load(tmp_path / "s.safetensors")
    assert loaded.training == {"seed": 1}
    shown = np.random.default_rng(0).integers(0, 256, (20, 2, 28, 28), np.uint8)
    np.testing.assert_array_equal(loaded.log_probabilities(shown), saved.log_probabilities(shown))
    ink = np.ascontiguousarray(shown[:, :1])
    np.testing.assert_array_equal(loaded.digit_log_probabilities(ink), saved.digit_log_probabilities(ink))
    each = [networks.log_softmax(network.logits(ink)) for network in digits]
    each.append(networks.log_softmax(upright[0].logits(networks.upright(ink))))
    np.testing.assert_allclose(saved.digit_log_probabilities(ink), sum(each) / 3, atol=1e-12)
    np.testing.assert_array_equal(loaded.sliding.parameters, saved.sliding.parameters)


def test_upright_ink_does_not_lean_and_is_otherwise_as_it_was():
    y, x = np.mgrid[:28, :28]
    slants = (-0.6, 0, 0.25, 0.8)
    leaning = [np.clip(2.5 - abs(x - 14 - slant * (y - 14)), 0, 1) * (abs(y - 14) < 9) for slant in slants]
    ink = np.rint(255 * np.stack(leaning)[:, None]).astype(np.uint8)
    turned = networks.upright(ink)
    assert (turned.shape, turned.dtype) == (ink.shape, np.uint8)
    for picture in turned[:, 0].astype(float):
        assert abs(picture - turned[1, 0]).max() < 100  # soft edges
        assert abs(picture.sum() / turned[1].sum() - 1) < 0.02
    np.testing.assert_array_equal(turned[1], ink[1])
    np.testing.assert_array_equal(networks.upright(np.zeros((2, 1, 28, 28), np.uint8)), 0)
    assert networks.upright(ink[:0]).shape == (0, 1, 28, 28)


def test_other_files_are_refused_in_one_line(tmp_path, model):
    path = tmp_path / "m.safetensors"
    model.save(path)
    with pytest.raises(ModelFileError, match="not a strings"):
        networks.load(path)
    segments, digits = [Network(networks.layers((2, 3, 8, 5)))], [networks.digit_network()]
    networks.StringNetworks(segments, digits, networks.sliding_network()).save(path)
    tensors, info = modelfile.load(path, "strings", dtype=np.float16)
    for change in ({"classes": ["a"]}, {"widths": []}, {"widths": [[2, 3, 8, 6]]}, {"widths": [[2, 3, 8]]},
                   {"widths": [["2", 3, 8, 5]]}, {"widths": [[10**9, 3, 8, 5]]}, {"widths": 3}, {"digit_widths": []},
                   {"upright": 2}, {"upright": -1}, {"upright": "1"}, {"upright": 1.0}, {"upright": None},
                   {"sliding_widths": [0, 1, 1, 1]}, {"sliding_widths": [6, 16, 120]}):  # fmt: skip
        modelfile.save(path, tensors, "strings", info | change)
        with pytest.raises(ModelFileError, match="does not describe a reader of strings") as caught:
            networks.load(path)
        assert "\n" not in str(caught.value)
    modelfile.save(path, {k: t for k, t in tensors.items() if not k.startswith("sliding")}, "strings", info)
    with pytest.raises(ModelFileError, match="does not describe a reader of strings"):
        networks.load(path)
