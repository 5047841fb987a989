"""Compression as a whole: what is asked for comes out, the same for every number of threads."""

import numpy as np
import pytest
from commandline import model_path

from lenet5 import Committee, LeNet5, Regressor, load
from lenet5.compress.compress import compress
from lenet5.datasets import Loaded
from lenet5.datasets.synthetic import strokes
from lenet5.models.quantized import Quantized
from lenet5.nn.targets import TargetScaling


@pytest.fixture(scope="module")
def data():
    return Loaded("few", strokes.draw(1500, seed=5), strokes.draw(10, seed=6), classes=tuple("0123456789"))


@pytest.fixture(scope="module")
def model():
    return load(model_path())


@pytest.fixture(scope="module")
def report(model, data):
    return compress(model, data, sparsity=0.9, codebook=8, epochs=2, threads=1)


def test_few_weights_of_few_values(report, model):
    tensors = report.model.state_dict()
    assert sum(int((t != 0).sum()) for name, t in tensors.items() if name.endswith(".weight")) == 6147
    assert report.n_weights_after <= 6147 + 236
    assert all(len(np.unique(t[t != 0])) <= 8 for t in tensors.values())
    assert report.accuracy_after > 0.5
    assert report.model.calibration.n == report.n_validation == 150
    assert report.macs_after == report.macs_before


def test_the_file(report, tmp_path):
    report.save(tmp_path / "m.safetensors")
    assert (tmp_path / "m.safetensors").stat().st_size <= 6400
    found = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(found.parameters, report.model.parameters)
    assert found.training == report.model.training
    assert found.calibration == report.model.calibration


def test_threads_and_the_model_change_nothing(report, model, data):
    before = model.parameters.copy()
    again = compress(model, data, sparsity=0.9, codebook=8, epochs=2, threads=2)
    np.testing.assert_array_equal(again.model.parameters, report.model.parameters)
    np.testing.assert_array_equal(model.parameters, before)


def test_structured(model, data, tmp_path):
    report = compress(model, data, widths=(4, 8, 30, 20), epochs=1, threads=1)
    assert report.model.widths == (4, 8, 30, 20)
    assert report.macs_after < report.macs_before / 2
    report.save(tmp_path / "m.safetensors")
    assert load(tmp_path / "m.safetensors").quantize(data.train[0]).macs == report.macs_after
    again = compress(report.model, data, sparsity=0.5, epochs=1, threads=1)
    assert again.model.widths == (4, 8, 30, 20)


def test_in_8_bits(model, data, tmp_path):
    report = compress(model, data, widths=(4, 8, 30, 20), quantize=True, epochs=1, threads=1)
    report.save(tmp_path / "m.safetensors")
    found = load(tmp_path / "m.safetensors")
    X = data.train[0][:50]
    assert isinstance(found, Quantized)
    np.testing.assert_array_equal(found.scores(X), report.model.scores(X))
    assert (found.shape.widths, found.training) == ((4, 8, 30, 20), report.model.training)
    assert found.training["metrics"] == {"validation_accuracy": report.accuracy_after}
    with pytest.raises(ValueError, match="does not go together"):
        compress(model, data, sparsity=0.5, quantize=True)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"sparsity": 1.0}, "sparsity"),
        ({"codebook": 1}, "codebook"),
        ({"macs": 0.0}, "macs"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_settings_that_cannot_be(model, data, settings, what):
    with pytest.raises(ValueError, match=what):
        compress(model, data, **settings)


def test_other_models_are_refused(model, data):
    with pytest.raises(ValueError, match="in 8 bits already"):
        compress(model.quantize(data.train[0]), data)
    with pytest.raises(ValueError, match="a committee"):
        compress(Committee([LeNet5(), LeNet5()]), data)
    with pytest.raises(ValueError, match="one of quantities, expected one of classes to compress"):
        compress(Regressor(), data)
    ten = Regressor()
    ten.take_scaling(TargetScaling((0.0,) * 10, (1.0,) * 10, None))
    with pytest.raises(ValueError, match="a teacher does not fit"):
        compress(model, data, teachers=[ten])
