"""lenet5 info: what a model is, what it costs, how it was trained."""

from pathlib import Path

import click

from . import options, output
from .common import load_model


@options.command()
@click.argument("model", required=False, type=options.path())
@options.as_json
@options.verbosity
def info(model: Path | None, as_json: bool) -> None:
    """Show the layers of MODEL, its size and how it was trained.

    \b
    Examples:
      lenet5 info                      the model that predict would use
      lenet5 info runs/train-001/best.safetensors --json
    """
    import numpy as np

    import lenet5
    from lenet5 import _kernels
    from lenet5.utils.threads import default_threads

    network, name = load_model(model)
    members = getattr(network, "models", None)  # of a committee
    if as_json:
        rows = [] if members else network.summary()
        layers = [row.__dict__ | {"output_shape": list(row.output_shape)} for row in rows]
        machine = {"lenet5": lenet5.__version__, "isa": _kernels.ISA, "threads": default_threads()}
        output.result_json(
            {"model": name} | network.info() | {"layers": layers, "n_parameters": network.n_parameters} | machine
        )
        return
    if members:
        output.result(_members(network))
    else:
        output.result(str(network.summary()))
        n_bytes = network.n_parameters * np.dtype(np.float32).itemsize
        output.result(f"\nvariant {network.variant}: {network.activation}, {network.pool} pooling, {network.c3} C3, "
                      f"{network.head} head\nweights: {n_bytes:,} bytes of float32")  # fmt: skip
    output.result(f"classes: {' '.join(network.labels)}")
    for line in [*_training(network.training), *_calibration(network.calibration)]:
        output.result(output.plain(line))
    output.result(f"this machine: {_kernels.ISA} kernels (of {', '.join(_kernels.ISAS)}), {default_threads()} threads")


def _members(committee) -> str:
    """The members of a committee, with their totals."""
    rows: list[tuple] = []
    for number, model in enumerate(committee.models, 1):
        training = model.training or {}
        config, metrics = (training.get(name) for name in ("config", "metrics"))
        seed = config.get("seed") if isinstance(config, dict) else None
        accuracy = metrics.get("validation_accuracy") if isinstance(metrics, dict) else None
        known = isinstance(accuracy, int | float) and 0 <= accuracy <= 1
        seed = "-" if seed is None else output.plain(str(seed)[:20])
        accuracy = output.percent(accuracy if known else None)
        rows.append((number, model.variant, seed, f"{model.n_parameters:,}", f"{model.macs:,}", accuracy))
    rows.append(("all", "", "", f"{committee.n_parameters:,}", f"{committee.macs:,}", ""))
    header = ("member", "variant", "seed", "parameters", "multiply-adds", "validation accuracy")
    return f"committee: the mean of the probabilities of\n{output.table(rows, header, left=2)}\n"


def _calibration(calibration) -> list[str]:
    """What the model knows about its confidence, in a line or two."""
    if not calibration.n:
        return ["confidence: not calibrated (temperature 1)"]
    lines = [f"confidence: temperature {calibration.temperature:g}, from {calibration.n:,} validation pictures"]
    pairs = [
        f"{100 * t.error:g} % " + (f"from {t.confidence:.4f} on" if t.confidence else "of all")
        for t in calibration.telling()
    ]
    if pairs:
        lines += ["error by confidence, at most:", *(f"  {pair}" for pair in pairs)]
    return lines


def _training(training: dict | None) -> list[str]:
    """How a model was trained, in lines."""
    if not training:
        return ["trained: unknown"]
    metrics, config = (training.get(name) for name in ("metrics", "config"))
    lines = [
        *_lines_of(f"trained by: {_cut(training.get('command'))}"),
        f"data: {_cut(training.get('dataset'))}, SHA-256 of the training pictures and labels",
        f"  {_cut(training.get('data_sha256'))}",
        f"seed: {_cut(config.get('seed') if isinstance(config, dict) else None)}",
    ]
    for name in ("validation_accuracy", "test_accuracy"):
        value = metrics.get(name) if isinstance(metrics, dict) else None
        if isinstance(value, int | float) and 0 <= value <= 1:
            lines.append(f"{name.replace('_', ' ')}: {output.percent(value)}")
    return lines


def _lines_of(command: str) -> list[str]:
    """A command on lines of at most 80 columns that a shell joins again; one with quotes as it is."""
    import textwrap

    if "'" in command:
        return [command]
    *lines, last = textwrap.wrap(command, 78, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [*(f"{line} \\" for line in lines), last]


def _cut(value: object) -> str:
    """What a file says, which may be anything: at most 1000 characters of it."""
    return "unknown" if value is None else str(value)[:1000]
