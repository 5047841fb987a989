"""Compressed model files: the same weights from fewer bytes, taken as any other model."""

import numpy as np
import pytest

from lenet5 import LeNet5, load
from lenet5.errors import ModelFileError
from lenet5.models import compressed
from lenet5.nn import serialization


@pytest.fixture
def model():
    """With weights of three values, nine in ten of them 0."""
    model, rng = LeNet5(widths=(4, 8, 30, 20), seed=0), np.random.default_rng(0)
    for tensor in model.state_dict().values():
        tensor[...] = rng.choice(np.array([-0.25, 0.25, 0.5], np.float32), tensor.shape)
        tensor *= rng.random(tensor.shape) < 0.1
    model.training = {"command": "a test"}
    return model


def test_a_file_is_a_model(model, tmp_path):
    compressed.save(model, tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors")
    assert isinstance(found, LeNet5)
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(found.state_dict()[name], tensor)
    assert (found.widths, found.labels, found.training) == ((4, 8, 30, 20), model.labels, model.training)
    assert (tmp_path / "m.safetensors").stat().st_size < 2000


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    for name in "ab":
        compressed.save(model, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_many_values_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="values"):
        compressed.save(LeNet5(seed=0), tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


def write(path, data, name=compressed.TENSOR):
    serialization.save(path, {name: np.frombuffer(data, np.uint8)}, compressed.KIND, {})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        compressed.pack(b"[]"),
        compressed.pack(b'{"variant": "modern"}'),
        compressed.pack(b"\xff\xfe"),
        compressed.pack(b" " * (compressed.MOST_DOCUMENT + 1)),
    ],
)
def test_damaged_files_get_one_line(data, tmp_path):
    write(tmp_path / "m.safetensors", data)
    with pytest.raises(ModelFileError, match="does not describe a model"):
        load(tmp_path / "m.safetensors")


def test_another_tensor_is_refused(model, tmp_path):
    write(tmp_path / "m.safetensors", b"", name="other")
    with pytest.raises(ModelFileError, match="expected data"):
        load(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "widths", [[4, 8, 30], [4, 8, 30, 0], [4, 8, 30, 10**6], ["4", 8, 30, 20], 4, [4.0, 8, 30, 20]]
)
def test_widths_that_cannot_be(model, widths, tmp_path):
    serialization.save(tmp_path / "m.safetensors", model.state_dict(), "model", model.info() | {"widths": widths})
    with pytest.raises(ModelFileError):
        load(tmp_path / "m.safetensors")
