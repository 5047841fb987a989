"""Model files: what is written is read again, and what is not ours is refused in one line, whatever it is."""

import json
import os
import pickle
import re
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save as safetensors_bytes

from lenet5 import LeNet5, load
from lenet5.errors import ModelFileError
from lenet5.nn import serialization
from lenet5.utils import files

SHAPES = {
    "c1.weight": [6, 1, 5, 5], "c1.bias": [6], "c3.weight": [16, 6, 5, 5], "c3.bias": [16],
    "c5.weight": [120, 16, 5, 5], "c5.bias": [120], "f6.weight": [84, 120], "f6.bias": [84],
    "output.weight": [10, 84], "output.bias": [10],
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    model = LeNet5(seed=2)
    model.training = {"command": "lenet5 train", "metrics": {"test_accuracy": 0.99}}
    return model


@pytest.fixture(scope="module")
def good(model, tmp_path_factory):
    """The bytes of a model file."""
    path = tmp_path_factory.mktemp("good") / "model.safetensors"
    model.save(path)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def refused(path, match="."):
    """The one line that `load` refuses ``path`` with."""
    with pytest.raises(ModelFileError, match=match) as caught:
        load(path)
    line = str(caught.value)
    assert line.isprintable(), line
    assert len(line) < 600
    return line


def with_header(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def parts(good):
    """(header as a document, data) of a safetensors file."""
    n = int.from_bytes(good[:8], "little")
    return json.loads(good[8 : 8 + n]), good[8 + n :]


def with_info(model, **changes):
    """The bytes of a model file with another document about itself; `...` takes a field away."""
    info = {"kind": "model", "format_version": 1, **model.info(), **changes}
    text = json.dumps({name: value for name, value in info.items() if value is not ...})
    return safetensors_bytes(dict(model.state_dict()), {"lenet5": text})


def with_text(model, text):
    return safetensors_bytes(dict(model.state_dict()), {"lenet5": text})


# ---- round trip ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("pool", ["max", "avg"])
def test_round_trip(path, activation, pool):
    model = LeNet5(seed=3, activation=activation, pool=pool, labels=["nought", "one", "Größe", "四"])
    model.training = {"command": "x", "config": {"seed": 3}, "deep": [[{"a": None}]]}
    model.save(path)
    other = load(path)
    assert other.info() == model.info()
    np.testing.assert_array_equal(other.parameters, model.parameters)
    X = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    np.testing.assert_array_equal(other.logits(X), model.logits(X))


def test_saving_twice_gives_the_same_bytes(model, good, path):
    model.save(path)
    assert path.read_bytes() == good
    load(path).save(path)
    assert path.read_bytes() == good


def test_what_a_file_says_about_itself(good):
    header, _ = parts(good)
    info = json.loads(header["__metadata__"]["lenet5"])
    assert info["format_version"] == serialization.FORMAT_VERSION == 1
    assert info["kind"] == "model"
    assert (info["variant"], info["activation"], info["pool"]) == ("modern", "relu", "max")
    assert info["labels"] == list("0123456789")
    assert info["shapes"] == SHAPES
    assert info["input_shape"] == [1, 32, 32]
    assert info["preparation"]["ink"] == "bright"
    assert info["training"] == {"command": "lenet5 train", "metrics": {"test_accuracy": 0.99}}


def test_the_tensors_are_plain_safetensors(model, good):
    header, _ = parts(good)
    assert {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"} == SHAPES
    assert {entry["dtype"] for name, entry in header.items() if name != "__metadata__"} == {"F32"}


def test_a_checkpoint_is_no_model_and_a_model_is_no_checkpoint(model, path):
    serialization.save(path, model.state_dict(), "checkpoint", {"position": {}})
    assert "this is a 'checkpoint', not a model" in refused(path)
    model.save(path)
    with pytest.raises(ModelFileError, match="this is a 'model', not a checkpoint"):
        serialization.load(path, "checkpoint")


@pytest.mark.parametrize("extra", [10**6, 57 * 10**6])
def test_a_header_of_megabytes_is_refused_before_it_is_parsed(good, path, extra, monkeypatch):
    """57 MB of it took 6.5 s and 1.3 GB of memory."""
    monkeypatch.setattr("safetensors.numpy.load", lambda data: pytest.fail("parsed"))
    n = int.from_bytes(good[:8], "little")
    path.write_bytes(with_header(good[8 : 8 + n] + b" " * (serialization.MAX_HEADER - 10**6 - n + 1 + extra)))
    assert "at most 1,048,576 expected" in refused(path, "not a safetensors file, or a damaged one")


def test_the_longest_header_is_read(good, path, model):
    n = int.from_bytes(good[:8], "little")
    path.write_bytes(with_header(good[8 : 8 + n].ljust(serialization.MAX_HEADER), good[8 + n :]))
    np.testing.assert_array_equal(load(path).parameters, model.parameters)


def test_a_header_that_could_not_be_read_again_is_not_written(model, path):
    with pytest.raises(ValueError, match="a model file has at most 1,048,576"):
        serialization.save(path, model.state_dict(), "model", {"x": "y" * serialization.MAX_HEADER})
    assert not path.exists()


def test_a_name_twice_is_refused_wherever_it_is(good, path):
    """One reader would take the first and another the last."""
    n = int.from_bytes(good[:8], "little")
    header = good[8 : 8 + n].decode().rstrip()
    bias = re.search('"output.bias":[^}]*}', header)[0]
    for once, twice in [
        (bias, f"{bias},{bias}"),
        ('"dtype":"F32",', '"dtype":"F32","dtype":"F32",'),
        ('"__metadata__":{', '"__metadata__":{"lenet5":"{}",'),
        ('{\\"kind\\"', '{\\"kind\\":\\"model\\",\\"kind\\"'),
        ('\\"calibration\\": {', '\\"calibration\\": {\\"n\\": 0, \\"n\\": 0, '),
    ]:
        assert once in header
        path.write_bytes(with_header(header.replace(once, twice, 1).encode(), good[8 + n :]))
        refused(path, "a name twice|duplicate field|InvalidHeader|no usable metadata")


@pytest.mark.parametrize("depth", [40, 900, 10**5])
def test_metadata_that_is_nested_too_deeply(path, model, depth):
    for nested in ("[" * depth + "]" * depth, '{"a":' * depth + "5" + "}" * depth):
        info = json.dumps({"kind": "model", "format_version": 1, **model.info(), "training": {"x": "HERE"}})
        path.write_bytes(with_text(model, info.replace('"HERE"', nested)))
        refused(path, "no usable metadata")


def test_what_no_json_can_say_is_not_written(model, path):
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError):
            serialization.save(path, model.state_dict(), "model", {"x": value})
    assert not path.exists()


# ---- files that are no models --------------------------------------------------------------------------------------


def png(path):
    Image.new("L", (28, 28)).save(path, format="PNG")


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps({"weight": [1.0]}))


FOREIGN = "a safetensors file, but not one of lenet5"


class Malice:
    """A pickle of it writes a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b""), "not a safetensors file, or a damaged one"),
        (lambda path: path.write_bytes(b"\0" * 8), "not a safetensors file, or a damaged one"),
        (lambda path: path.write_bytes(b"\xff" * 1000), "not a safetensors file, or a damaged one"),
        (lambda path: path.write_text("a letter about digits\n" * 50), "not a safetensors file, or a damaged one"),
        (lambda path: path.write_bytes(pickle.dumps(Malice(path.with_name("malice")))), "a pickle, not a model"),
        (png, "a PNG image, not a model of lenet5"),
        (zipped, "a ZIP archive, not a model of lenet5"),
        (lambda path: path.mkdir(), "not a file"),
        (lambda path: os.mkfifo(path), "not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a file"),
        (lambda path: path.symlink_to(path.with_name("nowhere")), "no such file"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.write_bytes(with_header(b"{}")), FOREIGN),
        (lambda path: path.write_bytes(safetensors_bytes({"x": np.ones(3, np.float32)})), FOREIGN),
        (lambda path: path.write_bytes(safetensors_bytes({}, {"format": "pt"})), FOREIGN),
    ],
)
def test_a_file_that_is_no_model(path, make, reason):
    make(path)
    assert f"{path}: {reason}" in refused(path)
    assert not path.with_name("malice").exists()


def test_a_file_of_5_gigabytes_is_not_read(path):
    with open(path, "wb") as stream:
        stream.truncate(5 * 10**9)
    assert "5,000,000,000 bytes, a model has at most" in refused(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(model, path):
    model.save(path)
    path.chmod(0)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("name", ["nul\0in", "x" * 300, "a\nb\x1b[31mc", "\udcff", "a" * 200 + "/" + "b" * 200])
def test_a_strange_name(tmp_path, name):
    refused(tmp_path / name)


@pytest.mark.parametrize("name", ["two\nlines.safetensors", "\x1b[31mred", "umlaut ü", "\udce4", " ", "tab\t"])
def test_a_strange_name_of_a_good_file(tmp_path, model, name):
    model.save(tmp_path / name)
    np.testing.assert_array_equal(load(tmp_path / name).parameters, model.parameters)


# ---- safetensors that are not right --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [0, 1, 7, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_wrong_length_of_the_header(good, path, n):
    path.write_bytes(struct.pack("<Q", n) + good[8:])
    refused(path, "damaged")


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"null", b'""', b"{", b"\xff\xfe", b"{" + b" " * 10**6,
        b'{"x":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"x":{"dtype":"Q17","shape":[1],"data_offsets":[0,4]}}',
        b'{"\\u001b[31m\\n":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"__metadata__":5}', b'{"__metadata__":{"lenet5":5}}', b'{"__metadata__":{"lenet5":null}}',
        b'{"__metadata__":{"lenet5":"{}","lenet5":"[]"}}', b'{"__metadata__":null}',
    ],
)  # fmt: skip
def test_a_wrong_header(path, header):
    path.write_bytes(with_header(header, b"\0" * 4))
    refused(path)
    path.write_bytes(with_header(header))
    refused(path)


@pytest.mark.parametrize(
    "dtype", ["F64", "F16", "BF16", "I8", "U8", "I64", "U64", "BOOL", "F8_E4M3", "F8_E5M2", "C64", "F4", "F6_E2M3"]
)
def test_tensors_of_another_type(path, model, dtype):
    info = json.dumps({"kind": "model", "format_version": 1, **model.info()})
    entry = {"dtype": dtype, "shape": [2], "data_offsets": [0, 16]}
    for n in (1, 2, 4, 8, 16):
        header = {"__metadata__": {"lenet5": info}, "c1.bias": entry | {"data_offsets": [0, n]}}
        path.write_bytes(with_header(json.dumps(header).encode(), b"\0" * n))
        refused(path)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int32, np.uint8, np.bool_])
def test_numbers_of_another_type(path, model, dtype):
    info = json.dumps({"kind": "model", "format_version": 1, **model.info()})
    tensors = {name: tensor.astype(dtype) for name, tensor in model.state_dict().items()}
    path.write_bytes(safetensors_bytes(tensors, {"lenet5": info}))
    assert f"is {np.dtype(dtype)}, expected float32" in refused(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda tensors: tensors.pop("f6.bias"), "tensor 'f6.bias' is missing"),
        (lambda tensors: tensors.clear(), "is missing"),
        (lambda tensors: tensors.update(extra=np.zeros(3, np.float32)), "tensor 'extra' is not one of this network"),
        (lambda tensors: tensors.update({"\x1b[2J\n": np.zeros(3, np.float32)}), "is not one of this network"),
        (lambda tensors: tensors.update({"n" * 10**6: np.zeros(3, np.float32)}), "does not describe a model"),
        (lambda tensors: tensors.update({"c1.bias": np.zeros(7, np.float32)}), r"shape \(7,\), expected \(6,\)"),
        (lambda tensors: tensors.update({"c1.bias": np.zeros((6, 1), np.float32)}), r"expected \(6,\)"),
        (lambda tensors: tensors.update({"c1.bias": np.zeros((), np.float32)}), r"expected \(6,\)"),
        (lambda tensors: tensors.update({"c1.bias": np.zeros((0, 6), np.float32)}), r"expected \(6,\)"),
        (lambda tensors: tensors.update({"c1.bias": np.full(6, np.nan, np.float32)}), "not finite"),
        (lambda tensors: tensors.update({"c1.bias": np.full(6, -np.inf, np.float32)}), "not finite"),
        (lambda tensors: tensors.update({"c1.bias": np.full(6, 3e38, np.float32)}), "too large"),
        (lambda tensors: tensors.update({"f6.weight": np.full((84, 120), 1e36, np.float32)}), "too large"),
    ],
)
def test_tensors_that_are_not_those_of_the_network(path, model, change, reason):
    tensors = dict(model.state_dict())
    change(tensors)
    info = json.dumps({"kind": "model", "format_version": 1, **model.info()})
    path.write_bytes(safetensors_bytes(tensors, {"lenet5": info}))
    refused(path, reason)


# ---- metadata that is not right ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 3, 10**6, pytest.param(10**300, id="huge")])
def test_a_newer_format_says_so(path, model, version):
    path.write_bytes(with_info(model, format_version=version))
    assert "reads up to 1; update it" in refused(path)


@pytest.mark.parametrize("version", [..., None, "1", "x", 0, -1, 1.0, 1.5, True, [], {}, [1]])
def test_a_wrong_format_version(path, model, version):
    path.write_bytes(with_info(model, format_version=version))
    refused(path, "no usable metadata")


@pytest.mark.parametrize("kind", [..., None, 5, [], "", "checkpoint", "\x1b[31m", pytest.param("k" * 10**5, id="long")])
def test_a_wrong_kind(path, model, kind):
    path.write_bytes(with_info(model, kind=kind))
    refused(path)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "5", "null", "[]", '"model"', "{", "[" * 10**5, '{"a":' * 10**5, "1" * 10**5,
        '{"kind": "model", "format_version": Infinity}', '{"kind": "model", "format_version": 1e999}',
        '{"kind": "model", "format_version": NaN}',
    ],
)  # fmt: skip
def test_metadata_that_is_no_document(path, model, text):
    path.write_bytes(with_text(model, text))
    refused(path, "no usable metadata")


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", '"\\ud800"', "9" * 5000])
def test_metadata_that_could_not_be_printed_again(path, model, value):
    info = json.dumps({"kind": "model", "format_version": 1, **model.info(), "training": {"x": "HERE"}})
    path.write_bytes(with_text(model, info.replace('"HERE"', value)))
    refused(path, "no usable metadata")


@pytest.mark.parametrize(
    "labels",
    [
        ..., None, 5, "0123456789", {}, [], ["a"], ["x"] * 9, ["x"] * 11, ["x"] * 257, ["x"] * 10**5,
        [5] * 10, [None] * 10, [[]] * 10, [{"a": 1}] * 10, ["a" * 10**5] * 10, ["a\nb"] * 10, ["\x1b[31m"] * 10,
        ["\x00"] * 10, ["\u202e"] * 10, [""] * 10, ["9" * 5000] * 10, [True] * 10,
    ],
)  # fmt: skip
def test_wrong_labels(path, model, labels):
    path.write_bytes(with_info(model, labels=labels))
    refused(path, "does not describe a model")


@pytest.mark.parametrize("name", ["variant", "activation", "pool"])
@pytest.mark.parametrize(
    "value", [..., None, 5, [], {}, "", "1889", pytest.param("x" * 10**5, id="long"), "\x1b[2J\n\n", ["relu"]]
)
def test_a_wrong_network(path, model, name, value):
    path.write_bytes(with_info(model, **{name: value}))
    refused(path, "does not describe a model")


@pytest.mark.parametrize("training", [..., None, 5, "x", [], [1], True])
def test_what_is_no_training_is_none(path, model, training):
    path.write_bytes(with_info(model, training=training))
    assert load(path).training is None


def test_unknown_metadata_is_let_be(path, model):
    path.write_bytes(with_info(model, later={"x": 1}, preparation=5, shapes=None, input_shape="?"))
    np.testing.assert_array_equal(load(path).parameters, model.parameters)


# ---- damage --------------------------------------------------------------------------------------------------------


def mutated(good: bytes, rng) -> bytes:
    """One of ten kinds of damage, at a random place."""
    n_header = int.from_bytes(good[:8], "little")
    data = bytearray(good)
    at_header = int(rng.integers(8, 8 + n_header))
    at = int(rng.integers(len(data)))
    some = rng.bytes(int(rng.integers(1, 40)))
    match int(rng.integers(10)):
        case 0:
            data[at] ^= 1 << int(rng.integers(8))
        case 1:
            data[at_header] ^= 1 << int(rng.integers(8))
        case 2:
            del data[at:]
        case 3:
            data[at:at] = some
        case 4:
            data[at_header:at_header] = some
        case 5:
            data[at_header : at_header + len(some)] = some
        case 6:
            data[:8] = rng.bytes(8)
        case 7:
            data[:8] = struct.pack("<Q", max(0, n_header + int(rng.integers(-20, 20))))
        case 8:
            digits = [k for k in range(8, 8 + n_header) if 48 <= data[k] <= 57]
            data[digits[int(rng.integers(len(digits)))]] = int(rng.integers(48, 58))
        case 9:
            token = rng.choice([b"null", b"-1", b"1e400", b"[]", b"{}", b'"', b"\\u0000", b"\\ud800", b"[" * 500])
            data[at_header : at_header + int(rng.integers(12))] = token
    return bytes(data)


@pytest.mark.parametrize("n", [600, pytest.param(4000, marks=pytest.mark.slow)])
def test_damaged_files(good, path, n):
    rng = np.random.default_rng(1998)
    reasons, slowest = [], 0.0
    tracemalloc.start()
    for _ in range(n):
        data = mutated(good, rng)
        path.write_bytes(data)
        started = time.process_time()
        try:
            found = load(path)
        except ModelFileError as error:
            reasons.append(str(error))
        else:
            assert {name: list(t.shape) for name, t in found.state_dict().items()} == SHAPES
            assert np.isfinite(found.parameters).all()
            json.dumps(found.info(), allow_nan=False).encode()
        slowest = max(slowest, time.process_time() - started)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(reasons) > n / 2
    assert all(reason.isprintable() for reason in reasons)
    assert slowest < 1
    assert peak < 20e6


def test_truncated_files_are_refused(good, path):
    for n in [*range(0, 100), *range(100, len(good), 9973), len(good) - 1]:
        path.write_bytes(good[:n])
        refused(path)


def test_bytes_at_the_end_are_refused(good, path):
    path.write_bytes(good + b"\0")
    refused(path)


# ---- writing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(model, good, path, monkeypatch, call):
    path.write_bytes(good)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, call, fail)
    other = LeNet5(seed=8)
    with pytest.raises(OSError, match="No space"):
        other.save(path)
    assert path.read_bytes() == good
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_where_nothing_can_be_written(model, tmp_path):
    for target in (tmp_path / "missing" / "m", tmp_path, tmp_path / ("x" * 300), "/proc/lenet5/m"):
        with pytest.raises(OSError):
            model.save(target)
    assert list(tmp_path.iterdir()) == []


def test_a_save_goes_to_what_a_link_names(model, tmp_path):
    (tmp_path / "link").symlink_to("target")
    model.save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load(tmp_path / "target").info() == model.info()
