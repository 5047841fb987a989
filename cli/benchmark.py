"""lenet5 benchmark: how fast this machine trains and predicts, and what changed between two runs."""

import contextlib
import shlex
import sys
from pathlib import Path

import click

from . import options, output
from .common import check_svg, load_data

PARTS = ("kernels", "training", "prediction", "startup", "scaling")
#: Parts that peers take part in, and of which charts are drawn.
_WITH_PEERS = {"training", "prediction"}
#: Parameters that only a measurement has.
_MEASURING = ("parts", "peers", "repeats", "threads", "batch_sizes", "quick", "data_dir", "out")
_FILE = options.path()


@options.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS), metavar="[PART]...")
@click.option("--peers/--no-peers", default=False, show_default=True,
              help="Measure other programs beside, in turns: PyTorch, ONNX Runtime, OpenVINO, scikit-learn, as far as "
              "installed.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, 1000), help="Counted runs of each.  [default: by part, 3 to 15]")
@click.option("--threads", type=click.IntRange(1, 256), multiple=True,
              help="Threads to use; may be repeated.  [default: 1, and LENET5_THREADS or the processors that this "
              "process may use]")  # fmt: skip
@click.option("--batch-size", "batch_sizes", type=click.IntRange(1, 65536), multiple=True,
              help="Pictures in one update; may be repeated.  [default: 64, with --peers 128 too]")  # fmt: skip
@click.option("--quick", is_flag=True, help="10,000 pictures, three runs of each: some seconds, and rough.")
@options.data_dir
@click.option("--out", type=options.path(dir_okay=False), metavar="FILE",
              help="Write the figures to this file, as JSON.")  # fmt: skip
@click.option("--chart", type=options.path(dir_okay=False), metavar="SVG",
              help="Draw the figures as bars to this file.")  # fmt: skip
@click.option("--from", "source", type=_FILE, metavar="FILE", help="Measure nothing, show what --out wrote.")
@click.option("--compare", type=(_FILE, _FILE), metavar="OLD NEW",
              help="Measure nothing, show what changed between two files of --out.")  # fmt: skip
@options.as_json
@options.verbosity
@click.pass_context
def benchmark(ctx: click.Context, source, compare: tuple[Path, Path] | None, out, chart, as_json, **settings) -> None:
    """Measure how fast this machine trains and predicts, in half a minute.

    PART is kernels (share of the processor's multiply-add peak), training (passes), prediction (latency, throughput),
    startup (whole processes) or scaling (with threads and pictures); all of them where none is named. Pictures are
    MNIST's where they are on disk, else drawn strokes. Figures are medians with the least and the most.

    \b
    Examples:
      lenet5 benchmark
      lenet5 benchmark kernels --json
      lenet5 benchmark --peers --out new.json --chart new.svg
      lenet5 benchmark --compare old.json new.json
    """
    from lenet5.benchmark import figures

    from . import benchmark_tables as tables

    if compare:
        _refuse(ctx, "--compare", (*_MEASURING, "source", "chart"))
        _show_comparison(*compare, as_json)
        return
    if source:
        _refuse(ctx, "--from", _MEASURING)
    if chart:
        check_svg(chart)
        if out and chart.absolute() == out.absolute():
            raise click.UsageError("--out and --chart name the same file")
    document = figures.load(source) if source else _measure(out, chart, **settings)
    if out:
        figures.save(out, document)
        output.note(f"figures written: {output.one_line(out)}")
    if chart:
        _draw(document, chart)
    if as_json:
        output.result_json(document)
    else:
        output.result(tables.report(document))


def _refuse(ctx: click.Context, option: str, names: tuple[str, ...]) -> None:
    """UsageError for any of these parameters beside an option that measures nothing."""
    for param in ctx.command.params:
        if param.name in names and options.was_given(ctx, param.name):
            what = param.opts[0] if isinstance(param, click.Option) else "a PART"
            raise click.UsageError(f"{option} measures nothing, so {what} has no meaning beside it")


def _measure(out, chart, parts, peers, repeats, threads, batch_sizes, quick, data_dir) -> dict:
    """Check everything that can be checked before, then measure."""
    from lenet5.benchmark import machine, suite
    from lenet5.utils.threads import default_threads

    parts = tuple(part for part in PARTS if part in (parts or PARTS))
    threads = tuple(sorted(set(threads))) or tuple(sorted({1, default_threads()}))
    batch_sizes = tuple(sorted(set(batch_sizes))) or ((64, 128) if peers else (64,))
    for option, value in (("--peers", peers), ("--chart", chart)):
        if value and not _WITH_PEERS & set(parts):
            raise click.UsageError(f"{option} is for the parts {' and '.join(sorted(_WITH_PEERS))}; name one of them")
    _check_peers(peers, parts)
    if out:
        _check_result(out)
    needs_pictures = set(parts) & set(suite.WITH_PICTURES)
    data = load_data("auto", data_dir, True) if needs_pictures else None
    where = machine.describe()
    if machine.is_busy(where):
        output.note(f"note: load average {where['load_before']}: something else runs, and the figures suffer from it")
    if max(threads) > where["cores"]:
        output.note(f"note: {max(threads)} threads on {where['cores']} processors")
    plan = suite.BenchmarkPlan(parts, threads, batch_sizes, repeats=repeats, quick=quick, peers=peers)
    command = shlex.join(["lenet5", *sys.argv[1:]])
    # Lines and no moving bar, which would take time from what is measured; and some peers print as they please.
    with contextlib.redirect_stdout(sys.stderr):
        return suite.measure(plan, data and data.train, data and data.name, command, output.note)


def _check_peers(wanted: bool, parts: tuple[str, ...]) -> None:
    """LeNet5Error where peers are wanted and there are none; a note where they are not wanted.

    They are not measured by default: they take minutes where our own figures take half of one, and with their
    threads in the process ours are somewhat slower.
    """
    from lenet5 import errors
    from lenet5.benchmark import peers

    how = "in a clone: pip install -e '.[bench]'"
    if wanted and not peers.available():
        raise errors.LeNet5Error(f"--peers: none is installed; {how}")
    if not wanted and _WITH_PEERS & set(parts):
        there = ", ".join(peers.available())
        text = f"note: --peers measures others beside, some minutes long ({there or f'none is installed; {how}'})"
        output.note(output.wrapped(text))


def _check_result(path: Path) -> None:
    """Refuse, before the work, to replace a file that is no result of a benchmark."""
    from lenet5 import errors
    from lenet5.benchmark import figures
    from lenet5.utils.files import check_writable

    if path.exists():
        try:
            date = figures.load(path)["date"]
        except errors.DataError:
            name = output.one_line(path)
            raise click.UsageError(
                f"{name}: exists and is no result of lenet5 benchmark; choose another name"
            ) from None
        output.note(f"note: {output.one_line(path)} of {output.plain(date)} will be replaced")
    check_writable(path)


def _draw(document: dict, path: Path) -> None:
    from lenet5.benchmark import chart
    from lenet5.utils.files import atomic_write

    atomic_write(path, chart.draw(document))
    output.note(f"chart drawn: {output.one_line(path)}")


def _show_comparison(old: Path, new: Path, as_json: bool) -> None:
    from lenet5.benchmark import compare, figures

    from . import benchmark_tables as tables

    found = compare.compare(figures.load(old), figures.load(new))
    for line in found["warnings"]:
        output.note(f"warning: {output.plain(line)}")
    if as_json:
        output.result_json(found)
    else:
        output.result(tables.comparison(found))
