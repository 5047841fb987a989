"""The networks by name: the published figures, the same answers on every path, and choices that do not go together."""

import numpy as np
import pytest
import reference
from gradcheck import check_gradient
from reference import pictures, seen

from lenet5 import LeNet5, load
from lenet5.datasets.synthetic import strokes
from lenet5.nn.architectures import C3_TABLE, CHOICES, LENET1_TABLE, VARIANTS, centres
from lenet5.nn.layers import RBF, Conv2d, SubSample2d

# FACTS of the paper, P98 section II-B: output, parameters, connections.
LENET5 = {
    "c1": ((6, 28, 28), 156, 122_304),
    "s2": ((6, 14, 14), 12, 5_880),
    "c3": ((16, 10, 10), 1_516, 151_600),
    "s4": ((16, 5, 5), 32, 2_000),
    "c5": ((120, 1, 1), 48_120, 48_120),
    "f6": ((84, 1, 1), 10_164, 10_164),
    "output": ((10, 1, 1), 0, 840),
}
TOTALS = {  # parameters, connections, multiply-accumulates
    "modern": (61_706, 429_342, 416_520),
    "1998": (60_000, 340_908, 326_520),
    "lenet1": (2_578, 98_442, 91_520),  # P89: "98442 connections, only 2578 independent parameters"
    "lenet4": (16_598, 267_806, 253_100),  # P98: "about 260,000 connections and about 17,000 free parameters"
}
# Every choice that a network can be made of, at least once.
COMBINATIONS = [
    ("modern", {"activation": "sigmoid", "pool": "trainable", "c3": "table", "head": "rbf"}),
    ("modern", {"activation": "scaled-tanh", "pool": "avg", "c3": "table"}),
    ("modern", {"head": "rbf"}),
    ("1998", {}),
    ("1998", {"pool": "max", "c3": "dense", "head": "softmax", "activation": "tanh"}),
    ("lenet1", {}),
    ("lenet1", {"pool": "avg", "head": "softmax", "activation": "relu", "c3": "dense"}),
    ("lenet4", {}),
    ("lenet4", {"c3": "dense", "head": "softmax"}),
]
IDS = ["-".join([name, *choices.values()]) for name, choices in COMBINATIONS]


@pytest.fixture(params=COMBINATIONS, ids=IDS)
def model(request):
    name, choices = request.param
    model = LeNet5(name, seed=3, **choices)
    rng = np.random.default_rng(1)
    for key, tensor in model.state_dict().items():
        if key.endswith("bias"):
            tensor[...] += rng.normal(0, 0.1, tensor.shape)
    return model


@pytest.mark.parametrize("name", LENET5)
def test_the_published_figures_layer_by_layer(name):
    row = {row.name: row for row in LeNet5("1998").summary()}[name]
    assert (row.output_shape, row.n_parameters, row.connections) == LENET5[name]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_totals(name):
    model = LeNet5(name)
    rows = model.summary()
    assert (model.n_parameters, sum(r.connections for r in rows), sum(r.macs for r in rows)) == TOTALS[name]
    assert model.n_parameters == sum(t.size for t in model.state_dict().values())


def test_the_table_of_the_paper():
    assert sum(map(len, C3_TABLE)) == 60
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert sorted(c for row in C3_TABLE for c in row) == [c for c in range(6) for _ in range(10)]
    assert sum(map(len, LENET1_TABLE)) == 20


def test_the_bitmaps_of_the_paper():
    codes = np.array(centres())
    assert codes.shape == (10, 84)
    assert set(codes.ravel()) == {-1, 1}
    distances = ((codes[:, None] - codes) ** 2).sum(axis=2)
    apart = distances[~np.eye(10, dtype=bool)]
    assert (apart.min(), apart.max()) == (48, 200)
    assert distances[6, 8] == 48
    zero = ["".join(" #"[int(bit > 0)] for bit in row) for row in codes[0].reshape(12, 7)]
    assert zero[2:5] == ["  ###  ", " ## ## ", "##   ##"]


