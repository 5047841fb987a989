"""Milliseconds of whole processes: start, import, load, read one image, answer."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .figures import figure
from .timing import Rounds, alternate, spread


def measure_startup(rounds: Rounds) -> list[dict]:
    """Return figures of this program's commands, and of an empty Python and NumPy's import for scale."""
    from PIL import Image

    with tempfile.TemporaryDirectory(prefix="lenet5-benchmark-") as folder:
        picture = np.zeros((28, 28), np.uint8)
        picture[4:24, 13:16] = 255
        Image.fromarray(picture).save(Path(folder) / "digit.png")
        # The model that ships, not the user's, because its size is known.
        env = {name: value for name, value in os.environ.items() if name != "LENET5_MODEL"}

        def run(*arguments: str):
            command = [sys.executable, *arguments]
            return lambda: subprocess.run(command, check=True, capture_output=True, cwd=folder, env=env)

        commands = {
            "lenet5 predict digit.png": run("-m", "lenet5", "predict", "digit.png"),
            "lenet5 --help": run("-m", "lenet5", "--help"),
            "python -c 'import numpy'": run("-c", "import numpy"),
            "python -c pass": run("-c", "pass"),
        }
        seconds = alternate(commands, rounds)
    return [figure("startup", name, "ms", spread(values, 1e3)) for name, values in seconds.items()]
