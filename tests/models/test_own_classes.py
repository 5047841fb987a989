"""Models of one's own: names of classes, colours, sizes."""

import numpy as np
import pytest

from lenet5 import Committee, LeNet5, datasets, load
from lenet5.datasets.synthetic import strokes
from lenet5.models.recognize import recognize
from lenet5.nn.architectures import VARIANTS, stages_for
from lenet5.preprocessing.preparation import Preparation
from lenet5.training.augment import AUGMENTATIONS

NAMES = ("b", "ä", "日本")


def coloured(n: int, channels: int = 3, size: int = 32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, channels, size, size) uint8 of three classes, a bright corner each, and the names of their classes."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 100, (n, channels, size, size), np.uint8)
    k = np.arange(n) % 3
    for i in range(n):
        X[i, k[i] % channels, : size // 2, (k[i] == 1) * size // 2 :] = 230
        X[i, 0, (k[i] == 2) * size // 2 :, : size // 2] += 100
    return X, np.array(NAMES)[k]


@pytest.fixture(scope="module")
def model():
    X, y = coloured(300)
    return LeNet5(in_channels=3).fit(X, y, epochs=8)


def test_names_are_taken_from_y_and_given_back(model, tmp_path):
    X, y = coloured(60, seed=1)
    assert model.labels == NAMES
    assert model.predict(X).tolist() == y.tolist()
    assert model.score(X, y) == model.score(X, np.arange(60) % 3) == 1
    report, probabilities = model.evaluate(X, y)
    assert [row["label"] for row in report["classes"]] == list(NAMES)
    assert probabilities.shape == (60, 3)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert (again.labels, again.in_channels, again.size) == (NAMES, 3, 32)
    assert again.preparation == model.preparation == Preparation("image", 32, 32, 3)
    assert again.info() == model.info()
    np.testing.assert_array_equal(again.logits(X), model.logits(X))


@pytest.mark.parametrize("kind", [object, "S", "U"])
def test_names_in_any_array(kind):
    y = np.array(["yes", "no"] * 8).astype(kind)
    assert LeNet5().fit(np.zeros((16, 28, 28), np.uint8), y, epochs=1).labels == ("no", "yes")


def test_more_numbers_than_digits():
    y = np.arange(24) % 12
    model = LeNet5().fit(np.zeros((24, 28, 28), np.uint8), y, epochs=1)
    assert model.labels == tuple(map(str, range(12)))
    assert model.predict(np.zeros((2, 28, 28), np.uint8)).dtype == np.int64


def test_digits_as_names_are_digits():
    """As in the arrays of scikit-learn's fetch_openml."""
    y = np.array(list("0123456789"), object)
    model = LeNet5().fit(np.zeros((10, 28, 28), np.uint8), y, epochs=1)
    assert model.preparation.kind == "digit"
    assert model.predict(np.zeros((1, 28, 28), np.uint8)).dtype == np.int64


def test_a_trained_model_keeps_its_classes(model):
    X, _ = coloured(6)
    with pytest.raises(ValueError, match="y holds the name 'c', which is not a class of the model"):
        model.fit(X, np.array(list("bccbcb")), epochs=1)


@pytest.mark.parametrize(
    ("settings", "X", "y", "message"),
    [
        ({}, (4, 28, 28), ["a"] * 4, "y holds one class only"),
        ({"labels": ["a", "b"]}, (4, 28, 28), list("aabc"), "y holds the name 'c'"),
        ({"labels": ["a", "b"]}, (3, 28, 28), list("ab"), r"y has shape \(2,\)"),
        ({"labels": ["a", "b"]}, (3, 28, 28), [0, 1, 2], "y reaches from 0 to 2"),
        ({}, (4, 28, 28), [1, 2, 3, 26], "from 1 to 26, expected numbers from 0; y - 1 would do"),
        ({"in_channels": 3}, (4, 28, 28), list("abab"), r"expected \(N, 3, 28, 28\) or \(N, 3, H, W\)"),
        ({"in_channels": 3}, (4, 32, 32, 4), list("abab"), r"X has shape \(4, 32, 32, 4\)"),
        ({}, (4, 3, 32, 32), list("abab"), r"X has shape \(4, 3, 32, 32\)"),
        ({"size": 64}, (4, 60, 60), list("abab"), r"expected \(N, 64, 64\) or .* at least 68"),
        ({}, (4, 64, 64), list("abab"), "map"),
    ],
)
def test_what_does_not_fit_is_refused(settings, X, y, message):
    with pytest.raises(ValueError, match=message):
        LeNet5(**settings).fit(np.zeros(X, np.uint8), np.array(y), epochs=1)


def test_images_that_are_not_numbers_are_refused():
    with pytest.raises(ValueError, match="X reaches from nan"):
        LeNet5(in_channels=3).fit(np.full((4, 3, 32, 32), np.nan, np.float32), np.array(list("abab")))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"labels": ["a", "b", "a"]}, "label 'a' stands there twice"),
        ({"labels": ["a"]}, "1 labels, expected 2 to 256"),
        ({"in_channels": 2}, r"in_channels is 2, expected 1 \(grey\) or 3"),
        ({"size": 33}, "the nearest are 32 and 34"),
        ({"size": 27}, "from 28 to 128"),
        ({"size": 130}, "from 28 to 128"),
        ({"size": 64.0}, "size is 64.0"),
        ({"size": 64, "variant": "lenet1"}, "lenet1 takes images of 28 x 28 or 32 x 32"),
        ({"size": 64, "variant": "lenet4"}, "lenet4 takes images"),
        ({"preparation": "film"}, "preparation is 'film'"),
    ],
)
def test_networks_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        LeNet5(**settings)