@pytest.mark.parametrize("pool", ["max", "avg", "trainable"])
@pytest.mark.parametrize("name", ["modern", "1998", "lenet1"])
def test_sigmoids_start_as_tanhs_do(name, pool):
    """sigmoid(2 x) is (1 + tanh(x)) / 2, so with the right first weights both networks are one function."""
    settings = {"pool": pool, "head": "softmax", "initializer": "he", "seed": 4}
    one, other = (LeNet5(name, activation=kind, **settings) for kind in ("sigmoid", "tanh"))
    X = pictures(20)
    np.testing.assert_allclose(one.logits(X), other.logits(X), rtol=0, atol=2e-5)


@pytest.fixture(scope="module")
def digits():
    return strokes.draw(6000, seed=2)


@pytest.mark.parametrize("name", VARIANTS)
def test_sigmoids_learn_with_their_defaults(name, digits):
    X, y = digits
    model = LeNet5(name, activation="sigmoid").fit(X, y, epochs=3, threads=2)
    assert model.score(X, y) > 0.65  # a tenth is chance


@pytest.mark.parametrize("name", ["1998", "lenet1", "lenet4"])
def test_the_first_weights_lie_within_the_bounds_of_the_paper(name):
    model = LeNet5(name, seed=0)
    for key, tensor in model.state_dict().items():
        layer = model.layers[key.split(".")[0]]
        bound = 2.4 / layer.fan_in()
        if isinstance(layer, SubSample2d) and key.endswith("weight"):
            bound = 4 * bound  # of a mean of four
        largest = np.abs(tensor).max()
        assert 0.5 * bound.max() < largest <= np.float32(bound.max()), key
    c3 = model.state_dict()[{"lenet1": "h3.weight"}.get(name, "c3.weight")]
    fewest = np.abs(c3[0]).max()  # the first map of C3 sees the fewest of S2 and may have the largest weights
    assert fewest <= 2.4 / 25


def test_the_first_weights_of_a_modern_network_with_a_table_have_the_deviation_of_their_fan_in():
    model = LeNet5("modern", c3="table", pool="trainable")
    tensors = model.state_dict()
    assert (tensors["s2.weight"] == 1).all()
    assert not tensors["s2.bias"].any()
    for kernels, n_maps in ((tensors["c3.weight"][:18], 3), (tensors["c3.weight"][54:], 6)):
        assert kernels.std() == pytest.approx(np.sqrt(2 / (25 * n_maps)), rel=0.2)


def test_scores_against_the_reference(model):
    X = pictures(5)
    expected = reference.network(model.layers, model.state_dict(), seen(model.network, X))[:, :, 0, 0]
    np.testing.assert_allclose(model.logits(X), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


def test_one_picture_has_one_answer(model):
    X = pictures(37, seed=1)
    together = model.logits(X)
    alone = np.concatenate([model.logits(x[None]) for x in X])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, model.logits(np.pad(X, ((0, 0), (2, 2), (2, 2)))))


