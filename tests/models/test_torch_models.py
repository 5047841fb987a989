"""Models to PyTorch and back: the same answers, whatever the layers are called; and loaders as data."""

import numpy as np
import pytest
from safetensors.numpy import save_file

import lenet5
from lenet5 import Committee, LeNet5, from_torch, load
from lenet5.datasets.synthetic import strokes
from lenet5.errors import LeNet5Error, ModelFileError
from lenet5.models.batches import gathered
from lenet5.models.torch_models import from_state_dict

KINDS = [
    {},
    {"activation": "tanh", "pool": "avg"},
    {"variant": "1998"},
    {"variant": "lenet1"},
    {"variant": "lenet4"},
    {"size": 64, "in_channels": 3, "labels": ["a", "b", "c"]},
]
IDS = [" ".join(map(str, kind.values())) or "modern" for kind in KINDS]
NAMES = {"c1": "features.0", "c3": "features.3", "c5": "classifier.0", "f6": "classifier.2", "output": "classifier.4"}


def images(model, side=None, n=20):
    side = side or model.network.field
    return np.random.default_rng(3).random((n, model.in_channels, side, side), np.float32)


def renamed(model, names=NAMES, flat=True):
    """A state dict with the usual names, C5 as a dense layer."""
    state = {f"{names[name.split('.')[0]]}.{name.split('.')[1]}": t.copy() for name, t in model.state_dict().items()}
    weight = f"{names['c5']}.weight"
    return state | {weight: state[weight].reshape(120, -1)} if flat else state


# ---- without PyTorch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [NAMES, dict(zip(NAMES, ("conv1", "conv2", "fc1", "fc2", "fc3"), strict=True))])
def test_a_state_dict_is_recognised_by_shapes(names):
    model = LeNet5(seed=5)
    state = dict(sorted(renamed(model, names).items()))  # as in a safetensors file, the order tells nothing
    assert from_torch(state).parameters.tobytes() == model.parameters.tobytes()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "variant" not in kind], ids=str)
def test_colours_sizes_and_classes_are_found(kind):
    model = LeNet5(seed=5, **kind)
    found = from_state_dict(model.state_dict(), labels=model.labels, size=kind.get("size"))
    assert (found.in_channels, found.size, found.labels) == (model.in_channels, model.size, model.labels)
    assert found.parameters.tobytes() == model.parameters.tobytes()


def test_a_layer_without_bias_has_zeros():
    state = {name: tensor for name, tensor in renamed(LeNet5(seed=5)).items() if name != "features.0.bias"}
    assert not from_torch(state).state_dict()["c1.bias"].any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classifier.0.weight": np.zeros((120, 256))}, r"layer c5: expected \(120, 16, 5, 5\), found .*\(120, 256\)"),
        ({"norm.running_mean": np.zeros(6)}, "'norm.running_mean' is not a weight or a bias"),
        ({"more.weight": np.zeros((3, 3))}, "no layer has weights as those of 'more'"),
        ({"features.0.weight": np.full((6, 1, 5, 5), np.nan)}, "not finite"),
        ({"features.0.weight": np.full((6, 1, 5, 5), 1e38)}, "too large"),
    ],
)
def test_other_networks_are_refused_in_one_line(change, said):
    with pytest.raises(ValueError, match=said) as error:
        from_torch(renamed(LeNet5(seed=5)) | change)
    assert "\n" not in str(error.value)


def test_no_weights_at_all_are_refused():
    with pytest.raises(ValueError, match="no weights for layer c1"):
        from_torch({})


def test_bare_safetensors_need_a_variant(tmp_path):
    model, path = LeNet5(seed=5, activation="tanh"), tmp_path / "bare.safetensors"
    save_file(renamed(model), path)
    found = load(path, variant="modern", activation="tanh")
    assert found.predict_proba(images(model)).tobytes() == model.predict_proba(images(model)).tobytes()
    with pytest.raises(ModelFileError, match="bare weights need the name of their network"):
        load(path)
    with pytest.raises(ModelFileError, match=r"bare.safetensors: no weights for layer h1"):
        load(path, variant="lenet1")
    with pytest.raises(TypeError, match="beside a variant only"):
        load(path, activation="tanh")


