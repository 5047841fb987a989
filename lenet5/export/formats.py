"""The formats by name, and the one function that writes them."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import one_line
from ..models.regressor import Regressor
from ..utils.files import atomic_write
from . import c_file, c_int8_file, c_run, npz_file, npz_run, onnx_file, onnx_int8_file, onnx_run, torch_file, torch_run
from .graph import Description, Exportable, describe, describe_int8


def _scores(model: Exportable, X: np.ndarray) -> np.ndarray:
    """Logits, or values in the unit of the targets, (N, scores)."""
    if isinstance(model, Regressor):
        return model.predict(X).reshape(len(X), -1)
    return model.logits(X)


@dataclass(frozen=True)
class Format:
    """How a model is written, and how what was written is run again.

    Attributes
    ----------
    contents : callable
        From a model and settings to the bytes or text of each file, by name. A single file has the name "".
    run : callable
        From the written path and inputs, float32 (N, C, size, size) in 0..1, to the scores (N, classes) and the name
        of what ran it. With ``takes_bytes`` from images, uint8 (N, C, H, W), without the padding.
    mark : bytes
        Pattern of the first bytes of each file that was written before and may be replaced.
    names : tuple of str
        Of the files in a folder; a format without names is one file.
    ending : str
        Of the name of that one file.
    memory : callable, optional
        From a model to the bytes of constants and of RAM that the written program needs.
    describe : callable
        From a model to its description; ValueError where it cannot be written.
    scores : callable
        From a model and inputs to what the written file gives.
    """

    contents: Callable[..., Mapping[str, bytes | str]]
    run: Callable[[Path, np.ndarray], tuple[np.ndarray, str]]
    mark: bytes
    names: tuple[str, ...] = ()
    ending: str = ""
    takes_bytes: bool = False
    memory: Callable[[Exportable], tuple[int, int]] | None = None
    describe: Callable[[Exportable], Description] = describe
    scores: Callable[[Exportable, np.ndarray], np.ndarray] = _scores

    def files(self, path: Path) -> list[Path]:
        """What is, or was, written for this path."""
        return [path / name for name in self.names] or [path]


ONNX_MARK = rb"\x08.\x12\x06lenet5"
C_MARK, C_NAMES = rb"/\* Written by lenet5 ", ("lenet5.c", "lenet5.h")
FORMATS: dict[str, Format] = {
    "onnx": Format(onnx_file.contents, onnx_run.run, ONNX_MARK, ending=".onnx"),
    "onnx-int8": Format(
        onnx_int8_file.contents,
        onnx_run.run,
        ONNX_MARK,
        ending=".onnx",
        describe=describe_int8,
    ),
    "c": Format(
        c_file.contents,
        c_run.run,
        C_MARK,
        names=C_NAMES,
        takes_bytes=True,
        memory=c_file.memory,
    ),
    "c-int8": Format(
        c_int8_file.contents,
        c_int8_file.run,
        C_MARK,
        names=C_NAMES,
        takes_bytes=True,
        memory=c_int8_file.memory,
        describe=describe_int8,
        scores=c_int8_file.scores,
    ),
    "torch": Format(
        torch_file.contents,
        torch_run.run,
        rb'"""Written by lenet5 |.{8}\{"__metadata__":\{[^}]*"written_by":"lenet5"',
        names=(torch_file.MODULE, torch_file.WEIGHTS),
    ),
    "npz": Format(npz_file.contents, npz_run.run, rb"PK\x03\x04.{26}lenet5\.npy", ending=".npz"),
}


def write(model: Exportable, path: str | os.PathLike, to: str, **settings) -> list[Path]:
    """Write a trained model for another program, each file completely or not at all.

    Parameters
    ----------
    model : LeNet5, Regressor or Committee; for "c-int8" and "onnx-int8" what `LeNet5.quantize` gives
    path : path-like
        A folder for "c", "c-int8" and "torch", which is made if it does not exist; a file for the others.
    to : one of `FORMATS`
    **settings
        Of the format: ``opset`` (17 to 21) for "onnx" and "onnx-int8".

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    ValueError
        The model cannot be exported, ``to`` is unknown, or the path holds something else. One line says which.
    OSError
        The files cannot be written.

    Examples
    --------
    >>> from lenet5 import LeNet5, export
    >>> [path.name for path in export.write(LeNet5("lenet1"), "firmware", "c")]
    ['lenet5.c', 'lenet5.h']
    """
    if to not in FORMATS:
        raise ValueError(f"to is {to!r}, expected one of {', '.join(FORMATS)}")
    path = Path(path)
    _check_kind(path, to)
    files = FORMATS[to].files(path)
    for file in files:
        _check_replaceable(file, FORMATS[to].mark)
    contents = FORMATS[to].contents(model, **settings)
    if FORMATS[to].names:
        path.mkdir(exist_ok=True)
    for file in files:
        atomic_write(file, contents[file.name if FORMATS[to].names else ""])
    return files


def _check_kind(path: Path, to: str) -> None:
    """Refuse a file where a folder is wanted, and a folder where a file is."""
    ending = FORMATS[to].ending
    if ending and path.is_dir():
        raise ValueError(f"{one_line(path)}: is a folder; {to} is one file, name it, for example, model{ending}")
    if not ending and path.exists() and not path.is_dir():
        raise ValueError(f"{one_line(path)}: is a file; {to} is several files, name a folder for them")


def _check_replaceable(file: Path, mark: bytes) -> None:
    """Refuse to replace what an export did not write."""
    if file.is_file():
        with file.open("rb") as stream:
            head = stream.read(512)
        if head and not re.match(mark, head, re.DOTALL):
            raise ValueError(f"{one_line(file)}: exists and was not written by lenet5 export; choose another name")
