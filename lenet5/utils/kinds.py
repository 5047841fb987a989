"""What a file is that is neither a picture that can be read nor a model of ours: to say that, and what to do.

First its content tells, then its name: a photo is often called .jpg and is HEIC.
"""

import os
import re
from typing import NamedTuple

HEAD = 512  # bytes of a file that are looked at


class Kind(NamedTuple):
    """A kind of file: its name, what its first bytes match, how its name may end, what to do with a picture of it."""

    name: str
    magic: bytes
    endings: tuple[str, ...] = ()
    remedy: str = "save it as PNG or JPEG"


_FIRST_IN_ZIP = rb"PK\x03\x04.{26}"  # what comes before the name of the first file in an archive
_BOX = rb".{4}ftyp"  # the first box of an ISO media file; its brand follows
_A_MODEL = "name a picture, and a model after --model"

# AVIF before HEIC, whose general brand it may bear; web pages, which may hold an SVG; kinds of archives.
KINDS = (
    Kind("AVIF", _BOX + rb"(avi[fs]|mif1.{4}([a-z0-9]{4}){0,8}?avi[fs])", (".avif",)),
    Kind("HEIC", _BOX + rb"(hei[cxms]|hev[cx]|mif1|msf1)", (".heic", ".heif", ".hif")),
    Kind("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL ", (".jxl",)),
    Kind("JPEG 2000", rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ", (".jp2", ".j2k", ".jpx")),
    Kind("PDF", rb"%PDF-", (".pdf",), "save its page as PNG or JPEG"),
    Kind("PostScript", rb"%!PS", (".eps", ".ps")),
    Kind("a web page", rb"\s*(?i:<!doctype html|<html)", (".html", ".htm"), "save the picture in it by itself"),
    Kind("SVG", rb"(\xef\xbb\xbf)?\s*<(svg|[?!].*<svg)", (".svg", ".svgz")),
    Kind("a Photoshop file", rb"8BPS", (".psd",)),
    Kind("a camera's raw file", rb"FUJIFILM|" + _BOX + rb"crx ", (".cr2", ".cr3", ".nef", ".arw", ".dng", ".raf")),
    Kind("a video", _BOX + rb"(isom|iso\d|mp4|qt|M4V|avc1|3gp)|\x1aE\xdf\xa3|RIFF.{4}AVI ",
         (".mp4", ".mov", ".avi", ".mkv", ".webm"), "save a frame of it as PNG or JPEG"),
    Kind("a PyTorch checkpoint", _FIRST_IN_ZIP + rb"[^/\0]{1,200}/(data\.pkl|byteorder|\.format_version)"
         rb"|\x80.\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", (".pth", ".pt", ".ckpt"), _A_MODEL),
    Kind("a Keras model", _FIRST_IN_ZIP + rb"(metadata|config)\.json", (".keras",), _A_MODEL),
    Kind("an HDF5 file", rb"\x89HDF\r\n\x1a\n", (".h5", ".hdf5"), _A_MODEL),
    Kind("a file of NumPy arrays", rb"\x93NUMPY|" + _FIRST_IN_ZIP + rb"[^\0]{1,200}\.npy", (".npz", ".npy"),
         "save the picture in it as PNG or JPEG"),
    Kind("a TensorFlow Lite model", rb".{4}TFL3", (".tflite",), _A_MODEL),
    Kind("a pickle", rb"\x80[\x02-\x05][\x95c}\]\(K]", (".pkl", ".pickle", ".joblib"), _A_MODEL),
    Kind("an ONNX model", rb"\x08[\x03-\x14]\x12.(pytorch|tf2onnx|onnx|keras|sk)", (".onnx",), _A_MODEL),
    Kind("a ZIP archive", rb"PK\x03\x04", (".zip",), "unpack it"),
)  # fmt: skip
#: Of which ours are, for who takes one for a picture.
SAFETENSORS = Kind("a safetensors model", rb".{8}\{\"", (".safetensors",), _A_MODEL)
#: Pictures that are read, for who takes one for a model.
PICTURES = (
    Kind("a PNG picture", rb"\x89PNG"), Kind("a JPEG picture", rb"\xff\xd8\xff"), Kind("a GIF picture", rb"GIF8[79]a"),
    Kind("a WEBP picture", rb"RIFF.{4}WEBP"), Kind("a TIFF picture", rb"II\*\0|MM\0\*"),
    Kind("a BMP picture", rb"BM.{4}\0\0"),
)  # fmt: skip


def kind_of(head: bytes, name: str | os.PathLike | None, kinds: tuple[Kind, ...]) -> Kind | None:
    """The first of ``kinds`` that the first bytes of a file match, else that its name ends like, else None."""
    for kind in kinds:
        if re.match(kind.magic, head, re.DOTALL):
            return kind
    ending = os.path.splitext(os.fsdecode(name or ""))[1].lower()
    return next((kind for kind in kinds if ending in kind.endings), None)
