"""What a bug report needs: versions, kernels, threads, paths and model, and whether they work.

Whatever is missing or broken is a part of the report, never an error.
"""

import functools
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import lenet5

from .errors import one_line
from .utils.text import plain, wrapped

#: Distributions without which it does not run, and those that some of its parts use.
NEEDED = ("numpy", "click", "pillow", "platformdirs", "requests", "safetensors", "tqdm", "urllib3")
OPTIONAL = ("torch", "onnx", "onnxruntime", "openvino", "scikit-learn")
SEED = 11  # of ten digits that are beyond doubt
TOLERANCE = 1e-4  # of a kernel's sums of 150 products in float32


def examine(model: Path | None = None) -> dict:
    """Examine everything, section by section, as JSON values; a section that fails is ``{"error": …}``.

    Parameters
    ----------
    model : Path, optional
        The file to examine; by default the weights that ship.

    Returns
    -------
    dict
        ``passed`` tells whether all of ``checks`` passed.
    """
    sections = {
        "versions": _versions,
        "platform": _platform,
        "kernels": _kernels,
        "threads": _threads,
        "environment": _environment,
        "paths": _paths,
        "data": _data,
        "model": lambda: _model(model),
    }
    document = {name: _guarded(section) for name, section in sections.items()}
    checks = {"kernel": _check_kernel, "digits": _check_digits}
    document["checks"] = {name: _outcome(check) for name, check in checks.items()}
    return document | {"passed": set(document["checks"].values()) == {"passed"}}


def text(report: dict) -> str:
    """The sections of a report for people, a line for each entry."""
    blocks = []
    for title, entries in report.items():
        if isinstance(entries, dict):
            lines = (f"  {_title(name)}: {_shown(value)}" for name, value in entries.items())
            blocks.append("\n".join([title, *(wrapped(plain(line)) for line in lines)]))
    return "\n\n".join(block for block in blocks if "\n" in block)


def _title(name: str) -> str:
    """A key as words; the name of a variable as it is."""
    return name.replace("_", " ") if name.islower() else name


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _guarded(section: Callable[[], dict]) -> dict:
    try:
        return section()
    except Exception as error:
        return {"error": _words(error)}


def _outcome(check: Callable[[], str | None]) -> str:
    """Return the fault that a check reports or raises, or "passed"."""
    try:
        return check() or "passed"
    except Exception as error:
        return _words(error)


def _words(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {' '.join(str(error).split())}")


def _versions() -> dict:
    from .benchmark import machine

    there = machine.versions((*NEEDED, *OPTIONAL))
    ours = {"lenet5": lenet5.__version__, "python": platform.python_version()}
    return ours | dict.fromkeys(NEEDED, "missing") | there


def _platform() -> dict:
    from .benchmark import machine

    return {"system": platform.platform(), "machine": platform.machine(), "processor": machine.processor()}


def _kernels() -> dict:
    from . import _kernels as kernels

    return {"isa": kernels.ISA, "available": list(kernels.ISAS), "compiler": kernels.COMPILER}


def _threads() -> dict:
    """Return the number of threads ``used``, and the limits behind it, even if LENET5_THREADS is wrong."""
    from .utils import threads

    quota = threads.quota()
    return {
        "used": _outcome(lambda: str(threads.default_threads())),
        "processors": os.cpu_count(),
        "affinity": threads.affinity(),
        "quota": None if quota == threads.MAX_THREADS else quota,
    }


def _environment() -> dict:
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith("LENET5_")}


def _paths() -> dict:
    from .datasets.download import default_data_dir

    data = default_data_dir()
    return {
        "package": str(Path(lenet5.__file__).parent),
        "python": sys.executable,
        "data": str(data),
        "data_writable": _can_be_written(data),
    }


def _can_be_written(folder: Path) -> bool:
    """Whether files can be written to a folder, or the folder be made; nothing is made to find out."""
    folder = folder.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _data() -> dict:
    """Return the state of each published set."""
    from . import datasets
    from .datasets import download

    folder = download.default_data_dir()
    return {name: _state(folder / name, dataset.files) for name, dataset in datasets.TABLE.items()}


def _state(folder: Path, files: Sequence) -> str:
    """Return the state of a set: complete, missing, or the first faulty file with its fault."""
    from .datasets import download

    faults = {file.name: _outcome(functools.partial(download.fault, folder / file.name, file)) for file in files}
    if set(faults.values()) == {download.MISSING}:
        return download.MISSING
    return next((f"{name}: {fault}" for name, fault in faults.items() if fault != "passed"), "complete")


def _model(path: Path | None) -> dict:
    """Return the model's file and what it records."""
    from .models import documents, loading

    found = documents.pretrained() if path is None else loading.load(path)
    training = found.training or {}
    metrics = training.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    return {
        "file": "ships with lenet5" if path is None else str(path),
        "kind": type(found).__name__,
        "parameters": found.n_parameters,
        "classes": " ".join(found.labels)[:200],
        "trained_on": training.get("dataset"),
        "trained_by": training.get("command"),
        "test_accuracy": metrics.get("test_accuracy"),
    }


def _check_kernel() -> str | None:
    """Compare a convolution of C3's shape with its definition in NumPy."""
    import numpy as np

    from . import _kernels as kernels

    rng = np.random.default_rng(0)
    X, W, b = (rng.normal(size=shape).astype(np.float32) for shape in ((3, 6, 14, 14), (16, 6, 5, 5), (16,)))
    windows = np.lib.stride_tricks.sliding_window_view(X.astype(np.float64), (5, 5), axis=(2, 3))
    right = np.einsum("ncyxij,ocij->noyx", windows, W.astype(np.float64)) + b[:, None, None]
    got = kernels.from_lanes(kernels.conv2d_forward(kernels.to_lanes(X), W, b), len(X))
    difference = float(np.abs(got - right).max())
    return None if difference < TOLERANCE else f"a convolution is {difference:g} off with {kernels.ISA} kernels"


def _check_digits() -> str | None:
    """Read ten drawn digits with the weights that ship."""
    import numpy as np

    from .datasets.synthetic import strokes
    from .models import documents

    X, y = strokes.draw(10, seed=SEED, labels=np.arange(10))
    answers = documents.pretrained().predict(X)
    return None if (answers == y).all() else f"drawn digits 0 to 9 are read as {' '.join(map(str, answers))}"
