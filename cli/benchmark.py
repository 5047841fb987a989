"""lenet5 benchmark: how fast this machine trains and predicts, and what changed between two runs."""

import shlex
import sys
from pathlib import Path

import click

from lenet5.errors import one_line
from lenet5.utils.text import plain

from . import options, output
from .benchmark_options import MEASURING, benchmark_options, refuse_beside
from .sources import load_data
from .targets import check_svg
from .usage import refusals_as_usage


@options.command()
@benchmark_options
@options.as_json
@options.verbosity
@click.pass_context
def benchmark(ctx: click.Context, source, compare: tuple[Path, Path] | None, out, chart, as_json, **settings) -> None:
    """Measure how fast this machine trains and predicts. It takes half a minute.

    PART is kernels (share of the processor's multiply-add peak), training (passes), prediction (latency, throughput),
    startup (whole processes) or scaling (with threads and images); without it, all are measured. The images are
    MNIST's if they are on disk, else drawn strokes. Figures are medians, with the least and the most.

    \b
    Examples:
      lenet5 benchmark
      lenet5 benchmark kernels --json
      lenet5 benchmark --peers --out new.json --chart new.svg
      lenet5 benchmark --compare old.json new.json
    """
    from lenet5.benchmark import figures, tables

    if compare:
        refuse_beside(ctx, "--compare", (*MEASURING, "source", "chart"))
        _show_comparison(*compare, as_json)
        return
    if source:
        refuse_beside(ctx, "--from", MEASURING)
    if chart:
        check_svg(chart)
        if out and chart.absolute() == out.absolute():
            raise click.UsageError("--out and --chart name the same file")
    document = figures.load(source) if source else _measure(out, chart, **settings)
    if out:
        figures.save(out, document)
        output.note(f"figures written: {one_line(out)}")
    if chart:
        _draw(document, chart)
    if as_json:
        output.result_json(document)
    else:
        output.result_lines(tables.report(document))


def _measure(out, chart, *, data_dir, **plan) -> dict:
    from lenet5.benchmark import request, suite

    with refusals_as_usage():
        filled = request.filled(suite.BenchmarkPlan(**plan), has_chart=bool(chart))
        output.note_if_any(request.peers_note(filled))
        if out:
            output.note_if_any(request.check_replaceable(out))
    command = shlex.join(["lenet5", *sys.argv[1:]])
    return request.carry_out(filled, lambda: load_data("auto", data_dir, True), command, output.note)


def _draw(document: dict, path: Path) -> None:
    from lenet5.benchmark import chart
    from lenet5.utils.files import atomic_write

    atomic_write(path, chart.draw(document))
    output.note(f"chart drawn: {one_line(path)}")


def _show_comparison(old: Path, new: Path, as_json: bool) -> None:
    from lenet5.benchmark import compare, figures, tables

    found = compare.compare(figures.load(old), figures.load(new))
    for line in found["warnings"]:
        output.note(f"warning: {plain(line)}")
    if as_json:
        output.result_json(found)
    else:
        output.result_lines(tables.comparison(found))
