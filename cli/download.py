"""lenet5 download: fetch a data set, or check the one that is there."""

from pathlib import Path

import click

from . import bars, options, output


@options.command(epilog="Exit code 4: no mirror gave the files. 5: files are there, but not the published ones.")
@click.argument("dataset", type=click.Choice(options.PUBLISHED), default="mnist")
@options.data_dir
@options.offline
@options.as_json
@options.verbosity
def download(dataset: str, data_dir: Path | None, offline: bool | None, as_json: bool) -> None:
    """Fetch the files of DATASET and print the folder they are in.

    Mirrors are tried in turn. Every file is checked by its SHA-256, even one that is already there; a wrong
    one is fetched anew.

    \b
    Examples:
      lenet5 download                          MNIST, to the user's cache folder
      lenet5 download fashion-mnist --json
      lenet5 download --data-dir data --offline    check what is there
    """
    from lenet5 import datasets

    with bars.of_download() as progress:
        files = datasets.fetch(dataset, data_dir, offline=offline, progress=progress)
    folder = files[0].path.parent
    rows = [{"file": file.path.name, "bytes": file.path.stat().st_size, "source": file.source} for file in files]
    if as_json:
        output.result_json({"dataset": dataset, "folder": str(folder), "files": rows})
    else:
        output.result(str(folder))
