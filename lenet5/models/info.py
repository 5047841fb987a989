"""What a model says of itself: its layers or members, how it was trained, how sure it is; and where that is shown."""

import textwrap

import numpy as np

import lenet5

from .. import _kernels
from ..evaluation.calibration import Calibration
from ..utils.tables import Lines, Table
from ..utils.text import percent, plain
from ..utils.threads import default_threads
from . import card
from .ensemble import Committee
from .lenet import LeNet5
from .loading import Model
from .multi_task import MultiTask
from .quantity_answers import LEVEL, QuantityAnswers
from .quantized import Quantized
from .regressor import Regressor

_MOST = 1000  # characters of anything that a file says


def document(model: Model, licence: str | None = None) -> dict:
    """As JSON: what the model's file says, its layers (none of a committee), its limits, and this machine.

    licence : of a model whose file does not say it
    """
    rows = [] if isinstance(model, Committee) else model.summary()
    layers = [row.__dict__ | {"output_shape": list(row.output_shape)} for row in rows]
    machine = {"lenet5": lenet5.__version__, "isa": _kernels.ISA, "threads": default_threads()}
    found = {"layers": layers, "n_parameters": model.n_parameters, **card.document(model, licence)}
    head = {"head": "linear"} if isinstance(model, Regressor) else {}  # its file names that of the variant
    return model.info() | head | found | machine


def lines(model: Model, licence: str | None = None) -> Lines:
    """The same for people."""
    sure = [] if isinstance(model, Regressor) else _calibration_lines(model.calibration)
    sure += _quantity_lines(model) if isinstance(model, QuantityAnswers) else []
    about = [*_training_lines(model.training), *sure]
    return [
        *_own_lines(model),
        *([f"classes: {' '.join(model.labels)}"] if model.labels else []),
        *map(plain, [*about, *card.lines(model, licence)]),
        f"this machine: {_kernels.ISA} kernels (of {', '.join(_kernels.ISAS)}), {default_threads()} threads",
    ]


def origin(model: Model) -> str:
    """What a model was trained on, as far as it says so, in brackets."""
    training = model.training or {}
    if not isinstance(training.get("dataset"), str):
        return ""
    accuracy = _fraction(training.get("metrics"), "test_accuracy")
    good = "" if accuracy is None else f", test accuracy {percent(accuracy)}"
    return f" (trained on {plain(training['dataset'][:40])}{good})"


def _own_lines(model: Model) -> Lines:
    """What distinguishes a model of its kind: its members, or its layers and the size of its weights."""
    if isinstance(model, Committee):
        return _member_lines(model)
    if isinstance(model, Quantized):
        weights = f"{model.n_bytes:,} bytes: int8, with int32 for biases and multipliers; what follows is of the model "
        return [*_network_lines(model.shape), f"weights: {weights}that was quantized"]
    n_bytes = model.n_parameters * np.dtype(np.float32).itemsize
    return [*_network_lines(model), f"weights: {n_bytes:,} bytes of float32"]


def _network_lines(model: LeNet5 | Regressor | MultiTask) -> Lines:
    return [
        str(model.summary()),
        "",
        f"variant {model.variant}: {model.activation}, {model.pool} pooling, {model.c3} C3, "
        f"{'linear' if isinstance(model, Regressor) else model.head} head",
    ]


def _member_lines(committee: Committee) -> Lines:
    """The members of a committee, with their totals."""
    rows: list[tuple] = [_member(number, model) for number, model in enumerate(committee.models, 1)]
    rows.append(("all", "", "", f"{committee.n_parameters:,}", f"{committee.macs:,}", ""))
    header = ("member", "variant", "seed", "parameters", "multiply-adds", "validation accuracy")
    return ["committee: the mean of the probabilities of", Table(rows, header, left=2), ""]


def _member(number: int, model) -> tuple:
    training = model.training or {}
    config = training.get("config")
    seed = config.get("seed") if isinstance(config, dict) else None
    accuracy = _fraction(training.get("metrics"), "validation_accuracy")
    return (number, model.variant, "-" if seed is None else plain(str(seed)[:20]), f"{model.n_parameters:,}",
            f"{model.macs:,}", percent(accuracy))  # fmt: skip


def _calibration_lines(calibration: Calibration) -> list[str]:
    """What the model knows about its confidence."""
    if not calibration.n:
        return ["confidence: not calibrated (temperature 1)"]
    told = [
        f"  {100 * t.error:g} % " + (f"from {t.confidence:.4f} on" if t.confidence else "of all")
        for t in calibration.telling()
    ]
    return [
        f"confidence: temperature {calibration.temperature:g}, from {calibration.n:,} validation images",
        *(["error by confidence, at most:", *told] if told else []),
    ]


def _quantity_lines(model: QuantityAnswers) -> list[str]:
    """What a model of quantities answers, and within which intervals."""
    scaling, widths = model.scaling, model.intervals.width(LEVEL)
    if model.period is None:
        means = (f"{mean:g} +- {scale:g}" for mean, scale in zip(scaling.mean, scaling.scale, strict=True))
        lines = [f"targets: {', '.join(means)}"]
    else:
        lines = [f"targets: {model.n_targets}, with the period {model.period:g}"]
    if widths is None:
        return [*lines, "intervals: none, as there were no validation images, or too few"]
    shown = ", ".join(f"+-{width:g}" for width in widths)
    return [*lines, f"intervals: 90 % within {shown}, from {model.intervals.n:,} validation images"]


def _training_lines(training: dict | None) -> list[str]:
    """How a model was trained, as far as it says so."""
    if not training:
        return ["trained: unknown"]
    metrics, config = (training.get(name) for name in ("metrics", "config"))
    found = ((name, _fraction(metrics, name)) for name in ("validation_accuracy", "test_accuracy"))
    return [
        *_continued(f"trained by: {_cut(training.get('command'))}"),
        f"data: {_cut(training.get('dataset'))}, SHA-256 of the training images and labels",
        f"  {_cut(training.get('data_sha256'))}",
        f"seed: {_cut(config.get('seed') if isinstance(config, dict) else None)}",
        *(f"{name.replace('_', ' ')}: {percent(value)}" for name, value in found if value is not None),
    ]


def _continued(command: str) -> list[str]:
    """A command on lines of at most 80 columns that a shell joins again; one with quotes as it is."""
    if "'" in command:
        return [command]
    *parts, last = textwrap.wrap(command, 78, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [*(f"{part} \\" for part in parts), last]


def _fraction(metrics: object, name: str) -> float | None:
    """A number in 0..1 of what a file says was measured; None where it says anything else."""
    value = metrics.get(name) if isinstance(metrics, dict) else None
    return value if isinstance(value, int | float) and 0 <= value <= 1 else None


def _cut(value: object) -> str:
    return "unknown" if value is None else str(value)[:_MOST]
