"""lenet5 compress: a model of fewer weights and bytes."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output, own_data
from .compress_options import chosen, compress_options
from .models import load_model
from .sources import load_data_for, load_own_for
from .train_request import command_line


@options.command()
@click.argument("model", required=False, type=options.path())
@click.option("--out", type=options.path(dir_okay=False), default="lenet5-compressed.safetensors", show_default=True,
              help="Where the compressed model goes; replaces an older model.")  # fmt: skip
@compress_options
@own_data.data
@options.dataset("the set that the model was trained on, else MNIST if it can be had, else strokes")
@options.data_dir
@options.offline
@options.threads
@options.as_json
@options.verbosity
@click.pass_context
def compress(
    ctx, model: Path | None, out: Path, own: Path | None, dataset: str, data_dir: Path | None, offline: bool | None,
    as_json: bool, teachers: tuple, **settings,
) -> None:  # fmt: skip
    """Write MODEL with fewer weights, or fewer bytes.

    Weights are removed while the model is trained on, taught by itself. Every command takes the result as a model. The
    accuracy before and after is measured on validation images; test images are not looked at.

    \b
    Examples:
      lenet5 compress --out tiny.safetensors
      lenet5 compress --sparsity 0.97 --codebook 8 --epochs 100 --out tiniest.safetensors
      lenet5 compress --macs 0.5 --out half.safetensors
      lenet5 compress --widths 6,16,24,24 --quantize --out chip.safetensors
      lenet5 compress animals.safetensors --data animals
    """
    from lenet5.compress.compress import compress
    from lenet5.models.info import origin
    from lenet5.models.loading import check_replaceable, load

    own_data.refuse_both(ctx, own)
    how = chosen(settings)
    network, name = load_model(model, digits=False)
    if replaced := check_replaceable(out):
        output.note(f"note: {one_line(out)} will be replaced{origin(replaced)}")
    data = load_own_for([network], own, how["threads"]) if own else load_data_for([network], dataset, data_dir, offline)
    taught_by = [load(path) for path in teachers]
    report = compress(network, data, teachers=taught_by, command=command_line(), follow=_follow, **how)
    report.save(out)
    n_bytes = out.stat().st_size
    if as_json:
        output.result_json({"model": name, "out": str(out), **report.as_dict(), "bytes": n_bytes})
    else:
        output.result_lines([*report.lines(), f"file: {n_bytes:,} bytes"])
        output.note(f"written: {one_line(out)}")


def _follow(trainer) -> None:
    """Train to the end, with what `lenet5 train` shows meanwhile."""
    from .train_progress import reporter

    with reporter(trainer) as (epoch, progress):
        for record in trainer.run(progress=progress):
            epoch(record)
