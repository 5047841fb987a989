"""Several models that decide together: the mean of probabilities, who answers what, and their files."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save as safetensors_bytes

from lenet5 import Cascade, Committee, LeNet5, load, pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.errors import ModelFileError
from lenet5.evaluation.calibration import Calibration
from lenet5.models.base import Classifier


@pytest.fixture(scope="module")
def data():
    return strokes.draw(2000, seed=3)


@pytest.fixture(scope="module")
def models(data):
    X, y = data
    return [LeNet5(seed=s).fit(X[:1200], y[:1200], epochs=2, validation=200) for s in range(3)]


@pytest.fixture(scope="module")
def committee(models, data):
    return Committee(models).calibrate(data[0][1200:], data[1][1200:])


class Fixed(Classifier):
    """A model that answers picture k, whose pixels are all k, with the k-th row of what it was given."""

    in_channels = 1

    def __init__(self, probabilities, macs=0):
        self.rows, self.macs, self.asked, self.seen = np.asarray(probabilities, np.float32), macs, 0, None
        self.n_classes = self.rows.shape[1]
        self.labels = list("abcdefghij"[: self.n_classes])

    def predict_proba(self, X, threads=None):
        self.asked += len(X)
        self.seen = type(X)
        return self.rows[X[:, 0, 0]]


def pictures(n):
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None], (n, 28, 28))


# ---- committee -----------------------------------------------------------------------------------------------------


def test_the_mean_of_the_probabilities(models, data):
    X, y = data
    committee = Committee(models)
    mean = np.mean([model.predict_proba(X).astype(np.float64) for model in models], axis=0)
    np.testing.assert_allclose(committee.predict_proba(X), mean, rtol=2e-6, atol=1e-12)
    np.testing.assert_allclose(committee.logits(X), np.log(mean), rtol=1e-6, atol=1e-6)
    assert committee.score(X, y) == (mean.argmax(axis=1) == y).mean()


def test_a_committee_of_one_answers_as_its_member(models, data):
    alone = Committee(models[:1])
    np.testing.assert_array_equal(alone.predict(data[0]), models[0].predict(data[0]))
    np.testing.assert_allclose(alone.predict_proba(data[0]), models[0].predict_proba(data[0]), rtol=2e-6, atol=1e-12)


def test_its_words_are_those_of_a_model(committee, data):
    X, y = data
    probabilities = committee.predict_proba(X)
    assert (probabilities.shape, probabilities.dtype) == ((2000, 10), np.float32)
    report, again = committee.evaluate(X, y)
    np.testing.assert_array_equal(again, probabilities)
    assert report["accuracy"] == committee.score(X, y) == (committee.predict(X) == y).mean()
    assert report["calibration"]["temperature"] == committee.temperature
    np.testing.assert_array_equal(np.concatenate(list(committee.predict_proba_stream([X[:7], X[7:20]]))),
                                  probabilities[:20])  # fmt: skip
    assert committee.macs == 3 * 416_520
    assert committee.n_parameters == 3 * 61_706


def test_probabilities_of_0_and_no_pictures():
    certain = Committee([Fixed([[1, 0], [0.5, 0.5]]), Fixed([[1, 0], [0, 1]])])
    assert np.isfinite(certain.logits(pictures(2))).all()
    np.testing.assert_allclose(certain.predict_proba(pictures(2)), [[1, 0], [0.25, 0.75]], atol=1e-7)
    assert certain.predict_proba(pictures(0)).shape == (0, 2)
    assert certain.evaluate(pictures(0), [])[0]["accuracy"] is None


def test_maps(committee):
    assert committee.predict_proba(np.zeros((2, 40, 60), np.uint8)).shape == (2, 10, 3, 8)
    with pytest.raises(ValueError, match="one answer each"):
        committee.score(np.zeros((2, 40, 60), np.uint8), [0, 1])


@pytest.mark.parametrize("n", [1, 3, 16, 33])
def test_one_picture_one_answer(committee, data, n):
    X = data[0][:50]
    np.testing.assert_array_equal(committee.predict_proba(X[:n]), committee.predict_proba(X)[:n])
    np.testing.assert_array_equal(committee.predict_proba(X[n - 1 : n], 1), committee.predict_proba(X, 2)[n - 1 : n])


def test_models_that_cannot_sit_together(models):
    with pytest.raises(ValueError, match=r"other labels \(a, b\) than the first one \(0, 1"):
        Committee([models[0], LeNet5(labels="ab")])
    with pytest.raises(ValueError, match="other labels"):
        Cascade(LeNet5(labels="ab"), models[0], 0.5)
    for n in (0, 65):
        with pytest.raises(ValueError, match=f"{n} models"):
            Committee(models[:1] * n)


# ---- committees in files -------------------------------------------------------------------------------------------


def test_a_file_keeps_the_whole_committee(committee, data, tmp_path):
    committee.training = {"command": "lenet5 train --members 3"}
    committee.save(tmp_path / "c.safetensors")
    again = load(tmp_path / "c.safetensors")
    assert isinstance(again, Committee)
    assert (again.calibration, again.training, again.labels) == (
        committee.calibration, committee.training, committee.labels)  # fmt: skip
    assert [model.calibration for model in again.models] == [model.calibration for model in committee.models]
    np.testing.assert_array_equal(again.predict_proba(data[0]), committee.predict_proba(data[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_only_networks_can_be_saved(models, tmp_path):
    with pytest.raises(TypeError, match="each of its members is a LeNet5"):
        Committee([Committee(models)]).save(tmp_path / "c")
    assert not list(tmp_path.iterdir())


def without(document, name):
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info | {"members": []},
        lambda info: info | {"members": {}},
        lambda info: info | {"members": None},
        lambda info: info | {"members": info["members"][:2]},
        lambda info: info | {"members": info["members"] * 2},
        lambda info: info | {"members": [None, *info["members"][1:]]},
        lambda info: info | {"members": [without(info["members"][0], "variant"), *info["members"][1:]]},
        lambda info: info | {"members": info["members"] * 100},
        lambda info: info | {"labels": list("abcdefghij")},
        lambda info: info | {"calibration": {"temperature": -1}},
        lambda info: without(info, "members"),
        lambda info: without(info, "labels"),
    ],
)
def test_a_malformed_committee_is_refused_in_one_line(committee, tmp_path, change):
    tensors = {f"{k}.{name}": t for k, m in enumerate(committee.models, 1) for name, t in m.state_dict().items()}
    document = change({"kind": "committee", "format_version": 1, **committee.info()})
    (tmp_path / "c").write_bytes(safetensors_bytes(tensors, {"lenet5": json.dumps(document)}))
    with pytest.raises(ModelFileError, match="does not describe a model: ") as caught:
        load(tmp_path / "c")
    assert str(caught.value).isprintable()


def test_a_committee_without_calibration_of_its_own(models, tmp_path):
    Committee(models).save(tmp_path / "c")
    assert load(tmp_path / "c").calibration == Calibration()


# ---- cascade -------------------------------------------------------------------------------------------------------

SMALL = [[0.9, 0.1], [0.4, 0.6], [0.8, 0.2], [0.45, 0.55], [0.2, 0.8]]
LARGE = [[0.1, 0.9], [1.0, 0.0], [0.3, 0.7], [0.9, 0.1], [0.6, 0.4]]


def test_who_answers_what():
    small, large = Fixed(SMALL, macs=100), Fixed(LARGE, macs=1000)
    cascade = Cascade(small, large, threshold=0.7)
    np.testing.assert_allclose(cascade.predict_proba(pictures(5)), [SMALL[0], LARGE[1], SMALL[2], LARGE[3], SMALL[4]],
                               atol=1e-6)  # fmt: skip
    assert (small.asked, large.asked) == (5, 2)
    assert cascade.cost(2 / 5) == 100 + 400
    assert cascade.macs == 1100


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "X.npy", pictures(5))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    small, large = Fixed(SMALL), Fixed(LARGE)
    for together in (Committee([small, large]), Cascade(small, large, 0.7)):
        np.testing.assert_array_equal(together.predict(X), together.predict(pictures(5)))
        together.predict(X)
        assert small.seen is np.memmap


@pytest.mark.parametrize("X", [np.zeros((28, 28)), np.zeros((1, 27, 27)), [None], None])
def test_what_are_no_pictures(models, X):
    for together in (Committee(models), Cascade(models[0], models[1], 0.5)):
        with pytest.raises(ValueError, match=r"^X has "):
            together.predict(X)


@pytest.mark.parametrize(("threshold", "rows"), [(0, SMALL), (2, LARGE)])
def test_the_ends_are_the_models_alone(threshold, rows):
    cascade = Cascade(Fixed(SMALL), Fixed(LARGE), threshold)
    np.testing.assert_allclose(cascade.predict_proba(pictures(5)), rows, atol=1e-6)


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_the_curve_is_what_each_threshold_gives(n, n_values, seed):
    rng = np.random.default_rng(seed)
    p = rng.integers(0, n_values + 1, (2, n)) / n_values  # with many equal ones
    small, large = (Fixed(np.stack([q, 1 - q], axis=1)) for q in p)
    y = rng.integers(0, 2, n)
    curve = Cascade(small, large, 0).curve(pictures(n), y)
    assert (np.diff(curve.threshold) > 0).all()
    assert (curve.asked[0], curve.asked[-1]) == (0, 1)
    for threshold, asked, error in zip(curve.threshold, curve.asked, curve.error, strict=True):
        cascade, before = Cascade(small, large, threshold), large.asked
        assert error == pytest.approx(1 - cascade.score(pictures(n), y))
        assert asked == pytest.approx((large.asked - before) / n)
        assert curve.at(threshold) == (asked, error)
    between = rng.random()
    assert curve.at(between)[1] == pytest.approx(1 - Cascade(small, large, between).score(pictures(n), y))


def test_the_threshold_is_the_lowest_that_is_as_good_as_the_large_model():
    y = [0, 0, 0, 0, 1]
    large = Fixed([[0.9, 0.1], [1.0, 0.0], [0.3, 0.7], [0.9, 0.1], [0.4, 0.6]])  # picture 2 is wrong
    cascade = Cascade(Fixed(SMALL), large, 0).choose_threshold(pictures(5), y)
    # The small one is wrong on 3 and 1, its least sure ones: once 3 is asked about, it makes no more errors.
    assert cascade.threshold == np.float32(0.6)
    assert cascade.score(pictures(5), y) == Cascade(Fixed(SMALL), large, 2).score(pictures(5), y) == 4 / 5


def test_a_cascade_of_networks(models, committee, data):
    X, y = data
    cascade = Cascade(models[0], committee, 0).choose_threshold(X[1200:], y[1200:])
    assert cascade.score(X[1200:], y[1200:]) >= committee.score(X[1200:], y[1200:])
    np.testing.assert_array_equal(cascade.predict_proba(X[:9]), cascade.predict_proba(X)[:9])
    report, probabilities = cascade.evaluate(X, y)
    assert report["accuracy"] == cascade.score(X, y)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert cascade.predict(X[:0]).shape == (0,)


@pytest.mark.parametrize("threshold", [-0.1, float("nan")])
def test_what_is_no_threshold(models, threshold):
    with pytest.raises(ValueError, match="threshold is"):
        Cascade(models[0], models[1], threshold)


def test_a_cascade_takes_one_answer_each(models):
    cascade, maps = Cascade(models[0], models[1], 0.5), np.zeros((2, 40, 40), np.uint8)
    for call in (cascade.predict, lambda X: cascade.curve(X, [0, 1])):
        with pytest.raises(ValueError, match="one answer each"):
            call(maps)


def test_the_curve_of_no_pictures(models):
    curve = Cascade(models[0], models[1], 0.5).curve(np.zeros((0, 28, 28), np.uint8), [])
    assert curve.error.tolist() == [0]


def test_the_largest_committee_is_read_again(models, tmp_path):
    """With what the weights that ship say of their training, in each member: its header has a bound."""
    training = pretrained().training | {"teachers": ["0" * 64] * 64}
    for model in models:
        model.training = training
    try:
        committee = Committee([models[k % 3] for k in range(64)])
        committee.save(tmp_path / "many.safetensors")
    finally:
        for model in models:
            model.training = None
    assert len(load(tmp_path / "many.safetensors").models) == 64
