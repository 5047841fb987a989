"""lenet5 quantize: a model in 8 bits."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output, own_data
from .models import load_model
from .sources import load_data_for, load_own_for


@options.command()
@click.argument("model", required=False, type=options.path())
@click.option("--out", type=options.path(dir_okay=False), default="lenet5-int8.safetensors", show_default=True,
              help="Where the model in 8 bits goes; replaces an older model.")  # fmt: skip
@click.option("--calibration", "n_calibration", type=click.IntRange(1), default=1000, show_default=True, metavar="N",
              help="How many training images decide the scales.")  # fmt: skip
@own_data.data
@options.dataset("the set that the model was trained on, else MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@options.threads
@options.as_json
@options.verbosity
@click.pass_context
def quantize(
    ctx, model: Path | None, out: Path, n_calibration: int, own: Path | None, dataset: str, data_dir: Path | None,
    offline: bool | None, threads: int, as_json: bool,
) -> None:  # fmt: skip
    """Write MODEL in 8 bits, a quarter as large.

    It computes in whole numbers from the pixels to the scores, which are the same on every machine. Every command
    takes the result as a model, except as a teacher. The images that decide the scales are training images, and the
    accuracy before and after is measured on validation images; test images are not looked at.

    \b
    Examples:
      lenet5 quantize --out small.safetensors
      lenet5 quantize runs/train-001/best.safetensors
      lenet5 quantize animals.safetensors --data animals
      lenet5 predict --model small.safetensors digit.png
    """
    from lenet5.compress.quantize import quantize
    from lenet5.models.info import origin
    from lenet5.models.loading import check_replaceable

    own_data.refuse_both(ctx, own)
    network, name = load_model(model, digits=False)
    if replaced := check_replaceable(out):
        output.note(f"note: {one_line(out)} will be replaced{origin(replaced)}")
    models = [network]
    data = load_own_for(models, own, threads) if own else load_data_for(models, dataset, data_dir, offline)
    report = quantize(network, data, n_calibration=n_calibration, threads=threads)
    report.model.save(out)
    if as_json:
        output.result_json({"model": name, "out": str(out), **report.as_dict()})
    else:
        output.result_lines(report.lines())
        output.note(f"written: {one_line(out)}")
