"""The PyTorch module: valid source whatever the names, weights that load strictly, and the answers of the model."""

import ast

import numpy as np
import pytest
from networks import ALL, images, network
from safetensors.numpy import load_file

from lenet5 import LeNet5, export
from lenet5.errors import LeNet5Error
from lenet5.export import torch_run


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_every_network_answers_as_the_model_does(name, tmp_path):
    pytest.importorskip("torch")
    export.write(network(name), tmp_path / "t", "torch")
    report = export.check(network(name), tmp_path / "t", "torch", images()[0])
    assert report.differing == 0
    assert report.relative_difference < 1e-5
    assert len(list((tmp_path / "t").iterdir())) == 2


@pytest.mark.parametrize("name", ALL)
def test_the_source_is_python_and_imports_only_pytorch(name, tmp_path):
    [source, _] = export.write(network(name), tmp_path, "torch")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {getattr(node, "module", None) or node.names[0].name for node in nodes}
    assert found == {"collections", "pathlib", "torch", "safetensors.torch"}


def test_names_stay_in_their_strings(tmp_path):
    names = ['"""', "'); import os; ('", "\\", "é€😀", "{x}", "$weights", "%s", "#", "a'", 'b"']
    [source, _] = export.write(LeNet5(labels=names), tmp_path, "torch")
    text = source.read_text(encoding="utf-8")
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
    }
    assert list(values["CLASSES"]) == names
    assert text.isascii()


def test_the_state_dict_has_our_names_and_shapes_of_pytorch(tmp_path):
    model = network("modern")
    for _ in range(2):  # the second replaces the first
        [_, weights] = export.write(model, tmp_path, "torch")
    found = load_file(weights)
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor)


def test_a_model_of_ours_is_not_replaced(tmp_path):
    LeNet5("lenet1").save(tmp_path / "lenet5_torch.safetensors")
    with pytest.raises(ValueError, match="exists and was not written by lenet5 export"):
        export.write(LeNet5("lenet1"), tmp_path, "torch")
    assert not (tmp_path / "lenet5_torch.py").exists()


def test_without_pytorch_the_check_says_what_to_install(tmp_path, monkeypatch):
    export.write(LeNet5("lenet1"), tmp_path, "torch")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LeNet5Error, match="torch is not installed: pip install torch"):
        export.check(LeNet5("lenet1"), tmp_path, "torch", images()[0])


@pytest.mark.slow
def test_a_module_that_fails_is_an_error(tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "lenet5_torch.py").write_text("raise SystemError('broken')\n")
    with pytest.raises(LeNet5Error, match="PyTorch ended with code 1: SystemError: broken"):
        torch_run.run(tmp_path, np.zeros((1, 1, 32, 32), np.float32))
