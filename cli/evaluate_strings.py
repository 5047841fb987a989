"""`lenet5 evaluate --strings`: how well numbers of several digits are read, composed ones or one's own."""

from pathlib import Path

import click

from lenet5.errors import one_line

from . import bars, options, output, own_data
from .evaluate_data import data_for, draw
from .read_models import load_reader
from .targets import check_csv

STYLES = ("plain", "apart", "varied", "amounts")


class Strings(click.ParamType):
    """A style, or the path of a CSV."""

    name = "strings"

    def convert(self, value, param, ctx) -> str | Path:
        if value in STYLES or isinstance(value, Path):
            return value
        if value.lower().endswith(".csv"):
            return Path(value)
        self.fail(f"{value[:80]!r} is neither one of {', '.join(STYLES)} nor a .csv", param, ctx)


strings_options = options.together(
    click.option("--strings", type=Strings(), metavar="STYLE|CSV",
                 help="Compose strings of the test images and read them: plain (five digits, gaps of -1 to 4 "
                     "pixels), apart (gaps of 1 to 4), varied (sizes, slants, pens, rules, separators), amounts (as "
                     "written by people, on printed paper). Or read one's own images: a CSV with the columns path and "
                     "text."),
    click.option("--n", "n_strings", type=click.IntRange(1),
                 help="How many strings a style of --strings composes.  [default: 2000]"),
    click.option("--mistakes", type=options.path(dir_okay=False), metavar="CSV",
                 help="Write the images of the CSV of --strings that are misread, with text and answer."),
)  # fmt: skip


def check_strings(ctx: click.Context, strings, n_strings: int | None, mistakes: Path | None) -> None:
    """UsageError for options that have no meaning beside, or without, --strings."""
    is_own = isinstance(strings, Path)
    if strings and ctx.params["own"]:
        raise click.UsageError("--strings composes digits of MNIST's form; --data has images of its own")
    if n_strings and (is_own or not strings):
        raise click.UsageError("--n is how many strings a style of --strings composes: name one with --strings")
    if is_own and options.was_given(ctx, "dataset"):
        raise click.UsageError("--strings and --dataset both name the images; give one of them")
    if mistakes and not is_own:
        raise click.UsageError("--mistakes lists images of one's own: name their CSV with --strings")
    if mistakes:
        check_csv(mistakes)
        if mistakes.exists() and mistakes.samefile(strings):
            raise click.UsageError(f"{one_line(mistakes)}: is the table to be read; choose another name")


def evaluate_strings(params: dict) -> None:
    """Report on the strings that the command's parameters ask for."""
    networks, network, used = load_reader(params["models"])
    is_own = isinstance(params["strings"], Path)
    found = (_own if is_own else _composed)(network, networks, params)
    if params["as_json"]:
        output.result_json(found.as_dict() | (used if is_own else {}))
    else:
        output.result_lines(found.lines())
    draw(params["errors_png"], found.draw, "misread strings")
    if params["mistakes"]:
        found.write_csv(params["mistakes"])
        output.note(f"{len(found.misread):,} misread images: {one_line(params['mistakes'])}")


def _own(network, networks, params: dict):
    from lenet5.ocr import own_strings

    with bars.of_images() as report:
        found = own_strings.evaluate(
            params["strings"], report=report, network=network, networks=networks, threads=params["threads"]
        )
    own_data.tell_left_out(found.left_out)
    return found


def _composed(network, networks, params: dict):
    from lenet5.recipes.composed import evaluate_strings

    data = data_for([network], None, params["dataset"], params["data_dir"], params["offline"], params["threads"])
    return evaluate_strings(
        network, data.name, *data.test, style=params["strings"], n=params["n_strings"] or 2000,
        networks=networks, threads=params["threads"],
    )  # fmt: skip