def test_without_pytorch_to_torch_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LeNet5Error, match="torch is not installed: pip install torch"):
        LeNet5().to_torch()


def test_batches_are_trained_on_as_arrays_are():
    X, y = strokes.draw(200, seed=2)
    batches = [(X[i : i + 60], y[i : i + 60]) for i in range(0, 200, 60)]
    expected = LeNet5().fit(X, y, epochs=1, validation_data=(X, y)).parameters
    found = LeNet5().fit(iter(batches), epochs=1, validation_data=batches).parameters
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("data", [3, [], [1, 2], [(1,)], [(1, 2, 3)], np.zeros((2, 28, 28))], ids=str)
def test_what_is_not_batches_is_refused(data):
    with pytest.raises(ValueError, match=r"batches|y is missing"):
        gathered(data)


# ---- with PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_module_answers_as_the_model_does(kind):
    torch = pytest.importorskip("torch")
    model = LeNet5(seed=5, **kind)
    model.calibration = lenet5.models.base.Calibration(1.5)
    module = model.to_torch()
    for side in {model.network.size, model.network.field}:
        X = images(model, side)
        with torch.inference_mode():
            found = torch.softmax(module(torch.from_numpy(X)) / module.temperature, 1).numpy()
        np.testing.assert_allclose(found, model.predict_proba(X), atol=1e-5)
    assert module.labels == model.labels
    back = from_torch(module.state_dict(), model.variant, size=model.size, labels=model.labels)
    assert back.parameters.tobytes() == model.parameters.tobytes()


def test_a_committee_becomes_a_module():
    torch = pytest.importorskip("torch")
    model = Committee([LeNet5("lenet1", seed=1), LeNet5(seed=2)])
    X = images(model, 28)
    with torch.inference_mode():
        found = model.to_torch()(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(found, model.logits(X), atol=1e-4)
    with pytest.raises(ValueError, match="each of its members is a LeNet5"):
        Committee([model]).to_torch()


@pytest.mark.parametrize("activation", ["ReLU", "Tanh", "Sigmoid"])
@pytest.mark.parametrize("last", ["Identity", "Softmax", "LogSoftmax"])
def test_activation_and_pooling_of_a_module_are_found_by_its_answers(activation, last):
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(1)
    squash, pool = getattr(nn, activation), nn.AvgPool2d if activation == "Tanh" else nn.MaxPool2d
    module = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), squash(), pool(2), nn.Conv2d(6, 16, 5), squash(), pool(2), nn.Flatten(),
        nn.Linear(400, 120), squash(), nn.Dropout(), nn.Linear(120, 84), squash(), nn.Linear(84, 10),
        *([getattr(nn, last)(1)] if last != "Identity" else []),
    )  # fmt: skip
    found = from_torch(module)
    assert (found.activation, found.pool) == (activation.lower(), "avg" if activation == "Tanh" else "max")
    assert module.training


def test_a_module_that_computes_something_else_is_refused():
    torch = pytest.importorskip("torch")

    class Doubled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = LeNet5(seed=5).to_torch()

        def forward(self, x):
            return self.inner(x * 2)

    with pytest.raises(ValueError, match="answers otherwise"):
        from_torch(Doubled())


def test_a_data_loader_is_taken_by_fit():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    X, y = strokes.draw(200, seed=2)
    loader = DataLoader(TensorDataset(torch.from_numpy(X)[:, None], torch.from_numpy(y).long()), batch_size=64)
    assert LeNet5().fit(loader, epochs=1).parameters.tobytes() == LeNet5().fit(X, y, epochs=1).parameters.tobytes()
