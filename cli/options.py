"""Each option that several commands share, once."""

import functools
from pathlib import Path

import click

from . import verbosity as level
from .commands import Command

PUBLISHED = ("mnist", "fashion-mnist")
DATASETS = ("auto", *PUBLISHED, "strokes")

#: Decorates the function of a command; ``groups`` of `commands.Command` are one of its settings.
command = functools.partial(click.command, cls=Command)


def together(*decorators):
    """One decorator for several: options in the order in which help lists them."""
    return lambda command: functools.reduce(lambda made, decorate: decorate(made), reversed(decorators), command)


def path(**settings) -> click.Path:
    """Of a file or folder. Whether it may be read shows when it is, where the message and exit code are."""
    return click.Path(readable=False, **{"path_type": Path, **settings})


files = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=path(allow_dash=True, path_type=None))
data_dir = click.option(
    "--data-dir",
    type=path(file_okay=False),
    help="Where data sets are kept.  [default: LENET5_DATA_DIR, else the user's cache folder]",
)
offline = click.option(
    "--offline/--online",
    default=None,
    help="Use no network.  [default: LENET5_OFFLINE, else online]",
)


def _default_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> int:
    """The option, else LENET5_THREADS (ValueError where it is not a number), else what the process may use."""
    from lenet5.utils.threads import default_threads

    return default_threads() if value is None else value


threads = click.option(
    "--threads",
    type=click.IntRange(1, 256),
    callback=_default_threads,
    help="Threads to use; answers and weights do not depend on it.  [default: LENET5_THREADS, else the processors "
    "this process may use]",
)
models = click.option(
    "--model",
    "models",
    type=path(),
    multiple=True,
    help="Model file; several, each after its own --model, answer with the mean of their probabilities.  "
    "[default: LENET5_MODEL, else ./lenet5.safetensors if it reads digits, else the one that ships]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def was_given(ctx: click.Context, name: str) -> bool:
    """Whether a parameter stands on the command line; Click before 8.3 says so of an argument with no values, too."""
    return ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE and ctx.params.get(name) != ()


def dataset(auto: str):
    """--dataset; ``auto`` says what the default, auto, stands for."""
    return click.option("--dataset", type=click.Choice(DATASETS), default="auto", show_default=True,
                        help=f"Images to use; auto: {auto}.")  # fmt: skip


def _set_quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        level.set_level(level.QUIET)


def _set_verbose(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        level.set_level(level.VERBOSE)


def verbosity(command):
    """-q and -v, for every command."""
    quiet = click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_set_quiet, is_eager=True,
                         help="Errors only.")  # fmt: skip
    verbose = click.option("-v", "--verbose", is_flag=True, expose_value=False, callback=_set_verbose,
                           is_eager=True, help="Say more, and show where errors come from.")  # fmt: skip
    return quiet(verbose(command))
