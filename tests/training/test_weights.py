"""Weights of images and classes in the loss, and layers that stay as they are."""

import copy

import numpy as np
import pytest

from lenet5 import Committee, LeNet5, Regressor
from lenet5.datasets.synthetic import strokes
from lenet5.models.loading import single
from lenet5.nn.targets import joined
from lenet5.training.config import Config
from lenet5.training.defaults import config_for
from lenet5.training.weights import image_weights, of_classes, score_shifts


@pytest.fixture(scope="module")
def data():
    return strokes.draw(400, seed=5)


@pytest.fixture(scope="module")
def model(data):
    return LeNet5(seed=1).fit(*data, epochs=2)


# ---- weights -------------------------------------------------------------------------------------------------------


def test_balanced_weights_are_those_of_scikit_learn():
    y = np.array([0] * 6 + [1] * 3 + [3], np.uint8)
    weights = image_weights(y, np.arange(10), "balanced", None)
    np.testing.assert_allclose(weights, 10 / (3 * np.array([6] * 6 + [3] * 3 + [1])))
    assert image_weights(y, np.arange(10), "none", None) is None
    np.testing.assert_allclose(image_weights(y, np.arange(10), "none", np.arange(10)), np.arange(10) / 4.5)
    on_some = image_weights(y, np.arange(1, 10), "balanced", None)  # the first image is for validation
    np.testing.assert_allclose(on_some, 9 / (3 * np.array([5] * 6 + [3] * 3 + [1])))


def test_weights_of_classes_by_name_or_number():
    y = np.array([0, 1, 1, 2])
    np.testing.assert_array_equal(of_classes(y, ("a", "b", "c"), {"b": 3, 2: 0.5}, None), [1, 3, 3, 0.5])
    np.testing.assert_array_equal(of_classes(y, ("a", "b", "c"), {"b": 3}, [1, 2, 3, 4]), [1, 6, 9, 4])
    for key in ("d", 3, -1, True):
        with pytest.raises(ValueError, match="which is not a class"):
            of_classes(y, ("a", "b", "c"), {key: 2}, None)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1] * 3, r"shape \(3,\), expected \(400,\)"),
        ([-1] * 400, "negative"),
        ([np.nan] * 400, "not finite"),
        ([0] * 400, "zero for every"),
    ],
)
def test_weights_that_cannot_be(data, weights, message):
    with pytest.raises(ValueError, match=message):
        LeNet5().fit(*data, epochs=1, sample_weight=weights)


@pytest.mark.parametrize("batch_size", [1, 20, 400])
def test_a_weight_of_0_is_an_image_left_out_of_the_gradient(data, batch_size):
    """Images of weight 0, whatever they show, change nothing; the others count as much as the mean says."""
    X, y = data
    weights = np.arange(400) % 2
    settings = {
        "epochs": 1,
        "augment": "none",
        "batch_size": batch_size,
        "learning_rate": 0.001,
        "sample_weight": weights,
    }
    other = X.copy()
    other[::2] = 255 - other[::2]
    choices = {"pool": "avg"} if batch_size == 1 else {}  # which trains one image at a time
    one, two = (LeNet5(seed=0, **choices).fit(pictures, y, **settings) for pictures in (X, other))
    assert one.parameters.tobytes() == two.parameters.tobytes()
    plain = LeNet5(seed=0, **choices).fit(X, y, **{**settings, "sample_weight": None})
    assert plain.parameters.tobytes() != one.parameters.tobytes()


def test_equal_weights_are_none(data):
    settings = {"epochs": 1, "batch_size": 50}
    plain = LeNet5().fit(*data, **settings)
    np.testing.assert_array_equal(
        LeNet5().fit(*data, **settings, sample_weight=np.full(400, 7.0)).parameters, plain.parameters
    )


def test_balanced_weights_help_a_rare_class():
    X, y = strokes.draw(3000, seed=6)
    rare = np.flatnonzero(y == 3)[12:]
    X, y = np.delete(X, rare, axis=0), np.delete(y, rare)
    test = strokes.draw(1000, seed=7)
    recalls = []
    for class_weight in (None, "balanced"):
        model = LeNet5(seed=0).fit(X, y, epochs=3, learning_rate=0.02, class_weight=class_weight)
        report, _ = model.evaluate(*test)
        recalls.append(report["classes"][3]["recall"])
    assert recalls[1] > recalls[0] + 0.1
    assert model.training["config"]["class_weight"] == "balanced"


