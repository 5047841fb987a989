"""Kinds of files that are neither readable images nor models of lenet5, so that an error can name them.

The content decides, and only then the name: a photo named .jpg is often HEIC.
"""

import os
import re
from typing import NamedTuple

HEAD = 512  # bytes at the start of a file that are examined


class Kind(NamedTuple):
    """A kind of file: its name, the pattern of its first bytes, its endings, and how to get an image from it."""

    name: str
    magic: bytes
    endings: tuple[str, ...] = ()
    remedy: str = "save it as PNG or JPEG"


_FIRST_IN_ZIP = rb"PK\x03\x04.{26}"  # precedes the name of the first file in an archive
_BOX = rb".{4}ftyp"  # the first box of an ISO media file; its brand follows
_A_MODEL = "name an image, and a model after --model"

# Order matters: AVIF may bear the general brand of HEIC, web pages may hold an SVG, several kinds are ZIP archives.
KINDS = (
    Kind("AVIF", _BOX + rb"(avi[fs]|mif1.{4}([a-z0-9]{4}){0,8}?avi[fs])", (".avif",)),
    Kind("HEIC", _BOX + rb"(hei[cxms]|hev[cx]|mif1|msf1)", (".heic", ".heif", ".hif")),
    Kind("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL ", (".jxl",)),
    Kind("JPEG 2000", rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  ", (".jp2", ".j2k", ".jpx")),
    Kind("PDF", rb"%PDF-", (".pdf",), "save its page as PNG or JPEG"),
    Kind("PostScript", rb"%!PS", (".eps", ".ps")),
    Kind("a web page", rb"\s*(?i:<!doctype html|<html)", (".html", ".htm"), "save the image in it by itself"),
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
         "save the image in it as PNG or JPEG"),
    Kind("a TensorFlow Lite model", rb".{4}TFL3", (".tflite",), _A_MODEL),
    Kind("a pickle", rb"\x80[\x02-\x05][\x95c}\]\(K]", (".pkl", ".pickle", ".joblib"), _A_MODEL),
    Kind("an ONNX model", rb"\x08[\x03-\x14]\x12.(pytorch|tf2onnx|onnx|lenet5|keras|sk)", (".onnx",), _A_MODEL),
    Kind("a ZIP archive", rb"PK\x03\x04", (".zip",), "unpack it"),
)  # fmt: skip
#: A model given where an image is expected.
SAFETENSORS = Kind("a safetensors model", rb".{8}\{\"", (".safetensors",), _A_MODEL)
#: Images that can be read, given where a model is expected.
PICTURES = (
    Kind("a PNG image", rb"\x89PNG"), Kind("a JPEG image", rb"\xff\xd8\xff"), Kind("a GIF image", rb"GIF8[79]a"),
    Kind("a WEBP image", rb"RIFF.{4}WEBP"), Kind("a TIFF image", rb"II\*\0|MM\0\*"),
    Kind("a BMP image", rb"BM.{4}\0\0"),
)  # fmt: skip


def kind_of(head: bytes, name: str | os.PathLike | None, kinds: tuple[Kind, ...]) -> Kind | None:
    """Return the first of ``kinds`` that matches the first bytes of a file, else its name's ending, else None."""
    for kind in kinds:
        if re.match(kind.magic, head, re.DOTALL):
            return kind
    ending = os.path.splitext(os.fsdecode(name or ""))[1].lower()
    return next((kind for kind in kinds if ending in kind.endings), None)
