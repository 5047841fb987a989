"""Runs the real `lenet5` command in a process of its own, and makes what it needs: a model, pictures, small data.

`lenet5` starts the installed command. `quick` gives the same, ten times sooner, from a process that has imported
everything and forks: each call has its own streams, folder and environment there too.
"""

import atexit
import ctypes
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA_DIR
from PIL import Image

from lenet5 import LeNet5
from lenet5.datasets.synthetic import strokes

ENTRY_POINT = [str(Path(sys.executable).with_name("lenet5"))]
#: The same command, but the strokes are few: three stretches of a training between two looks at whether to stop.
WITH_FEW_STROKES = [
    sys.executable,
    "-c",
    "from lenet5 import datasets; datasets.STROKES_TRAIN, datasets.STROKES_TEST = (10_000, 0), (1_000, 1); "
    "from lenet5.cli.main import main; main()",
]


SERVER = """
import functools, json, os, sys
import lenet5.preprocessing.normalization, lenet5.runs.run, lenet5.evaluation.contact_sheet
import safetensors.numpy, tqdm.auto, PIL.PngImagePlugin
from lenet5 import datasets
from lenet5.benchmark import chart, compare, request, suite, tables
from lenet5.cli import bars, benchmark, completion, compress, download, evaluate, export, import_model, info
from lenet5.cli import predict, quantize, read, teach
from lenet5.cli import train, train_report
from lenet5.cli.main import main

if sys.argv[1] == "few":
    datasets.STROKES_TRAIN, datasets.STROKES_TEST = (10_000, 0), (1_000, 1)
    datasets._strokes = functools.cache(datasets._strokes)
    datasets.obtain("strokes").sha256
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for number, path in enumerate(request["streams"]):
        os.dup2(os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY), number)
    sys.stdin = open(0)
    sys.argv[1:] = request["args"]
    main()
"""


@dataclass(frozen=True)
class Result:
    """What a command gave."""

    stdout: str
    stderr: str
    code: int

    @property
    def error(self) -> str:
        """The only line on standard error that says what went wrong; AssertionError if there is another, or output."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, self.stderr
        assert "Traceback" not in self.stderr
        assert "fault of lenet5" not in self.stderr
        return lines[0]


def environment(**changes) -> dict[str, str]:
    """This process's environment without settings of lenet5, with the data folder and no network; standard output is
    buffered, as it is for most."""
    dropped = "NO_COLOR", "COLUMNS", "PYTHONUNBUFFERED"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LENET5_") and k not in dropped}
    return kept | {"LENET5_DATA_DIR": str(DATA_DIR), "LENET5_OFFLINE": "1", "TERM": "xterm"} | changes


def start(*args, cwd, command=ENTRY_POINT, env=None, **settings) -> subprocess.Popen:
    """The command, running; its streams are pipes unless said otherwise."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    return subprocess.Popen([*command, *map(os.fspath, args)], cwd=cwd, env=environment(**(env or {})), **streams)


def finish(process: subprocess.Popen, stdin: bytes | None = None, timeout: float = 120) -> Result:
    """Wait for a command that :func:`start` started."""
    with process:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    text = (stream.decode(errors="surrogateescape") if stream else "" for stream in (stdout, stderr))
    return Result(*text, process.returncode)


def lenet5(*args, cwd, stdin: bytes | None = None, command=ENTRY_POINT, **env) -> Result:
    """Run `lenet5 ARGS` in the folder ``cwd``; keywords are environment variables."""
    pipe = {} if stdin is None else {"stdin": subprocess.PIPE}
    return finish(start(*args, cwd=cwd, command=command, env=env, **pipe), stdin)


@functools.cache
def server(kind: str) -> subprocess.Popen:
    """The process that `quick` asks; "all" data or the "few" strokes."""
    command = [sys.executable, "-c", SERVER, kind]
    process = subprocess.Popen(command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.wait)
    atexit.register(process.stdout.close)
    atexit.register(process.stdin.close)
    return process


def quick(*args, cwd, stdin: bytes | None = None, few: bool = False, **env) -> Result:
    """As :func:`lenet5`, with few strokes if so wished."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        for path in paths:
            path.write_bytes(stdin or b"" if path.name == "stdin" else b"")
        request = {"args": [os.fspath(arg) for arg in args], "cwd": str(cwd), "env": environment(**env)}
        process = server("few" if few else "all")
        print(json.dumps(request | {"streams": [str(path) for path in paths]}), file=process.stdin, flush=True)
        code = int(process.stdout.readline())
        text = [path.read_bytes().decode(errors="surrogateescape") for path in paths[1:]]
    return Result(*text, code)


def bound_by_permissions() -> dict:
    """Settings of :func:`start` under which the permissions of files count, as they do not for root; skips without."""
    if os.geteuid() != 0:
        return {}
    if sys.platform != "linux":
        pytest.skip("root may read everything, and its rights can be dropped on Linux only")
    return {"preexec_fn": _drop_rights_to_read}


def _drop_rights_to_read() -> None:
    """Root stays root, as the interpreter may lie in its folder, but may no more read what permissions forbid."""
    drop, dac_override, dac_read_search = 24, 1, 2  # PR_CAPBSET_DROP and capabilities, see linux/prctl.h
    for capability in (dac_override, dac_read_search):
        assert ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0) == 0


def wait_for(condition, seconds: float = 60) -> None:
    """Return as soon as ``condition()`` is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def interrupt(process: subprocess.Popen, number: int = signal.SIGINT) -> Result:
    process.send_signal(number)
    return finish(process)


def stopped(folder: Path, interrupted) -> tuple[Path, Result]:
    """(folder, result) of ``interrupted(folder)``, a training that a signal is to meet.

    It is begun anew in another folder where all was done before the signal came, as may be on a busy machine.
    """
    for attempt in range(5):
        place = folder / f"attempt-{attempt}"
        place.mkdir()
        result = interrupted(place)
        if result.code != 0:
            break
    return place, result


@functools.cache
def model_path() -> Path:
    """A model that knows its digits, trained once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="lenet5-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    model = LeNet5(seed=1).fit(*strokes.draw(6000, seed=9), epochs=4, threads=2)
    model.save(folder / "strokes.safetensors")
    return folder / "strokes.safetensors"


@functools.cache
def digits() -> np.ndarray:
    """One well written picture of each digit, uint8 (10, 28, 28)."""
    from lenet5 import load

    X, _ = strokes.draw(500, seed=4, labels=np.arange(500) % 10)
    model = load(model_path())
    sure = np.where(model.predict(X) == np.arange(500) % 10, model.predict_proba(X).max(axis=1), 0)
    return X[sure.reshape(50, 10).argmax(axis=0) * 10 + np.arange(10)]


def draw_digit(path: Path, digit: int) -> Path:
    """A PNG of this digit, as dark ink on white paper, enlarged."""
    picture = Image.fromarray(255 - digits()[digit]).resize((140, 140), Image.Resampling.BICUBIC)
    picture.save(path, format="PNG")
    return path


def has_escape_codes(text: str) -> bool:
    return any(ord(c) < 32 and c not in "\n\t" for c in text)
