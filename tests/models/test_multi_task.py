"""A model of a class and quantities at once: what it learns, keeps in a file, gives apart and refuses."""

import numpy as np
import pytest

from lenet5 import Committee, LeNet5, MultiTask, export, load
from lenet5.errors import DivergedError, ModelFileError
from lenet5.nn import serialization
from lenet5.nn.targets import joined


def bars(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (n, 28, 28) uint8 of a bar, the side on which it stands, and its height times a thousand."""
    rng = np.random.default_rng(seed)
    X, heights, sides = np.zeros((n, 28, 28), np.uint8), rng.integers(4, 24, n), rng.integers(0, 2, n)
    for image, height, side in zip(X, heights, sides, strict=True):
        image[2 : 2 + height, 3 + 12 * side : 12 + 12 * side] = 220
    return X, np.array(["left", "right"])[sides], heights * 1000.0 + 5e5


@pytest.fixture(scope="module")
def model():
    return MultiTask().fit(*bars(800), epochs=6, validation=200)


def test_it_learns_both(model):
    X, y, heights = bars(200, seed=1)
    assert model.labels == ("left", "right")
    assert model.score(X, y) == 1
    numbers = model.class_numbers(X, y)
    report, probabilities = model.evaluate(X, joined(numbers, heights[:, None]))
    assert (report["accuracy"], report["balanced_accuracy"], report["macro_f1"]) == (1, 1, 1)
    assert report["r2"] > 0.99
    assert {"mae", "rmse"} <= set(report)
    assert probabilities.shape == (200, 2)
    assert "mae" not in model.evaluate(X, numbers)[0]
    np.testing.assert_allclose(model.predict_quantities(X), heights, atol=3000)
    ends = model.predict_interval(X)
    assert 0.8 <= ((ends[:, 0] <= heights) & (heights <= ends[:, 1])).mean() <= 1
    assert model.history_[-1].validation_accuracy == 1
    assert model.history_[-1].validation_r2 > 0.99


def test_answers_of_recognize_have_both(model):
    X, y, _ = bars(3, seed=2)
    prepared = np.stack([np.pad(image, 2) for image in X])
    answers = model.recognize(list(prepared))
    assert [answer.label for answer in answers] == y.tolist()
    assert answers[0].values.shape == (1,)
    assert answers[0].interval.shape == (1, 2)


def test_a_file_keeps_both(model, tmp_path):
    X, _, _ = bars(40, seed=2)
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.info() == model.info()
    assert (again.scaling, again.intervals, again.calibration) == (model.scaling, model.intervals, model.calibration)
    np.testing.assert_array_equal(again.logits(X), model.logits(X))
    np.testing.assert_array_equal(again.predict_quantities(X), model.predict_quantities(X))
    assert "2 classes and 1 target" in repr(again)


@pytest.mark.parametrize("change", [{"labels": [1, 2]}, {"targets": {"mean": [1]}}, {"calibration": 3}, {"size": "x"}])
def test_a_file_that_says_something_else_is_refused(model, tmp_path, change):
    serialization.save(tmp_path / "m", model.state_dict(), "multi-task", model.info() | change)
    with pytest.raises(ModelFileError):
        load(tmp_path / "m")


def test_its_parts_give_the_same_bits_and_can_be_exported(model, tmp_path):
    X, _, _ = bars(40, seed=3)
    classes, quantities = model.split()
    np.testing.assert_array_equal(classes.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(quantities.predict(X), model.predict_quantities(X))
    np.testing.assert_array_equal(quantities.predict_interval(X), model.predict_interval(X))
    for number, part in enumerate((classes, quantities)):
        part.save(tmp_path / f"{number}.safetensors")
        export.write(part, tmp_path / f"{number}.npz", to="npz")


def test_angles_of_several_classes():
    X, y, _ = bars(60)
    model = MultiTask(period=360).fit(X, y, np.linspace(0, 719, 60), epochs=1)
    assert model.network.n_classes == 2 + 2
    assert ((model.predict_quantities(X) >= 0) & (model.predict_quantities(X) < 360)).all()


def test_it_is_trained_on_and_starts_from_others(model):
    X, y, heights = bars(100)
    before = MultiTask(labels=["left", "right"]).fit(X, y, heights, start_from=model, epochs=1, freeze="c1,c3")
    for name in ("c1.weight", "c3.bias"):
        np.testing.assert_array_equal(before.state_dict()[name], model.state_dict()[name])


@pytest.mark.parametrize(
    ("how", "fault"),
    [
        ({"y": ["left", "other"] * 10}, "not a class"),
        ({"targets": np.zeros(19)}, "20 rows"),
        ({"targets": np.zeros((20, 2))}, "2 targets"),
        ({"loss": "cross-entropy"}, "for quantities"),
        ({"quantize": True}, "about classes"),
        ({"optimizer": "sdlm"}, "sdlm"),
        ({"quantity_weight": 0}, "above 0"),
    ],
)
def test_what_does_not_fit_is_refused(model, how, fault):
    X, y, heights = bars(20)
    given = {"y": y, "targets": heights, "epochs": 1, **how}
    labels, targets = given.pop("y"), given.pop("targets")
    fresh = MultiTask(labels=["left", "right"])
    fresh.fit(X, y, heights, epochs=1)
    with pytest.raises(ValueError, match=fault):
        fresh.fit(X, labels, targets, **given)


def test_what_it_cannot_become_is_said(model, tmp_path):
    for refused in (model.to_torch, lambda: model.quantize(np.zeros((1, 28, 28), np.uint8)),
                    lambda: export.write(model, tmp_path / "m.onnx", to="onnx")):  # fmt: skip
        with pytest.raises(ValueError, match="split"):
            refused()
    X, y, heights = bars(20)
    with pytest.raises(DivergedError):
        MultiTask().fit(X, y, heights, epochs=3, learning_rate=1e9, clip_norm=0)


def test_weights_of_classes_go_with_it():
    X, y, heights = bars(60)
    how = {"epochs": 1, "class_weight": "balanced", "logit_adjustment": 1, "label_smoothing": 0.1}
    model = MultiTask().fit(X, y, heights, **how)
    assert {name: model.training["config"][name] for name in how} == how


def test_a_committee_of_its_classes_is_one(model):
    X, _, _ = bars(5)
    assert Committee([model, model.split()[0]]).predict(X).tolist() == model.predict(X).tolist()
    assert isinstance(model.split()[0], LeNet5)


def test_it_validates_on_images_of_ones_own(model):
    X, y, heights = bars(40, seed=4)
    own = MultiTask(labels=["left", "right"]).fit(*bars(60), validation_data=(X, y, heights), epochs=1)
    assert own.intervals.n == own.calibration.n == 40
