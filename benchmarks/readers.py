"""Other programs that read digits, if they are installed: Tesseract and RapidOCR. Each takes files and returns texts.

Tesseract comes by `apt-get install tesseract-ocr`. RapidOCR comes by `pip install rapidocr onnxruntime`, in any
environment whose Python is named.
"""

import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

LINE, CHARACTER = 7, 10  # Tesseract's modes for an image with one line, or one character

_RAPIDOCR = """
import json, sys
from rapidocr import RapidOCR
engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 1})
for line in sys.stdin:
    found = engine(line.rstrip("\\n"), use_det=False, use_cls=False, use_rec=True)
    print("\\u0001" + json.dumps(" ".join(found.txts or ())), flush=True)
"""


def tesseract(files: list[Path], holds: int) -> list[str]:
    """Read the digits of all files in one process."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as names:
        names.write("\n".join(map(str, files)))
        names.flush()
        command = ["tesseract", names.name, "stdout", "--psm", str(holds), "-c", "tessedit_char_whitelist=0123456789"]
        run = subprocess.run(command, capture_output=True, text=True)
    texts = run.stdout.split("\f")[: len(files)]
    return texts + [""] * (len(files) - len(texts))


def rapidocr(files: list[Path], python: str) -> list[str]:
    """Read each image as one line, since it is worse at finding such lines, all in one process."""
    names = "".join(f"{file}\n" for file in files)
    run = subprocess.run([python, "-c", _RAPIDOCR], input=names, capture_output=True, text=True, timeout=3600)
    return [json.loads(line[1:]) for line in run.stdout.splitlines() if line.startswith("\x01")]


def others(python: str, holds: int) -> dict[str, Callable[[list[Path]], list[str]]]:
    """Return readers by name; those not installed are left out, with a note on standard error."""
    found = {}
    if shutil.which("tesseract"):
        found["tesseract"] = functools.partial(tesseract, holds=holds)
    else:
        print("tesseract is not installed: left out", file=sys.stderr)
    if subprocess.run([python, "-c", "import rapidocr, onnxruntime"], capture_output=True).returncode == 0:
        found["rapidocr"] = functools.partial(rapidocr, python=python)
    else:
        print(f"rapidocr and onnxruntime are not installed for {python}: left out", file=sys.stderr)
    return found
