"""lenet5 export: a trained network for other programs, checked against the model."""

import sys
from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output
from .models import load_model
from .sources import load_data, load_data_for, load_own_for

FORMATS = ("onnx", "onnx-int8", "c", "c-int8", "torch", "npz")
#: Those that are written of a model in 8 bits.
IN_8_BITS = ("c-int8", "onnx-int8")
#: Images that --check compares; they are the first ones that the data set trains on.
N_CHECKED = 1000


@options.command(epilog="Exit code 1: with --check, answers differ or nothing could run the file.")
@click.argument("model", required=False, type=options.path())
@click.option("--to", required=True, type=click.Choice(FORMATS),
              help="Format: onnx (one file), c (a folder with lenet5.c and lenet5.h), onnx-int8 and c-int8 (the "
                   "same in 8 bits), torch (a folder with a module and its weights), npz (one file of NumPy "
                   "arrays).")  # fmt: skip
@click.option("--out", required=True, type=options.path(), help="File or folder to write.")
@click.option("--opset", type=click.IntRange(17, 21), help="Version of ONNX's operators.  [default: 17]")
@click.option("--check", is_flag=True, help="Run what was written and compare its answers with the model's.")
@click.option("--data", "own", type=options.path(), metavar="DIR|CSV",
              help="Own images of the model's classes: they decide the scales of 8 bits, and --check takes "
                   "them.")  # fmt: skip
@options.data_dir
@options.as_json
@options.verbosity
def export(
    model: Path | None, to: str, out: Path, opset: int | None, check: bool, own: Path | None, data_dir, as_json: bool
) -> None:
    """Write MODEL for another program.

    Class names, temperature and preparation are written, too. Without MODEL it is the one that predict would use.
    For a format in 8 bits, a model in float32 is quantized first, as lenet5 quantize does.
    With --check the file is run on training images of --data, else of MNIST, or on drawn digits where MNIST is not
    on disk.

    \b
    Examples:
      lenet5 export lenet5.safetensors --to c --out firmware --check
      lenet5 export --to onnx --out digits.onnx
      lenet5 export animals.safetensors --to c-int8 --data animals --out firmware --check
      lenet5 export committee.safetensors --to onnx --opset 21 --out committee.onnx --json
    """
    from lenet5.export import write

    if opset and not to.startswith("onnx"):
        raise click.UsageError("--opset is a version of ONNX: use it with --to onnx or onnx-int8")
    network, name = load_model(model, quantities=to not in IN_8_BITS)
    data = load_own_for([network], own, 1) if own else None
    if to in IN_8_BITS:
        network = _in_8_bits(network, to, data, data_dir)
    files = write(network, out, to, **({"opset": opset} if opset else {}))
    for file in files:
        output.note(f"written: {one_line(file)}")
    report = _checked(network, out, to, data or load_data("auto", data_dir, True)) if check else None
    if as_json:
        found = report.as_dict() if report else {"to": to}
        output.result_json({"model": name, "files": list(map(str, files)), **found})
    elif report:
        output.result_lines(report.lines())
    if report and report.differing:
        output.error(f"{report.differing:,} of {report.n:,} answers differ from the model's; do not use the file")
        sys.exit(1)


def _in_8_bits(network, to: str, data, data_dir: Path | None):
    """The network quantized as `lenet5 quantize` does; another model as it is, which the format takes or refuses."""
    from lenet5 import Committee, LeNet5
    from lenet5.compress.quantize import quantize_each
    from lenet5.models.judgement import trained_on
    from lenet5.models.lenet import DIGITS

    if not isinstance(network, (LeNet5, Committee) if to == "onnx-int8" else LeNet5):
        return network
    if not data and tuple(network.labels) != DIGITS and trained_on(network) not in options.DATASETS:
        raise click.UsageError("the model has own classes: name their images with --data, which decide the scales")
    small, reports = quantize_each(network, data or load_data_for([network], "auto", data_dir, True))
    for line in (line for report in reports for line in report.lines()):
        output.note(str(line))
    output.note("note: the model was quantized for this export; `lenet5 quantize` keeps the result as a model file")
    return small


def _checked(network, out: Path, to: str, data):
    from lenet5.export import check

    return check(network, out, to, data.train[0][:N_CHECKED])
