"""The layers' shapes and costs, and the published figures of LeNet-5."""

import pytest

from lenet5.nn.architectures import modern
from lenet5.nn.layers import AvgPool2d, Conv2d, Linear, MaxPool2d, ReLU, Tanh
from lenet5.nn.network import Network

# name: output shape, parameters, connections, multiply-accumulates for one picture of 32 x 32
PUBLISHED = {
    "c1": ((6, 28, 28), 156, 122_304, 117_600),
    "c3": ((16, 10, 10), 2_416, 241_600, 240_000),  # dense: all 96 pairs of maps
    "c5": ((120, 1, 1), 48_120, 48_120, 48_000),
    "f6": ((84, 1, 1), 10_164, 10_164, 10_080),
    "output": ((10, 1, 1), 850, 850, 840),
}
POOLS = {"s2": ((6, 14, 14), 6 * 14 * 14 * 4), "s4": ((16, 5, 5), 16 * 5 * 5 * 4)}


@pytest.fixture(scope="module")
def table():
    return {row.name: row for row in Network(modern()).summary()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_of_each_layer(table, name):
    row = table[name]
    assert (row.output_shape, row.n_parameters, row.connections, row.macs) == PUBLISHED[name]


@pytest.mark.parametrize("name", POOLS)
def test_plain_pooling_has_connections_and_no_parameters(table, name):
    row = table[name]
    assert (row.output_shape, row.connections) == POOLS[name]
    assert (row.n_parameters, row.macs) == (0, 0)


def test_published_totals(table):
    assert sum(row.n_parameters for row in table.values()) == 61_706
    assert sum(row.macs for row in table.values()) == 416_520


def test_the_table_is_in_the_order_of_computation(table):
    assert list(table) == ["c1", "s2", "c3", "s4", "c5", "f6", "output"]
    assert [row.kind for row in table.values()] == [
        "Conv2d", "MaxPool2d", "Conv2d", "MaxPool2d", "Conv2d", "Linear", "Linear",
    ]  # fmt: skip


def test_a_larger_field_has_more_answers():
    rows = {row.name: row for row in Network(modern()).summary(32, 60)}
    assert rows["c5"].output_shape == (120, 1, 8)
    assert rows["output"].output_shape == (10, 1, 8)
    assert rows["output"].macs == 8 * 840
    assert rows["output"].n_parameters == 850


@pytest.mark.parametrize(
    ("layer", "shape", "output", "parameters"),
    [
        (Conv2d(3, 8, 5), (3, 9, 7), (8, 5, 3), {"weight": (8, 3, 5, 5), "bias": (8,)}),
        (Linear(120, 84), (120, 1, 1), (84, 1, 1), {"weight": (84, 120), "bias": (84,)}),
        (AvgPool2d(2), (3, 9, 6), (3, 4, 3), {}),
        (MaxPool2d(3), (3, 9, 8), (3, 3, 2), {}),
        (ReLU(), (3, 9, 8), (3, 9, 8), {}),
        (Tanh(), (3, 9, 8), (3, 9, 8), {}),
    ],
)
def test_shapes(layer, shape, output, parameters):
    assert layer.output_shape(shape) == output
    assert layer.parameter_shapes() == parameters


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (Conv2d(3, 8, 5), (2, 9, 9)),
        (Conv2d(3, 8, 5), (3, 4, 9)),
        (Conv2d(3, 8, 5), (3, 9, 4)),
        (Linear(120, 84), (84, 1, 1)),
        (AvgPool2d(2), (3, 1, 6)),
        (MaxPool2d(3), (3, 9, 2)),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_name(layer, shape):
    with pytest.raises(ValueError, match=type(layer).__name__) as caught:
        layer.output_shape(shape)
    assert str(shape) in str(caught.value)


def test_the_choices_of_the_modern_network():
    layers = modern(activation="tanh", pool="avg", n_classes=3)
    assert isinstance(layers["c3_activation"], Tanh)
    assert type(layers["s4"]) is AvgPool2d
    assert layers["output"].out_channels == 3
    assert isinstance(modern()["f6_activation"], ReLU)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"activation": "step"}, r"activation is 'step', expected one of relu, tanh, sigmoid, scaled-tanh"),
        ({"pool": "median"}, r"pool is 'median', expected one of max, avg, trainable"),
        ({"n_classes": 0}, r"n_classes is 0, expected 1 to 256"),
        ({"n_classes": 257}, r"n_classes is 257, expected 1 to 256"),
    ],
)
def test_an_unknown_choice_is_refused_with_the_known_ones(choice, message):
    with pytest.raises(ValueError, match=message):
        modern(**choice)


def test_layers_are_values():
    assert Conv2d(1, 6, 5) == Conv2d(1, 6, 5)
    with pytest.raises(AttributeError):
        Conv2d(1, 6, 5).kernel_size = 3


@pytest.mark.parametrize("shape", [(0, 3, 5), (1, 0, 5), (1, 3, 0)])
def test_a_convolution_of_nothing(shape):
    with pytest.raises(ValueError, match="at least 1 of each"):
        Conv2d(*shape)
