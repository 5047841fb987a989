"""Files of other kinds are called what they are, by their content, else by their name."""

import io
import pickle
import struct
import time
import zipfile

import numpy as np
import pytest
from pictures import drawn, saved
from safetensors.numpy import save as safetensors

from lenet5 import load
from lenet5.errors import ModelFileError, PictureError
from lenet5.preprocessing.normalization import read_image
from lenet5.utils.kinds import KINDS, PICTURES, kind_of


def media(*brands: bytes) -> bytes:
    """The first box of an ISO media file: its brand, a version, brands it can be read as."""
    body = b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])
    return struct.pack(">I", len(body) + 4) + body + bytes(100)


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return stream.getvalue()


def npz() -> bytes:
    np.savez(stream := io.BytesIO(), w=np.ones(3))
    return stream.getvalue()


OTHERS = {
    "HEIC": media(b"heic", b"mif1", b"heic"),
    "AVIF": media(b"mif1", b"avif", b"miaf"),
    "JPEG XL": b"\xff\x0a\x00\x10" + bytes(50),
    "PDF": b"%PDF-1.7\n" + bytes(50),
    "SVG": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "a Photoshop file": b"8BPS\0\1" + bytes(50),
    "a video": media(b"isom", b"mp42"),
    "a web page": b"<!DOCTYPE html><html><body>404</body></html>",
    "a PyTorch checkpoint": zipped("archive/data.pkl", "archive/data/0"),
    "a Keras model": zipped("metadata.json", "config.json", "model.weights.h5"),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(50),
    "a file of NumPy arrays": npz(),
    "a TensorFlow Lite model": b"\x1c\0\0\0TFL3" + bytes(50),
    "a pickle": pickle.dumps({"w": [1.0]}),
    "an ONNX model": b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:" + bytes(50),
    "a ZIP archive": zipped("scans/1.png"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("ending", ["", ".png", ".safetensors"])
def test_content_tells_whatever_the_name(tmp_path, name, ending):
    path = tmp_path / f"file{ending}"
    path.write_bytes(OTHERS[name])
    with pytest.raises(PictureError, match=f"^{path}: {name} is not read; [a-z ]+") as caught:
        read_image(path)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(ModelFileError, match=f"^{path}: {name}, not a model of lenet5; name a file"):
        load(path)
    with pytest.raises(PictureError, match=f"^the image: {name} is not read"):
        read_image(OTHERS[name])


ENDINGS = [(kind.name, ending) for kind in KINDS for ending in kind.endings]


@pytest.mark.parametrize(("name", "ending"), ENDINGS)
def test_else_the_name_tells(tmp_path, name, ending):
    path = tmp_path / f"Photo{ending.upper()}"
    path.write_bytes(b"damaged, or too new to be known")
    with pytest.raises(PictureError, match=f"{name} is not read"):
        read_image(path)
    with pytest.raises(ModelFileError, match=f"{name}, not a model of lenet5"):
        load(path)


@pytest.mark.parametrize("name", ["photo.heic", "model.pt", "model.onnx"])
def test_a_name_does_not_keep_a_good_file_from_being_read(tmp_path, name):
    (tmp_path / name).write_bytes(saved(drawn(60)))
    assert read_image(tmp_path / name).max() == 1


def test_a_model_is_no_picture_and_a_picture_no_model(tmp_path):
    (tmp_path / "a").write_bytes(safetensors({"w": np.ones(3)}))
    with pytest.raises(PictureError, match=r"a safetensors model is not read; .* a model after --model"):
        read_image(tmp_path / "a")
    for kind, ours in zip(("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"), PICTURES, strict=True):
        (tmp_path / "a").write_bytes(saved(drawn(60), kind))
        with pytest.raises(ModelFileError, match=f"a: {ours.name}, not a model of lenet5"):
            load(tmp_path / "a")


@pytest.mark.parametrize("n", [0x280, 0x0108, 0x120808, 0x4D42, 0xAFF])
def test_the_length_of_a_header_looks_like_no_other_kind(tmp_path, n):
    """A safetensors file begins with it, whatever bytes these are."""
    (tmp_path / "a.pt").write_bytes(struct.pack("<Q", n) + b"{" + bytes(50))
    with pytest.raises(ModelFileError, match="not a safetensors file, or a damaged one"):
        load(tmp_path / "a.pt")


def test_no_content_takes_long():
    for part in (b"<!---->", b"<?xml>", b" <", b"ftyp", b"avif", b"PK\x03\x04"):
        began = time.perf_counter()
        kind_of(part * 200, None, KINDS)
        assert time.perf_counter() - began < 0.1


def test_nothing_is_known_of_nothing():
    assert kind_of(b"", None, KINDS) is None
    assert kind_of(b"a letter about digits" * 30, "letter.txt", KINDS) is None
