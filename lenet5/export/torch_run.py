"""Runs a written PyTorch module in a Python of its own, so that a check sees what a user of the file gets."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from ..errors import LeNet5Error, one_line
from ..nn.extras import require

PROGRAM = """\
import sys
sys.path.insert(0, sys.argv[1])
import numpy, torch
from lenet5_torch import load
shape = [int(n) for n in sys.argv[2:]]
X = torch.from_numpy(numpy.frombuffer(sys.stdin.buffer.read(), numpy.float32).reshape(shape).copy())
with torch.inference_mode():
    sys.stdout.buffer.write(load()(X).numpy().tobytes())
"""


def run(folder: Path, X: np.ndarray) -> tuple[np.ndarray, str]:
    """The logits (N, classes) of inputs, float32 (N, C, size, size) in 0..1, and what gave them."""
    require("torch", "torch")
    from importlib.metadata import version

    # -B: nothing but the two files is left in the folder
    command = [sys.executable, "-B", "-c", PROGRAM, str(folder.resolve()), *map(str, X.shape)]
    done = subprocess.run(command, input=X.tobytes(), capture_output=True)
    if done.returncode:
        said = one_line(done.stderr.decode(errors="replace").strip().splitlines()[-1][:200])
        raise LeNet5Error(f"{one_line(folder)}: PyTorch ended with code {done.returncode}: {said}")
    return np.frombuffer(done.stdout, np.float32).reshape(len(X), -1), f"PyTorch {version('torch')}"
