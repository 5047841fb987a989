"""lenet5 import: an ONNX file of another program as a model of ours."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import options, output


@options.command("import")
@click.argument("file", type=options.path())
@click.option("--out", required=True, type=options.path(dir_okay=False), help="Model file to write.")
@options.as_json
@options.verbosity
def import_model(file: Path, out: Path, as_json: bool) -> None:
    """Make a model of an ONNX file.

    FILE is one that `lenet5 export` wrote, or another program's LeNet. Its layers are matched with those of our
    networks, and its weights are taken over. A committee cannot be imported.

    \b
    Examples:
      lenet5 import model.onnx --out mine.safetensors
      lenet5 evaluate --model mine.safetensors
    """
    from lenet5.export import read
    from lenet5.models.loading import check_replaceable

    check_replaceable(out)
    model = read(file)
    model.save(out)
    output.note(f"written: {one_line(out)}")
    if as_json:
        output.result_json({"model": str(out), **model.info()})
    else:
        output.result(f"{one_line(out)}\t{model.variant}\t{model.n_parameters} parameters\t{model.n_classes} classes")
