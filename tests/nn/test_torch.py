"""Against PyTorch: our tensors load into the network of the same names, which then gives our numbers."""

from collections import OrderedDict

import numpy as np
import pytest
from gradcheck import with_biases

from lenet5 import LeNet5, _kernels, datasets
from lenet5.datasets.synthetic import strokes

torch = pytest.importorskip("torch")
nn = torch.nn
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}
POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}


def theirs(activation="relu", pool="max"):
    squash, subsample = ACTIVATIONS[activation], POOLS[pool]
    return nn.Sequential(OrderedDict(
        c1=nn.Conv2d(1, 6, 5), c1_activation=squash(), s2=subsample(2),
        c3=nn.Conv2d(6, 16, 5), c3_activation=squash(), s4=subsample(2),
        c5=nn.Conv2d(16, 120, 5), c5_activation=squash(), flatten=nn.Flatten(),
        f6=nn.Linear(120, 84), f6_activation=squash(),
        output=nn.Linear(84, 10),
    ))  # fmt: skip


def loaded(model):
    """Their network with our weights."""
    network = theirs(model.activation, model.pool)
    tensors = {name: torch.from_numpy(tensor.copy()) for name, tensor in model.state_dict().items()}
    network.load_state_dict(tensors, strict=True)
    return network


def as_input(X):
    """What our network makes of bytes (N, 28, 28): (N, 1, 32, 32) float32 in 0..1."""
    return torch.from_numpy(np.pad(X, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32) / 255)


def random_pictures(n=200):
    return np.random.default_rng(1).integers(0, 256, (n, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module", params=[("relu", "max"), ("tanh", "avg"), ("relu", "avg"), ("tanh", "max")])
def model(request):
    activation, pool = request.param
    rate = 0.01 if activation == "tanh" else 0.05
    model = LeNet5(seed=1, activation=activation, pool=pool)
    return model.fit(*strokes.draw(3000, seed=5), epochs=3, learning_rate=rate, threads=2)


def assert_same_scores(model, X):
    with torch.no_grad():
        expected = loaded(model)(as_input(X)).numpy()
    found = model.logits(X)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_the_model_file_loads_strictly(model, tmp_path):
    load_file = pytest.importorskip("safetensors.torch").load_file
    model.save(tmp_path / "m.safetensors")
    network = theirs(model.activation, model.pool)
    network.load_state_dict(load_file(tmp_path / "m.safetensors"), strict=True)
    X = random_pictures(20)
    with torch.no_grad():
        np.testing.assert_allclose(network(as_input(X)).numpy(), model.logits(X), atol=1e-4)


def test_their_names_shapes_and_number_of_parameters(model):
    network = theirs()
    assert {k: tuple(v.shape) for k, v in network.state_dict().items()} == {
        k: v.shape for k, v in model.state_dict().items()
    }
    assert sum(p.numel() for p in network.parameters()) == model.n_parameters == 61_706


def test_the_same_scores_for_random_pictures(model):
    assert_same_scores(model, random_pictures())


def test_the_same_scores_for_digits(model):
    assert_same_scores(model, strokes.draw(300, seed=8)[0])


@pytest.mark.mnist
def test_the_same_scores_for_1000_test_pictures(model, mnist_dir):
    _, (X, _) = datasets.load("mnist", mnist_dir)
    assert_same_scores(model, X[:1000])


@pytest.mark.parametrize("n", [1, 15, 64, 65])
def test_the_same_loss_and_gradients(model, n):
    X, y = strokes.draw(n, seed=6)
    network = loaded(model)
    loss = nn.functional.cross_entropy(network(as_input(X)), torch.from_numpy(y.astype(np.int64)))
    loss.backward()
    gradients = _kernels.aligned_zeros(len(model.parameters), np.float32)
    program = model.network.program((1, 32, 32))
    found = program.loss_and_gradients(model.parameters, model.network.pictures(X), y, gradients)
    assert found == pytest.approx(loss.item(), rel=1e-4, abs=1e-6)
    expected = {name: parameter.grad.numpy() for name, parameter in network.named_parameters()}
    for name, gradient in model.state_dict(gradients).items():
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(gradient, expected[name], atol=1e-4 * scale + 1e-7, err_msg=name)


def test_a_training_ends_where_theirs_ends():
    """Three steps of SGD with Nesterov momentum and weight decay, from the same weights, on the same batches."""
    X, y = strokes.draw(96, seed=2)
    settings = {"epochs": 1, "batch_size": 32, "learning_rate": 0.05, "schedule": "constant", "augment": "none"}
    settings |= {"momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
    # Without biases what a unit of C1 says to empty paper is 0, or 1e-8 by minimal filtering, where ReLU has its kink.
    model = with_biases(LeNet5(seed=3), 3)
    network = loaded(model)
    model.fit(X, y, **settings, seed=3)
    order = np.random.Generator(np.random.PCG64(np.random.SeedSequence([3, 0]))).permutation(96)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    for batch in order.reshape(3, 32):
        optimizer.zero_grad()
        target = torch.from_numpy(y[batch].astype(np.int64))
        nn.functional.cross_entropy(network(as_input(X[batch])), target).backward()
        optimizer.step()
    for name, parameter in network.named_parameters():
        np.testing.assert_allclose(model.state_dict()[name], parameter.detach().numpy(), atol=1e-4, err_msg=name)