# ---- layers that stay ----------------------------------------------------------------------------------------------

SETTINGS = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "dropout, averaged": {"dropout": 0.2, "average": 0.9},
    "clipped": {"clip_norm": 0.5, "l1": 1e-4},
    "adamw": {"optimizer": "adamw"},
    "one image": {"batch_size": 1, "learning_rate": 0.001},
    "against the network": {"adversarial": 0.05},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("frozen", [("c1", "c3"), ("c3",), ("c1", "c3", "c5", "f6"), ("output",)])
def test_frozen_layers_keep_their_bytes(data, model, name, frozen):
    before = {name: t.copy() for name, t in model.state_dict().items()}
    settings = {"epochs": 1, **SETTINGS[name]}
    one, two = (copy.deepcopy(model).fit(*data, freeze=frozen, threads=t, **settings) for t in (1, 2))
    assert one.parameters.tobytes() == two.parameters.tobytes()
    for name, tensor in one.state_dict().items():
        is_kept = tensor.tobytes() == before[name].tobytes()
        assert is_kept == (name.partition(".")[0] in frozen), name


def test_the_others_are_trained_as_if_nothing_were_frozen(data, model):
    """One update: the gradients of the layers that are trained do not depend on those that are not."""
    settings = {"epochs": 1, "batch_size": 400, "augment": "none"}
    free, frozen = (copy.deepcopy(model).fit(*data, **settings, freeze=names) for names in ((), ("c1", "c3")))
    for name in ("c5.weight", "c5.bias", "f6.weight", "output.bias"):
        np.testing.assert_array_equal(frozen.state_dict()[name], free.state_dict()[name])


@pytest.mark.parametrize("variant", ["1998", "lenet1", "lenet4"])
def test_tables_and_trainable_pooling_can_be_frozen(data, variant):
    model = LeNet5(variant, seed=0)
    names = [name.partition(".")[0] for name in model.state_dict()]
    before = {name: t.copy() for name, t in model.state_dict().items()}
    frozen = tuple(dict.fromkeys(names))[:3]
    model.fit(*data, epochs=1, freeze=frozen)
    for name, tensor in model.state_dict().items():
        assert (tensor.tobytes() == before[name].tobytes()) == (name.partition(".")[0] in frozen), name


@pytest.mark.parametrize(
    ("names", "message"),
    [("c9", "freeze names 'c9', expected some of c1, c3, c5, f6, output"), ("s2", "freeze names 's2'"),
     ("c1,c3,c5,f6,output", "nothing to train"), ("c1,c1", "each once"), (("c1", ""), "freeze names ''")],
)  # fmt: skip
def test_layers_that_cannot_be_frozen(data, names, message):
    with pytest.raises(ValueError, match=message):
        LeNet5().fit(*data, epochs=1, freeze=names)


# ---- weights of another model --------------------------------------------------------------------------------------


def test_weights_are_taken_where_they_fit(data, model, tmp_path):
    X, y = data
    names = np.array(["even", "odd"])[y % 2]
    model.save(tmp_path / "m")
    for source in (model, single(tmp_path / "m"), single(Committee([model]))):
        other = LeNet5(seed=9).fit(X, names, epochs=1, start_from=source, freeze=("c1", "c3", "c5", "f6"))
        for name, tensor in model.state_dict().items():
            assert (tensor.tobytes() == other.state_dict()[name].tobytes()) == (not name.startswith("output")), name
    with pytest.raises(ValueError, match="a model of 2 networks"):
        single(Committee([model, model]))
    with pytest.raises(ValueError, match="of several networks"):
        LeNet5().fit(X, y, epochs=1, start_from=Committee([model, model]))
    with pytest.raises(ValueError, match="no layer has the name and the shape"):
        LeNet5("lenet1").fit(X, y, epochs=1, start_from=model)


def test_a_grey_model_sees_grey_images_of_colours_as_before(data, model):
    from lenet5.models.transfer import start_from

    X = data[0][:20]
    colours = LeNet5(in_channels=3, seed=3)
    start_from(colours.network, model)
    np.testing.assert_allclose(
        colours.logits(np.pad(np.stack([X] * 3, 1), ((0, 0), (0, 0), (2, 2), (2, 2)))), model.logits(X), atol=1e-4
    )