def test_every_even_size_has_a_network():
    for size in range(28, 130, 2):
        stages = stages_for(size)
        assert stages.field >= size
        assert 3 <= stages.side <= 8
        summary = LeNet5(size=size, seed=None).summary()
        assert summary[-1].output_shape == (10, 1, 1)
    assert [(stages_for(s).n, stages_for(s).field) for s in (28, 32, 64, 128)] == [(2, 32), (2, 32), (3, 68), (4, 140)]


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (3, 28), (1, 32), (1, 36), (3, 64)])
def test_the_same_bits_for_any_threads_batch_and_path(channels, size):
    X, y = coloured(40, channels, size)
    settings = {"epochs": 1, "augment": "affine,flip,elastic,photo,cutout,invert"}
    one, two = (LeNet5(in_channels=channels, size=size).fit(X, y, threads=t, **settings) for t in (1, 2))
    assert one.parameters.tobytes() == two.parameters.tobytes()
    logits = one.logits(X)
    np.testing.assert_array_equal(one.logits(X, 2), logits)
    for model in (one, one.freeze()):
        np.testing.assert_array_equal([model.logits(X[k : k + 1])[0] for k in range(5)], logits[:5])
    np.testing.assert_array_equal(one.logits(X[7:24]), logits[7:24])
    np.testing.assert_allclose(one.logits(X.astype(np.float32) / 255), logits, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_takes_colours(variant):
    X, _ = coloured(16)
    y = np.arange(16) % 10
    model = LeNet5(variant, in_channels=3, seed=0).fit(X, y, epochs=1)
    assert model.logits(X).shape == (16, 10)


@pytest.mark.parametrize("name", [name for name in AUGMENTATIONS if name != "colour"])
def test_distortions_treat_all_channels_alike(name):
    """An image with three equal channels stays one."""
    from lenet5 import _kernels
    from lenet5.training import augment

    X = np.repeat(coloured(20, 1)[0], 3, axis=1)
    distortions = augment.for_epoch(augment.chosen(name), seed=1, epoch=2)
    out = _kernels.gather(LeNet5(in_channels=3).network.pictures(X), np.arange(20), distortions)
    np.testing.assert_array_equal(out[:, 0], out[:, 2])
    assert (out[:, 0] != X[:, 0] / np.float32(255)).any()


def test_batch_norm_dropout_averages_and_validation_with_colours():
    X, y = coloured(200)
    model = LeNet5(in_channels=3).fit(
        X, y, epochs=6, batch_norm=True, dropout=0.2, average=0.9, validation_data=coloured(60, seed=2)
    )
    assert model.score(X, y) > 0.9
    assert model.calibration.n == 60


def test_a_committee_of_colours(model, tmp_path):
    X, y = coloured(60, seed=3)
    committee = Committee([model, LeNet5(in_channels=3, seed=1).fit(*coloured(300), epochs=8)]).calibrate(X, y)
    committee.save(tmp_path / "c")
    again = load(tmp_path / "c")
    assert again.labels == NAMES
    assert again.preparation == model.preparation
    assert again.predict(X).tolist() == y.tolist()
    with pytest.raises(ValueError, match="images of side 64, the first one of 32"):
        Committee([model, LeNet5(in_channels=3, size=64, labels=NAMES)])
    with pytest.raises(ValueError, match="a model takes 1 channels"):
        Committee([model, LeNet5(labels=NAMES)])


def test_files_of_colour_images_give_the_answers_of_arrays(model, tmp_path):
    from PIL import Image

    X, y = coloured(9, seed=4)
    paths = [tmp_path / f"{i}.png" for i in range(9)]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image.transpose(1, 2, 0)).save(path)
    assert [answer.label for answer in recognize(paths, model)] == y.tolist()
    np.testing.assert_allclose(model.predict_proba(paths), model.predict_proba(X), atol=1e-5)


