"""The options of `lenet5 benchmark`, and which of them go together."""

import click

from . import options

PARTS = ("kernels", "training", "prediction", "startup", "scaling")
#: Parameters that only a measurement has.
MEASURING = ("parts", "peers", "repeats", "threads", "batch_sizes", "quick", "data_dir", "out")
_FILE = options.path()
benchmark_options = options.together(
    click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[PART]..."),
    click.option("--peers/--no-peers", default=False, show_default=True,
                 help="Measure other programs too, in turns: PyTorch, ONNX Runtime, OpenVINO, scikit-learn, whichever "
                      "are installed."),
    click.option("--repeats", type=click.IntRange(1, 1000),
                 help="Counted runs of each measurement.  [default: by part, 3 to 15]"),
    click.option("--threads", type=click.IntRange(1, 256), multiple=True,
                 help="Threads to use; may be repeated.  [default: 1, and LENET5_THREADS or the processors that this "
                      "process may use]"),
    click.option("--batch-size", "batch_sizes", type=click.IntRange(1, 65536), multiple=True,
                 help="Images in one update; may be repeated.  [default: 64, with --peers 128 too]"),
    click.option("--quick", is_flag=True, help="10,000 images and three runs of each: rough, but done in seconds."),
    options.data_dir,
    click.option("--out", type=options.path(dir_okay=False), metavar="FILE",
                 help="Write the figures to this file, as JSON."),
    click.option("--chart", type=options.path(dir_okay=False), metavar="SVG",
                 help="Draw the figures as bars to this file."),
    click.option("--from", "source", type=_FILE, metavar="FILE", help="Measure nothing; show what --out wrote."),
    click.option("--compare", type=(_FILE, _FILE), metavar="OLD NEW",
                 help="Measure nothing; show what changed between two files of --out."),
)  # fmt: skip


def refuse_beside(ctx: click.Context, option: str, names: tuple[str, ...]) -> None:
    """UsageError for any parameter in ``names`` beside an option that measures nothing."""
    for param in ctx.command.params:
        if param.name in names and options.was_given(ctx, param.name):
            what = param.opts[0] if isinstance(param, click.Option) else "a PART"
            raise click.UsageError(f"{option} measures nothing, so {what} has no meaning beside it")
