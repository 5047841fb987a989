"""Models of quantities in every format: their scores are values in the unit of the targets."""

import ast
import functools
import subprocess

import c_programs
import numpy as np
import pytest
from c_programs import NATIVE
from networks import images

from lenet5 import Regressor, export
from lenet5.errors import ModelFileError
from lenet5.export.npz_run import angles

#: What is asked of `Regressor`, and how its targets come from the amount of ink.
FORMS = {
    "one": ({}, lambda ink: 1000 + 50 * ink),
    "two": ({"variant": "1998"}, lambda ink: np.stack([ink * 1e6, -ink], axis=1)),
    "angle": ({"period": 360}, lambda ink: 3 * ink % 360),
    "two-angles": ({"period": 2.0, "pool": "avg"}, lambda ink: np.stack([ink / 60 % 2, ink / 90 % 2], axis=1)),
}


@functools.cache
def network(name):
    form, target = FORMS[name]
    X = images()[0]
    return Regressor(seed=1, **form).fit(X, target(X.sum((1, 2)) / 255), epochs=10)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("to", ["c", "npz", "onnx", "torch"])
def test_every_format_gives_the_values_of_the_model(name, to, tmp_path):
    if to in ("onnx", "torch"):
        pytest.importorskip(to)
    export.write(network(name), tmp_path / "out", to)
    report = export.check(network(name), tmp_path / "out", to, images()[0][:40])
    assert report.differing == 0
    assert report.relative_difference < 1e-4
    unit = "the period" if network(name).period else "the deviation of the targets"
    assert unit in "\n".join(report.lines())


def test_a_check_finds_another_scaling(tmp_path):
    X, other = images()[0], Regressor(seed=1)
    other.fit(X, 900 + X.sum((1, 2)), epochs=1)
    export.write(other, tmp_path / "c", "c")
    assert export.check(network("one"), tmp_path / "c", "c", X).differing > 290


RETURNS = """\
#include "lenet5.h"
#include <stdio.h>

int main(void)
{
    static uint8_t image[LENET5_INPUT];
    static lenet5_score scores[LENET5_CLASSES];
    printf("%d %d %s", lenet5_predict(image, scores), LENET5_CLASSES, lenet5_class_names[0]);
    return 0;
}
"""


@pytest.mark.parametrize(("name", "said"), [("two", b"0 2 value 1"), ("angle", b"0 1 value")])
def test_the_program_in_c_returns_0_and_does_not_warn(name, said, tmp_path):
    folder = c_programs.written(network(name), tmp_path)
    c_programs.strict(NATIVE, folder)
    assert "softmax" not in (folder / "lenet5.h").read_text()
    (folder / "main.c").write_text(RETURNS)
    subprocess.run([*NATIVE.compiler, "lenet5.c", "main.c", "-o", "shown"], check=True, cwd=folder)
    assert subprocess.run([folder / "shown"], capture_output=True, check=True).stdout == said


def test_metadata_say_that_scores_are_values(tmp_path):
    onnx = pytest.importorskip("onnx")
    export.write(network("angle"), tmp_path / "m.onnx", "onnx")
    facts = {item.key: item.value for item in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert facts["task"] == "regression"
    assert '"period": 360' in facts["targets"]
    assert not {"classes", "temperature", "probabilities"} & set(facts)
    with pytest.raises(ModelFileError, match="a model of quantities; load the model file that it was exported from"):
        export.read(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", FORMS)
def test_the_module_of_pytorch_is_python(name, tmp_path):
    [source, _] = export.write(network(name), tmp_path, "torch")
    text = source.read_text(encoding="utf-8")
    ast.parse(text)
    assert "values = model(images)" in text
    assert "TEMPERATURE" not in text


def test_angles_are_below_the_period():
    points = np.array([[0, 1], [1, 0], [0, -1], [-1, 0], [-1e-30, 1], [0, 0]], np.float32)
    np.testing.assert_allclose(angles(points, 360.0)[:, 0], [0, 90, 180, 270, 0, 0])


@pytest.mark.parametrize("to", ["c-int8", "onnx-int8"])
def test_formats_in_8_bits_refuse(to, tmp_path):
    with pytest.raises(ValueError, match="a model of quantities has no form in 8 bits; take a format in float32"):
        export.write(network("one"), tmp_path / "x", to)


def test_values_beyond_float32_are_refused(tmp_path):
    X = images()[0][:50]
    model = Regressor(seed=1).fit(X, X.sum((1, 2)) * 1e60, epochs=1)
    with pytest.raises(ValueError, match="the targets are too large for float32"):
        export.write(model, tmp_path / "x", "c")
