"""Trained models of every form that is exported, each made once."""

import functools

import numpy as np
import pytest

from lenet5 import Committee, LeNet5
from lenet5.datasets.synthetic import strokes

#: What is asked of LeNet5, and of its training.
FORMS = {
    "modern": ({}, {"validation": 500}),
    "1998": ({"variant": "1998"}, {}),
    "lenet1": ({"variant": "lenet1"}, {"epochs": 4}),
    "lenet4": ({"variant": "lenet4"}, {}),
    "lenet1-max": ({"variant": "lenet1", "pool": "max", "activation": "relu", "head": "softmax"}, {}),
    "sigmoid-avg": ({"activation": "sigmoid", "pool": "avg"}, {}),
    "batch-norm": ({"activation": "tanh", "pool": "avg"}, {"batch_norm": True}),
    "table": ({"c3": "table", "pool": "trainable"}, {}),
}
ALL = (*FORMS, "committee")
#: Those that take long where a compiler is asked are left to the slow tests.
QUICK = ("modern", "1998", "lenet1", "lenet1-max", "committee")
ALL_MARKED = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ALL]


@functools.cache
def images():
    """(X, y), drawn digits that no model was trained on."""
    return strokes.draw(300, seed=8)


@functools.cache
def network(name):
    if name == "committee":
        return Committee([network(member) for member in ("lenet1", "lenet1-max", "lenet4")])
    form, settings = FORMS[name]
    return LeNet5(seed=1, **form).fit(*strokes.draw(2500, seed=5), **{"epochs": 2, "threads": 2} | settings)


#: Those that become whole numbers; the second one has a connection table and a kernel of 4 x 4.
IN_8_BITS = ("modern", "lenet1-max")


@functools.cache
def in_8_bits(name):
    """A network in 8 bits, calibrated on digits that it was trained on."""
    return network(name).quantize(strokes.draw(2500, seed=5)[0][:500])


def assert_close(found, model, X=None):
    """The answers of the model, and its scores to a hundred-thousandth of the largest of each image."""
    expected = model.logits(images()[0] if X is None else X)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    assert (np.abs(found - expected) / np.abs(expected).max(axis=1, keepdims=True)).max() <= 1e-5
