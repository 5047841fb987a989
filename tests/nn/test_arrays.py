"""Arrays that people bring: one message says all that is wrong with them, and the cure that it names works."""

import logging
import re

import numpy as np
import pytest

from lenet5 import LeNet5, pretrained
from lenet5.datasets.synthetic import strokes
from lenet5.nn.arrays import check_labels, check_labels_of, check_pictures

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (30, 28, 28)).astype(np.uint8)
BYTES[0, 0, :2] = 0, 255
SHARES = BYTES.astype(np.float32) / 255
ONE_HOT = np.eye(10)[np.arange(30) % 10]
LABELS = np.arange(30) % 10

#: By what it is: the array, parts of the message, the cure, and what check_pictures then gives.
PICTURES = {
    "fetch_openml": (BYTES.reshape(30, 784).astype(float), ["shape (30, 784)", "from 0.0 to 255.0"],
                     "X.reshape(-1, 28, 28).astype('uint8')", BYTES),
    "fetch_openml of integers": (BYTES.reshape(30, 784).astype(np.int64), ["shape (30, 784)", "dtype int64"],
                                 "X.reshape(-1, 28, 28).astype('uint8')", BYTES),
    "one row of it": (BYTES[0].reshape(784), ["shape (784,)"], "X.reshape(-1, 28, 28)", BYTES[:1]),
    "one picture": (BYTES[0], ["shape (28, 28)"], "X[None]", BYTES[:1]),
    "channels last": (BYTES[..., None], ["shape (30, 28, 28, 1)"], "X[..., 0]", BYTES),
    "channels last, 0..255": (BYTES[..., None].astype(np.float32), ["shape (30, 28, 28, 1)", "from 0.0 to 255.0"],
                              "X[..., 0].astype('uint8')", BYTES),
    "0..255, resized": (SHARES * 254.5, ["from 0.0 to 254.5"], "X / 255", SHARES * (254.5 / 255)),
    "integers": (BYTES.astype(np.int32), ["dtype int32"], "X.astype('uint8')", BYTES),
    "black and white": (BYTES > 99, ["dtype bool"], "X.astype('float32')", (BYTES > 99).astype(np.float32)),
    "-1..1": (2 * SHARES - 1, ["from -1.0 to 1.0"], "(X + 1) / 2", SHARES),
    "normalised": ((SHARES - 0.1307) / 0.3081, ["from -0.42", "to 2.82"], "X * 0.3081 + 0.1307", SHARES),
}  # fmt: skip
LABEL_CASES = {
    "names": (LABELS.astype(str), ["dtype <U"], "y.astype('uint8')"),
    "fetch_openml": (LABELS.astype(str).astype(object), ["dtype object"], "y.astype('uint8')"),
    "one-hot": (ONE_HOT, ["shape (30, 10), expected (30,)"], "y.argmax(axis=1)"),
    "a column": (LABELS[:, None], ["shape (30, 1)"], "y.ravel()"),
    "a column of names": (LABELS[:, None].astype(str), ["shape (30, 1)", "dtype <U"], "y.ravel().astype('uint8')"),
    "from 1": (LABELS + 1, ["from 1 to 10"], "y - 1"),
}


def cure_of(error):
    return re.search(r"; ([^;]+) would do$", str(error.value))[1]


@pytest.mark.parametrize("case", PICTURES)
def test_pictures_and_their_cure(case):
    X, parts, cure, wanted = PICTURES[case]
    with pytest.raises(ValueError, match=r"^X ") as error:
        check_pictures(X)
    assert all(part in str(error.value) for part in parts), error.value
    assert cure_of(error) == cure
    mended = check_pictures(eval(cure, {"X": X}))
    np.testing.assert_allclose(mended[:, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("case", LABEL_CASES)
def test_labels_and_their_cure(case):
    y, parts, cure = LABEL_CASES[case]
    with pytest.raises(ValueError, match=r"^y ") as error:
        check_labels(y, 30)
    assert all(part in str(error.value) for part in parts), error.value
    assert cure_of(error) == cure
    assert (check_labels(eval(cure, {"y": y}), 30) == LABELS).all()


@pytest.mark.parametrize(
    ("X", "parts"),
    [
        (np.full((2, 784), np.nan), ["shape (2, 784)", "from nan to nan"]),
        (np.full((2, 5, 5), "x"), ["shape (2, 5, 5)", "dtype <U1"]),
        (np.full((2, 28, 28), -5), ["dtype int64", "from -5 to -5", "0..255"]),
        (np.full((2, 28, 28), 1e6), ["from 1000000.0"]),
        (np.zeros((0, 5)), ["shape (0, 5)"]),
        (np.zeros(()), ["shape ()"]),
    ],
)
def test_no_cure_is_named_that_is_none(X, parts):
    with pytest.raises(ValueError, match=r"^X has|^X reaches") as error:
        check_pictures(X)
    assert all(part in str(error.value) for part in parts)
    assert "would do" not in str(error.value)


@pytest.mark.parametrize(
    "y", [np.full(30, "a"), np.full(30, 1.5).astype(object), np.full(29, "1"), np.full(30, 77), np.full((30, 10), 1)]
)
def test_labels_that_no_cure_is_known_for(y):
    with pytest.raises(ValueError, match=r"^y ") as error:
        check_labels(y, 30)
    assert "would do" not in str(error.value)


@pytest.mark.parametrize("call", ["fit", "score", "evaluate", "calibrate"])
def test_pictures_and_labels_are_judged_together(call):
    X, y = PICTURES["fetch_openml"][0], LABEL_CASES["from 1"][0]
    with pytest.raises(ValueError, match=r"shape .*reaches .*would do.*y reaches.*would do"):
        getattr(LeNet5(seed=0), call)(X, y)
    with pytest.raises(ValueError, match=r"^X has shape"):
        getattr(LeNet5(seed=0), call)(X[:, 1:], LABELS)
    with pytest.raises(ValueError, match=r"^y reaches"):
        check_labels_of(LeNet5(seed=0), BYTES, y)


# ---- rows and columns swapped --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drawn():
    return strokes.draw(300, seed=7)


@pytest.mark.parametrize("call", ["score", "evaluate"])
def test_transposed_pictures_get_a_hint(drawn, call, caplog):
    X, y = drawn
    getattr(pretrained(), call)(X.transpose(0, 2, 1), y)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "try X.swapaxes(-1, -2)" in caplog.text


def test_other_pictures_get_none(drawn, caplog):
    X, y = drawn
    model = pretrained()
    model.score(X, y)
    model.score(X, (y + 1) % 10)
    LeNet5(seed=0).score(X, y)
    model.score(X[:0], y[:0])
    model.score(X[:99].transpose(0, 2, 1), y[:99])
    assert caplog.text == ""
