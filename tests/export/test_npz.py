"""The file of NumPy arrays: nothing pickled, and answered alike by NumPy alone."""

import json

import numpy as np
import pytest
from networks import ALL, images, network

from lenet5 import export
from lenet5.errors import ModelFileError
from lenet5.export import npz_run


@pytest.mark.parametrize("name", ALL)
def test_every_network_answers_as_the_model_does(name, tmp_path):
    export.write(network(name), tmp_path / "m.npz", "npz")
    report = export.check(network(name), tmp_path / "m.npz", "npz", images()[0][:50])
    assert report.differing == 0
    assert report.relative_difference < 1e-5


def test_arrays_and_document(tmp_path):
    model = network("modern")
    for _ in range(2):  # the second replaces the first
        export.write(model, tmp_path / "m.npz", "npz")
    with np.load(tmp_path / "m.npz", allow_pickle=False) as file:
        document = json.loads(str(file["lenet5"]))
        for name, tensor in model.state_dict().items():
            np.testing.assert_array_equal(file[name].reshape(tensor.shape), tensor)
    assert document["classes"] == list(model.labels)
    assert document["temperature"] == model.temperature
    assert document["networks"][0]["layers"][2] == {"name": "s2", "kind": "max_pool", "size": 2}


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY", b"x" * 100])
def test_other_files_are_refused(data, tmp_path):
    (tmp_path / "m.npz").write_bytes(data)
    with pytest.raises(ModelFileError, match="not a file of lenet5 export"):
        npz_run.run(tmp_path / "m.npz", np.zeros((1, 1, 32, 32), np.float32))


def test_arrays_of_another_program_are_refused(tmp_path):
    np.savez(tmp_path / "m.npz", weights=np.zeros(3))
    with pytest.raises(ModelFileError, match="not a file of lenet5 export"):
        npz_run.run(tmp_path / "m.npz", np.zeros((1, 1, 32, 32), np.float32))
    with pytest.raises(ValueError, match="exists and was not written by lenet5 export"):
        export.write(network("lenet1"), tmp_path / "m.npz", "npz")
