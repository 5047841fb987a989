"""What several commands do before their own work: find the model, load the pictures."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from . import bars, output

#: What the model that ships is called in JSON.
SHIPPED = "pretrained"


def load_models(paths: Sequence[Path], *, digits: bool = True) -> tuple:
    """(one model as `load_model` finds it, its name), or (the committee of several, the list of their names)."""
    from lenet5.models import ensemble

    if len(paths) < 2:
        return load_model(paths[0] if paths else None, digits=digits)
    models, names = zip(*map(load_model, paths), strict=True)
    return ensemble.Committee(models), list(names)


def load_model(path: Path | str | None, *, digits: bool = True) -> tuple:
    """(the model of --model, LENET5_MODEL, ./lenet5.safetensors or the package, its name); standard error has it, too.

    With ``digits`` a model of other classes in ./lenet5.safetensors, which nobody asked for, is passed by.
    """
    import lenet5
    from lenet5 import _kernels
    from lenet5.models import lenet, loading

    output.detail(f"lenet5 {lenet5.__version__} in {Path(lenet5.__file__).parent}, {_kernels.ISA} kernels")
    named = path or os.environ.get("LENET5_MODEL")
    path = named or _here()
    network = loading.load(path) if path else lenet.pretrained()
    if path and not named and digits and tuple(network.labels) != lenet.DIGITS:
        classes = ", ".join(network.labels[:3])
        output.note(f"note: ./{path} reads {classes}, ... and no digits; to use it: --model {path}")
        path, network = None, lenet.pretrained()
    output.note(f"model: {output.one_line(path)}{origin(network)}" if path else "model: the one that ships with lenet5")
    return network, os.fspath(path or SHIPPED)


def origin(network) -> str:
    """What a model was trained on, as far as it says so, in brackets."""
    training = network.training or {}
    metrics = training.get("metrics")
    if not isinstance(training.get("dataset"), str):
        return ""
    accuracy = metrics.get("test_accuracy") if isinstance(metrics, dict) else None
    good = f", test accuracy {output.percent(accuracy)}" if isinstance(accuracy, float) and 0 <= accuracy <= 1 else ""
    return f" (trained on {output.plain(training['dataset'][:40])}{good})"


def default_model() -> Path | None:
    """The file that `load_model` takes where none is named, damaged or not; None for the weights that ship."""
    from lenet5 import errors

    if named := os.environ.get("LENET5_MODEL"):
        return Path(named)
    path = _here()
    with suppress(errors.ModelFileError, ImportError, ValueError):  # without NumPy or kernels there is a report, too
        from lenet5.models import lenet, loading

        if path and tuple(loading.load(path).labels) != lenet.DIGITS:
            return None
    return path


def _here() -> Path | None:
    path = Path("lenet5.safetensors")
    return path if path.exists() else None


class _StandardInput:
    """What `-` stands for, as a file; PictureError where it is closed."""

    name = "-"

    def read(self, n: int = -1) -> bytes:
        if sys.stdin is None:
            from lenet5.errors import PictureError

            raise PictureError("-: standard input is closed")
        return sys.stdin.buffer.read(n)


def source(name: str):
    """What the library reads a picture from, by its name among the arguments."""
    return _StandardInput() if name == "-" else name


def load_data(name: str, data_dir: Path | None, offline: bool | None):
    """`datasets.obtain` with bars, and its notes on standard error."""
    from lenet5 import datasets

    with bars.of_download() as progress:
        loaded = datasets.obtain(name, data_dir, offline=offline, progress=progress)
    for line in loaded.notes:
        output.note(output.wrapped(f"note: {line}"))
    return loaded


def check_png(path: Path, *inputs: str) -> None:
    """Refuse, before the work, a target of a picture that is no PNG by its name or content, or that is an input."""
    from lenet5.utils.files import check_writable

    if path.suffix.lower() != ".png":
        raise click.UsageError(f"{output.one_line(path)}: the picture is a PNG, so its name must end in .png")
    if path.exists():
        if any(os.path.exists(name) and path.samefile(name) for name in inputs):
            raise click.UsageError(f"{output.one_line(path)}: is the picture to be read; choose another name")
        if not path.is_file() or _start(path, 4) not in (b"", b"\x89PNG"):
            raise click.UsageError(f"{output.one_line(path)}: exists and is not a PNG; choose another name")
    check_writable(path)


def check_svg(path: Path) -> None:
    """Refuse, before the work, a target of a chart that is no SVG by its name or content."""
    from lenet5.utils.files import check_writable

    if path.suffix.lower() != ".svg":
        raise click.UsageError(f"{output.one_line(path)}: the chart is an SVG, so its name must end in .svg")
    if path.exists() and (not path.is_file() or _start(path, 4) not in (b"", b"<svg")):
        raise click.UsageError(f"{output.one_line(path)}: exists and is not an SVG of lenet5; choose another name")
    check_writable(path)


def _start(path: Path, n: int) -> bytes:
    with open(path, "rb") as stream:
        return stream.read(n)
