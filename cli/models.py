"""Which model a command uses: --model, LENET5_MODEL, ./lenet5.safetensors or the one that ships."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import click

from lenet5.errors import one_line

from . import output

#: What the model that ships is called in JSON.
SHIPPED = "pretrained"


def is_of_quantities(network) -> bool:
    """Whether a model answers with numbers, and not with classes."""
    from lenet5.models.regressor import Regressor

    return isinstance(network, Regressor)


def load_models(
    paths: Sequence[Path], *, digits: bool = True, shipped: Callable | None = None, quantities: bool = False
) -> tuple:
    """(one model as `load_model` finds it, its name), or (the committee of several, the list of their names)."""
    from lenet5.models import ensemble
    from lenet5.models.quantity_answers import QuantityAnswers

    if len(paths) < 2:
        return load_model(paths[0] if paths else None, digits=digits, shipped=shipped, quantities=quantities)
    models, names = zip(*(load_model(path, quantities=quantities) for path in paths), strict=True)
    if any(isinstance(model, QuantityAnswers) for model in models):
        raise click.UsageError("committees are of models of classes alone; name one model of quantities")
    return ensemble.Committee(models), list(names)


def load_model(
    path: Path | str | None, *, digits: bool = True, shipped: Callable | None = None, quantities: bool = False
) -> tuple:
    """(the model of --model, LENET5_MODEL, ./lenet5.safetensors or the package, its name); standard error has it, too.

    With ``digits`` a model of other classes in ./lenet5.safetensors, which nobody asked for, is passed by. ``shipped``
    gives the package's model, if not `documents.pretrained`. UsageError for a model of quantities, unless those are
    allowed.
    """
    import lenet5
    from lenet5 import _kernels
    from lenet5.models import documents, info, lenet, loading

    output.detail(f"lenet5 {lenet5.__version__} in {Path(lenet5.__file__).parent}, {_kernels.ISA} kernels")
    named = path or os.environ.get("LENET5_MODEL")
    path = named or _here()
    shipped = shipped or documents.pretrained
    network = loading.load(path) if path else shipped()
    if path and not named and digits and tuple(network.labels) != lenet.DIGITS:
        classes = ", ".join([*network.labels[:3], "..."]) if network.labels else "quantities"
        output.note(f"note: ./{path} reads {classes} and no digits; to use it: --model {path}")
        path, network = None, shipped()
    if is_of_quantities(network) and not quantities:
        raise click.UsageError(f"{one_line(path)}: a model of quantities; this needs one of classes")
    output.note(f"model: {one_line(path)}{info.origin(network)}" if path else "model: the one that ships with lenet5")
    return network, os.fspath(path or SHIPPED)


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