def test_a_map_has_the_answers_of_its_windows(model):
    field = pictures(1, 40, 44, seed=2)
    scores = model.logits(field)
    assert scores.shape == (1, 10, 3, 4)
    windows = np.stack([field[0, 4 * y : 4 * y + 32, 4 * x : 4 * x + 32] for y in range(3) for x in range(4)])
    expected = model.logits(windows).reshape(3, 4, 10).transpose(2, 0, 1)
    np.testing.assert_allclose(scores[0], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def test_gradients_of_the_whole_network_by_differences(model):
    X, y = pictures(6, seed=3), np.arange(6, dtype=np.uint8)
    parameters = model.parameters.astype(np.float64)
    given = model.network.pictures(X)

    def run():
        gradients = np.zeros_like(parameters)
        return model.network.program(given.shape).loss_and_gradients(parameters, given, y, gradients), gradients

    numbers, gradients = model.state_dict(parameters), model.state_dict(run()[1])
    for name, tensor in numbers.items():
        check_gradient(lambda: run()[0], tensor, gradients[name], name=name, n=6, step=1e-5, tolerance=1e-4, kinks=0.5)


def test_a_file_keeps_the_network(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert [getattr(again, name) for name in ("variant", *CHOICES)] == [
        getattr(model, name) for name in ("variant", *CHOICES)
    ]
    X = pictures(3)
    np.testing.assert_array_equal(again.logits(X), model.logits(X))


def test_training_changes_every_tensor_and_lowers_the_loss(model):
    X, y = pictures(64, seed=4), np.arange(64) % 10
    before = {name: tensor.copy() for name, tensor in model.state_dict().items()}
    loss = -np.log(model.predict_proba(X)[np.arange(64), y].clip(1e-30)).mean()
    model.fit(X, y, epochs=3, batch_size=16, learning_rate=1e-3, augment="none", weight_decay=0, threads=1)
    assert -np.log(model.predict_proba(X)[np.arange(64), y].clip(1e-30)).mean() < loss
    for name, tensor in model.state_dict().items():
        assert (tensor != before[name]).any(), name


@pytest.mark.parametrize("name", ["1998", "lenet4"])
def test_the_weights_do_not_depend_on_threads(name):
    X, y = pictures(100, seed=5), np.arange(100) % 10
    weights = [
        LeNet5(name).fit(X, y, epochs=1, batch_size=50, learning_rate=1e-3, threads=threads).parameters
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(*weights)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "1889"}, "variant is '1889', expected one of modern, 1998, lenet1, lenet4"),
        ({"c3": "sparse"}, "c3 is 'sparse', expected one of dense, table"),
        ({"head": "svm"}, "head is 'svm', expected one of softmax, rbf"),
        ({"variant": "1998", "labels": "abc"}, "bitmaps for the 10 digits only, not 3 classes"),
        ({"variant": "lenet4", "pool": "max"}, "pool is 'max', expected 'trainable': s2 has 8 maps of 4"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LeNet5(**arguments)


def test_other_classes_than_digits():
    model = LeNet5("lenet4", labels="abc")
    assert model.predict_proba(pictures(2)).shape == (2, 3)


@pytest.mark.parametrize(
    "arguments",
    [(6, 2, 5, ((0,),)), (2, 2, 5, ((0,), (2,))), (2, 2, 5, ((0,), ())), (2, 2, 5, ((0,), (1, 0)))],
)
def test_a_table_that_does_not_fit_is_refused(arguments):
    with pytest.raises(ValueError, match="table has"):
        Conv2d(*arguments)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected a multiple of 4"):
        SubSample2d(4, 6)
    with pytest.raises(ValueError, match="cannot take an input of shape"):
        RBF(centres()).output_shape((83, 1, 1))
    with pytest.raises(ValueError, match="SubSample2d"):
        SubSample2d(4, 8).output_shape((3, 8, 8))


@pytest.mark.parametrize("name", ["1998", "lenet1", "lenet4"])
def test_a_family_member_can_be_trained_with_normalisation_and_dropout(name):
    X, y = pictures(64, seed=8), np.arange(64) % 10
    model = LeNet5(name, seed=1)
    before = model.parameters.copy()
    model.fit(X, y, epochs=1, batch_size=32, dropout=0.2, batch_norm=True, threads=1)
    assert np.isfinite(model.predict_proba(X)).all()
    assert (model.parameters != before).any()


@pytest.mark.parametrize("name", ["1998", "lenet1", "lenet4"])
def test_with_relu_the_networks_of_1998_start_from_weights_that_it_can_learn_from(name):
    """Within 2.4 / fan-in, as printed for the scaled tanh, ReLU makes the signal vanish, and nothing is learnt."""
    expected = LeNet5(name, activation="relu", initializer="he", seed=4)
    np.testing.assert_array_equal(LeNet5(name, activation="relu", seed=4).parameters, expected.parameters)
    printed = LeNet5(name, initializer="1998", seed=4)
    np.testing.assert_array_equal(LeNet5(name, seed=4).parameters, printed.parameters)


def test_first_weights_by_the_root_of_the_fan_in():
    tensors = LeNet5("1998", seed=0, initializer="1998-root").state_dict()
    assert 0.4 < np.abs(tensors["c1.weight"]).max() <= np.float32(2.4 / 5)
    assert np.abs(tensors["s2.weight"]).max() <= np.float32(1.2)
    with pytest.raises(ValueError, match="initializer is 'xavier', expected one of he, 1998, 1998-root"):
        LeNet5(initializer="xavier")
