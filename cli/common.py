"""What several commands do before their own work: find the model, load the pictures."""

import os
from pathlib import Path

from . import output


def load_model(path: Path | None):
    """The model of --model, LENET5_MODEL, ./lenet5.safetensors or the package; says which on standard error."""
    from lenet5 import model

    path = path or os.environ.get("LENET5_MODEL") or _here()
    if path is None:
        output.note("model: the one that ships with lenet5")
        return model.pretrained()
    output.note(f"model: {output.one_line(path)}")
    return model.load(path)


def _here() -> Path | None:
    path = Path("lenet5.safetensors")
    return path if path.exists() else None


def load_data(name: str, data_dir: Path | None, offline: bool | None):
    """`datasets.obtain` with bars, and its notes on standard error."""
    from lenet5 import datasets

    with output.download_progress() as progress:
        loaded = datasets.obtain(name, data_dir, offline=offline, progress=progress)
    for line in loaded.notes:
        output.note(f"note: {line}")
    return loaded


def check_writable(path: Path) -> None:
    """Say before the work, not after it, that its result could not be written: OSError that names the folder."""
    from lenet5.files import atomic_path

    class _Enough(Exception):
        pass

    try:
        with atomic_path(path):
            raise _Enough
    except _Enough:
        pass