# ---- small sets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "given", "epochs", "clip_norm"),
    [(15, {}, 300, 1), (200, {}, 75, 1), (900, {}, 20, 1), (5000, {}, 20, 0), (None, {}, 20, 0),
     (15, {"epochs": 3}, 3, 1), (15, {"learning_rate": 0.01}, 20, 0), (15, {"clip_norm": 0.0}, 300, 0),
     (15, {"optimizer": "adamw"}, 300, 0), (15, {"batch_size": 1}, 20, 0)],
)  # fmt: skip
def test_small_sets_have_defaults_of_their_own(n, given, epochs, clip_norm):
    config = config_for(LeNet5(seed=None).network, n_images=n, **given)
    assert (config.epochs, config.clip_norm) == (epochs, clip_norm)


@pytest.mark.parametrize(
    ("n", "channels", "given", "augment"),
    [
        (15, 3, {}, "affine,colour"),
        (15, 1, {}, "affine"),
        (60, 3, {}, "affine"),
        (15, 3, {"augment": "flip"}, "flip"),
    ],
)
def test_few_colour_images_are_seen_in_other_colours(n, channels, given, augment):
    assert config_for(LeNet5(seed=None, in_channels=channels).network, n_images=n, **given).augment == augment


def test_a_training_in_other_colours_is_the_same_for_any_threads():
    X = np.random.default_rng(0).integers(0, 256, (70, 3, 32, 32), dtype=np.uint8)
    y, few = np.arange(70) % 3, {"epochs": 2, "augment": "affine,colour", "batch_size": 16}
    one, two, plain = (
        LeNet5(in_channels=3, labels=list("abc")).fit(X, y, threads=threads, sample_weight=weights, **few).parameters
        for threads, weights in ((1, None), (2, np.ones(70)), (1, np.arange(70)))
    )
    np.testing.assert_array_equal(one, two)
    assert (one != plain).any()


def test_fifteen_images_are_learnt_from_every_seed():
    X, y = strokes.draw(200, seed=8)
    some = np.concatenate([np.flatnonzero(y == k)[:5] for k in (0, 1, 7)])
    test = np.isin(y, (0, 1, 7))
    names = np.array(["nought", "one", *"23456", "seven", *"89"])[y]
    scores = [LeNet5(seed=k).fit(X[some], names[some]).score(X[test], names[test]) for k in range(4)]
    assert min(scores) > 0.85


def test_a_state_of_a_version_with_fewer_settings_is_taken_up(data):
    from lenet5.training.config import Config
    from lenet5.training.trainer import Trainer

    trainer = Trainer(LeNet5(seed=0).network, *data, Config(epochs=2, validation=0))
    next(trainer.run())
    tensors, document = trainer.state()
    for name in ("class_weight", "freeze"):
        del document["config"][name]
    again = Trainer(LeNet5(seed=0).network, *data, Config(epochs=2, validation=0))
    again.restore(tensors, document)
    assert again.position == (1, 0)


def test_shifts_of_scores_are_the_logarithms_of_shares():
    y = np.repeat([0, 1, 3], [80, 15, 5]).astype(np.uint8)
    np.testing.assert_allclose(score_shifts(y, 4, 1.5), 1.5 * np.log(np.array([80, 15, 1, 5]) / 101))
    assert score_shifts(y, 4, 0) is None
    with_targets = joined(y, np.zeros((100, 3)))
    np.testing.assert_array_equal(score_shifts(with_targets, 4 + 3, 1), score_shifts(y, 4, 1))


def test_adjusted_scores_answer_a_rare_class_more_often(data):
    X, y = data
    few = np.concatenate([np.flatnonzero(y != 9), np.flatnonzero(y == 9)[:4]])
    answers = [
        (LeNet5().fit(X[few], y[few], epochs=3, logit_adjustment=strength).predict(X) == 9).sum()
        for strength in (0, 1, 2)
    ]
    assert answers[0] < answers[1] < answers[2]


def test_adjustment_is_of_classes_and_of_a_softmax():
    for how, fault in (({"logit_adjustment": -1}, "at least 0"), ({"logit_adjustment": 1, "loss": "mse"}, "softmax")):
        with pytest.raises(ValueError, match=fault):
            Config(**how)
    with pytest.raises(ValueError, match="about classes"):
        Regressor().fit(np.zeros((4, 28, 28), np.uint8), np.arange(4), logit_adjustment=1)
