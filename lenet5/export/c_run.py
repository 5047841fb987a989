"""Compiles a written C file and runs it on images, to see that it answers as the model does."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from ..errors import LeNet5Error, one_line

#: Reads images from standard input and writes their scores to standard output.
MAIN = """\
#include "lenet5.h"
#include <stdio.h>

int main(void)
{
    static uint8_t image[LENET5_INPUT];
    static lenet5_score scores[LENET5_CLASSES];
    while (fread(image, 1, sizeof image, stdin) == sizeof image) {
        lenet5_predict(image, scores);
        fwrite(scores, sizeof scores[0], LENET5_CLASSES, stdout);
    }
    return 0;
}
"""
FLAGS = ("-std=c99", "-O2")


def compiler() -> list[str]:
    """The command of the C compiler: CC, else cc, gcc or clang. LeNet5Error where there is none."""
    if given := os.environ.get("CC"):
        return shlex.split(given)
    for name in ("cc", "gcc", "clang"):
        if shutil.which(name):
            return [name]
    raise LeNet5Error("no C compiler to check with: install gcc or clang, or set CC")


def run(folder: Path, X: np.ndarray, dtype: DTypeLike = np.float32) -> tuple[np.ndarray, str]:
    """The scores (N, classes) of images, uint8 (N, C, H, W), and the compiler's name. LeNet5Error where it fails.

    ``dtype`` is that of the scores in the header.
    """
    command = compiler()
    with tempfile.TemporaryDirectory() as place:
        main, program = Path(place, "main.c"), Path(place, "program")
        main.write_text(MAIN, encoding="ascii")
        sources = [str((folder / "lenet5.c").resolve()), str(main)]
        _call([*command, *FLAGS, f"-I{folder.resolve()}", *sources, "-o", str(program)], b"")
        output = _call([str(program)], np.ascontiguousarray(X).tobytes())
    return np.frombuffer(output, dtype).reshape(len(X), -1), shlex.join(command)


def _call(command: list[str], data: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True)
    except OSError as error:
        raise LeNet5Error(f"{one_line(command[0])}: cannot be run: {error.strerror}") from None
    if done.returncode:
        said = one_line(" ".join(done.stderr.decode(errors="replace").split())[:200])
        raise LeNet5Error(f"{one_line(command[0])}: ended with code {done.returncode}: {said}")
    return done.stdout
