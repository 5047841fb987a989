"""How sure a model is: temperatures against a slow search, thresholds against counting, malformed documents."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet5 import LeNet5, load
from lenet5.datasets.synthetic import strokes
from lenet5.errors import ModelFileError
from lenet5.evaluation.calibration import (
    COLDEST,
    ERRORS,
    HOTTEST,
    PRIOR,
    Calibration,
    Threshold,
    find_thresholds,
    fit_temperature,
)
from lenet5.nn.losses import cross_entropy
from lenet5.nn.network import softmax


def scores(n, *, n_classes=10, scale=3.0, sharpness=1.0, seed=0):
    """Scores (n, classes) and labels that are drawn with the probabilities softmax(scores), then sharpened."""
    rng = np.random.default_rng(seed)
    z = rng.normal(scale=scale, size=(n, n_classes))
    p = np.exp(z - z.max(axis=1, keepdims=True))
    y = (p.cumsum(axis=1) < rng.random((n, 1)) * p.sum(axis=1, keepdims=True)).sum(axis=1)
    return (sharpness * z).astype(np.float32), y.astype(np.uint8)


# ---- temperature ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sharpness", [0.2, 0.5, 1.0, 1.7, 6.0])
def test_the_temperature_that_was_put_in_is_found(sharpness):
    logits, y = scores(20_000, sharpness=sharpness)
    assert fit_temperature(logits, y) == pytest.approx(sharpness, rel=0.03)


@pytest.mark.parametrize("n", [1, 3, 40, 500])
@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
def test_it_is_the_least_of_what_is_minimised(n, sharpness):
    logits, y = scores(n, sharpness=sharpness, seed=n)

    def objective(t):
        return cross_entropy(logits / np.float64(t), y).sum() + PRIOR * (1 / t - 1 + math.log(t))

    grid = np.geomspace(0.01, 100, 4001)
    least = grid[np.argmin([objective(t) for t in grid])]
    assert fit_temperature(logits, y) == pytest.approx(least, rel=0.004)


def test_no_pictures_say_nothing():
    assert fit_temperature(np.zeros((0, 10), np.float32), np.zeros(0, np.uint8)) == 1


def test_scores_without_differences_say_nothing():
    assert fit_temperature(np.ones((100, 10), np.float32), np.zeros(100, np.uint8)) == 1


@pytest.mark.parametrize(("n", "low", "high"), [(1, 0.8, 1), (100, 0.2, 0.8), (5000, 0.05, 0.5)])
def test_perfect_answers_sharpen_within_reason(n, low, high):
    logits = np.zeros((n, 10), np.float32)
    logits[:, 3] = 5
    assert low <= fit_temperature(logits, np.full(n, 3)) <= high


def test_one_wrong_picture_does_not_overturn_all():
    logits = np.array([[10, 0]], np.float32)
    assert 1 < fit_temperature(logits, np.array([1])) < 3


def test_all_wrong_flattens_and_stays_finite():
    logits = np.zeros((5000, 10), np.float32)
    logits[:, 3] = 1e6
    assert fit_temperature(logits, np.zeros(5000, np.uint8)) == HOTTEST


@given(st.integers(0, 50), st.floats(1e-6, 1e30), st.integers(0, 9), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_any_scores_give_a_temperature_within_bounds(n, scale, label, seed):
    logits = (np.random.default_rng(seed).normal(size=(n, 10)) * scale).astype(np.float32)
    assert COLDEST <= fit_temperature(logits, np.full(n, label)) <= HOTTEST


# ---- thresholds ----------------------------------------------------------------------------------------------------


def lowest_by_counting(confidence, correct, error):
    """The lowest confidence from on which (wrong + 1) / (given + 1) is at most ``error``; None: there is none."""
    allowed = [
        value
        for value in set(confidence.tolist())
        if ((~correct[confidence >= value]).sum() + 1) / ((confidence >= value).sum() + 1) <= error
    ]
    return min(allowed, default=None)


@given(st.integers(0, 400), st.integers(1, 40), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_thresholds_against_counting(n, n_values, skill, seed):
    rng = np.random.default_rng(seed)
    confidence = rng.integers(1, n_values + 1, n) / n_values  # with many equal ones
    correct = rng.random(n) < skill + (1 - skill) * confidence
    found = {threshold.error: threshold for threshold in find_thresholds(confidence, correct)}
    for error in ERRORS:
        expected = lowest_by_counting(confidence, correct, error)
        assert (error in found) == (expected is not None)
        if expected is not None:
            given_here = confidence >= found[error].confidence
            np.testing.assert_array_equal(given_here, confidence >= expected)
            assert found[error].rejected == pytest.approx((~given_here).mean())


def test_perfect_answers_need_no_threshold_but_prove_only_so_much():
    found = find_thresholds(np.full(1000, 0.9), np.ones(1000, bool))
    assert [threshold.error for threshold in found] == [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001]
    assert {threshold.confidence for threshold in found} == {0.0}


def test_pictures_that_come_again_prove_no_more():
    """Every answer five times proves what it does once, but for which of the equal ones comes first."""
    rng = np.random.default_rng(0)
    confidence = rng.permutation(4000) / 4000
    correct = rng.random(4000) < 0.9 + 0.1 * confidence
    five_times = find_thresholds(np.repeat(confidence, 5), np.repeat(correct, 5), repeats=5)
    assert five_times == find_thresholds(confidence, correct)
    assert five_times != find_thresholds(np.repeat(confidence, 5), np.repeat(correct, 5))


def test_the_threshold_for_an_error():
    calibration = Calibration(1.0, (Threshold(0.01, 0.5, 0.1), Threshold(0.001, 0.9, 0.3)), 2000)
    assert calibration.confidence_for(1) == calibration.confidence_for(0.01) == 0.5
    assert calibration.confidence_for(0.0099) == calibration.confidence_for(0.001) == 0.9
    with pytest.raises(ValueError, match=r"0\.05 % is less than .* its 2,000 validation images go down to 0\.1 %"):
        calibration.confidence_for(0.0005)


def test_thresholds_that_tell_something():
    given = [Threshold(error, confidence, 0) for error, confidence in ((0.1, 0), (0.05, 0), (0.01, 0.6), (0.005, 0.9))]
    assert Calibration(1.0, tuple(given), 9).telling() == given[1:]
    assert Calibration(1.0, tuple(given[2:]), 9).telling() == given[2:]
    assert Calibration().telling() == []


@pytest.mark.parametrize("error", [0, -0.1, 1.5, math.nan, math.inf])
def test_what_is_no_error(error):
    with pytest.raises(ValueError, match="max_error is"):
        Calibration().confidence_for(error)


def test_a_model_without_thresholds():
    with pytest.raises(ValueError, match="no thresholds"):
        Calibration().confidence_for(0.01)


# ---- in models and their files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return strokes.draw(3000, seed=3)


@pytest.fixture(scope="module")
def model(data):
    return LeNet5(seed=1).fit(*data, epochs=3, validation=1000)


def test_fit_calibrates_where_there_is_a_validation_set(model, data):
    assert model.calibration.n == 1000
    assert model.temperature != 1
    assert model.calibration.thresholds
    assert LeNet5().fit(*data, epochs=1).calibration == Calibration()


def test_fit_again_forgets_the_calibration(model, data):
    again = LeNet5(seed=1).fit(*data, epochs=1, validation=1000)
    assert again.fit(data[0][:50], data[1][:50], epochs=1).calibration == Calibration()


def test_the_temperature_changes_confidence_and_no_answer(model, data):
    X, _ = data
    raw = LeNet5(seed=None)
    raw.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(model.logits(X), raw.logits(X))
    np.testing.assert_array_equal(model.predict(X), raw.predict(X))
    logits = model.logits(X).astype(np.float64) / model.temperature
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_proba(X), expected / expected.sum(axis=1, keepdims=True), atol=2e-6)
    assert not np.array_equal(model.predict_proba(X), raw.predict_proba(X))


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 40])
def test_one_picture_one_answer_with_a_temperature(model, data, n):
    X, _ = data
    together = model.predict_proba(X[:40])
    np.testing.assert_array_equal(together[:n], model.predict_proba(X[:n]))
    np.testing.assert_array_equal(softmax(model.logits(X[:n]), model.temperature), together[:n])
    maps = np.zeros((2, 40, 48), np.uint8)
    np.testing.assert_array_equal(softmax(model.logits(maps), model.temperature), model.predict_proba(maps))


def test_the_thresholds_hold_on_the_pictures_that_they_come_from(data):
    X, y = data
    model = LeNet5(seed=1).fit(X[:1000], y[:1000], epochs=3).calibrate(X[1000:], y[1000:])
    confidence, wrong = model.predict_proba(X[1000:]).max(axis=1), model.predict(X[1000:]) != y[1000:]
    for threshold in model.calibration.thresholds:
        given_here = confidence >= threshold.confidence
        assert wrong[given_here].mean() <= threshold.error
        assert (~given_here).mean() == pytest.approx(threshold.rejected)


def test_the_report_says_what_calibration_did(model, data):
    X, y = data
    report, probabilities = model.evaluate(X, y)
    assert report["loss"] == pytest.approx(-np.log(probabilities[np.arange(len(y)), y]).mean(), rel=1e-4)
    found = report["calibration"]
    assert found["temperature"] == model.temperature
    assert 0 <= found["expected_calibration_error"] <= 1
    assert found["uncalibrated_error"] != found["expected_calibration_error"]
    nothing = model.evaluate(X[:0], y[:0])[0]["calibration"]
    assert nothing["expected_calibration_error"] is nothing["uncalibrated_error"] is None


def test_what_cannot_calibrate(model, data):
    X, y = data
    with pytest.raises(ValueError, match="y has shape"):
        model.calibrate(X, y[:5])
    with pytest.raises(ValueError, match="one answer each"):
        model.calibrate(np.zeros((2, 40, 40), np.uint8), [0, 1])
    assert LeNet5().calibrate(X[:0], y[:0]).calibration == Calibration()


def test_a_file_keeps_the_calibration(model, data, tmp_path):
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.calibration == model.calibration
    np.testing.assert_array_equal(again.predict_proba(data[0]), model.predict_proba(data[0]))


def write(model, path, calibration):
    """A model file that says this of its calibration; `...`: nothing, as older files do."""
    from lenet5.nn import serialization

    info = {name: value for name, value in model.info().items() if name != "calibration"}
    serialization.save(
        path, model.state_dict(), "model", info | ({} if calibration is ... else {"calibration": calibration})
    )


def test_a_file_of_an_older_version_has_temperature_1(model, tmp_path):
    write(model, tmp_path / "m", ...)
    assert load(tmp_path / "m").calibration == Calibration()


GOOD = {"temperature": 1.5, "n": 10, "thresholds": [{"error": 0.1, "confidence": 0.5, "rejected": 0.2}]}


@pytest.mark.parametrize(
    "wrong",
    [
        [], "x", 1, {}, GOOD | {"temperature": 0}, GOOD | {"temperature": -1}, GOOD | {"temperature": 1e30},
        GOOD | {"temperature": "1"}, GOOD | {"temperature": True}, GOOD | {"temperature": None}, GOOD | {"n": -1},
        GOOD | {"n": 1.5}, GOOD | {"more": 1}, GOOD | {"thresholds": 1}, GOOD | {"thresholds": [1]},
        GOOD | {"thresholds": [{}]}, GOOD | {"thresholds": GOOD["thresholds"] * 2},
        GOOD | {"thresholds": [{"error": 0.1, "confidence": 2, "rejected": 0}]},
        GOOD | {"thresholds": [{"error": 0.1, "confidence": "high", "rejected": 0}]},
    ],
)  # fmt: skip
def test_a_malformed_calibration_is_refused_in_one_line(model, tmp_path, wrong):
    write(model, tmp_path / "m", GOOD)
    assert load(tmp_path / "m").temperature == 1.5
    write(model, tmp_path / "m", wrong)
    with pytest.raises(ModelFileError, match="does not describe a model: ") as caught:
        load(tmp_path / "m")
    assert str(caught.value).isprintable()


def test_a_document_is_plain_json(model):
    document = model.calibration.as_dict()
    assert Calibration.from_dict(json.loads(json.dumps(document, allow_nan=False))) == model.calibration


def test_a_temperature_under_which_answers_would_overflow_is_refused(tmp_path):
    model = LeNet5(seed=None)
    model.state_dict()["output.bias"][:] = 1e37
    write(model, tmp_path / "m", {"temperature": 0.001, "n": 0, "thresholds": []})
    with pytest.raises(ModelFileError, match="too large"):
        load(tmp_path / "m")