def test_classes_that_are_digits_may_be_of_whole_images():
    model = LeNet5(preparation="image", in_channels=1)
    assert model.preparation.kind == "image"
    with pytest.raises(ValueError, match="strings are read with the ten digits"):
        model.read(np.zeros((40, 40), np.uint8))


# ---- arrays as other programs hold them ----------------------------------------------------------------------------


def written(n=300):
    return strokes.draw(n, seed=7)


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X.reshape(len(X), 784).astype(float),
        lambda X: X.reshape(len(X), 784).astype(np.int64),
        lambda X: X[..., None],
        lambda X: X.astype(np.float32),
    ],
    ids=["fetch_openml", "integers", "channels last", "0..255"],
)
def test_arrays_of_other_programs_are_taken(form):
    X, y = written()
    names = np.array([str(k) for k in y], object)  # as fetch_openml names digits
    settings = {"epochs": 2, "validation_data": (form(X[:50]), names[:50])}
    ours = LeNet5().fit(X, y, epochs=2, validation_data=(X[:50], y[:50]))
    theirs = LeNet5().fit(form(X), names, **settings)
    assert (ours.parameters == theirs.parameters).all()
    assert (ours.predict(X) == theirs.predict(form(X))).all()
    assert (ours.predict_proba(X) == theirs.predict_proba(form(X))).all()
    assert ours.score(X, y) == theirs.score(form(X), names)
    assert ours.evaluate(X, y)[0]["loss"] == theirs.evaluate(form(X), names)[0]["loss"]


def test_colours_last_are_taken():
    X, y = coloured(60)
    first = LeNet5(in_channels=3).fit(X, y, epochs=1)
    last = LeNet5(in_channels=3).fit(X.transpose(0, 2, 3, 1), y, epochs=1)
    assert (first.parameters == last.parameters).all()


@pytest.mark.parametrize("wrong", [np.zeros((5, 785)), np.full((5, 28, 28), -1.0), np.zeros((5, 28, 28, 4))])
def test_what_is_not_clear_is_refused(wrong):
    for work in (LeNet5().predict, LeNet5().predict_proba, lambda X: LeNet5().fit(X, np.zeros(5))):
        with pytest.raises(ValueError, match="expected"):
            work(wrong)


@pytest.mark.parametrize(("channels", "size"), [(3, 32), (1, 32), (3, 48)])
def test_files_are_prepared_as_training_saw_them(tmp_path, channels, size):
    """To the bit, whatever their sizes."""
    from folders import write_classes

    data = datasets.from_folder(write_classes(tmp_path, 6), size, channels, validation=0)
    model = LeNet5(labels=data.classes, in_channels=channels, size=size).fit(*data.train, epochs=1)
    paths = [tmp_path / name for name in data.files["train"]]
    assert (model.predict_proba(paths) == model.predict_proba(data.train[0])).all()
    again = load(saved_as(model, tmp_path / "m"))
    assert (again.predict_proba(paths) == model.predict_proba(paths)).all()
    with_answers = [answer.label for answer in recognize(paths, again)]
    assert with_answers == model.predict(paths).tolist()


def saved_as(model, path):
    model.save(path)
    return path
