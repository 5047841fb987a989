"""lenet5 export: what it writes, checks and refuses."""

import json

import numpy as np
import pytest
from commandline import model_path, quick
from folders import COLOURS, write_classes

from lenet5 import Committee, LeNet5
from lenet5.cli.export import FORMATS
from lenet5.export import FORMATS as LIBRARY

#: In the place of a compiler: its programs answer 0 to everything.
WRONG = """\
#!/bin/sh
for last; do :; done
printf '#!/bin/sh\\nhead -c 40000 /dev/zero\\n' > "$last"
chmod +x "$last"
"""


def test_formats_are_those_of_the_library():
    assert set(FORMATS) == set(LIBRARY)


def test_it_writes_and_checks(tmp_path):
    LeNet5("lenet1", seed=1).save(tmp_path / "m")
    result = quick("export", "m", "--to", "c", "--out", "firmware", "--check", cwd=tmp_path, few=True)
    assert result.code == 0, result.stderr
    assert "written: firmware/lenet5.c" in result.stderr
    assert "answers that differ: 0" in result.stdout


def test_json(tmp_path):
    result = quick("export", model_path(), "--to", "c", "--out", "c", "--json", cwd=tmp_path)
    document = json.loads(result.stdout)
    assert document == {"model": str(model_path()), "files": ["c/lenet5.c", "c/lenet5.h"], "to": "c"}


def test_json_of_a_check(tmp_path):
    LeNet5("lenet1", seed=1).save(tmp_path / "m")
    result = quick("export", "m", "--to", "c", "--out", "c", "--check", "--json", cwd=tmp_path, few=True)
    document = json.loads(result.stdout)
    assert (document["differing"], document["n"], document["run_by"]) == (0, 1000, "cc")


def test_a_model_in_float32_is_quantized_for_a_format_in_8_bits(tmp_path):
    LeNet5(seed=1).save(tmp_path / "m")
    result = quick("export", "m", "--to", "c-int8", "--out", "c", "--check", cwd=tmp_path, few=True)
    assert result.code == 0, result.stderr
    assert "note: the model was quantized for this export" in result.stderr
    assert "largest difference of a score: 0 " in result.stdout
    assert "int32_t lenet5_score" in (tmp_path / "c" / "lenet5.h").read_text()


def test_a_model_in_8_bits_is_taken_as_it_is(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    LeNet5(seed=1).quantize(X).save(tmp_path / "q")
    result = quick("export", "q", "--to", "c-int8", "--out", "c", "--check", "--json", cwd=tmp_path, few=True)
    document = json.loads(result.stdout)
    assert (document["differing"], document["difference"], document["ram_bytes"]) == (0, 0, 1576)
    assert "quantized for this export" not in result.stderr
    refused = quick("export", "q", "--to", "onnx", "--out", "x", cwd=tmp_path)
    assert (refused.code, "take a format in 8 bits: c-int8 or onnx-int8" in refused.error) == (2, True)


@pytest.mark.parametrize("channels", [1, 3])
def test_own_images_decide_the_scales(tmp_path, channels):
    write_classes(tmp_path / "shapes", n=8, colour=channels == 3)
    LeNet5(seed=1, labels=sorted(COLOURS), in_channels=channels).save(tmp_path / "m")
    result = quick("export", "m", "--to", "c-int8", "--out", "c", cwd=tmp_path, few=True)
    assert (result.code, "name their images with --data" in result.error) == (2, True)
    result = quick("export", "m", "--to", "c-int8", "--out", "c", "--data", "shapes", "--check", "--json", cwd=tmp_path)
    assert result.code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["differing"], document["difference"]) == (0, 0)
    assert 1 <= document["n"] <= 24
    assert "shapes: " in result.stderr


def test_own_images_that_cannot_be_had(tmp_path):
    write_classes(tmp_path / "shapes", n=3)
    result = quick("export", model_path(), "--to", "c-int8", "--out", "c", "--data", "shapes", cwd=tmp_path)
    assert (result.code, "is not a class of the model" in result.error) == (4, True)
    result = quick("export", model_path(), "--to", "c-int8", "--out", "c", "--data", "nowhere", cwd=tmp_path)
    assert result.code == 4
    assert not (tmp_path / "c").exists()


def test_a_committee_is_quantized_for_onnx_and_refused_by_c_in_8_bits(tmp_path):
    pytest.importorskip("onnx")
    form = {"pool": "max", "activation": "relu", "head": "softmax"}
    Committee([LeNet5("lenet1", seed=seed, **form) for seed in (1, 2)]).save(tmp_path / "m")
    result = quick("export", "m", "--to", "onnx-int8", "--out", "x.onnx", "--json", cwd=tmp_path, few=True)
    assert (result.code, result.stderr.count("weights: ")) == (0, 2), result.stderr
    result = quick("export", "m", "--to", "c-int8", "--out", "c", cwd=tmp_path, few=True)
    assert (result.code, (tmp_path / "c").exists()) == (2, False)
    assert "a committee has no scores in whole numbers; take onnx-int8, or export each network" in result.error


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--to", "tflite", "--out", "x"], 2, "'tflite' is not one of"),
        (["--to", "c"], 2, "Missing option '--out'"),
        (["--to", "c", "--out", "x", "--opset", "17"], 2, "--opset is a version of ONNX"),
        (["--to", "onnx", "--out", "x", "--opset", "16"], 2, "16 is not in the range"),
        (["--to", "c", "--out", "no/such/folder"], 1, "no/such/folder: No such file or directory"),
        (["--to", "onnx", "--out", "."], 2, "is a folder; onnx is one file"),
        (["nothing.safetensors", "--to", "c", "--out", "x"], 3, "nothing.safetensors: no such file"),
    ],
)
def test_refusals(tmp_path, args, code, words):
    result = quick("export", *args, cwd=tmp_path)
    assert (result.code, result.stdout) == (code, "")
    assert words in result.error
    assert not list(tmp_path.iterdir())


def test_answers_that_differ_are_an_error(tmp_path):
    LeNet5("lenet1", seed=1).save(tmp_path / "m")
    (tmp_path / "cc").write_text(WRONG)
    (tmp_path / "cc").chmod(0o755)
    result = quick("export", "m", "--to", "c", "--out", "c", "--check", cwd=tmp_path, few=True, CC=str(tmp_path / "cc"))
    assert result.code == 1
    assert "answers differ from the model's; do not use the file" in result.error


def test_without_a_compiler_the_check_fails(tmp_path):
    result = quick("export", "--to", "c", "--out", "c", "--check", cwd=tmp_path, few=True, CC="no-such-cc")
    assert result.code == 1
    assert "no-such-cc: cannot be run" in result.error
